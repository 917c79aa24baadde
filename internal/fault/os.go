package fault

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"mailferry/internal/atomicfile"
)

// FS is what the store needs of a file system. Paths are those of package os.
type FS interface {
	// OpenFile is os.OpenFile.
	OpenFile(name string, flag int, mode fs.FileMode) (File, error)
	// MkdirAll is os.MkdirAll.
	MkdirAll(name string, mode fs.FileMode) error
	// Remove is os.Remove.
	Remove(name string) error
	// Rename is os.Rename.
	Rename(from, to string) error
	// ReadDir is os.ReadDir.
	ReadDir(name string) ([]fs.DirEntry, error)
	// SyncDir makes the names in a folder durable.
	SyncDir(name string) error
	// WriteFile replaces a file atomically and durably.
	WriteFile(name string, data []byte, mode fs.FileMode) error
	// ReadFile is os.ReadFile.
	ReadFile(name string) ([]byte, error)
}

// File is an open file. Its methods are those of os.File; ReadAt and WriteAt may
// be called from several goroutines.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
}

// OS is the disk.
var OS FS = disk{}

type disk struct{}

func (disk) OpenFile(name string, flag int, mode fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, mode)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}
func (disk) MkdirAll(name string, mode fs.FileMode) error { return os.MkdirAll(name, mode) }
func (disk) Rename(from, to string) error                 { return os.Rename(from, to) }
func (disk) Remove(name string) error                     { return os.Remove(name) }
func (disk) ReadDir(name string) ([]fs.DirEntry, error)   { return os.ReadDir(name) }
func (disk) SyncDir(name string) error                    { return atomicfile.SyncDir(name) }
func (disk) ReadFile(name string) ([]byte, error)         { return os.ReadFile(name) }
func (disk) WriteFile(name string, data []byte, mode fs.FileMode) error {
	return atomicfile.Write(name, data, mode)
}

type file struct{ *os.File }

func (f file) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// IsNoSpace says whether an error means that the disk or a quota is full.
func IsNoSpace(err error) bool {
	for _, e := range noSpaceErrors {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
