package segment

import (
	"fmt"

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
