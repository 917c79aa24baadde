package upload

import (
	"hash/maphash"
	"strings"
	"time"
	"unicode"

	"mailferry/ews"
	"mailferry/store"
)

// listProps are the properties by which items are recognised.
const listProps = ews.PropClass | ews.PropSubject | ews.PropReceived | ews.PropCreated | ews.PropMessageID | ews.PropSize | ews.PropSearchKey

// seed makes the keys of this process unguessable, so that nobody can write
// subjects that collide.
var seed = maphash.MakeSeed()

// fingerprint is what an item is recognised by in a folder of the target. It is the
// same in the store and in a listing, unless the server does not tell a part of
// it: then that part is empty there.
type fingerprint struct {
	class     string
	subject   string
	messageID string
	received  int64 // seconds since 1970; 0: not known
}

// maxSubject is how many letters of a subject count: servers cut subjects in
// listings, at 255.
const maxSubject = 200

// plainSubject is what is left of a subject when everything is taken away that
// the way over XML, trimming or cutting may change.
func plainSubject(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == maxSubject {
			break
		}
		if unicode.IsSpace(r) || unicode.IsControl(r) || !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			continue
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

func plainMessageID(s string) string { return strings.Trim(strings.TrimSpace(s), "<>") }

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// sourcePrint is the fingerprint of an item of the store.
func sourcePrint(it store.Item) fingerprint {
	c := it.Catalogue
	return fingerprint{
		class: strings.ToLower(c.Class), subject: plainSubject(c.Subject),
		messageID: plainMessageID(c.MessageID), received: seconds(c.Received),
	}
}

// targetPrint is the fingerprint of an item that a server listed.
func targetPrint(it ews.Item) fingerprint {
	return fingerprint{
		class: strings.ToLower(it.Class), subject: plainSubject(it.Subject),
		messageID: plainMessageID(it.MessageID), received: seconds(it.Received),
	}
}

// strong says that two items that agree in this fingerprint are copies of one.
func (f fingerprint) strong() bool { return f.messageID != "" }

// key hashes a fingerprint.
func (f fingerprint) key() uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, s := range [...]string{f.class, f.subject, f.messageID} {
		h.WriteString(s)
		h.WriteByte(0)
	}
	maphash.WriteComparable(&h, f.received)
	return h.Sum64()
}

// sourceKeys are the keys under which a candidate for an item of the store may
// stand in a listing.
func (f fingerprint) sourceKeys() []uint64 {
	variants := [2]fingerprint{f, f}
	variants[1].messageID = ""
	n := 2
	if f.messageID == "" {
		n = 1
	}
	var keys []uint64
	for _, v := range variants[:n] {
		if f.received == 0 {
			keys = append(keys, v.key())
			continue
		}
		for _, shift := range [...]int64{0, -1, 1} { // servers round
			v.received = f.received + shift
			keys = append(keys, v.key())
		}
	}
	return keys
}

// targetKeys are the keys under which an item of a listing is kept: a server
// tells a time of receipt for items that have none, too.
func (f fingerprint) targetKeys() [2]uint64 {
	any := f
	any.received = 0
	return [2]uint64{f.key(), any.key()}
}

// idKey hashes an id.
func idKey(id string) uint64 { return maphash.String(seed, id) }

// idSet is a set of ids, 8 bytes each.
type idSet map[uint64]struct{}

func (s idSet) add(id string)      { s[idKey(id)] = struct{}{} }
func (s idSet) has(id string) bool { _, ok := s[idKey(id)]; return ok }

// candidate is an item of the target that may be the copy of an item of the
// store.
type candidate struct {
	id, changeKey string
	size          int64
	created       time.Time
	print         uint64 // key of the whole fingerprint
	taken         bool
}

// listing is what is known of a folder of the target.
type listing struct {
	byKey map[uint64][]int32
	items []candidate
	ids   map[uint64]int32
}

func newListing() *listing {
	return &listing{byKey: make(map[uint64][]int32), ids: make(map[uint64]int32)}
}

// add keeps an item, once. It is left out when wanted is given and does not hold
// its weak key.
func (l *listing) add(it ews.Item, wanted idSet) {
	print := targetPrint(it)
	if wanted != nil {
		if _, ok := wanted[print.weak()]; !ok {
			return
		}
	}
	keys := print.targetKeys()
	id := idKey(it.ID)
	if _, known := l.ids[id]; known {
		return
	}
	at := int32(len(l.items))
	l.ids[id] = at
	l.items = append(l.items, candidate{id: it.ID, changeKey: it.ChangeKey, size: it.Size, created: it.Created, print: keys[0]})
	l.byKey[keys[0]] = append(l.byKey[keys[0]], at)
	if keys[1] != keys[0] {
		l.byKey[keys[1]] = append(l.byKey[keys[1]], at)
	}
}

// take marks an item as accounted for, and says whether it is there.
func (l *listing) take(id string) bool {
	at, ok := l.ids[idKey(id)]
	if ok {
		l.items[at].taken = true
	}
	return ok
}

// find returns the candidates for an item of the store that nobody took.
func (l *listing) find(f fingerprint) []int32 {
	var found []int32
	for _, key := range f.sourceKeys() {
		for _, at := range l.byKey[key] {
			if !l.items[at].taken {
				found = append(found, at)
			}
		}
	}
	if len(found) < 2 {
		return found
	}
	seen := make(map[int32]bool, len(found))
	unique := found[:0]
	for _, at := range found {
		if !seen[at] {
			seen[at] = true
			unique = append(unique, at)
		}
	}
	return unique
}

// weak hashes what every server tells of an item. It bounds what of a listing is
// worth keeping.
func (f fingerprint) weak() uint64 {
	return fingerprint{class: f.class, subject: f.subject}.key()
}
