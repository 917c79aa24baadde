// Package properties lists every property of an item for people, safe to print on
// a terminal. A property is a line of its tag, type, name and value:
//
//	0x0037001F  String  PidTagSubject (0x0037) = "Hello"
//	0x80010102  Binary  PidLidTimeZoneStruct (0x8233) {00062002-0000-0000-c000-000000000046} 0x8233 = 48 bytes: c4ffffff...
//
// A named property tells its set and its number or text there. Times are RFC 3339
// in UTC, texts are quoted and whole, of binary values the first bytes are told.
// What belongs to a recipient, an attachment or a message in one is indented.
package properties

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"mailferry/fts"
	"mailferry/internal/terminal"
)

// mostHex is how many bytes of a binary value are shown.
const mostHex = 64

// Write lists an item. Texts of any size are streamed.
func Write(w io.Writer, it *fts.Item) error {
	l := &lister{w: bufio.NewWriterSize(w, 16<<10)}
	if err := l.message(&it.Message, ""); err != nil {
		return err
	}
	return l.w.Flush()
}

// lister writes lines; errors of writing are kept and told by Flush.
type lister struct {
	w *bufio.Writer
}

func (l *lister) message(m *fts.Message, indent string) error {
	if err := l.props(m.Props, indent); err != nil {
		return err
	}
	for i := range m.Recipients {
		fmt.Fprintf(l.w, "%srecipient %d\n", indent, i+1)
		if err := l.props(m.Recipients[i].Props, indent+"  "); err != nil {
			return err
		}
	}
	for i := range m.Attachments {
		a := &m.Attachments[i]
		fmt.Fprintf(l.w, "%sattachment %d\n", indent, i+1)
		if err := l.props(a.Props, indent+"  "); err != nil {
			return err
		}
		if a.Embedded == nil {
			continue
		}
		fmt.Fprintf(l.w, "%s  message\n", indent)
		if err := l.message(a.Embedded, indent+"    "); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) props(props fts.Props, indent string) error {
	for _, p := range props {
		fmt.Fprintf(l.w, "%s0x%08X  %s  %s = ", indent, uint32(p.Tag), p.Tag.Type().Name(), name(p))
		if err := l.value(p); err != nil {
			return err
		}
		if err := l.w.WriteByte('\n'); err != nil {
			return err
		}
	}
	return nil
}

// name is what [MS-OXPROPS] calls a property, and where a named one stands.
func name(p fts.Prop) string {
	called := terminal.Text(fts.PropertyName(p.Tag, p.Name), terminal.Line)
	switch {
	case p.Name == nil:
		return called
	case p.Name.Text != "":
		return fmt.Sprintf("%s {%s} %s", called, p.Name.Set, terminal.Text(p.Name.Text, terminal.Quoted))
	}
	return fmt.Sprintf("%s {%s} 0x%04X", called, p.Name.Set, p.Name.LID)
}

func (l *lister) value(p fts.Prop) error {
	if s, ok := p.Value.(*fts.Stream); ok {
		return l.stream(p.Tag.Type(), s)
	}
	if p.Tag.Type()&fts.MultiValue != 0 && reflect.ValueOf(p.Value).Kind() == reflect.Slice {
		all := reflect.ValueOf(p.Value)
		l.raw("[")
		for i := range all.Len() {
			if i > 0 {
				l.raw(", ")
			}
			l.raw(scalar(all.Index(i).Interface()))
		}
		l.raw("]")
		return nil
	}
	l.raw(scalar(p.Value))
	return nil
}

func (l *lister) raw(s string) { _, _ = l.w.WriteString(s) }

// scalar is one value in a line.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return terminal.Text(v, terminal.Quoted)
	case []byte:
		return binary(int64(len(v)), v)
	case fts.Object:
		return binary(int64(len(v)), v)
	case fts.ServerID:
		return binary(int64(len(v)), v)
	case fts.FileTime:
		return v.Text()
	case fts.Currency:
		return v.Text()
	case fts.FloatingTime:
		return strconv.FormatFloat(float64(v), 'g', -1, 64) + " days since 1899-12-30"
	case fts.ErrorCode:
		return fmt.Sprintf("error 0x%08X", uint32(v))
	case fts.GUID:
		return "{" + v.String() + "}"
	}
	return fmt.Sprint(v) // numbers and truth values
}

// binary is the size of a value and its first bytes.
func binary(size int64, head []byte) string {
	text := fmt.Sprintf("%d bytes", size)
	if size == 1 {
		text = "1 byte"
	}
	if size == 0 {
		return text
	}
	text += ": " + hex.EncodeToString(head[:min(len(head), mostHex)])
	if size > mostHex {
		text += "..."
	}
	return text
}

// stream writes a value that is not in memory.
func (l *lister) stream(t fts.Type, s *fts.Stream) error {
	r, err := s.Open()
	if err != nil {
		return err
	}
	if t == fts.String || t == fts.String8 || t&fts.CodePage != 0 {
		quoted := terminal.NewWriter(l.w, terminal.Quoted)
		if _, err := io.Copy(quoted, r); err != nil {
			return err
		}
		return quoted.Close()
	}
	var head strings.Builder
	if _, err := io.CopyN(&head, r, mostHex); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	l.raw(binary(s.Size(), []byte(head.String())))
	return nil
}
