package xmlstream

import (
	"bytes"
	"io"
)

// Text returns the character data that follows, up to the next tag: entities
// decoded, CDATA sections included, comments left out. It need not be read to
// its end, and is void after the next call of Next or Text. It ends with io.EOF
// at the next tag, and with io.ErrUnexpectedEOF where the document ends before.
func (s *Scanner) Text() io.Reader {
	t := &textReader{s: s}
	if s.text != nil {
		t.cdata, t.done, t.left = s.text.cdata, s.text.done, s.text.left
		s.text.s = nil
	}
	if s.selfClose || len(s.stack) == 0 {
		t.done = true
	}
	s.text = t
	return t
}

type textReader struct {
	s     *Scanner // nil when void
	cdata bool
	done  bool
	held  [8]byte // a decoded entity that did not fit
	left  []byte
}

func (t *textReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(t.left) > 0 {
		n := copy(p, t.left)
		t.left = t.left[n:]
		return n, nil
	}
	if t.s == nil || t.done {
		return 0, io.EOF
	}
	if t.s.err != nil {
		return 0, t.s.err
	}
	n, err := t.read(p)
	if err == io.EOF {
		t.done = true
	} else if err != nil {
		t.s.err = err
	}
	if n > 0 && err != nil {
		err = nil // told by the next call
	}
	return n, err
}

func (t *textReader) read(p []byte) (int, error) {
	s := t.s
	for {
		if s.pos == s.end {
			if err := s.fill(); err != nil {
				return 0, cut(err)
			}
		}
		chunk := s.buf[s.pos:min(s.end, s.pos+len(p))]
		if t.cdata {
			n, err := t.readCDATA(p, chunk)
			if n > 0 || err != nil {
				return n, err
			}
			continue
		}
		if i := bytes.IndexByte(chunk, '<'); i >= 0 {
			chunk = chunk[:i]
		}
		if i := bytes.IndexByte(chunk, '&'); i >= 0 {
			chunk = chunk[:i]
		}
		if len(chunk) > 0 {
			copy(p, chunk)
			s.pos += len(chunk)
			return len(chunk), nil
		}
		if s.buf[s.pos] == '&' {
			s.pos++
			decoded, err := s.entity(t.held[:0])
			if err != nil {
				return 0, err
			}
			n := copy(p, decoded)
			t.left = decoded[n:]
			return n, nil
		}
		if err := t.markup(); err != nil {
			return 0, err
		}
	}
}

// markup looks at a '<' inside of text. io.EOF: a tag begins, the text is over.
func (t *textReader) markup() error {
	s := t.s
	if ok, err := s.have(2); !ok {
		return cut(err)
	}
	if c := s.buf[s.pos+1]; c != '!' && c != '?' {
		return io.EOF
	}
	what, err := s.markup()
	if err != nil {
		return err
	}
	switch what {
	case isComment:
		return s.skipPast("-->")
	case isCDATA:
		t.cdata = true
		return nil
	default:
		return s.skipPast("?>")
	}
}

// readCDATA copies from inside of a section; chunk is what is at hand. 0 bytes
// without an error: look again.
func (t *textReader) readCDATA(p, chunk []byte) (int, error) {
	s := t.s
	i := bytes.IndexByte(chunk, ']')
	if i < 0 {
		i = len(chunk)
	}
	if i > 0 {
		copy(p, chunk[:i])
		s.pos += i
		return i, nil
	}
	if ok, err := s.have(3); !ok {
		return 0, cut(err)
	}
	if string(s.buf[s.pos:s.pos+3]) == "]]>" {
		s.pos += 3
		t.cdata = false
		return 0, nil
	}
	p[0] = ']'
	s.pos++
	return 1, nil
}
