// Package upload gives what a store holds of a mailbox to a mailbox on an
// Exchange server, and proves afterwards that it is there.
//
// [Run] places the folders of the source in the target (well-known ones by their
// role, never by name), and sends what the target does not have yet. To go on
// after an interruption is to run again; to take the changes that a later export
// brought is to run again, too.
//
// What is promised:
//
//   - Nothing twice. An upload is not idempotent, and a lost answer says
//     nothing. So before a batch is sent its intent is written down durably, and
//     while the outcome of a batch is not known the target is read before any of
//     its items is sent again. This holds after a crash at any instant.
//   - Nothing lost. An item counts as uploaded when the target named its new id,
//     or was seen to hold it.
//   - Twins arrive. Equal items in one folder are counted, never merged.
//   - An item that was uploaded before and changed at the source since replaces
//     its copy. If that copy is gone from where it was put, or was changed there
//     by somebody, this is a failure to be looked at by a person: nothing new is
//     made, and nothing overwritten unless IfExists is Replace.
//   - What counts as uploaded and is not where it was put any more is told.
//   - The bytes that are sent are the bytes that were exported.
//
// How items are recognised at the target: the journal of the store knows the new
// id of each item that was sent. For the rest, items of one folder are compared
// by message class, subject, message id and time of receipt, counted, and where
// that leaves a doubt the candidates are exported again and compared with the
// stored blob, property by property. See the comment of match.
//
// A server can make an extra copy itself. One that is content-equal to an item of
// that this run sent, came into being while its batch was under way, and that no
// journal of the target names, is removed. Anything else is only told.
//
// [Verify] changes nothing at the target.
package upload
