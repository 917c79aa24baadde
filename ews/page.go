package ews

import (
	"context"
	"errors"
	"iter"

	"mailferry/internal/xmlstream"
)

// page is one answer of FindFolder or FindItem.
type page[T any] struct {
	entries []T
	next    int // offset of the next page
	last    bool
}

// readPage reads the one that begins at offset; list is the name of the element
// that holds the entries. Servers were seen that answer an offset that does not
// grow, for ever; one that grows by more than the entries would lose some.
func readPage[T any](a *answer, offset int, list string, entry func(xmlstream.Token) (T, error)) (p page[T], err error) {
	found := false
	err = a.Single(func(tok xmlstream.Token) error {
		if tok.Name.Local != "RootFolder" {
			return a.Skip()
		}
		found = true
		if p.next = -1; tok.Attr("IndexedPagingOffset") != "" {
			p.next = int(number(tok.Attr("IndexedPagingOffset")))
		}
		p.last = isTrue(tok.Attr("IncludesLastItemInRange"))
		return a.Children(func(tok xmlstream.Token) error {
			if tok.Name.Local != list {
				return a.Skip()
			}
			return a.Children(func(tok xmlstream.Token) error {
				if len(p.entries) >= maxEntries {
					return a.Odd("more entries than anybody asked for")
				}
				e, err := entry(tok)
				p.entries = append(p.entries, e)
				return err
			})
		})
	})
	if err == nil && !found {
		err = a.Odd("a page is missing")
	}
	if err != nil || p.last {
		return p, err
	}
	end := offset + len(p.entries)
	if p.next < 0 || p.next > end {
		p.next = end
	}
	if p.next <= offset {
		err = a.Odd("the server's pages don't advance: the list is not complete")
	}
	return p, err
}

// paged asks for page after page.
func paged[T any](get func(offset int) (page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for offset := 0; ; {
			p, err := get(offset)
			if err != nil {
				yield(none, err)
				return
			}
			for _, e := range p.entries {
				if !yield(e, nil) {
					return
				}
			}
			if p.last {
				return
			}
			offset = p.next
		}
	}
}

// retryItems sends a request that reads several things, again while one of them
// failed for a passing reason. What still fails then stands in its place.
func retryItems[T any](ctx context.Context, c *Client, r *request, want int, read func(*answer) ([]T, error), failed func(int, *T) *Error) ([]T, error) {
	var results []T
	err := c.retrying(ctx, r.op, func() error {
		results = nil
		x, err := c.send(ctx, r)
		if err != nil {
			return err
		}
		var passing *Error
		if results, err = read(x.answer); err == nil {
			for i := range results {
				e := failed(i, &results[i])
				x.noteItem(e)
				if e != nil && ActionFor(r.op, e).Verb == Retry && codes[e.Cause()] != (codeRow{}) {
					passing = e
				}
			}
		}
		x.finish(err)
		if err == nil && passing != nil {
			return passing
		}
		return err
	})
	var item *Error
	if asError(err, &item) && item.Scope >= ScopeItem && len(results) == want {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return results, nil
}

func asError(err error, e **Error) bool { return errors.As(err, e) }
