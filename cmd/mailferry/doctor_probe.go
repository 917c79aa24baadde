package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"mailferry/ews"
	"mailferry/fts"
)

// writeTest makes an item, and takes it the way that a migration goes: export,
// upload, export again, compare. Both items are removed for good.
func (d *doctor) writeTest(ctx context.Context) (f finding) {
	if !d.o.writeTest {
		return notTried("--write-test was not given")
	}
	results, err := d.client.GetFolders(ctx, []ews.FolderRef{ews.Distinguished("deleteditems")})
	if err == nil && results[0].Err != nil {
		err = results[0].Err
	}
	if err != nil {
		return failed(err, "the folder Deleted Items can't be opened")
	}
	folder := results[0].Folder.ID
	token := rand.Text()
	var made []ews.ItemID
	defer func() {
		if err := d.remove(ctx, folder, token, made); err != nil {
			left := failed(fmt.Errorf("a probe item is left in Deleted Items: %w", err), fmt.Sprintf("delete the item %q by hand", probeSubject(token)))
			if f.status != stepFailed {
				f = left
			} else {
				f.next = left.next
			}
		}
	}()
	message := probeMessage(token, d.mailbox.Address)
	var first bytes.Buffer // a few hundred bytes
	if err := fts.WriteMessage(&first, message, fts.WriteOptions{}); err != nil {
		return failed(err, "")
	}
	blob := first.Bytes()
	var contents [2]*fts.Content
	for i, what := range []string{"made", "exported and uploaded again"} {
		id, err := d.put(ctx, folder, blob)
		if err != nil {
			return failed(fmt.Errorf("the probe item could not be %s: %w", what, err), writeAdvice(err))
		}
		made = append(made, id)
		var exported bytes.Buffer
		_, problem, err := d.export(ctx, id, &exported)
		if err == nil {
			err = problem
		}
		if err != nil {
			return failed(fmt.Errorf("the probe item could not be exported: %w", err), "look at the server's log")
		}
		blob = exported.Bytes()
		if contents[i], err = fts.ReadContent(bytes.NewReader(blob)); err != nil {
			return failed(fmt.Errorf("the probe item that came back is not whole: %w", err), "look what changes answers between here and the server")
		}
	}
	// A server completes an item that it did not make itself, but drops nothing; one
	// of its own comes back as it was.
	differences := slices.DeleteFunc(fts.Compare(fts.MessageContent(message), contents[0]), func(d fts.Difference) bool { return d.Kind != fts.Missing })
	differences = append(differences, fts.Compare(contents[0], contents[1])...)
	if n := len(differences); n > 0 {
		return failed(fmt.Errorf("%s %s did not come back as sent: the first is %s", number(n), plural(n, "property", "properties"), differences[0]),
			"look for a transport agent or an add-on of the server that changes items; 'mailferry verify --level content' shows what of real items")
	}
	return fine("an item was made, exported, uploaded, compared and removed: nothing was lost")
}

func writeAdvice(err error) string {
	var answer *ews.Error
	switch {
	case errors.As(err, &answer) && answer.Code == "ErrorQuotaExceeded":
		return "the mailbox is full: raise its quota for the time of the job"
	case errors.As(err, &answer) && rightsRefused(answer):
		return "the account may read the mailbox but not write to it: give it full access, or impersonation"
	}
	return "look at the server's log"
}

func probeSubject(token string) string { return "mailferry doctor probe " + token }

// probeMessage is a small mail that nobody sent.
func probeMessage(token, address string) *fts.Message {
	m := &fts.Message{}
	now := fts.FileTimeOf(time.Now())
	m.Props.Set(fts.MakeTag(0x001A, fts.String), "IPM.Note")
	m.Props.Set(fts.MakeTag(0x0037, fts.String), probeSubject(token))
	m.Props.Set(fts.MakeTag(0x0E06, fts.Time), now)
	m.Props.Set(fts.MakeTag(0x0039, fts.Time), now)
	m.Props.Set(fts.MakeTag(0x0E07, fts.Integer32), int32(1)) // read
	m.Props.Set(fts.MakeTag(0x1000, fts.String), "Made by 'mailferry doctor --write-test' to see whether items survive. It can be deleted. \u00e4\u4e2d\U0001F4EE\r\n")
	m.Props.Set(fts.MakeTag(0x1035, fts.String), "<"+token+"@doctor.mailferry.invalid>")
	m.Props.Set(fts.MakeTag(0x5D02, fts.String), address)
	return m
}

// put uploads a blob, and looks for what it made where the answer was lost.
func (d *doctor) put(ctx context.Context, folder string, blob []byte) (ews.ItemID, error) {
	results, err := d.client.UploadItems(ctx, []ews.Upload{{Folder: folder, Size: int64(len(blob)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(blob)), nil
	}}})
	switch {
	case len(results) == 1 && results[0].Err != nil:
		return ews.ItemID{}, results[0].Err
	case len(results) == 1:
		return results[0].ID, nil
	}
	return ews.ItemID{}, err
}

// remove deletes what the test made. Where an upload has no known outcome it looks
// for the token of this run first.
func (d *doctor) remove(ctx context.Context, folder, token string, made []ews.ItemID) error {
	// Also when the time of the step is over: what was made must go.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if len(made) < 2 {
		made = nil
		for item, err := range d.client.FindItems(ctx, ews.FindItemsRequest{Folder: ews.FolderByID(folder), Props: ews.PropSubject}) {
			if err != nil {
				return err
			}
			if item.Subject == probeSubject(token) {
				made = append(made, item.ItemID)
			}
		}
	}
	if len(made) == 0 {
		return nil
	}
	refused, err := d.client.DeleteItems(ctx, made, ews.HardDelete)
	if err != nil {
		return err
	}
	for _, e := range refused {
		if e != nil {
			return e
		}
	}
	return nil
}
