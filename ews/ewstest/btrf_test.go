package ewstest_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/fts"
)

// The six cases of Microsoft's suite for ExportItems and UploadItems
// (MS-OXWSBTRF, TC01 to TC06), told anew after the protocol reference.

func (p *probe) folderID(name string) string {
	p.t.Helper()
	body := p.do(`<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="` + name +
		`"><t:Mailbox><t:EmailAddress>alice@example.com</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:FolderIds></m:GetFolder>`)
	ids := attr(body, "FolderId", "Id")
	if len(ids) != 1 {
		p.t.Fatalf("folder %s: %s", name, body)
	}
	return ids[0]
}

// ids lists a folder with FindItem.
func (p *probe) ids(folder, traversal string) []string {
	p.t.Helper()
	return attr(p.do(`<m:FindItem Traversal="`+traversal+`"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ParentFolderIds><t:FolderId Id="`+folder+`"/></m:ParentFolderIds></m:FindItem>`), "ItemId", "Id")
}

func exportRequest(ids ...string) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(`<t:ItemId Id="` + id + `"/>`)
	}
	return `<m:ExportItems><m:ItemIds>` + b.String() + `</m:ItemIds></m:ExportItems>`
}

type up struct {
	action, folder, id, key, blob string
	noID                          bool
	fai                           string
}

func uploadRequest(items ...up) string {
	var b strings.Builder
	for _, it := range items {
		b.WriteString(`<t:Item CreateAction="` + it.action + `"`)
		if it.fai != "" {
			b.WriteString(` IsAssociated="` + it.fai + `"`)
		}
		b.WriteString(`><t:ParentFolderId Id="` + it.folder + `"/>`)
		if it.action != "CreateNew" && !it.noID || it.id != "" {
			b.WriteString(`<t:ItemId Id="` + it.id + `"`)
			if it.key != "" {
				b.WriteString(` ChangeKey="` + strings.TrimPrefix(it.key, "empty") + `"`)
			}
			b.WriteString(`/>`)
		}
		b.WriteString(`<t:Data>` + it.blob + `</t:Data></t:Item>`)
	}
	return `<m:UploadItems><m:Items>` + b.String() + `</m:Items></m:UploadItems>`
}

// seeded is a server whose mailbox has mail, appointments, contacts and tasks,
// and one item of each with its blob.
func seeded(t *testing.T) (p *probe, folders, ids, blobs []string) {
	t.Helper()
	p = newProbe(t, ewstest.Options{Mailboxes: []ewstest.MailboxSpec{{Address: "alice@example.com", Content: "sample:120"}, {Address: "bob@example.com"}}})
	for _, name := range []string{"inbox", "calendar", "contacts", "tasks"} {
		folder := p.folderID(name)
		items := p.ids(folder, "Shallow")
		if len(items) == 0 {
			t.Fatalf("%s is empty", name)
		}
		folders, ids = append(folders, folder), append(ids, items[0])
	}
	body := p.do(exportRequest(ids...))
	if got := codes(body); !slices.Equal(got, []string{"NoError", "NoError", "NoError", "NoError"}) {
		t.Fatalf("export: %q", got)
	}
	if got := attr(body, "ItemId", "Id"); !slices.Equal(got, ids) {
		t.Fatalf("the answer is not in the order of the question: %q", got)
	}
	return p, folders, ids, content(body, "Data")
}

func sum(t *testing.T, blob string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(blob)
	if err != nil {
		t.Fatal(err)
	}
	c, err := fts.ReadContent(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", c.Sum())
}

// TC01: items of four kinds are exported at once and uploaded at once into
// their folders; each upload is a new item with the same content.
func TestTC01ExportAndUpload(t *testing.T) {
	p, folders, ids, blobs := seeded(t)
	var items []up
	for i := range ids {
		items = append(items, up{action: "CreateNew", folder: folders[i], blob: blobs[i]})
	}
	body := p.do(uploadRequest(items...))
	made := attr(body, "ItemId", "Id")
	if len(made) != 4 {
		t.Fatalf("upload: %s", body)
	}
	for i, id := range made {
		if slices.Contains(ids, id) {
			t.Errorf("item %d was not made anew", i)
		}
	}
	again := content(p.do(exportRequest(made...)), "Data")
	for i := range again {
		if strings.Join(strings.Fields(again[i]), "") == strings.Join(strings.Fields(blobs[i]), "") {
			t.Errorf("item %d is rendered as it was uploaded", i)
		}
		if sum(t, again[i]) != sum(t, blobs[i]) {
			t.Errorf("item %d has other content", i)
		}
	}
	// A repetition makes a second copy, and an ItemId is ignored.
	before := len(p.ids(folders[0], "Shallow"))
	p.do(uploadRequest(up{action: "CreateNew", folder: folders[0], blob: blobs[0], id: ids[0]}))
	if after := len(p.ids(folders[0], "Shallow")); after != before+1 {
		t.Errorf("%d items before, %d after CreateNew", before, after)
	}
}

// TC02: Update replaces an item: same id, new change key; an item that is not
// in the folder named is not found.
func TestTC02Update(t *testing.T) {
	p, folders, ids, blobs := seeded(t)
	key := attr(p.do(exportRequest(ids[0])), "ItemId", "ChangeKey")[0]
	body := p.do(uploadRequest(up{action: "Update", folder: folders[0], id: ids[0], key: key, blob: blobs[0]}))
	if got := attr(body, "ItemId", "Id"); !slices.Equal(got, ids[:1]) {
		t.Fatalf("update: %s", body)
	}
	if got := attr(body, "ItemId", "ChangeKey"); got[0] == key {
		t.Error("the change key stayed the same")
	}
	body = p.do(uploadRequest(up{action: "Update", folder: folders[1], id: ids[0], blob: blobs[0]}))
	if got := codes(body); !slices.Equal(got, []string{"ErrorItemNotFound"}) {
		t.Errorf("update in another folder: %q", got)
	}
}

// TC03: UpdateOrCreate updates what is in the folder, and makes a new copy of
// what is not.
func TestTC03UpdateOrCreate(t *testing.T) {
	p, folders, ids, blobs := seeded(t)
	body := p.do(uploadRequest(up{action: "UpdateOrCreate", folder: folders[0], id: ids[0], blob: blobs[0]}))
	if got := attr(body, "ItemId", "Id"); !slices.Equal(got, ids[:1]) {
		t.Errorf("update: %s", body)
	}
	drafts := p.folderID("drafts")
	before := len(p.ids(drafts, "Shallow"))
	body = p.do(uploadRequest(up{action: "UpdateOrCreate", folder: drafts, id: ids[0], blob: blobs[0]}))
	if got := attr(body, "ItemId", "Id"); len(got) != 1 || got[0] == ids[0] {
		t.Errorf("create: %s", body)
	}
	if after := len(p.ids(drafts, "Shallow")); after != before+1 {
		t.Errorf("%d items before, %d after", before, after)
	}
	p.do(`<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="` + ids[0] + `"/></m:ItemIds></m:DeleteItem>`)
	body = p.do(uploadRequest(up{action: "UpdateOrCreate", folder: folders[0], id: ids[0], blob: blobs[0]}))
	if got := attr(body, "ItemId", "Id"); len(got) != 1 || got[0] == ids[0] {
		t.Errorf("create after a deletion: %s", body)
	}
}

// foreign returns the id of an item of a mailbox that another server has, and
// the GUID of that mailbox.
func foreign(t *testing.T) (id, guid string) {
	t.Helper()
	s := ewstest.Start(t, ewstest.Options{Mailboxes: []ewstest.MailboxSpec{{Address: "carol@example.com"}}})
	ids, err := s.Apply("carol@example.com", ewstest.Change{Do: "add", Folder: "inbox"})
	if err != nil {
		t.Fatal(err)
	}
	return ids[0], s.Mailbox("carol@example.com").GUID().String()
}

// TC04: bad ids and change keys of an export are errors of their items.
func TestTC04ExportErrors(t *testing.T) {
	p, _, ids, _ := seeded(t)
	foreignID, guid := foreign(t)
	swapped := strings.ToLower(ids[0])
	body := p.do(`<m:ExportItems><m:ItemIds><t:ItemId Id=""/><t:ItemId Id="nonsense"/><t:ItemId Id="` + ids[0] + `" ChangeKey=""/><t:ItemId Id="` +
		ids[0] + `" ChangeKey="!"/><t:ItemId Id="` + foreignID + `"/><t:ItemId Id="` + swapped + `"/><t:ItemId Id="` + ids[1] + `"/></m:ItemIds></m:ExportItems>`)
	got := codes(body)
	want := []string{"ErrorInvalidIdEmpty", "ErrorInvalidIdMalformed", "ErrorInvalidChangeKey", "ErrorInvalidChangeKey", "ErrorNonExistentMailbox"}
	if len(got) != 7 || !slices.Equal(got[:5], want) || got[5] == "NoError" || got[6] != "NoError" {
		t.Errorf("codes %q", got)
	}
	if v := content(body, "Value"); !slices.Equal(v, []string{guid}) {
		t.Errorf("the foreign mailbox is not named: %q", v)
	}
}

// TC05 and TC06: without an ItemId Update and UpdateOrCreate are faults; with a
// bad one, or a bad change key, errors of their items that create nothing.
func TestTC05TC06UploadErrors(t *testing.T) {
	p, folders, ids, blobs := seeded(t)
	foreignID, _ := foreign(t)
	before := p.ids(folders[0], "Shallow")
	for _, action := range []string{"Update", "UpdateOrCreate"} {
		p.fault(uploadRequest(up{action: "CreateNew", folder: folders[0], blob: blobs[0]}, up{action: action, folder: folders[0], blob: blobs[0], noID: true}), "ErrorInvalidRequest")
		body := p.do(uploadRequest(
			up{action: action, folder: folders[0], id: "", blob: blobs[0]},
			up{action: action, folder: folders[0], id: "bm9uc2Vuc2U=", blob: blobs[0]},
			up{action: action, folder: folders[0], id: ids[0], key: "empty", blob: blobs[0]},
			up{action: action, folder: folders[0], id: ids[0], key: "%%", blob: blobs[0]},
			up{action: action, folder: folders[0], id: foreignID, blob: blobs[0]}))
		want := []string{"ErrorInvalidIdEmpty", "ErrorInvalidIdMalformed", "ErrorInvalidChangeKey", "ErrorInvalidChangeKey", "ErrorNonExistentMailbox"}
		if got := codes(body); !slices.Equal(got, want) {
			t.Errorf("%s: %q", action, got)
		}
	}
	if after := p.ids(folders[0], "Shallow"); !slices.Equal(before, after) {
		t.Errorf("%d items before, %d after", len(before), len(after))
	}
}

// Associated items and others are listed apart, as they were uploaded.
func TestAssociatedUpload(t *testing.T) {
	p, folders, _, blobs := seeded(t)
	normal, fai := len(p.ids(folders[0], "Shallow")), len(p.ids(folders[0], "Associated"))
	p.do(uploadRequest(
		up{action: "CreateNew", folder: folders[0], blob: blobs[0], fai: "true"},
		up{action: "CreateNew", folder: folders[0], blob: blobs[0], fai: "false"}))
	if n, a := len(p.ids(folders[0], "Shallow")), len(p.ids(folders[0], "Associated")); n != normal+1 || a != fai+1 {
		t.Errorf("%d normal and %d associated items before, %d and %d after", normal, fai, n, a)
	}
}

// What is no blob is refused, and what is in the rest of the batch is taken.
func TestDamagedBlobs(t *testing.T) {
	p, folders, _, blobs := seeded(t)
	raw, err := base64.StdEncoding.DecodeString(blobs[0])
	if err != nil {
		t.Fatal(err)
	}
	body := p.do(uploadRequest(
		up{action: "CreateNew", folder: folders[0], blob: base64.StdEncoding.EncodeToString(raw[:len(raw)/2])},
		up{action: "CreateNew", folder: folders[0], blob: ""},
		up{action: "CreateNew", folder: folders[0], blob: blobs[0][:20] + "\r\n  " + blobs[0][20:]}))
	if got := codes(body); !slices.Equal(got, []string{"ErrorCorruptData", "ErrorCorruptData", "NoError"}) {
		t.Errorf("codes %q", got)
	}
}
