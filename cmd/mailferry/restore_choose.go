package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"mailferry/store"
	"mailferry/store/query"
	"mailferry/upload/match"
)

// restoreChoice chooses what is restored.
type restoreChoice struct {
	selectionFlags
	itemsFrom string
	query     string
	all       bool
	expr      query.Expr
}

func (c *restoreChoice) addFlags(fs *pflag.FlagSet) {
	c.selectionFlags.addFlags(fs)
	fs.StringVar(&c.itemsFrom, "items-from", "", "only the items whose ids are in this `FILE`, one a line, or JSON lines with \"id\"; - is stdin")
	fs.StringVar(&c.query, "query", "", "only items that this `EXPR` finds, as 'from:bob subject:\"q3 report\" after:2026-11-01'")
	fs.BoolVar(&c.all, "all", false, "everything that the store holds of the mailbox")
}

// check refuses what can be seen to be wrong before the store is opened.
func (c *restoreChoice) check() error {
	if c.query == "" {
		return nil
	}
	var err error
	if c.expr, err = query.Parse(c.query); err != nil {
		return fmt.Errorf("--query: %w", err)
	}
	if query.NeedsBody(c.expr) {
		return usagef("--query: restore does not search in texts yet: name a field, as subject:word or from:name, instead of a bare word or body:")
	}
	return nil
}

// parse reads what is chosen of a mailbox.
func (c *restoreChoice) parse(stdin io.Reader, st *store.Store, from mailboxAddress) (chosen, func(store.Item) (bool, error), error) {
	choose, err := c.selectionFlags.parse()
	if err != nil {
		return chosen{}, nil, err
	}
	if choose, err = choose.within(from); err != nil {
		return chosen{}, nil, err
	}
	some := !choose.IsZero() || c.itemsFrom != "" || c.query != ""
	switch {
	case !some && !c.all:
		return chosen{}, nil, usagef("say what to restore: a folder in the address, --folder, --item, --items-from, --query or another flag that chooses, or --all")
	case some && c.all:
		return chosen{}, nil, usagef("--all is everything: leave it out, or the flags that choose")
	}
	for _, id := range choose.Items {
		if err := mustHold(st, from.Address, id, "--item"); err != nil {
			return chosen{}, nil, err
		}
	}
	var ids match.Set
	if c.itemsFrom != "" {
		if ids, err = readItems(stdin, c.itemsFrom, st, from.Address); err != nil {
			return chosen{}, nil, err
		}
	}
	find, err := c.finder(st, from.Address)
	if err != nil || ids == nil && find == nil {
		return choose, nil, err
	}
	return choose, func(it store.Item) (bool, error) {
		if ids != nil && !ids.Has(it.ID) {
			return false, nil
		}
		if find == nil {
			return true, nil
		}
		return find.Match(&query.Doc{Item: &it})
	}, nil
}

// finder prepares the query about a mailbox; nil: there is none.
func (c *restoreChoice) finder(st *store.Store, mailbox string) (*query.Query, error) {
	if c.expr == nil {
		return nil, nil
	}
	folders, err := st.Folders(mailbox)
	if err != nil {
		return nil, err
	}
	q, err := query.NewQuery(c.expr, map[string][]store.Folder{mailbox: folders})
	if err != nil {
		return nil, fmt.Errorf("--query: %w", err)
	}
	return q, nil
}

// mustHold refuses an id that the store has no item of; from is where it stands.
func mustHold(st *store.Store, mailbox, id, from string) error {
	_, found, err := st.Item(mailbox, id)
	if err == nil && !found {
		err = usagef("%s: the store holds no item %s of %s", from, id, mailbox)
	}
	return err
}

// maxItemLine bounds a line of a file of items: what find tells of one.
const maxItemLine = 16 << 20

// readItems reads ids, one a line or as JSON, and checks that the store has them.
func readItems(stdin io.Reader, name string, st *store.Store, mailbox string) (match.Set, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usagef("--items-from: %w", err)
		}
		defer f.Close()
		in = f
	}
	ids := make(match.Set)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxItemLine)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		at := fmt.Sprintf("--items-from %s: line %d", name, n)
		id, err := itemOf(line, mailbox)
		if err != nil {
			return nil, usagef("%s: %w", at, err)
		}
		if err := mustHold(st, mailbox, id, at); err != nil {
			return nil, err
		}
		ids.Add(id)
	}
	if err := lines.Err(); err != nil {
		return nil, usagef("--items-from %s: %w", name, err)
	}
	if len(ids) == 0 {
		return nil, usagef("--items-from %s: there is no id in it", name)
	}
	return ids, nil
}

// itemOf reads the id of a line.
func itemOf(line, mailbox string) (string, error) {
	if !strings.HasPrefix(line, "{") {
		return line, nil
	}
	var found struct {
		ID      string `json:"id"`
		Mailbox string `json:"mailbox"`
	}
	if err := json.Unmarshal([]byte(line), &found); err != nil {
		return "", fmt.Errorf("this is no JSON object on one line")
	}
	switch {
	case found.ID == "":
		return "", fmt.Errorf("the JSON object has no \"id\"")
	case found.Mailbox != "" && !strings.EqualFold(found.Mailbox, mailbox):
		return "", fmt.Errorf("this is an item of %s, not of %s", found.Mailbox, mailbox)
	}
	return found.ID, nil
}
