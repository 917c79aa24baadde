package xmlstream

import (
	"bytes"
	"io"
)

// skipText goes to the next '<'. What is not blank is remembered.
func (s *Scanner) skipText() error {
	for {
		if s.pos == s.end {
			if err := s.fill(); err != nil {
				if err == io.EOF && s.rooted && len(s.stack) == 0 {
					return io.EOF
				}
				return cut(err)
			}
		}
		chunk := s.buf[s.pos:s.end]
		i := bytes.IndexByte(chunk, '<')
		if i >= 0 {
			chunk = chunk[:i]
		}
		switch {
		case len(s.stack) > 0:
			s.stray = keep(s.stray, chunk)
		case s.rooted:
			s.trail = keep(s.trail, chunk)
		case len(bytes.TrimLeft(chunk, " \t\r\n")) > 0:
			return s.bad("text before the root element")
		}
		s.pos += len(chunk)
		if i >= 0 {
			if !s.rooted || len(s.stack) > 0 {
				return nil
			}
			if err := s.afterRoot(); err != nil {
				return err
			}
		}
	}
}

// afterRoot reads markup that follows the root: comments and instructions may.
func (s *Scanner) afterRoot() error {
	what, err := s.markup()
	if err != nil {
		return err
	}
	switch what {
	case isComment:
		return s.skipPast("-->")
	case isPI:
		return s.skipPast("?>")
	}
	return s.bad("an element after the root element")
}

// keep appends the beginning of text to kept, if there is more than blank space.
func keep(kept, text []byte) []byte {
	if len(kept) == 0 {
		text = bytes.TrimLeft(text, " \t\r\n")
	}
	return append(kept, text[:min(len(text), maxStray-len(kept))]...)
}

// skipPast skips to behind the next end.
func (s *Scanner) skipPast(end string) error {
	for {
		if ok, err := s.have(len(end)); !ok {
			return cut(err)
		}
		chunk := s.buf[s.pos:s.end]
		if i := bytes.Index(chunk, []byte(end)); i >= 0 {
			s.pos += i + len(end)
			return nil
		}
		s.pos = s.end - (len(end) - 1)
	}
}
