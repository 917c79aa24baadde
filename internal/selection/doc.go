// Package selection says which folders and items a command is about: what the
// flags --folder, --exclude, --since, --until, --class, --larger, --smaller and
// --item mean, and how mailboxes, folders, sizes and dates are written.
//
// # Folders
//
// A folder's path is the names from the visible root down, joined by "/". A
// "/" or "\" inside a name is escaped by "\", and so is a "#" that begins the
// first name, because paths of other trees begin with "#archive/",
// "#recoverable/", "#root/" (hidden folders) and "#public/".
//
// A folder pattern is a glob on that path, without regard to case: "*" stands
// for any text within a level, "**" for any text across levels, "\" takes the
// meaning from the character after it. "Inbox" selects that folder alone,
// "Inbox/**" all that is below it and not the folder itself, "**/2024" each
// folder of that name.
//
// A pattern may begin with a well-known name instead of a folder's name, which
// then means the folder in that role whatever it is called in the mailbox's
// language: "#inbox", "#sent/**". See [WellKnown].
//
// # Items
//
// An item is chosen when every condition holds. Times are those of receipt, or
// of creation where an item was never received; an item of which neither is
// known is chosen, since leaving out is what can't be mended later.
package selection
