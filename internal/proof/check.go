package proof

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxLine bounds a line, in bytes: item ids have up to about 500, and an item
// with thousands of differences names some of them only.
const maxLine = 1 << 20

// Checked is what a whole and unchanged proof file says.
type Checked struct {
	Header
	Totals
	Finished
}

// Check reads a proof file to its end, counts its totals anew and compares them
// and its hash with what its last line says. What is wrong is an [*Error]. Memory
// does not grow with the file.
//
// The hash shows damage. Only a signature shows that nobody wrote a file anew.
func Check(r io.Reader) (Checked, error) {
	c := &checker{lines: bufio.NewReaderSize(r, 64<<10), hash: sha256.New()}
	err := c.run()
	if _, ok := errors.AsType[*Error](err); err != nil && !ok {
		err = fmt.Errorf("read the proof file: %w", err)
	}
	return c.found, err
}

type checker struct {
	lines *bufio.Reader
	hash  interface {
		io.Writer
		Sum([]byte) []byte
	}
	found Checked
	line  int
	text  []byte // the line, with its end
}

func (c *checker) fail(format string, args ...any) error {
	return &Error{c.line, fmt.Sprintf(format, args...)}
}

// next reads a line.
func (c *checker) next() error {
	c.line++
	c.text = c.text[:0]
	for {
		part, err := c.lines.ReadSlice('\n')
		c.text = append(c.text, part...)
		switch {
		case len(c.text) > maxLine:
			return c.fail("it is longer than a line can be")
		case err == nil:
			return nil
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && c.line == 1 && len(c.text) == 0:
			return &Error{0, "the file is empty"}
		case err == io.EOF:
			return &Error{0, "the file ends too early: its last line is not whole, or missing"}
		}
		return err
	}
}

// decode reads a line as v, and refuses what v has no place for.
func (c *checker) decode(v any) error {
	d := json.NewDecoder(bytes.NewReader(c.text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil || !utf8.Valid(c.text) {
		return c.fail("it is not what a proof file holds here")
	}
	// One way to write a line: what is there twice, or is called otherwise, is refused.
	b, err := encode(v)
	if err != nil || !bytes.Equal(b, c.text) {
		return c.fail("it is not written as a proof file is")
	}
	return nil
}

func (c *checker) run() error {
	if err := c.header(); err != nil {
		return err
	}
	for {
		if err := c.next(); err != nil {
			return err
		}
		if bytes.HasPrefix(c.text, []byte(`{"finished":`)) {
			break
		}
		if err := c.item(); err != nil {
			return err
		}
	}
	if err := c.decode(&c.found.Finished); err != nil {
		return err
	}
	c.hash.Write(c.text)
	return c.end()
}

func (c *checker) header() error {
	if err := c.next(); err != nil {
		return err
	}
	var version struct {
		Format int `json:"mailferry_proof"`
	}
	if json.Unmarshal(c.text, &version) != nil || version.Format < 1 {
		return &Error{0, "it is no proof file of mailferry"}
	}
	if version.Format > Format {
		return &Error{0, fmt.Sprintf("it has format %d, which is newer than this mailferry knows", version.Format)}
	}
	if err := c.decode(&c.found.Header); err != nil {
		return err
	}
	c.hash.Write(c.text)
	return nil
}

func (c *checker) item() error {
	var it Item
	if err := c.decode(&it); err != nil {
		return err
	}
	sum, err := hex.DecodeString(it.SHA256)
	switch {
	case it.Item == "":
		return c.fail("it names no item")
	case err != nil || len(sum) != sha256.Size:
		return c.fail("it has no SHA-256")
	case !c.found.Totals.count(it.Result):
		return c.fail("it has an unknown result")
	case (it.Result == Equal || it.Result == There || it.Result == Doubled) && it.Target == "":
		return c.fail("it names no item of the target")
	case (it.Result == Different || it.Result == Unverifiable) && len(it.Reasons) == 0:
		return c.fail("it gives no reason")
	case it.Result == Equal && c.found.Level != "content":
		return c.fail("it tells of a comparison that this level does not make")
	}
	c.hash.Write(c.text)
	return nil
}

func (c *checker) end() error {
	want := hex.EncodeToString(c.hash.Sum(nil))
	if err := c.next(); err != nil {
		return err
	}
	var l last
	if err := c.decode(&l); err != nil {
		return err
	}
	switch {
	case l.SHA256 != want:
		return &Error{0, "its SHA-256 is not the one that its last line gives: the file was changed or damaged"}
	case l.Totals != c.found.Totals:
		return &Error{0, "its totals are not those of its lines: the file was changed or damaged"}
	}
	if _, err := c.lines.ReadByte(); err != io.EOF {
		if err != nil {
			return err
		}
		return &Error{0, "there is more after its last line: the file was changed"}
	}
	return nil
}
