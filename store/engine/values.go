package engine

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"golang.org/x/crypto/chacha20poly1305"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// values is how values lie in the index: followed by a checksum, or sealed. Both
// cover the bucket and the key, so that a value which a damaged page number puts
// elsewhere is not taken for one of that place.
type values struct{ key cipher.AEAD }

func (e *Engine) values() values {
	if e.keys == nil {
		return values{}
	}
	return values{e.keys.index}
}

// overhead is by how many bytes a stored value is longer than the value.
func (v values) overhead() int {
	if v.key == nil {
		return 4
	}
	return chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
}

func place(p string, key []byte) []byte { return append(append([]byte(p), 0), key...) }

func (v values) close(p string, key, value []byte) []byte {
	if v.key != nil {
		return sealValue(v.key, place(p, key), value)
	}
	stored := make([]byte, 0, len(value)+4)
	stored = append(stored, value...)
	return binary.LittleEndian.AppendUint32(stored, valueSum(p, key, value))
}

func (v values) open(p string, key, stored []byte) ([]byte, error) {
	if v.key != nil {
		if plain, ok := openValue(v.key, place(p, key), stored); ok {
			return plain, nil
		}
	} else if n := len(stored) - 4; n >= 0 && binary.LittleEndian.Uint32(stored[n:]) == valueSum(p, key, stored[:n]) {
		return stored[:n:n], nil
	}
	return nil, fmt.Errorf("%w: a value in %s is not what was written", ErrDamaged, IndexName)
}

func valueSum(p string, key, value []byte) uint32 {
	sum := crc32.Checksum([]byte(p), castagnoli)
	return crc32.Update(crc32.Update(sum, castagnoli, key), castagnoli, value)
}
