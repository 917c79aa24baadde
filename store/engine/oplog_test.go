package engine

import (
	"bytes"
	"testing"
)

// FuzzReadOps gives replay a hostile log. It must end, and what it accepts must
// be what it would write.
func FuzzReadOps(f *testing.F) {
	good := appendOp(nil, Op{opPut, "box\x00a\x00items", []byte("key"), []byte("value")})
	good = appendOp(good, Op{opDel, "blobs", []byte("key"), nil})
	f.Add(good)
	f.Add(good[:7])
	f.Add([]byte{opPut, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		err := ReadOps(bytes.NewReader(b), func(o Op) error {
			again = appendOp(again, o)
			return nil
		})
		if err == nil && len(again) > len(b) { // lengths may have come in a longer form
			t.Fatalf("%d bytes became %d", len(b), len(again))
		}
	})
}
