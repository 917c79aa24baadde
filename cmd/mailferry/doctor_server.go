package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"mailferry/ews"
	"mailferry/ews/ewsauth"
	"mailferry/fts"
)

// newClientFor makes a client of this examination.
func (d *doctor) newClientFor(newTransport func() http.RoundTripper, p profile, mailbox string) (*ews.Client, error) {
	access := ews.Impersonate
	if p.Access == "delegate" {
		access = ews.Delegate
	}
	options := ews.Options{
		URL: p.URL, Mailbox: mailbox, Access: access, UserAgent: "mailferry/" + buildVersion(), NewTransport: newTransport,
		Workers: 1, Retry: ews.RetryPolicy{Attempts: 3}, OnWait: func(w ews.Wait) {
			d.waited = append(d.waited, fmt.Sprintf("%s (%s)", w.Reason, durationText(w.For)))
		},
	}
	if d.o.connect.trace != "" {
		tracer, err := newTracer(d.o.connect.trace)
		if err != nil {
			return nil, err
		}
		options.Trace = tracer
	}
	return ews.NewClient(options)
}

// root opens the top of a mailbox, the smallest question there is.
func root(ctx context.Context, client *ews.Client) (ews.Folder, error) {
	results, err := client.GetFolders(ctx, []ews.FolderRef{ews.Distinguished("msgfolderroot")})
	switch {
	case err != nil:
		return ews.Folder{}, err
	case results[0].Err != nil:
		return ews.Folder{}, results[0].Err
	}
	return results[0].Folder, nil
}

// letIn says of an answer to root whether the login was accepted: the account may
// have no mailbox of its own, which the server then says in the words of EWS.
func letIn(err error) bool {
	e, ok := errors.AsType[*ews.Error](err)
	return err == nil || ok && e.Scope != ews.ScopeHTTP
}

func (d *doctor) login(ctx context.Context) finding {
	newTransport, err := d.a.login(ctx, d.mailbox.Server, d.p)
	if err != nil {
		return failed(err, "")
	}
	own, mailbox := d.p, ""
	own.Access = "delegate" // the account as itself
	if d.p.Auth == "oauth" && d.p.Access == "impersonate" {
		own, mailbox = d.p, d.mailbox.Address // an application is nobody by itself
	}
	client, err := d.newClientFor(newTransport, own, mailbox)
	if err != nil {
		return failed(err, "")
	}
	defer client.Close()
	_, err = root(ctx, client)
	if !letIn(err) {
		return failed(err, loginAdvice(err, d.p))
	}
	if d.client, err = d.newClientFor(newTransport, d.p, d.mailbox.Address); err != nil {
		return failed(err, "")
	}
	return fine("%s as %s", d.p.Auth, d.p.account()).with("auth", d.p.Auth).with("user", d.p.account())
}

func loginAdvice(err error, p profile) string {
	var refused *ews.AuthError
	var answer *ews.Error
	switch {
	case errors.As(err, &refused) && p.Auth == "oauth":
		return "check the tenant, the client id and its secret or certificate, the scope, and what the application may do in Exchange: docs/exchange-setup.md; for Exchange Online, whether its id is on EwsAllowedAppIDs and EwsEnabled is True"
	case errors.As(err, &refused):
		advice := "check the user (DOMAIN\\name or name@domain) and the password; look in the server's security log for the reason (event 4625)"
		if p.Auth == "ntlm" && strings.HasPrefix(p.URL, "https:") {
			advice += "; if a proxy ends TLS before the server, Extended Protection refuses the login"
		}
		return advice
	case errors.As(err, &answer) && rightsRefused(answer):
		return "the server's policy forbids EWS to this account or program: look at Get-CASMailbox and Get-OrganizationConfig, EwsEnabled and EwsApplicationAccessPolicy"
	}
	return "look at the server: its EWS application answers, but not as it should"
}

func (d *doctor) version(ctx context.Context) finding {
	if d.client.ServerVersion() == (ews.ServerVersion{}) {
		_, _ = root(ctx, d.client) // whatever it answers, it says its version
	}
	v := d.client.ServerVersion()
	name := productName(v)
	text := versionText(name, v.String())
	f := fine("%s", text)
	switch {
	case v == (ews.ServerVersion{}):
		f = warning("look what stands between that changes answers", "the server does not tell its version")
	case v.Major < 14, v.Major == 14 && v.Minor < 1:
		f = failed(errors.New(text+" knows no ExportItems"), "Exchange 2010 SP1 is the oldest version that can be used")
	case name == "Exchange Online":
		f = warning("plan for the end of EWS there, or for leave by an administrator", "%s, which is giving up EWS", text)
	}
	return f.with("version", v.String()).with("product", name).with("schema", v.Version)
}

// mostSkew is how far clocks may differ before Kerberos refuses logins.
const mostSkew = 5 * time.Minute

func (d *doctor) clock(context.Context) finding {
	skew := d.client.Stats().Skew
	side, far := "ahead of", skew
	if skew < 0 {
		side, far = "behind", -skew
	}
	text := fmt.Sprintf("the server's clock is %s %s this machine's", durationText(far.Round(time.Second)), side)
	f := fine("%s", text)
	switch {
	case far > mostSkew:
		f = warning("set both clocks: Kerberos refuses more than 5 minutes, and --since and --until mean the server's times", "%s", text)
	case far < 2*time.Second:
		f = fine("the clocks agree")
	}
	return f.with("ahead_ns", skew)
}

// protection finds out whether the server insists on Extended Protection, by a
// login that does without it.
func (d *doctor) protection(ctx context.Context) finding {
	options := d.options
	if d.p.Auth != "ntlm" || !strings.HasPrefix(d.p.URL, "https:") {
		return notTried("it concerns logins by NTLM over TLS only")
	}
	options.EPA = "off"
	newTransport, err := ewsauth.New(options)
	if err != nil {
		return failed(err, "")
	}
	p := d.p
	p.Access = "delegate"
	client, err := d.newClientFor(newTransport, p, "")
	if err != nil {
		return failed(err, "")
	}
	defer client.Close()
	_, err = root(ctx, client)
	switch {
	case letIn(err):
		return fine("Extended Protection is not demanded: a login without it is let in too").with("demanded", false)
	case errors.As(err, new(*ews.AuthError)):
		return fine("Extended Protection is demanded, and the login fulfils it").with("demanded", true)
	}
	return warning("", "it could not be found out: %v", err)
}

func (d *doctor) access(ctx context.Context) finding {
	_, err := root(ctx, d.client)
	if err == nil {
		return fine("%s is opened by %s", d.mailbox.Address, accessText(d.p)).with("access", d.p.Access)
	}
	return failed(err, accessAdvice(err, d.p, d.mailbox.Address))
}

func accessAdvice(err error, p profile, address string) string {
	name := p.User
	if _, after, ok := strings.Cut(name, `\`); ok {
		name = after
	}
	var answer *ews.Error
	switch {
	case !errors.As(err, &answer):
		return "try again; the login worked before"
	case answer.Code == "ErrorNonExistentMailbox":
		return "give the mailbox by the primary SMTP address that it has on this server"
	case p.Access == "delegate":
		return fmt.Sprintf("Add-MailboxPermission %s -User %s -AccessRights FullAccess", address, name)
	case rightsRefused(answer):
		return fmt.Sprintf("New-ManagementRoleAssignment -Name mailferry -Role ApplicationImpersonation -User %s (it takes effect after up to some hours); or use --access delegate", name)
	}
	return "look at the mailbox: Get-Mailbox " + address
}

func (d *doctor) folders(ctx context.Context) finding {
	var items int
	var size int64
	for f, err := range d.client.FindFolders(ctx, ews.Distinguished("msgfolderroot"), ews.Deep) {
		if err != nil {
			return failed(err, "look at the mailbox: New-MailboxRepairRequest finds damaged folders")
		}
		d.found = append(d.found, f)
		items, size = items+f.Total, size+f.Size
	}
	return fine("%s, %s, %s", counted(len(d.found), "folder"), counted(items, "item"), bytesText(size)).
		with("folders", len(d.found)).with("items", items).with("bytes", size)
}

// exportOffered exports one item, from the smallest folder that has any.
func (d *doctor) exportOffered(ctx context.Context) finding {
	var from *ews.Folder
	for i, f := range d.found {
		if f.Total > 0 && f.Element != "SearchFolder" && (from == nil || f.Total < from.Total) {
			from = &d.found[i]
		}
	}
	id := ews.ItemID{ID: noItem}
	if from != nil {
		for item, err := range d.client.FindItems(ctx, ews.FindItemsRequest{Folder: ews.FolderByID(from.ID), PageSize: 1}) {
			if err != nil {
				return failed(err, "the items of a folder can't be listed: look at the server's log")
			}
			id = item.ItemID
			break
		}
	}
	n, problem, err := d.export(ctx, id, nil)
	var answer *ews.Error
	switch {
	case errors.Is(err, ews.ErrNoExportItems):
		return failed(err, "update the server to Exchange 2010 SP1 or newer, or look what filters requests before it")
	case id.ID == noItem && errors.As(err, &answer):
		return fine("ExportItems is offered; the mailbox holds no item to try it with")
	case err != nil:
		return failed(err, "the first item could not be exported; try another mailbox, and look at the server's log")
	case problem != nil:
		return warning("report the version of the server to mailferry's authors: the blob is stored, but not understood", "an item of %s was exported, but is not whole: %v", bytesText(n), problem)
	}
	return fine("ExportItems is offered: an item of %s was exported", bytesText(n))
}

// noItem is an id that no server has: asked for, it shows whether an operation is
// known, and nothing else can come of it.
const noItem = "AAAA"

// export exports one item, through to when that isn't nil. problem is what is wrong
// with the blob.
func (d *doctor) export(ctx context.Context, id ews.ItemID, to io.Writer) (n int64, problem, err error) {
	reader, err := d.client.ExportItems(ctx, []ews.ItemID{id})
	if err != nil {
		return 0, nil, err
	}
	defer reader.Close()
	item, err := reader.Next()
	switch {
	case err != nil:
		return 0, nil, err
	case item.Err != nil:
		return 0, nil, item.Err
	}
	counted := &counter{from: reader}
	var blob io.Reader = counted
	if to != nil {
		blob = io.TeeReader(counted, to)
	}
	if _, problem = fts.Inspect(blob); problem != nil {
		if _, err := io.Copy(io.Discard, blob); err != nil {
			return counted.n, nil, err
		}
	}
	if _, err := reader.Next(); err != io.EOF {
		return counted.n, nil, fmt.Errorf("the answer does not end as it should: %w", err)
	}
	return counted.n, problem, nil
}

// counter counts what is read.
type counter struct {
	from io.Reader
	n    int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

// uploadOffered uploads into a folder that can't be: nothing can come of it but a
// refusal, and that tells whether the operation is known.
func (d *doctor) uploadOffered(ctx context.Context) finding {
	results, err := d.client.UploadItems(ctx, []ews.Upload{{Folder: noItem, Size: 4, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("none")), nil
	}}})
	var answer *ews.Error
	switch {
	case err == nil && results[0].Err != nil:
		return fine("UploadItems is offered")
	case err == nil:
		return warning("report it to mailferry's authors", "the server says that it uploaded into a folder that does not exist")
	case !errors.As(err, &answer) || answer.Scope == ews.ScopeHTTP:
		return failed(err, "UploadItems could not be tried; look what stands before the server")
	case answer.Code == "", answer.Code == "ErrorInvalidRequest", answer.Code == "ErrorSchemaValidation", answer.Code == "ErrorInvalidOperation":
		return failed(fmt.Errorf("this server does not offer UploadItems: %w", err), "export works without it; to restore, update the server to Exchange 2010 SP1 or newer")
	}
	return fine("UploadItems is offered")
}
