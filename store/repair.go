package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"mailferry/store/engine"
	"mailferry/store/segment"
)

// RepairReport is what a repair found and did.
type RepairReport struct {
	Repaired []Damage `json:"repaired"` // what was wrong; the first 1000
	Lost     []Lost   `json:"lost"`     // items whose blob is gone; the first 1000
	Again    int      `json:"again"`    // items that are to be exported again
	Gone     int      `json:"gone"`     // superseded versions and items deleted at the source whose blob is gone
	Found    int      `json:"found"`    // items that only their own records told of
	Aside    []string `json:"aside"`    // damaged files that are kept, relative to the store
	Lossy    bool     `json:"lossy"`    // a part of the log is lost: outcomes of uploads may be unknown
}

// Lost is an item whose blob is gone.
type Lost struct {
	Mailbox string `json:"mailbox"`
	Folder  string `json:"folder"` // path, where it is known
	Subject string `json:"subject"`
	Item    string `json:"item"`
	Again   bool   `json:"again"` // it will be exported again; false: the source does not have it any more
}

// codeDamaged is the code of failures that a repair records.
const codeDamaged = "StoreDamaged"

// Repair opens the damaged store in dir, keeps every record that is whole, and
// closes it again. Items whose blob is gone become pending, so that the next
// export fetches them, and failures until then; a version that the source does
// not have any more is a failure for good. Damaged files are set aside, not
// deleted. It may be killed at any point and run again.
func Repair(ctx context.Context, dir string, o OpenOptions) (r RepairReport, err error) {
	e, done, err := engine.Repair(dir, o)
	if err != nil {
		return r, err
	}
	s := newStore(e)
	defer func() {
		if e := s.Close(); err == nil {
			err = e
		}
	}()
	for _, n := range done.Notes {
		if len(r.Repaired) < maxDamage {
			r.Repaired = append(r.Repaired, Damage{File: n.File, Text: n.Text})
		}
	}
	if err := s.checkStatus(); errors.Is(err, ErrDamaged) {
		r.Repaired = append(r.Repaired, Damage{File: engine.StatusName, Text: "it was damaged; it told of a run that is over, and is removed"})
		if err := os.Remove(filepath.Join(dir, engine.StatusName)); err != nil {
			return r, err
		}
	}
	r.Aside, r.Lossy = done.Aside, done.Lossy
	boxes, err := s.boxes()
	if err != nil {
		return r, err
	}
	if r.Lossy {
		if err := s.takeIn(ctx, &r); err != nil {
			return r, err
		}
		if err := s.forgetSyncStates(ctx, boxes); err != nil {
			return r, err
		}
	}
	for _, b := range boxes {
		for _, bucket := range []string{boxItems, boxOld} {
			if err := s.repairBox(ctx, b, bucket, &r); err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

// boxName is a mailbox and what stands for it in the index.
type boxName struct{ name, address string }

// boxes lists the mailboxes that there are rows of.
func (s *Store) boxes() (all []boxName, err error) {
	err = s.view(func(t *tx) error {
		all = nil
		names, err := t.Names(bucketBoxes)
		if err != nil {
			return err
		}
		for _, name := range names {
			var m Mailbox
			if _, err := t.getJSON(bucketMailboxes, []byte(name), &m); err != nil {
				return err
			}
			if m.Address == "" {
				m.Address = name
			}
			all = append(all, boxName{name, m.Address})
		}
		return nil
	})
	return all, err
}

// lostRow is an item whose blob is gone, and where its row lies.
type lostRow struct {
	key []byte
	Item
}

func (s *Store) repairBox(ctx context.Context, b boxName, bucket string, r *RepairReport) error {
	folders, err := s.folderPaths(b.address)
	if err != nil {
		return err
	}
	const most = 200
	var page []lostRow
	flush := func() error {
		err := s.dropLost(ctx, b, bucket, page, folders)
		page = page[:0]
		return err
	}
	for row, err := range rows(s, box(b.name, bucket), nil, func(t *tx, k, v []byte) (lostRow, bool, error) {
		_, _, sum, err := itemHead(v)
		if err != nil {
			return lostRow{}, false, err
		}
		if _, found, err := t.Blob(sum); found || err != nil {
			return lostRow{}, false, err
		}
		it, _, err := t.itemOf(b.address, k, v)
		return lostRow{append([]byte(nil), k...), it}, err == nil, err
	}) {
		if err != nil {
			return err
		}
		again := bucket == boxItems && !row.Deleted
		if again {
			r.Again++
		} else {
			r.Gone++
		}
		if len(r.Lost) < maxDamage {
			r.Lost = append(r.Lost, Lost{Mailbox: b.address, Folder: folders[row.Folder], Subject: row.Catalogue.Subject, Item: row.ID, Again: again})
		}
		if page = append(page, row); len(page) == most {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (s *Store) folderPaths(mailbox string) (map[string]string, error) {
	all, err := s.Folders(mailbox)
	paths := make(map[string]string, len(all))
	for _, f := range all {
		paths[f.ID] = f.Path
	}
	return paths, err
}

// dropLost takes items without a blob out of the store: what the source should
// still have becomes pending, and each is a failure.
func (s *Store) dropLost(ctx context.Context, b boxName, bucket string, page []lostRow, folders map[string]string) error {
	if len(page) == 0 {
		return nil
	}
	err := s.update(ctx, nil, func(t *tx) error {
		for _, row := range page {
			if err := t.Del(box(b.name, bucket), row.key); err != nil {
				return err
			}
			if bucket != boxItems {
				continue
			}
			if err := t.Del(box(b.name, boxIndex), []byte(row.ID)); err != nil {
				return err
			}
			if row.Deleted {
				continue
			}
			js, err := json.Marshal(pendingJSON{
				ChangeKey: row.ChangeKey, Class: row.Catalogue.Class, Associated: row.Associated,
				SearchKey: row.SearchKey, Received: row.Catalogue.Received,
			})
			if err != nil {
				return err
			}
			if err := t.Set(box(b.name, boxPending), pendingKey(row.key[:4], row.ID), append(engine.U64(uint64(row.Size)), js...)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, row := range page {
		text := "the blob of this item in the store was damaged; the next export fetches it again"
		switch {
		case bucket != boxItems:
			text = "the blob of an older version of this item was damaged and is gone"
		case row.Deleted:
			text = "the blob of this item was damaged and is gone; the source deleted it before"
		}
		if err := s.RecordFailure(ctx, Failure{
			FailureKey: FailureKey{Mailbox: b.address, Direction: Export, ItemID: row.ID}, FolderPath: folders[row.Folder],
			Subject: row.Catalogue.Subject, Class: row.Catalogue.Class, Size: row.Size, Code: codeDamaged, Text: text,
		}); err != nil {
			return err
		}
	}
	return nil
}

// forgetSyncStates makes the next export list everything from the beginning.
func (s *Store) forgetSyncStates(ctx context.Context, boxes []boxName) error {
	return s.update(ctx, nil, func(t *tx) error {
		for _, b := range boxes {
			var numbers [][]byte
			if err := t.Scan(box(b.name, boxSync), nil, nil, func(k, _ []byte) (bool, error) {
				numbers = append(numbers, append([]byte(nil), k...))
				return true, nil
			}); err != nil {
				return err
			}
			for _, n := range numbers {
				if err := t.Del(box(b.name, boxSync), n); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// takeIn adds items that only their own records tell of, after a part of the log
// was lost. Nothing says whether such an item was committed, so its change key is
// left empty: the next export fetches it again if the source still has it.
func (s *Store) takeIn(ctx context.Context, r *RepairReport) error {
	lengths, err := s.e.DataSegments()
	if err != nil {
		return err
	}
	for number, length := range lengths {
		f, _, err := s.e.OpenSegment(number)
		if err != nil {
			return err
		}
		err = segment.Walk(f, segment.HeaderSize, length, s.e.Keys(), func(rec *segment.Reader) error {
			if _, err := io.Copy(io.Discard, rec); err != nil {
				return err
			}
			added, err := s.takeInRecord(ctx, rec)
			if added {
				r.Found++
			}
			return err
		}, func(*segment.Reader, error) {})
		if err := joinClose(err, f); err != nil {
			return err
		}
	}
	return nil
}

func joinClose(err error, c io.Closer) error {
	if e := c.Close(); err == nil {
		err = e
	}
	return err
}

func (s *Store) takeInRecord(ctx context.Context, rec *segment.Reader) (added bool, err error) {
	key, ok := recordKey(rec)
	if !ok || key.normalise() != nil {
		return false, nil
	}
	var tr trailer
	if err := json.Unmarshal(rec.Trailer, &tr); err != nil {
		return false, fmt.Errorf("%w: the trailer of a record can't be read", ErrDamaged)
	}
	err = s.view(func(t *tx) error {
		_, _, found, err := t.findItem(key.Mailbox, key.ID)
		if err == nil && !found {
			_, added, err = t.Blob(rec.SHA256)
		}
		return err
	})
	if !added || err != nil {
		return false, err
	}
	row := itemRow{id: key.ID, size: rec.Size, sum: rec.SHA256, trailer: tr, associated: key.Associated}
	if row.trailer.ExportedAt.IsZero() {
		row.trailer.ExportedAt = time.Now().UTC()
	}
	return true, s.update(ctx, nil, func(t *tx) error {
		number, err := t.folderNumber(key.Mailbox, key.Folder, true)
		if err != nil {
			return err
		}
		n, err := t.Next(engine.Path("item", t.name(key.Mailbox)))
		if err != nil {
			return err
		}
		k := binary.BigEndian.AppendUint64(append(make([]byte, 0, 12), number...), n)
		v, err := row.encode(s)
		if err != nil {
			return err
		}
		if err := t.Put(box(t.name(key.Mailbox), boxItems), k, v); err != nil {
			return err
		}
		return t.Put(box(t.name(key.Mailbox), boxIndex), []byte(key.ID), k)
	})
}
