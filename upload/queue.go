package upload

import (
	"encoding/base64"
	"errors"
)

// hardStop is what Exchange takes in a request by default, on every version
// since 2013. Only an item that is larger itself makes a larger request.
const hardStop = 64 << 20

// perItem is what an item adds to a request beside its data.
const perItem = 2 << 10

func wireSize(j *job) int64 {
	return int64(base64.StdEncoding.EncodedLen(int(j.item.Size))) + perItem
}

// queue cuts jobs into batches: first those that are to be sent again.
type queue struct {
	next   func() (*job, error, bool)
	items  int
	bytes  int64
	urgent []*job
	held   *job // came, and did not fit any more
	ended  bool
}

// again puts jobs back.
func (q *queue) again(jobs []*job) { q.urgent = append(q.urgent, jobs...) }

func (q *queue) pop() (*job, error) {
	if len(q.urgent) > 0 {
		j := q.urgent[0]
		q.urgent = q.urgent[1:]
		return j, nil
	}
	if q.ended {
		return nil, nil
	}
	j, err, ok := q.next()
	if !ok || err != nil {
		q.ended = true
		return nil, err
	}
	return j, nil
}

// batch returns what goes into the next request; empty: there is nothing left.
// What it returns together with an error is good.
func (q *queue) batch() ([]*job, error) {
	var batch []*job
	size, most := int64(0), q.items
	for {
		j := q.held
		q.held = nil
		if j == nil {
			var err error
			if j, err = q.pop(); j == nil || err != nil {
				if errors.Is(err, errEnough) {
					err = nil
				}
				return batch, err
			}
		}
		limit := most
		if j.most > 0 {
			limit = min(limit, j.most)
		}
		if len(batch) > 0 && (len(batch) >= limit || size+wireSize(j) > q.bytes) {
			q.held = j
			return batch, nil
		}
		batch, size, most = append(batch, j), size+wireSize(j), limit
		if len(batch) >= most || size >= q.bytes {
			return batch, nil
		}
	}
}
