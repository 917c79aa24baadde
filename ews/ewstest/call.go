package ewstest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"mailferry/ews/ewstest/schema"
	"mailferry/ews/ewstest/shape"
	"mailferry/ews/ewstest/soap"
	"mailferry/ews/ewstest/wire"
)

// call is one EWS request while it is served.
type call struct {
	shape.Writer
	s        *Server
	r        *http.Request
	w        http.ResponseWriter
	wire     *wire.Writer
	user     *User
	conn     *conn
	req      *schema.Request
	op       string
	as       *box // the impersonated mailbox, nil without impersonation
	faults   map[string]*Fault
	afterXML string    // stands behind the answer
	sent     time.Time // when the request began to arrive
	start    time.Time
}

var operations = map[string]func(*call) *soap.Error{
	"ConvertId":           (*call).convertID,
	"CreateFolder":        (*call).createFolder,
	"DeleteItem":          (*call).deleteItem,
	"ExportItems":         (*call).exportItems,
	"FindFolder":          (*call).findFolder,
	"FindItem":            (*call).findItem,
	"GetFolder":           (*call).getFolder,
	"GetItem":             (*call).getItem,
	"MoveItem":            (*call).moveItem,
	"ResolveNames":        (*call).resolveNames,
	"SyncFolderHierarchy": (*call).syncFolderHierarchy,
	"SyncFolderItems":     (*call).syncFolderItems,
	"UploadItems":         (*call).uploadItems,
}

// serve answers a request that passed the schema check.
func (c *call) serve() {
	c.start = time.Now()
	defer c.s.stats.request(c.op)()
	if err := c.admit(); err != nil {
		c.fault(err)
		return
	}
	key := "user " + strings.ToLower(c.user.Name)
	if c.as != nil {
		key = "mailbox " + c.as.Address()
	}
	t := c.s.throttle.Load()
	pass, early, busy := t.Enter(key, c.op, c.sent)
	if early {
		c.s.stats.do(func(st *Stats) { st.BusyEarly++ })
	}
	if busy != nil {
		c.fault(busy.Error)
		busy.Told()
		return
	}
	defer pass.Leave()
	wire.Pause(c.r.Context(), c.s.opt.Latency)
	c.faults = c.s.faults.Load().Request(c.op)
	c.wire.Faults = c.faults
	c.Packed = c.faults["reencode-ids"] != nil
	if c.httpFault() {
		return
	}
	for _, kind := range []string{"busy", "busy-zero"} {
		if f := c.faults[kind]; f != nil {
			busy := t.AskToWait(key, time.Duration(f.BackOff())*time.Millisecond)
			c.fault(busy.Error)
			busy.Told()
			return
		}
	}
	if err := operations[c.op](c); err != nil {
		c.fault(err)
		return
	}
	c.end()
	c.s.log("served", "op", c.op, "ms", time.Since(c.start).Milliseconds(), "bytes", c.wire.Sent)
}

// admit checks the headers.
func (c *call) admit() *soap.Error {
	if slices.Contains(c.s.opt.Without, c.op) {
		return soap.Fail("ErrorInvalidRequest", "The request is invalid: the operation "+c.op+" is not known.")
	}
	version := 0 // without a header a client of Exchange 2007 is speaking
	if h := c.req.Header("t:RequestServerVersion"); h != nil {
		version = versionIndex(h.Value("Version"))
		if version < 0 || version > c.s.version.newest {
			return soap.Fail("ErrorInvalidServerVersion", "The specified server version is invalid.")
		}
	}
	if (c.op == "ExportItems" || c.op == "UploadItems") && version < firstWithTransfer {
		return soap.Fail("ErrorIncorrectSchemaVersion", "The operation "+c.op+" needs the request version Exchange2010_SP1 or later.")
	}
	h := c.req.Header("t:ExchangeImpersonation")
	if h == nil {
		return nil
	}
	sid := h.Child("t:ConnectingSID")
	if len(sid.Children) == 0 || strings.TrimSpace(sid.Children[0].Text) == "" {
		return soap.Fail("ErrorInvalidExchangeImpersonationHeaderData", "ExchangeImpersonation SOAP header must have a user principal name (UPN), a security identifier (SID) or an address.")
	}
	address := strings.TrimSpace(sid.Children[0].Text)
	if strings.HasSuffix(sid.Children[0].Name, "SmtpAddress") && !strings.Contains(address, "@") {
		return soap.Fail("ErrorInvalidSmtpAddress", "The SMTP address format is invalid.")
	}
	b := c.s.box(address)
	if b == nil {
		return soap.Fail("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
	}
	if !c.s.impersonates(c.user, b) {
		return soap.Fail("ErrorImpersonateUserDenied", "The account does not have permission to impersonate the requested user.")
	}
	c.as = b
	return nil
}

// fault answers with a SOAP fault.
func (c *call) fault(err *soap.Error) {
	if err.Code == "ErrorServerBusy" {
		c.s.stats.do(func(st *Stats) { st.Busy++ })
	}
	c.s.log("fault", "op", c.op, "code", err.Code)
	c.wire.Status = http.StatusInternalServerError
	if c.wire.Started {
		wire.Cut()
	}
	out := soap.NewWriter(c.wire, c.Out.Style(), c.s.version.Version)
	_ = out.Fault(err)
	c.wire.Finish()
}

// end finishes an answer.
func (c *call) end() {
	if c.faults["huge-response"] != nil {
		c.endless()
	}
	if err := c.Out.Finish(); err != nil {
		return
	}
	if f := c.trailing(); f != "" {
		_, _ = c.wire.Write([]byte(f))
	}
	c.wire.Finish()
}

// endless goes on with white space until the client has had enough.
func (c *call) endless() {
	blank := strings.Repeat(" ", 64<<10)
	limit := int64(1) << 40
	if f := c.faults["huge-response"]; f.After > 0 {
		limit = f.After
	}
	for n := int64(0); n < limit; n += int64(len(blank)) {
		if _, err := c.Out.W.WriteString(blank); err != nil {
			return
		}
	}
}

// httpFault does the faults that need no EWS, and says whether one did.
func (c *call) httpFault() bool {
	h := c.w.Header()
	switch {
	case c.faults["drop-before"] != nil:
		wire.Cut()
	case c.faults["http-401"] != nil:
		c.conn.forget()
		if c.s.allows("ntlm") {
			h.Add("WWW-Authenticate", "NTLM")
		}
		if c.s.allows("basic") {
			h.Add("WWW-Authenticate", `Basic realm="simulator"`)
		}
		c.w.WriteHeader(http.StatusUnauthorized)
	case c.faults["http-503"] != nil:
		f := c.faults["http-503"]
		status := http.StatusServiceUnavailable
		if f.Status != 0 {
			status = f.Status
		}
		if f.BackOffMS > 0 {
			h.Set("Retry-After", itoa((f.BackOffMS+999)/1000))
		}
		htmlError(c.w, status, "Server Error in '/EWS' Application.")
	case c.faults["http-302-error-page"] != nil:
		h.Set("Location", "/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx")
		htmlError(c.w, http.StatusFound, "Object moved")
	case c.faults["http-413"] != nil:
		htmlError(c.w, http.StatusRequestEntityTooLarge, "The page was not displayed because the request entity is too large.")
	case c.faults["wrong-content-type"] != nil:
		htmlError(c.w, http.StatusOK, "Sign in to continue.")
	case c.faults["gzip-garbage"] != nil:
		h.Set("Content-Encoding", "gzip")
		h.Set("Content-Type", "text/xml; charset=utf-8")
		_, _ = c.w.Write([]byte("\x1f\x8bthis is not what it says it is"))
	default:
		return false
	}
	return true
}
