package engine

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"mailferry/store/segment"
)

// scan is what a segment file holds.
type scan struct {
	number uint32
	class  segment.Class
	size   int64
	head   bool     // its head is damaged
	first  int64    // where the first damage begins; -1: there is none
	behind bool     // a whole record follows some damage
	texts  []string // what the damage is, the first of it
}

// damaged says whether a segment is, of which the index knows length bytes. What
// lies behind that and is not whole was being written in a run that was killed.
func (s *scan) damaged(length int64) bool {
	torn := s.first >= length && (s.class == segment.Data || !s.behind)
	return s.head || s.size < length || s.first >= 0 && !torn
}

// scanAll reads all segments to their ends.
func (e *Engine) scanAll() (scans []scan, records []logRecord, err error) {
	numbers, err := e.segmentFiles()
	if err != nil {
		return nil, nil, err
	}
	for _, n := range numbers {
		s, found, err := e.scan(n)
		if err != nil {
			return nil, nil, err
		}
		scans, records = append(scans, s), append(records, found...)
	}
	return scans, records, nil
}

func (e *Engine) scan(number uint32) (s scan, records []logRecord, err error) {
	s.number, s.first = number, -1
	name := filepath.Join(e.segments.dir, segment.Name(number))
	f, err := e.fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return s, nil, err
	}
	defer f.Close()
	if s.size, err = f.Size(); err != nil {
		return s, nil, err
	}
	h, err := segment.ReadHeader(f)
	switch {
	case errors.Is(err, ErrDamaged):
		s.head = true
		s.texts = append(s.texts, "its head is damaged")
	case err != nil:
		return s, nil, err
	}
	s.class = h.Class
	err = segment.Walk(f, segment.HeaderSize, s.size, e.Keys(), func(r *segment.Reader) error {
		rec, isLog := decodeLogMeta(r)
		if s.class == 0 {
			s.class = segment.Data
			if isLog {
				s.class = segment.Log
			}
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
		s.behind = s.first >= 0
		if isLog {
			rec.loc = r.Location(number)
			records = append(records, rec)
		}
		return nil
	}, func(r *segment.Reader, err error) {
		if s.first < 0 {
			s.first = r.Offset()
		}
		if len(s.texts) < maxTexts {
			s.texts = append(s.texts, cause(err))
		}
	})
	return s, records, err
}
