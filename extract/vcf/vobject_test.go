package vcf_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailferry/ews/ewstest/mailbox"
	"mailferry/extract/vcf"
	"mailferry/fts"
	"mailferry/internal/sharedtest"
)

// read is what a program understands of a card.
type read struct {
	FN         string   `json:"fn"`
	Family     string   `json:"family"`
	Given      string   `json:"given"`
	Org        []string `json:"org"`
	Title      string   `json:"title"`
	Note       string   `json:"note"`
	Emails     []string `json:"emails"`
	Phones     []string `json:"phones"`
	Cities     []string `json:"cities"`
	Birthday   string   `json:"birthday"`
	UID        string   `json:"uid"`
	Categories []string `json:"categories"`
	Kind       string   `json:"kind"`
	Members    []string `json:"members"`
	Photo      string   `json:"photo"`
}

// TestVobject has another program read the cards of all contacts there are: those
// that the simulator makes up, those that another program wrote, and one with
// everything.
func TestVobject(t *testing.T) {
	t.Parallel()
	sharedtest.PythonModule(t, "vobject")
	dir := t.TempDir()
	var files []string
	var wants []read
	add := func(blob []byte) {
		for _, v := range []vcf.Version{vcf.V3, vcf.V4} {
			it := open(t, blob)
			if class := it.Class(); !strings.HasPrefix(class, "IPM.Contact") && !strings.HasPrefix(class, "IPM.DistList") {
				return
			}
			file := filepath.Join(dir, fmt.Sprint(len(files)))
			must(t, os.WriteFile(file, []byte(write(t, it, v)), 0o600))
			files, wants = append(files, file), append(wants, wanted(t, &it.Message, v))
		}
	}
	var full bytes.Buffer
	must(t, fts.WriteMessage(&full, contact(), fts.WriteOptions{}))
	add(full.Bytes())
	m, err := mailbox.Load("sample:240", "anna@example.com", mailbox.Options{})
	must(t, err)
	for _, f := range m.Folders() {
		if f.Search || f.Class != "IPF.Contact" {
			continue
		}
		for _, it := range m.Items(f.ID) {
			var blob bytes.Buffer
			must(t, m.WriteBlob(&blob, it))
			add(blob.Bytes())
		}
	}
	if len(files) < 10 {
		t.Fatalf("%d cards", len(files))
	}
	if independent, _ := filepath.Glob("../../shared/testdata/fts/independent/*.blob"); len(independent) > 0 {
		for _, path := range independent {
			blob, err := os.ReadFile(path)
			must(t, err)
			add(blob)
		}
	}
	cmd := exec.CommandContext(t.Context(), sharedtest.Python, filepath.Join("..", "..", "testdata", "interop", "read_vcard.py"))
	cmd.Stdin, cmd.Stderr = strings.NewReader(strings.Join(files, "\n")), os.Stderr
	out, err := cmd.Output()
	must(t, err)
	d := json.NewDecoder(bytes.NewReader(out))
	for i := range files {
		var got read
		must(t, d.Decode(&got))
		if diff := cmp.Diff(asJSON(wants[i]), asJSON(got)); diff != "" {
			t.Errorf("card %d: %s", i, diff)
		}
	}
	t.Logf("%d cards", len(files))
}

func asJSON(r read) string {
	b, _ := json.MarshalIndent(r, "", " ")
	return strings.ReplaceAll(string(b), "null", "[]")
}

// wanted is what the card of an item must say, as the item has it.
func wanted(t testing.TB, m *fts.Message, v vcf.Version) read {
	t.Helper()
	s := m.Props.String
	named := func(number uint32) string {
		v, _ := fts.NamedValue[string](m.Props, fts.LID(fts.PSETIDAddress, number))
		return v
	}
	r := read{FN: s(0x3001), Categories: m.Categories()}
	if key := m.Props.Bytes(0x300B); len(key) == 16 {
		h := hex.EncodeToString(key)
		r.UID = fmt.Sprintf("urn:uuid:%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
	}
	if body, err := m.Text(); err == nil && body != nil {
		b, err := io.ReadAll(body)
		must(t, err)
		r.Note = strings.ReplaceAll(string(b), "\r\n", "\n")
	}
	for i := range m.Attachments {
		if a := &m.Attachments[i]; a.Props.Bool(0x7FFF) {
			p, _ := a.Data()
			b, err := p.Open()
			must(t, err)
			data, err := io.ReadAll(b)
			must(t, err)
			sum := sha256.Sum256(data)
			r.Photo = hex.EncodeToString(sum[:])
		}
	}
	if strings.HasPrefix(m.Class(), "IPM.DistList") {
		r.Kind = "group"
		if v == vcf.V3 { // there it must have a name of parts
			r.Family = r.FN
		}
		ids, _ := fts.NamedValue[[][]byte](m.Props, fts.LID(fts.PSETIDAddress, 0x8054))
		if ids == nil {
			ids, _ = fts.NamedValue[[][]byte](m.Props, fts.LID(fts.PSETIDAddress, 0x8055))
		}
		for _, id := range ids {
			p, _ := fts.ParseEntryID(id)
			r.Members = append(r.Members, "mailto:"+p.Address)
		}
		return r
	}
	r.Family, r.Given, r.Title = s(0x3A11), s(0x3A06), s(0x3A17)
	if c, d := s(0x3A16), s(0x3A18); d != "" {
		r.Org = []string{c, d}
	} else if c != "" {
		r.Org = []string{c}
	}
	for _, first := range []uint32{0x8080, 0x8090, 0x80A0} {
		at := named(first + 3)
		switch {
		case at == "":
			continue
		case named(first+2) == "EX" && strings.Contains(named(first+4), "@"):
			at = named(first + 4)
		case named(first+2) == "EX":
			at = "IMCEAEX-" + strings.ReplaceAll(at, "/", "_") + "@imcea.invalid"
		}
		r.Emails = append(r.Emails, at)
	}
	for _, id := range []uint16{0x3A1A, 0x3A08, 0x3A09, 0x3A1C, 0x3A24} {
		if s(id) != "" {
			r.Phones = append(r.Phones, s(id))
		}
	}
	for _, city := range []string{named(0x8046), s(0x3A59)} {
		if city != "" {
			r.Cities = append(r.Cities, city)
		}
	}
	if at := m.Props.Time(0x3A42); !at.IsZero() {
		r.Birthday = at.Format("20060102")
		if at.Hour() >= 12 { // midnight east of Greenwich
			r.Birthday = at.AddDate(0, 0, 1).Format("20060102")
		}
	}
	return r
}
