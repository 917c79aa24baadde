package rtf

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// The examples of [MS-OXRTFCP] 3.
var examples = []struct{ name, data, rtf string }{
	{
		"text", "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0",
		"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n",
	},
	{"run", "1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0", "{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"},
	{"plain", "270000001b0000004d454c41000000007b5c727466315c616e7369204f6e652e5c7061722054776f7d", "{\\rtf1\\ansi One.\\par Two}"},
	{"empty", "0c000000000000004d454c4100000000", ""},
}

func TestExamples(t *testing.T) {
	if len(dictionary) != 207 {
		t.Fatalf("the dictionary has %d bytes", len(dictionary))
	}
	for _, e := range examples {
		b, err := hex.DecodeString(e.data)
		if err != nil {
			t.Fatal(err)
		}
		binary.LittleEndian.PutUint32(b[4:], uint32(len(e.rtf)))
		for _, r := range []io.Reader{bytes.NewReader(b), iotest.OneByteReader(bytes.NewReader(b))} {
			got, err := io.ReadAll(NewReader(r))
			if string(got) != e.rtf || err != nil {
				t.Errorf("%s: %q, %v", e.name, got, err)
			}
		}
	}
}

// compress writes RTF with the longest match there is, as slowly as it can.
func compress(rtf []byte) []byte {
	var dict [dictSize]byte
	write := copy(dict[:], dictionary)
	end := write
	var out, run []byte
	flags, n := byte(0), 0
	flush := func() {
		out = append(append(out, flags), run...)
		flags, n, run = 0, 0, run[:0]
	}
	reference := func(off, length int) {
		flags |= 1 << n
		n++
		run = binary.BigEndian.AppendUint16(run, uint16(off<<4|length))
		if n == 8 {
			flush()
		}
	}
	for len(rtf) > 0 {
		best, at := 0, 0
		for off := 0; off < end && off < dictSize; off++ {
			l := 0
			for l < 17 && l < len(rtf) && off+l < end && (off+l < write || off > write) && dict[(off+l)%dictSize] == rtf[l] {
				l++
			}
			if l > best && off != write {
				best, at = l, off
			}
		}
		if best < 2 {
			best = 1
			run = append(run, rtf[0])
			if n++; n == 8 {
				flush()
			}
		} else {
			reference(at, best-2)
		}
		for range best {
			dict[write] = rtf[0]
			write, rtf = (write+1)%dictSize, rtf[1:]
			end = min(end+1, dictSize)
		}
	}
	reference(write, 0)
	if n > 0 {
		flush()
	}
	return out
}

func wrap(rtf []byte) []byte {
	body := compress(rtf)
	sum := uint32(0)
	for _, c := range body {
		sum = checksum(sum, c)
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(body)+12))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(rtf)))
	b = binary.LittleEndian.AppendUint32(append(b, "LZFu"...), sum)
	return append(b, body...)
}

// sample is RTF long enough for the dictionary to be written over.
func sample() []byte {
	var b strings.Builder
	random := rand.New(rand.NewPCG(1, 2))
	b.WriteString("{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0 Arial;}}")
	for b.Len() < 20_000 {
		b.WriteString([]string{"\\par ", "\\b word", "\\b0 ", "\\'fc", "of text ", "{\\i it}", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}[random.IntN(7)])
	}
	return []byte(b.String() + "}")
}

func TestLongerThanTheDictionary(t *testing.T) {
	want := sample()
	b := wrap(want)
	if len(b) > len(want)/2 {
		t.Errorf("%d bytes for %d", len(b), len(want))
	}
	got, err := io.ReadAll(NewReader(iotest.HalfReader(bytes.NewReader(b))))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes, %v", len(got), len(want), err)
	}
}

func TestDamage(t *testing.T) {
	b := wrap(sample())
	var e *Error
	for n := range b {
		if _, err := io.ReadAll(NewReader(bytes.NewReader(b[:n]))); !errors.As(err, &e) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(b), err)
		}
	}
	for i := range b {
		altered := bytes.Clone(b)
		altered[i] ^= 0x10
		if _, err := io.ReadAll(NewReader(bytes.NewReader(altered))); !errors.As(err, &e) {
			t.Fatalf("byte %d altered: %v", i, err)
		}
	}
	for name, data := range map[string]string{
		"kind":       "0c00000000000000000000000000000000",
		"small size": "0b000000000000004c5a467500000000",
		"short run":  "0e000000020000004c5a467500000000ff00",
		"plain":      "200000001b0000004d454c41000000007b5c7274",
	} {
		b, _ := hex.DecodeString(data)
		if _, err := io.ReadAll(NewReader(bytes.NewReader(b))); !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("broken")
	if _, err := io.ReadAll(NewReader(io.MultiReader(bytes.NewReader(b[:100]), iotest.ErrReader(broken)))); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
