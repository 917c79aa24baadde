// Package ics renders appointments, meeting messages and tasks as iCalendar (RFC
// 5545), in the way of [MS-OXCICAL].
//
// A rendering shows what a person sees. It is no backup: most properties have no
// place in it.
//
//   - The time zone is the one that the item carries, as a VTIMEZONE; an item with none is in UTC.
//   - An occurrence that was changed is a VEVENT of its own with a RECURRENCE-ID.
//   - A task that begins anew a while after it was done has no rule that RFC 5545
//     could say: it stands in X-MAILFERRY-REGENERATES.
//   - A series in the Hijri or another calendar has the RSCALE of RFC 7529.
//
// The same item gives the same bytes each time. Memory does not grow with the size
// of bodies and attachments.
package ics
