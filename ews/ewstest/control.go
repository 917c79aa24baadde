package ewstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mailferry/ews/ewstest/ewsid"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/ews/ewstest/shape"
	"mailferry/fts"
)

// serveControl answers under /simulator/: what a mailbox holds, what was
// counted, faults, changes. Only this machine may ask, and no browser page.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	if !isLoopback(r.RemoteAddr) || r.Header.Get("Origin") != "" {
		http.Error(w, "control is for programs on this machine", http.StatusForbidden)
		return
	}
	rest := strings.Trim(r.URL.Path[len("/simulator"):], "/")
	what, name, _ := strings.Cut(rest, "/")
	answer, err := s.control(r, what, name)
	switch {
	case errors.Is(err, errNotThere):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		w.Header().Set("Content-Type", "application/json")
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		_ = e.Encode(answer)
	}
}

var errNotThere = errors.New("there is no such thing")

func (s *Server) control(r *http.Request, what, name string) (any, error) {
	ok := map[string]bool{"ok": true}
	switch r.Method + " " + what {
	case "GET stats":
		return s.Stats(), nil
	case "GET mailboxes":
		if name == "" {
			list := []string{}
			for _, b := range s.boxes {
				list = append(list, b.Address())
			}
			return map[string][]string{"mailboxes": list}, nil
		}
		return s.Inventory(unescape(name))
	case "POST faults":
		var list []Fault
		if err := body(r, &list); err != nil {
			return nil, err
		}
		return ok, s.SetFaults(list)
	case "POST policy":
		var settings map[string]string
		if err := body(r, &settings); err != nil {
			return nil, err
		}
		p := s.policy()
		for key, value := range settings {
			if err := p.Set(key, value); err != nil {
				return nil, err
			}
		}
		s.SetPolicy(p)
		return ok, nil
	case "POST reset":
		s.Reset()
		return ok, nil
	case "POST mailboxes":
		b := s.box(unescape(name))
		if b == nil {
			return nil, fmt.Errorf("mailbox %s: %w", name, errNotThere)
		}
		var ch Change
		if err := body(r, &ch); err != nil {
			return nil, err
		}
		return s.change(b, ch)
	}
	return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, errNotThere)
}

func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

func body(r *http.Request, to any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, 16<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	return nil
}

// Inventory lists what a mailbox holds, with the ids that clients see.
func (s *Server) Inventory(address string) (*mailbox.Inventory, error) {
	b := s.box(address)
	if b == nil {
		return nil, fmt.Errorf("mailbox %s: %w", address, errNotThere)
	}
	return b.Inventory(clientIDs{b})
}

// clientIDs writes ids as EWS clients see them.
type clientIDs struct{ b *box }

func (c clientIDs) FolderID(f mailbox.Folder) string {
	return ewsid.ID{Mailbox: c.b.GUID, Folder: true, N: f.ID}.Encode(false)
}

func (c clientIDs) ItemID(it *mailbox.Item) (id, key string) {
	return ewsid.ID{Mailbox: c.b.GUID, N: it.ID, Parent: it.Folder}.Encode(false), shape.ItemKey(c.b.Box, it)
}

// Change is a change to a mailbox as another client would make it. Folders are
// named by id, distinguished name, or path below the top of the mailbox.
type Change struct {
	Do         string `json:"do"` // add, update, move, copy, delete, read, new-folder, rename-folder, move-folder, delete-folder
	Folder     string `json:"folder,omitempty"`
	Item       string `json:"item,omitempty"`
	To         string `json:"to,omitempty"`      // move, copy, move-folder: a folder
	Name       string `json:"name,omitempty"`    // new-folder, rename-folder
	Class      string `json:"class,omitempty"`   // add: message class; new-folder: folder class
	Subject    string `json:"subject,omitempty"` // add, update
	Text       string `json:"text,omitempty"`    // add, update: plain body
	Count      int    `json:"count,omitempty"`   // add: how many, 0 is one
	Associated bool   `json:"associated,omitempty"`
	Hidden     bool   `json:"hidden,omitempty"`
	Read       *bool  `json:"read,omitempty"` // read: without it true
	Kind       string `json:"kind,omitempty"` // delete: HardDelete (default), SoftDelete, MoveToDeletedItems
}

// Apply makes a change and returns the ids of what it made or changed.
func (s *Server) Apply(address string, ch Change) ([]string, error) {
	b := s.box(address)
	if b == nil {
		return nil, fmt.Errorf("mailbox %s: %w", address, errNotThere)
	}
	done, err := s.change(b, ch)
	return done.IDs, err
}

// changed is the answer to a change.
type changed struct {
	IDs []string `json:"ids"`
}

func (s *Server) change(b *box, ch Change) (changed, error) {
	ids := clientIDs{b}
	item := func(it *mailbox.Item, err error) (changed, error) {
		if err != nil {
			return changed{}, err
		}
		id, _ := ids.ItemID(it)
		return changed{[]string{id}}, nil
	}
	folder := func(f mailbox.Folder, err error) (changed, error) {
		if err != nil {
			return changed{}, err
		}
		return changed{[]string{ids.FolderID(f)}}, nil
	}
	switch ch.Do {
	case "update", "move", "copy", "delete", "read":
		id, ok := ewsid.Decode(ch.Item)
		if !ok || id.Folder || id.Mailbox != b.GUID {
			return changed{}, fmt.Errorf("item %q: %w", ch.Item, errNotThere)
		}
		switch ch.Do {
		case "update":
			return item(b.Edit(id.N, ch.edit))
		case "move", "copy":
			to, err := b.named(ch.To)
			if err != nil {
				return changed{}, err
			}
			if ch.Do == "copy" {
				return item(b.Copy(id.N, to.ID))
			}
			return item(b.Move(id.N, to.ID))
		case "read":
			return item(b.SetRead(id.N, ch.Read == nil || *ch.Read))
		}
		kind := map[string]mailbox.DeleteKind{"SoftDelete": mailbox.SoftDelete, "MoveToDeletedItems": mailbox.MoveToDeletedItems}[ch.Kind]
		return changed{[]string{ch.Item}}, b.Delete(id.N, kind)
	}
	f, err := b.named(ch.Folder)
	if err != nil {
		return changed{}, err
	}
	switch ch.Do {
	case "add":
		return b.add(f, ch)
	case "new-folder":
		class := ch.Class
		if class == "" {
			class = "IPF.Note"
		}
		return folder(b.AddFolder(f.ID, ch.Name, class, ch.Hidden))
	case "rename-folder":
		return folder(f, b.RenameFolder(f.ID, ch.Name))
	case "delete-folder":
		return folder(f, b.DeleteFolder(f.ID))
	case "move-folder":
		to, err := b.named(ch.To)
		if err != nil {
			return changed{}, err
		}
		return folder(f, b.MoveFolder(f.ID, to.ID))
	}
	return changed{}, fmt.Errorf("do %q: want add, update, move, copy, delete, read, new-folder, rename-folder, move-folder or delete-folder", ch.Do)
}

// named finds a folder by id, distinguished name or path.
func (b *box) named(name string) (mailbox.Folder, error) {
	if id, ok := ewsid.Decode(name); ok && id.Folder && id.Mailbox == b.GUID {
		if f, ok := b.Folder(id.N); ok {
			return f, nil
		}
	}
	if f, ok := b.Distinguished(name); ok {
		return f, nil
	}
	for _, f := range b.Folders() {
		if strings.EqualFold(mailbox.JoinPath(b.Path(f.ID)), name) {
			return f, nil
		}
	}
	return mailbox.Folder{}, fmt.Errorf("folder %q: %w", name, errNotThere)
}

// add puts new messages into a folder.
func (b *box) add(f mailbox.Folder, ch Change) (changed, error) {
	var made changed
	for i := range max(ch.Count, 1) {
		n := b.ChangeNumber() + 1
		class := ch.Class
		if class == "" {
			class = "IPM.Note"
		}
		msg := &fts.Message{}
		msg.Props.Set(fts.MakeTag(0x001A, fts.String), class)
		msg.Props.Set(fts.MakeTag(0x0037, fts.String), fmt.Sprintf("Message %d", n))
		msg.Props.Set(fts.MakeTag(0x0E06, fts.Time), fts.FileTimeOf(time.Now()))
		msg.Props.Set(fts.MakeTag(0x0E07, fts.Integer32), int32(0))
		msg.Props.Set(fts.MakeTag(0x1000, fts.String), fmt.Sprintf("Text of message %d.\r\n", n))
		msg.Props.Set(fts.MakeTag(0x1035, fts.String), fmt.Sprintf("<%d.%d@control.example.com>", n, i))
		ch.edit(msg)
		it, err := b.Add(f.ID, msg, mailbox.AddOptions{Associated: ch.Associated})
		if err != nil {
			return made, err
		}
		id, _ := clientIDs{b}.ItemID(it)
		made.IDs = append(made.IDs, id)
	}
	return made, nil
}

func (ch Change) edit(msg *fts.Message) {
	if ch.Subject != "" {
		msg.Props.Set(fts.MakeTag(0x0037, fts.String), ch.Subject)
	}
	if ch.Text != "" {
		msg.Props.Set(fts.MakeTag(0x1000, fts.String), ch.Text)
	}
}
