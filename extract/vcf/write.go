package vcf

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"

	"mailferry/extract/internal/internet"
	"mailferry/fts"
	"mailferry/internal/contentline"
)

// Version is a version of vCard.
type Version string

// The versions.
const (
	V3 Version = "3.0"
	V4 Version = "4.0"
)

// Write writes a contact or a distribution list as a vCard 4.0. After an error
// what was written is of no use.
func Write(w io.Writer, it *fts.Item) error { return WriteVersion(w, it, V4) }

// WriteVersion writes a vCard of a version.
func WriteVersion(w io.Writer, it *fts.Item, v Version) error {
	if v != V3 && v != V4 {
		return fmt.Errorf("vCard has no version %q: there are %s and %s", v, V3, V4)
	}
	c := card{Writer: contentline.NewWriter(w), m: &it.Message, v: v}
	c.Raw("BEGIN", "VCARD")
	c.Raw("VERSION", string(v))
	c.Raw("PRODID", "-//mailferry//extract//EN")
	c.identity()
	if class := strings.ToUpper(c.m.Class()); class == "IPM.DISTLIST" || strings.HasPrefix(class, "IPM.DISTLIST.") {
		c.group()
	} else {
		c.names()
		c.addresses()
		c.phones()
		c.places()
		c.days()
		c.relations()
	}
	if list := c.m.Categories(); len(list) > 0 {
		c.List("CATEGORIES", list)
	}
	if err := c.note(); err != nil {
		return err
	}
	c.photo()
	c.Raw("END", "VCARD")
	return c.Flush()
}

type card struct {
	*contentline.Writer
	m *fts.Message
	v Version
}

func (c *card) tag(id uint16) string { return strings.TrimSpace(c.m.Props.String(id)) }

func (c *card) lid(lid uint32) string {
	s, _ := fts.NamedValue[string](c.m.Props, fts.LID(fts.PSETIDAddress, lid))
	return strings.TrimSpace(s)
}

// text writes a text, if there is one.
func (c *card) text(name, value string, params ...contentline.Param) {
	if value != "" {
		c.Text(name, value, params...)
	}
}

// Properties of every item.
const (
	idModified  = 0x3008
	idSearchKey = 0x300B
)

// identity says which card it is, and of when.
func (c *card) identity() {
	if key := c.m.Props.Bytes(idSearchKey); len(key) == 16 {
		s := hex.EncodeToString(key)
		c.Raw("UID", "urn:uuid:"+s[:8]+"-"+s[8:12]+"-"+s[12:16]+"-"+s[16:20]+"-"+s[20:])
	} else if len(key) > 0 {
		c.Text("UID", hex.EncodeToString(key))
	}
	if at := c.m.Props.Time(idModified); at.Year() > 1900 && at.Year() <= 9999 {
		c.Raw("REV", at.UTC().Format(c.either("2006-01-02T15:04:05Z", "20060102T150405Z")))
	}
}

// either returns what the version has.
func (c *card) either(v3, v4 string) string {
	if c.v == V3 {
		return v3
	}
	return v4
}

func (c *card) note() error {
	kind, err := c.m.Body()
	if err != nil || kind == fts.NoBody {
		return err
	}
	r, err := c.m.Text()
	if err != nil || r == nil {
		return err
	}
	c.TextFrom("NOTE", r)
	return nil
}

const idContactPhoto = 0x7FFF

// photo writes the picture of a contact.
func (c *card) photo() {
	for i := range c.m.Attachments {
		a := &c.m.Attachments[i]
		data, ok := a.Data()
		if !ok || data.Size() == 0 || !a.Props.Bool(idContactPhoto) {
			continue
		}
		kind := internet.MediaType(a.Mime())
		if !strings.HasPrefix(kind, "image/") {
			kind = cmp.Or(map[string]string{".png": "image/png", ".gif": "image/gif", ".bmp": "image/bmp"}[strings.ToLower(path.Ext(a.Name()))], "image/jpeg")
		}
		write := func(w io.Writer) error {
			r, err := data.Open()
			if err == nil && r != nil {
				_, err = io.Copy(w, r)
			}
			return err
		}
		if c.v == V3 {
			c.Base64("PHOTO", "", write, contentline.P("ENCODING", "b"), contentline.P("TYPE", strings.ToUpper(strings.TrimPrefix(kind, "image/"))))
		} else {
			c.Base64("PHOTO", "data:"+kind+";base64,", write)
		}
		return
	}
}
