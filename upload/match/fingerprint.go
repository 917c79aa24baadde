package match

import (
	"hash/maphash"
	"strings"
	"time"
	"unicode"

	"mailferry/ews"
	"mailferry/store"
)

// Props are the properties by which items are recognised in a listing.
const Props = ews.PropClass | ews.PropSubject | ews.PropReceived | ews.PropCreated | ews.PropMessageID | ews.PropSize | ews.PropSearchKey

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

// printOf is the fingerprint of an item of the store.
func printOf(it store.Item) fingerprint {
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

// weak hashes what every server tells of an item. It bounds what of a listing is
// worth keeping.
func (f fingerprint) weak() uint64 {
	return fingerprint{class: f.class, subject: f.subject}.key()
}
