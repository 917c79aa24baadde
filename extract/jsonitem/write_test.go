package jsonitem_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailferry/ews/ewstest/mailbox"
	"mailferry/extract/jsonitem"
	"mailferry/fts"
	"mailferry/internal/sharedtest"
)

type message struct {
	Properties  []property
	Recipients  []struct{ Properties []property }
	Attachments []struct {
		Properties []property
		Message    *message
	}
}

type property struct {
	Tag, Name, Set, Key, Type string
	LID                       *uint32
	Value                     json.RawMessage
}

// parsed renders a blob and reads the JSON again.
func parsed(t testing.TB, blob []byte) (*fts.Item, []byte, *message) {
	t.Helper()
	it, err := fts.OpenItem(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob)), nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { it.Close() })
	var b bytes.Buffer
	if err := jsonitem.Write(&b, it); err != nil {
		t.Fatal(err)
	}
	var m message
	if err := json.Unmarshal(b.Bytes(), &m); err != nil {
		t.Fatalf("%v\n%s", err, b.Bytes())
	}
	return it, b.Bytes(), &m
}

// TestInverse makes each item out of its JSON again, value by value.
func TestInverse(t *testing.T) {
	t.Parallel()
	check := func(name string, blob []byte) {
		it, _, got := parsed(t, blob)
		compare(t, name, &it.Message, got)
	}
	paths, err := filepath.Glob(filepath.Join(sharedtest.Dir(t, "testdata/fts/independent"), "*.blob"))
	if err != nil || len(paths) == 0 {
		t.Fatal(err)
	}
	for _, path := range paths {
		blob, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		check(filepath.Base(path), blob)
	}
	m, err := mailbox.Load("sample:120", "anna@example.com", mailbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Folders() {
		for _, it := range m.Items(f.ID) {
			var blob bytes.Buffer
			if err := m.WriteBlob(&blob, it); err != nil {
				t.Fatal(err)
			}
			check(fmt.Sprint(f.Name, " ", it.ID), blob.Bytes())
		}
	}
}

func compare(t *testing.T, where string, want *fts.Message, got *message) {
	t.Helper()
	props(t, where, want.Props, got.Properties)
	if len(want.Recipients) != len(got.Recipients) || len(want.Attachments) != len(got.Attachments) {
		t.Errorf("%s: %d recipients, %d attachments", where, len(got.Recipients), len(got.Attachments))
		return
	}
	for i := range want.Recipients {
		props(t, fmt.Sprint(where, " recipient ", i), want.Recipients[i].Props, got.Recipients[i].Properties)
	}
	for i := range want.Attachments {
		where := fmt.Sprint(where, " attachment ", i)
		props(t, where, want.Attachments[i].Props, got.Attachments[i].Properties)
		inner := got.Attachments[i].Message
		switch embedded := want.Attachments[i].Embedded; {
		case (embedded == nil) != (inner == nil):
			t.Errorf("%s: message %v", where, inner != nil)
		case embedded != nil:
			compare(t, where, embedded, inner)
		}
	}
}

func props(t *testing.T, where string, want fts.Props, got []property) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%s: %d properties, want %d", where, len(got), len(want))
		return
	}
	for i, p := range want {
		g := got[i]
		if tag, err := strconv.ParseUint(g.Tag, 0, 32); err != nil || fts.Tag(tag) != p.Tag || g.Name != fts.PropertyName(p.Tag, p.Name) {
			t.Errorf("%s: property %s %s, want %#x", where, g.Tag, g.Name, p.Tag)
		}
		if p.Name != nil && (g.Set != p.Name.Set.String() || g.Key != p.Name.Text || p.Name.Text == "" && *g.LID != p.Name.LID) {
			t.Errorf("%s: name %+v, want %+v", where, g, *p.Name)
		}
		wanted := p.Value
		if s, ok := wanted.(*fts.Stream); ok {
			r, err := s.Open()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if wanted = any(b); p.Tag.Type()&fts.CodePage != 0 || p.Tag.Type() == fts.String {
				wanted = string(b)
			}
		}
		if value := decoded(t, g.Value, reflect.TypeOf(wanted)); !reflect.DeepEqual(value, wellFormed(wanted)) {
			t.Errorf("%s: %s is %v, want %v", where, g.Name, value, wanted)
		}
	}
}

// wellFormed replaces halves of surrogate pairs as Go's reader of JSON does.
func wellFormed(v any) any {
	if s, ok := v.(string); ok {
		return replaced(s)
	}
	return v
}

// decoded makes a value of a Go type of its JSON.
func decoded(t *testing.T, raw json.RawMessage, kind reflect.Type) any {
	t.Helper()
	text := func() string {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		return s
	}
	fail := func(err error) {
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
	}
	binary := func() []byte {
		b, err := base64.StdEncoding.DecodeString(text())
		fail(err)
		return b
	}
	switch reflect.Zero(kind).Interface().(type) {
	case string:
		return text()
	case []byte:
		return binary()
	case fts.Object:
		return fts.Object(binary())
	case fts.ServerID:
		return fts.ServerID(binary())
	case int64:
		n, err := strconv.ParseInt(text(), 10, 64)
		fail(err)
		return n
	case fts.Currency:
		n, err := strconv.ParseInt(strings.Replace(text(), ".", "", 1), 10, 64)
		fail(err)
		return fts.Currency(n)
	case fts.ErrorCode:
		n, err := strconv.ParseUint(text(), 0, 32)
		fail(err)
		return fts.ErrorCode(n)
	case fts.FileTime:
		if n, err := strconv.ParseUint(text(), 10, 64); err == nil {
			return fts.FileTime(n)
		}
		at, err := time.Parse(time.RFC3339Nano, text())
		fail(err)
		return fts.FileTimeOf(at)
	case fts.GUID:
		b, err := hex.DecodeString(strings.ReplaceAll(text(), "-", ""))
		fail(err)
		return fts.GUID{b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]}
	}
	if kind.Kind() == reflect.Slice {
		var all []json.RawMessage
		fail(json.Unmarshal(raw, &all))
		list := reflect.MakeSlice(kind, 0, len(all))
		for _, one := range all {
			list = reflect.Append(list, reflect.ValueOf(decoded(t, one, kind.Elem())))
		}
		return list.Interface()
	}
	v := reflect.New(kind)
	fail(json.Unmarshal(raw, v.Interface()))
	return v.Elem().Interface()
}

// TestValues writes what real items rarely have.
func TestValues(t *testing.T) {
	t.Parallel()
	m := &fts.Message{}
	for i, c := range []struct {
		kind  fts.Type
		value any
		want  string
	}{
		{fts.CurrencyType, fts.Currency(-12345), `"-1.2345"`},
		{fts.CurrencyType, fts.Currency(-5), `"-0.0005"`},
		{fts.Integer64, int64(math.MinInt64), `"-9223372036854775808"`},
		{fts.Floating64, math.Inf(-1), `"-Inf"`},
		{fts.Floating32, float32(0.1), `0.1`},
		{fts.Time, fts.FileTime(math.MaxInt64), `"9223372036854775807"`},
		{fts.Time, fts.FileTime(1), `"1601-01-01T00:00:00.0000001Z"`},
		{fts.StringUpload, "\xed\xa0\xbd half \x00\x1f\x7f\"\\\n\r\t</é", `"\ud83d half \u0000\u001f\u007f\"\\\n\r\t</é"`},
		{fts.StringsUpload, []string{"a", ""}, `["a",""]`},
		{fts.Binary | fts.MultiValue, [][]byte{{1}, {}}, `["AQ==",""]`},
	} {
		m.Props = append(m.Props, fts.Prop{Tag: fts.MakeTag(uint16(0x3900+i), c.kind), Value: c.value})
		var b bytes.Buffer
		if err := jsonitem.Write(&b, &fts.Item{Message: fts.Message{Props: m.Props[i:]}}); err != nil {
			t.Fatal(err)
		}
		if _, got, _ := strings.Cut(b.String(), `"value":`); !strings.HasPrefix(got, c.want+"}") {
			t.Errorf("%v: %s, want %s", c.value, got, c.want)
		}
	}
}

// FuzzText writes any text, small and large, as JSON that reads back.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"plain", "\xed\xa0\xbd", "\xed", "é\xff", "\x00\"\\", strings.Repeat("語", 20_000)} {
		f.Add(seed, 1)
		f.Add(seed, 40_000)
	}
	f.Fuzz(func(t *testing.T, text string, times int) {
		if len(text) > 0 && times > 0 {
			text = strings.Repeat(text, min(times, 1+40_000/len(text)))
		}
		m := &fts.Message{}
		m.Props.Set(fts.MakeTag(0x1000, fts.StringUpload), text)
		var blob bytes.Buffer
		if err := fts.WriteMessage(&blob, m, fts.WriteOptions{}); err != nil {
			return
		}
		// What the blob holds is what counts: it can't hold every sequence of bytes.
		held, err := fts.ReadMessage(bytes.NewReader(blob.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		_, raw, got := parsed(t, blob.Bytes())
		var s string
		if err := json.Unmarshal(got.Properties[0].Value, &s); err != nil {
			t.Fatal(err)
		}
		if want := replaced(held.Props.String(0x1000)); s != want {
			t.Errorf("%.200q, want %.200q; %.200s", s, want, raw)
		}
	})
}

// replaced makes each half of a surrogate pair one replacement character.
func replaced(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == 0xED && i+2 < len(s) && s[i+1] >= 0xA0 {
			b.WriteString("\uFFFD")
			i += 3
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}
