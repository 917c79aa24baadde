package bulk

import "testing"

func TestSizes(t *testing.T) {
	for _, size := range []int64{1200, 1201, 1203, 5000, 31743, 31750, 31751, 31752, 33000, 63500, 100_000, 1 << 20} {
		b, err := New(size)
		if err != nil {
			t.Errorf("%d bytes: %v", size, err)
			continue
		}
		var n counter
		if err := b.Write(&n, 5); err != nil || int64(n) != size {
			t.Errorf("%d bytes: wrote %d, %v", size, n, err)
		}
	}
	if _, err := New(100); err == nil {
		t.Error("100 bytes are too few for a message")
	}
}
