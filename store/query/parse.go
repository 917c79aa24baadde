package query

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"mailferry/internal/selection"
)

// Bounds of a query, against input that was not written by hand.
const (
	maxQuery = 8 << 10 // bytes
	maxDepth = 50      // parentheses
	maxTerms = 500
)

// Error says what is wrong with a query, in one line for the user. It is
// selection.ErrUsage.
type Error struct{ text string }

func (e *Error) Error() string        { return e.text }
func (e *Error) Is(target error) bool { return target == selection.ErrUsage }

func errorf(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// Parse reads a query. Errors are of type *Error.
func Parse(text string) (Expr, error) {
	switch {
	case len(text) > maxQuery:
		return nil, errorf("the query has %d bytes, more than %d", len(text), maxQuery)
	case !utf8.ValidString(text):
		return nil, errorf("the query is not UTF-8")
	}
	p := parser{lexer: lexer{text: text}}
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.tok.kind == end {
		return nil, errorf("the query is empty; write for example 'from:alice after:2025-01-01'")
	}
	x, err := p.or("")
	if err != nil {
		return nil, err
	}
	if p.tok.kind != end {
		return nil, errorf("there is a ) without a ( at byte %d of the query", p.tok.at+1)
	}
	return x, nil
}

type parser struct {
	lexer
	tok   token
	depth int
	terms int
}

func (p *parser) next() (err error) {
	p.tok, err = p.lexer.next()
	return err
}

// or reads alternatives; field is what words in them are about.
func (p *parser) or(field string) (Expr, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errorf("more than %d parentheses are open in the query", maxDepth)
	}
	defer func() { p.depth-- }()
	var all Or
	for {
		x, err := p.and(field)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
		if p.tok.kind != word || p.tok.operator() != "OR" {
			break
		}
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return all, nil
}

func (p *parser) and(field string) (Expr, error) {
	var all And
	for p.tok.kind != end && p.tok.kind != closing && p.tok.operator() != "OR" {
		if p.tok.operator() == "AND" && len(all) > 0 {
			if err := p.next(); err != nil {
				return nil, err
			}
		}
		x, err := p.not(field)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	switch len(all) {
	case 0:
		return nil, errorf("something is missing at byte %d of the query", p.tok.at+1)
	case 1:
		return all[0], nil
	}
	return all, nil
}

func (p *parser) not(field string) (Expr, error) {
	negate := false
	for p.tok.kind == minus || p.tok.operator() == "NOT" {
		negate = !negate
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	x, err := p.term(field)
	if err == nil && negate {
		x = Not{x}
	}
	return x, err
}

func (p *parser) term(field string) (Expr, error) {
	if p.terms++; p.terms > maxTerms {
		return nil, errorf("the query has more than %d terms", maxTerms)
	}
	t := p.tok
	switch {
	case t.kind == opening:
		return p.group(t, field)
	case t.kind != word || t.operator() != "":
		return nil, errorf("something is missing at byte %d of the query", t.at+1)
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	if t.field == "" {
		t.field = field
	} else if field != "" {
		return nil, errorf("%s: is within the parentheses of %s: in the query", t.field, field)
	}
	if t.value == "" && !t.quoted && t.field != "" && p.tok.kind == opening && p.tok.at == t.end {
		return p.group(p.tok, t.field)
	}
	return t.expr()
}

// group reads what stands in parentheses.
func (p *parser) group(opened token, field string) (Expr, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	x, err := p.or(field)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != closing {
		return nil, errorf("the ( at byte %d of the query is never closed", opened.at+1)
	}
	return x, p.next()
}

type kind int

const (
	end kind = iota
	word
	minus
	opening
	closing
)

// token is a piece of a query.
type token struct {
	kind    kind
	at, end int    // bytes from the beginning of the query
	field   string // in lower case; empty: none was written
	value   string
	quoted  bool // the value, or a part of it
}

// operator is AND, OR or NOT, or empty.
func (t token) operator() string {
	if t.kind == word && t.field == "" && !t.quoted && (t.value == "AND" || t.value == "OR" || t.value == "NOT") {
		return t.value
	}
	return ""
}

type lexer struct {
	text string
	pos  int
}

func (l *lexer) next() (token, error) {
	l.pos += len(l.text[l.pos:]) - len(strings.TrimLeft(l.text[l.pos:], " \t\r\n"))
	t := token{at: l.pos, end: l.pos + 1}
	if l.pos == len(l.text) {
		return t, nil
	}
	switch c := l.text[l.pos]; {
	case c == '(':
		t.kind = opening
	case c == ')':
		t.kind = closing
	case c == '-' && l.pos+1 < len(l.text) && !strings.ContainsRune(" \t\r\n)", rune(l.text[l.pos+1])):
		t.kind = minus
	default:
		return l.word(t)
	}
	l.pos++
	return t, nil
}

// word reads [FIELD:]VALUE; the value is quoted, or goes to the next space or
// parenthesis.
func (l *lexer) word(t token) (token, error) {
	t.kind = word
	var value strings.Builder
	for l.pos < len(l.text) && !strings.ContainsRune(" \t\r\n()", rune(l.text[l.pos])) {
		switch c := l.text[l.pos]; {
		case c == '"':
			if err := l.quote(&value); err != nil {
				return t, err
			}
			t.quoted = true
			continue
		case c == ':' && t.field == "" && !t.quoted && isField(value.String()):
			t.field = strings.ToLower(value.String())
			value.Reset()
		default:
			value.WriteByte(c)
		}
		l.pos++
	}
	t.value, t.end = value.String(), l.pos
	return t, nil
}

// quote reads from one " to the next; \" and \\ stand for themselves.
func (l *lexer) quote(value *strings.Builder) error {
	began := l.pos
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch c := l.text[l.pos]; {
		case c == '"':
			l.pos++
			return nil
		case c == '\\' && l.pos+1 < len(l.text) && strings.ContainsRune(`"\`, rune(l.text[l.pos+1])):
			l.pos++
			value.WriteByte(l.text[l.pos])
		default:
			value.WriteByte(c)
		}
	}
	return errorf("the \" at byte %d of the query is never closed", began+1)
}

// isField says whether what stands before a colon is meant as the name of a field.
func isField(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && s[i] != '-' {
			return false
		}
	}
	return s != ""
}
