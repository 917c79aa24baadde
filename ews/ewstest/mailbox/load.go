package mailbox

import (
	"fmt"
	"strconv"
	"strings"

	"mailferry/ews/ewstest/mailbox/bulk"
	"mailferry/ews/ewstest/mailbox/pst"
	"mailferry/ews/ewstest/mailbox/sample"
)

// Load makes a mailbox and fills it:
//
//	"" or empty                    nothing but the well-known folders
//	sample:N[:SEED][:OPTIONS]      N generated normal items in visible folders, see package sample
//	pst:FILE                       what a PST file holds
//	bulk:N:SIZE[:OPTIONS]          N items of SIZE bytes, made while they are read
//
// SIZE is a number with an optional unit: B, KB, MB, GB (powers of 1000) or
// KiB, MiB, GiB. OPTIONS are KEY=VALUE with commas between: folders=N makes so
// many more folders (sample), or spreads the items over so many (bulk).
func Load(spec, address string, o Options) (*Mailbox, error) {
	m, err := New(address, o)
	if err != nil {
		return nil, err
	}
	kind, rest, _ := strings.Cut(spec, ":")
	switch kind {
	case "", "empty":
		if rest != "" {
			err = fmt.Errorf("nothing may follow empty")
		}
	case "sample":
		err = m.loadSample(rest)
	case "pst":
		err = m.loadPST(rest)
	case "bulk":
		err = m.loadBulk(rest)
	default:
		err = fmt.Errorf("want empty, sample:N[:SEED], pst:FILE or bulk:N:SIZE")
	}
	if err != nil {
		return nil, fmt.Errorf("fill mailbox with %q: %w", spec, err)
	}
	m.Mark()
	return m, nil
}

func (m *Mailbox) loadSample(rest string) error {
	fields, options, err := parts(rest, "folders")
	if err != nil {
		return err
	}
	o := sample.Options{Address: m.address, Folders: options["folders"]}
	if len(fields) == 0 || len(fields) > 2 {
		return fmt.Errorf("want sample:N or sample:N:SEED")
	}
	if o.Items, err = count(fields[0]); err != nil {
		return err
	}
	if len(fields) == 2 {
		if o.Seed, err = strconv.ParseInt(fields[1], 10, 64); err != nil {
			return fmt.Errorf("seed %q: want a number", fields[1])
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.plant(0, sample.Build(o))
}

func (m *Mailbox) loadPST(file string) error {
	t, err := pst.Read(file)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.plant(0, t)
}

func (m *Mailbox) loadBulk(rest string) error {
	fields, options, err := parts(rest, "folders")
	if err != nil {
		return err
	}
	if len(fields) != 2 {
		return fmt.Errorf("want bulk:N:SIZE")
	}
	n, err := count(fields[0])
	if err != nil {
		return err
	}
	size, err := parseSize(fields[1])
	if err != nil {
		return err
	}
	return m.addBulk(n, size, options["folders"])
}

// parts splits at colons; the last part may be options.
func parts(s string, known ...string) ([]string, map[string]int, error) {
	fields, options := strings.Split(s, ":"), map[string]int{}
	last := fields[len(fields)-1]
	if !strings.Contains(last, "=") {
		return fields, options, nil
	}
	for o := range strings.SplitSeq(last, ",") {
		key, value, _ := strings.Cut(o, "=")
		if !strings.Contains(strings.Join(known, " "), key) || key == "" {
			return nil, nil, fmt.Errorf("unknown option %q: want one of %s", key, strings.Join(known, ", "))
		}
		n, err := count(value)
		if err != nil {
			return nil, nil, err
		}
		options[key] = n
	}
	return fields[:len(fields)-1], options, nil
}

// count reads a number of things.
func count(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 100_000_000 {
		return 0, fmt.Errorf("number %q: want one from 0 to 100000000", s)
	}
	return n, nil
}

func parseSize(s string) (int64, error) {
	number := strings.TrimRight(s, "KMGTiBkmgtb")
	unit, ok := map[string]int64{
		"": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
	}[strings.ToLower(s[len(number):])]
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || n <= 0 || n > (1<<32)/unit {
		return 0, fmt.Errorf("size %q: want one as 100KB or 25MiB, at most 4GiB", s)
	}
	return n * unit, nil
}

// addBulk puts n items into the mailbox: into the Inbox, or spread over as many
// folders below it.
func (m *Mailbox) addBulk(n int, size int64, folders int) error {
	b, err := bulk.New(size)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	inbox := m.c.distinguished("inbox").ID
	into := []uint64{inbox}
	if folders > 0 {
		into = into[:0]
		for i := range folders {
			f := Folder{Parent: inbox, Name: fmt.Sprintf("Bulk %05d", i+1), Class: "IPF.Note"}
			into = append(into, m.c.addFolder(f, m.opt.now()))
		}
	}
	for i := range n {
		at := bulk.Received(i)
		m.put(&Item{
			Folder: into[i*len(into)/n], Origin: Seed, Size: size, Created: at, Modified: at, Read: true,
			bulk: b, number: i, sums: new(sums),
		})
	}
	return nil
}
