package ics

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"mailferry/extract/internal/internet"
	"mailferry/fts"
	"mailferry/internal/contentline"
)

// Write writes an appointment, a meeting message or a task as a calendar. After an
// error what was written is of no use.
func Write(w io.Writer, it *fts.Item) error { return WriteMessage(w, &it.Message) }

// WriteMessage writes a message as a calendar.
func WriteMessage(w io.Writer, m *fts.Message) error {
	c := calendar{Writer: contentline.NewWriter(w), m: m}
	class := strings.ToUpper(m.Class())
	c.method = Method(class)
	c.Raw("BEGIN", "VCALENDAR")
	c.Raw("PRODID", "-//mailferry//extract//EN")
	c.Raw("VERSION", "2.0")
	if c.method != "" {
		c.Raw("METHOD", c.method)
	}
	var err error
	if class == "IPM.TASK" || strings.HasPrefix(class, "IPM.TASK.") {
		err = c.task()
	} else {
		c.zone = zoneOf(m)
		err = c.events()
	}
	if err != nil {
		return err
	}
	c.Raw("END", "VCALENDAR")
	return c.Flush()
}

// Method returns what a meeting message asks for (RFC 5546), by its class; "" if
// it is none.
func Method(class string) string {
	class = strings.ToUpper(class)
	for prefix, method := range map[string]string{
		"IPM.SCHEDULE.MEETING.REQUEST": "REQUEST", "IPM.SCHEDULE.MEETING.RESP": "REPLY", "IPM.SCHEDULE.MEETING.CANCELED": "CANCEL",
	} {
		if class == prefix || strings.HasPrefix(class, prefix+".") {
			return method
		}
	}
	return ""
}

type calendar struct {
	*contentline.Writer
	m          *fts.Message
	method     string
	zone       *zone
	allDay     bool
	exceptions map[time.Time]*fts.Message // by where the series has them, UTC
}

func (c *calendar) text(n fts.Name) string {
	s, _ := fts.NamedValue[string](c.m.Props, n)
	return strings.TrimSpace(s)
}

func common(lid uint32) fts.Name { return fts.LID(fts.PSETIDCommon, lid) }

func boolean(m *fts.Message, n fts.Name) bool { b, _ := fts.NamedValue[bool](m.Props, n); return b }

// Properties of meetings that tell which one it is ([MS-OXOCAL] 2.2.1.27 and 2.2.1.28).
const (
	lidGlobalID      = 0x0003
	lidCleanGlobalID = 0x0023
	idSearchKey      = 0x300B
)

// uid is the UID ([MS-OXCICAL] 2.1.3.1.1.20.26): one of another calendar is inside
// of the id, any other is the id without the day of an occurrence, in hexadecimal.
// Tasks have no such id, and items of a store no search key: then it is made of
// what tells items apart and stays as it is, since calendars take two items with
// the same UID for one.
func (c *calendar) uid() string {
	const dateAt, dataAt = 16, 40
	mark := []byte("vCal-Uid\x01\x00\x00\x00")
	for _, lid := range []uint32{lidCleanGlobalID, lidGlobalID} {
		id, _ := fts.NamedValue[[]byte](c.m.Props, fts.LID(fts.PSETIDMeeting, lid))
		if len(id) < dataAt {
			continue
		}
		if foreign, ok := bytes.CutPrefix(id[dataAt:], mark); ok {
			foreign, _, _ = bytes.Cut(foreign, []byte{0})
			if len(foreign) > 0 {
				return string(foreign)
			}
		}
		id = bytes.Clone(id)
		clear(id[dateAt : dateAt+4])
		return strings.ToUpper(hex.EncodeToString(id))
	}
	if known := cmp.Or(hex.EncodeToString(c.m.Props.Bytes(idSearchKey)), c.m.Props.String(0x1035)); known != "" {
		return known
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%s", c.m.Class(), c.m.Props.Time(0x3007).UnixNano(), c.m.Subject()))
	return hex.EncodeToString(sum[:16])
}

// occurrence is the occurrence of a series that a message is about.
func (c *calendar) occurrence() (time.Time, bool) {
	at := c.moment(lidReplaceTime)
	return at, !at.IsZero() && sane(at)
}

// stamps tells when the item was made and changed.
func (c *calendar) stamps() {
	created, modified := c.m.Props.Time(0x3007).UTC(), c.m.Props.Time(0x3008).UTC()
	at := time.Unix(0, 0).UTC()
	for _, t := range []time.Time{created, modified} {
		if sane(t) {
			at = t
		}
	}
	c.Raw("DTSTAMP", at.Format(stamp)+"Z")
	if sane(created) {
		c.Raw("CREATED", created.Format(stamp)+"Z")
	}
	if sane(modified) {
		c.Raw("LAST-MODIFIED", modified.Format(stamp)+"Z")
	}
}

// state writes what is one number or one word, and the categories.
func (c *calendar) state(m *fts.Message) {
	if n, ok := fts.NamedValue[int32](m.Props, appointment(lidSequence)); ok {
		c.Raw("SEQUENCE", fmt.Sprint(max(n, 0)))
	}
	c.class(m)
	busy, has := fts.NamedValue[int32](m.Props, appointment(lidBusyStatus))
	if has {
		c.busy(busy)
	}
	const cancelled = 4
	switch state, _ := fts.NamedValue[int32](m.Props, appointment(lidState)); {
	case state&cancelled != 0 || c.method == "CANCEL":
		c.Raw("STATUS", "CANCELLED")
	case has && busy == 1:
		c.Raw("STATUS", "TENTATIVE")
	default:
		c.Raw("STATUS", "CONFIRMED")
	}
}

// class writes sensitivity, importance and categories.
func (c *calendar) class(m *fts.Message) {
	sensitivity, _ := m.Props.Int(0x0036)
	c.Raw("CLASS", map[int64]string{1: "PRIVATE", 2: "PRIVATE", 3: "CONFIDENTIAL"}[sensitivity]+map[bool]string{true: "PUBLIC"}[sensitivity < 1 || sensitivity > 3])
	if importance, ok := m.Props.Int(0x0017); ok {
		c.Raw("PRIORITY", cmp.Or(map[int64]string{0: "9", 2: "1"}[importance], "5"))
	}
	if list := m.Categories(); len(list) > 0 {
		c.List("CATEGORIES", list)
	}
}

func (c *calendar) busy(status int32) {
	transparency := "OPAQUE"
	if status == 0 {
		transparency = "TRANSPARENT"
	}
	c.Raw("TRANSP", transparency)
	if names := []string{"FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE"}; status >= 0 && int(status) < len(names) {
		c.Raw("X-MICROSOFT-CDO-BUSYSTATUS", names[status])
	}
}

func attachmentParams(a *fts.Attachment) []contentline.Param {
	params := []contentline.Param{contentline.P("FMTTYPE", internet.MediaType(a.Mime())), contentline.P("ENCODING", "BASE64"), contentline.P("VALUE", "BINARY")}
	if name := a.Name(); name != "" {
		params = append(params, contentline.P("X-FILENAME", name))
	}
	return params
}
