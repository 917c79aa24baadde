package rtf

import (
	"golang.org/x/text/transform"

	"mailferry/fts/internal/text"
)

// pages turns runs of bytes in code pages into UTF-8. A run is gathered whole
// where it is short, so that characters of two bytes are not cut.
type pages struct {
	out   *[]byte
	cp    int
	run   []byte
	known map[int]transform.Transformer
	tmp   [1 << 10]byte
}

const maxRun = 256

func (p *pages) byte(cp int, b byte) {
	if cp != p.cp {
		p.flush()
		p.cp = cp
	}
	if p.run = append(p.run, b); len(p.run) >= maxRun {
		p.convert(false)
	}
}

// flush ends the run.
func (p *pages) flush() {
	if len(p.run) > 0 {
		p.convert(true)
	}
}

// convert gives out the run as far as it can be decoded.
func (p *pages) convert(whole bool) {
	t := p.known[p.cp]
	if t == nil {
		t = text.NewTransformer(p.cp)
		if p.known == nil {
			p.known = map[int]transform.Transformer{}
		}
		if len(p.known) < 64 {
			p.known[p.cp] = t
		}
	}
	for src := p.run; ; {
		n, m, err := t.Transform(p.tmp[:], src, whole)
		*p.out = append(*p.out, p.tmp[:n]...)
		src = src[m:]
		if err == transform.ErrShortDst && n+m > 0 {
			continue
		}
		// Decoders of code pages replace what is wrong; they have no other error
		// than that of a character that is not whole yet.
		p.run = p.run[:copy(p.run, src)]
		if len(p.run) >= maxRun {
			p.run = p.run[:0]
		}
		break
	}
	if whole {
		p.run = p.run[:0]
		t.Reset()
	}
}

// charsets has the code pages of \fcharset. What is not here is the default one.
var charsets = map[int]int{
	0: 1252, 77: 10000, 128: 932, 129: 949, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258, 177: 1255, 178: 1256, 186: 1257, 204: 1251, 222: 874,
	238: 1250, 254: 437, 255: 437,
}
