package schema

import (
	"bytes"
	"io"
	"sort"
)

// maxLines is how many line ends are remembered. The scanner's buffer can't
// hold more, so a position can always be told.
const maxLines = 1 << 17

// lineReader remembers where lines begin, so that an offset can be told as a
// line and a position in it.
type lineReader struct {
	r       io.Reader
	n       int64   // bytes read
	starts  []int64 // offsets after line ends
	dropped int     // line ends forgotten
	err     error   // of r
}

func (l *lineReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if err != nil {
		l.err = err
	}
	for i := 0; i < n; {
		j := bytes.IndexByte(p[i:n], '\n')
		if j < 0 {
			break
		}
		i += j + 1
		l.starts = append(l.starts, l.n+int64(i))
	}
	if len(l.starts) > 2*maxLines {
		drop := len(l.starts) - maxLines
		l.dropped += drop
		l.starts = append(l.starts[:0], l.starts[drop:]...)
	}
	l.n += int64(n)
	return n, err
}

// position returns line and position, both from 1, of a byte offset.
func (l *lineReader) position(offset int64) (line, pos int) {
	i := sort.Search(len(l.starts), func(i int) bool { return l.starts[i] > offset })
	start := int64(0)
	if i > 0 {
		start = l.starts[i-1]
	}
	return l.dropped + i + 1, int(offset-start) + 1
}
