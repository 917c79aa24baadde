package inject

// Fault is something that goes wrong. At most one of Nth, Every and Probability
// says when; without them it is always.
//
// Kinds that concern a whole request count requests of Op: busy, busy-zero,
// short-response, drop-before, drop-after-commit, drop-mid-response, stall,
// slow, http-401, http-503, http-302-error-page, http-413, timeout,
// reencode-ids, duplicate-ids, stuck-offset, invalid-sync-state, gzip-garbage,
// wrong-content-type, huge-response. No server refuses a request that begins
// without a state: invalid-sync-state leaves that one alone.
//
// Kinds that concern an item count items of Op, or of those only the one that
// Item names: busy-item, inner-busy, batch-stopped, poison, corrupt-item,
// not-found, truncated, quota, move-in-progress, access-denied,
// server-duplicates. An item once hit by poison, corrupt-item or not-found
// stays so. A poison item fails each request that names it.
type Fault struct {
	Op          string  `json:"op,omitempty"` // operation, as ExportItems; "" or "*" is each
	Kind        string  `json:"kind"`
	Nth         int     `json:"nth,omitempty"`         // the nth one, from 1, once
	Every       int     `json:"every,omitempty"`       // each nth one
	Probability float64 `json:"probability,omitempty"` // by chance, from the seed of the set
	Item        string  `json:"item,omitempty"`        // this item id, or hex SHA-256 of this uploaded blob
	Times       int     `json:"times,omitempty"`       // at most so often; 0 is no limit
	BackOffMS   int     `json:"backoff_ms,omitempty"`  // of busy kinds; 0 is 5000 (busy-zero: 0)
	DelayMS     int     `json:"delay_ms,omitempty"`    // of stall and slow
	Where       string  `json:"where,omitempty"`       // truncated: "data" (default), "after-data", "after-xml", "cut"
	Status      int     `json:"status,omitempty"`      // http-503: another status
	After       int64   `json:"after,omitempty"`       // drop-mid-response, stall: bytes of the answer that get through
}
