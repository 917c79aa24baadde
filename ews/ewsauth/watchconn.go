package ewsauth

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
)

// watchedConn knows that it was closed. net/http closes a pooled connection as
// soon as it sees that the server went away, so the next request can be told
// before its body is on the way.
type watchedConn struct {
	net.Conn
	gone atomic.Bool
}

func (c *watchedConn) Close() error {
	c.gone.Store(true)
	return c.Conn.Close()
}

// watch makes every connection of t a watchedConn.
func watch(t *http.Transport) {
	dial := t.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &watchedConn{Conn: c}, nil
	}
}

// gone says whether the connection c, as net/http names it, is known to be closed.
func gone(c net.Conn) bool {
	for {
		switch inner := c.(type) {
		case *watchedConn:
			return inner.gone.Load()
		case *tls.Conn: // two of them, one in the other, through an https proxy
			c = inner.NetConn()
		default:
			return false
		}
	}
}
