// Package vcf renders contacts and distribution lists as vCards (RFC 6350, and
// vCard 3.0 of RFC 2426 for programs that read no other).
//
// A rendering shows what a person sees of a contact. It is no backup: most
// properties have no place in it.
//
//   - An address inside an Exchange organisation that has no SMTP address is
//     encapsulated as in a mail, see package eml.
//   - Birthday and anniversary are days. Where the item has them only as moments,
//     they are of the midnight that is nearest.
//   - In 3.0, which knows no groups, a distribution list is written with the
//     properties that Apple uses, X-ADDRESSBOOKSERVER-KIND and
//     X-ADDRESSBOOKSERVER-MEMBER, and its members are mailto URIs as in 4.0.
//   - The name of a member of a list is the parameter X-CN.
//
// The same item gives the same bytes each time. Memory does not grow with the size
// of notes and photos.
package vcf
