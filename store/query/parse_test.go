package query

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"mailferry/internal/selection"
)

func day(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }

func TestParse(t *testing.T) {
	t.Parallel()
	alice := Text{Field: From, Phrase: " alice"}
	for text, want := range map[string]Expr{
		"from:alice": alice,
		`from:alice subject:"q3 report" has:attachment after:2025-01-01 -folder:#junk`: And{
			alice, Text{Field: Subject, Phrase: " q3 report"}, Flag(HasAttachment), Time{At, day(2025, 1, 1), time.Time{}}, Not{Folder{"#junk"}},
		},
		"FROM:Alice":                     alice,
		"report*":                        Text{Field: Anywhere, Phrase: " report", Prefix: true},
		"from:alice@Example.com":         Text{Field: From, Phrase: " alice example com"},
		"a OR b c":                       Or{Text{Field: Anywhere, Phrase: " a"}, And{Text{Field: Anywhere, Phrase: " b"}, Text{Field: Anywhere, Phrase: " c"}}},
		"(a OR b) AND c":                 And{Or{Text{Field: Anywhere, Phrase: " a"}, Text{Field: Anywhere, Phrase: " b"}}, Text{Field: Anywhere, Phrase: " c"}},
		"from:(alice OR -bob)":           Or{alice, Not{Text{Field: From, Phrase: " bob"}}},
		"NOT -from:alice":                alice,
		"NOT from:alice":                 Not{alice},
		`"OR"`:                           Text{Field: Anywhere, Phrase: " or"},
		`body:"say \"hi\""`:              Text{Field: Body, Phrase: " say hi"},
		`"re: invoice"`:                  Text{Field: Anywhere, Phrase: " re invoice"},
		"12:30":                          Text{Field: Anywhere, Phrase: " 12 30"},
		"subject:Straße":                 Text{Field: Subject, Phrase: " strasse"},
		"subject:會議室":                    Text{Field: Subject, Phrase: " 會 議 室"},
		"subject:Ünïcode":                Text{Field: Subject, Phrase: " unicode"},
		"on:2024-02":                     Time{At, day(2024, 2, 1), day(2024, 3, 1)},
		"before:2024":                    Time{Field: At, To: day(2024, 1, 1)},
		"sent:2024-02-28..2024-02-29":    Time{Sent, day(2024, 2, 28), day(2024, 3, 1)},
		"start:..2024":                   Time{Field: Start, To: day(2025, 1, 1)},
		"end:2024..":                     Time{Field: End, From: day(2024, 1, 1)},
		"modified:2024-01-01T10:00:00Z":  Time{Modified, day(2024, 1, 1).Add(10 * time.Hour), day(2024, 1, 1).Add(10*time.Hour + time.Second)},
		"larger:25MB smaller:1GiB":       And{Size{Larger: 25e6}, Size{Smaller: 1 << 30}},
		"importance:High is:unread":      And{Importance(2), Not{Flag(Read)}},
		"class:IPM.Note* mailbox:alice*": And{Class{"IPM.Note*"}, Mailbox{"alice*"}},
		"message-id:<a@b> id:AAMk=":      And{MessageID("a@b"), ID("AAMk=")},
		`folder:"My Folder/**"`:          Folder{"My Folder/**"},
	} {
		got, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if want := simple(want); !reflect.DeepEqual(simple(got), want) {
			t.Errorf("%s\n got %#v\nwant %#v", text, got, want)
		}
	}
}

// simple takes double negations out, which the parser leaves as it likes.
func simple(x Expr) Expr {
	if n, ok := x.(Not); ok {
		if m, ok := n.X.(Not); ok {
			return simple(m.X)
		}
	}
	return x
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        "is empty",
		"  ":                      "is empty",
		"form:alice":              `can't ask for "form:"; there are after: attachment:`,
		"from:":                   "from: has nothing behind it",
		"(from:alice":             "the ( at byte 1 of the query is never closed",
		"from:alice)":             "a ) without a ( at byte 11",
		`subject:"q3`:             `the " at byte 9 of the query is never closed`,
		"a OR":                    "something is missing at byte 5",
		"OR a":                    "something is missing at byte 1",
		"()":                      "something is missing at byte 2",
		"-":                       "no letter and no digit",
		"subject:!!!":             "subject!!! has no letter",
		"is:blue":                 "associated, completed, deleted",
		"has:subject":             "only has:attachment",
		"after:yesterday":         "after:yesterday is no date",
		"after:2024-13":           "is no date",
		"sent:..":                 "on one side of the dots",
		"larger:big":              "larger:",
		"larger:0":                "give a size above 0",
		"importance:1":            "write low, normal or high",
		"folder:#nowhere":         "there is no such well-known folder",
		"from:(subject:a)":        "subject: is within the parentheses of from:",
		"a\xff":                   "is not UTF-8",
		strings.Repeat("a ", 501): "more than 500 terms",
		strings.Repeat("(", 60):   "more than 50 parentheses",
		strings.Repeat("a", 9000): "has 9000 bytes",
	} {
		x, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, selection.ErrUsage) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.80q: %v, %v", text, x, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`from:alice subject:"q3 report" has:attachment after:2025-01-01 -folder:#junk`, "a OR (b AND NOT c)", `"\"\\"`, "sent:2024..2025-01", "from:(a OR b*)",
		"larger:25MB", "會議*", "is:unread importance:high", "--a", "((((", "a\u0301\u0301\u0301", "\u1e9e",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x, err := Parse(text)
		if err != nil {
			if !errors.Is(err, selection.ErrUsage) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		walk(x, func(x Expr) {
			// What is written into a full-text query needs no quoting, and finds itself.
			if p, ok := x.(Text); ok && (p.Phrase == "" || p.Phrase[0] != ' ' || strings.ContainsAny(p.Phrase, `"*(){}:^-+`+Bound) || !holds(p.Phrase, p.Phrase, false)) {
				t.Errorf("%q: phrase %q", text, p.Phrase)
			}
		})
	})
}

func FuzzWords(f *testing.F) {
	for _, seed := range []string{"Straße, Ünïcode 12:30", "會議室", "ﬁle", "\u0345\u1fb3", strings.Repeat("x", 100), "İstanbul"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := string(AppendWords(nil, text))
		if again := string(AppendWords(nil, once)); again != once {
			t.Errorf("%q: %q, and again %q", text, once, again)
		}
	})
}

func TestWhatAListingTells(t *testing.T) {
	for text, want := range map[string]string{
		"folder:Works -class:IPM.Note* (larger:1MB OR after:2025) id:x mailbox:a* -is:associated": "",
		"after:2025 subject:x":          "subject: can't",
		"class:IPM.Note OR -with:alice": "with: can't",
		"hello":                         "a word without a field can't",
		"received:2025":                 "received: can't",
		"is:unread":                     "is:read can't",
		"is:suspect":                    "is:suspect can't",
		"has:attachment":                "has:attachment can't",
		"importance:high":               "importance: can't",
		"message-id:x":                  "message-id: can't",
	} {
		x, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		switch err := Listed(x); {
		case want == "" && err != nil, want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)):
			t.Errorf("%s: %v", text, err)
		}
	}
}
