package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// churn puts and deletes rows in several buckets, some of them small enough to
// lie within their parent's page, some with values longer than a page.
func churn(t testing.TB, e *Engine, rnd *rand.Rand, rows int) {
	t.Helper()
	err := e.Update(context.Background(), nil, func(tx *Tx) error {
		for range rows {
			p := Path("box", fmt.Sprint(rnd.IntN(4)), []string{"items", "ids"}[rnd.IntN(2)])
			key := fmt.Appendf(nil, "key-%d", rnd.IntN(2000))
			if rnd.IntN(3) == 0 {
				if err := tx.Del(p, key); err != nil {
					return err
				}
				continue
			}
			size := rnd.IntN(200)
			if rnd.IntN(50) == 0 {
				size = 9000
			}
			if err := tx.Put(p, key, make([]byte, size)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func pageDamage(t *testing.T, e *Engine) (found []error) {
	t.Helper()
	if err := e.CheckIndex(func(err error) { found = append(found, err) }); err != nil {
		found = append(found, err)
	}
	return found
}

// A healthy index is never called damaged, whatever was put and deleted.
func TestHealthyIndexIsNotCalledDamaged(t *testing.T) {
	dir := t.TempDir()
	e, err := Open(dir, OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		churn(t, e, rnd, 1+rnd.IntN(1200))
		if found := pageDamage(t, e); len(found) > 0 {
			t.Fatal(found)
		}
	}
}

// Each flipped byte in a page that holds something is found, in any place of it.
func TestEachFlippedByteOfALivePageIsFound(t *testing.T) {
	dir := t.TempDir()
	e, err := Open(dir, OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	churn(t, e, rand.New(rand.NewPCG(3, 4)), 900)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, IndexName)
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	size := os.Getpagesize()
	live := livePages(t, dir, len(good)/size)
	flips, missed := 0, 0
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for at := 0; at < len(good); at += 53 {
		if !live(at / size) {
			continue
		}
		flips++
		flip := func(b byte) {
			if _, err := f.WriteAt([]byte{b}, int64(at)); err != nil {
				t.Fatal(err)
			}
		}
		flip(good[at] ^ 1<<(at%8))
		if e, err := Open(dir, OpenOptions{ReadOnly: true}); err == nil {
			if len(pageDamage(t, e)) == 0 {
				missed++
				t.Errorf("byte %d, which is %d of page %d, was not found", at, at%size, at/size)
			}
			e.Close()
		}
		flip(good[at])
	}
	t.Logf("%d flips in live pages, %d missed", flips, missed)
	if flips < 1000 {
		t.Error("too few to say anything")
	}
}

// livePages says which pages hold something: the two heads and what the walk meets.
func livePages(t *testing.T, dir string, pages int) func(int) bool {
	t.Helper()
	e, err := Open(dir, OpenOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	f, err := os.Open(filepath.Join(dir, IndexName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := newPageChecker(f, int64(os.Getpagesize()), int64(pages), func(err error) { t.Error(err) })
	c.values, c.all = e.values(), true
	if err := e.View(func(tx *Tx) error { return c.tree("", uint64(tx.b.Cursor().Bucket().Root()), nil, nil, 0) }); err != nil {
		t.Fatal(err)
	}
	return func(page int) bool { return page < 2 || c.seen[page/64]&(1<<(page%64)) != 0 }
}
