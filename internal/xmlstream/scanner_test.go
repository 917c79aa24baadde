package xmlstream

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// dump renders what a scanner says of a document: one line a token or text.
func dump(r io.Reader) (string, error) {
	var b strings.Builder
	s := NewScanner(r)
	for {
		tok, err := s.Next()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
		if tok.Kind == End {
			fmt.Fprintf(&b, "</%s>", tok.Name.Local)
			continue
		}
		fmt.Fprintf(&b, "<{%s}%s", tok.Name.Space, tok.Name.Local)
		for _, a := range tok.Attrs {
			fmt.Fprintf(&b, " {%s}%s=%q", a.Name.Space, a.Name.Local, a.Value)
		}
		b.WriteString(">")
		text, err := io.ReadAll(s.Text())
		if err != nil {
			return b.String(), err
		}
		b.Write(text)
	}
}

func TestScannerReads(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty element", `<a/>`, `<{}a></a>`},
		{"attributes", `<a x="1" y = '2"'  z="&lt;&#65;&#x42;"/>`, `<{}a {}x="1" {}y="2\"" {}z="<AB"></a>`},
		{"namespaces", `<p:a xmlns:p="u" xmlns="d" p:x="1" x="2"><b/><c xmlns=""/></p:a>`, `<{u}a {u}x="1" {}x="2"><{d}b></b><{}c></c></a>`},
		{"inner prefix ends", `<a xmlns:p="u"><b xmlns:p="v"><p:c/></b><p:d/></a>`, `<{}a><{}b><{v}c></c></b><{u}d></d></a>`},
		{"entities", `<a>x&amp;&lt;&gt;&quot;&apos;&#10;&#x1F600;</a>`, "<{}a>x&<>\"'\n\U0001F600</a>"},
		{"forbidden characters", `<a>&#1;&#xD800;</a>`, "<{}a>\uFFFD\uFFFD</a>"},
		{"CDATA", `<a>1<![CDATA[<&]]]>2<![CDATA[]]]]><![CDATA[>]]></a>`, `<{}a>1<&]2]]></a>`},
		{"comments and instructions", `<?xml version="1.0"?><!-- <x> --><a>1<!-- - -->2<?x <y> ?>3</a><!-- --><?z?> `, `<{}a>123</a>`},
		{"byte order mark", "\xEF\xBB\xBF<a/>", `<{}a></a>`},
		{"mixed", `<a>one<b>two</b>three</a>`, `<{}a>one<{}b>two</b></a>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in))} {
				got, err := dump(r)
				if err != nil || got != c.want {
					t.Errorf("got %s, %v\nwant %s", got, err, c.want)
				}
			}
		})
	}
}

func TestScannerRefuses(t *testing.T) {
	deep := strings.Repeat("<a>", maxDepth+1)
	for _, c := range []struct{ name, in, reason string }{
		{"document type", `<!DOCTYPE a [<!ENTITY x "y">]><a/>`, "document type"},
		{"document type inside", `<a><!DOCTYPE b></a>`, "document type"},
		{"wrong end", `<a><b></a></b>`, "does not match"},
		{"other prefix at the end", `<a xmlns:p="u" xmlns:q="u"><p:b></q:b></a>`, "does not match"},
		{"end without start", `</a>`, "outside of the root"},
		{"two roots", `<a/><b/>`, "after the root"},
		{"text first", `x<a/>`, "before the root"},
		{"no quotes", `<a x=1/>`, "quotes"},
		{"no value", `<a x/>`, "no attribute"},
		{"twice", `<a x="1" x="2"/>`, "twice"},
		{"twice by namespace", `<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>`, "twice"},
		{"not apart", `<a x="1"y="2"/>`, "without blank space"},
		{"unknown prefix", `<p:a/>`, "unknown prefix"},
		{"bad name", `<:a/>`, "bad name"},
		{"number as a name", `<1/>`, "without a name"},
		{"unknown entity", `<a>&nbsp;</a>`, "unknown entity"},
		{"no entity", `<a>Tom & Jerry and others</a>`, "begins no entity"},
		{"UTF-16", "\xFF\xFE<\x00a\x00/\x00>\x00", "UTF-8"},
		{"less-than in an attribute", `<a x="<"/>`, "'<'"},
		{"deep", deep, "too deep"},
		{"long name", "<" + strings.Repeat("a", maxName+1) + "/>", "longer"},
		{"long value", `<a x="` + strings.Repeat("a", maxValue+1) + `"/>`, "longer"},
		{"many attributes", `<a` + manyAttrs(maxAttrs+1) + `/>`, "too many"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				_, err := dump(r)
				var syntax *SyntaxError
				if !errors.As(err, &syntax) || !strings.Contains(err.Error(), c.reason) {
					t.Errorf("got %v, want a syntax error with %q", err, c.reason)
				}
			}
		})
	}
}

func manyAttrs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d=""`, i)
	}
	return b.String()
}

func TestScannerCut(t *testing.T) {
	const doc = `<?xml version="1.0"?><p:a xmlns:p="u" x="1">text &amp; <!-- c --><b/><![CDATA[data]]></p:a>`
	for i := range len(doc) {
		if _, err := dump(strings.NewReader(doc[:i])); err != io.ErrUnexpectedEOF {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
	broken := errors.New("line broken")
	_, err := dump(io.MultiReader(strings.NewReader("<a>te"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

func TestScannerSkipsAndLimits(t *testing.T) {
	s := NewScanner(strings.NewReader(`<a><b>x<c/>y</b><d>text</d><e>too long</e></a>`))
	next := func(want string) {
		t.Helper()
		if tok, err := s.Next(); err != nil || tok.Name.Local != want {
			t.Fatalf("got %v, %v, want %s", tok, err, want)
		}
	}
	next("a")
	next("b")
	if err := s.Skip(); err != nil {
		t.Fatal(err)
	}
	next("d")
	if text, err := s.TextString(4); err != nil || text != "text" {
		t.Fatalf("got %q, %v", text, err)
	}
	next("e")
	if _, err := s.TextString(4); err == nil {
		t.Fatal("a text longer than its limit passed")
	}
	if _, err := s.Next(); err == nil {
		t.Fatal("the error did not stay")
	}
}

func TestScannerTextIsVoidAfterNext(t *testing.T) {
	s := NewScanner(strings.NewReader(`<a><b>12<![CDATA[34]]></b>56</a>`))
	s.Next()
	s.Next()
	old := s.Text()
	old.Read(make([]byte, 3))
	s.Next()
	if n, err := old.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("got %d, %v", n, err)
	}
	if text, _ := io.ReadAll(s.Text()); string(text) != "56" {
		t.Errorf("got %q", text)
	}
}

func TestScannerStrayText(t *testing.T) {
	s := NewScanner(strings.NewReader("<a>\n <b/> " + TruncationMark))
	for {
		if _, err := s.Next(); err != nil {
			if err != io.ErrUnexpectedEOF || !strings.Contains(s.Stray(), TruncationMark) {
				t.Errorf("got %v, %q", err, s.Stray())
			}
			break
		}
	}
	s = NewScanner(strings.NewReader("<a> mark <b/></a> \n tail <!-- --> end"))
	for {
		if _, err := s.Next(); err != nil {
			if err != io.EOF || s.Stray() != "mark " || s.Trailing() != "tail  end" {
				t.Errorf("got %v, %q, %q", err, s.Stray(), s.Trailing())
			}
			break
		}
	}
}

// FuzzScanner compares with encoding/xml: what both accept must read the same.
func FuzzScanner(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?><p:a xmlns:p="u" x="1">t&amp;<!-- c --><b/><![CDATA[d]]></p:a>`))
	f.Add([]byte(`<a><b>1</b>2</a>`))
	f.Add([]byte(`<a xmlns="x">&#x41;]]&gt;</a>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := dump(bytes.NewReader(doc))
		slow, slowErr := dump(iotest.OneByteReader(bytes.NewReader(doc)))
		if got != slow || (err == nil) != (slowErr == nil) {
			t.Fatalf("in one piece %q, %v; byte by byte %q, %v", got, err, slow, slowErr)
		}
		if err != nil {
			return
		}
		var std []string
		d := xml.NewDecoder(bytes.NewReader(doc))
		for {
			tok, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				return // stricter than we are
			}
			switch tok := tok.(type) {
			case xml.StartElement:
				std = append(std, "<"+tok.Name.Local)
			case xml.EndElement:
				std = append(std, "</"+tok.Name.Local)
			}
		}
		var ours []string
		s := NewScanner(bytes.NewReader(doc))
		for {
			tok, err := s.Next()
			if err != nil {
				break
			}
			ours = append(ours, map[Kind]string{Start: "<", End: "</"}[tok.Kind]+tok.Name.Local)
		}
		if strings.Join(ours, " ") != strings.Join(std, " ") {
			t.Fatalf("ours %v, std %v", ours, std)
		}
	})
}

// endless gives a beginning, and then the same for ever.
type endless struct{ head, more string }

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if e.head == "" {
			e.head = strings.Repeat(e.more, 1000)
		}
		m := copy(p[n:], e.head)
		n, e.head = n+m, e.head[m:]
	}
	return n, nil
}

func TestScannerEndsWhatNeverEnds(t *testing.T) {
	for _, e := range []endless{
		{"", " "}, {"<a>", "\n "}, {"<a><b/>", "<!-- -->"}, {"<a><!--", "x"}, {"<a>", "<?x?>"}, {"<a/>", " "}, {"<a/>", "<!-- -->"}, {"<a><?", "y"},
	} {
		name := e.head + e.more
		sc := NewScanner(&e)
		var err error
		for err == nil {
			_, err = sc.Next()
		}
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), "without end") || syntax.Offset > maxBlank+1<<20 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
