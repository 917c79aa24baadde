// Package query is the language in which items of a store are looked for:
//
//	from:alice subject:"q3 report" has:attachment after:2025-01-01 -folder:#junk
//
// # Terms
//
// Terms that stand side by side must all hold. OR between two means that one is
// enough and binds weaker, parentheses group, and "-" or NOT in front turns a
// term around. Words of the language are written in capitals, fields in any case.
//
//	subject: from: to: cc: bcc: with:      text; with: is any of the people
//	attachment: category: location:        text; attachment: is its name
//	name: company: email:                  text, of contacts
//	body:                                  text of the item and of its attachments
//	WORD                                   any of these
//	folder: mailbox: class:                a glob, as of the flags --folder and --class
//	has:attachment                         one that a mail program shows
//	is:                                    read unread draft flagged completed private recurring deleted associated suspect
//	importance:                            low normal high
//	after: before: on:                     received, else created: 2025, 2025-01, 2025-01-31 or 2025-01-31T18:00:00Z, in UTC
//	received: sent: created: modified:     a date as above, or FROM..TO, FROM.. and ..TO
//	start: end:                            the same, of appointments and tasks
//	larger: smaller:                       bytes of the blob, as 25MB or 10MiB
//	id: message-id:                        exactly
//
// after: is at or after the beginning of that time, before: is before its
// beginning, and FROM..TO goes to the end of TO. An item that lacks a date is
// found by no term about that date.
//
// # Text
//
// Text is compared word by word, without regard to case, accents, and what
// stands between words; a word is a run of letters and digits, and each sign of
// a script without spaces is a word. "q3 report" in quotes is those words in that
// order, within one address or name. A "*" at the end means that the last word
// may go on: report*. So from:example.com finds alice@example.com, and from:exam
// does not.
package query
