package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"mailferry/ews"
	"mailferry/ews/ewsauth"
)

// fetchBlobs writes every blob of the source mailbox twice into dir: as bytes
// for the bodies that curl posts, as base64 for exchangelib.
func (l *lab) fetchBlobs(ctx context.Context, s *simulator, w workload, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	newTransport, err := ewsauth.New(ewsauth.Options{Scheme: ewsauth.SchemeBasic, User: benchUser, Password: ewsauth.NewSecret(benchPassword)})
	if err != nil {
		return err
	}
	client, err := ews.NewClient(ews.Options{URL: s.url(), Mailbox: sourceMailbox, NewTransport: func() http.RoundTripper { return newTransport() }})
	if err != nil {
		return err
	}
	defer client.Close()
	inv, err := s.inventory(ctx, sourceMailbox)
	if err != nil {
		return err
	}
	number := 0
	for _, f := range inv.Folders {
		for _, item := range f.Items {
			if err := fetchBlob(ctx, client, item.ID, filepath.Join(dir, fmt.Sprintf("%06d", number))); err != nil {
				return err
			}
			number++
		}
	}
	return nil
}

func fetchBlob(ctx context.Context, client *ews.Client, id, file string) error {
	answers, err := client.ExportItems(ctx, []ews.ItemID{{ID: id}})
	if err != nil {
		return err
	}
	defer answers.Close()
	answer, err := answers.Next()
	if err != nil {
		return err
	}
	if answer.Err != nil {
		return answer.Err
	}
	raw, err := os.Create(file + ".fts")
	if err != nil {
		return err
	}
	defer raw.Close()
	text, err := os.Create(file + ".b64")
	if err != nil {
		return err
	}
	defer text.Close()
	encoder := base64.NewEncoder(base64.StdEncoding, text)
	if _, err := io.Copy(io.MultiWriter(raw, encoder), answers); err != nil {
		return err
	}
	return encoder.Close()
}
