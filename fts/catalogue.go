package fts

import (
	"encoding/json"
	"time"

	"mailferry/fts/recur"
)

// Catalogue is what a list or a search needs to know of an item, taken from its
// blob in one pass. Strings and lists are capped; Cut tells that something was.
type Catalogue struct {
	Class      string   `json:"class,omitempty"`
	Subject    string   `json:"subject,omitempty"`
	From       string   `json:"from,omitempty"` // SMTP address; where there is none, the name
	FromName   string   `json:"from_name,omitempty"`
	Sender     string   `json:"sender,omitempty"` // the account that sent, as From
	SenderName string   `json:"sender_name,omitempty"`
	ReplyTo    []Person `json:"reply_to,omitempty"`
	// The recipients by kind; of a meeting those who must come, who may, and rooms,
	// each with the Status of [MS-OXOCAL] 2.2.4.10.2: 1 organizer, 2 tentative, 3 accepted, 4 declined.
	To  []Person `json:"to,omitempty"`
	Cc  []Person `json:"cc,omitempty"`
	Bcc []Person `json:"bcc,omitempty"`

	Received time.Time `json:"received,omitzero"`
	Sent     time.Time `json:"sent,omitzero"`
	Created  time.Time `json:"created,omitzero"`
	Modified time.Time `json:"modified,omitzero"`

	MessageID         string `json:"message_id,omitempty"`
	InReplyTo         string `json:"in_reply_to,omitempty"`
	References        string `json:"references,omitempty"` // message ids with spaces between
	SearchKey         []byte `json:"search_key,omitempty"`
	ConversationID    []byte `json:"conversation_id,omitempty"`
	ConversationIndex []byte `json:"conversation_index,omitempty"`
	ConversationTopic string `json:"conversation_topic,omitempty"`

	Flags       uint32    `json:"flags,omitempty"` // PidTagMessageFlags
	Importance  int32     `json:"importance"`      // 0 low, 1 normal (also where the blob says nothing), 2 high
	Sensitivity int32     `json:"sensitivity,omitempty"`
	Private     bool      `json:"private,omitempty"`     // by Sensitivity or by PidLidPrivate
	FlagStatus  int32     `json:"flag_status,omitempty"` // 1 complete, 2 flagged
	FlagRequest string    `json:"flag_request,omitempty"`
	Reminder    time.Time `json:"reminder,omitzero"`
	Categories  []string  `json:"categories,omitempty"`

	HasAttachments bool             `json:"has_attachments,omitempty"` // there is one, inline and hidden ones too
	Attachments    []AttachmentInfo `json:"attachments,omitempty"`

	Start     time.Time `json:"start,omitzero"` // of an appointment or a task
	End       time.Time `json:"end,omitzero"`   // of an appointment; of a task when it is due
	Location  string    `json:"location,omitempty"`
	Recurring bool      `json:"recurring,omitempty"`

	DisplayName string   `json:"display_name,omitempty"` // of a contact or distribution list
	Company     string   `json:"company,omitempty"`
	Emails      []string `json:"emails,omitempty"` // of a contact

	Calendar *Calendar `json:"calendar,omitempty"`
	Contact  *Contact  `json:"contact,omitempty"`
	Task     *Task     `json:"task,omitempty"`

	Cut bool `json:"cut,omitempty"`
}

// Bits of Catalogue.Flags.
const (
	FlagRead       = 0x01
	FlagUnsent     = 0x08 // a draft
	FlagAssociated = 0x40
)

// Calendar is what only calendar items and meeting messages have.
type Calendar struct {
	Organizer      *Person       `json:"organizer,omitempty"`
	AllDay         bool          `json:"all_day,omitempty"`
	BusyStatus     int32         `json:"busy_status,omitempty"`     // 0 free, 1 tentative, 2 busy, 3 away, 4 elsewhere
	State          int32         `json:"state,omitempty"`           // bits: 1 meeting, 2 received, 4 cancelled
	Response       int32         `json:"response,omitempty"`        // of the mailbox's owner, as a recipient's Status
	UID            []byte        `json:"uid,omitempty"`             // PidLidCleanGlobalObjectId: the same for each copy of a meeting
	TimeZone       string        `json:"time_zone,omitempty"`       // key of Windows, else a description
	Replaces       time.Time     `json:"replaces,omitzero"`         // of an exception: the occurrence that it replaces
	Recurrence     *recur.Series `json:"recurrence,omitempty"`      // nil also where it can't be decoded
	RecurrenceText string        `json:"recurrence_text,omitempty"` // as the client that made it described it
}

// Contact is what only contacts and distribution lists have.
type Contact struct {
	GivenName  string     `json:"given_name,omitempty"`
	MiddleName string     `json:"middle_name,omitempty"`
	Surname    string     `json:"surname,omitempty"`
	Prefix     string     `json:"prefix,omitempty"`
	Suffix     string     `json:"suffix,omitempty"`
	Nickname   string     `json:"nickname,omitempty"`
	FileUnder  string     `json:"file_under,omitempty"`
	JobTitle   string     `json:"job_title,omitempty"`
	Department string     `json:"department,omitempty"`
	Emails     []Person   `json:"emails,omitempty"` // the up to three, with their names
	Phones     []Labelled `json:"phones,omitempty"`
	Addresses  []Labelled `json:"addresses,omitempty"`
	WebPage    string     `json:"web_page,omitempty"`
	IM         string     `json:"im,omitempty"`
	Birthday   time.Time  `json:"birthday,omitzero"`
	Wedding    time.Time  `json:"wedding,omitzero"`
	Photo      bool       `json:"photo,omitempty"`   // an attachment holds one
	Members    []Person   `json:"members,omitempty"` // of a distribution list
}

// Labelled is one of several telephone numbers or postal addresses.
type Labelled struct {
	Label string `json:"label"` // "business", "home", "mobile", …
	Value string `json:"value"`
}

// Task is what only tasks have. Start and End of the Catalogue are when it begins and is due.
type Task struct {
	Status     int32          `json:"status,omitempty"` // 0 not started, 1 in progress, 2 complete, 3 waiting, 4 deferred
	Complete   bool           `json:"complete,omitempty"`
	Percent    float64        `json:"percent,omitempty"` // 0 to 1
	Completed  time.Time      `json:"completed,omitzero"`
	Owner      string         `json:"owner,omitempty"`
	Assigner   string         `json:"assigner,omitempty"`
	Recurrence *recur.Pattern `json:"recurrence,omitempty"`
}

// AttachmentInfo is an attachment in a Catalogue.
type AttachmentInfo struct {
	Name      string `json:"name,omitempty"`
	Mime      string `json:"mime,omitempty"`
	Method    int32  `json:"method,omitempty"` // PidTagAttachMethod
	Hidden    bool   `json:"hidden,omitempty"`
	Inline    bool   `json:"inline,omitempty"` // the body shows it
	ContentID string `json:"content_id,omitempty"`
	Size      int64  `json:"size,omitempty"`   // bytes of the data, or of the stream of an embedded message
	SHA256    string `json:"sha256,omitempty"` // of the data, in hex; none of an embedded message
}

// Caps of a Catalogue, in bytes of UTF-8 and in numbers.
const (
	maxString      = 1 << 10
	maxLong        = 8 << 10  // of references and postal addresses
	maxHeaders     = 32 << 10 // looked into for the message id
	maxRecipients  = 2000     // and members of a distribution list
	maxAttachments = 1000
	maxCategories  = 200
	maxOccurrences = 500       // deleted, changed and exceptional ones of a series, each
	maxBinary      = 256 << 10 // of a recurrence, a time zone, an entry id list
	maxAll         = 256 << 10 // all strings together
)

// UnmarshalJSON also takes a string, which is how catalogues of older stores
// name persons: an address, or a name where there was none.
func (p *Person) UnmarshalJSON(b []byte) error {
	type plain Person
	*p = Person{}
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &p.Address)
	}
	return json.Unmarshal(b, (*plain)(p))
}
