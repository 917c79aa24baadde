package extract

import "time"

// Summary is the outcome of a run. Written + Already + Skipped + Failed + Left is
// Found; a run that was not cut short has Left 0.
type Summary struct {
	Format  string        `json:"format"`
	Folders int           `json:"folders"` // with items that were found
	Found   int           `json:"found"`   // items that were asked for
	Written int           `json:"written"` // items this run wrote
	Already int           `json:"already"` // items that were there before
	Skipped int           `json:"skipped"` // items that do not fit the format
	Failed  int           `json:"failed"`
	Left    int           `json:"left"`
	Files   int           `json:"files"` // this run wrote
	Bytes   int64         `json:"bytes"` // of the blobs of the items written
	Elapsed time.Duration `json:"elapsed_ns"`
}
