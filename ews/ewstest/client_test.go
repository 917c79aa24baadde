package ewstest_test

import (
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/internal/xsdtest"
)

const (
	envelopeStart = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/>`
	envelopeEnd   = `</s:Body></s:Envelope>`
)

// probe is a client that says exactly what a test wants, and keeps all answers
// to have them validated.
type probe struct {
	t       *testing.T
	s       *ewstest.Server
	user    string
	pass    string
	header  string // more SOAP headers
	answers map[string][]byte
}

// newProbe starts a server and validates at the end of the test all that it answered.
func newProbe(t *testing.T, o ewstest.Options) *probe {
	t.Helper()
	s := ewstest.Start(t, o)
	p := &probe{t: t, s: s, user: ewstest.DefaultUser, pass: ewstest.DefaultPassword, answers: map[string][]byte{}}
	if len(o.Users) > 0 {
		p.user, p.pass = o.Users[0].Name, o.Users[0].Password
	}
	t.Cleanup(p.validate)
	return p
}

// post sends a whole document.
func (p *probe) post(document string) (int, string) {
	p.t.Helper()
	status, _, body := p.request(document, nil)
	return status, body
}

func (p *probe) request(document string, change func(*http.Request)) (int, http.Header, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.s.URL(), strings.NewReader(document))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.SetBasicAuth(p.user, p.pass)
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/xml") && len(body) < 4<<20 {
		p.answers[string(body)] = body
	}
	return resp.StatusCode, resp.Header, string(body)
}

// do sends the content of a SOAP body as the mailbox alice@example.com, and
// expects HTTP 200.
func (p *probe) do(operation string) string {
	p.t.Helper()
	status, body := p.post(envelopeStart + p.header + "</s:Header><s:Body>" + operation + envelopeEnd)
	if status != http.StatusOK {
		p.t.Fatalf("HTTP %d: %s", status, body)
	}
	return body
}

// fault sends the content of a SOAP body, and expects a fault with the code.
func (p *probe) fault(operation, code string) string {
	p.t.Helper()
	status, body := p.post(envelopeStart + p.header + "</s:Header><s:Body>" + operation + envelopeEnd)
	if status != http.StatusInternalServerError || !strings.Contains(body, "a:"+code+"<") || !strings.Contains(body, ">"+code+"</e:ResponseCode>") {
		p.t.Fatalf("HTTP %d, want the fault %s: %s", status, code, body)
	}
	return body
}

// validate has xmllint check all answers against the public schemas.
func (p *probe) validate() {
	p.t.Helper()
	docs := slices.Collect(maps.Values(p.answers))
	xsdtest.Validate(p.t, docs...)
}

// codes returns the response codes of an answer in order.
func codes(body string) []string {
	var found []string
	for _, m := range regexp.MustCompile(`<(?:\w+:)?ResponseCode>(\w+)<`).FindAllStringSubmatch(body, -1) {
		found = append(found, m[1])
	}
	return found
}

// attr returns the values of an attribute of elements with that local name.
func attr(body, element, name string) []string {
	var found []string
	for _, m := range regexp.MustCompile(`<(?:[\w-]+:)?`+element+`\b[^>]*?\b`+name+`="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		found = append(found, m[1])
	}
	return found
}

// content returns the texts of elements with that local name.
func content(body, element string) []string {
	var found []string
	for _, m := range regexp.MustCompile(`<(?:[\w-]+:)?`+element+`(?: [^>]*)?>([^<]*)<`).FindAllStringSubmatch(body, -1) {
		found = append(found, m[1])
	}
	return found
}
