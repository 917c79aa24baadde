package xmlstream

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// Scanner reads a document as a sequence of tags. The first error stays.
type Scanner struct {
	r         io.Reader
	buf       []byte
	pos, end  int   // unread bytes are buf[pos:end]
	base      int64 // offset of buf[0] in the document
	readErr   error // of r, to be told when the buffer is empty
	err       error // sticky
	started   bool  // the document's beginning was checked
	rooted    bool  // the root element has begun
	selfClose bool  // the end of an empty element is due

	stack  []element
	spaces []binding
	attrs  []Attr
	raw    []rawAttr
	scrap  []byte // attribute values before they become strings
	names  map[string]string
	text   *textReader
	stray  []byte // text between tags, since the last tag
	last   string // what Stray returns
	trail  []byte

	from   int64 // offset behind the last tag, or text that was read
	isText bool  // what follows from is, at least in part, text of an element
}

type element struct {
	raw    string // as written, to be matched by the end tag
	name   Name
	spaces int // namespaces known before it
}

type binding struct{ prefix, space string }

type rawAttr struct {
	name     string
	from, to int // of the value in scrap
}

// NewScanner returns a scanner over r.
func NewScanner(r io.Reader) *Scanner {
	return &Scanner{
		r: r, buf: make([]byte, 64<<10), names: make(map[string]string),
		spaces: []binding{{"xml", "http://www.w3.org/XML/1998/namespace"}},
	}
}

// Offset returns how many bytes of the document have been consumed.
func (s *Scanner) Offset() int64 { return s.base + int64(s.pos) }

// Depth returns how many elements are open.
func (s *Scanner) Depth() int { return len(s.stack) }

// Stray returns the beginning of the last text that stood between two tags, or
// at the end of a document cut short, where there was more than blank space.
// Text that was read through Text is not among it.
func (s *Scanner) Stray() string {
	if len(s.stray) > 0 {
		return string(s.stray)
	}
	return s.last
}

// Trailing returns the beginning of what followed the root element, but for
// blank space and comments. It is complete when Next has returned io.EOF.
func (s *Scanner) Trailing() string { return string(s.trail) }

// Next returns the next tag and skips what text, comments and processing
// instructions stand before it. It is io.EOF only after the root has ended;
// where the bytes end before that, io.ErrUnexpectedEOF.
func (s *Scanner) Next() (Token, error) {
	if s.err != nil {
		return Token{}, s.err
	}
	s.from, s.isText = s.Offset(), s.text != nil
	tok, err := s.next()
	if err != nil {
		s.err = err
		return Token{}, err
	}
	return tok, nil
}

func (s *Scanner) next() (Token, error) {
	if s.text != nil {
		inCDATA := s.text.cdata
		s.text.s, s.text = nil, nil
		if inCDATA {
			if err := s.skipPast("]]>"); err != nil {
				return Token{}, err
			}
		}
	}
	if s.selfClose {
		s.selfClose = false
		return s.pop(), nil
	}
	if !s.started {
		if err := s.begin(); err != nil {
			return Token{}, err
		}
	}
	if len(s.stray) > 0 {
		s.last, s.stray = string(s.stray), s.stray[:0]
	}
	for {
		if err := s.skipText(); err != nil {
			return Token{}, err
		}
		what, err := s.markup()
		if err != nil {
			return Token{}, err
		}
		switch what {
		case isComment:
			err = s.skipPast("-->")
		case isPI:
			err = s.skipPast("?>")
		case isCDATA:
			s.isText = true
			err = s.skipPast("]]>")
		case isEndTag:
			return s.endTag()
		default:
			return s.startTag()
		}
		if err != nil {
			return Token{}, err
		}
	}
}

// begin refuses what is not UTF-8: this scanner reads nothing else.
func (s *Scanner) begin() error {
	s.started = true
	if ok, err := s.have(4); err != nil && !ok && err != io.EOF {
		return err
	}
	head := s.buf[s.pos:s.end]
	switch {
	case bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")):
		s.pos += 3
	case len(head) >= 2 && (head[0] == 0xFE && head[1] == 0xFF || head[0] == 0xFF && head[1] == 0xFE || head[0] == 0 || head[1] == 0):
		return s.bad("the document is not in UTF-8")
	}
	return nil
}

const (
	isStartTag = iota
	isEndTag
	isComment
	isPI
	isCDATA
)

// markup looks at what begins with the '<' at hand and consumes its opening.
func (s *Scanner) markup() (int, error) {
	if ok, err := s.have(2); !ok {
		return 0, cut(err)
	}
	switch s.buf[s.pos+1] {
	case '/':
		s.pos += 2
		return isEndTag, nil
	case '?':
		s.pos += 2
		return isPI, nil
	case '!':
	default:
		s.pos++
		return isStartTag, nil
	}
	if ok, err := s.have(4); !ok {
		return 0, cut(err)
	}
	if string(s.buf[s.pos:s.pos+4]) == "<!--" {
		s.pos += 4
		return isComment, nil
	}
	if ok, err := s.have(9); !ok && s.buf[s.pos+2] == '[' {
		return 0, cut(err)
	} else if ok && string(s.buf[s.pos:s.pos+9]) == "<![CDATA[" && len(s.stack) > 0 {
		s.pos += 9
		return isCDATA, nil
	}
	return 0, s.bad("a document type or another declaration, which is refused")
}

func (s *Scanner) endTag() (Token, error) {
	if len(s.stack) == 0 {
		return Token{}, s.bad("an end tag outside of the root element")
	}
	raw, err := s.name()
	if err != nil {
		return Token{}, err
	}
	if want := s.stack[len(s.stack)-1].raw; raw != want {
		return Token{}, s.bad("an end tag that does not match: " + quote(raw) + " for " + quote(want))
	}
	if err := s.blank(); err != nil {
		return Token{}, err
	}
	b, err := s.byte()
	if err != nil {
		return Token{}, err
	}
	if b != '>' {
		return Token{}, s.bad("an end tag with more than a name")
	}
	return s.pop(), nil
}

func (s *Scanner) pop() Token {
	e := s.stack[len(s.stack)-1]
	s.stack = s.stack[:len(s.stack)-1]
	s.spaces = s.spaces[:e.spaces]
	return Token{Kind: End, Name: e.name}
}

// Skip reads to the end tag of the element whose start tag was just returned.
func (s *Scanner) Skip() error {
	for depth := 1; depth > 0; {
		tok, err := s.Next()
		if err != nil {
			return err
		}
		if tok.Kind == Start {
			depth++
		} else {
			depth--
		}
	}
	return nil
}

// TextString reads the text of the element whose start tag was just returned,
// and its end tag. Text of more than limit bytes, or an element inside, is an
// error. Bytes that are not UTF-8 are replaced.
func (s *Scanner) TextString(limit int) (string, error) {
	var b strings.Builder
	n, err := io.Copy(&b, io.LimitReader(s.Text(), int64(limit)+1))
	if err == nil && n > int64(limit) {
		err = s.bad("a text longer than its limit")
		s.err = err
	}
	if err != nil {
		return "", err
	}
	tok, err := s.Next()
	if err != nil {
		return "", err
	}
	if tok.Kind != End {
		s.err = s.bad("an element inside of text: " + quote(tok.Name.Local))
		return "", s.err
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD"), nil
}

// have says whether n bytes are in the buffer, and reads until they are.
func (s *Scanner) have(n int) (bool, error) {
	for s.end-s.pos < n {
		if err := s.fill(); err != nil {
			return false, err
		}
	}
	return true, nil
}

// fill reads more bytes behind those that are unread.
func (s *Scanner) fill() error {
	if s.readErr != nil {
		return s.readErr
	}
	if s.text == nil { // else the caller counts
		passed := s.Offset() - s.from
		if passed > maxSkipped || passed > maxBlank && !s.isText && len(s.stray) == 0 {
			s.readErr = s.bad("nothing but filling, without end")
			return s.readErr
		}
	}
	if s.pos > 0 && (s.pos == s.end || s.end == len(s.buf)) {
		s.base += int64(s.pos)
		s.end = copy(s.buf, s.buf[s.pos:s.end])
		s.pos = 0
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if err != nil {
			s.readErr = err
		}
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	s.readErr = io.ErrNoProgress
	return s.readErr
}

func (s *Scanner) byte() (byte, error) {
	if s.pos == s.end {
		if err := s.fill(); err != nil {
			return 0, cut(err)
		}
	}
	b := s.buf[s.pos]
	s.pos++
	return b, nil
}

func (s *Scanner) bad(reason string) error {
	return &SyntaxError{Offset: s.Offset(), Reason: reason}
}

// cut says that a document ended where it may not.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func quote(name string) string { return "<" + name[:min(len(name), 64)] + ">" }
