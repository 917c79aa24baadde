package ewsid_test

import (
	"strings"
	"testing"

	"mailferry/ews/ewstest/ewsid"
)

const guid = "0a1b2c3d-4455-6677-8899-aabbccddeeff"

func TestSpellings(t *testing.T) {
	for _, id := range []ewsid.ID{
		{Mailbox: guid, Folder: true, N: 7},
		{Mailbox: guid, N: 1<<40 + 3, Parent: 7},
	} {
		plain, packed := id.Encode(false), id.Encode(true)
		if !strings.HasPrefix(plain, "AAMk") || !strings.HasPrefix(packed, "AQMk") {
			t.Errorf("%+v is spelt %s and %s", id, plain, packed)
		}
		for _, s := range []string{plain, packed} {
			if got, ok := ewsid.Decode(s); !ok || got != id {
				t.Errorf("%s: %+v, %v", s, got, ok)
			}
			if got, ok := ewsid.Decode(strings.ToUpper(s)); ok && got == id {
				t.Errorf("%s is the same in upper case", s)
			}
		}
		if got, ok := ewsid.FromEntryID(id.EntryID()); !ok || got != id {
			t.Errorf("entry id: %+v, %v", got, ok)
		}
	}
}

func TestChangeKeys(t *testing.T) {
	key := ewsid.ChangeKey(ewsid.KeyMessage, guid, 77)
	if n, ok := ewsid.DecodeChangeKey(key); !ok || n != 77 || !strings.HasPrefix(key, "CQAAABYAAAA") {
		t.Errorf("%s: %d, %v", key, n, ok)
	}
	for s, want := range map[string]bool{"CQAAAA==": true, "": false, "!": false, "AAAA": false, "CQAAABYAAAA=": false} {
		if _, ok := ewsid.DecodeChangeKey(s); ok != want {
			t.Errorf("%q: %v", s, ok)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(ewsid.ID{Mailbox: guid, Folder: true, N: 7}.Encode(false))
	f.Add(ewsid.ID{Mailbox: guid, N: 9, Parent: 7}.Encode(true))
	f.Add("AQMk")
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := ewsid.Decode(s)
		if !ok {
			return
		}
		if again, ok := ewsid.Decode(id.Encode(false)); !ok || again != id {
			t.Errorf("%+v becomes %+v", id, again)
		}
	})
}
