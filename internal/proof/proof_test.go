package proof_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailferry/internal/memtest"
	"mailferry/internal/proof"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// written writes a proof file of some made-up items.
func written(t testing.TB, items ...proof.Item) (name string, text []byte) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "p")
	w, err := proof.Create(name, proof.Header{
		Program: "1.0", Mailbox: "a@old.example", Target: "b@new.example", Server: "new.example", Started: noon,
		Level: "content", Sample: 0.25, Seed: 7,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		if err := w.Item(it); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(proof.Finished{Finished: noon.Add(time.Minute), ServerVersion: "15.2.1.2"}, nil); err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile(name); err != nil {
		t.Fatal(err)
	}
	return name, text
}

var sum = strings.Repeat("0123456789abcdef", 4)

// some has an item of each result.
func some() []proof.Item {
	return []proof.Item{
		{Item: "A1", SHA256: sum, Target: "T1", Result: proof.Equal},
		{Item: "A2", SHA256: sum, Target: "T2", Result: proof.There},
		{Item: "A3", SHA256: sum, Result: proof.Missing, Reasons: []string{"not there"}},
		{Item: "A4", SHA256: sum, Target: "T4", Result: proof.Different, Reasons: []string{"PidTagSubject (0x0037) missing", "<é> & \u2028 changed"}},
		{Item: "A5", SHA256: sum, Target: "T5", Result: proof.Doubled, Reasons: []string{"there once more"}},
		{Item: "A6", SHA256: sum, Target: "T6", Result: proof.Unverifiable, Reasons: []string{"bytes \xff that are no text"}},
		{Item: "A7", SHA256: sum, Result: proof.Accepted, Reasons: []string{"not there"}},
	}
}

func TestAFileTellsWhatWasWritten(t *testing.T) {
	t.Parallel()
	name, text := written(t, some()...)
	got, err := proof.Check(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	want := proof.Totals{Items: 6, Equal: 1, There: 1, Missing: 1, Accepted: 1, Different: 1, Unverifiable: 1, Doubled: 1}
	if got.Totals != want || got.OK() || got.Seed != 7 || got.Finished.Finished.Sub(got.Started) != time.Minute || got.ServerVersion != "15.2.1.2" {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(name + proof.Partial); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unfinished file is still there: %v", err)
	}
	if _, text := written(t); len(text) > 0 {
		if got, err := proof.Check(bytes.NewReader(text)); err != nil || !got.OK() || got.Items != 0 {
			t.Errorf("no item: %+v, %v", got, err)
		}
	}
}

// Nothing can be changed, added or taken away that Check does not see.
func TestEachFlippedByteIsSeen(t *testing.T) {
	t.Parallel()
	_, text := written(t, some()...)
	refused := func(what string, b []byte) {
		t.Helper()
		_, err := proof.Check(bytes.NewReader(b))
		if _, ok := errors.AsType[*proof.Error](err); !ok || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range text {
		for _, bit := range []byte{0x01, 0x20, 0x80, 0xff} { // 0x20: another case
			changed := bytes.Clone(text)
			changed[i] ^= bit
			refused(fmt.Sprintf("byte %d (%q) with %#x turned", i, text[i], bit), changed)
		}
		refused(fmt.Sprintf("cut at %d", i), text[:i])
		refused(fmt.Sprintf("without byte %d", i), append(bytes.Clone(text[:i]), text[i+1:]...))
		refused(fmt.Sprintf("a blank more at %d", i), append(append(bytes.Clone(text[:i]), ' '), text[i:]...))
	}
	refused("with more at its end", append(bytes.Clone(text), '\n'))
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i := range len(lines) - 1 {
		refused(fmt.Sprintf("without line %d", i+1), bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil))
		refused(fmt.Sprintf("with line %d twice", i+1), bytes.Join(append(append([][]byte{}, lines[:i+1]...), lines[i:]...), nil))
	}
}

func TestOneClearLineForWhatIsNoProofFile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "the file is empty",
		"hello\n":                         "it is no proof file of mailferry",
		"{}\n":                            "it is no proof file of mailferry",
		"{\"mailferry_proof\":2}\n":       "it has format 2, which is newer than this mailferry knows",
		strings.Repeat("x", 2<<20):        "line 1: it is longer than a line can be",
		"{\"mailferry_proof\":1}\n":       "line 1: it is not written as a proof file is",
		"{\"mailferry_proof\":1,\"x\":1}": "the file ends too early: its last line is not whole, or missing",
	} {
		if _, err := proof.Check(strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	if _, err := proof.Check(io.MultiReader(strings.NewReader("{"), badReader{})); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a disk that fails: %v", err)
	}
}

type badReader struct{}

func (badReader) Read([]byte) (int, error) { return 0, io.ErrNoProgress }

// A run that did not end leaves no proof file, and one that can't be signed either.
func TestWhatDidNotEndIsNoProof(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "p")
	begin := func() *proof.Writer {
		w, err := proof.Create(name, proof.Header{Level: "key", Started: noon})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	begin().Abandon()
	none := errors.New("no signature")
	if _, err := begin().Finish(proof.Finished{}, func(io.Reader) ([]byte, error) { return nil, none }); !errors.Is(err, none) {
		t.Errorf("got %v", err)
	}
	for _, gone := range []string{name, name + ".sig"} {
		if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is there: %v", filepath.Base(gone), err)
		}
	}
	text, err := os.ReadFile(name + proof.Partial)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := proof.Check(bytes.NewReader(text[:bytes.IndexByte(text, '\n')+1])); err == nil {
		t.Error("a file without an end passes")
	}
	if err := begin().Item(proof.Item{Result: "fine"}); err == nil {
		t.Error("a result that there is not")
	}
}

// Thousands of differences in an item make no line that can't be checked.
func TestLinesAreBounded(t *testing.T) {
	reasons := make([]string, 5000)
	for i := range reasons {
		reasons[i] = fmt.Sprintf("%d %s", i, strings.Repeat("é", 1000))
	}
	items := []proof.Item{{Item: "A", SHA256: sum, Target: "T", Result: proof.Different, Reasons: reasons}}
	_, text := written(t, items...)
	if _, err := proof.Check(bytes.NewReader(text)); err != nil {
		t.Errorf("%v", err)
	}
	if !bytes.Contains(text, []byte(`"and 4900 more"`)) {
		t.Error("it does not say that there is more")
	}
}

func FuzzCheck(f *testing.F) {
	_, text := written(f, some()...)
	f.Add(text)
	_, text = written(f)
	f.Add(text)
	f.Fuzz(func(t *testing.T, b []byte) {
		defer memtest.Bound(t, 8<<20+200*uint64(len(b)))()
		got, err := proof.Check(bytes.NewReader(b))
		if _, ok := errors.AsType[*proof.Error](err); err != nil && !ok {
			t.Errorf("%v", err)
		}
		if err == nil && got.Items+got.Doubled > bytes.Count(b, []byte("\n"))-3 {
			t.Errorf("%d items are not in %q", got.Items, b)
		}
	})
}
