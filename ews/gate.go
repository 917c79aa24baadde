package ews

import (
	"context"
	"time"
)

// Gate decides how many requests may run at once, and when none may.
type Gate struct{}

// NewGate returns a gate that lets at most max requests run at once. onWait may be nil.
func NewGate(max int, onWait func(Wait)) *Gate { return &Gate{} }

// Acquire waits until a request may be sent. The returned function must be
// called once when the request has ended.
func (g *Gate) Acquire(ctx context.Context) (release func(), err error) { return func() {}, nil }

// Limit returns how many requests may run at once now.
func (g *Gate) Limit() int { return 0 }

// Waited returns for how long requests were held back because a server asked for it.
func (g *Gate) Waited() time.Duration { return 0 }
