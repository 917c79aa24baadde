package ewstest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
)

func findRequest(folder string, offset, most int, more string) string {
	return fmt.Sprintf(`<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:IndexedPageItemView MaxEntriesReturned="%d" Offset="%d" BasePoint="Beginning"/>%s<m:ParentFolderIds><t:FolderId Id="%s"/></m:ParentFolderIds></m:FindItem>`, most, offset, more, folder)
}

const byReceived = `<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:DateTimeReceived"/></t:FieldOrder></m:SortOrder>`

// FindItem gives at most 1000 items a page, 250 with a restriction, and tells
// where to go on.
func TestFindItemPages(t *testing.T) {
	p := newProbe(t, ewstest.Options{Mailboxes: []ewstest.MailboxSpec{{Address: "alice@example.com", Content: "bulk:1203:1500"}}})
	inbox := p.folderID("inbox")
	var all []string
	offset := 0
	for pages := 1; ; pages++ {
		body := p.do(findRequest(inbox, offset, 5000, byReceived))
		all = append(all, attr(body, "ItemId", "Id")...)
		if attr(body, "RootFolder", "TotalItemsInView")[0] != "1203" {
			t.Fatal(attr(body, "RootFolder", "TotalItemsInView"))
		}
		fmt.Sscan(attr(body, "RootFolder", "IndexedPagingOffset")[0], &offset)
		if attr(body, "RootFolder", "IncludesLastItemInRange")[0] == "true" {
			if pages != 2 {
				t.Errorf("%d pages", pages)
			}
			break
		}
	}
	slices.Sort(all)
	if len(slices.Compact(all)) != 1203 {
		t.Errorf("%d different items", len(all))
	}
	restricted := p.do(findRequest(inbox, 0, 1000, `<m:Restriction><t:IsGreaterThan><t:FieldURI FieldURI="item:Size"/><t:FieldURIOrConstant><t:Constant Value="10"/></t:FieldURIOrConstant></t:IsGreaterThan></m:Restriction>`))
	if n := len(attr(restricted, "ItemId", "Id")); n != 250 {
		t.Errorf("%d items on a page with a restriction", n)
	}
	body := p.do(findRequest(inbox, 0, 0, ""))
	if got := codes(body); !slices.Equal(got, []string{"ErrorInvalidPagingMaxRows"}) {
		t.Errorf("page of nothing: %q", got)
	}
}

// Each property that clients ask for is given in an order that validates.
func TestFindItemProperties(t *testing.T) {
	p := newProbe(t, ewstest.Options{Mailboxes: []ewstest.MailboxSpec{{Address: "alice@example.com", Content: "sample:60"}}})
	shape := `<t:BaseShape>AllProperties</t:BaseShape>%s<t:AdditionalProperties><t:FieldURI FieldURI="message:InternetMessageId"/><t:ExtendedFieldURI PropertyTag="0x300B" PropertyType="Binary"/><t:ExtendedFieldURI PropertyTag="3592" PropertyType="Integer"/><t:ExtendedFieldURI PropertyTag="0xe23" PropertyType="Integer"/><t:ExtendedFieldURI PropertyTag="0x65E0" PropertyType="Binary"/><t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="Keywords" PropertyType="StringArray"/><t:ExtendedFieldURI DistinguishedPropertySetId="Appointment" PropertyId="33293" PropertyType="SystemTime"/></t:AdditionalProperties>`
	for _, name := range []string{"inbox", "calendar", "contacts", "tasks", "notes", "drafts"} {
		folder := p.folderID(name)
		body := p.do(`<m:FindItem Traversal="Shallow"><m:ItemShape>` + fmt.Sprintf(shape, "") + `</m:ItemShape><m:ParentFolderIds><t:FolderId Id="` + folder + `"/></m:ParentFolderIds></m:FindItem>`)
		ids := attr(body, "ItemId", "Id")
		if len(ids) == 0 {
			continue
		}
		if got := len(content(body, "Value")); got < 3*len(ids) {
			t.Errorf("%s: %d extended values of %d items", name, got, len(ids))
		}
		var list strings.Builder
		for _, id := range ids {
			list.WriteString(`<t:ItemId Id="` + id + `"/>`)
		}
		body = p.do(`<m:GetItem><m:ItemShape>` + fmt.Sprintf(shape, `<t:IncludeMimeContent>true</t:IncludeMimeContent>`) + `</m:ItemShape><m:ItemIds>` + list.String() + `</m:ItemIds></m:GetItem>`)
		if n := len(content(body, "MimeContent")); n != len(ids) {
			t.Errorf("%s: %d of %d items have MIME", name, n, len(ids))
		}
	}
	for field, code := range map[string]string{
		`PropertyTag="0x8001" PropertyType="String"`: "ErrorNoPropertyTagForCustomProperties",
		`PropertyTag="0x37" PropertyType="Object"`:   "ErrorUnsupportedMapiPropertyType",
		`PropertyName="x" PropertyType="String"`:     "ErrorInvalidExtendedProperty",
	} {
		body := p.do(`<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:ExtendedFieldURI ` + field + `/></t:AdditionalProperties></m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>alice@example.com</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:ParentFolderIds></m:FindItem>`)
		if got := codes(body); !slices.Equal(got, []string{code}) {
			t.Errorf("%s: %q, want %s", field, got, code)
		}
	}
}

func syncRequest(folder, state string, most int, scope string) string {
	if state != "" {
		state = "<m:SyncState>" + state + "</m:SyncState>"
	}
	if scope != "" {
		scope = "<m:SyncScope>" + scope + "</m:SyncScope>"
	}
	return fmt.Sprintf(`<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:FolderId Id="%s"/></m:SyncFolderId>%s<m:MaxChangesReturned>%d</m:MaxChangesReturned>%s</m:SyncFolderItems>`, folder, state, most, scope)
}

// SyncFolderItems pages through a folder and then tells each kind of change.
func TestSyncFolderItems(t *testing.T) {
	p := newProbe(t, ewstest.Options{Mailboxes: []ewstest.MailboxSpec{{Address: "alice@example.com"}}, Policy: ewstest.Policy{SyncPage: 3}})
	apply := func(ch ewstest.Change) []string {
		t.Helper()
		ids, err := p.s.Apply("alice@example.com", ch)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	ids := apply(ewstest.Change{Do: "add", Folder: "inbox", Count: 7})
	apply(ewstest.Change{Do: "add", Folder: "inbox", Associated: true})
	inbox := p.folderID("inbox")
	pull := func(state, scope string) (found []string, kinds string, next string) {
		t.Helper()
		for {
			body := p.do(syncRequest(inbox, state, 512, scope))
			state = content(body, "SyncState")[0]
			found = append(found, attr(body, "ItemId", "Id")...)
			for _, k := range []string{"Create", "Update", "Delete", "ReadFlagChange"} {
				kinds += strings.Repeat(k[:1], strings.Count(body, ":"+k+">")/2)
			}
			if content(body, "IncludesLastItemInRange")[0] == "true" {
				return found, kinds, state
			}
		}
	}
	first, kinds, state := pull("", "")
	slices.Sort(ids)
	slices.Sort(first)
	if !slices.Equal(first, ids) || kinds != "CCCCCCC" {
		t.Errorf("first round: %d items, %s", len(first), kinds)
	}
	if both, _, _ := pull("", "NormalAndAssociatedItems"); len(both) != 8 {
		t.Errorf("with associated items: %d", len(both))
	}
	apply(ewstest.Change{Do: "update", Item: ids[0], Subject: "changed"})
	apply(ewstest.Change{Do: "read", Item: ids[1]})
	apply(ewstest.Change{Do: "move", Item: ids[2], To: "drafts"})
	apply(ewstest.Change{Do: "delete", Item: ids[3]})
	apply(ewstest.Change{Do: "add", Folder: "inbox"})
	_, kinds, state = pull(state, "")
	sorted := strings.Split(kinds, "")
	slices.Sort(sorted)
	if strings.Join(sorted, "") != "CDDRU" {
		t.Errorf("changes: %s", kinds)
	}
	if _, kinds, _ = pull(state, ""); kinds != "" {
		t.Errorf("changes after all was told: %s", kinds)
	}
	for _, bad := range []string{"bm9uc2Vuc2U=", "%", state[:len(state)-8]} {
		body := p.do(syncRequest(inbox, bad, 10, ""))
		if got := codes(body); !slices.Equal(got, []string{"ErrorInvalidSyncStateData"}) || !strings.Contains(body, "SyncState/>") || content(body, "IncludesLastItemInRange")[0] != "true" {
			t.Errorf("state %q: %s", bad, body)
		}
	}
	if got := codes(p.do(syncRequest(p.folderID("drafts"), state, 10, ""))); !slices.Equal(got, []string{"ErrorInvalidSyncStateData"}) {
		t.Errorf("state of another folder: %q", got)
	}
}

// Folders are found, made, and their changes told, without paging.
func TestFolders(t *testing.T) {
	p := newProbe(t, ewstest.Options{Mailboxes: []ewstest.MailboxSpec{{Address: "alice@example.com", Archive: true, Language: "de"}}, Users: []ewstest.User{{Name: "alice", Password: "x"}}})
	sync := func(state string) (string, string) {
		if state != "" {
			state = "<m:SyncState>" + state + "</m:SyncState>"
		}
		body := p.do(`<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape><m:SyncFolderId><t:DistinguishedFolderId Id="msgfolderroot"/></m:SyncFolderId>` + state + `</m:SyncFolderHierarchy>`)
		return body, content(body, "SyncState")[0]
	}
	body, state := sync("")
	if !slices.Contains(content(body, "DisplayName"), "Posteingang") {
		t.Errorf("no localised name: %q", content(body, "DisplayName"))
	}
	create := func(parent, element, class, name string) string {
		if class != "" {
			class = "<t:FolderClass>" + class + "</t:FolderClass>"
		}
		return p.do(`<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id="` + parent + `"/></m:ParentFolderId><m:Folders><t:` + element + `>` + class + `<t:DisplayName>` + name + `</t:DisplayName></t:` + element + `></m:Folders></m:CreateFolder>`)
	}
	if got := codes(create("inbox", "Folder", "IPF.Appointment", "Plan &amp; <![CDATA[<ziel>]]>")); !slices.Equal(got, []string{"NoError"}) {
		t.Errorf("create: %q", got)
	}
	if got := codes(create("inbox", "Folder", "IPF.Note", "PLAN &amp; &lt;ZIEL&gt;")); !slices.Equal(got, []string{"ErrorFolderExists"}) {
		t.Errorf("create again: %q", got)
	}
	if got := codes(create("inbox", "CalendarFolder", "IPF.Appointment", "x")); !slices.Equal(got, []string{"ErrorNoFolderClassOverride"}) {
		t.Errorf("class and element: %q", got)
	}
	if body, _ = sync(state); len(attr(body, "FolderId", "Id")) != 1 || !strings.Contains(body, "CalendarFolder") {
		t.Errorf("hierarchy: %s", body)
	}
	// All names in one request; those that are missing are errors in their place.
	body = p.do(`<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox"/><t:DistinguishedFolderId Id="publicfoldersroot"/><t:DistinguishedFolderId Id="archivemsgfolderroot"/><t:DistinguishedFolderId Id="recoverableitemsdeletions"/></m:FolderIds></m:GetFolder>`)
	if got := codes(body); !slices.Equal(got, []string{"NoError", "ErrorFolderNotFound", "NoError", "NoError"}) {
		t.Errorf("distinguished: %q", got)
	}
	// Search folders and hidden ones are there when asked for by root.
	body = p.do(`<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:DisplayName"/><t:ExtendedFieldURI PropertyTag="0x10F4" PropertyType="Boolean"/><t:ExtendedFieldURI PropertyTag="0x66B5" PropertyType="String"/><t:ExtendedFieldURI PropertyTag="0x0E08" PropertyType="Long"/></t:AdditionalProperties></m:FolderShape><m:IndexedPageFolderView MaxEntriesReturned="500" Offset="0" BasePoint="Beginning"/><m:ParentFolderIds><t:DistinguishedFolderId Id="root"/></m:ParentFolderIds></m:FindFolder>`)
	if !strings.Contains(body, "SearchFolder>") || !slices.Contains(content(body, "Value"), "true") {
		t.Errorf("root: %s", body)
	}
}

// Ids that are written in their other form are understood, and given so when
// the server is asked to.
func TestOtherSpellingOfIDs(t *testing.T) {
	p, _, ids, _ := seeded(t)
	if err := p.s.SetFaults([]ewstest.Fault{{Op: "ExportItems", Kind: "reencode-ids"}}); err != nil {
		t.Fatal(err)
	}
	other := attr(p.do(exportRequest(ids...)), "ItemId", "Id")
	for i := range ids {
		if other[i] == ids[i] || !strings.HasPrefix(other[i], "AQMk") || !strings.HasPrefix(ids[i], "AAMk") {
			t.Errorf("%s is answered as %s", ids[i], other[i])
		}
	}
	if got := codes(p.do(exportRequest(other...))); slices.ContainsFunc(got, func(c string) bool { return c != "NoError" }) {
		t.Errorf("export by the other form: %q", got)
	}
}

// Versions are checked: unknown ones, and such as lack the operation.
func TestVersions(t *testing.T) {
	p, _, ids, _ := seeded(t)
	for version, code := range map[string]string{
		"Exchange2019": "ErrorInvalidServerVersion", "Exchange2007_SP1": "ErrorIncorrectSchemaVersion",
		"Exchange2010_SP1": "", "Exchange2016": "", "none": "ErrorIncorrectSchemaVersion",
	} {
		doc := strings.Replace(envelopeStart+"</s:Header><s:Body>"+exportRequest(ids[0])+envelopeEnd, "Exchange2013_SP1", version, 1)
		if version == "none" {
			doc = strings.Replace(doc, `<t:RequestServerVersion Version="none"/>`, "", 1)
		}
		status, body := p.post(doc)
		if code == "" && status != http.StatusOK || code != "" && (status != http.StatusInternalServerError || !strings.Contains(body, "a:"+code+"<")) {
			t.Errorf("%s: HTTP %d, want %q: %.300s", version, status, code, body)
		}
	}
}
