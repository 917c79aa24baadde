package fts

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
)

// plainRTF puts RTF into the container of [MS-OXRTFCP] without compression.
func plainRTF(rtf string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(rtf)+12))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(rtf)))
	return append(append(b, "MELA\x00\x00\x00\x00"...), rtf...)
}

func TestBodies(t *testing.T) {
	const ascii = "<html><body><p>One</p>"
	cyrillic := []byte("<p>\xcf\xf0\xe8</p>")
	encapsulated := plainRTF(`{\rtf1\ansi\fromhtml1 {\*\htmltag <p>}H\u1046?{\*\htmltag </p>}}`)
	for name, c := range map[string]struct {
		props      Props
		kind       BodyKind
		text, html string
	}{
		"none":      {nil, NoBody, "", ""},
		"empty":     {Props{{Tag: 0x100084B0, Value: ""}, {Tag: 0x10130102, Value: []byte{}}, {Tag: 0x10090102, Value: []byte{}}}, NoBody, "", ""},
		"text":      {Props{{Tag: 0x100084B0, Value: "T\r\n"}}, TextBody, "T\r\n", ""},
		"html":      {Props{{Tag: 0x10130102, Value: []byte(ascii)}}, HTMLBody, "One", ascii},
		"html 1251": {Props{{Tag: 0x10130102, Value: cyrillic}, {Tag: 0x3FDE0003, Value: int32(1251)}, {Tag: 0x3FFD0003, Value: int32(932)}}, HTMLBody, "При", "<p>При</p>"},
		"html, message's page": {
			Props{{Tag: 0x10130102, Value: cyrillic}, {Tag: 0x3FDE0003, Value: int32(99)}, {Tag: 0x3FFD0003, Value: int32(1251)}}, HTMLBody, "При", "<p>При</p>",
		},
		"html utf-8":   {Props{{Tag: 0x10130102, Value: []byte("<b>內</b>")}, {Tag: 0x3FDE0003, Value: int32(65001)}}, HTMLBody, "內", "<b>內</b>"},
		"html jis":     {Props{{Tag: 0x10130102, Value: []byte("\x1b$BF|\x1b(B")}, {Tag: 0x3FDE0003, Value: int32(50220)}}, HTMLBody, "日", "日"},
		"html utf-16":  {Props{{Tag: 0x10130102, Value: []byte("\xff\xfe<\x00b\x00>\x00x\x00")}, {Tag: 0x3FDE0003, Value: int32(1200)}}, HTMLBody, "x", "<b>x"},
		"html string":  {Props{{Tag: 0x101384B0, Value: "<i>內</i>"}, {Tag: 0x3FDE0003, Value: int32(1252)}}, HTMLBody, "內", "<i>內</i>"},
		"rtf of html":  {Props{{Tag: 0x10090102, Value: encapsulated}}, HTMLBody, "HЖ", "<p>HЖ</p>"},
		"rtf of text":  {Props{{Tag: 0x10090102, Value: plainRTF(`{\rtf1\fromtext A\par B}`)}}, TextBody, "A\r\nB", ""},
		"rtf":          {Props{{Tag: 0x10090102, Value: plainRTF(`{\rtf1 {\b A}}`)}}, RTFBody, "A", ""},
		"damaged rtf":  {Props{{Tag: 0x10090102, Value: []byte("xx")}}, RTFBody, "", ""},
		"text and rtf": {Props{{Tag: 0x10090102, Value: []byte("xx")}, {Tag: 0x100084B0, Value: "T"}}, TextBody, "T", ""},
		"all":          {Props{{Tag: 0x10160003, Value: int32(1)}, {Tag: 0x10130102, Value: []byte(ascii)}, {Tag: 0x100084B0, Value: "T"}}, TextBody, "T", ascii},
		"html wins":    {Props{{Tag: 0x10160003, Value: int32(3)}, {Tag: 0x10130102, Value: []byte(ascii)}, {Tag: 0x100084B0, Value: "T"}}, HTMLBody, "T", ascii},
		"wrong type":   {Props{{Tag: 0x10000003, Value: int32(1)}, {Tag: 0x10130003, Value: int32(1)}}, NoBody, "", ""},
	} {
		m := &Message{Props: c.props}
		kind, err := m.Body()
		if kind != c.kind || err != nil {
			t.Errorf("%s: %v body, %v", name, kind, err)
		}
		for what, r := range map[string]func() (io.Reader, error){c.text: m.Text, "html " + c.html: m.HTML} {
			want := strings.TrimPrefix(what, "html ")
			got, err := r()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got == nil {
				if want != "" {
					t.Errorf("%s: no %q", name, want)
				}
				continue
			}
			if b, err := io.ReadAll(got); string(b) != want || err != nil {
				t.Errorf("%s: %q, %v, want %q", name, b, err, want)
			}
		}
	}
}

// What the bodies of independent streams say, each taken alone: HTML in UTF-8
// and compressed RTF.
func TestIndependentBodies(t *testing.T) {
	want := map[string][3]string{ // text, text of HTML, text of RTF
		"0004": {"\u200fمرحبا بالعالم שורה שנייה עם 123 ו-English", "مرحبا بالعالم שלום", ""},
		"0006": {"Plane 1: 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠜎 😀", "😀 😀", ""},
		"0063": {"plain version", "html version", "Hello bold € euro"},
		"0079": {"plain part", "html", ""},
	}
	seen := 0
	for _, s := range independent(t) {
		m, err := ReadMessage(bytes.NewReader(s.blob))
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range []uint16{idBody, idHTML, idRTF} {
			only := &Message{}
			for _, p := range m.Props {
				if p.Name != nil || p.Tag.ID() == id || p.Tag.ID() != idBody && p.Tag.ID() != idHTML && p.Tag.ID() != idRTF {
					only.Props = append(only.Props, p)
				}
			}
			r, err := only.Text()
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			if r != nil {
				if got, err = io.ReadAll(r); err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
			}
			if w, ok := want[s.name]; ok {
				seen++
				if words := strings.Join(strings.Fields(string(got)), " "); words != w[i] {
					t.Errorf("%s: %q, want %q", s.name, words, w[i])
				}
			}
		}
	}
	if seen != 3*len(want) {
		t.Errorf("%d bodies, want %d", seen, 3*len(want))
	}
}
