// Package tree is the plain content that a mailbox is filled with: folders,
// and messages in them. The generators of content build it, package mailbox
// gives it numbers, keys and times. It also holds the short ways to make a
// property that they share.
package tree

import (
	"time"

	"mailferry/fts"
)

// Folder is a folder to be made, or with Distinguished the one that the
// mailbox has already.
type Folder struct {
	Name          string
	Class         string // as "IPF.Note"
	Distinguished string // EWS name of a folder that each mailbox has, as "inbox"; Name and Class are then ignored
	Hidden        bool
	Items         []Item
	Folders       []*Folder
}

// Item is a message with what the store knows of it apart from its stream.
type Item struct {
	Message    *fts.Message
	Associated bool
	SearchKey  []byte // nil: the store makes one
}

// Sub returns the folder below f with that name, and adds it where there is
// none.
func (f *Folder) Sub(name, class string) *Folder {
	for _, c := range f.Folders {
		if c.Name == name && c.Distinguished == "" {
			return c
		}
	}
	c := &Folder{Name: name, Class: class}
	f.Folders = append(f.Folders, c)
	return c
}

// WellKnown returns the folder below f (at any depth) that stands for a
// distinguished one, and adds it to f where there is none.
func (f *Folder) WellKnown(name string) *Folder {
	if found := f.find(name); found != nil {
		return found
	}
	c := &Folder{Distinguished: name}
	f.Folders = append(f.Folders, c)
	return c
}

func (f *Folder) find(distinguished string) *Folder {
	if f.Distinguished == distinguished {
		return f
	}
	for _, c := range f.Folders {
		if found := c.find(distinguished); found != nil {
			return found
		}
	}
	return nil
}

// Add puts an item into f.
func (f *Folder) Add(m *fts.Message) { f.Items = append(f.Items, Item{Message: m}) }

// Prop makes a property below 0x8000. The type follows from the value: see
// [Value].
func Prop(id uint16, value any) fts.Prop {
	t, v := Value(value)
	return fts.Prop{Tag: fts.MakeTag(id, t), Value: v}
}

// LID makes a property that is named by a number.
func LID(set fts.GUID, lid uint32, value any) fts.Prop {
	return Named(fts.Name{Set: set, LID: lid}, value)
}

// Text makes a property that is named by a string.
func Text(set fts.GUID, name string, value any) fts.Prop {
	return Named(fts.Name{Set: set, Text: name}, value)
}

// Named makes a named property. Its id means nothing: a writer gives it one.
func Named(n fts.Name, value any) fts.Prop {
	p := Prop(0x8000, value)
	p.Name = &n
	return p
}

// Value returns the property type of a Go value, and the value as fts wants
// it: int is a 32-bit integer, time.Time a FILETIME, strings are UTF-16. It
// panics on a type that no property has.
func Value(value any) (fts.Type, any) {
	switch v := value.(type) {
	case int:
		return fts.Integer32, int32(v)
	case time.Time:
		return fts.Time, fts.FileTimeOf(v)
	case []int32:
		return fts.Integer32 | fts.MultiValue, v
	case []int64:
		return fts.Integer64 | fts.MultiValue, v
	case []string:
		return fts.StringsUpload, v
	case [][]byte:
		return fts.Binary | fts.MultiValue, v
	case []fts.FileTime:
		return fts.Time | fts.MultiValue, v
	}
	return single(value), value
}

func single(value any) fts.Type {
	switch value.(type) {
	case int16:
		return fts.Integer16
	case int32:
		return fts.Integer32
	case int64:
		return fts.Integer64
	case float32:
		return fts.Floating32
	case float64:
		return fts.Floating64
	case fts.Currency:
		return fts.CurrencyType
	case fts.FloatingTime:
		return fts.FloatingTimeType
	case bool:
		return fts.Boolean
	case string:
		return fts.StringUpload
	case fts.FileTime:
		return fts.Time
	case fts.GUID:
		return fts.GUIDType
	case []byte:
		return fts.Binary
	case fts.Object:
		return fts.ObjectType
	case fts.ServerID:
		return fts.ServerIDType
	}
	panic("tree: no property type for this value")
}
