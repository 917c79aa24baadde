package verify

import (
	"fmt"
	"testing"

	"mailferry/fts"
)

func TestAShareIsWhatItSays(t *testing.T) {
	for _, share := range []float64{0.05, 0.3, 0.9} {
		n := 0
		for i := range 20000 {
			id := fmt.Sprintf("AAMkADAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAw%06dAA=", i)
			if sampled(id, share, 0) {
				n++
			}
			if sampled(id, share, 0) && !sampled(id, share+0.05, 0) {
				t.Fatalf("a larger share leaves out what a smaller one has")
			}
		}
		if got := float64(n) / 20000; got < share-0.02 || got > share+0.02 {
			t.Errorf("share %v: %v", share, got)
		}
	}
	both := 0
	for i := range 20000 {
		if id := fmt.Sprint(i); sampled(id, 0.5, 1) && sampled(id, 0.5, 2) {
			both++
		}
	}
	if both < 4500 || both > 5500 {
		t.Errorf("two seeds chose %d of 20,000 items both: half of the half is expected", both)
	}
	if !sampled("x", 0, 0) || !sampled("x", 1, 0) {
		t.Error("0 and 1 are all")
	}
}

func TestDifferencesAreNamedByProperty(t *testing.T) {
	for want, d := range map[string]fts.Difference{
		"missing P (0x0001)":                            {Property: "P (0x0001)", Kind: fts.Missing},
		"extra recipient":                               {Where: "recipient 12", Kind: fts.Extra},
		"changed P of attachment > message":             {Where: "attachment 1 > message > attachment 3 > message", Property: "P", Kind: fts.Changed},
		"missing P of attachment > message > recipient": {Where: "attachment 2 > message > recipient 4", Property: "P", Kind: fts.Missing},
	} {
		if got := differenceName(d); got != want {
			t.Errorf("%+v: %q, want %q", d, got, want)
		}
	}
}
