package query

import (
	"slices"
	"time"

	"mailferry/fts"
	"mailferry/internal/selection"
	"mailferry/store"
)

// Doc is an item as a query sees it.
type Doc struct {
	Item *store.Item
	// Body returns the text of the item and its attachments, as Words does. It
	// is called at most once, and only if the rest does not decide.
	Body func() (string, error)

	fields [Fields]*string
	body   *string
}

// Query is a query that knows the folders it is asked about.
type Query struct {
	Expr
	folders map[string]In // what a pattern names
}

// NewQuery prepares a query about some mailboxes. A folder pattern that none of
// them has is an error of type *Error.
func NewQuery(x Expr, folders map[string][]store.Folder) (*Query, error) {
	q := &Query{x, make(map[string]In)}
	var wrong error
	walk(x, func(x Expr) {
		if f, ok := x.(Folder); ok && q.folders[f.Pattern] == nil {
			if err := q.bind(f.Pattern, folders); wrong == nil {
				wrong = err
			}
		}
	})
	return q, wrong
}

func (q *Query) bind(pattern string, folders map[string][]store.Folder) error {
	found := make(In)
	for mailbox, all := range folders {
		s := selection.Selection{Folders: []string{pattern}}
		names := make([]selection.FolderName, 0, len(all))
		for _, f := range all {
			names = append(names, selection.FolderName{Path: f.Path, Distinguished: f.Distinguished})
		}
		if s.Validate(names) != nil {
			continue // another mailbox may have it
		}
		for _, f := range all {
			if s.Folder(f.Path, f.Distinguished) {
				found[store.ItemKey{Mailbox: mailbox, Folder: f.ID}] = true
			}
		}
	}
	q.folders[pattern] = found
	if len(found) == 0 {
		return errorf("folder:%s: there is no such folder", pattern)
	}
	return nil
}

// Named returns the folders that a pattern names.
func (q *Query) Named(f Folder) In { return q.folders[f.Pattern] }

// Has says whether a folder is one of these.
func (in In) Has(mailbox, id string) bool { return in[store.ItemKey{Mailbox: mailbox, Folder: id}] }

// walk calls fn for each part of x.
func walk(x Expr, fn func(Expr)) {
	fn(x)
	switch x := x.(type) {
	case And:
		for _, x := range x {
			walk(x, fn)
		}
	case Or:
		for _, x := range x {
			walk(x, fn)
		}
	case Not:
		walk(x.X, fn)
	}
}

// AsksFor says that a query speaks of a fact, so that who asks decides on it.
func AsksFor(x Expr, fact Bits) bool {
	return has(x, func(x Expr) bool { f, ok := x.(Flag); return ok && Bits(f)&fact != 0 })
}

// NeedsBody says that a term looks at the text of items.
func NeedsBody(x Expr) bool {
	return has(x, func(x Expr) bool { t, ok := x.(Text); return ok && (t.Field == Body || t.Field == Anywhere) })
}

// Match says whether an item is one that the query asks for. Errors are those of
// d.Body.
func (q *Query) Match(d *Doc) (bool, error) { return q.match(q.Expr, d) }

func (q *Query) match(x Expr, d *Doc) (bool, error) {
	switch x := x.(type) {
	case And:
		return q.all(x, d, true)
	case Or:
		return q.all(x, d, false)
	case Not:
		ok, err := q.match(x.X, d)
		return !ok && err == nil, err
	case Text:
		return d.text(x)
	}
	return q.fact(x, d.Item), nil
}

// all is And where want is true, Or where it is false. What needs the body comes
// last, so that blobs are read only where it matters.
func (q *Query) all(xs []Expr, d *Doc, want bool) (bool, error) {
	for _, costly := range []bool{false, true} {
		for _, x := range xs {
			if NeedsBody(x) != costly {
				continue
			}
			if ok, err := q.match(x, d); err != nil || ok != want {
				return ok && err == nil, err
			}
		}
	}
	return want, nil
}

func (q *Query) fact(x Expr, it *store.Item) bool {
	c := &it.Catalogue
	switch x := x.(type) {
	case Flag:
		return FactsOf(it)&Bits(x) != 0
	case Importance:
		return c.Importance == int32(x)
	case Time:
		return x.holds(TimeOf(it, x.Field))
	case Size:
		return (x.Larger == 0 || it.Size > x.Larger) && (x.Smaller == 0 || it.Size < x.Smaller)
	case Folder:
		return q.Named(x).Has(it.Mailbox, it.Folder)
	case In:
		return x.Has(it.Mailbox, it.Folder)
	case Mailbox:
		return selection.MatchText(x.Pattern, it.Mailbox)
	case Class:
		return selection.MatchText(x.Pattern, c.Class)
	case ID:
		return it.ID == string(x)
	case MessageID:
		return BareMessageID(c.MessageID) == string(x)
	}
	return false
}

func (x Time) holds(t time.Time) bool {
	return !t.IsZero() && (x.From.IsZero() || !t.Before(x.From)) && (x.To.IsZero() || t.Before(x.To))
}

func (d *Doc) text(x Text) (bool, error) {
	wanted := []TextField{x.Field}
	switch x.Field {
	case With:
		wanted = []TextField{From, To, Cc, Bcc}
	case Body:
		wanted = nil
	case Anywhere:
		wanted = wanted[:0]
		for f := range Fields {
			wanted = append(wanted, f)
		}
	}
	for _, f := range wanted {
		if d.fields[f] == nil {
			words := WordsOf(&d.Item.Catalogue, f)
			d.fields[f] = &words
		}
		if holds(*d.fields[f], x.Phrase, x.Prefix) {
			return true, nil
		}
	}
	if x.Field != Body && x.Field != Anywhere {
		return false, nil
	}
	if d.body == nil {
		words, err := d.Body()
		if err != nil {
			return false, err
		}
		d.body = &words
	}
	return holds(*d.body, x.Phrase, x.Prefix), nil
}

// WordsOf returns the words of a field of the catalogue.
func WordsOf(c *fts.Catalogue, f TextField) string {
	switch f {
	case Subject:
		return Words(c.Subject)
	case From:
		return Words(c.FromName, c.From, c.SenderName, c.Sender)
	case To:
		return people(c.To)
	case Cc:
		return people(c.Cc)
	case Bcc:
		return people(c.Bcc)
	case Attachment:
		names := make([]string, 0, len(c.Attachments))
		for _, a := range c.Attachments {
			names = append(names, a.Name)
		}
		return Words(names...)
	case Category:
		return Words(c.Categories...)
	case Location:
		return Words(c.Location)
	case Name:
		return Words(c.DisplayName)
	case Company:
		return Words(c.Company)
	case Email:
		return Words(c.Emails...)
	}
	return ""
}

func people(all []fts.Person) string {
	texts := make([]string, 0, 2*len(all))
	for _, p := range all {
		texts = append(texts, p.Name, p.Address)
	}
	return Words(texts...)
}

// TimeOf returns one of the times of an item; zero: it is not known.
func TimeOf(it *store.Item, f TimeField) time.Time {
	c := &it.Catalogue
	switch f {
	case At:
		if !c.Received.IsZero() {
			return c.Received
		}
		return c.Created
	case Received:
		return c.Received
	case Sent:
		return c.Sent
	case Created:
		return c.Created
	case Modified:
		return c.Modified
	case Start:
		return c.Start
	case End:
		return c.End
	}
	return time.Time{}
}

// FactsOf returns what is: and has: ask for.
func FactsOf(it *store.Item) (b Bits) {
	c := &it.Catalogue
	read := c.Flags&fts.FlagRead != 0
	if it.Read != nil {
		read = *it.Read
	}
	shown := slices.ContainsFunc(c.Attachments, func(a fts.AttachmentInfo) bool { return !a.Hidden })
	for _, fact := range [...]struct {
		bit Bits
		on  bool
	}{
		{Read, read},
		{Draft, c.Flags&fts.FlagUnsent != 0},
		{Flagged, c.FlagStatus == 2},
		{Completed, c.FlagStatus == 1},
		{Private, c.Private || c.Sensitivity >= 2},
		{Recurring, c.Recurring},
		{Deleted, it.Deleted},
		{Associated, it.Associated || c.Flags&fts.FlagAssociated != 0},
		{Suspect, it.Problem != ""},
		{HasAttachment, shown || c.HasAttachments && c.Cut},
	} {
		if fact.on {
			b |= fact.bit
		}
	}
	return b
}
