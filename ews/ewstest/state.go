package ewstest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"mailferry/ews/ewstest/mailbox"
	"mailferry/internal/atomicfile"
)

// restore takes the mailboxes of the state file, where there is one, in place
// of those that were filled. Mailboxes that the file does not have stay.
func (s *Server) restore() error {
	if s.opt.StateFile == "" {
		return nil
	}
	f, err := os.Open(s.opt.StateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the simulator's state: %w", err)
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for {
		if _, err := r.Peek(1); errors.Is(err, io.EOF) {
			return nil
		}
		m, err := mailbox.Restore(r, mailbox.Options{Lose: s.opt.Lose, LoseNames: s.opt.LoseNames, Version: s.blobVersion()})
		if err != nil {
			return fmt.Errorf("read the simulator's state %s: %w", s.opt.StateFile, err)
		}
		if b := s.box(m.Address()); b != nil {
			b.Box = boxOf(m)
		} else {
			s.boxes = append(s.boxes, &box{Box: boxOf(m), spec: MailboxSpec{Address: m.Address()}})
		}
	}
}

// save writes the state file.
func (s *Server) save() error {
	if s.opt.StateFile == "" {
		return nil
	}
	return atomicfile.WriteTo(s.opt.StateFile, 0o600, func(w io.Writer) error {
		for _, b := range s.boxes {
			if err := b.Save(w); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Server) blobVersion() [3]uint16 {
	return [3]uint16{uint16(s.version.Major), uint16(s.version.Minor), uint16(s.version.Build)}
}
