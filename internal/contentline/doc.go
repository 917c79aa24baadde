// Package contentline writes the content lines of iCalendar (RFC 5545, 3.1) and
// vCard (RFC 6350, 3.2): folded where a line would be longer than 75 octets,
// never within a character, and with no byte of a value that could be taken for
// the end of a line or of a value.
//
// Values may be streams: memory does not grow with their size. The first error is
// kept, and [Writer.Flush] tells it.
package contentline
