package ews

import (
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mailferry/internal/xmlstream"
)

// The names under which an Error's Values keep what throttling texts tell.
const (
	valuePolicy = "Policy"      // for example "ConcurrentSyncCalls"
	valueLimit  = "PolicyLimit" // for example "5"
)

const (
	maxID      = 4 << 10 // bytes of an id or change key
	maxName    = 4 << 10 // of a name or class
	maxState   = 8 << 20 // of a sync state
	maxMessage = 300     // of what is kept of the server's words
	maxValues  = 32      // of MessageXml
)

// answer reads the answer of an operation.
type answer struct {
	*xmlstream.Scanner
	op        string
	requestID string
	status    int
	version   ServerVersion
	messages  int
}

func newAnswer(op, requestID string, status int, r io.Reader) *answer {
	return &answer{Scanner: xmlstream.NewScanner(r), op: op, requestID: requestID, status: status}
}

// begin reads up to the first response message. A fault is an *Error.
func (a *answer) begin() error {
	tok, err := a.next()
	if err != nil {
		return err
	}
	if tok.Name.Local != "Envelope" {
		return a.odd("the answer is no SOAP document but <" + short(tok.Name.Local) + ">; check the URL")
	}
	for {
		tok, err := a.next()
		if err != nil {
			return err
		}
		if tok.Kind == xmlstream.End {
			return a.odd("the answer has no body")
		}
		switch tok.Name.Local {
		case "Header":
			err = a.header()
		case "Body":
			return a.body()
		default:
			err = a.skip()
		}
		if err != nil {
			return err
		}
	}
}

func (a *answer) header() error {
	return a.children(func(tok xmlstream.Token) error {
		if tok.Name.Local == "ServerVersionInfo" {
			number := func(name string) int { n, _ := strconv.Atoi(tok.Attr(name)); return n }
			a.version = ServerVersion{
				Major: number("MajorVersion"), Minor: number("MinorVersion"), Version: short(tok.Attr("Version")),
				MajorBuild: number("MajorBuildNumber"), MinorBuild: number("MinorBuildNumber"),
			}
		}
		return a.skip()
	})
}

func (a *answer) body() error {
	tok, err := a.next()
	if err != nil {
		return err
	}
	switch {
	case tok.Kind == xmlstream.End:
		return a.odd("the answer's body is empty")
	case tok.Name.Local == "Fault":
		return a.fault()
	case tok.Name.Local != a.op+"Response":
		return a.odd("the answer is <" + short(tok.Name.Local) + ">")
	}
	if tok, err = a.next(); err != nil {
		return err
	}
	if tok.Kind == xmlstream.End || tok.Name.Local != "ResponseMessages" {
		return a.odd("the answer has no response messages")
	}
	return nil
}

func (a *answer) fault() error {
	e := a.newError(ScopeFault)
	var faultCode, faultText string
	err := a.children(func(tok xmlstream.Token) (err error) {
		switch tok.Name.Local {
		case "faultcode":
			faultCode, err = a.text(maxName)
			faultCode = strings.TrimSpace(faultCode)
			faultCode = faultCode[strings.LastIndexByte(faultCode, ':')+1:]
			return err
		case "faultstring":
			faultText, err = a.text(maxState)
			return err
		case "detail":
			return a.children(func(tok xmlstream.Token) error { _, err := a.errorPart(e, tok); return err })
		}
		return a.skip()
	})
	if err != nil {
		return err
	}
	if e.Code == "" && strings.HasPrefix(faultCode, "Error") {
		e.Code = short(faultCode)
	}
	if e.Message == "" {
		e.Message = oneLine(faultText)
	}
	if err := a.end(); err != nil {
		return err
	}
	return e.complete()
}

func (a *answer) newError(scope Scope) *Error {
	return &Error{Op: a.op, Scope: scope, HTTPStatus: a.status, RequestID: a.requestID}
}

// errorPart reads one element of those that tell of an error, in whatever
// namespace: Exchange puts them into another in faults.
func (a *answer) errorPart(e *Error, tok xmlstream.Token) (known bool, err error) {
	var text string
	switch tok.Name.Local {
	case "ResponseCode":
		text, err = a.text(maxName)
		e.Code = short(strings.TrimSpace(text))
	case "Message", "MessageText":
		text, err = a.text(maxState)
		e.Message = oneLine(text)
	case "DescriptiveLinkKey":
		err = a.skip()
	case "MessageXml":
		err = a.children(func(tok xmlstream.Token) error { return a.value(e, tok) })
	default:
		if e.Scope == ScopeFault {
			err = a.skip()
		}
		return e.Scope == ScopeFault, err
	}
	return true, err
}

func (a *answer) value(e *Error, tok xmlstream.Token) error {
	name := tok.Name.Local
	if name == "Value" {
		name = tok.Attr("Name")
	}
	name, attr := short(name), tok.Attr("FieldURI")
	text, err := a.text(maxState)
	if err != nil {
		return err
	}
	if text == "" {
		text = attr
	}
	if e.Values == nil {
		e.Values = make(map[string]string)
	}
	if len(e.Values) < maxValues {
		e.Values[name] = oneLine(text)
	}
	return nil
}

var (
	policyText  = regexp.MustCompile(`policy part '(\w+)', policy value '(\d+)'`)
	backOffText = regexp.MustCompile(`Suggested backoff time (\d+) ms`)
)

// complete sets what follows from the values and texts of an error.
func (e *Error) complete() *Error {
	e.InnerCode = strings.TrimSpace(e.Values["InnerErrorResponseCode"])
	texts := e.Message + "\n" + e.Values["ErrorMessage"] + "\n" + e.Values["InnerErrorMessageText"]
	ms, ok := e.Values["BackOffMilliseconds"], true
	if m := backOffText.FindStringSubmatch(texts); ms == "" && m != nil {
		ms = m[1]
	} else if ms == "" {
		ok = false
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(ms), 10, 64); ok && err == nil && n > 0 {
		e.BackOff = time.Duration(min(n, backOffMax.Milliseconds())) * time.Millisecond
	}
	if m := policyText.FindStringSubmatch(texts); m != nil {
		if e.Values == nil {
			e.Values = make(map[string]string)
		}
		e.Values[valuePolicy], e.Values[valueLimit] = m[1], m[2]
	}
	return e
}

// message begins the next response message: false after the last, when the
// document has ended well.
func (a *answer) message() (class string, ok bool, err error) {
	tok, err := a.next()
	if err != nil {
		return "", false, err
	}
	if tok.Kind == xmlstream.End {
		return "", false, a.end()
	}
	a.messages++
	return tok.Attr("ResponseClass"), true, nil
}

// part returns the next child of a response message that does not tell of an
// error; those are put into e. false: the message has ended.
func (a *answer) part(e *Error) (tok xmlstream.Token, ok bool, err error) {
	for {
		tok, err = a.next()
		if err != nil || tok.Kind == xmlstream.End {
			return tok, false, err
		}
		known, err := a.errorPart(e, tok)
		if !known || err != nil {
			return tok, true, err
		}
	}
}

// outcome is nil for success. A warning is an item that was not processed.
func outcome(class string, e *Error) *Error {
	switch {
	case class == "Success" && (e.Code == "" || e.Code == "NoError"):
		return nil
	case class == "Warning" && e.Code == "NoError":
		return nil
	case class == "Warning":
		e.Scope = ScopeBatch
	}
	if e.Code == "NoError" {
		e.Code = ""
	}
	return e.complete()
}

// each reads all response messages. child is given what does not tell of an
// error and must consume the element; done is told how each message ended.
func (a *answer) each(child func(tok xmlstream.Token) error, done func(e *Error) error) error {
	for {
		class, ok, err := a.message()
		if err != nil || !ok {
			return err
		}
		e := a.newError(ScopeItem)
		for {
			tok, ok, err := a.part(e)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			if err := child(tok); err != nil {
				return err
			}
		}
		if err := done(outcome(class, e)); err != nil {
			return err
		}
	}
}

// single reads an answer that has one response message.
func (a *answer) single(child func(tok xmlstream.Token) error) error {
	n, failed := 0, (*Error)(nil)
	err := a.each(child, func(e *Error) error {
		n, failed = n+1, e
		return nil
	})
	switch {
	case err != nil:
		return err
	case n != 1:
		return &CountError{Op: a.op, Want: 1, Got: n}
	case failed != nil:
		return failed
	}
	return nil
}

// children calls f for each element inside of the one just begun.
func (a *answer) children(f func(tok xmlstream.Token) error) error {
	for {
		tok, err := a.next()
		if err != nil || tok.Kind == xmlstream.End {
			return err
		}
		if err := f(tok); err != nil {
			return err
		}
	}
}

// end reads to the end of the document, where nothing may follow.
func (a *answer) end() error {
	for {
		if _, err := a.Next(); err == io.EOF {
			break
		} else if err != nil {
			return a.wrap(err)
		}
	}
	if a.marked(a.Trailing()) {
		return &TruncatedError{Op: a.op, Where: "after the answer", Marked: true}
	}
	if a.Trailing() != "" {
		return a.odd("something follows the answer")
	}
	if a.marked(a.Stray()) {
		return &TruncatedError{Op: a.op, Where: "between the answers", Marked: true}
	}
	return nil
}

func (a *answer) marked(text string) bool { return strings.Contains(text, "= Truncated Data") }

func (a *answer) next() (xmlstream.Token, error) {
	tok, err := a.Next()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return tok, a.wrap(err)
	}
	return tok, nil
}

func (a *answer) skip() error {
	if err := a.Skip(); err != nil {
		return a.wrap(err)
	}
	return nil
}

// text reads the text of the current element; what is beyond limit bytes is
// left out, and elements inside are skipped.
func (a *answer) text(limit int) (string, error) {
	var b strings.Builder
	_, err := io.Copy(&b, io.LimitReader(a.Text(), int64(limit)))
	if err == nil {
		err = a.Skip()
	}
	if err != nil {
		return "", a.wrap(err)
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD"), nil
}

// whole reads a text of which nothing may be left out.
func (a *answer) whole(limit int) (string, error) {
	s, err := a.text(limit + 1)
	if err == nil && len(s) > limit {
		err = a.odd("a text longer than " + strconv.Itoa(limit) + " bytes")
	}
	return s, err
}

// wrap makes an error of the scanner, or of what it reads from, one of ours.
func (a *answer) wrap(err error) error {
	var syntax *xmlstream.SyntaxError
	switch {
	case a.marked(a.Stray()):
		return &TruncatedError{Op: a.op, Where: "between the answers", Marked: true}
	case errors.As(err, &syntax):
		return &ProtocolError{Op: a.op, Reason: "the answer is not well-formed", Err: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &TruncatedError{Op: a.op, Where: "before its end"}
	}
	var protocol *ProtocolError
	if errors.As(err, &protocol) {
		return err
	}
	return &TruncatedError{Op: a.op, Where: "by a broken connection", Err: err}
}

func (a *answer) odd(reason string) error {
	return &ProtocolError{Op: a.op, Offset: a.Offset(), Reason: reason}
}

// oneLine keeps the beginning of a text, blank space made single.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7F {
			return ' '
		}
		return r
	}, s)), " ")
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}

func short(s string) string {
	return oneLine(s[:min(len(s), 100)])
}
