package segment_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"mailferry/internal/fault"
	"mailferry/store/segment"
)

func random(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func create(t testing.TB, dir string, number uint32) *segment.File {
	t.Helper()
	f, err := segment.Create(fault.OS, dir, segment.Data, number, [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func write(t testing.TB, f *segment.File, kind segment.Kind, meta, blob, trailer []byte) segment.Location {
	t.Helper()
	r, err := f.Begin(kind, meta)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Write(blob); err != nil {
		t.Fatal(err)
	}
	loc, err := r.End(trailer)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	f := create(t, dir, 1)
	blobs := [][]byte{
		nil, []byte("a"), bytes.Repeat([]byte("text "), 200_000), random(1, 700_000),
		random(2, segment.ChunkSize), make([]byte, 5*segment.ChunkSize),
	}
	var locs []segment.Location
	for i, blob := range blobs {
		locs = append(locs, write(t, f, segment.BlobRecord, fmt.Append(nil, "key", i), blob, bytes.Repeat([]byte("{}"), 1000*i)))
	}
	file, err := os.Open(filepath.Join(dir, segment.Name(1)))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := segment.NewReader(file, segment.HeaderSize, f.Offset(), nil)
	for i, blob := range blobs {
		if err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if i != 3 { // what is not read is skipped and checked
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, blob) || r.Location(1) != locs[i] || len(r.Trailer) != 2000*i || string(r.Meta) != fmt.Sprint("key", i) {
				t.Errorf("record %d: %d bytes, %v", i, len(got), err)
			}
		}
		end, err := segment.ReadEnd(file, locs[i], nil)
		if err != nil || end.Size != int64(len(blob)) {
			t.Errorf("the end of record %d: %v", i, err)
		}
	}
	if err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if n := locs[2].Length; n > 10_000 {
		t.Errorf("a million bytes of text take %d bytes", n)
	}
	if over := locs[3].Length - 700_000; over < 0 || over > 20_000 {
		t.Errorf("random bytes take %d bytes more", over)
	}
}

// What is left of a longer record behind a shorter one is not taken for its own.
func TestStaleFrames(t *testing.T) {
	dir := t.TempDir()
	f := create(t, dir, 1)
	long := write(t, f, segment.BlobRecord, []byte("key"), random(1, 3*segment.ChunkSize), nil)
	name := filepath.Join(dir, segment.Name(1))
	stale, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Cut(long.Offset); err != nil {
		t.Fatal(err)
	}
	write(t, f, segment.BlobRecord, []byte("key"), random(2, 3*segment.ChunkSize), nil)
	mixed, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	copy(mixed[len(mixed)/2:], stale[len(stale)/2:])
	r := segment.NewReader(bytes.NewReader(mixed), segment.HeaderSize, int64(len(mixed)), nil)
	err = r.Next()
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	if !errors.Is(err, segment.ErrDamaged) {
		t.Errorf("a mixture of two records was read: %v", err)
	}
}

// FuzzSegment gives the reader hostile bytes. It must end, keep its memory
// small, and never take anything for a record that does not check out.
func FuzzSegment(f *testing.F) {
	dir := f.TempDir()
	s := create(f, dir, 1)
	write(f, s, segment.BlobRecord, []byte(`{"id":"1"}`), []byte("a blob that is not compressed"), []byte("{}"))
	write(f, s, segment.LogRecord, []byte("12345678"), bytes.Repeat([]byte("compressed "), 100), nil)
	write(f, s, segment.ReferenceRecord, []byte(`{"id":"2"}`), nil, []byte("{}"))
	b, err := os.ReadFile(filepath.Join(dir, segment.Name(1)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[segment.HeaderSize:])
	f.Add(b[segment.HeaderSize+90:])
	f.Add(b)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := segment.NewReader(bytes.NewReader(b), 0, int64(len(b)), nil)
		for {
			err := r.Next()
			if err == nil {
				var n int64
				n, err = io.Copy(io.Discard, r)
				if err == nil && r.Kind != segment.ReferenceRecord && n != r.Size {
					t.Fatalf("read %d bytes of %d", n, r.Size)
				}
			}
			if err != nil {
				break
			}
			loc := r.Location(1)
			if _, err := segment.ReadEnd(bytes.NewReader(b), loc, nil); err != nil {
				t.Fatalf("the end of a whole record: %v", err)
			}
		}
		if at, err := segment.FindRecord(bytes.NewReader(b), 0, int64(len(b))); err != nil || at > int64(len(b)) {
			t.Fatalf("find: %d, %v", at, err)
		}
	})
}

func aead(t testing.TB) cipher.AEAD {
	t.Helper()
	key := make([]byte, chacha20poly1305.KeySize)
	key[0] = 7
	a, err := chacha20poly1305.NewX(key)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Sealed records give back what was written to who has the key; to others only
// their checksums. What was sealed is not found in the file, and no frame is
// taken for another.
func TestSealed(t *testing.T) {
	dir := t.TempDir()
	f := create(t, dir, 1)
	f.Seal(5, aead(t))
	blobs := [][]byte{nil, []byte("a secret of the house"), random(1, 700_000), bytes.Repeat([]byte("a secret of the house"), 20_000)}
	var locs []segment.Location
	for i, blob := range blobs {
		locs = append(locs, write(t, f, segment.BlobRecord, fmt.Appendf(nil, "secret key %d", i), blob, []byte("secret trailer")))
	}
	raw, err := os.ReadFile(filepath.Join(dir, segment.Name(1)))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("secret")) {
		t.Error("the file holds what was sealed")
	}
	keys := segment.Keys(func(number uint32) cipher.AEAD {
		if number != 5 {
			t.Errorf("key %d was asked for", number)
		}
		return aead(t)
	})
	r := segment.NewReader(bytes.NewReader(raw), segment.HeaderSize, f.Offset(), keys)
	for i, blob := range blobs {
		if err := r.Next(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, blob) || string(r.Meta) != fmt.Sprintf("secret key %d", i) || string(r.Trailer) != "secret trailer" {
			t.Errorf("record %d: %q, %d bytes, %v", i, r.Meta, len(got), err)
		}
		if end, err := segment.ReadEnd(bytes.NewReader(raw), locs[i], keys); err != nil || end.SHA256 != sha256.Sum256(blob) {
			t.Errorf("the end of record %d: %v", i, err)
		}
	}
	blind := segment.NewReader(bytes.NewReader(raw), segment.HeaderSize, f.Offset(), nil)
	for range blobs {
		if err := blind.Next(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(blind); err != nil || len(got) > 0 || !blind.Blind || len(blind.Meta)+len(blind.Trailer) > 0 {
			t.Errorf("without the key: %d bytes, %v", len(got), err)
		}
	}
	if err := blind.Next(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	for at := segment.HeaderSize; at < len(raw); at += 331 {
		bad := bytes.Clone(raw)
		bad[at] ^= 4
		for who, keys := range map[string]segment.Keys{"with": func(uint32) cipher.AEAD { return aead(t) }, "without": nil} {
			r := segment.NewReader(bytes.NewReader(bad), segment.HeaderSize, f.Offset(), keys)
			var err error
			for err == nil {
				if err = r.Next(); err == nil {
					_, err = io.Copy(io.Discard, r)
				}
			}
			if !errors.Is(err, segment.ErrDamaged) && !errors.Is(err, segment.ErrNewer) {
				t.Fatalf("byte %d, %s the key: %v", at, who, err)
			}
		}
	}
}

// A record can be copied to another segment as it is, sealed or not.
func TestCopy(t *testing.T) {
	dir := t.TempDir()
	from, to := create(t, dir, 1), create(t, dir, 2)
	write(t, from, segment.BlobRecord, []byte("dropped"), random(1, 1000), nil)
	from.Seal(5, aead(t))
	want := random(2, 900_000)
	loc := write(t, from, segment.BlobRecord, []byte("kept"), want, []byte("trailer"))
	write(t, from, segment.ReferenceRecord, []byte("reference"), nil, nil)
	file, _, err := segment.OpenFile(fault.OS, dir, 1, [16]byte{1}, os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	moved, err := to.Copy(file, loc)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, segment.Name(2)))
	if err != nil {
		t.Fatal(err)
	}
	r := segment.NewReader(bytes.NewReader(raw), moved.Offset, moved.Offset+moved.Length, func(uint32) cipher.AEAD { return aead(t) })
	if err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) || string(r.Meta) != "kept" {
		t.Errorf("%q, %d bytes, %v", r.Meta, len(got), err)
	}
}
