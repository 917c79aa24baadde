//go:build !windows

package atomicfile

import "os"

// SyncDir makes the names in a folder durable: files that were made, renamed or
// removed stay so after a crash. On Windows, where names need no such call, it
// does nothing.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}
