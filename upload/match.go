package upload

import (
	"context"
	"errors"

	"mailferry/ews"
	"mailferry/fts"
	"mailferry/store"
)

// want is an item of the store that is looked for in a folder of the target.
type want struct {
	item  store.Item
	print fingerprint
	found int32 // place in the listing, -1: it is not there
}

// rule says what evidence is enough.
type rule struct {
	// lone: where there is one item to look for and one candidate, the weak
	// fingerprint (no message id) is enough. It holds where the candidate is
	// known to have come after the folder's baseline.
	lone bool
	// near: what has no equal is paired with what it differs least from, as far
	// as there are candidates. It holds where each candidate is a copy of some
	// item looked for, possibly one that the server lost something of.
	near bool
	// counts: contents are not compared; as many as there are candidates count as found.
	counts bool
}

// mostCompared is how many items of one fingerprint are compared with each
// other by their differences; beyond that equality decides.
const mostCompared = 200

// matcher finds items of the store in one folder of the target.
//
// Items are grouped by their fingerprint, and in a group it is counted: two
// items to look for need two candidates. One item and one candidate with the
// same message id are a pair. Elsewhere the candidates are exported and
// compared with the stored blobs. Where nothing is equal, items with a message
// id count as there if there are candidates for all of them (a server, or the
// tool that put them there, may have lost a property); others do not.
type matcher struct {
	client  *ews.Client
	store   *store.Store
	listing *listing
	rule    rule
}

// group settles the items of one fingerprint: it sets found in each.
func (m *matcher) group(ctx context.Context, wants []*want) error {
	for _, w := range wants {
		w.found = -1
	}
	candidates := m.listing.find(wants[0].print)
	if len(candidates) == 0 {
		return nil
	}
	strong := wants[0].print.strong()
	switch {
	case len(wants) == 1 && len(candidates) == 1 && (strong || m.rule.lone):
		m.pair(wants[0], candidates[0])
		return nil
	case m.rule.counts:
		for i := range min(len(wants), len(candidates)) {
			m.pair(wants[i], candidates[i])
		}
		return nil
	}
	keep := len(wants)+len(candidates) <= mostCompared
	sources, err := m.sources(wants, keep)
	if err != nil {
		return err
	}
	targets, err := m.targets(ctx, candidates, keep)
	if err != nil {
		return err
	}
	byContent := make(map[[32]byte][]int)
	for i, c := range targets {
		if c.ok {
			byContent[c.sum] = append(byContent[c.sum], i)
		}
	}
	var openWants, openTargets []int
	for i, w := range wants {
		equal := byContent[sources[i].sum]
		if !sources[i].ok || len(equal) == 0 {
			openWants = append(openWants, i)
			continue
		}
		m.pair(w, candidates[equal[0]])
		byContent[sources[i].sum] = equal[1:]
	}
	for i, at := range candidates {
		if !m.listing.items[at].taken && !targets[i].gone {
			openTargets = append(openTargets, i)
		}
	}
	if !m.rule.near && (!strong || len(openWants) > len(openTargets)) {
		return nil
	}
	for len(openWants) > 0 && len(openTargets) > 0 {
		w, t := nearest(openWants, openTargets, sources, targets)
		m.pair(wants[openWants[w]], candidates[openTargets[t]])
		openWants = append(openWants[:w], openWants[w+1:]...)
		openTargets = append(openTargets[:t], openTargets[t+1:]...)
	}
	return nil
}

func (m *matcher) pair(w *want, at int32) {
	w.found = at
	m.listing.items[at].taken = true
}

// compared is what is kept of an item for comparison.
type compared struct {
	sum     [32]byte
	ok      bool // sum is known
	gone    bool // it was listed, and is not there any more
	content *fts.Content
}

func (m *matcher) sources(wants []*want, keep bool) ([]compared, error) {
	out := make([]compared, len(wants))
	known := make(map[[32]byte]int, len(wants))
	for i, w := range wants {
		if twin, ok := known[w.item.SHA256]; ok {
			out[i] = out[twin]
			continue
		}
		known[w.item.SHA256] = i
		c, err := sourceContent(m.store, w.item)
		if err != nil {
			if _, problem := errors.AsType[*fts.Problem](err); problem || errors.Is(err, store.ErrDamaged) {
				continue
			}
			return nil, err
		}
		out[i] = compared{sum: c.Sum(), ok: true}
		if keep {
			out[i].content = c
		}
	}
	return out, nil
}

func (m *matcher) targets(ctx context.Context, candidates []int32, keep bool) ([]compared, error) {
	out := make([]compared, len(candidates))
	const batch = 50
	for from := 0; from < len(candidates); from += batch {
		part := candidates[from:min(from+batch, len(candidates))]
		ids := make([]ews.ItemID, len(part))
		for i, at := range part {
			ids[i] = ews.ItemID{ID: m.listing.items[at].id}
		}
		err := eachContent(ctx, m.client, ids, func(i int, c *fts.Content, err error) error {
			switch {
			case err == nil:
				out[from+i] = compared{sum: c.Sum(), ok: true}
				if keep {
					out[from+i].content = c
				}
			case isGone(err):
				out[from+i].gone = true
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func isGone(err error) bool {
	e, ok := errors.AsType[*ews.Error](err)
	return ok && e.Code == "ErrorItemNotFound"
}

// nearest returns the places of the pair with the fewest differences.
func nearest(wants, targets []int, sources, contents []compared) (w, t int) {
	least := -1
	for i, a := range wants {
		for k, b := range targets {
			if sources[a].content == nil || contents[b].content == nil {
				continue
			}
			if n := len(fts.Compare(sources[a].content, contents[b].content)); least < 0 || n < least {
				least, w, t = n, i, k
			}
		}
	}
	return w, t
}

// collector groups items by fingerprint while they stream by: an item is
// decided at once where it can be, else when its whole group has come.
type collector struct {
	m       *matcher
	counts  map[uint64]int32 // how many items of each fingerprint there are to look for
	waiting map[uint64][]*want
}

// offer takes an item and returns those that are decided now.
func (c *collector) offer(ctx context.Context, it store.Item) ([]*want, error) {
	w := &want{item: it, print: sourcePrint(it), found: -1}
	key := w.print.key()
	group := append(c.waiting[key], w)
	if len(group) < int(c.counts[key]) && len(c.m.listing.find(w.print)) > 0 {
		c.waiting[key] = group
		return nil, nil
	}
	delete(c.waiting, key)
	c.counts[key] -= int32(len(group))
	return group, c.m.group(ctx, group)
}

// flush decides what is still waiting.
func (c *collector) flush(ctx context.Context) ([]*want, error) {
	var all []*want
	for _, group := range c.waiting {
		if err := c.m.group(ctx, group); err != nil {
			return all, err
		}
		all = append(all, group...)
	}
	c.waiting = nil
	return all, nil
}
