package ews

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailferry/internal/sharedtest"
	"mailferry/internal/xmlstream"
)

// operationOf finds what a document of the shared folder answers.
func operationOf(name, doc string) string {
	for _, op := range []string{opGetFolder, opFindFolder, opCreateFolder, opSyncFolders, opSyncItems, opFindItem, opGetItem, opDeleteItem, opExport, opUpload} {
		if strings.Contains(doc, op+"Response ") || strings.Contains(doc, op+"Response>") || strings.Contains(doc, op+"ResponseMessage ") {
			return op
		}
	}
	return opGetFolder // a fault answers anything
}

// run asks for op with as many ids as the answer has, and returns the first
// error: of the request, or of an item.
func run(t *testing.T, c *Client, op, doc string) error {
	ctx := t.Context()
	n := strings.Count(doc, "ResponseMessage ResponseClass")
	first := func(err error, items ...*Error) error {
		for _, e := range items {
			if err == nil && e != nil {
				err = e
			}
		}
		return err
	}
	switch op {
	case opGetFolder:
		res, err := c.GetFolders(ctx, make([]FolderRef, max(n, 1)))
		for _, r := range res {
			err = first(err, r.Err)
		}
		return err
	case opFindFolder:
		for _, err := range c.FindFolders(ctx, Distinguished("root"), Deep) {
			if err != nil {
				return err
			}
		}
	case opFindItem:
		for _, err := range c.FindItems(ctx, FindItemsRequest{Folder: Distinguished("inbox")}) {
			if err != nil {
				return err
			}
		}
	case opCreateFolder:
		_, err := c.CreateFolder(ctx, Distinguished("inbox"), "x", "IPF.Note")
		return err
	case opSyncFolders:
		_, err := c.SyncFolders(ctx, Distinguished("root"), "")
		return err
	case opSyncItems:
		_, err := c.SyncItems(ctx, SyncItemsRequest{Folder: Distinguished("inbox")})
		return err
	case opGetItem:
		res, err := c.GetItems(ctx, make([]ItemID, n), 0)
		for _, r := range res {
			err = first(err, r.Err)
		}
		return err
	case opDeleteItem:
		res, err := c.DeleteItems(ctx, make([]ItemID, n), HardDelete)
		return first(err, res...)
	case opExport:
		r, err := c.ExportItems(ctx, make([]ItemID, n))
		if err != nil {
			return err
		}
		items, err := readAll(r)
		for _, o := range items {
			if err = first(err, o.Err); err == nil {
				err = o.err
			}
		}
		return err
	case opUpload:
		items := make([]Upload, n)
		for i := range items {
			items[i] = blob([]byte("x"))
		}
		res, err := c.UploadItems(ctx, items)
		for _, r := range res {
			err = first(err, r.Err)
		}
		return err
	}
	return nil
}

// TestDocuments reads every response that Microsoft's reference prints (ms-docs)
// and those written for this project (constructed).
func TestDocuments(t *testing.T) {
	// Printed shortened, or with an error: what this client says of them.
	odd := map[string]string{
		"ms-docs/exportitems-2-response.xml":        "*ews.TruncatedError", // its second Data is cut inside of a group
		"ms-docs/createfolder-2-response.xml":       "*ews.CountError",     // two folders at once
		"ms-docs/howto-paged-search-2-response.xml": "*ews.ProtocolError",  // the same page for ever
		"constructed/findfolder-page-1.xml":         "*ews.ProtocolError",
		"constructed/findfolder-page-stuck.xml":     "*ews.ProtocolError",
	}
	dir := sharedtest.Dir(t, "testdata/soap")
	var files []string
	for _, pattern := range []string{"ms-docs/*response*.xml", "ms-docs/*error*.xml", "ms-docs/fault*.xml", "constructed/*.xml"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 30 {
		t.Fatalf("only %d documents", len(files))
	}
	for _, file := range files {
		name, _ := filepath.Rel(dir, file)
		name = filepath.ToSlash(name)
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			doc := string(b)
			s := serve(t, func(w http.ResponseWriter, n int, body string) {
				if strings.Contains(doc, ":Fault>") {
					w.WriteHeader(500)
				}
				io.WriteString(w, doc)
			})
			c := s.client(func(o *Options) { o.Retry.Attempts = 1 })
			err = run(t, c, operationOf(name, doc), doc)
			var e *Error
			switch want, isOdd := odd[name]; {
			case isOdd && want != "":
				if got := typeName(err); got != want {
					t.Errorf("got %s %v, want %s", got, err, want)
				}
			case strings.Contains(doc, `ResponseClass="Error"`), strings.Contains(doc, ":Fault>"):
				if !errors.As(err, &e) || e.Code == "" && e.Message == "" {
					t.Errorf("got %v, want an *Error", err)
				}
				if strings.Contains(doc, ":Fault>") != (e.Scope == ScopeFault) {
					t.Errorf("scope %v", e.Scope)
				}
			case err != nil:
				t.Error(err)
			}
		})
	}
}

func typeName(err error) string {
	switch {
	case errors.As(err, new(*TruncatedError)):
		return "*ews.TruncatedError"
	case errors.As(err, new(*CountError)):
		return "*ews.CountError"
	case errors.As(err, new(*ProtocolError)):
		return "*ews.ProtocolError"
	}
	return "another"
}

func TestFaultsTellAll(t *testing.T) {
	for name, want := range map[string]Error{
		"constructed/fault-errorserverbusy":              {Code: "ErrorServerBusy", BackOff: 297749 * time.Millisecond},
		"constructed/fault-errorserverbusy-padded":       {Code: "ErrorServerBusy", BackOff: 297749 * time.Millisecond},
		"constructed/fault-errorserverbusy-zero":         {Code: "ErrorServerBusy"},
		"constructed/fault-errorserverbusy-no-hint":      {Code: "ErrorServerBusy"},
		"constructed/fault-errorexceededconnectioncount": {Code: "ErrorExceededConnectionCount", Values: map[string]string{ValuePolicy: "MaxConcurrency", ValueLimit: "27"}},
		"constructed/syncfolderitems-errorserverbusy":    {Code: "ErrorServerBusy", BackOff: 5 * time.Second, Scope: ScopeItem},
	} {
		a := newAnswer(opSyncItems, "id", 500, strings.NewReader(shared(t, name+".xml")))
		err := a.Begin()
		if err == nil {
			err = a.Single(func(tok xmlstream.Token) error { return a.Skip() })
		}
		e := is[*Error](t, err)
		if e.Code != want.Code || e.BackOff != want.BackOff || e.Message == "" || e.RequestID != "id" || want.Scope == ScopeItem && e.Scope != ScopeItem {
			t.Errorf("%s: %+v", name, e)
		}
		for k, v := range want.Values {
			if e.Values[k] != v {
				t.Errorf("%s: %s is %q", name, k, e.Values[k])
			}
		}
	}
	e := (&Error{Message: "This operation exceeds the throttling budget for policy part 'ConcurrentSyncCalls', policy value '5',  Budget type: 'Ews'.  Suggested backoff time 5000 ms."}).Complete()
	if e.BackOff != 5*time.Second || e.Values[ValuePolicy] != "ConcurrentSyncCalls" {
		t.Errorf("got %+v", e)
	}
	wantText(t, errors.New(describe(&Error{Code: codeConnections, Values: e.Values})), "so many requests", "ConcurrentSyncCalls 5", codeConnections)
}
