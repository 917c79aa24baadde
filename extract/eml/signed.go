package eml

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"mailferry/fts"
)

// smimeClass ends the class of messages that are signed or encrypted by S/MIME
// ([MS-OXOSMIME] 2.1.3.1). All that they say is in their one attachment: the
// content of the mail as it was sent.
const (
	smimeClass  = ".SMIME"
	signedClass = ".SMIME.MULTIPARTSIGNED"
)

// asSent returns the attachment that is the content of a mail; nil if there is none.
func asSent(m *fts.Message, class, mediaType string) *fts.Attachment {
	if len(m.Attachments) != 1 || !strings.HasSuffix(strings.ToUpper(m.Class()), class) {
		return nil
	}
	a := &m.Attachments[0]
	kind, _, _ := strings.Cut(strings.ToLower(a.Mime()), ";")
	if data, ok := a.Data(); a.Embedded != nil || !ok || data.Size() == 0 || strings.TrimSpace(kind) != mediaType {
		return nil
	}
	return a
}

const maxSignedHead = 8 << 10 // bytes of the fields of a signed content

// signed writes the content of a mail that was signed in clear, without changing a
// byte of what the signature is about. It does nothing, false, if there is none.
func (w *writer) signed(m *fts.Message, last bool) (bool, error) {
	a := asSent(m, signedClass, "multipart/signed")
	if a == nil {
		return false, nil
	}
	data, _ := a.Data()
	from, err := data.Open()
	if err != nil || from == nil {
		return false, err
	}
	r := bufio.NewReaderSize(from, maxSignedHead)
	head, err := r.Peek(maxSignedHead)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read the signed content: %w", err)
	}
	fields, size := signedHead(head)
	if fields == nil {
		return false, nil
	}
	for _, f := range fields {
		w.field(f)
	}
	w.line("")
	if _, err := r.Discard(size); err != nil {
		return true, err
	}
	end := &lastByte{w: w.w}
	if _, err := io.Copy(end, r); err != nil {
		return true, fmt.Errorf("read the signed content: %w", err)
	}
	if last && end.c != '\n' {
		w.line("")
	}
	return true, nil
}

// signedHead returns the fields that tell how a signed content is written, and the
// size of all that stands before it; nil if they do not say that it is signed.
func signedHead(head []byte) (fields []field, size int) {
	for _, blank := range []string{"\r\n\r\n", "\n\n"} {
		if at := bytes.Index(head, []byte(blank)); at >= 0 && (size == 0 || at+len(blank) < size) {
			size = at + len(blank)
		}
	}
	is := false
	for _, lines := range unfolded(string(head[:size])) {
		name, value, ok := strings.Cut(lines, ":")
		lower := strings.ToLower(name)
		if !ok || !fieldName(name) || !strings.HasPrefix(lower, "content-") {
			continue
		}
		is = is || lower == "content-type" && strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), "multipart/signed")
		fields = append(fields, traceField(name, value))
	}
	if !is {
		return nil, 0
	}
	return fields, size
}
