package query

import (
	"maps"
	"slices"
	"strings"
	"time"

	"mailferry/internal/selection"
)

// textFields are the fields that are compared word by word; the empty one is that
// of words without a field.
var textFields = map[string]TextField{
	"": Anywhere, "subject": Subject, "from": From, "to": To, "cc": Cc, "bcc": Bcc, "with": With, "attachment": Attachment,
	"category": Category, "location": Location, "name": Name, "company": Company, "email": Email, "body": Body,
}

var timeFields = map[string]TimeField{
	"received": Received, "sent": Sent, "created": Created, "modified": Modified, "start": Start, "end": End,
}

// facts are what may stand behind is:.
var facts = map[string]Expr{
	"read": Flag(Read), "unread": Not{Flag(Read)}, "draft": Flag(Draft), "flagged": Flag(Flagged), "completed": Flag(Completed),
	"private": Flag(Private), "recurring": Flag(Recurring), "deleted": Flag(Deleted), "associated": Flag(Associated), "suspect": Flag(Suspect),
}

// others make the term of a field from what stands behind its colon.
var others = map[string]func(value string) (Expr, error){
	"has": func(v string) (Expr, error) {
		if !strings.EqualFold(v, "attachment") && !strings.EqualFold(v, "attachments") {
			return nil, errorf("has:%s: only has:attachment can be asked for", v)
		}
		return Flag(HasAttachment), nil
	},
	"is": func(v string) (Expr, error) {
		if x, ok := facts[strings.ToLower(v)]; ok {
			return x, nil
		}
		return nil, errorf("is:%s: can be asked for %s", v, names(facts))
	},
	"importance": func(v string) (Expr, error) {
		if i := slices.Index([]string{"low", "normal", "high"}, strings.ToLower(v)); i >= 0 {
			return Importance(i), nil
		}
		return nil, errorf("importance:%s: write low, normal or high", v)
	},
	"larger":  func(v string) (Expr, error) { n, err := size("larger", v); return Size{Larger: n}, err },
	"smaller": func(v string) (Expr, error) { n, err := size("smaller", v); return Size{Smaller: n}, err },
	"after": func(v string) (Expr, error) {
		from, _, err := span("after", v)
		return Time{Field: At, From: from}, err
	},
	"before": func(v string) (Expr, error) {
		from, _, err := span("before", v)
		return Time{Field: At, To: from}, err
	},
	"on": func(v string) (Expr, error) {
		from, to, err := span("on", v)
		return Time{Field: At, From: from, To: to}, err
	},
	"folder": func(v string) (Expr, error) {
		if err := selection.CheckPattern(v); err != nil {
			return nil, errorf("folder:%s: %v", v, err)
		}
		return Folder{v}, nil
	},
	"mailbox":    func(v string) (Expr, error) { return Mailbox{v}, nil },
	"class":      func(v string) (Expr, error) { return Class{v}, nil },
	"id":         func(v string) (Expr, error) { return ID(v), nil },
	"message-id": func(v string) (Expr, error) { return MessageID(BareMessageID(v)), nil },
}

// expr makes the term that a token says.
func (t token) expr() (Expr, error) {
	if t.value == "" {
		return nil, errorf("%s: has nothing behind it in the query", t.name())
	}
	if field, ok := textFields[t.field]; ok {
		x := Text{Field: field, Prefix: strings.HasSuffix(t.value, "*")}
		if x.Phrase = string(AppendWords(nil, t.value)); x.Phrase == "" {
			return nil, errorf("%s has no letter and no digit to look for", t.name()+t.value)
		}
		return x, nil
	}
	if field, ok := timeFields[t.field]; ok {
		return between(field, t.field, t.value)
	}
	if make, ok := others[t.field]; ok {
		return make(t.value)
	}
	return nil, errorf("the query can't ask for %q; there are %s; what is no field stands in quotes", t.field+":", fieldNames())
}

func (t token) name() string {
	if t.field == "" {
		return "a term"
	}
	return t.field
}

func fieldNames() string {
	all := slices.Concat(slices.Collect(maps.Keys(textFields)), slices.Collect(maps.Keys(timeFields)), slices.Collect(maps.Keys(others)))
	slices.Sort(all)
	return strings.Join(all[1:], ": ") + ":" // the first is that of no field
}

func names(m map[string]Expr) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}

func size(field, value string) (int64, error) {
	n, err := selection.ParseSize(value)
	if err != nil {
		return 0, errorf("%s:%v", field, err)
	}
	if n == 0 {
		return 0, errorf("%s:%s: give a size above 0", field, value)
	}
	return n, nil
}

// between reads DATE, FROM..TO, FROM.. or ..TO.
func between(field TimeField, name, value string) (Expr, error) {
	first, last, isRange := strings.Cut(value, "..")
	x := Time{Field: field}
	if !isRange {
		last = first
	}
	if first == "" && last == "" {
		return nil, errorf("%s:%s: give a date on one side of the dots", name, value)
	}
	var err error
	if first != "" {
		if x.From, _, err = span(name, first); err != nil {
			return nil, err
		}
	}
	if last != "" {
		if _, x.To, err = span(name, last); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// span is the time that a date takes: a year, a month, a day or a second, in UTC.
func span(field, text string) (from, to time.Time, err error) {
	for layout, length := range map[string][3]int{"2006": {1, 0, 0}, "2006-01": {0, 1, 0}, time.DateOnly: {0, 0, 1}} {
		if from, err := time.Parse(layout, text); err == nil {
			return from, from.AddDate(length[0], length[1], length[2]), nil
		}
	}
	if from, err := time.Parse(time.RFC3339, text); err == nil {
		return from.UTC(), from.UTC().Add(time.Second), nil
	}
	return from, to, errorf("%s:%s is no date; write 2025, 2025-01, 2025-01-31 or 2025-01-31T18:00:00Z", field, text)
}

// BareMessageID is a message id without the signs around it.
func BareMessageID(id string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(id), "<"), ">")
}
