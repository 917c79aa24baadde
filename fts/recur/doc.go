// Package recur decodes what calendar items and tasks say of their recurrence:
// the pattern with its exceptions ([MS-OXOCAL] 2.2.1.44) and the time zone that
// it is meant in ([MS-OXOCAL] 2.2.1.39 and 2.2.1.41).
//
// Times of a pattern are those of a clock on the wall in that zone. They are
// given as a time.Time in UTC that shows the same hour.
package recur
