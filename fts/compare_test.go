package fts

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestCompareNamesEachDifference(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *Message)
		want   []string
	}{
		"nothing": {func(m *Message) {}, nil},
		"a dropped property": {
			func(m *Message) { m.Props = append(m.Props[:2:2], m.Props[3:]...) },
			[]string{"PidTagImportance (0x0017) missing"},
		},
		"a dropped named property": {
			func(m *Message) { m.Props = append(m.Props[:8:8], m.Props[9:]...) },
			[]string{"PidNameKeywords missing"},
		},
		"an added property": {
			func(m *Message) { m.Props.Set(0x00360003, int32(1)) },
			[]string{"PidTagSensitivity (0x0036) extra"},
		},
		"another type": {
			func(m *Message) { m.Props.Set(0x00170014, int64(2)) },
			[]string{"PidTagImportance (0x0017) changed"},
		},
		"one category of three": {
			func(m *Message) { m.Props[8].Value = []string{"Red", "Blau"} },
			[]string{"PidNameKeywords changed"},
		},
		"read flag": {
			func(m *Message) { m.Props.Set(0x0E070003, int32(0)) },
			[]string{"PidTagMessageFlags (0x0E07) changed"},
		},
		"an attachment altered by a byte": {
			func(m *Message) { m.Attachments[0].Props.Bytes(idAttachData)[20000] ^= 1 },
			[]string{"attachment 1: PidTagAttachDataBinary (0x3701) changed"},
		},
		"a lost attachment": {
			func(m *Message) { m.Attachments = m.Attachments[1:] },
			[]string{"attachment 1 missing"},
		},
		"a renamed attachment": {
			func(m *Message) { m.Attachments[0].Props.Set(0x370784B0, "b.txt") },
			[]string{"attachment 1: PidTagAttachLongFilename (0x3707) changed"},
		},
		"a lost recipient": {
			func(m *Message) { m.Recipients = append(m.Recipients[:1:1], m.Recipients[2]) },
			[]string{"recipient 2 missing"},
		},
		"a recipient too many": {
			func(m *Message) { m.Recipients = append(m.Recipients, m.Recipients[0]) },
			[]string{"recipient 4 extra"},
		},
		"a recipient for another": {
			func(m *Message) {
				m.Recipients[2].Props = Props{{Tag: 0x0C150003, Value: int32(1)}, {Tag: 0x300184B0, Value: "Zed"}, {Tag: 0x39FE84B0, Value: "zed@example.org"}}
			},
			[]string{"recipient 3 missing", "recipient 3 extra"},
		},
		"another address of a recipient": {
			func(m *Message) { m.Recipients[1].Props.Set(0x39FE84B0, "robert@example.org") },
			[]string{"recipient 2: PidTagSmtpAddress (0x39FE) changed"},
		},
		"a lost embedded message": {
			func(m *Message) { m.Attachments[1].Embedded = nil },
			[]string{"attachment 2 > message missing"},
		},
		"a property of an embedded message": {
			func(m *Message) { m.Attachments[1].Embedded.Props.Set(0x003784B0, "other") },
			[]string{"attachment 2 > message: PidTagSubject (0x0037) changed"},
		},
		"a recipient of an embedded message": {
			func(m *Message) { m.Attachments[1].Embedded.Recipients = nil },
			[]string{"attachment 2 > recipient 1 missing"},
		},
		"order of everything": {
			func(m *Message) {
				m.Recipients[0], m.Recipients[2] = m.Recipients[2], m.Recipients[0]
				m.Attachments[0], m.Attachments[1] = m.Attachments[1], m.Attachments[0]
				m.Props[0], m.Props[5] = m.Props[5], m.Props[0]
			},
			nil,
		},
		"what a store sets": {
			func(m *Message) {
				m.Props.Set(0x30070040, FileTime(1))
				m.Props.Set(0x30080040, FileTime(2))
				m.Props.Set(0x0E080003, int32(12345))
				m.Props.Set(0x30130102, []byte("conversation"))
				m.Props.Set(0x300B0102, []byte("search key"))
				m.Props.Set(0x0FFF0102, []byte("entry id"))
				m.Props.Set(0x0E070003, int32(FlagRead|computedFlags))
				m.Props.Set(0x674A0014, int64(1))
				m.Props.Set(0x400884E4, "/O=X")
				m.Recipients[0].Props.Set(0x30000003, int32(77))
				m.Attachments[0].Props.Set(0x0E210003, int32(77))
				m.Attachments[0].Props.Set(0x0E200003, int32(77))
				m.Attachments[0].Props.Set(0x0FF90102, []byte{7})
			},
			nil,
		},
		"ways to write strings": {
			func(m *Message) {
				for i := range m.Props {
					switch p := &m.Props[i]; p.Tag.Type() {
					case StringUpload:
						p.Tag = MakeTag(p.Tag.ID(), String)
					case StringsUpload:
						p.Tag = MakeTag(p.Tag.ID(), String8|MultiValue)
					}
				}
				m.Props[0].Tag = 0x001A84E4
			},
			nil,
		},
		"ids of named properties": {
			func(m *Message) {
				for i := range m.Props {
					if m.Props[i].Name != nil {
						m.Props[i].Tag += 0x01110000
					}
				}
			},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			target := sampleMessage()
			c.change(target)
			want := contentOf(t, sampleMessage(), WriteOptions{})
			got := contentOf(t, target, WriteOptions{BufferSize: 999, Order: OrderShuffled, KeepCodePages: true})
			var d []string
			for _, x := range Compare(want, got) {
				d = append(d, x.String())
			}
			if !reflect.DeepEqual(d, c.want) {
				t.Errorf("got %q, want %q", d, c.want)
			}
			if (want.Sum() == got.Sum()) != (d == nil) {
				t.Error("sum and differences disagree")
			}
			if MessageContent(target).Sum() != got.Sum() {
				t.Errorf("the message's content is not its blob's: %v", Compare(MessageContent(target), got))
			}
			// The other way round, what is missing is extra.
			n := 0
			for _, x := range Compare(got, want) {
				if x.Kind != Changed {
					n++
				}
			}
			if all := strings.Join(c.want, ""); n != strings.Count(all, "missing")+strings.Count(all, "extra") {
				t.Errorf("backwards: %v", Compare(got, want))
			}
		})
	}
}

func contentOf(t *testing.T, m *Message, o WriteOptions) *Content {
	t.Helper()
	var b bytes.Buffer
	if err := WriteMessage(&b, m, o); err != nil {
		t.Fatal(err)
	}
	c, err := ReadContent(&b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCompareWithNothing(t *testing.T) {
	c := MessageContent(sampleMessage())
	if d := Compare(nil, nil); d != nil {
		t.Error(d)
	}
	if d := Compare(c, &Content{}); len(d) < 25 {
		t.Errorf("%d differences with nothing", len(d))
	}
}

// Any byte of a value that is altered anywhere in the independent streams is a
// difference, unless it belongs to what is not compared.
func TestIndependentStreamsAlteredByOneByte(t *testing.T) {
	for _, s := range independent(t) {
		want, err := ReadContent(bytes.NewReader(s.blob))
		if err != nil {
			t.Fatal(err)
		}
		r := NewReader(bytes.NewReader(s.blob))
		for n := 0; ; n++ {
			tok, err := r.Next()
			if err != nil {
				break
			}
			if tok.Kind != Property || n%11 != 0 {
				continue
			}
			p := propSum{id: tok.Tag.ID(), name: tok.Name}
			l, _ := layoutOf(tok.Tag.Type())
			size, err := r.NextValue()
			if err != nil || size < 3 || ignored(tok.Part, &p, tok.Tag) || tok.Name == nil && p.id == idMessageFlags {
				continue
			}
			altered := bytes.Clone(s.blob)
			altered[r.Offset()] ^= 0x04
			got, err := ReadContent(bytes.NewReader(altered))
			if err != nil {
				t.Fatalf("%s: a value decides how to read on: %v", s.name, err)
			}
			d := Compare(want, got)
			if name := PropertyName(tok.Tag, tok.Name); len(d) == 0 || !strings.Contains(join(d), name) {
				t.Errorf("%s: %s (%v) altered at %d: %v", s.name, name, l.base, r.Offset(), d)
			}
		}
	}
}

func join(d []Difference) string {
	var s []string
	for _, x := range d {
		s = append(s, x.String())
	}
	return strings.Join(s, "\n")
}
