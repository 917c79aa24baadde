package export

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"mailferry/ews"
	"mailferry/store"
)

// A folder in which nothing happened since its changes were last read need not
// be asked for them: the list of folders tells. Two things keep this honest.
// Servers tell the time of the last commit in whole seconds, so a folder that
// was written to just now is never taken for unchanged; and no listing is
// trusted for more than a day.
const (
	quietFor   = 5 * time.Minute // more than clocks of one Exchange organisation differ
	trustedFor = 24 * time.Hour
)

// look is what the list of folders told of one, and when. The zero look tells
// nothing.
type look struct {
	print uint64 // of all that changes when something in the folder does
	at    int64  // when it was read, Unix seconds, our clock
}

// lookAt returns what a listing that began at a time tells of a folder; nothing
// where the server leaves out the time of the last commit, or that is so recent
// that more may come with the same.
func lookAt(f ews.Folder, began time.Time, skew time.Duration) look {
	if f.LastCommit.IsZero() || began.Add(skew).Sub(f.LastCommit) < quietFor {
		return look{}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(f.ID + "\x00" + f.ChangeKey))
	for _, n := range []int64{f.LastCommit.Unix(), f.Deleted, int64(f.Total), f.Associated, int64(f.Unread)} {
		_, _ = h.Write([]byte("\x00" + strconv.FormatInt(n, 10)))
	}
	return look{print: max(h.Sum64(), 1), at: began.Unix()}
}

// same says that a listing now tells what one told then, not too long ago.
func (l look) same(then look) bool {
	age := time.Duration(l.at-then.at) * time.Second
	return l.print != 0 && l.print == then.print && 0 <= age && age < trustedFor
}

func (l look) String() string {
	if l.print == 0 {
		return ""
	}
	return "@" + strconv.FormatUint(l.print, 10) + "." + strconv.FormatInt(l.at, 10)
}

func parseLook(text string) look {
	left, right, _ := strings.Cut(text, ".")
	first, err := strconv.ParseUint(left, 10, 64)
	at, err2 := strconv.ParseInt(right, 10, 64)
	if err != nil || err2 != nil {
		return look{}
	}
	return look{first, at}
}

// unchanged says that the store knows all changes of a folder.
func (r *run) unchanged(f *folder, m mark) bool {
	return !r.o.EveryFolder && !m.find && !m.resync && f.Root != store.Public &&
		(m.associated || !r.o.Associated) && f.look.same(m.look)
}
