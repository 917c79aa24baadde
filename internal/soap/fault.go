package soap

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"mailferry/internal/xmlstream"
)

// The names under which an Error's Values keep what throttling texts tell.
const (
	ValuePolicy = "Policy"      // for example "ConcurrentSyncCalls"
	ValueLimit  = "PolicyLimit" // for example "5"
)

// Limits of what is kept of an answer, in bytes where nothing else is said.
const (
	MaxID      = 4 << 10   // of an id or change key
	MaxName    = 4 << 10   // of a name or class
	MaxState   = 8 << 20   // of a sync state
	MaxBackOff = time.Hour // no server is believed to mean a longer back-off
	maxMessage = 300       // of the server's words
	maxValues  = 32        // entries of MessageXml
)

func (a *Answer) fault() error {
	e := a.NewError(ScopeFault)
	var faultCode, faultText string
	err := a.Children(func(tok xmlstream.Token) (err error) {
		switch tok.Name.Local {
		case "faultcode":
			faultCode, err = a.Text(MaxName)
			faultCode = strings.TrimSpace(faultCode)
			faultCode = faultCode[strings.LastIndexByte(faultCode, ':')+1:]
			return err
		case "faultstring":
			faultText, err = a.Text(MaxState)
			return err
		case "detail":
			return a.Children(func(tok xmlstream.Token) error { _, err := a.errorPart(e, tok); return err })
		}
		return a.Skip()
	})
	if err != nil {
		return err
	}
	if e.Code == "" && strings.HasPrefix(faultCode, "Error") {
		e.Code = Short(faultCode)
	}
	if e.Message == "" {
		e.Message = OneLine(faultText)
	}
	if err := a.End(); err != nil {
		return err
	}
	return e.Complete()
}

// NewError begins an error of this answer.
func (a *Answer) NewError(scope Scope) *Error {
	return &Error{Op: a.Op, Scope: scope, HTTPStatus: a.Status, RequestID: a.RequestID}
}

// errorPart reads one element of those that tell of an error, in whatever
// namespace: Exchange puts them into another in faults.
func (a *Answer) errorPart(e *Error, tok xmlstream.Token) (known bool, err error) {
	var text string
	switch tok.Name.Local {
	case "ResponseCode":
		text, err = a.Text(MaxName)
		e.Code = Short(strings.TrimSpace(text))
	case "Message", "MessageText":
		text, err = a.Text(MaxState)
		e.Message = OneLine(text)
	case "DescriptiveLinkKey":
		err = a.Skip()
	case "MessageXml":
		err = a.Children(func(tok xmlstream.Token) error { return a.value(e, tok) })
	default:
		if e.Scope == ScopeFault {
			err = a.Skip()
		}
		return e.Scope == ScopeFault, err
	}
	return true, err
}

func (a *Answer) value(e *Error, tok xmlstream.Token) error {
	name := tok.Name.Local
	if name == "Value" {
		name = tok.Attr("Name")
	}
	name, attr := Short(name), tok.Attr("FieldURI")
	text, err := a.Text(MaxState)
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
		e.Values[name] = OneLine(text)
	}
	return nil
}

var (
	policyText  = regexp.MustCompile(`policy part '(\w+)', policy value '(\d+)'`)
	backOffText = regexp.MustCompile(`Suggested backoff time (\d+) ms`)
)

// Complete sets what follows from the values and texts of an error.
func (e *Error) Complete() *Error {
	e.InnerCode = strings.TrimSpace(e.Values["InnerErrorResponseCode"])
	texts := e.Message + "\n" + e.Values["ErrorMessage"] + "\n" + e.Values["InnerErrorMessageText"]
	ms, ok := e.Values["BackOffMilliseconds"], true
	if m := backOffText.FindStringSubmatch(texts); ms == "" && m != nil {
		ms = m[1]
	} else if ms == "" {
		ok = false
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(ms), 10, 64); ok && err == nil && n > 0 {
		e.BackOff = time.Duration(min(n, MaxBackOff.Milliseconds())) * time.Millisecond
	}
	if m := policyText.FindStringSubmatch(texts); m != nil {
		if e.Values == nil {
			e.Values = make(map[string]string)
		}
		e.Values[ValuePolicy], e.Values[ValueLimit] = m[1], m[2]
	}
	return e
}
