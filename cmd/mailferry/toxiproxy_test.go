package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// toxiproxy is a running toxiproxy server: somebody else's idea of a bad network.
// It is built from tools.mod.
type toxiproxy struct{ api string }

// link is one of its proxies.
type link struct {
	proxy *toxiproxy
	name  string
	addr  string // where clients connect
}

// toxic spoils one direction of a link: "upstream" is what the client sends.
type toxic struct {
	Name       string         `json:"name"` // set by link.spoil
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Attributes map[string]int `json:"attributes"`
}

func upstream(kind string, attributes map[string]int) toxic {
	return toxic{Type: kind, Stream: "upstream", Attributes: attributes}
}

func downstream(kind string, attributes map[string]int) toxic {
	return toxic{Type: kind, Stream: "downstream", Attributes: attributes}
}

// startToxiproxy builds and starts the server, or skips the test where its
// module can't be had; in CI that is a failure.
func startToxiproxy(t *testing.T) *toxiproxy {
	t.Helper()
	program := filepath.Join(t.TempDir(), "toxiproxy")
	build := exec.CommandContext(t.Context(), "go", "build", "-modfile=tools.mod", "-o", program, "github.com/Shopify/toxiproxy/v2/cmd/server")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("toxiproxy can't be built: %v\n%s", err, out)
		}
		t.Skipf("toxiproxy can't be built: %v\n%s", err, out)
	}
	// It can't choose a free port itself, so another program may be faster.
	for range 5 {
		if x := launch(t, program); x != nil {
			return x
		}
	}
	t.Fatal("toxiproxy does not answer")
	return nil
}

// launch starts the server on a port that was free a moment ago; nil if it ended.
func launch(t *testing.T, program string) *toxiproxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	cmd := exec.CommandContext(t.Context(), program, "-host", "127.0.0.1", "-port", fmt.Sprint(addr.Port), "-seed", "1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for {
		conn, err := net.Dial("tcp", addr.String())
		if err == nil {
			conn.Close()
			return &toxiproxy{api: "http://" + addr.String()}
		}
		select {
		case <-ended:
			return nil
		case <-time.After(20 * time.Millisecond): // it has no other way to say that it listens
		}
	}
}

// link makes a proxy in front of an address.
func (x *toxiproxy) link(t *testing.T, name, to string) *link {
	t.Helper()
	var made struct{ Listen string }
	text, err := x.ask(http.MethodPost, "/proxies", map[string]any{"name": name, "listen": "127.0.0.1:0", "upstream": to, "enabled": true})
	if err == nil {
		err = json.Unmarshal(text, &made)
	}
	if err != nil {
		t.Fatalf("toxiproxy: %v", err)
	}
	return &link{proxy: x, name: name, addr: made.Listen}
}

// spoil adds toxics; connections that are open get them too.
func (l *link) spoil(toxics ...toxic) error {
	for i, tox := range toxics {
		tox.Name = fmt.Sprint(i)
		if _, err := l.proxy.ask(http.MethodPost, "/proxies/"+l.name+"/toxics", tox); err != nil {
			return err
		}
	}
	return nil
}

// heal takes the first n toxics away.
func (l *link) heal(n int) error {
	for i := range n {
		if _, err := l.proxy.ask(http.MethodDelete, fmt.Sprintf("/proxies/%s/toxics/%d", l.name, i), nil); err != nil {
			return err
		}
	}
	return nil
}

// cut breaks all connections of the link; new ones pass.
func (l *link) cut() error {
	for _, enabled := range []bool{false, true} {
		// Without its own address it would come back on another port.
		change := map[string]any{"enabled": enabled, "listen": l.addr}
		if _, err := l.proxy.ask(http.MethodPost, "/proxies/"+l.name, change); err != nil {
			return err
		}
	}
	return nil
}

func (x *toxiproxy) ask(method, path string, value any) ([]byte, error) {
	body := io.Reader(http.NoBody)
	if value != nil {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, x.api+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return text, err
}
