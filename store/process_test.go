package store_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailferry/store"
)

// The test binary runs itself as another process that does what these name.
const (
	envRole = "STORE_TEST_ROLE"
	envDir  = "STORE_TEST_DIR"
)

func TestMain(m *testing.M) {
	switch os.Getenv(envRole) {
	case "hold":
		holder()
	case "write":
		writer()
	default:
		os.Exit(m.Run())
	}
}

func child(t *testing.T, role, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), envRole+"="+role, envDir+"="+dir)
	c.Stderr = os.Stderr
	_, err := c.StdinPipe() // ends with us, and with it the child
	must(t, err)
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	return c, bufio.NewScanner(out)
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// holder opens the store and keeps it until it is killed.
func holder() {
	_, err := store.Open(os.Getenv(envDir), store.OpenOptions{})
	fatal(err)
	fmt.Println("open")
	io.Copy(io.Discard, os.Stdin)
}

func TestLockedByAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	small(t, dir)
	c, out := child(t, "hold", dir)
	defer c.Process.Kill()
	if !out.Scan() {
		t.Fatal("the other process did not open the store")
	}
	for _, o := range []store.OpenOptions{{}, {ReadOnly: true}, {LockTimeout: 60 * time.Millisecond}, {Rebuild: true}} {
		_, err := store.Open(dir, o)
		wantErr(t, err, store.ErrLocked)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than a line: %q", err)
		}
	}
	// It can be waited for.
	opened := make(chan error)
	go func() {
		s, err := store.Open(dir, store.OpenOptions{LockTimeout: time.Minute})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	must(t, c.Process.Kill())
	c.Wait()
	must(t, <-opened)
}

// writer commits items for ever, with four goroutines, and says which.
func writer() {
	s, err := store.Open(os.Getenv(envDir), store.OpenOptions{})
	fatal(err)
	for g := range 4 {
		go func() {
			w, err := s.NewWriter()
			fatal(err)
			for n := 0; ; n++ {
				var staged []*store.Staged
				line := ""
				for i := range 3 {
					id := fmt.Sprintf("p%d-%d-%d-%d", os.Getpid(), g, n, i)
					st, err := tryStage(w, key("inbox", id), []byte(strings.Repeat(id, 1000*i)))
					fatal(err)
					staged = append(staged, st)
					line += fmt.Sprintf("%s %d\n", id, i)
				}
				fatal(s.Commit(ctx, staged))
				fmt.Print(line)
			}
		}()
	}
	io.Copy(io.Discard, os.Stdin)
}

// A real process is killed, again and again. What it said to be committed is there.
func TestKilledProcess(t *testing.T) {
	dir := t.TempDir()
	small(t, dir)
	told := map[string]int{}
	for kill := range 8 {
		c, out := child(t, "write", dir)
		for n := 0; n < 10+17*kill && out.Scan(); n++ {
			remember(told, out.Text())
		}
		must(t, c.Process.Kill())
		for out.Scan() {
			remember(told, out.Text())
		}
		c.Wait()
	}
	var promises []promise
	for id, i := range told {
		promises = append(promises, func(s *store.Store) error { return wantBlob(s, id, []byte(strings.Repeat(id, 1000*i))) })
	}
	if len(promises) < 100 {
		t.Fatalf("only %d items were committed", len(promises))
	}
	files, _ := filepath.Glob(filepath.Join(dir, "segments", "*"))
	t.Logf("%d items, %d segments", len(promises), len(files))
	s, err := store.Open(dir, store.OpenOptions{})
	must(t, err)
	for _, p := range promises {
		if err := p(s); err != nil {
			t.Error(err)
		}
	}
	r, err := s.Check(ctx, store.CheckOptions{ReadData: true})
	if err != nil || !r.OK() {
		t.Errorf("check: %+v, %v", r.Damage, err)
	}
	must(t, s.Close())
}

// remember notes a whole line; the last may be cut off.
func remember(told map[string]int, line string) {
	var id string
	var i int
	if n, _ := fmt.Sscanf(line, "%s %d", &id, &i); n == 2 && strings.Count(id, "-") == 3 {
		told[id] = i
	}
}
