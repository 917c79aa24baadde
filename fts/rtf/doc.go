// Package rtf reads the rich text bodies of messages.
//
//   - [NewReader] undoes the compression of PidTagRtfCompressed ([MS-OXRTFCP]).
//   - [NewDecoder] turns RTF into what it stands for: the HTML or the text that
//     was encapsulated in it ([MS-OXRTFEX]), else its text without formatting.
//
// Both stream: their memory does not grow with the size of a body.
package rtf
