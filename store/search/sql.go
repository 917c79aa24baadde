package search

import (
	"strconv"
	"strings"
	"time"

	"mailferry/internal/selection"
	"mailferry/store/query"
)

// times are the columns of the fields of time, in their order.
var times = [...]string{query.At: "at", query.Received: "received", query.Sent: "sent", query.Created: "created", query.Modified: "modified", query.Start: "starts", query.End: "ends"}

// micros is how times are kept; nil: it is not known.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// condition is a query as SQL about a row of items.
type condition struct {
	strings.Builder
	args []any

	q    *query.Query
	wide // what globs choose from
}

// wide are the texts that stand for themselves in the index, by number.
type wide struct {
	mailboxes, classes []named
	folders            []folder
}

type named struct {
	n    int64
	name string
}

type folder struct {
	n           int64
	mailbox, id string
}

func (c *condition) add(x query.Expr) {
	switch x := x.(type) {
	case query.And:
		c.join(x, " AND ")
	case query.Or:
		c.join(x, " OR ")
	case query.Not:
		c.WriteString("NOT ")
		c.join([]query.Expr{x.X}, "")
	case query.Text:
		c.text(x)
	case query.Flag:
		c.where("facts & ? != 0", int64(x))
	case query.Importance:
		c.where("importance = ?", int64(x))
	case query.Time:
		c.time(x)
	case query.Size:
		c.size(x)
	case query.Folder:
		c.folder(c.q.Named(x))
	case query.In:
		c.folder(x)
	case query.Mailbox:
		c.glob("mailbox", c.mailboxes, x.Pattern)
	case query.Class:
		c.glob("class", c.classes, x.Pattern)
	case query.ID:
		c.where("id = ?", string(x))
	case query.MessageID:
		c.where("message_id = ?", string(x))
	}
}

func (c *condition) where(sql string, args ...any) {
	c.WriteString(sql)
	c.args = append(c.args, args...)
}

// join writes parts in parentheses; a parser makes none without a part.
func (c *condition) join(parts []query.Expr, operator string) {
	for i, x := range parts {
		if i == 0 {
			c.WriteByte('(')
		} else {
			c.WriteString(operator)
		}
		c.add(x)
	}
	c.WriteByte(')')
}

// text asks the words of the catalogue, those of the bodies, or both.
func (c *condition) text(x query.Text) {
	// The phrase is letters, digits and spaces: nothing of FTS5's syntax.
	match := `"` + strings.TrimPrefix(x.Phrase, " ") + `"`
	if x.Prefix {
		match += " *"
	}
	const words, texts = "item IN (SELECT rowid FROM words WHERE words MATCH ?)", "item IN (SELECT rowid FROM texts WHERE texts MATCH ?)"
	switch x.Field {
	case query.Anywhere:
		c.where("("+words+" OR "+texts+")", match, match)
	case query.Body:
		c.where(texts, match)
	case query.With:
		c.where(words, "{"+column(query.From)+" "+column(query.To)+" "+column(query.Cc)+" "+column(query.Bcc)+"} : "+match)
	default:
		c.where(words, column(x.Field)+" : "+match)
	}
}

func (c *condition) time(x query.Time) {
	name := times[x.Field]
	c.WriteString("(" + name + " IS NOT NULL")
	if !x.From.IsZero() {
		c.where(" AND "+name+" >= ?", x.From.UnixMicro())
	}
	if !x.To.IsZero() {
		c.where(" AND "+name+" < ?", x.To.UnixMicro())
	}
	c.WriteByte(')')
}

func (c *condition) size(x query.Size) {
	c.WriteString("(1")
	if x.Larger > 0 {
		c.where(" AND size > ?", x.Larger)
	}
	if x.Smaller > 0 {
		c.where(" AND size < ?", x.Smaller)
	}
	c.WriteByte(')')
}

func (c *condition) folder(in query.In) {
	var numbers []int64
	for _, f := range c.folders {
		if in.Has(f.mailbox, f.id) {
			numbers = append(numbers, f.n)
		}
	}
	c.in("folder", numbers)
}

func (c *condition) glob(column string, all []named, pattern string) {
	var numbers []int64
	for _, one := range all {
		if selection.MatchText(pattern, one.name) {
			numbers = append(numbers, one.n)
		}
	}
	c.in(column, numbers)
}

func (c *condition) in(column string, numbers []int64) {
	c.WriteString(column + " IN (")
	for i, n := range numbers {
		if i > 0 {
			c.WriteByte(',')
		}
		c.WriteString(strconv.FormatInt(n, 10))
	}
	c.WriteByte(')')
}
