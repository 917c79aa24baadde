package segment

import (
	"fmt"
	"io"

	"mailferry/internal/fault"
)

// Copy appends a whole record of another segment as it is. It was checked
// before: what is copied is not.
func (f *File) Copy(src fault.File, loc Location) (Location, error) {
	if f.broken {
		return Location{}, fmt.Errorf("%s can't be written to any more", Name(f.Number))
	}
	buf := make([]byte, min(loc.Length, ChunkSize))
	for done := int64(0); done < loc.Length; {
		n := min(int64(len(buf)), loc.Length-done)
		if _, err := src.ReadAt(buf[:n], loc.Offset+done); err != nil {
			return Location{}, err
		}
		if _, err := f.f.WriteAt(buf[:n], f.off+done); err != nil {
			f.Cut(f.off)
			return Location{}, err
		}
		done += n
	}
	to := Location{Segment: f.Number, Offset: f.off, Length: loc.Length, End: loc.End}
	f.off += loc.Length
	return to, nil
}

// Skim calls fn for each record between from and to, believing what their heads
// say: nothing is read between them and nothing checked.
func Skim(src io.ReaderAt, from, to int64, fn func(kind Kind, at, length int64)) error {
	for at := from; at < to; {
		var b [recordHeaderSize]byte
		if _, err := src.ReadAt(b[:], at); err != nil {
			return skimError(at, err)
		}
		h, ok := decodeRecordHeader(b[:])
		if !ok {
			return damaged(at, "no record where one should begin")
		}
		end := at + recordHeaderSize
		for kind := byte(0); kind != frameEnd; {
			var f [frameHeaderSize]byte
			if _, err := src.ReadAt(f[:], end); err != nil {
				return skimError(at, err)
			}
			head := decodeFrameHeader(f[:])
			kind, end = head.kind, end+frameHeaderSize+int64(head.stored)
			if kind < frameMeta || kind > frameEnd || end > to {
				return damaged(at, "a record that is cut off")
			}
		}
		fn(h.kind, at, end-at)
		at = end
	}
	return nil
}

func skimError(at int64, err error) error {
	if isEOF(err) {
		return damaged(at, "a record that is cut off")
	}
	return err
}
