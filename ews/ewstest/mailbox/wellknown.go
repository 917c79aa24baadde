package mailbox

// wellKnown is a folder that each mailbox is born with.
type wellKnown struct {
	name   string // EWS distinguished name; "" for system folders that have none
	parent string // the parent's name; "" for a root
	class  string
	en, de string
	kind   kind
}

type kind uint8

const (
	hidden kind = 1 << iota
	search
	ofArchive
	recoverable
)

// wellKnowns is in the order in which a mailbox gets them, parents first. Names
// are those that Outlook shows in the two languages.
var wellKnowns = []wellKnown{
	{"root", "", "", "Root", "Stammordner", hidden},
	{"msgfolderroot", "root", "IPF.Note", "Top of Information Store", "Oberste Ebene des Informationsspeichers", 0},
	{"inbox", "msgfolderroot", "IPF.Note", "Inbox", "Posteingang", 0},
	{"outbox", "msgfolderroot", "IPF.Note", "Outbox", "Postausgang", 0},
	{"sentitems", "msgfolderroot", "IPF.Note", "Sent Items", "Gesendete Elemente", 0},
	{"deleteditems", "msgfolderroot", "IPF.Note", "Deleted Items", "Gelöschte Elemente", 0},
	{"drafts", "msgfolderroot", "IPF.Note", "Drafts", "Entwürfe", 0},
	{"junkemail", "msgfolderroot", "IPF.Note", "Junk Email", "Junk-E-Mail", 0},
	{"calendar", "msgfolderroot", "IPF.Appointment", "Calendar", "Kalender", 0},
	{"contacts", "msgfolderroot", "IPF.Contact", "Contacts", "Kontakte", 0},
	{"recipientcache", "contacts", "IPF.Contact.RecipientCache", "Recipient Cache", "Recipient Cache", hidden},
	{"quickcontacts", "contacts", "IPF.Contact.MOC.QuickContacts", "{06967759-274D-40B2-A3EB-D7F9E73727D7}", "{06967759-274D-40B2-A3EB-D7F9E73727D7}", hidden},
	{"imcontactlist", "contacts", "IPF.Contact.MOC.ImContactList", "{A9E2BC46-B3A0-4243-B315-60D991004455}", "{A9E2BC46-B3A0-4243-B315-60D991004455}", hidden},
	{"tasks", "msgfolderroot", "IPF.Task", "Tasks", "Aufgaben", 0},
	{"notes", "msgfolderroot", "IPF.StickyNote", "Notes", "Notizen", 0},
	{"journal", "msgfolderroot", "IPF.Journal", "Journal", "Journal", 0},
	{"conversationhistory", "msgfolderroot", "IPF.Note", "Conversation History", "Aufgezeichnete Unterhaltungen", 0},
	{"syncissues", "msgfolderroot", "IPF.Note", "Sync Issues", "Synchronisierungsprobleme", 0},
	{"conflicts", "syncissues", "IPF.Note", "Conflicts", "Konflikte", 0},
	{"localfailures", "syncissues", "IPF.Note", "Local Failures", "Lokale Fehler", 0},
	{"serverfailures", "syncissues", "IPF.Note", "Server Failures", "Serverfehler", 0},
	{"searchfolders", "root", "IPF.Note", "Finder", "Finder", hidden},
	{"", "searchfolders", "IPF.Note", "Unread Mail", "Ungelesene Nachrichten", search},
	{"todosearch", "root", "IPF.Task", "To-Do Search", "To-Do-Suche", hidden | search},
	{"", "root", "", "Common Views", "Common Views", hidden},
	{"", "root", "", "Views", "Ansichten", hidden},
	{"", "root", "", "Shortcuts", "Verknüpfungen", hidden},
	{"", "root", "", "Deferred Action", "Deferred Action", hidden},
	{"", "root", "IPF.Configuration", "Freebusy Data", "Freebusy Data", hidden},
	{"recoverableitemsroot", "root", "", "Recoverable Items", "Recoverable Items", hidden | recoverable},
	{"recoverableitemsdeletions", "recoverableitemsroot", "IPF.Note", "Deletions", "Deletions", hidden | recoverable},
	{"recoverableitemsversions", "recoverableitemsroot", "IPF.Note", "Versions", "Versions", hidden | recoverable},
	{"recoverableitemspurges", "recoverableitemsroot", "IPF.Note", "Purges", "Purges", hidden | recoverable},
	{"recoverableitemsdiscoveryholds", "recoverableitemsroot", "IPF.Note", "DiscoveryHolds", "DiscoveryHolds", hidden | recoverable},
	{"archiveroot", "", "", "Root", "Stammordner", hidden | ofArchive},
	{"archivemsgfolderroot", "archiveroot", "IPF.Note", "Top of Information Store", "Oberste Ebene des Informationsspeichers", ofArchive},
	{"archiveinbox", "archivemsgfolderroot", "IPF.Note", "Inbox", "Posteingang", ofArchive},
	{"archivedeleteditems", "archivemsgfolderroot", "IPF.Note", "Deleted Items", "Gelöschte Elemente", ofArchive},
	{"archiverecoverableitemsroot", "archiveroot", "", "Recoverable Items", "Recoverable Items", hidden | ofArchive | recoverable},
	{"archiverecoverableitemsdeletions", "archiverecoverableitemsroot", "IPF.Note", "Deletions", "Deletions", hidden | ofArchive | recoverable},
	{"archiverecoverableitemsversions", "archiverecoverableitemsroot", "IPF.Note", "Versions", "Versions", hidden | ofArchive | recoverable},
	{"archiverecoverableitemspurges", "archiverecoverableitemsroot", "IPF.Note", "Purges", "Purges", hidden | ofArchive | recoverable},
	{"archiverecoverableitemsdiscoveryholds", "archiverecoverableitemsroot", "IPF.Note", "DiscoveryHolds", "DiscoveryHolds", hidden | ofArchive | recoverable},
}

// fill makes the folders that each mailbox has.
func (c *content) fill(o Options) {
	ids := map[string]uint64{}
	for _, w := range wellKnowns {
		if w.kind&ofArchive != 0 && !o.Archive || w.kind&recoverable != 0 && o.NoRecoverable {
			continue
		}
		name := w.en
		if o.Language == "de" {
			name = w.de
		}
		f := Folder{
			Parent: ids[w.parent], Name: name, Class: w.class, Distinguished: w.name,
			Hidden: w.kind&hidden != 0, Search: w.kind&search != 0, Archive: w.kind&ofArchive != 0,
		}
		id := c.addFolder(f, o.now())
		if w.name != "" {
			ids[w.name] = id
		}
	}
}
