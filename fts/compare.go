package fts

import (
	"crypto/sha256"
	"fmt"
	"slices"
)

// Difference is one way in which a target's content differs from its source's.
type Difference struct {
	Where    string         `json:"where,omitempty"`    // "" the message; "recipient 2", "attachment 1", "attachment 1 > message", "attachment 1 > recipient 3"
	Property string         `json:"property,omitempty"` // "PidTagSubject (0x0037)"; "" the whole of Where
	Kind     DifferenceKind `json:"kind"`
}

func (d Difference) String() string {
	s := d.Property
	if d.Where != "" && s != "" {
		s = d.Where + ": " + s
	} else if s == "" {
		s = d.Where
	}
	return s + " " + string(d.Kind)
}

// DifferenceKind says how.
type DifferenceKind string

// The kinds of differences, seen from the source.
const (
	Missing DifferenceKind = "missing" // the target lacks it
	Extra   DifferenceKind = "extra"   // only the target has it
	Changed DifferenceKind = "changed"
)

// Compare tells how target differs from source; it returns nil where they hold
// the same. The order of recipients and attachments does not matter: each one is
// first matched with an equal one, then with one of the same data, name or
// address, then with one that is alike. Numbers count from 1; those of what is
// extra are the target's, all others the source's. A nil Content is empty.
func Compare(source, target *Content) []Difference {
	if source == nil {
		source = &Content{}
	}
	if target == nil {
		target = &Content{}
	}
	return compareMessage(nil, "", source, target)
}

// compareMessage compares messages. in is "" or the attachment that holds them.
func compareMessage(d []Difference, in string, a, b *Content) []Difference {
	if a.sum == b.sum {
		return d
	}
	own, sep := "", ""
	if in != "" {
		own, sep = in+" > message", " > "
	}
	d = compareProps(d, own, a, b)
	d = compareLists(d, in+sep+"recipient ", a.recipients, b.recipients, recipientKeys)
	return compareLists(d, in+sep+"attachment ", a.attachments, b.attachments, attachmentKeys)
}

func compareProps(d []Difference, where string, a, b *Content) []Difference {
	add := func(p *propSum, k DifferenceKind) {
		d = append(d, Difference{where, PropertyName(MakeTag(p.id, 0), p.name), k})
	}
	p, q := a.props, b.props
	for len(p) > 0 || len(q) > 0 {
		switch {
		case len(q) == 0 || len(p) > 0 && p[0].order(&q[0]) < 0:
			add(&p[0], Missing)
			p = p[1:]
		case len(p) == 0 || p[0].order(&q[0]) > 0:
			add(&q[0], Extra)
			q = q[1:]
		default:
			n, m := same(p), same(q)
			if !slices.EqualFunc(p[:n], q[:m], func(x, y propSum) bool { return x.sum == y.sum }) {
				add(&p[0], Changed)
			}
			p, q = p[n:], q[m:]
		}
	}
	return d
}

// same counts the properties at the start of p that are called the same. There
// should be one.
func same(p []propSum) int {
	n := 1
	for n < len(p) && p[n].order(&p[0]) == 0 {
		n++
	}
	return n
}

// key makes something to match by out of a recipient or attachment; false if it
// has nothing of the kind.
type key func(*Content) ([32]byte, bool)

var recipientKeys = []key{
	propKey(0x39FE), // address, then name
	propKey(0x3003),
	propKey(0x3001),
}

var attachmentKeys = []key{
	bothKeys(dataKey, nameKey),
	dataKey,
	nameKey,
}

func propKey(id uint16) key {
	return func(c *Content) ([32]byte, bool) {
		i, ok := slices.BinarySearchFunc(c.props, id, func(p propSum, id uint16) int { return int(p.id) - int(id) })
		if !ok {
			return [32]byte{}, false
		}
		return c.props[i].sum, true
	}
}

func nameKey(c *Content) ([32]byte, bool) {
	for _, id := range []uint16{0x3707, 0x3704, 0x3001} {
		if k, ok := propKey(id)(c); ok {
			return k, true
		}
	}
	return [32]byte{}, false
}

func dataKey(c *Content) ([32]byte, bool) {
	if c.embedded != nil {
		return c.embedded.sum, true
	}
	return propKey(idAttachData)(c)
}

func bothKeys(a, b key) key {
	return func(c *Content) ([32]byte, bool) {
		x, okX := a(c)
		y, okY := b(c)
		return sha256.Sum256(append(x[:], y[:]...)), okX && okY
	}
}

// alike says whether at least half of the properties are equal.
func alike(a, b *Content) bool {
	n := 0
	for p, q := a.props, b.props; len(p) > 0 && len(q) > 0; {
		switch c := p[0].orderWithSum(&q[0]); {
		case c < 0:
			p = p[1:]
		case c > 0:
			q = q[1:]
		default:
			n, p, q = n+1, p[1:], q[1:]
		}
	}
	return 2*n >= max(len(a.props), len(b.props)) && (a.embedded == nil) == (b.embedded == nil)
}

func compareLists(d []Difference, what string, a, b []*Content, keys []key) []Difference {
	partner := match(a, b, keys)
	taken := make([]bool, len(b))
	for i, c := range a {
		where := fmt.Sprint(what, i+1)
		j := partner[i]
		if j < 0 {
			d = append(d, Difference{where, "", Missing})
			continue
		}
		taken[j] = true
		if c.sum == b[j].sum {
			continue
		}
		d = compareProps(d, where, c, b[j])
		switch e, f := c.embedded, b[j].embedded; {
		case e != nil && f != nil:
			d = compareMessage(d, where, e, f)
		case e != nil:
			d = append(d, Difference{where + " > message", "", Missing})
		case f != nil:
			d = append(d, Difference{where + " > message", "", Extra})
		}
	}
	for j := range b {
		if !taken[j] {
			d = append(d, Difference{fmt.Sprint(what, j+1), "", Extra})
		}
	}
	return d
}

// match finds for each of a the index of its partner in b, or -1.
func match(a, b []*Content, keys []key) []int {
	partner := slices.Repeat([]int{-1}, len(a))
	taken := make([]bool, len(b))
	bySum := func(c *Content) ([32]byte, bool) { return c.sum, true }
	for _, k := range append([]key{bySum}, keys...) {
		waiting := map[[32]byte][]int{}
		for j, c := range b {
			if key, ok := k(c); ok && !taken[j] {
				waiting[key] = append(waiting[key], j)
			}
		}
		for i, c := range a {
			if partner[i] >= 0 {
				continue
			}
			if key, ok := k(c); ok && len(waiting[key]) > 0 {
				j := waiting[key][0]
				waiting[key] = waiting[key][1:]
				partner[i], taken[j] = j, true
			}
		}
	}
	j := 0
	for i := range a {
		if partner[i] >= 0 {
			continue
		}
		for j < len(b) && taken[j] {
			j++
		}
		if j < len(b) && alike(a[i], b[j]) {
			partner[i], taken[j] = j, true
		}
	}
	return partner
}
