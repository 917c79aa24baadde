package fault

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// Kind says what an operation does.
type Kind string

// The kinds of operations.
const (
	Open      Kind = "open"
	Create    Kind = "create" // an open that makes the file
	Read      Kind = "read"
	Write     Kind = "write"
	Sync      Kind = "sync"
	Truncate  Kind = "truncate"
	Remove    Kind = "remove"
	Rename    Kind = "rename"
	Mkdir     Kind = "mkdir"
	List      Kind = "list"
	SyncDir   Kind = "syncdir"
	WriteFile Kind = "writefile"
	ReadFile  Kind = "readfile"
)

// Op is an operation that is about to happen, or has happened.
type Op struct {
	N    int // number of the operation, from 1
	Kind Kind
	Path string
	Off  int64
	Len  int
}

// Changes says whether the operation changes what is on the disk.
func (o Op) Changes() bool {
	switch o.Kind {
	case Open, Read, List, ReadFile:
		return false
	}
	return true
}

// Fault says how an operation goes wrong.
type Fault struct {
	Err   error // what the operation returns; nil: it goes well
	Short int   // of a write or read, how many bytes happen before it fails
}

// Injector is an FS that asks before each operation and tells after it. The
// functions may be called from several goroutines, one at a time, and must not
// use the Injector.
type Injector struct {
	FS     FS             // what is wrapped; nil: OS
	Before func(Op) Fault // nil: all goes well
	After  func(Op)       // called when the operation went well

	mu sync.Mutex
	n  int
}

func (i *Injector) inner() FS {
	if i.FS == nil {
		return OS
	}
	return i.FS
}

// do runs an operation as Before says. run gets the number of bytes that happen.
func (i *Injector) do(o Op, run func(n int) error) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.n++
	o.N = i.n
	if i.Before != nil {
		if f := i.Before(o); f.Err != nil {
			if f.Short > 0 {
				if err := run(min(f.Short, o.Len)); err != nil {
					return err
				}
			}
			return fmt.Errorf("%s %s: %w", o.Kind, o.Path, f.Err)
		}
	}
	err := run(o.Len)
	if err == nil && i.After != nil {
		i.After(o)
	}
	return err
}

// OpenFile implements FS.
func (i *Injector) OpenFile(name string, flag int, mode fs.FileMode) (f File, err error) {
	kind := Open
	if flag&os.O_CREATE != 0 {
		kind = Create
	}
	err = i.do(Op{Kind: kind, Path: name}, func(int) error {
		f, err = i.inner().OpenFile(name, flag, mode)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: f, i: i, name: name}, nil
}

// MkdirAll implements FS.
func (i *Injector) MkdirAll(name string, mode fs.FileMode) error {
	return i.do(Op{Kind: Mkdir, Path: name}, func(int) error { return i.inner().MkdirAll(name, mode) })
}

// Remove implements FS.
func (i *Injector) Remove(name string) error {
	return i.do(Op{Kind: Remove, Path: name}, func(int) error { return i.inner().Remove(name) })
}

// Rename implements FS.
func (i *Injector) Rename(from, to string) error {
	return i.do(Op{Kind: Rename, Path: to}, func(int) error { return i.inner().Rename(from, to) })
}

// ReadDir implements FS.
func (i *Injector) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = i.do(Op{Kind: List, Path: name}, func(int) error {
		entries, err = i.inner().ReadDir(name)
		return err
	})
	return entries, err
}

// SyncDir implements FS.
func (i *Injector) SyncDir(name string) error {
	return i.do(Op{Kind: SyncDir, Path: name}, func(int) error { return i.inner().SyncDir(name) })
}

// WriteFile implements FS.
func (i *Injector) WriteFile(name string, data []byte, mode fs.FileMode) error {
	return i.do(Op{Kind: WriteFile, Path: name, Len: len(data)}, func(n int) error {
		if n < len(data) {
			return nil // atomic: all or nothing
		}
		return i.inner().WriteFile(name, data, mode)
	})
}

// ReadFile implements FS.
func (i *Injector) ReadFile(name string) (data []byte, err error) {
	err = i.do(Op{Kind: ReadFile, Path: name}, func(int) error {
		data, err = i.inner().ReadFile(name)
		return err
	})
	return data, err
}

type faultyFile struct {
	File
	i    *Injector
	name string
}

func (f *faultyFile) ReadAt(p []byte, off int64) (n int, err error) {
	ferr := f.i.do(Op{Kind: Read, Path: f.name, Off: off, Len: len(p)}, func(k int) error {
		n, err = f.File.ReadAt(p[:k], off)
		return nil // io.EOF is no fault
	})
	if ferr != nil {
		err = ferr
	}
	return n, err
}

func (f *faultyFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.i.do(Op{Kind: Write, Path: f.name, Off: off, Len: len(p)}, func(k int) error {
		n, err = f.File.WriteAt(p[:k], off)
		return err
	})
	return n, err
}

func (f *faultyFile) Sync() error {
	return f.i.do(Op{Kind: Sync, Path: f.name}, func(int) error { return f.File.Sync() })
}

func (f *faultyFile) Truncate(size int64) error {
	return f.i.do(Op{Kind: Truncate, Path: f.name, Off: size}, func(int) error { return f.File.Truncate(size) })
}
