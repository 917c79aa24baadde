package ews

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// pool lends connections: each a RoundTripper of its own with the cookies that
// came over it. The one used last is lent first, so that few are logged in.
type pool struct {
	make   func() http.RoundTripper
	tokens chan struct{} // one for each connection that may be lent

	mu   sync.Mutex
	free []*conn
}

func newPool(n int, make_ func() http.RoundTripper) *pool {
	p := &pool{make: make_, tokens: make(chan struct{}, n)}
	for range n {
		p.tokens <- struct{}{}
	}
	return p
}

func (p *pool) get(ctx context.Context) (*conn, error) {
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-p.tokens:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		cn := p.free[n-1]
		p.free = p.free[:n-1]
		return cn, nil
	}
	return &conn{rt: p.make()}, nil
}

func (p *pool) put(cn *conn) {
	p.mu.Lock()
	p.free = append(p.free, cn)
	p.mu.Unlock()
	p.tokens <- struct{}{}
}

// closeIdle closes what is not lent.
func (p *pool) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, cn := range p.free {
		if c, ok := cn.rt.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	}
}

// conn is one connection. It is used by one request at a time.
type conn struct {
	rt      http.RoundTripper
	cookies map[string]*http.Cookie
	age     int64 // cookies of another age are dropped
}

const maxCookies = 50

// addCookies sends back what the server set over this connection: load
// balancers keep a client on one server by it.
func (cn *conn) addCookies(req *http.Request, age int64) {
	if cn.age != age {
		cn.cookies, cn.age = nil, age
	}
	for name, c := range cn.cookies {
		if !c.Expires.IsZero() && time.Now().After(c.Expires) {
			delete(cn.cookies, name)
		} else if !c.Secure || req.URL.Scheme == "https" {
			req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value, Quoted: c.Quoted})
		}
	}
}

func (cn *conn) keepCookies(resp *http.Response) {
	for _, c := range resp.Cookies() {
		if cn.cookies == nil {
			cn.cookies = make(map[string]*http.Cookie)
		}
		switch {
		case c.MaxAge < 0:
			delete(cn.cookies, c.Name)
			continue
		case c.MaxAge > 0:
			c.Expires = time.Now().Add(time.Duration(min(c.MaxAge, 1<<30)) * time.Second)
		}
		if _, known := cn.cookies[c.Name]; known || len(cn.cookies) < maxCookies {
			cn.cookies[c.Name] = c
		}
	}
}
