package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"mailferry/fts"
	"mailferry/internal/fault"
	"mailferry/store/engine"
	"mailferry/store/segment"
)

// CheckOptions say how thorough a check is.
type CheckOptions struct {
	ReadData bool    // read all bytes, check every hash, parse every blob
	Sample   float64 // without ReadData: read this fraction of the blobs (0 to 1)
}

// Damage is one thing that is not as it should be.
type Damage struct {
	File string `json:"file"`           // relative to the store
	Item string `json:"item,omitempty"` // item id, where one is concerned
	Text string `json:"text"`
}

// maxDamage is how many of the damages a report names.
const maxDamage = 1000

// CheckReport is the outcome of a check.
type CheckReport struct {
	Items    int      `json:"items"`
	Blobs    int      `json:"blobs"`
	Segments int      `json:"segments"`
	Read     int64    `json:"read"`    // bytes of blobs that were read and hashed
	Sealed   int      `json:"sealed"`  // records of which only the checksums were compared: no key was given
	Suspect  int      `json:"suspect"` // blobs that are as they came, and were not understood
	Damage   []Damage `json:"damage"`  // the first 1000
	Damaged  int      `json:"damaged"` // all
}

// OK says that nothing is damaged.
func (r CheckReport) OK() bool { return r.Damaged == 0 }

// checker is a check under way.
type checker struct {
	s   *Store
	o   CheckOptions
	r   *CheckReport
	bad map[[32]byte]string // damaged blobs, and why
}

// Check compares the index with the segments. The error says that the check
// could not be done; what it found is in the report.
func (s *Store) Check(ctx context.Context, o CheckOptions) (CheckReport, error) {
	var r CheckReport
	c := &checker{s: s, o: o, r: &r, bad: map[[32]byte]string{}}
	for _, step := range []func(context.Context) error{c.config, c.segments, c.index, c.blobs, c.items} {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		if err := step(ctx); err != nil {
			return r, fmt.Errorf("check the store: %w", err)
		}
	}
	return r, nil
}

func (c *checker) damage(file, item, text string) {
	c.r.Damaged++
	if len(c.r.Damage) < maxDamage {
		c.r.Damage = append(c.r.Damage, Damage{File: filepath.ToSlash(file), Item: item, Text: text})
	}
}

// note counts an error as damage if it is one, and returns it if it is not.
func (c *checker) note(file, item string, err error) error {
	if errors.Is(err, ErrDamaged) {
		c.damage(file, item, err.Error())
		return nil
	}
	return err
}

func segmentPath(number uint32) string {
	return filepath.Join(engine.SegmentsDir, segment.Name(number))
}

func (c *checker) config(context.Context) error {
	file, err := c.s.e.CheckConfig()
	if err := c.note(file, "", err); err != nil {
		return err
	}
	return c.note(engine.StatusName, "", c.s.checkStatus())
}

// segments compares the files with the lengths that the index knows.
func (c *checker) segments(ctx context.Context) error {
	type row struct {
		number uint32
		class  segment.Class
		length int64
	}
	for r, err := range rows(c.s, engine.BucketSegments, nil, func(_ *tx, k, v []byte) (row, bool, error) {
		class, length, err := engine.DecodeSegment(v)
		return row{binary.BigEndian.Uint32(k), class, length}, err == nil, err
	}) {
		if err != nil {
			return c.note(engine.IndexName, "", err)
		}
		c.r.Segments++
		if err := c.segment(ctx, r.number, r.class, r.length); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) segment(ctx context.Context, number uint32, class segment.Class, length int64) error {
	name := segmentPath(number)
	f, h, err := c.s.e.OpenSegment(number)
	if err != nil {
		return c.note(name, "", err)
	}
	defer f.Close()
	size, err := f.Size()
	switch {
	case err != nil:
		return err
	case h.Class != class:
		c.damage(name, "", "it is a segment of another class than the index says")
	case size < length:
		c.damage(name, "", fmt.Sprintf("it has %d bytes, the index knows of %d", size, length))
		length = size
	}
	if c.o.ReadData {
		return c.read(ctx, f, number, length)
	}
	return nil
}

// read reads every record of a segment.
func (c *checker) read(ctx context.Context, f fault.File, number uint32, length int64) error {
	return segment.Walk(f, segment.HeaderSize, length, c.s.e.Keys(), func(r *segment.Reader) error {
		return c.record(ctx, r)
	}, func(r *segment.Reader, err error) {
		item := ""
		if key, ok := recordKey(r); ok {
			item = key.ID
		}
		c.damage(segmentPath(number), item, err.Error())
	})
}

func recordKey(r *segment.Reader) (key ItemKey, ok bool) {
	return key, r.Kind != segment.LogRecord && json.Unmarshal(r.Meta, &key) == nil
}

func (c *checker) record(ctx context.Context, r *segment.Reader) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case r.Blind:
		c.r.Sealed++
	case r.Kind == segment.BlobRecord:
		if err := c.parse(r); err != nil {
			return err
		}
		c.r.Read += r.Size
	case r.Kind == segment.LogRecord:
		return engine.ReadOps(r, func(engine.Op) error { return nil })
	}
	return nil
}

// parse reads a blob to its end and sees whether it is understood.
func (c *checker) parse(r io.Reader) error {
	_, err := fts.Inspect(r)
	if _, ok := errors.AsType[*fts.Problem](err); ok {
		c.r.Suspect++
		err = nil
	}
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	return err
}

// index reads all of the index.
func (c *checker) index(context.Context) error {
	err := c.s.e.CheckIndex(func(err error) { c.damage(engine.IndexName, "", err.Error()) })
	return c.note(engine.IndexName, "", err)
}

// blobs looks at both ends of each blob's record, and reads the sample.
func (c *checker) blobs(ctx context.Context) error {
	type row struct {
		sum [32]byte
		engine.Blob
	}
	open := openFiles{c: c}
	defer open.close()
	for r, err := range rows(c.s, engine.BucketBlobs, nil, func(_ *tx, k, v []byte) (row, bool, error) {
		b, err := engine.DecodeBlob(v)
		return row{[32]byte(append(k, make([]byte, 32)...)), b}, err == nil, err
	}) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return c.note(engine.IndexName, "", err)
		}
		c.r.Blobs++
		if err := c.blob(&open, r.sum, r.Blob); err != nil {
			if !errors.Is(err, ErrDamaged) {
				return err
			}
			if len(c.bad) < maxDamage {
				c.bad[r.sum] = err.Error()
			}
			c.damage(segmentPath(r.Loc.Segment), "", err.Error())
		}
	}
	return nil
}

func (c *checker) blob(open *openFiles, sum [32]byte, b engine.Blob) error {
	f, err := open.get(b.Loc.Segment)
	if err != nil {
		return err
	}
	r, err := segment.ReadEnd(f, b.Loc, c.s.e.Keys())
	if err != nil || r.Blind {
		return err
	}
	if r.Kind != segment.BlobRecord || r.SHA256 != sum || r.Size != b.Size {
		return fmt.Errorf("%w: another blob at byte %d than %s says", ErrDamaged, b.Loc.Offset, engine.IndexName)
	}
	if !c.o.ReadData && c.o.Sample > 0 && float64(binary.BigEndian.Uint32(sum[:])) < c.o.Sample*(1<<32) {
		rc, err := c.s.openBlob(b, sum)
		if err != nil {
			return err
		}
		defer rc.Close()
		c.r.Read += b.Size
		return c.parse(rc)
	}
	return nil
}

// openFiles keeps the last segment open: neighbours in the index by hash are
// none on the disk, but opening again is cheap.
type openFiles struct {
	c      *checker
	f      fault.File
	number uint32
}

func (o *openFiles) get(number uint32) (fault.File, error) {
	if o.f != nil && o.number == number {
		return o.f, nil
	}
	o.close()
	f, _, err := o.c.s.e.OpenSegment(number)
	if err != nil {
		return nil, err
	}
	o.f, o.number = f, number
	return f, nil
}

func (o *openFiles) close() {
	if o.f != nil {
		o.f.Close()
		o.f = nil
	}
}

// items sees that each item's blob is there, and names those whose blob is damaged.
func (c *checker) items(ctx context.Context) error {
	var boxes []string
	err := c.s.view(func(t *tx) (err error) {
		boxes, err = t.Names(bucketBoxes)
		return err
	})
	if err != nil {
		return c.note(engine.IndexName, "", err)
	}
	for _, mailbox := range boxes {
		for _, bucket := range []string{boxItems, boxOld} {
			if err := c.bucketItems(ctx, mailbox, bucket); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *checker) bucketItems(ctx context.Context, mailbox, bucket string) error {
	type finding struct{ id, text string }
	n := 0
	for f, err := range rows(c.s, box(mailbox, bucket), nil, func(t *tx, k, v []byte) (finding, bool, error) {
		n++
		_, size, sum, err := itemHead(v)
		if err != nil {
			return finding{}, false, err
		}
		b, there, err := t.Blob(sum)
		if err != nil {
			return finding{}, false, err
		}
		text := c.bad[sum]
		if !there {
			text = "its blob is missing"
		} else if b.Size != size {
			text = "its blob has another size"
		}
		row, err := c.s.decodeItem(v)
		if err != nil {
			return finding{}, false, err
		}
		if bucket == boxItems {
			if key, err := t.Get(box(mailbox, boxIndex), []byte(row.id)); err != nil || !bytes.Equal(key, k) {
				text = "it is not found by its id"
			}
		}
		return finding{row.id, text}, text != "", nil
	}) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return c.note(engine.IndexName, "", err)
		}
		c.damage(engine.IndexName, f.id, f.text)
	}
	if bucket == boxItems {
		c.r.Items += n
	}
	return nil
}
