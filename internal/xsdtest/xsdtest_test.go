package xsdtest

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mailferry/internal/sharedtest"
)

const envelope = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Body>%</s:Body></s:Envelope>`

func soap(body string) []byte { return []byte(strings.Replace(envelope, "%", body, 1)) }

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, doc []byte) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, doc, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	large := bytes.Repeat([]byte("QUJD"), 5<<20)
	files := []string{
		write("valid.xml", soap(`<m:ExportItems><m:ItemIds><t:ItemId Id="A" ChangeKey="B"/></m:ItemIds></m:ExportItems>`)),
		write("no-ids.xml", soap(`<m:ExportItems><m:ItemIds/></m:ExportItems>`)),
		write("large.xml", soap(`<m:UploadItems><m:Items><t:Item CreateAction="CreateNew"><t:ParentFolderId Id="A"/><t:Data>`+string(large)+`</t:Data></t:Item></m:Items></m:UploadItems>`)),
		write("cut.xml", []byte(`<s:Envelope>`)),
		write("unknown.xml", soap(`<m:MakeCoffee/>`)),
	}
	ValidateFiles(t, files[0], files[2])
	var names []string
	for _, refusal := range Refusals(t, files...) {
		name, _, _ := strings.Cut(refusal, " ")
		names = append(names, name)
	}
	if got, want := strings.Join(names, " "), "no-ids.xml cut.xml unknown.xml"; got != want {
		t.Errorf("refused %q, want %q", got, want)
	}
	if got := Refusals(t, files[3]); len(got) != 1 {
		t.Errorf("a document that is no XML: %q", got)
	}
}

// The documents of shared/testdata: those in soap are valid but for the ones
// that NOT-VALID names; each in xsd/invalid says why it must be refused.
func TestKnownDocuments(t *testing.T) {
	soapDir, xsdDir := sharedtest.Dir(t, "testdata/soap"), sharedtest.Dir(t, "testdata/xsd")
	list, err := os.ReadFile(filepath.Join(soapDir, "NOT-VALID"))
	if err != nil {
		t.Fatal(err)
	}
	known, err := filepath.Glob(filepath.Join(soapDir, "*", "*.xml"))
	if err != nil || len(known) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	var valid []string
	for _, file := range known {
		rel, _ := filepath.Rel(soapDir, file)
		if !bytes.Contains(list, []byte(filepath.ToSlash(rel)+"\t")) {
			valid = append(valid, file)
		}
	}
	ValidateFiles(t, valid...)

	broken, err := filepath.Glob(filepath.Join(xsdDir, "invalid", "*.xml"))
	if err != nil || len(broken) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	refusals := strings.Join(Refusals(t, broken...), "\n")
	expect := regexp.MustCompile(`(?m)^<!-- expect: (.*) -->$`)
	for _, file := range broken {
		doc, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		reason := expect.FindSubmatch(doc)
		if reason == nil {
			t.Fatalf("%s does not say why it is refused", filepath.Base(file))
		}
		_, said, found := strings.Cut(refusals, filepath.Base(file)+" is refused")
		said, _, _ = strings.Cut(said, " is refused by the schemas")
		if !found || !strings.Contains(said, string(reason[1])) {
			t.Errorf("%s: not refused for %q", filepath.Base(file), reason[1])
		}
	}
}
