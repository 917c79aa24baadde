package view_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"

	"mailferry/extract/properties"
	"mailferry/extract/view"
	"mailferry/fts"
	"mailferry/fts/recur"
)

// TestHostile shows an item that has what steers a terminal wherever text can be.
func TestHostile(t *testing.T) {
	t.Parallel()
	const hostile = "x\x1b]0;owned\a\u009b2J\r\nFrom: \u202Eyou\x00"
	m := &fts.Message{Recipients: make([]fts.Recipient, 1), Attachments: make([]fts.Attachment, 2)}
	text := func(p *fts.Props, ids ...uint16) {
		for _, id := range ids {
			p.Set(fts.MakeTag(id, fts.StringUpload), hostile)
		}
	}
	text(&m.Props, 0x001A, 0x0037, 0x0042, 0x0065, 0x0C1A, 0x0C1F, 0x1000)
	m.Props = append(m.Props, fts.Prop{
		Tag: fts.MakeTag(0x8001, fts.StringsUpload), Name: &fts.Name{Set: fts.PSPublicStrings, Text: "Keywords"}, Value: []string{hostile},
	}, fts.Prop{
		Tag: fts.MakeTag(0x8002, fts.StringUpload), Name: &fts.Name{Set: fts.PSPublicStrings, Text: strings.TrimRight(hostile, "\x00")}, Value: hostile,
	})
	m.Recipients[0].Props.Set(fts.MakeTag(0x0C15, fts.Integer32), int32(fts.To))
	text(&m.Recipients[0].Props, 0x3001, 0x39FE)
	text(&m.Attachments[0].Props, 0x3707, 0x370E)
	m.Attachments[0].Props.Set(fts.MakeTag(0x3701, fts.Binary), []byte(hostile))
	m.Attachments[1].Embedded = &fts.Message{}
	text(&m.Attachments[1].Embedded.Props, 0x0037, 0x0042)
	var blob bytes.Buffer
	if err := fts.WriteMessage(&blob, m, fts.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	it, err := fts.OpenItem(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	c, err := fts.Inspect(bytes.NewReader(blob.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var shown, listed strings.Builder
	if err := view.Write(&shown, it, view.About{Mailbox: "a@example.com", Folder: hostile, ID: hostile, Problem: hostile, Catalogue: c}); err != nil {
		t.Fatal(err)
	}
	if err := properties.Write(&listed, it); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{shown.String(), listed.String()} {
		if i := strings.IndexFunc(out, func(r rune) bool { return unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r) }); i >= 0 {
			t.Errorf("%q reaches the terminal of\n%s", out[i:min(i+4, len(out))], out)
		}
		if n := strings.Count(out, `\x1b]0;owned\x07\u009b2J`); n < 12 {
			t.Errorf("the text is shown %d times:\n%s", n, out)
		}
	}
	if head, _, _ := strings.Cut(shown.String(), "\n\n"); strings.Contains(head, "\nFrom: \\u202eyou") {
		t.Errorf("a subject makes a line of its own:\n%s", head)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	start := time.Date(2024, 3, 4, 0, 0, 0, 0, time.UTC)
	for want, p := range map[string]recur.Pattern{
		"every day, from 2024-03-04, without end":                                  {Type: recur.ByDay, Frequency: recur.Daily, Period: 1440},
		"every 3 days, from 2024-03-04, 5 times":                                   {Type: recur.ByDay, Frequency: recur.Daily, Period: 3 * 1440, Count: 5},
		"every 2 weeks on Monday, Friday and Sunday, from 2024-03-04, without end": {Type: recur.ByWeek, Frequency: recur.Weekly, Period: 2, Weekdays: 1<<1 | 1<<5 | 1},
		"on day 15 of every month, from 2024-03-04 until 2024-12-15":               {Type: recur.ByMonth, Frequency: recur.Monthly, Period: 1, Day: 15, End: time.Date(2024, 12, 15, 0, 0, 0, 0, time.UTC)},
		"on the last day of every 2 months, from 2024-03-04, without end":          {Type: recur.ByMonth, Frequency: recur.Monthly, Period: 2, Day: 31},
		"on day 4 of March every year, from 2024-03-04, without end":               {Type: recur.ByMonth, Frequency: recur.Yearly, Period: 12, Day: 4},
		"on the last Tuesday of every month, from 2024-03-04, without end":         {Type: recur.ByMonthNth, Frequency: recur.Monthly, Period: 1, Nth: 5, Weekdays: 1 << 2},
		"on the first working day of March every 2 years, from 2024-03-04, 1 time": {Type: recur.ByMonthNth, Frequency: recur.Yearly, Period: 24, Nth: 1, Weekdays: 0x3E, Count: 1},
		"on day 9 of every 12 months of the Hijri calendar, from 2024-03-04, without end": {
			Type: recur.HijriMonth, Frequency: recur.Yearly, Period: 12, Day: 9,
		},
		"every 5 days after the last one was completed, from 2024-03-04, without end": {Type: recur.ByDay, Frequency: recur.Daily, Period: 5 * 1440, Sliding: true},
	} {
		if p.Start = start; view.Words(&p) != want {
			t.Errorf("%q, want %q", view.Words(&p), want)
		}
	}
}
