package soap

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"mailferry/internal/watch"
	"mailferry/internal/xmlstream"
)

// Answer reads the answer of an operation. Its errors are an *Error, a
// *TruncatedError, a *CountError, or a *ProtocolError.
type Answer struct {
	Op        string
	RequestID string
	Status    int           // of HTTP
	Version   ServerVersion // known after Begin
	scan      *xmlstream.Scanner
}

// NewAnswer returns a reader of the answer of op.
func NewAnswer(op, requestID string, status int, r io.Reader) *Answer {
	return &Answer{scan: xmlstream.NewScanner(r), Op: op, RequestID: requestID, Status: status}
}

// Begin reads up to the first response message. A fault is an *Error.
func (a *Answer) Begin() error {
	tok, err := a.Next()
	if err != nil {
		return err
	}
	if tok.Name.Local != "Envelope" {
		return a.Odd("the answer is no SOAP document but <" + Short(tok.Name.Local) + ">; check the URL")
	}
	for {
		tok, err := a.Next()
		if err != nil {
			return err
		}
		if tok.Kind == xmlstream.End {
			return a.Odd("the answer has no body")
		}
		switch tok.Name.Local {
		case "Header":
			err = a.header()
		case "Body":
			return a.body()
		default:
			err = a.Skip()
		}
		if err != nil {
			return err
		}
	}
}

func (a *Answer) header() error {
	return a.Children(func(tok xmlstream.Token) error {
		if tok.Name.Local == "ServerVersionInfo" {
			number := func(name string) int { n, _ := strconv.Atoi(tok.Attr(name)); return n }
			a.Version = ServerVersion{
				Major: number("MajorVersion"), Minor: number("MinorVersion"), Version: Short(tok.Attr("Version")),
				MajorBuild: number("MajorBuildNumber"), MinorBuild: number("MinorBuildNumber"),
			}
		}
		return a.Skip()
	})
}

func (a *Answer) body() error {
	tok, err := a.Next()
	if err != nil {
		return err
	}
	switch {
	case tok.Kind == xmlstream.End:
		return a.Odd("the answer's body is empty")
	case tok.Name.Local == "Fault":
		return a.fault()
	case tok.Name.Local != a.Op+"Response":
		return a.Odd("the answer is <" + Short(tok.Name.Local) + ">")
	}
	if tok, err = a.Next(); err != nil {
		return err
	}
	if tok.Kind == xmlstream.End || tok.Name.Local != "ResponseMessages" {
		return a.Odd("the answer has no response messages")
	}
	return nil
}

// Message begins the next response message: false after the last, when the
// document has ended well.
func (a *Answer) Message() (class string, ok bool, err error) {
	tok, err := a.Next()
	if err != nil {
		return "", false, err
	}
	if tok.Kind == xmlstream.End {
		return "", false, a.End()
	}
	return tok.Attr("ResponseClass"), true, nil
}

// Part returns the next child of a response message that does not tell of an
// error; those are put into e. false: the message has ended.
func (a *Answer) Part(e *Error) (tok xmlstream.Token, ok bool, err error) {
	for {
		tok, err = a.Next()
		if err != nil || tok.Kind == xmlstream.End {
			return tok, false, err
		}
		known, err := a.errorPart(e, tok)
		if !known || err != nil {
			return tok, true, err
		}
	}
}

// Outcome is nil for success. A warning is an item that was not processed.
func Outcome(class string, e *Error) *Error {
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
	return e.Complete()
}

// Each reads all response messages. child is given what does not tell of an
// error and must consume the element; done is told how each message ended.
func (a *Answer) Each(child func(tok xmlstream.Token) error, done func(e *Error) error) error {
	for {
		class, ok, err := a.Message()
		if err != nil || !ok {
			return err
		}
		e := a.NewError(ScopeItem)
		for {
			tok, ok, err := a.Part(e)
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
		if err := done(Outcome(class, e)); err != nil {
			return err
		}
	}
}

// Single reads an answer that has one response message.
func (a *Answer) Single(child func(tok xmlstream.Token) error) error {
	n, failed := 0, (*Error)(nil)
	err := a.Each(child, func(e *Error) error {
		n, failed = n+1, e
		return nil
	})
	switch {
	case err != nil:
		return err
	case n != 1:
		return &CountError{Op: a.Op, Want: 1, Got: n}
	case failed != nil:
		return failed
	}
	return nil
}

// Children calls f for each element inside of the one just begun.
func (a *Answer) Children(f func(tok xmlstream.Token) error) error {
	for {
		tok, err := a.Next()
		if err != nil || tok.Kind == xmlstream.End {
			return err
		}
		if err := f(tok); err != nil {
			return err
		}
	}
}

// End reads to the end of the document, where nothing may follow.
func (a *Answer) End() error {
	for {
		if _, err := a.scan.Next(); err == io.EOF {
			break
		} else if err != nil {
			return a.Wrap(err)
		}
	}
	if Marked(a.scan.Trailing()) {
		return &TruncatedError{Op: a.Op, Where: "after the answer", Marked: true}
	}
	if a.scan.Trailing() != "" {
		return a.Odd("something follows the answer")
	}
	if Marked(a.scan.Stray()) {
		return &TruncatedError{Op: a.Op, Where: "between the answers", Marked: true}
	}
	return nil
}

// Marked says whether a text holds Exchange's mark of a cut answer.
func Marked(text string) bool { return strings.Contains(text, "= Truncated Data") }

// Marked says whether the mark stood between the elements read last.
func (a *Answer) Marked() bool { return Marked(a.scan.Stray()) }

// Data returns the text of the current element.
func (a *Answer) Data() io.Reader { return a.scan.Text() }

// Offset returns how many bytes of the answer were read.
func (a *Answer) Offset() int64 { return a.scan.Offset() }

// Next returns the next tag; the end of the document is an error.
func (a *Answer) Next() (xmlstream.Token, error) {
	tok, err := a.scan.Next()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return tok, a.Wrap(err)
	}
	return tok, nil
}

// Skip reads to the end of the current element.
func (a *Answer) Skip() error {
	if err := a.scan.Skip(); err != nil {
		return a.Wrap(err)
	}
	return nil
}

// Text reads the text of the current element; what is beyond limit bytes is
// left out, and elements inside are skipped.
func (a *Answer) Text(limit int) (string, error) {
	var b strings.Builder
	_, err := io.Copy(&b, io.LimitReader(a.scan.Text(), int64(limit)))
	if err == nil {
		err = a.scan.Skip()
	}
	if err != nil {
		return "", a.Wrap(err)
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD"), nil
}

// Whole reads a text of which nothing may be left out.
func (a *Answer) Whole(limit int) (string, error) {
	s, err := a.Text(limit + 1)
	if err == nil && len(s) > limit {
		err = a.Odd("a text longer than " + strconv.Itoa(limit) + " bytes")
	}
	return s, err
}

// Wrap makes an error of the scanner, or of what it reads from, one of ours.
func (a *Answer) Wrap(err error) error {
	var (
		syntax   *xmlstream.SyntaxError
		protocol *ProtocolError
		bad      *watch.BadAnswerError
	)
	switch {
	case Marked(a.scan.Stray()):
		return &TruncatedError{Op: a.Op, Where: "between the answers", Marked: true}
	case errors.As(err, &syntax):
		return &ProtocolError{Op: a.Op, Reason: "the answer is not well-formed", Err: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &TruncatedError{Op: a.Op, Where: "before its end"}
	}
	switch {
	case errors.As(err, &protocol):
		return err
	case errors.As(err, &bad):
		return &ProtocolError{Op: a.Op, Reason: bad.Reason, Err: bad.Err}
	}
	return &TruncatedError{Op: a.Op, Where: "by a broken connection", Err: err}
}

// Odd is an error for what the protocol does not know.
func (a *Answer) Odd(reason string) error {
	return &ProtocolError{Op: a.Op, Offset: a.scan.Offset(), Reason: reason}
}

// OneLine keeps the beginning of a text, blank space made single.
func OneLine(s string) string {
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

// Short is OneLine of a name or code.
func Short(s string) string {
	return OneLine(s[:min(len(s), 100)])
}
