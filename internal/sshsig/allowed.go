package sshsig

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// ErrNotAllowed says that a list does not allow the key of a signature to sign.
var ErrNotAllowed = errors.New("the key that signed is not one of this signer")

// maxAllowedLine bounds a line of a list; the largest keys take 3,000 bytes.
const maxAllowedLine = 64 << 10

// AllowedSigner looks through a list of allowed signers (ssh-keygen(1), "ALLOWED
// SIGNERS") for a line that lets name sign in the signature's namespace at this
// time with the signature's key. It returns nil, or an [ErrNotAllowed] that says
// how near a line came. Lines of certificate authorities are left out.
func (s *Signature) AllowedSigner(list io.Reader, name string, at time.Time) error {
	lines := bufio.NewScanner(list)
	lines.Buffer(nil, maxAllowedLine)
	var why error
	known := false
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		a, err := parseAllowed(text)
		if err != nil {
			return fmt.Errorf("line %d of the allowed signers: %w", n, err)
		}
		if !matchList(a.principals, name) {
			continue
		}
		known = true
		if a.authority || !bytes.Equal(a.key.Marshal(), s.key.Marshal()) {
			continue
		}
		if why = a.permits(s.Namespace, at); why == nil {
			return nil
		}
	}
	switch err := lines.Err(); {
	case err != nil:
		return fmt.Errorf("read the allowed signers: %w", err)
	case why != nil:
		return fmt.Errorf("%w: %w", ErrNotAllowed, why)
	case !known:
		return fmt.Errorf("%w: the list has no signer of this name", ErrNotAllowed)
	}
	return ErrNotAllowed
}

// allowed is a line of the list.
type allowed struct {
	principals    string
	key           ssh.PublicKey
	authority     bool
	namespaces    string
	limited       bool // to namespaces
	after, before time.Time
}

func (a *allowed) permits(namespace string, at time.Time) error {
	switch {
	case a.limited && !matchList(a.namespaces, namespace):
		return fmt.Errorf("its key is not for the namespace %s", namespace)
	case !a.after.IsZero() && at.Before(a.after):
		return errors.New("its key is not valid yet")
	case !a.before.IsZero() && at.After(a.before):
		return errors.New("its key is not valid any more")
	}
	return nil
}

// parseAllowed reads PRINCIPALS [OPTIONS] KEYTYPE KEY [COMMENT].
func parseAllowed(line string) (*allowed, error) {
	a := &allowed{}
	var rest string
	var err error
	if quoted, ok := strings.CutPrefix(line, `"`); ok {
		a.principals, rest, ok = strings.Cut(quoted, `"`)
		if !ok {
			return nil, errors.New("a quotation mark is missing")
		}
	} else if i := strings.IndexAny(line, " \t"); i > 0 {
		a.principals, rest = line[:i], line[i:]
	}
	if rest = strings.TrimSpace(rest); a.principals == "" || rest == "" {
		return nil, errors.New("want PRINCIPALS [OPTIONS] KEYTYPE KEY")
	}
	// The rest has the form of a line in authorized_keys.
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil {
		return nil, errors.New("its key can't be read")
	}
	a.key = key
	for _, option := range options {
		if err := a.option(option); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *allowed) option(option string) error {
	name, value, _ := strings.Cut(option, "=")
	value = strings.Trim(value, `"`)
	var err error
	switch strings.ToLower(name) {
	case "cert-authority":
		a.authority = true
	case "namespaces":
		a.namespaces, a.limited = value, true
	case "valid-after":
		a.after, err = parseStamp(value)
	case "valid-before":
		a.before, err = parseStamp(value)
	default:
		return fmt.Errorf("unknown option %q", name) // it may forbid something
	}
	return err
}

// parseStamp reads YYYYMMDD[HHMM[SS]][Z], in local time without Z.
func parseStamp(text string) (time.Time, error) {
	place := time.Local
	digits, utc := strings.CutSuffix(text, "Z")
	if utc {
		place = time.UTC
	}
	const layout = "20060102150405"
	switch len(digits) {
	case 8, 12, 14:
		if at, err := time.ParseInLocation(layout[:len(digits)], digits, place); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time", text)
}

// matchList matches against patterns with * and ?, separated by commas; one that
// begins with ! and matches forbids.
func matchList(patterns, name string) bool {
	matched := false
	for pattern := range strings.SplitSeq(patterns, ",") {
		pattern, not := strings.CutPrefix(pattern, "!")
		if !matchPattern(pattern, name) {
			continue
		}
		if not {
			return false
		}
		matched = true
	}
	return matched
}

// matchPattern knows only * and ?, and * matches any letters.
func matchPattern(pattern, name string) bool {
	plain := strings.NewReplacer(`\`, `\\`, `[`, `\[`, "/", "\x00")
	ok, err := path.Match(plain.Replace(pattern), strings.ReplaceAll(name, "/", "\x00"))
	return err == nil && ok
}
