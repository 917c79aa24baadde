// Package eml renders items as internet mail (RFC 5322, MIME), as mail programs
// read it.
//
// A rendering shows what a person sees: who, when, subject, the body in each form
// that the item has, and what is attached, messages in messages as well. It is no
// backup: most properties have no place in it.
//
//   - What Exchange kept of the headers that a message came with is written again,
//     except for fields that the item itself tells, and for those of MIME.
//   - A body that is rich text becomes plain text, and the rich text is attached
//     as "body.rtf"; HTML or text that was encapsulated in it is taken out.
//   - An address inside an Exchange organisation that has no SMTP address is
//     encapsulated as Exchange itself does it, in a domain that can't exist:
//     IMCEAEX-_O=ORG_CN=ALICE@imcea.invalid.
//   - An attachment that is only a link or a path becomes a text that holds it.
//
// All lines are at most 998 bytes of ASCII, except in a message that its sender
// signed in clear: there a signature holds only over the bytes as they are.
//
// The same item gives the same bytes each time. Memory does not grow with the size
// of bodies and attachments.
package eml
