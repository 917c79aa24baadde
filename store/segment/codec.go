package segment

import (
	"sync"

	"github.com/klauspost/compress/zstd"
)

// One encoder and one decoder serve the process. Each keeps the buffers of at
// most two calls, so memory does not grow with the number of writers.
const codecConcurrency = 2

var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(codecConcurrency),
		zstd.WithWindowSize(ChunkSize), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
})

var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(codecConcurrency), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(MaxPlain), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err)
	}
	return d
})

// compress appends plain to dst, compressed if that makes it shorter.
func compress(dst, plain []byte) (out []byte, flags byte) {
	n := len(dst)
	if len(plain) >= 64 && !looksRandom(plain) {
		dst = encoder().EncodeAll(plain, dst)
		if len(dst)-n < len(plain)-len(plain)/64 {
			return dst, frameZstd
		}
		dst = dst[:n]
	}
	return append(dst, plain...), 0
}

// looksRandom guesses from 4 KiB, in four pieces, whether compression would be
// in vain: pictures and archives are most of a big mailbox. The sum of squares
// of byte counts is near n + n*n/256 for random bytes, and far above for text,
// also for base64.
func looksRandom(p []byte) bool {
	const piece, pieces = 1 << 10, 4
	if len(p) < 4*piece*pieces {
		return false
	}
	var counts [256]uint32
	step := (len(p) - piece) / (pieces - 1)
	for i := range pieces {
		for _, c := range p[i*step : i*step+piece] {
			counts[c]++
		}
	}
	const n = piece * pieces
	var squares uint32
	for _, c := range counts {
		squares += c * c
	}
	return squares < (n+n*n/256)*5/4
}
