package store

import (
	"encoding/json"

	"mailferry/store/engine"
)

// In an encrypted store, mail content in values of the index is sealed with the
// content key, beside what a run without that key has to know: ids, sizes,
// hashes, times. Such a run carries sealed content along unread.

// seal seals content of the row that where names, or returns nil in a store
// that is not encrypted.
func (s *Store) seal(where string, content any) ([]byte, error) {
	if !s.e.Encrypted() {
		return nil, nil
	}
	js, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	return s.e.SealContent(where, js)
}

// unseal opens what seal sealed into content. It reports false where the key is not at hand.
func (s *Store) unseal(where string, sealed []byte, content any) (bool, error) {
	js, err := s.e.OpenContent(where, sealed)
	if js == nil || err != nil {
		return false, err
	}
	return true, decodeJSON(js, content)
}

// folderJSON is a folder in the index.
type folderJSON struct {
	Folder
	Sealed []byte `json:"sealed,omitempty"`
}

type folderContent struct{ Path, Name string }

func (s *Store) encodeFolder(f Folder) (js folderJSON, err error) {
	js.Folder = f
	if !s.e.Encrypted() {
		return js, nil
	}
	js.Path, js.Name = "", ""
	if f.sealed != "" && f.Path == "" && f.Name == "" {
		js.Sealed = []byte(f.sealed)
		return js, nil
	}
	js.Sealed, err = s.seal(engine.Path("folder", f.ID), folderContent{f.Path, f.Name})
	return js, err
}

func (s *Store) decodeFolder(v []byte) (Folder, error) {
	var js folderJSON
	if err := decodeJSON(v, &js); err != nil || js.Sealed == nil {
		return js.Folder, err
	}
	var c folderContent
	open, err := s.unseal(engine.Path("folder", js.ID), js.Sealed, &c)
	js.Path, js.Name = c.Path, c.Name
	if !open {
		js.sealed = string(js.Sealed)
	}
	return js.Folder, err
}

// failureJSON is a failure in the index.
type failureJSON struct {
	Failure
	Sealed []byte `json:"sealed,omitempty"`
}

type failureContent struct{ FolderPath, Subject, Text, AcceptedReason string }

func (f *Failure) content() failureContent {
	return failureContent{f.FolderPath, f.Subject, f.Text, f.AcceptedReason}
}

func (f *Failure) setContent(c failureContent) {
	f.FolderPath, f.Subject, f.Text, f.AcceptedReason = c.FolderPath, c.Subject, c.Text, c.AcceptedReason
}

func (s *Store) encodeFailure(f Failure) (js failureJSON, err error) {
	js.Failure = f
	if !s.e.Encrypted() {
		return js, nil
	}
	js.setContent(failureContent{})
	if f.sealed != "" && f.Subject == "" {
		js.Sealed = []byte(f.sealed)
		return js, nil
	}
	js.Sealed, err = s.seal(engine.Path("failure", f.ItemID), f.content())
	return js, err
}

func (s *Store) decodeFailure(v []byte) (Failure, error) {
	var js failureJSON
	if err := decodeJSON(v, &js); err != nil || js.Sealed == nil {
		return js.Failure, err
	}
	var c failureContent
	open, err := s.unseal(engine.Path("failure", js.ItemID), js.Sealed, &c)
	js.setContent(c)
	if !open {
		js.sealed = string(js.Sealed)
	}
	return js.Failure, err
}

func (t *tx) putFailure(key []byte, f Failure) error {
	js, err := t.s.encodeFailure(f)
	if err != nil {
		return err
	}
	return t.putJSON(bucketFailures, key, js)
}

func (t *tx) getFailure(key []byte) (f Failure, found bool, err error) {
	v, err := t.Get(bucketFailures, key)
	if v == nil || err != nil {
		return f, false, err
	}
	f, err = t.s.decodeFailure(v)
	return f, err == nil, err
}
