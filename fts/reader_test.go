package fts

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"mailferry/internal/sharedtest"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "testdata/fts"), name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Microsoft's samples are cut or spliced, as SOURCES.md beside them tells; each
// must be read as far as it goes and stop where it says.
func TestMicrosoftExcerpts(t *testing.T) {
	for _, c := range []struct {
		name   string
		offset int64
		reason string
		last   string // last property that is whole
		tokens int
	}{
		{"ms-docs-exportitems-op-1", 0x10, "a record of unknown kind", "", 0},
		{"ms-docs-exportitems-op-2", 0x30, "a record of unknown kind", "", 0},
		{"ms-docs-exportitems-op-3", 480, "inside the value of PidTagReceivedByEntryId (0x003F) (60 of 126 bytes)", "003d84b0=", 11},
		{"ms-docs-uploaditems-op-1", 242, "inside a marker or property tag", "00360003=0", 8},
		{"ms-docs-uploaditems-op-2", 324, "inside the value of PidTagSentRepresentingSearchKey (0x003B) (23 of 101 bytes)", "00390040=129177367110000000", 9},
		{"ms-docs-howto-export-1", 0x10, "a record of unknown kind", "", 0},
		{"ms-docs-howto-import-1", 16, "a record of unknown kind", "", 0},
		{"graph-docs-beta-exportitems-1", 62, "before the first TransferBuffer", "", 0},
		{"graph-docs-beta-exportitems-2-midstream", 0, "a record of unknown kind", "", 0},
		{"graph-docs-import-create-1", 93, "inside the value of PidTagMessageClass (0x001A) (7 of 18 bytes)", "00170003=1", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			blob := read(t, c.name+".bin")
			r := NewReader(iotest.OneByteReader(bytes.NewReader(blob)))
			last, n := "", 0
			var err error
			for {
				var tok Token
				if tok, err = r.Next(); err != nil {
					break
				}
				n++
				v, verr := r.Value()
				if verr != nil {
					err = verr
					break
				}
				last = fmt.Sprintf("%08x=%v", uint32(tok.Tag), v)
			}
			var p *Problem
			if !errors.As(err, &p) {
				t.Fatalf("got %v, want a Problem", err)
			}
			if p.Offset != c.offset || !strings.Contains(p.Reason, c.reason) {
				t.Errorf("stopped with %q, want offset %d, %q", p, c.offset, c.reason)
			}
			if last != c.last || n != c.tokens {
				t.Errorf("read %d tokens up to %s, want %d up to %s", n, last, c.tokens, c.last)
			}
			if _, err := Inspect(bytes.NewReader(blob)); err == nil {
				t.Error("Inspect finds it whole")
			}
		})
	}
}

// From the offset that SOURCES.md gives, the spliced samples can be read as a
// stream, once a frame and what should come before are put around them.
func TestMicrosoftSplicedStreams(t *testing.T) {
	m := func(marks ...uint32) (b []byte) {
		for _, u := range marks {
			b = binary.LittleEndian.AppendUint32(b, u)
		}
		return b
	}
	inRecipient := m(markNewAttach, markStartEmbed, markStartRecip)
	for _, c := range []struct {
		name   string
		from   int
		before []byte
		tokens int
		whole  bool
	}{
		{"ms-docs-exportitems-op-1", 0x8E, inRecipient, 9, true},
		{"ms-docs-howto-export-1", 0x76, inRecipient, 8, true},
		{"ms-docs-exportitems-op-2", 0x30, m(markStartRecip), 27, false},
		{"graph-docs-beta-exportitems-2-midstream", 7, nil, 6, false},
	} {
		rest := read(t, c.name+".bin")[c.from:]
		blob := enframe(append(bytes.Clone(c.before), rest...), 1<<20)
		n, err := count(bytes.NewReader(blob))
		var p *Problem
		if whole := err == io.EOF; whole != c.whole || !whole && (!errors.As(err, &p) || p.Offset != int64(len(blob))) {
			t.Errorf("%s: %v", c.name, err)
		}
		if n != c.tokens {
			t.Errorf("%s: %d tokens, want %d", c.name, n, c.tokens)
		}
	}
}

func count(r io.Reader) (n int, err error) {
	for rd := NewReader(r); ; n++ {
		if _, err = rd.Next(); err != nil {
			return n, err
		}
	}
}

func TestConstructedMinimal(t *testing.T) {
	blob := read(t, "CONSTRUCTED-minimal.bin")
	m, err := ReadMessage(bytes.NewReader(blob))
	if err != nil {
		t.Fatal(err)
	}
	c := checker{t}
	k, _ := m.Named(Name{Set: PSPublicStrings, Text: "Keywords"})
	c.equal("categories", k.Value, []string{"Red", "Blue"})
	c.equal("html", string(m.Props.Bytes(0x1013)), "<p/>")
	c.equal("recipient", m.Recipients[0].Props.String(0x3001), "A")
	c.equal("attachment", string(m.Attachments[0].Props.Bytes(idAttachData)), "hi")
	cat, err := Inspect(bytes.NewReader(blob))
	if err != nil || cat.Subject != "Hi" || len(cat.To) != 1 || cat.Attachments[0].Size != 2 {
		t.Errorf("catalogue %+v, %v", cat, err)
	}
}

// Every prefix of a blob but those that end a buffer at the outermost level
// must be found out, by every way to read, at the end of the data.
func TestEveryPrefixIsFoundOut(t *testing.T) {
	var out bytes.Buffer
	if err := WriteMessage(&out, sampleMessage(), WriteOptions{BufferSize: 4096}); err != nil {
		t.Fatal(err)
	}
	blob := out.Bytes()
	for n := 0; n < len(blob); n++ {
		if n > 2000 && n%97 != 0 {
			continue
		}
		_, err := Inspect(bytes.NewReader(blob[:n]))
		var p *Problem
		if !errors.As(err, &p) {
			t.Fatalf("prefix of %d bytes: %v", n, err)
		}
		if p.Offset != int64(n) {
			t.Fatalf("prefix of %d bytes: %v", n, err)
		}
		if _, err := ReadContent(bytes.NewReader(blob[:n])); !errors.As(err, &p) {
			t.Fatalf("prefix of %d bytes: content %v", n, err)
		}
	}
}

func stream(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = binary.LittleEndian.AppendUint32(b, uint32(p))
		case string:
			b = append(b, p...)
		}
	}
	return b
}

func TestProblems(t *testing.T) {
	const head = 70 // to the first byte of the stream
	text := stream(0x001A84B0, 4, "I\x00\x00\x00")
	deep := []byte{}
	for range maxDepth + 1 {
		deep = append(deep, stream(markNewAttach, markStartEmbed)...)
	}
	for name, c := range map[string]struct {
		stream []byte
		offset int64
		reason string
	}{
		"unknown type":      {stream(0x00370099), head, "unknown type 0x0099"},
		"null type":         {stream(0x00370001), head, "unknown type"},
		"multi boolean":     {stream(0x0037100B), head, "unknown type"},
		"foreign marker":    {append(bytes.Clone(text), stream(0x400C0003)...), head + 12, "StartMessage"},
		"end of nothing":    {stream(markEndEmbed), head, "end of an embedded message"},
		"end of no row":     {stream(markEndToRecip), head, "end of a recipient"},
		"end of no file":    {stream(markEndAttach), head, "end of an attachment"},
		"row in a row":      {stream(markStartRecip, markStartRecip), head + 4, "not in a message"},
		"message in a row":  {stream(markStartRecip, markStartEmbed), head + 4, "not in an attachment"},
		"file in a file":    {stream(markNewAttach, markNewAttach), head + 4, "not in a message"},
		"two messages":      {stream(markNewAttach, markStartEmbed, markEndEmbed, markStartEmbed), head + 12, "second embedded"},
		"open recipient":    {stream(markStartRecip), head + 4, "inside a recipient"},
		"open attachment":   {stream(markNewAttach), head + 4, "inside an attachment"},
		"open message":      {stream(markNewAttach, markStartEmbed), head + 8, "inside an embedded message"},
		"too deep":          {deep, head + maxDepth*8 + 4, "more than 256 embedded"},
		"long value":        {stream(0x00370102, -1, "xyz"), head + 11, "(3 of 4294967295 bytes)"},
		"many values":       {stream(0x00371102, -1, 1, "x"), head + 13, "length of"},
		"cut integer":       {stream(0x00170003, "ab"), head + 6, "value of PidTagImportance"},
		"cut name":          {stream(-0x7FFFFFFD, "0123"), head + 8, "name of property 0x8000"},
		"kind of name":      {stream(-0x7FFFFFFD, "0123456789abcdef\x02"), head + 20, "unknown kind 2"},
		"name without end":  {stream(-0x7FFFFFFD, "0123456789abcdef\x01", strings.Repeat("n\x00", 40<<10)), head + 20, "without end"},
		"ambiguous strings": {stream(0x0037F111), head, "unknown type"},
	} {
		_, err := ReadMessage(bytes.NewReader(enframe(c.stream, 1<<20)))
		var p *Problem
		if !errors.As(err, &p) || p.Offset != c.offset || !strings.Contains(p.Reason, c.reason) {
			t.Errorf("%s: got %v, want offset %d, %q", name, err, c.offset, c.reason)
		}
	}
}

func TestOuterProblems(t *testing.T) {
	blob := enframe(stream(0x00170003, 1), 1<<20)
	change := func(at int, b ...byte) []byte {
		c := bytes.Clone(blob)
		copy(c[at:], b)
		return c
	}
	for name, c := range map[string]struct {
		blob   []byte
		offset int64
		reason string
	}{
		"nothing":          {nil, 0, "record Config should be"},
		"no head":          {[]byte("PK\x03\x04 something else"), 0, "where Config should be"},
		"order":            {change(16, 4), 16, "TellPartnerVersion where IsInterfaceOk"},
		"size":             {change(0x34, 7), 0x30, "of 7 bytes, not 6"},
		"other record":     {change(0x3E, 17), 0x3E, "SetProps where only"},
		"empty buffer":     {append(bytes.Clone(blob), 2, 0, 0, 0, 0, 0, 0, 0), int64(len(blob)), "an empty TransferBuffer"},
		"tail":             {append(bytes.Clone(blob), 2, 0), int64(len(blob) + 2), "header of a record"},
		"mark of the end":  {append(bytes.Clone(blob), "=== Truncated Data ==="...), int64(len(blob)), "Truncated Data"},
		"short last":       {change(0x42, 9), int64(len(blob)), "1 bytes before the end of its TransferBuffer"},
		"buffer too short": {change(0x42, 7), int64(len(blob)), "the data ends inside the header of a record"},
	} {
		_, err := Inspect(bytes.NewReader(c.blob))
		var p *Problem
		if !errors.As(err, &p) || p.Offset != c.offset || !strings.Contains(p.Reason, c.reason) {
			t.Errorf("%s: got %v, want offset %d, %q", name, err, c.offset, c.reason)
		}
	}
	if w := warningsOf(t, change(8, 9)); len(w) == 0 {
		t.Error("no warning of odd flags")
	}
}

func TestErrorsOfTheReader(t *testing.T) {
	blob := enframe(stream(0x001A84B0, 4, "I\x00\x00\x00", 0x00170003, 1), 1<<20)
	broken := errors.New("the line is cut")
	var p *Problem
	for n := range len(blob) {
		r := io.MultiReader(bytes.NewReader(blob[:n]), iotest.ErrReader(broken))
		if _, err := Inspect(r); !errors.Is(err, broken) || errors.As(err, &p) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
	// Also while Inspect reads on after a Problem.
	r := io.MultiReader(strings.NewReader("no blob at all, but long enough"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := Inspect(r); !errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &p) {
		t.Errorf("got %v", err)
	}
	rest := strings.NewReader("no blob" + strings.Repeat(" and more", 100_000))
	if _, err := Inspect(rest); !errors.As(err, &p) || rest.Len() != 0 {
		t.Errorf("%d bytes are unread: %v", rest.Len(), err)
	}
}
