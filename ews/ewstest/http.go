package ewstest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"mailferry/ews/ewstest/schema"
	"mailferry/ews/ewstest/soap"
	"mailferry/ews/ewstest/wire"
)

// ServeHTTP answers EWS, Autodiscover and control requests. Paths are taken without
// regard to case, as IIS does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.ToLower(r.URL.Path)
	switch {
	case path == "/ews/exchange.asmx":
		s.serveEWS(w, r)
	case strings.HasPrefix(path, "/autodiscover/"):
		s.serveAutodiscover(w, r)
	case strings.HasPrefix(path, "/simulator/"):
		s.serveControl(w, r)
	default:
		htmlError(w, http.StatusNotFound, "The resource cannot be found.")
	}
}

func htmlError(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!DOCTYPE html>\r\n<html><head><title>%d - %s</title></head><body><h2>%s</h2></body></html>\r\n", status, http.StatusText(status), text)
}

func (s *Server) serveEWS(w http.ResponseWriter, r *http.Request) {
	n := s.requests.Add(1)
	h := w.Header()
	h.Set("request-id", strings.ToLower(rand.Text()))
	h.Set("X-FEServer", "EXCH01")
	if s.opt.ClockSkew != 0 {
		h.Set("Date", time.Now().Add(s.opt.ClockSkew).UTC().Format(http.TimeFormat))
	}
	h.Add("Set-Cookie", "exchangecookie=5a31; path=/; HttpOnly")
	h.Set("X-CalculatedBETarget", "exch01.example.test")
	if id := r.Header.Get("client-request-id"); id != "" && strings.EqualFold(r.Header.Get("return-client-request-id"), "true") {
		h.Set("client-request-id", id)
	}
	body := &wire.Reader{Context: r.Context(), From: r.Body, Bandwidth: s.opt.Bandwidth, Began: time.Now()}
	defer func() { s.stats.do(func(st *Stats) { st.BytesIn += body.N }) }()
	c := connOf(r)
	user := s.authenticate(w, r, c)
	if user == nil {
		_, _ = io.Copy(io.Discard, body)
		s.stats.do(func(st *Stats) { st.UnauthenticatedBodyBytes += body.N })
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch r.Method {
	case http.MethodPost:
	case http.MethodGet, http.MethodHead:
		htmlError(w, http.StatusOK, "You have created a service.")
		return
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	limit := s.policy().MaxRequest()
	if limit > 0 && r.ContentLength > limit {
		refuseBody(w, body)
		return
	}
	if r.ContentLength != 0 {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "text/xml" {
			_, _ = io.Copy(io.Discard, body)
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return
		}
	}
	body.Limit = max(limit, 0)
	call := &call{s: s, r: r, w: w, user: user, conn: c, sent: body.Began}
	call.wire = &wire.Writer{
		Context: r.Context(), To: w, Status: http.StatusOK, Bandwidth: s.opt.Bandwidth,
		Count: func(n int) { s.stats.do(func(st *Stats) { st.BytesOut += int64(n) }) },
		Gzip: slices.ContainsFunc(strings.Split(r.Header.Get("Accept-Encoding"), ","), func(e string) bool {
			e, q, _ := strings.Cut(e, ";")
			return strings.TrimSpace(e) == "gzip" && strings.TrimSpace(q) != "q=0"
		}),
	}
	call.Names = s.version.Major >= 15
	call.Out = soap.NewWriter(call.wire, soap.Styles[n%uint64(len(soap.Styles))], s.version.Version)
	req, err := schema.Read(body, call.readData)
	var bad *schema.Violation
	switch {
	case body.Over:
		refuseBody(w, body)
		return
	case errors.As(err, &bad):
		s.stats.do(func(st *Stats) { st.Refused++ })
		s.log("request refused", "line", bad.Line, "position", bad.Position, "code", bad.Code)
		call.fault(violation(bad))
		return
	case err != nil:
		wire.Cut() // the client went away in the middle of its request
	}
	_, _ = io.Copy(io.Discard, body)
	call.req = req
	call.op = strings.TrimPrefix(req.Operation.Name, "m:")
	call.serve()
}

func refuseBody(w http.ResponseWriter, body *wire.Reader) {
	// IIS answers without reading on. A client that is still sending would
	// lose the answer, so a little is taken off the wire.
	_, _ = io.CopyN(io.Discard, body.From, 1<<20)
	w.Header().Set("Connection", "close")
	htmlError(w, http.StatusRequestEntityTooLarge, "The page was not displayed because the request entity is too large.")
}

func violation(v *schema.Violation) *soap.Error {
	switch v.Code {
	case "ErrorSchemaValidation":
		return &soap.Error{
			Code: v.Code, Text: "The request failed schema validation: " + v.Text,
			Elements: [][2]string{{"LineNumber", itoa(v.Line)}, {"LinePosition", itoa(v.Position)}, {"Violation", v.Text}},
		}
	default:
		return soap.Fail(v.Code, "The request is invalid: "+v.Text)
	}
}
