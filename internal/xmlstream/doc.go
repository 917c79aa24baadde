// Package xmlstream reads XML of any size from servers and clients that may be
// hostile, in flat memory. It exists because encoding/xml keeps a whole text
// node in memory, and the text nodes of Exchange Web Services are whole mail
// items in base64.
//
// [Scanner] is a pull scanner: tags come as tokens, the text of an element as an
// [io.Reader]. It refuses document types, checks that tags nest and match, and
// limits depth and the sizes of names and attributes. It is not a validator:
// characters that XML forbids are let through or replaced, since Exchange
// itself sends some.
//
// [Base64Reader] decodes such text strictly and says where it is wrong.
package xmlstream
