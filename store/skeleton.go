package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"mailferry/internal/fault"
)

var errSkeleton = errors.New("the store is being built")

// Options are the choices that are made once, when a store is made.
type Options struct {
	SegmentSize int64 // a segment is closed once it has this many bytes; 0: 256 MiB
}

// OpenOptions say how to open a store.
type OpenOptions struct {
	ReadOnly    bool          // several processes may read at once, while none writes
	Create      bool          // make the store if the folder is missing or empty
	Rebuild     bool          // make index.db anew from the segments
	LockTimeout time.Duration // how long to wait for another process to end; 0: not at all
	Files       fault.FS      // nil: the disk. Tests put a faulty layer here
}

// Init makes a store in dir, which must be missing or empty.
func Init(dir string, o Options) error { return errSkeleton }

// Open opens the store in dir. What a crash left behind the last commit is read
// again: whole records count, a torn one is cut off.
func Open(dir string, o OpenOptions) (*Store, error) { return nil, errSkeleton }

// Store is an open store.
type Store struct{}

// Close ends what is under way and closes the store. Writers must be closed before.
func (s *Store) Close() error { return errSkeleton }

// Dir returns the folder of the store.
func (s *Store) Dir() string { return "" }

// Mailboxes returns the mailboxes in the store, by address.
func (s *Store) Mailboxes() ([]Mailbox, error) { return nil, errSkeleton }

// PutMailbox adds or replaces a mailbox. FirstRun is kept once it is set.
func (s *Store) PutMailbox(m Mailbox) error { return errSkeleton }

// PutFolders adds or replaces folders of a mailbox; others stay as they are.
func (s *Store) PutFolders(ctx context.Context, mailbox string, folders []Folder) error {
	return errSkeleton
}

// Folders returns the folders of a mailbox, by path.
func (s *Store) Folders(mailbox string) ([]Folder, error) { return nil, errSkeleton }

// ApplyChanges writes down, in one transaction, one page of changes of a folder
// and the sync state that comes after it: what is to be fetched becomes pending, what was
// deleted is marked. An Upsert whose item id and change key are already stored
// is not pending.
func (s *Store) ApplyChanges(ctx context.Context, mailbox, folderID string, changes []Change, syncState string) error {
	return errSkeleton
}

// SyncState returns the last sync state of a folder, or "" when there is none.
func (s *Store) SyncState(mailbox, folderID string) (string, error) { return "", errSkeleton }

// Pending yields what is to be exported of a folder, in no particular order.
func (s *Store) Pending(mailbox, folderID string) iter.Seq2[Pending, error] { return nil }

// PendingCount counts what is to be exported of a mailbox.
func (s *Store) PendingCount(mailbox string) (items int, bytes int64, err error) {
	return 0, 0, errSkeleton
}

// DropPending removes pending rows without an item: it is gone at the source, or
// was given up and recorded as a failure.
func (s *Store) DropPending(ctx context.Context, keys ...ItemKey) error { return errSkeleton }

// Items yields the current items of a folder, also those deleted since, in the
// order in which they were committed.
func (s *Store) Items(mailbox, folderID string) iter.Seq2[Item, error] { return nil }

// Item returns the current version of an item.
func (s *Store) Item(mailbox, id string) (Item, bool, error) { return Item{}, false, errSkeleton }

// OldVersions yields the versions of items that a newer one superseded.
func (s *Store) OldVersions(mailbox string) iter.Seq2[Item, error] { return nil }

// CountItems counts the current items of a mailbox by folder id, without those
// deleted since.
func (s *Store) CountItems(mailbox string) (map[string]Count, error) { return nil, errSkeleton }

// OpenBlob opens the blob of an item. The last Read returns ErrDamaged instead
// of io.EOF when the blob is not what was written.
func (s *Store) OpenBlob(it Item) (io.ReadCloser, error) { return nil, errSkeleton }

// NewWriter returns a writer for one goroutine.
func (s *Store) NewWriter() (*Writer, error) { return nil, errSkeleton }

// Writer writes blobs to a segment of its own, so that several writers don't
// wait for each other. It is used by one goroutine.
type Writer struct{}

// Begin begins the record of one item. The blob before must be finished or aborted.
func (w *Writer) Begin(key ItemKey) (*Blob, error) { return nil, errSkeleton }

// Discard gives up what was staged and is not to be committed.
func (w *Writer) Discard(staged ...*Staged) {}

// Close gives the segment back. A blob under way is aborted; what is staged can
// still be committed.
func (w *Writer) Close() error { return errSkeleton }

// Blob is a record being written.
type Blob struct{}

// Write adds bytes of the blob.
func (b *Blob) Write(p []byte) (int, error) { return 0, errSkeleton }

// Size returns how many bytes were written.
func (b *Blob) Size() int64 { return 0 }

// Abort cuts the record off again. After Finish or Abort it does nothing.
func (b *Blob) Abort() {}

// Finish ends the record. What it returns is complete in the segment, and not
// believed until it is committed.
func (b *Blob) Finish(e Entry) (*Staged, error) { return nil, errSkeleton }

// Staged is an item whose record is complete and not yet committed.
type Staged struct{}

// Key returns the key of the item.
func (st *Staged) Key() ItemKey { return ItemKey{} }

// Size returns the bytes of the blob.
func (st *Staged) Size() int64 { return 0 }

// SHA256 returns the hash of the blob.
func (st *Staged) SHA256() [32]byte { return [32]byte{} }

// Commit makes staged items part of the store and returns when that is durable.
// Concurrent calls share one group. The pending row of an item is removed if it
// has the same change key (so pass to Begin the key that was asked for, not the
// one that was answered). When ctx ends before the commit was begun, nothing
// happens; once begun it is finished.
func (s *Store) Commit(ctx context.Context, staged []*Staged) error { return errSkeleton }

// Journal returns the journal of a target: "user@domain" or "user@domain/into".
func (s *Store) Journal(target string) (*Journal, error) { return nil, errSkeleton }

// Journal writes down what was given to one target.
type Journal struct{}

// Get returns the entry of an item.
func (j *Journal) Get(mailbox, itemID string) (JournalEntry, bool, error) {
	return JournalEntry{}, false, errSkeleton
}

// Intend writes down, durably, that the items are about to be sent: their state
// becomes StateSent. Entries without a batch number get one, the same for all.
// An item that is StateSent already gives ErrUnsettled, and nothing is written.
func (j *Journal) Intend(ctx context.Context, entries []JournalEntry) error { return errSkeleton }

// Settle writes down what became of items: StateDone, StateFailed or StatePending.
func (j *Journal) Settle(ctx context.Context, entries []JournalEntry) error { return errSkeleton }

// Unsettled yields the entries in StateSent.
func (j *Journal) Unsettled() iter.Seq2[JournalEntry, error] { return nil }

// All yields all entries.
func (j *Journal) All() iter.Seq2[JournalEntry, error] { return nil }

// PutBaseline keeps the baseline of a target folder, if there is none yet.
func (j *Journal) PutBaseline(ctx context.Context, b FolderBaseline) error { return errSkeleton }

// Baseline returns the baseline of a target folder.
func (j *Journal) Baseline(folderID string) (FolderBaseline, bool, error) {
	return FolderBaseline{}, false, errSkeleton
}

// RecordFailure adds a failure, or another attempt to the one with the same key.
// Who accepted it with the same code need not accept it again.
func (s *Store) RecordFailure(ctx context.Context, f Failure) error { return errSkeleton }

// ClearFailure removes a failure: the item was moved after all. A missing one is no error.
func (s *Store) ClearFailure(ctx context.Context, keys ...FailureKey) error { return errSkeleton }

// AcceptFailure writes down that a person accepts a failure, and why.
func (s *Store) AcceptFailure(ctx context.Context, key FailureKey, reason string) error {
	return errSkeleton
}

// Failures yields the failures that the filter chooses.
func (s *Store) Failures(f FailureFilter) iter.Seq2[Failure, error] { return nil }

// BeginRun writes down that a run begins and returns its number.
func (s *Store) BeginRun(ctx context.Context, kind, mailbox, target string) (uint64, error) {
	return 0, errSkeleton
}

// EndRun writes down that a run ended; summary is kept as JSON.
func (s *Store) EndRun(ctx context.Context, id uint64, summary any) error { return errSkeleton }

// Runs yields all runs, oldest first.
func (s *Store) Runs() iter.Seq2[Run, error] { return nil }

// SetStatus writes status.json for other processes to read while the store is
// locked. It must hold no mail content.
func (s *Store) SetStatus(status any) error { return errSkeleton }

// CheckOptions say how thorough a check is.
type CheckOptions struct {
	ReadData bool    // read all bytes, check every hash, parse every blob
	Sample   float64 // without ReadData: read this fraction of the blobs (0 to 1)
}

// Damage is one thing that is not as it should be.
type Damage struct {
	File string `json:"file"`           // relative to the store
	Item string `json:"item,omitempty"` // item id, where one is concerned
	Text string `json:"text"`
}

// CheckReport is the outcome of a check.
type CheckReport struct {
	Items    int      `json:"items"`
	Blobs    int      `json:"blobs"`
	Segments int      `json:"segments"`
	Read     int64    `json:"read"`    // bytes of blobs that were read and hashed
	Suspect  int      `json:"suspect"` // blobs that are as they came, and were not understood
	Damage   []Damage `json:"damage"`  // the first 1000
	Damaged  int      `json:"damaged"` // all
}

// OK says that nothing is damaged.
func (r CheckReport) OK() bool { return r.Damaged == 0 }

// Check compares the index with the segments.
func (s *Store) Check(ctx context.Context, o CheckOptions) (CheckReport, error) {
	return CheckReport{}, errSkeleton
}

// Stats are the sizes of a store.
type Stats struct {
	Mailboxes    int   `json:"mailboxes"`
	Folders      int   `json:"folders"`
	Items        int   `json:"items"`   // current, not deleted at the source
	Deleted      int   `json:"deleted"` // deleted at the source since
	Old          int   `json:"old"`     // superseded versions
	Pending      int   `json:"pending"`
	Blobs        int   `json:"blobs"`
	ItemBytes    int64 `json:"item_bytes"`    // what the items would take without sharing blobs
	BlobBytes    int64 `json:"blob_bytes"`    // plain bytes of the distinct blobs
	StoredBytes  int64 `json:"stored_bytes"`  // what they take in the segments
	Segments     int   `json:"segments"`
	SegmentBytes int64 `json:"segment_bytes"`
	IndexBytes   int64 `json:"index_bytes"`
}

// Stats counts.
func (s *Store) Stats() (Stats, error) { return Stats{}, errSkeleton }
