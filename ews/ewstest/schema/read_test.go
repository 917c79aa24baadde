package schema_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"mailferry/ews/ewstest/schema"
)

const envelope = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">`

func length(r io.Reader) (any, error) {
	n, err := io.Copy(io.Discard, r)
	return n, err
}

func TestRead(t *testing.T) {
	req, err := schema.Read(strings.NewReader(envelope+`<s:Header><t:RequestServerVersion Version="Exchange2016"/><x:Other xmlns:x="urn:x"><x:In/></x:Other></s:Header><s:Body>
<UploadItems xmlns="http://schemas.microsoft.com/exchange/services/2006/messages"><Items><t:Item CreateAction="CreateNew" IsAssociated=" 1 "><t:ParentFolderId Id="a&amp;b"/><t:Data> QUJD
REVG </t:Data></t:Item></Items></UploadItems></s:Body></s:Envelope>`), length)
	if err != nil {
		t.Fatal(err)
	}
	item := req.Operation.Child("m:Items", "t:Item")
	if req.Operation.Name != "m:UploadItems" || item.Child("t:ParentFolderId").Value("Id") != "a&b" || item.Child("t:Data").Data != int64(6) {
		t.Errorf("%+v", item)
	}
	if req.Header("t:RequestServerVersion").Value("Version") != "Exchange2016" || len(req.Headers) != 1 {
		t.Errorf("headers %+v", req.Headers)
	}
}

func TestViolations(t *testing.T) {
	get := func(s string) string {
		return envelope + "\n<s:Body>\n <m:GetItem>" + s + "</m:GetItem></s:Body></s:Envelope>"
	}
	shape := `<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>`
	ids := `<m:ItemIds><t:ItemId Id="x"/></m:ItemIds>`
	for _, tc := range []struct{ doc, want string }{
		{get(ids + shape), "has invalid child element 'ItemIds'"},
		{get(shape), "incomplete content"},
		{get(shape + ids + ids), "has invalid child element 'ItemIds'"},
		{get(shape + "<m:ItemIds><t:ItemId/></m:ItemIds>"), "required attribute 'Id'"},
		{get(shape + `<m:ItemIds><t:ItemId Id="x" Key="y"/></m:ItemIds>`), "'Key' attribute is not declared"},
		{get(shape + `<m:ItemIds>words<t:ItemId Id="x"/></m:ItemIds>`), "cannot contain text"},
		{get(`<m:ItemShape><t:BaseShape>Every</t:BaseShape></m:ItemShape>` + ids), "invalid according to its datatype"},
		{get(shape+ids) + "<more/>", "something follows"},
		{envelope + "</s:Envelope>", "no body"},
		{envelope + "<s:Body/></s:Envelope>", "no body"},
		{"<a/>", "not a SOAP 1.1 envelope"},
		{envelope, ""},
		{"<!DOCTYPE a><a/>", ""},
		{"", "has no body"},
		{"plain text", ""},
	} {
		_, err := schema.Read(strings.NewReader(tc.doc), length)
		v, ok := errors.AsType[*schema.Violation](err)
		if !ok || !strings.Contains(v.Text, tc.want) {
			t.Errorf("%.200s: %v, want %q", tc.doc, err, tc.want)
			continue
		}
		if strings.HasPrefix(tc.want, "has invalid child") && v.Line != 3 {
			t.Errorf("line %d, want 3: %v", v.Line, v)
		}
	}
}

// What the connection says is not taken for a violation.
func TestConnectionErrors(t *testing.T) {
	lost := errors.New("connection lost")
	_, err := schema.Read(io.MultiReader(strings.NewReader(envelope), failing{lost}), length)
	if !errors.Is(err, lost) {
		t.Errorf("%v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func FuzzRead(f *testing.F) {
	f.Add(envelope + `<s:Body><m:ExportItems><m:ItemIds><t:ItemId Id="x"/></m:ItemIds></m:ExportItems></s:Body></s:Envelope>`)
	f.Add(envelope + `<s:Body><m:UploadItems><m:Items><t:Item CreateAction="Update"><t:ParentFolderId Id="f"/><t:Data>AAAA</t:Data></t:Item></m:Items></m:UploadItems></s:Body></s:Envelope>`)
	f.Fuzz(func(t *testing.T, doc string) {
		req, err := schema.Read(strings.NewReader(doc), length)
		if v, ok := errors.AsType[*schema.Violation](err); ok {
			if v.Line < 1 || v.Position < 1 || v.Code == "" {
				t.Errorf("%+v", v)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if req.Operation == nil {
			t.Error("no operation and no error")
		}
	})
}

// BenchmarkRead is what a byte of an upload costs before it is stored.
func BenchmarkRead(b *testing.B) {
	doc := envelope + `<s:Body><m:UploadItems><m:Items><t:Item CreateAction="CreateNew"><t:ParentFolderId Id="f"/><t:Data>` + strings.Repeat("QUJD", 4<<20) + `</t:Data></t:Item></m:Items></m:UploadItems></s:Body></s:Envelope>`
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if _, err := schema.Read(strings.NewReader(doc), length); err != nil {
			b.Fatal(err)
		}
	}
}
