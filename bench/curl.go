package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Batches are cut as mailferry cuts them by default.
const (
	batchItems = 100
	batchBytes = 20_000_000
)

// batches cuts n items of one size.
func batches(n int, size int64) []int {
	per := max(1, min(batchItems, int(batchBytes/size)))
	var cut []int
	for n > 0 {
		cut = append(cut, min(per, n))
		n -= cut[len(cut)-1]
	}
	return cut
}

const envelopeHead = `<?xml version="1.0" encoding="utf-8"?>` +
	`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"` +
	` xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">` +
	`<s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/><t:ExchangeImpersonation><t:ConnectingSID>` +
	`<t:PrimarySmtpAddress>%s</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></s:Header><s:Body>`

const envelopeTail = `</s:Body></s:Envelope>`

// curlJob is a prepared set of requests that one curl process sends one after
// the other on one connection.
type curlJob struct {
	config string
	sink   []string // files that the answers go to
}

// curl runs the job, then has the answers written through to the disk, as
// mailferry has its segments.
func (l *lab) curl(ctx context.Context, job curlJob) (usage, error) {
	return run(ctx, nil, "sh", append([]string{"-c", `curl -sS --fail -K "$0" && sync "$@"`, job.config}, job.sink...)...)
}

func haveCurl() error {
	if _, err := exec.LookPath("curl"); err != nil {
		return errNotThere
	}
	return nil
}

// exportJob prepares the ExportItems requests for all items of the mailbox.
func (l *lab) exportJob(ctx context.Context, s *simulator, w workload) (curlJob, error) {
	inv, err := s.inventory(ctx, sourceMailbox)
	if err != nil {
		return curlJob{}, err
	}
	var ids []string
	for _, f := range inv.Folders {
		for _, item := range f.Items {
			ids = append(ids, item.ID)
		}
	}
	if len(ids) != w.items {
		return curlJob{}, fmt.Errorf("the simulator lists %d items instead of %d", len(ids), w.items)
	}
	return l.requests(s, batches(w.items, w.size), func(b *bufio.Writer, batch int) error {
		b.WriteString("<m:ExportItems><m:ItemIds>")
		for range batch {
			fmt.Fprintf(b, `<t:ItemId Id="%s"/>`, ids[0])
			ids = ids[1:]
		}
		_, err := b.WriteString("</m:ItemIds></m:ExportItems>")
		return err
	}, sourceMailbox)
}

// uploadJob prepares UploadItems requests with the very blobs that the store
// holds, given as a folder of files.
func (l *lab) uploadJob(ctx context.Context, s *simulator, w workload, blobs string) (curlJob, error) {
	inv, err := s.inventory(ctx, targetMailbox)
	if err != nil {
		return curlJob{}, err
	}
	inbox := ""
	for _, f := range inv.Folders {
		if f.Distinguished == "inbox" {
			inbox = f.ID
		}
	}
	files, err := filepath.Glob(filepath.Join(blobs, "*.fts"))
	if err != nil {
		return curlJob{}, err
	}
	if len(files) == 0 {
		return curlJob{}, fmt.Errorf("no blobs in %s", blobs)
	}
	next := 0
	return l.requests(s, batches(w.items, w.size), func(b *bufio.Writer, batch int) error {
		b.WriteString("<m:UploadItems><m:Items>")
		for range batch {
			blob, err := os.ReadFile(files[next%len(files)])
			if err != nil {
				return err
			}
			next++
			fmt.Fprintf(b, `<t:Item CreateAction="CreateNew"><t:ParentFolderId Id="%s"/><t:Data>`, inbox)
			e := base64.NewEncoder(base64.StdEncoding, b)
			if _, err := e.Write(blob); err != nil {
				return err
			}
			if err := e.Close(); err != nil {
				return err
			}
			b.WriteString("</t:Data></t:Item>")
		}
		_, err := b.WriteString("</m:Items></m:UploadItems>")
		return err
	}, targetMailbox)
}

// requests writes one file a batch and the curl configuration that sends them.
func (l *lab) requests(s *simulator, cut []int, body func(b *bufio.Writer, batch int) error, mailbox string) (curlJob, error) {
	dir, err := os.MkdirTemp(l.dir, "curl-")
	if err != nil {
		return curlJob{}, err
	}
	job := curlJob{config: filepath.Join(dir, "config")}
	var config strings.Builder
	for i, batch := range cut {
		request := filepath.Join(dir, fmt.Sprintf("%04d.request", i))
		answer := filepath.Join(dir, fmt.Sprintf("%04d.answer", i))
		f, err := os.Create(request)
		if err != nil {
			return curlJob{}, err
		}
		b := bufio.NewWriterSize(f, 1<<20)
		fmt.Fprintf(b, envelopeHead, mailbox)
		if err := body(b, batch); err != nil {
			return curlJob{}, err
		}
		b.WriteString(envelopeTail)
		if err := b.Flush(); err != nil {
			return curlJob{}, err
		}
		if err := f.Close(); err != nil {
			return curlJob{}, err
		}
		if i > 0 {
			config.WriteString("next\n")
		}
		// -T streams the file where --data would read it into memory.
		fmt.Fprintf(&config, "url = %q\nrequest = POST\nupload-file = %q\noutput = %q\nuser = %q\n", s.url(), request, answer, benchUser+":"+benchPassword)
		fmt.Fprintf(&config, "header = \"Content-Type: text/xml; charset=utf-8\"\nheader = \"Expect:\"\n")
		job.sink = append(job.sink, answer)
	}
	return job, os.WriteFile(job.config, []byte(config.String()), 0o600)
}
