package ewstest

import (
	"strings"
	"time"

	"mailferry/ews/ewstest/schema"
	"mailferry/ews/ewstest/soap"
)

// batch answers an operation that treats several objects, one response message
// each, in order. do treats one and returns what writes the rest of its
// message. tail names elements that the message of an error has too, empty.
//
// All the work is done before the first byte of the answer, so that a fault can
// cut the connection between the two.
func (c *call) batch(op, tail string, nodes []*schema.Node, do func(*schema.Node) (func(), *soap.Error)) *soap.Error {
	type result struct {
		write func()
		err   *soap.Error
	}
	results := make([]result, len(nodes))
	stopped := false
	for i, n := range nodes {
		if stopped {
			results[i].err = errStopped
			continue
		}
		results[i].write, results[i].err = do(n)
		if err := results[i].err; err != nil && stopsBatch[err.Code] {
			stopped = true
		}
	}
	c.Out.Begin(op + "Response")
	c.Out.Start("m:ResponseMessages")
	for _, r := range results[:c.answered(len(results))] {
		c.messageError(op, tail, r.err)
		if r.err == nil && r.write != nil {
			r.write()
		}
		c.Out.End()
	}
	return nil
}

// messageError opens a response message and fills in that of an error.
func (c *call) messageError(op, tail string, err *soap.Error) {
	c.Out.Message(op+"ResponseMessage", err)
	if err == nil {
		return
	}
	if err.Code == "ErrorServerBusy" {
		c.s.stats.do(func(st *Stats) { st.Busy++ })
	}
	for _, name := range strings.Fields(tail) {
		switch {
		case strings.HasPrefix(name, "m:IncludesLast"):
			c.Out.Bool(name, true)
		default:
			c.Out.Empty(name)
		}
	}
}

// answered is how many of n messages the answer holds.
func (c *call) answered(n int) int {
	f := c.faults["short-response"]
	if f == nil {
		return n
	}
	if f.After > 0 {
		return min(n, int(f.After))
	}
	return n / 2
}

// late says whether the batch has used up its time.
func (c *call) late() bool { return time.Since(c.start) > c.s.policy().Batch() }
