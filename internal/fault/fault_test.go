package fault_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"mailferry/internal/fault"
)

func TestInjector(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	var after []fault.Kind
	broken := errors.New("broken")
	i := &fault.Injector{
		Before: func(o fault.Op) fault.Fault {
			switch {
			case o.Kind == fault.Write && o.Off == 4:
				return fault.Fault{Err: syscall.ENOSPC, Short: 2}
			case o.Kind == fault.Sync && o.N > 3:
				return fault.Fault{Err: broken}
			}
			return fault.Fault{}
		},
		After: func(o fault.Op) { after = append(after, o.Kind) },
	}
	f, err := i.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := f.WriteAt([]byte("abcd"), 0); n != 4 || err != nil {
		t.Errorf("first write: %d, %v", n, err)
	}
	n, err := f.WriteAt([]byte("efgh"), 4)
	if n != 2 || !fault.IsNoSpace(err) {
		t.Errorf("write to the full disk: %d, %v", n, err)
	}
	if err := f.Sync(); !errors.Is(err, broken) {
		t.Errorf("sync: %v", err)
	}
	if got, _ := os.ReadFile(name); string(got) != "abcdef" {
		t.Errorf("the file holds %q", got)
	}
	if len(after) != 2 || after[0] != fault.Create || after[1] != fault.Write {
		t.Errorf("told of %v", after)
	}
}
