package ewstest

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Autodiscover says how a server tells where it is. Nothing of it is needed: a
// server names its own address for its own mailboxes.
type Autodiscover struct {
	URL         string            // EWS address that is told; "" is the server's own
	RedirectTo  map[string]string // other addresses to look for, by address
	RedirectURL map[string]string // other places to ask, by address
	Without     []string          // of "json", "soap", "pox": what this server does not offer
}

const (
	nsDiscover  = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
	nsOutlook   = "http://schemas.microsoft.com/exchange/autodiscover/outlook/"
	discoverXML = `<?xml version="1.0" encoding="utf-8"?>`
)

// discovered is what is known of an address.
type discovered struct {
	there         bool
	url           string
	redirect, ask string // another address, another place to ask
}

func (s *Server) discover(address string) discovered {
	d := discovered{there: s.box(address) != nil, url: s.opt.Autodiscover.URL}
	if d.url == "" {
		d.url = s.URL()
	}
	lower := strings.ToLower(address)
	d.redirect, d.ask = s.opt.Autodiscover.RedirectTo[lower], s.opt.Autodiscover.RedirectURL[lower]
	return d
}

// serveAutodiscover answers below /autodiscover/. The JSON service is there since
// Exchange 2016 and wants no login.
func (s *Server) serveAutodiscover(w http.ResponseWriter, r *http.Request) {
	file := strings.ToLower(strings.TrimPrefix(strings.ToLower(r.URL.Path), "/autodiscover/"))
	kind := map[string]string{"autodiscover.svc": "soap", "autodiscover.xml": "pox"}[file]
	if file == "autodiscover.json" || strings.HasPrefix(file, "autodiscover.json/v1.0/") {
		kind = "json"
	}
	if kind == "" || slices.Contains(s.opt.Autodiscover.Without, kind) || kind == "json" && s.version.Major == 15 && s.version.Minor == 0 || kind == "json" && s.version.Major < 15 {
		htmlError(w, http.StatusNotFound, "The resource cannot be found.")
		return
	}
	defer s.stats.request("Autodiscover." + kind)()
	if kind == "json" {
		s.discoverJSON(w, r)
		return
	}
	user := s.authenticate(w, r, connOf(r))
	switch {
	case user == nil:
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusUnauthorized)
		return
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	if kind == "soap" {
		s.discoverSOAP(w, body)
		return
	}
	s.discoverPOX(w, body)
}

func (s *Server) discoverJSON(w http.ResponseWriter, r *http.Request) {
	address, _ := strings.CutPrefix(r.URL.Path[len("/autodiscover/autodiscover.json"):], "/v1.0/")
	if address == "" {
		address = r.URL.Query().Get("Email")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	protocol := r.URL.Query().Get("Protocol")
	if !strings.EqualFold(protocol, "EWS") {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{
			"ErrorCode": "InvalidProtocol", "ErrorMessage": fmt.Sprintf("The given protocol value %q is invalid.", protocol),
		})
		return
	}
	d := s.discover(address)
	if d.ask != "" {
		w.Header().Set("Location", d.ask)
		w.WriteHeader(http.StatusFound)
		return
	}
	// It does not look whether there is such a mailbox.
	_ = json.NewEncoder(w).Encode(map[string]string{"Protocol": "EWS", "Url": d.url})
}

func (s *Server) discoverSOAP(w http.ResponseWriter, body []byte) {
	var req struct {
		XMLName xml.Name
		Header  struct {
			Version string `xml:"http://schemas.microsoft.com/exchange/2010/Autodiscover RequestedServerVersion"`
			Action  string `xml:"http://www.w3.org/2005/08/addressing Action"`
		} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Header"`
		Body struct {
			Message *struct {
				Mailboxes []string `xml:"Request>Users>User>Mailbox"`
				Settings  []string `xml:"Request>RequestedSettings>Setting"`
			} `xml:"http://schemas.microsoft.com/exchange/2010/Autodiscover GetUserSettingsRequestMessage"`
		} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
	}
	err := xml.Unmarshal(body, &req)
	fault := ""
	switch {
	case err != nil || req.Body.Message == nil || len(req.Body.Message.Mailboxes) != 1:
		fault = "The request is not valid."
	case req.Header.Action != nsDiscover+"/Autodiscover/GetUserSettings":
		fault = "The action is not known."
	case !strings.HasPrefix(req.Header.Version, "Exchange20"):
		fault = "The RequestedServerVersion header is missing or invalid."
	}
	if fault != "" {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, `%s<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring xml:lang="en-US">%s</faultstring></s:Fault></s:Body></s:Envelope>`, discoverXML, fault)
		return
	}
	d := s.discover(req.Body.Message.Mailboxes[0])
	code, target := "NoError", ""
	switch {
	case d.redirect != "":
		code, target = "RedirectAddress", d.redirect
	case d.ask != "":
		code, target = "RedirectUrl", d.ask
	case !d.there:
		code = "InvalidUser"
	}
	var b strings.Builder
	v := s.version.Version
	fmt.Fprintf(&b, `%s<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header><a:Action s:mustUnderstand="1">%s/Autodiscover/GetUserSettingsResponse</a:Action>`, discoverXML, nsDiscover)
	fmt.Fprintf(&b, `<h:ServerVersionInfo xmlns:h="%s" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><h:MajorVersion>%d</h:MajorVersion><h:MinorVersion>%d</h:MinorVersion><h:MajorBuildNumber>%d</h:MajorBuildNumber><h:MinorBuildNumber>%d</h:MinorBuildNumber><h:Version>Exchange2015</h:Version></h:ServerVersionInfo></s:Header>`, nsDiscover, v.Major, v.Minor, v.Build, v.Revision)
	fmt.Fprintf(&b, `<s:Body><GetUserSettingsResponseMessage xmlns="%s"><Response xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses><UserResponse><ErrorCode>%s</ErrorCode><ErrorMessage>%s</ErrorMessage>`, nsDiscover, code, code)
	if target == "" {
		b.WriteString(`<RedirectTarget i:nil="true"/>`)
	} else {
		b.WriteString("<RedirectTarget>" + escaped(target) + "</RedirectTarget>")
	}
	b.WriteString("<UserSettingErrors/><UserSettings>")
	if code == "NoError" {
		for _, name := range []string{"InternalEwsUrl", "ExternalEwsUrl"} {
			if slices.Contains(req.Body.Message.Settings, name) {
				fmt.Fprintf(&b, `<UserSetting i:type="StringSetting"><Name>%s</Name><Value>%s</Value></UserSetting>`, name, escaped(d.url))
			}
		}
	}
	b.WriteString("</UserSettings></UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>")
	_, _ = io.WriteString(w, b.String())
}

func (s *Server) discoverPOX(w http.ResponseWriter, body []byte) {
	var req struct {
		XMLName xml.Name
		Request struct{ EMailAddress, AcceptableResponseSchema string }
	}
	head := discoverXML + `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">`
	err := xml.Unmarshal(body, &req)
	if err != nil || req.XMLName.Space != nsOutlook+"requestschema/2006" || req.Request.AcceptableResponseSchema != nsOutlook+"responseschema/2006a" {
		_, _ = io.WriteString(w, head+`<Response><Error Time="12:00:00.0000000" Id="1"><ErrorCode>600</ErrorCode><Message>Invalid Request</Message><DebugData/></Error></Response></Autodiscover>`)
		return
	}
	address := strings.TrimSpace(req.Request.EMailAddress)
	d := s.discover(address)
	account := ""
	switch {
	case d.redirect != "":
		account = "<Action>redirectAddr</Action><RedirectAddr>" + escaped(d.redirect) + "</RedirectAddr>"
	case d.ask != "":
		account = "<Action>redirectUrl</Action><RedirectUrl>" + escaped(d.ask) + "</RedirectUrl>"
	case !d.there:
		_, _ = io.WriteString(w, head+`<Response><Error Time="12:00:00.0000000" Id="1"><ErrorCode>500</ErrorCode><Message>The email address can't be found.</Message><DebugData/></Error></Response></Autodiscover>`)
		return
	default:
		account = "<AccountType>email</AccountType><Action>settings</Action>"
		for _, kind := range []string{"EXCH", "EXPR"} {
			account += "<Protocol><Type>" + kind + "</Type><Server>exch01</Server><ASUrl>" + escaped(d.url) + "</ASUrl><EwsUrl>" + escaped(d.url) + "</EwsUrl></Protocol>"
		}
	}
	fmt.Fprintf(w, `%s<Response xmlns="%sresponseschema/2006a"><User><DisplayName>%s</DisplayName><AutoDiscoverSMTPAddress>%[3]s</AutoDiscoverSMTPAddress></User><Account>%s</Account></Response></Autodiscover>`,
		head, nsOutlook, escaped(address), account)
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
