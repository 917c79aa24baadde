// Package sample makes a mailbox up: varied items of all kinds, the same for
// the same options. Names and addresses are invented, the latter lie in the
// domains that are reserved for examples.
//
// Options.Items counts the normal items in visible folders. Beside them a
// mailbox gets, in numbers that grow slowly with Items: associated items,
// items in a hidden folder, in Recoverable Items and in the archive. All kinds
// of items occur once Items is [Kinds] or more; a smaller mailbox holds the
// first of them.
//
// What lies in wait for a client:
//   - folders with "/", "\", spaces at the end, very long names, names of other
//     scripts, a depth of 30, every class, empty ones, hidden ones, user folders
//     that are named as a well-known one;
//   - byte-equal twins in one folder, with the same and with different search
//     keys, and the same item in two folders;
//   - attachments of 0 and 1 bytes, without a name, with names that are paths;
//   - messages inside messages, four deep, recurring meetings with exceptions,
//     OLE objects, text in many scripts and code pages.
package sample

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"mailferry/ews/ewstest/mailbox/tree"
	"mailferry/fts"
)

// Options say what is made.
type Options struct {
	Items   int    // normal items in visible folders
	Seed    int64  // another one gives another mailbox
	Folders int    // so many more folders, each fourth with one of the items
	Address string // whose mailbox it is; "" is owner@example.com
}

// generator makes items. All that is random comes from its source, in one
// order.
type generator struct {
	*rand.Rand
	owner  person
	clock  time.Time // when the next item arrived
	number int       // of items made
	round  int       // how often all kinds have had their turn
	root   *tree.Folder
	many   []*tree.Folder
	odd    []*tree.Folder
	thread *thread
}

// epoch is when the oldest item arrived.
var epoch = time.Date(2024, 3, 4, 7, 30, 0, 0, time.UTC)

// Build makes the content of a mailbox.
func Build(o Options) *tree.Folder {
	if o.Address == "" {
		o.Address = "owner@example.com"
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(o.Address))
	g := &generator{
		Rand:  rand.New(rand.NewPCG(uint64(o.Seed), h.Sum64())),
		owner: person{name: "Olivia Owner", address: o.Address},
		clock: epoch,
		root:  &tree.Folder{Distinguished: "msgfolderroot"},
	}
	g.folders(o.Folders)
	for g.number < o.Items {
		g.round = g.number / len(kinds)
		k := kinds[g.number%len(kinds)]
		if need := k.items(); g.number+need > o.Items {
			k = kinds[0]
		}
		g.clock = g.clock.Add(time.Duration(1+g.IntN(240)) * time.Minute).Add(time.Duration(g.IntN(1e9)).Truncate(100))
		k.make(g)
	}
	g.unseen(o.Items)
	return g.root
}

// kind is a kind of item: what makes it, and how many items that are.
type kind struct {
	make  func(*generator)
	count int // 0 is 1
}

func (k kind) items() int { return max(k.count, 1) }

// Kinds is the number of items with which all kinds have occurred.
var Kinds = len(kinds)

// kinds is gone through again and again. A kind of two items takes the place of
// the next as well.
var kinds = []kind{
	{make: (*generator).plainMail},
	{make: (*generator).htmlMail},
	{make: (*generator).appointment},
	{make: (*generator).contact},
	{make: (*generator).threadMail},
	{make: (*generator).attachmentMail},
	{make: (*generator).rtfMail},
	{make: (*generator).scriptMail},
	{make: (*generator).task},
	{make: (*generator).meetingSeries},
	{make: (*generator).inlineMail},
	{make: (*generator).embeddedMail},
	{make: (*generator).note},
	{make: (*generator).draft},
	{make: (*generator).twins, count: 2},
	{make: (*generator).threadMail},
	{make: (*generator).distributionList},
	{make: (*generator).oleMail},
	{make: (*generator).allDay},
	{make: (*generator).threadMail},
	{make: (*generator).copies, count: 2},
	{make: (*generator).htmlMail},
	{make: (*generator).journal},
	{make: (*generator).bigMail},
	{make: (*generator).legacyMail},
	{make: (*generator).meetingRequest},
	{make: (*generator).report},
	{make: (*generator).emptyMail},
	{make: (*generator).threadMail},
	{make: (*generator).manyRecipients},
	{make: (*generator).signedMail},
	{make: (*generator).post},
	{make: (*generator).series},
	{make: (*generator).deliveredTwice, count: 2},
	{make: (*generator).threadMail},
	{make: (*generator).sentMail},
	{make: (*generator).codePageMail},
	{make: (*generator).customMail},
	{make: (*generator).junk},
	{make: (*generator).flaggedMail},
}

// put adds an item to a folder and gives it times and a search key where it has
// none.
func (g *generator) put(f *tree.Folder, m *fts.Message) tree.Item {
	if m.Props.Time(0x3007).IsZero() {
		m.Props = append(m.Props, p(0x3007, g.clock), p(0x3008, g.clock.Add(time.Duration(g.IntN(90))*time.Second)))
	}
	it := tree.Item{Message: m, SearchKey: g.bytes(16)}
	f.Items = append(f.Items, it)
	g.number++
	return it
}

// again adds a copy of an item, to the same folder or another.
func (g *generator) again(f *tree.Folder, it tree.Item, sameKey bool) {
	m := *it.Message
	twin := tree.Item{Message: &m, SearchKey: it.SearchKey}
	if !sameKey {
		twin.SearchKey = g.bytes(16)
	}
	f.Items = append(f.Items, twin)
	g.number++
}

// twins are two copies that a user made in one folder.
func (g *generator) twins() {
	f := g.mailFolder()
	g.again(f, g.put(f, g.mail("Twice the same, copied by hand", "This mail is in the folder twice.")), true)
}

// deliveredTwice are two deliveries of one mail: equal but for the search key.
func (g *generator) deliveredTwice() {
	f := g.root.WellKnown("inbox")
	g.again(f, g.put(f, g.mail("Delivered twice", "The list and the alias both brought it.")), false)
}

// copies are the same item in two folders.
func (g *generator) copies() {
	it := g.put(g.root.WellKnown("inbox"), g.mail("In two folders", "One copy stays here, one is filed."))
	g.again(g.odd[0], it, true)
}

// unseen adds what is not counted: associated items, and items that are hidden,
// recoverable or in the archive.
func (g *generator) unseen(items int) {
	visible := g.number
	for i := range 3 + items/40 {
		role := []string{"inbox", "calendar", "contacts", "sentitems"}[i%4]
		f := g.root.WellKnown(role)
		f.Items = append(f.Items, tree.Item{Associated: true, SearchKey: g.bytes(16), Message: g.configuration(i)})
	}
	hidden := &tree.Folder{Name: "Quick Step Settings", Class: "IPF.Configuration", Hidden: true}
	g.root.Folders = append(g.root.Folders, hidden)
	archive := &tree.Folder{Distinguished: "archivemsgfolderroot"}
	old := archive.Sub("2019", "IPF.Note")
	archive.Folders = append(archive.Folders, &tree.Folder{Distinguished: "archivedeleteditems"})
	g.root.Folders = append(g.root.Folders, archive)
	for i := range 2 + items/50 {
		g.clock = g.clock.Add(time.Hour)
		g.put(hidden, g.mail(fmt.Sprintf("Hidden %d", i), "Not for people."))
		g.put(g.root.WellKnown("recoverableitemsdeletions"), g.mail(fmt.Sprintf("Deleted for good %d", i), "Recoverable for 14 days."))
		g.put(g.root.WellKnown("recoverableitemspurges"), g.mail(fmt.Sprintf("Purged %d", i), "Held."))
		g.put([]*tree.Folder{archive, old}[i%2], g.mail(fmt.Sprintf("Archived %d", i), "From long ago."))
	}
	g.number = visible
}

// configuration makes an associated item as clients and the store keep them.
func (g *generator) configuration(i int) *fts.Message {
	class := []string{
		"IPM.Configuration.CategoryList", "IPM.Microsoft.FolderDesign.NamedView", "IPM.Configuration.Calendar",
		"IPM.Rule.Version2.Message", "IPM.ExtendedRule.Message",
	}[i%5]
	return &fts.Message{Props: fts.Props{
		p(0x001A, class), p(0x0037, fmt.Sprintf("%s %d", class, i)), p(0x0E07, 0x40|1),
		p(0x3007, g.clock), p(0x3008, g.clock),
		p(0x7C07, []byte(`<?xml version="1.0" encoding="utf-8"?><UserConfiguration><Info version="Sample.1"/></UserConfiguration>`)),
		p(0x7C06, 1), p(0x7006, int16(i)),
	}}
}

func (g *generator) bytes(n int) []byte {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, g.Uint64())
	}
	return b[:n]
}

// pick returns one of the choices.
func pick[T any](g *generator, choices []T) T { return choices[g.IntN(len(choices))] }

// p makes a property.
func p(id uint16, value any) fts.Prop { return tree.Prop(id, value) }
