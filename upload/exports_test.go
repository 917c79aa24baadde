package upload_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mailferry/ews/ewstest"
)

// exports are stores by what alice's mailbox was filled with. The simulator
// gives the same items the same ids each time, so one export serves all tests.
var exports struct {
	sync.Mutex
	top  string
	dirs map[string]string
}

func TestMain(m *testing.M) {
	code := m.Run()
	if exports.top != "" {
		_ = os.RemoveAll(exports.top)
	}
	os.Exit(code)
}

func exported(t *testing.T, content string) string {
	t.Helper()
	exports.Lock()
	defer exports.Unlock()
	if dir, ok := exports.dirs[content]; ok {
		return dir
	}
	if exports.top == "" {
		top, err := os.MkdirTemp("", "mailferry-upload-*")
		if err != nil {
			t.Fatal(err)
		}
		exports.top, exports.dirs = top, make(map[string]string)
	}
	w := &world{t: t, dir: filepath.Join(exports.top, strings.ReplaceAll(content, ":", "-"))}
	w.server = ewstest.Start(t, ewstest.Options{Mailboxes: []ewstest.MailboxSpec{{Address: alice, Content: content, Archive: true}}})
	w.export()
	exports.dirs[content] = w.dir
	return w.dir
}
