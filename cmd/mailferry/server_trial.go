package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"mailferry/ews"
)

// trial is what trying a server has shown.
type trial struct {
	Server   string `json:"server,omitempty"`
	URL      string `json:"url"`
	From     string `json:"autodiscover,omitempty"` // host that told
	Internal string `json:"internal_url,omitempty"` // for clients inside, where that is another
	Known    string `json:"address,omitempty"`      // of the mailbox there, where it is another
	Version  string `json:"version,omitempty"`
	Name     string `json:"product,omitempty"`
	Folders  int    `json:"folders,omitempty"`
	Config   string `json:"config,omitempty"`
}

// try logs in and opens the mailbox.
func (a *app) try(ctx context.Context, p profile, address mailboxAddress, trace string, seen *trial) error {
	newTransport, err := a.login(ctx, address.Server, p)
	if err != nil {
		return err
	}
	client, err := a.newClient(newTransport, p, address.Address, 1, trace, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	results, err := client.GetFolders(ctx, []ews.FolderRef{ews.Distinguished("msgfolderroot")})
	if err == nil && results[0].Err != nil {
		err = results[0].Err
	}
	if err != nil {
		return fmt.Errorf("open %s on %s: %w", address.Address, p.URL, err)
	}
	seen.Version, seen.Name = client.ServerVersion().String(), productName(client.ServerVersion())
	seen.Folders = results[0].Folder.Children
	return nil
}

func (a *app) showTrial(t trial, address mailboxAddress, p profile) error {
	if a.global.json {
		return json.NewEncoder(a.stdout).Encode(t)
	}
	if a.global.quiet {
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "server\t%s\n", oneLine(t.URL))
	if t.From != "" {
		fmt.Fprintf(w, "found by\tAutodiscover of %s\n", oneLine(t.From))
	}
	if t.Internal != "" {
		fmt.Fprintf(w, "inside\t%s\n", oneLine(t.Internal))
	}
	if t.Version != "" {
		fmt.Fprintf(w, "version\t%s\n", versionText(t.Name, t.Version))
		fmt.Fprintf(w, "login\t%s as %s\n", p.Auth, oneLine(p.account()))
		fmt.Fprintf(w, "mailbox\t%s, opened by %s\n", oneLine(address.Address), accessText(p))
	}
	if t.Config != "" {
		fmt.Fprintf(w, "profile\t%s in %s\n", t.Server, t.Config)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if t.Config != "" && p.Auth == "oauth" && p.ways() == 0 {
		fmt.Fprintf(a.stdout, "No client secret is stored: set %s, or you are asked on each run.\n", clientSecretVariable(t.Server))
	}
	if t.Config != "" && p.Auth != "oauth" && p.PasswordFile == "" && len(p.PasswordCommand) == 0 {
		fmt.Fprintf(a.stdout, "No password is stored: set %s, or you are asked on each run.\n", passwordVariable(t.Server))
	}
	return nil
}

func accessText(p profile) string {
	if p.Access == "delegate" {
		return "its own or full access"
	}
	return "impersonation"
}
