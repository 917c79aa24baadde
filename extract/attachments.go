package extract

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/text/cases"

	"mailferry/extract/eml"
	"mailferry/fts"
)

// maxExtension is the longest ending of a name that is kept where the name is cut.
const maxExtension = 20

// attachments writes the attachments of an item into a folder that gets its name
// once all are there. It returns how many.
func (r *run) attachments(ctx context.Context, j *job, name string) (int, error) {
	item, err := fts.OpenItem(func() (io.ReadCloser, error) { return r.Store.OpenBlob(j.item) })
	if err != nil {
		return 0, err
	}
	defer item.Close()
	dir := part(name)
	defer r.out.root.RemoveAll(dir) // what is left of it
	if err := r.out.root.RemoveAll(dir); err != nil {
		return 0, outputError(err)
	}
	if err := r.out.root.Mkdir(dir, dirMode); err != nil {
		return 0, outputError(err)
	}
	taken := make(map[string]bool)
	for i := range item.Attachments {
		a := &item.Attachments[i]
		file := path.Join(dir, attachmentName(a, i, taken))
		if err := r.out.file(ctx, file, func(w io.Writer) error { return attachment(w, a) }); err != nil {
			return 0, err
		}
	}
	if r.out.replace {
		if err := r.out.root.RemoveAll(name); err != nil {
			return 0, outputError(err)
		}
	}
	return len(item.Attachments), outputError(r.out.root.Rename(dir, name))
}

// attachment writes what an attachment holds: data as it is, a message as a mail,
// and of one that is elsewhere the path to it.
func attachment(w io.Writer, a *fts.Attachment) error {
	if a.Embedded != nil {
		return eml.WriteMessage(w, a.Embedded)
	}
	data, ok := a.Data()
	if !ok {
		_, err := io.WriteString(w, a.Path())
		return err
	}
	from, err := data.Open()
	if err != nil || from == nil {
		return err
	}
	_, err = io.Copy(w, from)
	return err
}

// attachmentName names the file of an attachment, as no other in taken is named.
func attachmentName(a *fts.Attachment, i int, taken map[string]bool) string {
	_, has := a.Data()
	base, ext := safeName(a.Name()), ""
	if dot := strings.LastIndexByte(a.Name(), '.'); dot > 0 && len(a.Name())-dot <= maxExtension {
		base, ext = safeName(a.Name()[:dot]), "."+safeName(a.Name()[dot+1:])
	}
	switch {
	case a.Embedded != nil && !strings.EqualFold(ext, ".eml"):
		base, ext = safeName(a.Name()), ".eml"
	case !has && a.Path() != "":
		base, ext = safeName(a.Name()), ".txt"
	case a.Method() == fts.AttachStorage && ext == "":
		ext = ".ole"
	}
	if base == "" {
		base = fmt.Sprintf("attachment %d", i+1)
	}
	ext = strings.TrimRight(ext, ".")
	name := base + ext
	for n := 2; taken[cases.Fold().String(name)]; n++ {
		name = fmt.Sprintf("%s (%d)%s", base, n, ext)
	}
	taken[cases.Fold().String(name)] = true
	return name
}
