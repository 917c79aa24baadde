package ewstest

import (
	"errors"
	"net/http"
)

// Server is a running or not yet started Exchange simulator. It is safe for
// use by several goroutines.
type Server struct{ opt Options }

// NewServer prepares a server and fills its mailboxes.
func NewServer(o Options) (*Server, error) { return nil, errors.ErrUnsupported }

// Start listens on addr (for example "127.0.0.1:0") and serves until Close.
func (s *Server) Start(addr string) error { return errors.ErrUnsupported }

// URL returns the EWS address.
func (s *Server) URL() string { return s.BaseURL() + "/EWS/Exchange.asmx" }

// BaseURL returns the server's address without a path.
func (s *Server) BaseURL() string { return "" }

// CAPEM returns the certificate to trust in PEM form, nil without TLS.
func (s *Server) CAPEM() []byte { return nil }

// Close stops the server, cuts its connections and writes the state file.
func (s *Server) Close() error { return nil }

// ServeHTTP answers EWS requests and control requests.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// SetFaults replaces the faults and begins counting anew.
func (s *Server) SetFaults(faults []Fault) error { return nil }

// Stats returns what was counted so far.
func (s *Server) Stats() Stats { return Stats{} }

// Reset puts the mailboxes back to what they were filled with, takes the
// faults away and counts from zero.
func (s *Server) Reset() {}
