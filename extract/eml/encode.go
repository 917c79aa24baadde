package eml

import (
	"bufio"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"unicode/utf8"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
)

// textReader gives text as valid UTF-8: halves of surrogate pairs become U+FFFD.
func textReader(r io.Reader) *bufio.Reader {
	return bufio.NewReaderSize(transform.NewReader(r, runes.ReplaceIllFormed()), 8<<10)
}

// mostlyWide says whether the beginning of a text is shorter in base64 than in
// quoted-printable.
func mostlyWide(r *bufio.Reader) bool {
	head, _ := r.Peek(4 << 10)
	wide := 0
	for _, c := range head {
		if c >= utf8.RuneSelf {
			wide++
		}
	}
	return wide*6 > len(head)
}

// writeQuoted writes text as quoted-printable. The line ends of the text become
// CR LF; with end, what is written ends with one that is not part of the text.
func writeQuoted(w io.Writer, r io.Reader, end bool) error {
	last := &lastByte{w: w}
	q := quotedprintable.NewWriter(last)
	if _, err := io.Copy(q, r); err != nil {
		return err
	}
	if err := q.Close(); err != nil {
		return err
	}
	if !end || last.c == '\n' || last.c == 0 {
		return nil
	}
	_, err := io.WriteString(w, "=\r\n")
	return err
}

type lastByte struct {
	w io.Writer
	c byte
}

func (l *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.c = p[len(p)-1]
	}
	return l.w.Write(p)
}

// writeBase64 writes data as base64 in lines.
func writeBase64(w io.Writer, r io.Reader) error {
	l := &lineWriter{w: w}
	e := base64.NewEncoder(base64.StdEncoding, l)
	if _, err := io.Copy(e, r); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	return l.end()
}

// lineWriter breaks what has no lines into some.
type lineWriter struct {
	w   io.Writer
	col int
}

func (l *lineWriter) Write(p []byte) (int, error) {
	done := 0
	for len(p) > 0 {
		if l.col == softLine {
			if err := l.end(); err != nil {
				return done, err
			}
		}
		n, err := l.w.Write(p[:min(len(p), softLine-l.col)])
		done, l.col = done+n, l.col+n
		if err != nil {
			return done, err
		}
		p = p[n:]
	}
	return done, nil
}

func (l *lineWriter) end() error {
	if l.col == 0 {
		return nil
	}
	l.col = 0
	_, err := io.WriteString(l.w, "\r\n")
	return err
}

// crlf makes all line ends CR LF.
type crlf struct {
	r  *bufio.Reader
	lf bool // one is to be written after the CR that was
}

func (c *crlf) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if c.lf {
			p[n], c.lf = '\n', false
			n++
			continue
		}
		b, err := c.r.ReadByte()
		if err != nil {
			if n > 0 {
				return n, nil // said again
			}
			return 0, err
		}
		switch b {
		case '\r':
			if next, err := c.r.Peek(1); err == nil && next[0] == '\n' {
				_, _ = c.r.Discard(1)
			}
			c.lf = true
		case '\n':
			b, c.lf = '\r', true
		}
		p[n] = b
		n++
	}
	return n, nil
}
