package ews

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailferry/internal/soap"
	"mailferry/internal/xmlstream"
)

const allProps = PropSize | PropClass | PropSubject | PropReceived | PropSent | PropCreated | PropModified | PropRead |
	PropDraft | PropHasAttachments | PropIsAssociated | PropMessageID | PropFrom | PropSearchKey

func TestGetFoldersByPosition(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		io.WriteString(w, document("GetFolder", success("GetFolder", inbox)+failure("GetFolder", "ErrorFolderNotFound", "<m:Folders/>")+
			success("GetFolder", `<m:Folders><t:CalendarFolder><t:FolderId Id="C"/></t:CalendarFolder></m:Folders>`)))
	})
	res, err := s.client().GetFolders(t.Context(), []FolderRef{Distinguished("inbox"), Distinguished("archiveinbox"), FolderByID("C")})
	if err != nil || len(res) != 3 {
		t.Fatalf("%+v, %v", res, err)
	}
	if res[0].Folder.Distinguished != "inbox" || res[1].Err == nil || res[1].Err.Code != "ErrorFolderNotFound" ||
		res[2].Folder.Element != "CalendarFolder" || res[2].Folder.Distinguished != "" {
		t.Errorf("got %+v", res)
	}
	if n := len(s.sent()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestFindFoldersReadsPages(t *testing.T) {
	pages := []string{shared(t, "constructed/findfolder-page-1.xml"), shared(t, "constructed/findfolder-page-2.xml")}
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		io.WriteString(w, pages[n])
	})
	var names []string
	for f, err := range s.client().FindFolders(t.Context(), Distinguished("msgfolderroot"), Deep) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, f.Name)
	}
	if len(names) != 3 || names[0] != "2023 & before" || names[1] != "Ä/Ö <Ω> 📁" {
		t.Errorf("got %q", names)
	}
	if sent := s.sent(); len(sent) != 2 || !strings.Contains(sent[1], `Offset="2"`) || !strings.Contains(sent[0], `<m:FindFolder Traversal="Deep">`) {
		t.Errorf("sent %v", sent)
	}
}

func TestFindFoldersReadsAll(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		io.WriteString(w, document("FindFolder", success("FindFolder", `<m:RootFolder IndexedPagingOffset="1" TotalItemsInView="1" IncludesLastItemInRange="true"><t:Folders>`+
			`<t:SearchFolder><t:FolderId Id="F" ChangeKey="K"/><t:ParentFolderId Id="P" ChangeKey="Q"/><t:FolderClass>IPF.Note</t:FolderClass><t:DisplayName> a/b </t:DisplayName>`+
			`<t:TotalCount>42</t:TotalCount><t:ChildFolderCount>3</t:ChildFolderCount>`+
			`<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x10f4" PropertyType="Boolean"/><t:Value>true</t:Value></t:ExtendedProperty>`+
			`<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="3592" PropertyType="Long"/><t:Value>123456789012</t:Value></t:ExtendedProperty>`+
			`<t:EffectiveRights><t:CreateAssociated>true</t:CreateAssociated></t:EffectiveRights><t:DistinguishedFolderId>inbox</t:DistinguishedFolderId>`+
			`</t:SearchFolder></t:Folders></m:RootFolder>`)))
	})
	for f, err := range s.client().FindFolders(t.Context(), FolderByID("P"), Shallow) {
		want := Folder{ID: "F", ChangeKey: "K", ParentID: "P", Element: "SearchFolder", Name: " a/b ", Class: "IPF.Note", Distinguished: "inbox", Total: 42, Children: 3, Hidden: true, Size: 123456789012}
		if diff := cmp.Diff(want, f); err != nil || diff != "" {
			t.Error(diff, err)
		}
	}
}

func TestListsThatDontAdvanceEnd(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		op := "FindItem"
		if strings.Contains(body, "m:FindFolder") {
			op = "FindFolder"
		}
		io.WriteString(w, document(op, success(op, `<m:RootFolder IndexedPagingOffset="1" TotalItemsInView="751" IncludesLastItemInRange="false"/>`)))
	})
	c := s.client()
	var err error
	for _, err = range c.FindFolders(t.Context(), Distinguished("root"), Deep) {
	}
	is[*ProtocolError](t, err)
	for _, err = range c.FindItems(t.Context(), FindItemsRequest{Folder: FolderByID("F")}) {
	}
	is[*ProtocolError](t, err)
	if n := len(s.sent()); n != 6 { // each list is asked for three times
		t.Errorf("%d requests", n)
	}
}

// An offset beyond what was given is not believed: the items between would be
// taken for items that are not there.
func TestListsLoseNothingBetweenPages(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		items, last := fullItem, strings.Contains(body, `Offset="2"`)
		if n == 0 {
			items = "" // empty, and claims to have given one
		}
		io.WriteString(w, document("FindItem", success("FindItem", fmt.Sprintf(`<m:RootFolder IndexedPagingOffset="9" TotalItemsInView="3" IncludesLastItemInRange="%v"><t:Items>%s</t:Items></m:RootFolder>`, last, items))))
	})
	n := 0
	for _, err := range s.client().FindItems(t.Context(), FindItemsRequest{Folder: FolderByID("F")}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	var offsets []string
	for _, body := range s.sent() {
		_, rest, _ := strings.Cut(body, ` Offset="`)
		offsets = append(offsets, rest[:1])
	}
	if got := strings.Join(offsets, " "); n != 3 || got != "0 0 1 2" {
		t.Errorf("%d items, asked for at %s", n, got)
	}
}

func TestCreateFolder(t *testing.T) {
	made := document("CreateFolder", success("CreateFolder", `<m:Folders><t:Folder><t:FolderId Id="New" ChangeKey="K"/></t:Folder></m:Folders>`))
	find := func(names ...string) string {
		var b strings.Builder
		for _, n := range names {
			b.WriteString(`<t:Folder><t:FolderId Id="id-` + n + `"/><t:DisplayName>` + n + `</t:DisplayName></t:Folder>`)
		}
		return document("FindFolder", success("FindFolder", `<m:RootFolder IncludesLastItemInRange="true"><t:Folders>`+b.String()+`</t:Folders></m:RootFolder>`))
	}
	t.Run("made", func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, n int, body string) { io.WriteString(w, made) })
		f, err := s.client().CreateFolder(t.Context(), FolderByID("P"), "R&D <x> \x01", "IPF.Appointment")
		if err != nil || f.ID != "New" || f.ParentID != "P" || f.Class != "IPF.Appointment" {
			t.Errorf("%+v, %v", f, err)
		}
		if !strings.Contains(s.sent()[0], "<t:Folder><t:FolderClass>IPF.Appointment</t:FolderClass><t:DisplayName>R&amp;D &lt;x&gt; \uFFFD</t:DisplayName></t:Folder>") {
			t.Error(s.sent()[0])
		}
	})
	t.Run("there already", func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, n int, body string) {
			io.WriteString(w, document("CreateFolder", failure("CreateFolder", "ErrorFolderExists", "<m:Folders/>")))
		})
		_, err := s.client().CreateFolder(t.Context(), FolderByID("P"), "x", "")
		if e := is[*Error](t, err); e.Code != "ErrorFolderExists" || len(s.sent()) != 1 {
			t.Errorf("got %v, %d requests", e, len(s.sent()))
		}
	})
	for name, there := range map[string]bool{"answer lost, made": true, "answer lost, not made": false} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, n int, body string) {
				switch {
				case n == 0:
					panic(http.ErrAbortHandler)
				case strings.Contains(body, "m:FindFolder") && there:
					io.WriteString(w, find("other", "Projects"))
				case strings.Contains(body, "m:FindFolder"):
					io.WriteString(w, find("other"))
				default:
					io.WriteString(w, made)
				}
			})
			f, err := s.client().CreateFolder(t.Context(), FolderByID("P"), "Projects", "IPF.Note")
			want := map[bool]string{true: "id-Projects", false: "New"}[there]
			if err != nil || f.ID != want {
				t.Errorf("got %+v, %v", f, err)
			}
		})
	}
}

func TestSyncFolders(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		io.WriteString(w, document("SyncFolderHierarchy", success("SyncFolderHierarchy", `<m:SyncState>H4sI=</m:SyncState><m:IncludesLastFolderInRange>true</m:IncludesLastFolderInRange><m:Changes>`+
			`<t:Create><t:Folder><t:FolderId Id="1"/></t:Folder></t:Create><t:Update><t:TasksFolder><t:FolderId Id="2"/></t:TasksFolder></t:Update><t:Delete><t:FolderId Id="3"/></t:Delete></m:Changes>`)))
	})
	got, err := s.client().SyncFolders(t.Context(), Distinguished("msgfolderroot"), "old")
	want := FolderChanges{State: "H4sI=", Created: []Folder{{ID: "1", Element: "Folder"}}, Updated: []Folder{{ID: "2", Element: "TasksFolder"}}, Deleted: []string{"3"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(diff, err)
	}
}

const fullItem = `<t:Message><t:ItemId Id="I" ChangeKey="K"/><t:ItemClass>IPM.Note</t:ItemClass><t:Subject>a &amp; b</t:Subject><t:DateTimeReceived>2024-03-01T10:00:00Z</t:DateTimeReceived>` +
	`<t:Size>1234</t:Size><t:IsDraft>true</t:IsDraft><t:DateTimeSent>2024-03-01T11:00:00+02:00</t:DateTimeSent><t:DateTimeCreated>2024-03-01T10:00:01</t:DateTimeCreated><t:HasAttachments>1</t:HasAttachments>` +
	`<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x300b" PropertyType="Binary"/><t:Value>AQID</t:Value></t:ExtendedProperty>` +
	`<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x5d01" PropertyType="String"/><t:Value>anna@example.com</t:Value></t:ExtendedProperty>` +
	`<t:LastModifiedTime>nonsense</t:LastModifiedTime><t:IsAssociated>false</t:IsAssociated><t:InternetMessageId>&lt;x@y&gt;</t:InternetMessageId><t:IsRead>true</t:IsRead><t:Unknown><t:Deep>x</t:Deep></t:Unknown></t:Message>`

var fullWant = Item{
	ItemID: ItemID{"I", "K"}, Element: "Message", Class: "IPM.Note", Subject: "a & b", MessageID: "<x@y>", From: "anna@example.com", Size: 1234,
	Received: time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC), Sent: time.Date(2024, 3, 1, 9, 0, 0, 0, time.UTC), Created: time.Date(2024, 3, 1, 10, 0, 1, 0, time.UTC),
	Read: true, Draft: true, HasAttachments: true, SearchKey: []byte{1, 2, 3},
}

func TestSyncItems(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		io.WriteString(w, document("SyncFolderItems", success("SyncFolderItems", `<m:SyncState>new</m:SyncState><m:IncludesLastItemInRange>false</m:IncludesLastItemInRange><m:Changes><t:Create>`+fullItem+`</t:Create>`+
			`<t:Update><t:CalendarItem><t:ItemId Id="2" ChangeKey="D"/></t:CalendarItem></t:Update><t:Delete><t:ItemId Id="3" ChangeKey="C"/></t:Delete>`+
			`<t:ReadFlagChange><t:ItemId Id="4" ChangeKey="C"/><t:IsRead>true</t:IsRead></t:ReadFlagChange></m:Changes>`)))
	})
	got, err := s.client().SyncItems(t.Context(), SyncItemsRequest{Folder: FolderByID("F"), State: "old", Associated: true, Props: allProps})
	want := SyncItemsPage{State: "new", Changes: []ItemChange{
		{ChangeCreate, fullWant},
		{ChangeUpdate, Item{ItemID: ItemID{"2", "D"}, Element: "CalendarItem"}},
		{ChangeDelete, Item{ItemID: ItemID{"3", "C"}}},
		{ChangeReadFlag, Item{ItemID: ItemID{"4", "C"}, Read: true}},
	}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(diff, err)
	}
	if !strings.Contains(s.sent()[0], "<m:SyncState>old</m:SyncState><m:MaxChangesReturned>512</m:MaxChangesReturned><m:SyncScope>NormalAndAssociatedItems</m:SyncScope>") {
		t.Error(s.sent()[0])
	}
}

func TestSyncItemsNeverGivesTheStateOfAFailure(t *testing.T) {
	for name, answer := range map[string]string{
		"invalid":  failure("SyncFolderItems", "ErrorInvalidSyncStateData", "<m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"),
		"no state": success("SyncFolderItems", "<m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"),
		"stuck":    success("SyncFolderItems", "<m:SyncState>old</m:SyncState><m:IncludesLastItemInRange>false</m:IncludesLastItemInRange><m:Changes/>"),
	} {
		s := serve(t, func(w http.ResponseWriter, n int, body string) {
			io.WriteString(w, document("SyncFolderItems", answer))
		})
		p, err := s.client().SyncItems(t.Context(), SyncItemsRequest{Folder: FolderByID("F"), State: "old"})
		if err == nil || p.State != "" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestFindItems(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		last := n == 1
		io.WriteString(w, document("FindItem", success("FindItem", fmt.Sprintf(`<m:RootFolder IndexedPagingOffset="%d" TotalItemsInView="2" IncludesLastItemInRange="%v"><t:Items>%s</t:Items></m:RootFolder>`, n+1, last, fullItem))))
	})
	n := 0
	for item, err := range s.client().FindItems(t.Context(), FindItemsRequest{Folder: FolderByID("F"), Traversal: AssociatedItems, Props: allProps}) {
		want := fullWant
		want.Associated = true
		if diff := cmp.Diff(want, item); err != nil || diff != "" {
			t.Error(diff, err)
		}
		n++
	}
	if sent := s.sent(); n != 2 || len(sent) != 2 || strings.Contains(sent[0], "Restriction") || !strings.Contains(sent[0], `MaxEntriesReturned="1000" Offset="0"`) ||
		!strings.Contains(sent[0], `<m:FindItem Traversal="Associated">`) || !strings.Contains(sent[1], `Offset="1"`) {
		t.Errorf("%d items, sent %v", n, sent)
	}
}

func TestHugeSubjectIsCut(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		doc := document("GetItem", success("GetItem", `<m:Items><t:Message><t:ItemId Id="I"/><t:Subject>@</t:Subject></t:Message></m:Items>`))
		io.WriteString(w, strings.Replace(doc, "@", strings.Repeat("subject ", 1<<20), 1))
	})
	res, err := s.client().GetItems(t.Context(), ids("I"), PropSubject)
	if err != nil || len(res) != 1 || len(res[0].Item.Subject) != soap.MaxName {
		t.Errorf("%d results, %v", len(res), err)
	}
}

func TestAnswerWithoutEndIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 64 MB")
	}
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		io.WriteString(w, strings.Split(document("FindItem", success("FindItem", `<m:RootFolder>@`)), "@")[0])
		for {
			if _, err := io.WriteString(w, strings.Repeat("<t:Groups></t:Groups>", 1000)); err != nil {
				return
			}
		}
	})
	var err error
	for _, err = range s.client(func(o *Options) { o.Retry.Attempts = 1 }).FindItems(t.Context(), FindItemsRequest{Folder: FolderByID("F")}) {
	}
	is[*ProtocolError](t, err)
}

func TestGetItemsTriesAgainWhatPasses(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		second := success("GetItem", `<m:Items>`+fullItem+`</m:Items>`)
		if n == 0 {
			second = failure("GetItem", "ErrorServerBusy", `<m:MessageXml><t:Value Name="BackOffMilliseconds">1</t:Value></m:MessageXml>`)
		}
		io.WriteString(w, document("GetItem", failure("GetItem", "ErrorItemNotFound", "<m:Items/>")+second))
	})
	res, err := s.client().GetItems(t.Context(), ids("1", "2"), allProps)
	if err != nil || len(res) != 2 || res[0].Err == nil || res[1].Err != nil || res[1].Item.ID != "I" || len(s.sent()) != 2 {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestDeleteItems(t *testing.T) {
	t.Run("by position", func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, n int, body string) {
			if n == 0 {
				io.WriteString(w, document("DeleteItem", success("DeleteItem", "")+failure("DeleteItem", "ErrorAccessDenied", "")+failure("DeleteItem", "ErrorBatchProcessingStopped", "")))
				return
			}
			io.WriteString(w, document("DeleteItem", success("DeleteItem", "")))
		})
		res, err := s.client().DeleteItems(t.Context(), ids("1", "2", "3"), HardDelete)
		if err != nil || len(res) != 3 || res[0] != nil || res[1] == nil || res[1].Code != "ErrorAccessDenied" || res[2] != nil {
			t.Errorf("%+v, %v", res, err)
		}
		if sent := s.sent(); len(sent) != 2 || strings.Contains(sent[1], `Id="2"`) || !strings.Contains(sent[1], `Id="3"`) {
			t.Errorf("sent %v", sent)
		}
	})
	t.Run("answer lost", func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, n int, body string) {
			switch n {
			case 0:
				panic(http.ErrAbortHandler)
			default:
				io.WriteString(w, document("DeleteItem", failure("DeleteItem", "ErrorItemNotFound", "")+failure("DeleteItem", "ErrorInvalidId", "")))
			}
		})
		res, err := s.client(func(o *Options) { o.Retry.Attempts = 3 }).DeleteItems(t.Context(), ids("1", "2"), MoveToDeletedItems)
		if err != nil || len(res) != 2 || res[0] != nil || res[1] == nil || res[1].Code != "ErrorInvalidId" {
			t.Errorf("%+v, %v", res, err)
		}
	})
}

func FuzzResponse(f *testing.F) {
	data := base64.StdEncoding.EncodeToString([]byte("an item"))
	f.Add(byte(0), document("GetFolder", success("GetFolder", inbox)+failure("GetFolder", "ErrorServerBusy", `<m:MessageXml><t:Value Name="BackOffMilliseconds">1</t:Value></m:MessageXml>`)))
	f.Add(byte(1), document("FindItem", success("FindItem", `<m:RootFolder IncludesLastItemInRange="true"><t:Items>`+fullItem+`</t:Items></m:RootFolder>`)))
	f.Add(byte(2), document("SyncFolderItems", success("SyncFolderItems", `<m:SyncState>s</m:SyncState><m:Changes><t:Create>`+fullItem+`</t:Create><t:Delete><t:ItemId Id="1"/></t:Delete></m:Changes>`)))
	f.Add(byte(3), document("ExportItems", exported("A", []byte(data))+exported("B", nil)+failure("ExportItems", "ErrorItemNotFound", "")))
	f.Add(byte(4), document("UploadItems", uploaded("1")+failure("UploadItems", "ErrorQuotaExceeded", "")))
	f.Add(byte(5), faultDocument("ErrorServerBusy", "Busy.", backOff(1)))
	f.Add(byte(3), document("ExportItems", exported("A", []byte(data)))+"=== Truncated Data ===")
	f.Fuzz(func(t *testing.T, which byte, doc string) {
		c := &Client{opt: Options{MaxItemSize: 1 << 20}.withDefaults(), gate: NewGate(1, nil)}
		op := []string{opGetFolder, opFindItem, opSyncItems, opExport, opUpload, opCreateFolder}[which%6]
		a := newAnswer(op, "id", 200, strings.NewReader(doc))
		err := a.Begin()
		if err == nil {
			x := &exchange{answer: a, c: c, cancel: func(error) {}, release: func() {}, conn: &conn{}}
			x.c.pool, x.c.stats.Requests = newPool(1, nil), map[string]int{}
			x.c.pool.tokens = make(chan struct{}, 2)
			switch op {
			case opGetFolder:
				_, err = a.folderResults(2)
			case opFindItem:
				_, err = readPage(a, 0, "Items", a.item)
			case opSyncItems:
				p := SyncItemsPage{}
				err = a.Each(func(tok xmlstream.Token) error { return a.itemChange(tok, &p) }, func(*Error) error { return nil })
			case opUpload:
				_, err = x.readUploads(2)
			case opExport:
				var items []one
				items, err = readAll(&ExportReader{x: x, ids: ids("A", "B"), data: xmlstream.NewBase64Reader(nil)})
				if err == nil && len(items) != 2 {
					t.Fatalf("%d items and no error", len(items))
				}
			default:
				err = a.Single(func(tok xmlstream.Token) error { return a.folders(func(Folder) {}) })
			}
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Fatalf("an error of two lines: %q", err)
		}
	})
}
