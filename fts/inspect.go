package fts

import (
	"errors"
	"io"
	"time"
)

// Catalogue is what a list or a search needs to know of an item, taken from its
// blob. Strings and lists are capped; Cut tells that something was.
type Catalogue struct {
	Class          string           `json:"class,omitempty"`
	Subject        string           `json:"subject,omitempty"`
	From           string           `json:"from,omitempty"`   // address, or name where there is none
	Sender         string           `json:"sender,omitempty"` // the account that sent, same form
	FromName       string           `json:"from_name,omitempty"`
	To             []string         `json:"to,omitempty"`
	Cc             []string         `json:"cc,omitempty"`
	Bcc            []string         `json:"bcc,omitempty"`
	Received       time.Time        `json:"received,omitzero"`
	Sent           time.Time        `json:"sent,omitzero"`
	Created        time.Time        `json:"created,omitzero"`
	Modified       time.Time        `json:"modified,omitzero"`
	MessageID      string           `json:"message_id,omitempty"`
	InReplyTo      string           `json:"in_reply_to,omitempty"`
	SearchKey      []byte           `json:"search_key,omitempty"`
	ConversationID []byte           `json:"conversation_id,omitempty"`
	Flags          uint32           `json:"flags,omitempty"` // PidTagMessageFlags
	Importance     int32            `json:"importance"`      // 0 low, 1 normal (also where the blob says nothing), 2 high
	Sensitivity    int32            `json:"sensitivity,omitempty"`
	FlagStatus     int32            `json:"flag_status,omitempty"` // 1 complete, 2 flagged
	Categories     []string         `json:"categories,omitempty"`
	HasAttachments bool             `json:"has_attachments,omitempty"` // there is one, inline and hidden ones too
	Attachments    []AttachmentInfo `json:"attachments,omitempty"`
	Start          time.Time        `json:"start,omitzero"` // of an appointment or a task
	End            time.Time        `json:"end,omitzero"`   // of an appointment; of a task when it is due
	Location       string           `json:"location,omitempty"`
	Recurring      bool             `json:"recurring,omitempty"`
	DisplayName    string           `json:"display_name,omitempty"` // of a contact
	Company        string           `json:"company,omitempty"`
	Emails         []string         `json:"emails,omitempty"` // of a contact
	Cut            bool             `json:"cut,omitempty"`
}

// AttachmentInfo is an attachment in a Catalogue.
type AttachmentInfo struct {
	Name   string `json:"name,omitempty"`
	Mime   string `json:"mime,omitempty"`
	Method int32  `json:"method,omitempty"` // PidTagAttachMethod
	Hidden bool   `json:"hidden,omitempty"`
	Size   int64  `json:"size,omitempty"` // bytes of the data, or of the stream of an embedded message
}

// Bits of Catalogue.Flags.
const (
	FlagRead       = 0x01
	FlagUnsent     = 0x08 // a draft
	FlagAssociated = 0x40
)

// Inspect checks a blob and fills a Catalogue from it. It always reads r to its
// end. On a blob that is not whole it returns what it found and a [*Problem]; an
// error of r itself is returned wrapped and is never a Problem.
func Inspect(r io.Reader) (Catalogue, error) {
	return Catalogue{}, errors.New("fts: inspecting is not built")
}
