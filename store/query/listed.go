package query

import (
	"maps"
	"slices"

	"mailferry/internal/selection"
)

// Listed refuses a query that can't be answered about an item whose blob was not
// read. A listing of a mailbox tells the folder, class, size and id of an item,
// whether it is associated, and when it was received, else created. Errors are of
// type *Error and name the first term about anything else.
func Listed(x Expr) error {
	var wrong error
	walk(x, func(x Expr) {
		if name := unlisted(x); name != "" && wrong == nil {
			wrong = errorf("%s can't be asked before an item is fetched", name)
		}
	})
	return wrong
}

// unlisted is the name of a term that asks for what is in the blob.
func unlisted(x Expr) string {
	switch x := x.(type) {
	case Text:
		if x.Field == Anywhere {
			return "a word without a field"
		}
		return nameOf(textFields, x.Field) + ":"
	case Time:
		if x.Field != At {
			return nameOf(timeFields, x.Field) + ":"
		}
	case Flag:
		switch x {
		case Flag(Associated):
			return ""
		case Flag(HasAttachment):
			return "has:attachment"
		case Flag(Read):
			return "is:read" // or is:unread, which is its opposite
		}
		return "is:" + nameOf(facts, Expr(x))
	case Importance:
		return "importance:"
	case MessageID:
		return "message-id:"
	}
	return ""
}

// nameOf is the word of the language for a value.
func nameOf[V comparable](words map[string]V, value V) string {
	for _, word := range slices.Sorted(maps.Keys(words)) {
		if words[word] == value {
			return word
		}
	}
	return ""
}

// Dated says that a term asks when an item was received, else created.
func Dated(x Expr) bool {
	return has(x, func(x Expr) bool { t, ok := x.(Time); return ok && t.Field == At })
}

// Classed says that a term asks for the message class.
func Classed(x Expr) bool {
	return has(x, func(x Expr) bool { _, ok := x.(Class); return ok })
}

// Names says that a folder: of the query is asking for the tree below a root.
func Names(x Expr, root string) bool {
	return has(x, func(x Expr) bool {
		f, ok := x.(Folder)
		return ok && selection.Selection{Folders: []string{f.Pattern}}.Names(root)
	})
}

// has says that a part of x is such a one.
func has(x Expr, such func(Expr) bool) (found bool) {
	walk(x, func(x Expr) { found = found || such(x) })
	return found
}
