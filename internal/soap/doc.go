// Package soap reads the answers of Exchange Web Services as far as all
// operations share them: the envelope, faults, response messages one by one, and
// the errors in them, with what throttling texts and MessageXml tell. It reads
// through a pull scanner, by local names, whatever the prefixes and in whatever
// order; unknown elements are skipped. It also writes the small documents that
// requests are.
//
// Package ews offers its error types under the same names.
package soap
