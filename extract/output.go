package extract

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"

	"mailferry/internal/fault"
)

const (
	fileMode = 0o600 // it is mail
	dirMode  = 0o700
)

// output is the folder that files are written to. All names are below its root,
// which the system holds: neither a name nor a symbolic link leads out of it.
type output struct {
	root    *os.Root
	replace bool
	mu      sync.Mutex
	made    map[string]bool // folders that are there
}

// fatalError ends a run: further files would fail the same.
type fatalError struct{ err error }

func (e fatalError) Error() string { return e.err.Error() }
func (e fatalError) Unwrap() error { return e.err }

// fatal is an error that ends a run. It does not tell the name of a file, which
// is mail content.
func fatal(err error) error {
	var at *fs.PathError
	var between *os.LinkError
	switch {
	case errors.As(err, new(fatalError)):
		return err
	case errors.As(err, &at):
		err = at.Err
	case errors.As(err, &between):
		err = between.Err
	}
	if fault.IsNoSpace(err) {
		err = fmt.Errorf("the disk is full: %w", err)
	}
	return fatalError{fmt.Errorf("write to the output folder: %w", err)}
}

// outputError is an error of the file system. Of most, another file knows nothing.
func outputError(err error) error {
	if err != nil && (fault.IsNoSpace(err) || errors.Is(err, fs.ErrPermission)) {
		return fatal(err)
	}
	return err
}

func (o *output) mkdir(dir string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.made[dir] {
		return nil
	}
	if err := o.root.MkdirAll(dir, dirMode); err != nil {
		return outputError(err)
	}
	o.made[dir] = true
	return nil
}

// there says whether something is there already that is not to be replaced. What
// is there came whole, since files and folders get their names at their end.
func (o *output) there(name string, folder bool) (bool, error) {
	info, err := o.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, outputError(err)
	case folder && !info.IsDir() || !folder && !info.Mode().IsRegular():
		return false, fmt.Errorf("%s is there already, and is something else", name)
	}
	return !o.replace, nil
}

// part is the name of something that is not whole yet.
func part(name string) string { return path.Join(path.Dir(name), ".part-"+mark(name)) }

// file writes a file that gets its name once it is whole. Its folder is there.
func (o *output) file(ctx context.Context, name string, write func(w io.Writer) error) error {
	f, err := o.create(ctx, name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		return f.abort(err)
	}
	return f.commit()
}

// create begins a file.
func (o *output) create(ctx context.Context, name string) (*file, error) {
	f, err := o.open(part(name))
	if err != nil {
		return nil, err
	}
	return &file{ctx: ctx, out: o, name: name, f: f, w: bufio.NewWriterSize(f, 64<<10)}, nil
}

// open makes a new file. What a run left that was killed is in the way.
func (o *output) open(name string) (*os.File, error) {
	if err := o.root.RemoveAll(name); err != nil {
		return nil, outputError(err)
	}
	f, err := o.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	return f, outputError(err)
}

// file is a file that is being written.
type file struct {
	ctx    context.Context
	out    *output
	name   string
	f      *os.File
	w      *bufio.Writer
	failed error // of writing to it, which ends the run
}

// Write writes, as long as the run is to go on.
func (f *file) Write(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := f.w.Write(p)
	if err != nil {
		f.failed = err
	}
	return n, err
}

// commit makes the file durable and gives it its name.
func (f *file) commit() error {
	err := f.failed
	if err == nil {
		err = f.w.Flush()
	}
	if err == nil {
		err = f.f.Sync()
	}
	if err != nil {
		f.failed = err
		return f.abort(err)
	}
	if err := f.f.Close(); err != nil {
		f.failed = err
		return f.abort(err)
	}
	if err := f.out.root.Rename(part(f.name), f.name); err != nil {
		return f.abort(outputError(err))
	}
	return nil
}

// abort removes the file. It returns the error that was the cause, as one that
// ends the run where writing failed.
func (f *file) abort(cause error) error {
	f.f.Close()
	_ = f.out.root.Remove(part(f.name))
	if f.failed != nil {
		return fatal(f.failed)
	}
	return cause
}

// offset is how far the file is, to go back to with rewind.
func (f *file) offset() (int64, error) {
	if err := f.w.Flush(); err != nil {
		f.failed = err
		return 0, err
	}
	return f.f.Seek(0, io.SeekCurrent)
}

// rewind cuts the file where it was.
func (f *file) rewind(to int64) error {
	f.w.Reset(f.f)
	err := f.f.Truncate(to)
	if err == nil {
		_, err = f.f.Seek(to, io.SeekStart)
	}
	f.failed = err
	return err
}

// amend changes what was written; commit tells an error.
func (f *file) amend(text string, at int64) {
	if err := f.w.Flush(); err != nil {
		f.failed = err
	} else if _, err := f.f.WriteAt([]byte(text), at); err != nil {
		f.failed = err
	}
}
