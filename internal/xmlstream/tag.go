package xmlstream

import (
	"strings"
	"unicode/utf8"
)

func (s *Scanner) startTag() (Token, error) {
	raw, err := s.name()
	if err != nil {
		return Token{}, err
	}
	if len(s.stack) == maxDepth {
		return Token{}, s.bad("elements nested too deep")
	}
	s.rooted = true
	s.raw, s.scrap, s.attrs = s.raw[:0], s.scrap[:0], s.attrs[:0]
	known := len(s.spaces)
	for {
		before := s.Offset()
		if err := s.blank(); err != nil {
			return Token{}, err
		}
		b, err := s.byte()
		if err != nil {
			return Token{}, err
		}
		if b == '/' {
			if b, err = s.byte(); err != nil {
				return Token{}, err
			}
			if b != '>' {
				return Token{}, s.bad("a slash inside of a tag")
			}
			s.selfClose = true
			break
		}
		if b == '>' {
			break
		}
		s.pos--
		if before == s.Offset() {
			return Token{}, s.bad("a tag without blank space between its parts")
		}
		if err := s.attribute(); err != nil {
			return Token{}, err
		}
	}
	name, err := s.resolve(raw, true)
	if err != nil {
		return Token{}, err
	}
	for i, a := range s.raw {
		n, err := s.resolve(a.name, false)
		if err != nil {
			return Token{}, err
		}
		for _, other := range s.attrs[:i] {
			if other.Name == n {
				return Token{}, s.bad("an attribute twice")
			}
		}
		s.attrs = append(s.attrs, Attr{Name: n, Value: strings.ToValidUTF8(string(s.scrap[a.from:a.to]), "\uFFFD")})
	}
	s.stack = append(s.stack, element{raw: raw, name: name, spaces: known})
	return Token{Kind: Start, Name: name, Attrs: s.attrs}, nil
}

func (s *Scanner) attribute() error {
	name, err := s.name()
	if err != nil {
		return err
	}
	if err := s.expect('='); err != nil {
		return err
	}
	if err := s.blank(); err != nil {
		return err
	}
	q, err := s.byte()
	if err != nil {
		return err
	}
	if q != '"' && q != '\'' {
		return s.bad("an attribute without quotes")
	}
	from := len(s.scrap)
	for {
		b, err := s.byte()
		if err != nil {
			return err
		}
		switch b {
		case q:
			return s.addAttribute(name, from)
		case '<':
			return s.bad("'<' inside of an attribute")
		case '&':
			if s.scrap, err = s.entity(s.scrap); err != nil {
				return err
			}
		case '\t', '\n', '\r':
			s.scrap = append(s.scrap, ' ')
		default:
			s.scrap = append(s.scrap, b)
		}
		if len(s.scrap)-from > maxValue {
			return s.bad("an attribute longer than its limit")
		}
	}
}

func (s *Scanner) addAttribute(name string, from int) error {
	prefix, isSpace := "", name == "xmlns"
	if !isSpace {
		prefix, isSpace = strings.CutPrefix(name, "xmlns:")
	}
	if len(s.raw) == maxAttrs || len(s.spaces) > maxAttrs*maxDepth {
		return s.bad("too many attributes")
	}
	if !isSpace {
		s.raw = append(s.raw, rawAttr{name: name, from: from, to: len(s.scrap)})
		return nil
	}
	if prefix == "xml" || prefix == "xmlns" || name == "xmlns:" || len(s.scrap)-from > 4*maxName {
		return s.bad("a bad declaration of a namespace")
	}
	s.spaces = append(s.spaces, binding{prefix, s.intern(s.scrap[from:])})
	s.scrap = s.scrap[:from]
	return nil
}

// resolve splits a name at its colon and looks its prefix up.
func (s *Scanner) resolve(raw string, useDefault bool) (Name, error) {
	prefix, local, found := strings.Cut(raw, ":")
	if !found {
		if !useDefault {
			return Name{Local: raw}, nil
		}
		prefix, local = "", raw
	} else if prefix == "" || local == "" || strings.Contains(local, ":") {
		return Name{}, s.bad("a bad name: " + quote(raw))
	}
	for i := len(s.spaces) - 1; i >= 0; i-- {
		if s.spaces[i].prefix == prefix {
			return Name{Space: s.spaces[i].space, Local: local}, nil
		}
	}
	if prefix == "" {
		return Name{Local: local}, nil
	}
	return Name{}, s.bad("an unknown prefix: " + quote(raw))
}

// name reads a name. Any bytes above ASCII are let through.
func (s *Scanner) name() (string, error) {
	var small [64]byte
	name := small[:0]
	for {
		b, err := s.byte()
		if err != nil {
			return "", err
		}
		if !isNameByte(b) {
			s.pos--
			break
		}
		if len(name) == maxName {
			return "", s.bad("a name longer than its limit")
		}
		name = append(name, b)
	}
	if len(name) == 0 || name[0] == '-' || name[0] == '.' || name[0] >= '0' && name[0] <= '9' || !utf8.Valid(name) {
		return "", s.bad("a tag or attribute without a name")
	}
	return s.intern(name), nil
}

func isNameByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' ||
		b == ':' || b == '_' || b == '-' || b == '.' || b >= 0x80
}

// intern keeps the names that documents repeat; not endlessly many.
func (s *Scanner) intern(b []byte) string {
	if known, ok := s.names[string(b)]; ok {
		return known
	}
	name := string(b)
	if len(s.names) < 1024 {
		s.names[name] = name
	}
	return name
}

func (s *Scanner) blank() error {
	for {
		b, err := s.byte()
		if err != nil {
			return err
		}
		if b != ' ' && b != '\n' && b != '\r' && b != '\t' {
			s.pos--
			return nil
		}
	}
}

func (s *Scanner) expect(want byte) error {
	if err := s.blank(); err != nil {
		return err
	}
	b, err := s.byte()
	if err != nil {
		return err
	}
	if b != want {
		return s.bad("a tag with a part that is no attribute")
	}
	return nil
}

// entity decodes what follows an '&' and appends it to dst. A reference to a
// character that XML forbids becomes U+FFFD: Exchange sends such references for
// control characters in subjects.
func (s *Scanner) entity(dst []byte) ([]byte, error) {
	var small [12]byte
	name := small[:0]
	for {
		b, err := s.byte()
		if err != nil {
			return dst, err
		}
		if b == ';' {
			break
		}
		if len(name) == cap(small) {
			return dst, s.bad("an '&' that begins no entity")
		}
		name = append(name, b)
	}
	switch string(name) {
	case "amp":
		return append(dst, '&'), nil
	case "lt":
		return append(dst, '<'), nil
	case "gt":
		return append(dst, '>'), nil
	case "quot":
		return append(dst, '"'), nil
	case "apos":
		return append(dst, '\''), nil
	}
	r, ok := charRef(name)
	if !ok {
		return dst, s.bad("an unknown entity")
	}
	return utf8.AppendRune(dst, r), nil
}

func charRef(name []byte) (rune, bool) {
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	digits, radix := name[1:], rune(10)
	if digits[0] == 'x' {
		digits, radix = digits[1:], 16
	}
	var r rune
	for _, d := range digits {
		var v rune
		switch {
		case d >= '0' && d <= '9':
			v = rune(d - '0')
		case radix == 16 && d >= 'a' && d <= 'f':
			v = rune(d-'a') + 10
		case radix == 16 && d >= 'A' && d <= 'F':
			v = rune(d-'A') + 10
		default:
			return 0, false
		}
		if r = r*radix + v; r > utf8.MaxRune {
			return 0, false
		}
	}
	if len(digits) == 0 {
		return 0, false
	}
	if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
		return utf8.RuneError, true
	}
	return r, true // utf8.AppendRune replaces surrogates
}
