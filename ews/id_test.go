package ews

import (
	"testing"

	"mailferry/ews/ewstest/ewsid"
)

func TestBothSpellingsOfAnIDAreOne(t *testing.T) {
	for _, id := range []ewsid.ID{
		{Mailbox: "bbb22222-0000-4444-8888-aaaaaaaaaaaa", Folder: true, N: 1},
		{Mailbox: "0123abcd-ef01-2345-6789-abcdef012345", N: 77, Parent: 3},
		{Mailbox: "0123abcd-ef01-2345-6789-abcdef012345", N: 1<<48 - 1, Parent: 1 << 40},
	} {
		plain, packed := id.Encode(false), id.Encode(true)
		if plain == packed {
			t.Fatalf("%+v has one spelling", id)
		}
		if got := plainID(packed); got != plain {
			t.Errorf("%s becomes %s instead of %s", packed, got, plain)
		}
		if got := plainID(plain); got != plain {
			t.Errorf("%s becomes %s", plain, got)
		}
		// Anything that is no whole id stays as it is.
		for _, odd := range []string{"", "A", "AQ", "AQMk", "AQAAAA==", packed[:len(packed)-4], packed + "AAAA", "x" + packed[1:], "AQ" + plain[2:]} {
			if got := plainID(odd); got != odd {
				t.Errorf("%q becomes %q", odd, got)
			}
		}
	}
}

func FuzzPlainID(f *testing.F) {
	id := ewsid.ID{Mailbox: "0123abcd-ef01-2345-6789-abcdef012345", N: 77, Parent: 3}
	f.Add(id.Encode(true))
	f.Add(id.Encode(false))
	f.Fuzz(func(t *testing.T, id string) {
		plain := plainID(id)
		if again := plainID(plain); again != plain {
			t.Errorf("%q becomes %q, then %q", id, plain, again)
		}
	})
}
