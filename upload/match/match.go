package match

import (
	"context"
	"errors"
	"slices"

	"mailferry/ews"
	"mailferry/fts"
	"mailferry/store"
)

// Want is an item of the store that is looked for in a folder of the target.
type Want struct {
	Item  store.Item
	Found int32 // place in the listing, -1: it is not there

	print fingerprint
}

// Rule says what evidence is enough.
type Rule struct {
	// Lone: where there is one item to look for and one candidate, the weak
	// fingerprint (no message id) is enough. It holds where the candidate is
	// known to have come after the folder's baseline.
	Lone bool
	// Near: what has no equal is paired with what it differs least from, as far
	// as there are candidates. It holds where each candidate is a copy of some
	// item looked for, possibly one that the server lost something of.
	Near bool
	// Lost: the items looked for were sent, and anybody may have put others like
	// them there since. With Near, a pair without a message id needs every value
	// to be the same; the server may only have lost some, or added some.
	Lost bool
	// Counts: contents are not compared; as many as there are candidates count as found.
	Counts bool
	// May says whether a candidate can be the copy of an item at all; nil: each
	// can. What fewer candidates can be should be offered first.
	May func(store.Item, *Candidate) bool
}

func (m *Matcher) may(w *Want, at int32) bool {
	return m.Rule.May == nil || m.Rule.May(w.Item, &m.Listing.Items[at])
}

// mostCompared is how many items of one fingerprint are compared with each
// other by their differences; beyond that equality decides.
const mostCompared = 200

// Matcher finds items of the store in one folder of the target.
//
// Items are grouped by their fingerprint, and in a group it is counted: two
// items to look for need two candidates. One item and one candidate with the
// same message id are a pair. Elsewhere the candidates are exported and
// compared with the stored blobs. Where nothing is equal, items with a message
// id count as there if there are candidates for all of them (a server, or the
// tool that put them there, may have lost a property); others do not.
type Matcher struct {
	Client  *ews.Client
	Store   *store.Store
	Listing *Listing
	Rule    Rule
}

// group settles the items of one fingerprint: it sets found in each.
func (m *Matcher) group(ctx context.Context, wants []*Want) error {
	for _, w := range wants {
		w.Found = -1
	}
	candidates := slices.DeleteFunc(m.Listing.find(wants[0].print), func(at int32) bool {
		return !slices.ContainsFunc(wants, func(w *Want) bool { return m.may(w, at) })
	})
	if len(candidates) == 0 {
		return nil
	}
	// A message id that the target does not tell proves nothing.
	strong := func(at int32) bool { return wants[0].print.strong() && m.Listing.Items[at].named }
	switch {
	case len(wants) == 1 && len(candidates) == 1 && (strong(candidates[0]) || m.Rule.Lone):
		m.pair(wants[0], candidates[0])
		return nil
	case m.Rule.Counts:
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
		first := slices.IndexFunc(equal, func(t int) bool { return m.may(w, candidates[t]) })
		if !sources[i].ok || first < 0 {
			openWants = append(openWants, i)
			continue
		}
		m.pair(w, candidates[equal[first]])
		byContent[sources[i].sum] = slices.Delete(equal, first, first+1)
	}
	for i, at := range candidates {
		if !m.Listing.Items[at].Taken && !targets[i].gone && (m.Rule.Near || strong(at)) {
			openTargets = append(openTargets, i)
		}
	}
	if !m.Rule.Near && len(openWants) > len(openTargets) {
		return nil
	}
	rule := pairing{
		kept: func(t int) bool { return m.Rule.Lost && !strong(candidates[t]) },
		may:  func(w, t int) bool { return m.may(wants[w], candidates[t]) },
	}
	for len(openWants) > 0 && len(openTargets) > 0 {
		w, t, ok := nearest(openWants, openTargets, sources, targets, rule)
		if !ok {
			return nil
		}
		m.pair(wants[openWants[w]], candidates[openTargets[t]])
		openWants = append(openWants[:w], openWants[w+1:]...)
		openTargets = append(openTargets[:t], openTargets[t+1:]...)
	}
	return nil
}

func (m *Matcher) pair(w *Want, at int32) {
	w.Found = at
	m.Listing.Items[at].Taken = true
}

// compared is what is kept of an item for comparison.
type compared struct {
	sum     [32]byte
	ok      bool // sum is known
	gone    bool // it was listed, and is not there any more
	content *fts.Content
}

func (m *Matcher) sources(wants []*Want, keep bool) ([]compared, error) {
	out := make([]compared, len(wants))
	known := make(map[[32]byte]int, len(wants))
	for i, w := range wants {
		if twin, ok := known[w.Item.SHA256]; ok {
			out[i] = out[twin]
			continue
		}
		known[w.Item.SHA256] = i
		c, err := SourceContent(m.Store, w.Item)
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

func (m *Matcher) targets(ctx context.Context, candidates []int32, keep bool) ([]compared, error) {
	ids := make([]string, len(candidates))
	for i, at := range candidates {
		ids[i] = m.Listing.Items[at].ID
	}
	return targets(ctx, m.Client, ids, keep)
}

// exportAtOnce is how many candidates are asked for in one request.
const exportAtOnce = 50

func targets(ctx context.Context, client *ews.Client, all []string, keep bool) ([]compared, error) {
	out := make([]compared, len(all))
	for from := 0; from < len(all); from += exportAtOnce {
		part := all[from:min(from+exportAtOnce, len(all))]
		ids := make([]ews.ItemID, len(part))
		for i, id := range part {
			ids[i] = ews.ItemID{ID: id}
		}
		err := EachContent(ctx, client, ids, func(i int, c *fts.Content, err error) error {
			switch {
			case err == nil:
				out[from+i] = compared{sum: c.Sum(), ok: true}
				if keep {
					out[from+i].content = c
				}
			case IsGone(err):
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

func IsGone(err error) bool {
	e, ok := errors.AsType[*ews.Error](err)
	return ok && e.Code == "ErrorItemNotFound"
}

// pairing says which pairs nearest may make.
type pairing struct {
	kept func(target int) bool // only where no value differs, and both contents are known
	may  func(want, target int) bool
}

// nearest returns the places of the pair with the fewest differences.
func nearest(wants, targets []int, sources, contents []compared, rule pairing) (w, t int, ok bool) {
	least := -1
	for i, a := range wants {
		for k, b := range targets {
			if !rule.may(a, b) {
				continue
			}
			if sources[a].content == nil || contents[b].content == nil {
				if !ok && !rule.kept(b) {
					w, t, ok = i, k, true
				}
				continue
			}
			differences := fts.Compare(sources[a].content, contents[b].content)
			if rule.kept(b) && slices.ContainsFunc(differences, func(d fts.Difference) bool { return d.Kind == fts.Changed }) {
				continue
			}
			if n := len(differences); least < 0 || n < least {
				least, w, t, ok = n, i, k, true
			}
		}
	}
	return w, t, ok
}

// Collector groups items by fingerprint while they stream by: an item is
// decided at once where it can be, else when its whole group has come.
type Collector struct {
	m       *Matcher
	counts  map[uint64]int32 // how many items of each fingerprint there are to look for
	waiting map[uint64][]*Want
}

// NewCollector returns a collector for what was counted in wanted.
func NewCollector(m *Matcher, wanted *Wanted) *Collector {
	return &Collector{m: m, counts: wanted.counts, waiting: make(map[uint64][]*Want)}
}

// Listing is where the places of what is found point to.
func (c *Collector) Listing() *Listing { return c.m.Listing }

// Offer takes an item and returns those that are decided now.
func (c *Collector) Offer(ctx context.Context, it store.Item) ([]*Want, error) {
	w := &Want{Item: it, Found: -1, print: printOf(it)}
	key := w.print.key()
	group := append(c.waiting[key], w)
	if len(group) < int(c.counts[key]) && len(c.m.Listing.find(w.print)) > 0 {
		c.waiting[key] = group
		return nil, nil
	}
	delete(c.waiting, key)
	c.counts[key] -= int32(len(group))
	return group, c.m.group(ctx, group)
}

// Flush decides what is still waiting.
func (c *Collector) Flush(ctx context.Context) ([]*Want, error) {
	var all []*Want
	for _, group := range c.waiting {
		if err := c.m.group(ctx, group); err != nil {
			return all, err
		}
		all = append(all, group...)
	}
	c.waiting = nil
	return all, nil
}

// Sum is the hash of an item's content.
type Sum struct {
	Hash  [32]byte
	Known bool
}

// Equal says that both contents are known, and equal.
func (s Sum) Equal(t Sum) bool { return s.Known && t.Known && s.Hash == t.Hash }

// TargetSums exports items of the target and hashes their contents, by position.
func TargetSums(ctx context.Context, client *ews.Client, ids []string) ([]Sum, error) {
	contents, err := targets(ctx, client, ids, false)
	sums := make([]Sum, len(contents))
	for i, c := range contents {
		sums[i] = Sum{c.sum, c.ok}
	}
	return sums, err
}

// SourceSum hashes the content of a stored item.
func SourceSum(st *store.Store, it store.Item) (Sum, error) {
	m := Matcher{Store: st}
	contents, err := m.sources([]*Want{{Item: it}}, false)
	if err != nil {
		return Sum{}, err
	}
	return Sum{contents[0].sum, contents[0].ok}, nil
}
