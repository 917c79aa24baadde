package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// searches are what find is asked. All but the last need the catalogue alone.
var searches = []struct {
	query string
	text  bool // asks for words in bodies
}{
	{`from:jakub@example.net subject:files`, false},
	{`is:unread has:attachment larger:100K -folder:#junk`, false},
	{`with:example.com (importance:high OR is:flagged) after:2024`, false},
	{`subject:re* class:IPM.Note before:2030`, false},
	{`"tomorrow"`, true},
	{`body:report* from:example.net`, true},
}

// find measures what the search index costs, and what it answers how fast.
func (l *lab) find(ctx context.Context, items int) error {
	s, err := l.simulate(ctx, fmt.Sprintf("%s=sample:%d", sourceMailbox, items))
	if err != nil {
		return err
	}
	store := filepath.Join(l.dir, "store-find")
	defer os.RemoveAll(store)
	export, err := l.ferry(ctx, s, "basic", store, "export", sourceMailbox)
	s.stop()
	if err != nil {
		return err
	}
	find := func(args ...string) (usage, error) {
		return run(ctx, nil, l.mailferry, append([]string{"find", "--quiet", "--store", store}, args...)...)
	}
	name := fmt.Sprintf("find, %d items", items)
	rate := func(u usage) string { return fmt.Sprintf("%.0f items/s", float64(items)/u.wall.Seconds()) }
	catalogue, err := find("--count", "--query", "is:read")
	if err != nil {
		return err
	}
	l.table.value(name+": catalogue indexed", rate(catalogue))
	size, err := sizeOf(store)
	if err != nil {
		return err
	}
	texts, err := find("--count", "--query", "body:anything")
	if err != nil {
		return err
	}
	l.table.value(name+": texts indexed", rate(texts))
	l.table.value(name+": texts indexed, peak memory", fmt.Sprintf("%.1f MiB", float64(texts.maxRSS)/(1<<20)))
	all, err := sizeOf(store)
	if err != nil {
		return err
	}
	l.table.value(name+": index without and with texts", fmt.Sprintf("%s, %s", megabytes(size), megabytes(all)))
	l.table.value(name+": indexing, ratio to the export", fmt.Sprintf("%.2fx", (catalogue.wall+texts.wall).Seconds()/export.wall.Seconds()))
	for _, search := range searches {
		u, err := l.repeat(func(string) (usage, error) { return find("--limit", "100", "--reverse", "--query", search.query) })
		if err != nil {
			return err
		}
		bound := 300.0
		if search.text {
			bound = 500
		}
		l.table.atMost(name+": "+search.query, float64(u.wall.Milliseconds()), bound, "%.0f ms")
	}
	return nil
}

func sizeOf(store string) (int64, error) {
	info, err := os.Stat(filepath.Join(store, "search.db"))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
