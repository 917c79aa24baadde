// Package jsonitem writes every property of an item as JSON, for other programs.
//
// A message is an object with "properties", "recipients" and "attachments"; an
// attachment has "properties" and, if it holds one, a "message". A property has
//
//	tag       its number, as "0x0037001F"
//	name      as [MS-OXPROPS] calls it, where that is known
//	set       GUID of the property set, of a named property; with it
//	lid       its number in the set, or
//	key       its text
//	type      as [MS-OXCDATA] 2.11.1 calls it
//	value     an array where the type begins with "Multiple"
//
// Integers of 64 bits and currency are strings, since readers of JSON know only
// floating point. A time is RFC 3339 in UTC, or the number of 100 ns since 1601
// as a string where it is beyond the year 9999. Binary values are base64. Half of
// a surrogate pair is kept as an escape. Nothing else is lost, and values of any
// size are streamed.
package jsonitem

import (
	"bufio"
	"fmt"
	"io"

	"mailferry/fts"
)

// Write writes an item. After an error what was written is of no use.
func Write(w io.Writer, it *fts.Item) error {
	out := &writer{w: bufio.NewWriterSize(w, 16<<10)}
	out.raw(`{"format":"mailferry item 1"`)
	if err := out.message(&it.Message); err != nil {
		return err
	}
	out.raw("}\n")
	return out.w.Flush()
}

// writer writes JSON; errors of writing are kept and told by Flush.
type writer struct {
	w *bufio.Writer
}

func (w *writer) raw(s string) { _, _ = w.w.WriteString(s) }

// list writes a member that is an array of n objects.
func (w *writer) list(name string, n int, each func(i int) error) error {
	w.raw(",\n\"" + name + `":[`)
	for i := range n {
		if i > 0 {
			w.raw(",")
		}
		w.raw("\n{")
		if err := each(i); err != nil {
			return err
		}
		w.raw("}")
	}
	w.raw("]")
	return nil
}

// message writes the members of a message, after another.
func (w *writer) message(m *fts.Message) error {
	if err := w.list("properties", len(m.Props), func(i int) error { return w.property(m.Props[i]) }); err != nil {
		return err
	}
	err := w.list("recipients", len(m.Recipients), func(i int) error { return w.holder("recipient", i, m.Recipients[i].Props) })
	if err != nil {
		return err
	}
	return w.list("attachments", len(m.Attachments), func(i int) error {
		a := &m.Attachments[i]
		if err := w.holder("attachment", i, a.Props); err != nil || a.Embedded == nil {
			return err
		}
		w.raw(",\n\"message\":{\"class\":")
		w.text(a.Embedded.Class())
		if err := w.message(a.Embedded); err != nil {
			return err
		}
		w.raw("}")
		return nil
	})
}

// holder writes what has a number, from 1, and properties.
func (w *writer) holder(kind string, i int, props fts.Props) error {
	w.raw(fmt.Sprintf(`"%s":%d`, kind, i+1))
	return w.list("properties", len(props), func(i int) error { return w.property(props[i]) })
}
