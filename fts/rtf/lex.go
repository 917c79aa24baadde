package rtf

import (
	"bufio"
	"io"
)

// kind is what a token is.
type kind uint8

const (
	char  kind = iota // a byte of text
	code              // a byte of text, written as \'xx
	word              // a control word
	open              // {
	shut              // }
	blank             // nothing: a line end in the source, a symbol that means nothing
)

// token is the smallest thing that RTF is made of.
type token struct {
	kind  kind
	b     byte   // char and code
	name  string // word, or one character that is no letter: a control symbol
	param int
	has   bool // there is a param
}

const (
	maxWord  = 32 // letters of a control word that are told apart
	maxParam = 1 << 31
)

// lexer cuts RTF into tokens.
type lexer struct {
	in   *bufio.Reader
	word [maxWord]byte
	// names are kept so that the same word is not allocated again and again.
	names map[string]string
}

// maxNames limits what hostile RTF makes names grow to.
const maxNames = 1000

func (l *lexer) next() (token, error) {
	c, err := l.in.ReadByte()
	if err != nil {
		return token{}, err
	}
	switch c {
	case '{':
		return token{kind: open}, nil
	case '}':
		return token{kind: shut}, nil
	case '\r', '\n', 0:
		return token{kind: blank}, nil
	case '\t':
		return token{kind: word, name: "tab"}, nil
	case '\\':
		return l.control()
	}
	return token{kind: char, b: c}, nil
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// control reads what stands after a backslash.
func (l *lexer) control() (token, error) {
	c, err := l.in.ReadByte()
	if err != nil {
		return token{}, err
	}
	switch {
	case isLetter(c):
		return l.letters(c)
	case c == '\'':
		return l.code()
	case c == '\\' || c == '{' || c == '}':
		return token{kind: char, b: c}, nil
	case c == '\r' || c == '\n':
		return token{kind: word, name: "par"}, nil
	case c == '\t':
		return token{kind: word, name: "tab"}, nil
	}
	return token{kind: word, name: l.intern([]byte{c})}, nil
}

func (l *lexer) intern(b []byte) string {
	if s, ok := l.names[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(l.names) < maxNames {
		l.names[s] = s
	}
	return s
}

func (l *lexer) letters(c byte) (token, error) {
	name := l.word[:0]
	var err error
	for ; err == nil && isLetter(c); c, err = l.in.ReadByte() {
		if len(name) < maxWord {
			name = append(name, c)
		}
	}
	t := token{kind: word, name: l.intern(name)}
	minus := err == nil && c == '-'
	if minus {
		if c, err = l.in.ReadByte(); err == nil && !isDigit(c) {
			// No number: the minus is text. Both can't be given back.
			if err := l.in.UnreadByte(); err != nil {
				return t, err
			}
			return t, nil
		}
	}
	for ; err == nil && isDigit(c); c, err = l.in.ReadByte() {
		t.has = true
		t.param = min(t.param*10+int(c-'0'), maxParam)
	}
	if minus {
		t.param = -t.param
	}
	switch {
	case err == io.EOF:
		return t, nil
	case err != nil:
		return t, err
	case c != ' ':
		err = l.in.UnreadByte()
	}
	return t, err
}

func (l *lexer) code() (token, error) {
	var v byte
	for range 2 {
		c, err := l.in.ReadByte()
		if err != nil {
			return token{}, err
		}
		switch {
		case isDigit(c):
			v = v<<4 | (c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | ((c | 0x20) - 'a' + 10)
		default: // no number at all
			return token{kind: blank}, l.in.UnreadByte()
		}
	}
	return token{kind: code, b: v}, nil
}

// skip passes over the data of a \bin.
func (l *lexer) skip(n int) error {
	_, err := l.in.Discard(max(0, n))
	return err
}
