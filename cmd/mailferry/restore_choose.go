package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"mailferry/store"
	"mailferry/upload/match"
)

// restoreChoice chooses what is restored.
type restoreChoice struct {
	selectionFlags
	itemsFrom string
	all       bool
}

func (f *restoreChoice) addFlags(fs *pflag.FlagSet) {
	f.selectionFlags.addFlags(fs)
	fs.StringVar(&f.itemsFrom, "items-from", "", "only the items whose ids are in this `FILE`, one a line, or JSON lines with \"id\"; - is stdin")
	fs.BoolVar(&f.all, "all", false, "everything that the store holds of the mailbox")
}

// chooseRestored reads what is to be restored of a mailbox in a store.
func (a *app) chooseRestored(ctx context.Context, st *store.Store, from mailboxAddress, f restoreChoice) (storedChoice, error) {
	c, err := a.chooseStored(ctx, st, from, f.selectionFlags)
	if err != nil {
		return c, err
	}
	c.deleted = true // that is what restoring is about
	some := !c.choosesNothing() || f.itemsFrom != ""
	switch {
	case !some && !f.all:
		return c, usagef("say what to restore: a folder in the address, --folder, --item, --items-from, --query or another flag that chooses, or --all")
	case some && f.all:
		return c, usagef("--all is everything: leave it out, or the flags that choose")
	case f.itemsFrom == "":
		return c, nil
	}
	ids, err := c.readItems(a.stdin, f.itemsFrom, st, from.Address)
	if err != nil {
		return c, err
	}
	found := c.match
	c.match = func(it store.Item) (bool, error) {
		if !ids.Has(it.ID) || found == nil {
			return ids.Has(it.ID), nil
		}
		return found(it)
	}
	return c, nil
}

// maxItemLine bounds a line of a file of items: what find tells of one.
const maxItemLine = 16 << 20

// readItems reads ids, one a line or as JSON, and checks that the store has them.
func (c *storedChoice) readItems(stdin io.Reader, name string, st *store.Store, mailbox string) (match.Set, error) {
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
		if err := c.reach(st, mailbox, id, at); err != nil {
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
