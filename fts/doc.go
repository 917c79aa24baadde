// Package fts reads, checks, writes and compares the blobs that Exchange gives
// with ExportItems and takes with UploadItems: an outer framing of records
// around a FastTransfer stream ([MS-OXCFXICS] 2.2.4).
//
// The bytes of a blob are what is kept and given back; nothing here changes
// them. What the package reads out of them serves to check a blob to its last
// byte, to list it, to show it, and to prove that two blobs hold the same.
//
//   - [Inspect] checks a blob and fills a [Catalogue] from it while it streams.
//   - [ReadContent] and [Compare] tell how two blobs differ in content. Values
//     are hashed on the way, so memory stays flat for values of any size.
//   - [ReadMessage] and [WriteMessage] hold a whole [Message] in memory.
//   - [Reader] gives the stream token by token, values as they arrive.
//
// A blob that is not whole, or not understood, is a [*Problem] with the offset
// where reading stopped. An error of the io.Reader underneath is never one.
//
// Framing and nesting are strict, content is tolerated: Microsoft reserves the
// right to send what its grammar does not know ([MS-OXCFXICS] 3.3.4.2.1), so a
// Problem says that this package could not follow, not that Exchange could not.
//
// Strings are kept as UTF-8. UTF-16 with unpaired surrogates is kept too, each
// of them as three bytes in the manner of WTF-8, so that it is written again as
// it was read.
package fts
