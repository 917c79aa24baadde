package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"mailferry/ews/ewstest"
)

// scriptContents writes what a mailbox holds so that two states can be compared.
func scriptContents(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: contents NAME ADDRESS FILE")
	}
	lines := make(map[bool][]string)
	inventory, err := scriptServerOf(ts, args[0]).Inventory(args[1])
	ts.Check(err)
	for _, f := range inventory.Folders {
		lines[false] = append(lines[false], fmt.Sprintf("%s (%s)", f.Path, f.Class))
		lines[true] = append(lines[true], fmt.Sprintf("%s (%s) %s", f.Path, f.Class, f.ID))
		for _, it := range f.Items {
			lines[false] = append(lines[false], fmt.Sprintf("%s: %q %s", f.Path, it.Subject, it.Content))
			lines[true] = append(lines[true], fmt.Sprintf("%s: %q %s %s", f.Path, it.Subject, it.ID, it.ChangeKey))
		}
	}
	for ids, file := range map[bool]string{false: args[2], true: args[2] + ".ids"} {
		slices.Sort(lines[ids])
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(strings.Join(lines[ids], "\n")+"\n"), 0o600))
	}
}

// scriptChange changes a mailbox.
func scriptChange(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: change NAME ADDRESS DO [KEY=VALUE...]")
	}
	server := scriptServerOf(ts, args[0])
	values := map[string]any{"do": args[2]}
	for _, arg := range args[3:] {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			ts.Fatalf("change: %q is not KEY=VALUE", arg)
		}
		values[key] = value
		var err error
		switch key {
		case "count":
			values[key], err = strconv.Atoi(value)
		case "associated":
			values[key], err = strconv.ParseBool(value)
		}
		ts.Check(err)
	}
	items := []string{""}
	if name, ok := values["item"].(string); ok {
		items = scriptItems(ts, server, args[1], name)
	}
	for _, id := range items {
		one := maps.Clone(values)
		if id != "" {
			one["item"] = id
		}
		text, err := json.Marshal(one)
		ts.Check(err)
		var change ewstest.Change
		ts.Check(json.Unmarshal(text, &change))
		_, err = server.Apply(args[1], change)
		ts.Check(err)
	}
}

// scriptItems finds items by folder and subject.
func scriptItems(ts *testscript.TestScript, server *ewstest.Server, address, name string) []string {
	inventory, err := server.Inventory(address)
	ts.Check(err)
	cut := strings.LastIndex(name, "/")
	var ids []string
	for _, f := range inventory.Folders {
		if cut < 0 || f.Path != name[:cut] {
			continue
		}
		for _, it := range f.Items {
			if name[cut+1:] == "*" || it.Subject == name[cut+1:] {
				ids = append(ids, it.ID)
			}
		}
	}
	if len(ids) == 0 {
		ts.Fatalf("change: no item %q", name)
	}
	return ids
}
