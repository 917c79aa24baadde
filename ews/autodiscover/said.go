package autodiscover

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/url"
	"strings"

	"mailferry/internal/soap"
)

// said is what an answer says, whatever its language.
type said struct {
	external, internal string // addresses of EWS
	address            string // look for this one instead
	redirect           string // ask there instead
	code, message      string // of a refusal
}

// best chooses the address of EWS: that for clients outside, if it is usable. The
// other one is returned beside it.
func (s said) best() (ewsURL, internal string) {
	switch {
	case usable(s.external):
		if usable(s.internal) && s.internal != s.external {
			internal = s.internal
		}
		return s.external, internal
	case usable(s.internal):
		return s.internal, ""
	}
	return "", ""
}

// usable says whether an address may get credentials: https, and nothing odd.
func usable(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && soap.OneLine(text) == text
}

// why says why there is no address.
func (s said) why() string {
	switch {
	case s.external != "" || s.internal != "":
		return "names an EWS address that is not https: not taken"
	case s.code != "":
		return soap.OneLine(strings.TrimSuffix("says "+s.code+": "+s.message, ": "))
	}
	return "names no EWS address"
}

var errLanguage = errors.New("another language")

// readJSON reads an answer of the JSON service.
func readJSON(body []byte) (said, error) {
	var a struct{ Protocol, URL, ErrorCode, ErrorMessage string } // spelled Url; case is no matter
	if err := json.Unmarshal(body, &a); err != nil {
		return said{}, err
	}
	if a.URL == "" && a.ErrorCode == "" {
		return said{}, errLanguage
	}
	return said{external: a.URL, code: a.ErrorCode, message: a.ErrorMessage}, nil
}

const (
	nsSOAP       = "http://schemas.xmlsoap.org/soap/envelope/"
	nsAddressing = "http://www.w3.org/2005/08/addressing"
	nsService    = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
	nsOutlook    = "http://schemas.microsoft.com/exchange/autodiscover/outlook/"
	soapAction   = nsService + "/Autodiscover/GetUserSettings"
)

// soapRequest writes GetUserSettings ([MS-OXWSADISC] 3.1.4.5).
func soapRequest(to, address string) string {
	var w soap.Writer
	w.Raw(`<?xml version="1.0" encoding="utf-8"?>` + "\n" + `<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:a="` + nsService + `" xmlns:wsa="` + nsAddressing + `">`)
	w.Open("s:Header")
	w.Element("a:RequestedServerVersion", "Exchange2010_SP1")
	w.Element("wsa:Action", soapAction)
	w.Element("wsa:To", to)
	w.Close("s:Header")
	w.Raw("<s:Body><a:GetUserSettingsRequestMessage><a:Request>")
	w.Raw("<a:Users><a:User>")
	w.Element("a:Mailbox", address)
	w.Raw("</a:User></a:Users><a:RequestedSettings>")
	w.Element("a:Setting", "ExternalEwsUrl")
	w.Element("a:Setting", "InternalEwsUrl")
	w.Raw("</a:RequestedSettings></a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>")
	return w.String()
}

type soapAnswer struct {
	XMLName xml.Name
	Body    struct {
		Fault *struct {
			Code   string `xml:"faultcode"`
			String string `xml:"faultstring"`
		}
		Message *struct {
			Response struct {
				ErrorCode, ErrorMessage string
				Users                   []soapUser `xml:"UserResponses>UserResponse"`
			}
		} `xml:"GetUserSettingsResponseMessage"`
	}
}

type soapUser struct {
	ErrorCode, ErrorMessage, RedirectTarget string
	Settings                                []struct{ Name, Value string } `xml:"UserSettings>UserSetting"`
}

func readSOAP(body []byte) (said, error) {
	var a soapAnswer
	if err := xml.Unmarshal(body, &a); err != nil {
		return said{}, err
	}
	if a.XMLName.Space != nsSOAP {
		return said{}, errLanguage
	}
	if f := a.Body.Fault; f != nil {
		return said{code: "fault", message: f.String}, nil
	}
	if a.Body.Message == nil {
		return said{}, errLanguage
	}
	var s said
	r := a.Body.Message.Response
	if r.ErrorCode != "" && r.ErrorCode != "NoError" || len(r.Users) == 0 {
		s.code, s.message = r.ErrorCode, r.ErrorMessage
		return s, nil
	}
	u := r.Users[0]
	switch u.ErrorCode {
	case "", "NoError":
	case "RedirectAddress":
		s.address = u.RedirectTarget
	case "RedirectUrl":
		s.redirect = u.RedirectTarget
	default:
		s.code, s.message = u.ErrorCode, u.ErrorMessage
	}
	for _, set := range u.Settings {
		switch set.Name {
		case "ExternalEwsUrl":
			s.external = set.Value
		case "InternalEwsUrl":
			s.internal = set.Value
		}
	}
	return s, nil
}

// poxRequest writes the plain XML request ([MS-OXDSCLI] 2.2.3).
func poxRequest(address string) string {
	var w soap.Writer
	w.Raw(`<?xml version="1.0" encoding="utf-8"?>` + "\n" + `<Autodiscover xmlns="` + nsOutlook + `requestschema/2006"><Request>`)
	w.Element("EMailAddress", address)
	w.Element("AcceptableResponseSchema", nsOutlook+"responseschema/2006a")
	w.Raw("</Request></Autodiscover>")
	return w.String()
}

type poxAnswer struct {
	XMLName  xml.Name
	Response struct {
		Account struct {
			Action       string
			RedirectAddr string
			RedirectURL  string        `xml:"RedirectUrl"`
			Protocols    []poxProtocol `xml:"Protocol"`
		}
		Error *struct{ ErrorCode, Message string }
	}
}

type poxProtocol struct {
	Type   string
	EwsURL string `xml:"EwsUrl"`
	ASURL  string `xml:"ASUrl"`
}

// url is the EWS address of a protocol: ASUrl is that of the availability service,
// which is the same one, on servers that write no EwsUrl.
func (p poxProtocol) url() string {
	if p.EwsURL != "" {
		return p.EwsURL
	}
	return p.ASURL
}

func readPOX(body []byte) (said, error) {
	var a poxAnswer
	if err := xml.Unmarshal(body, &a); err != nil {
		return said{}, err
	}
	if a.XMLName.Local != "Autodiscover" {
		return said{}, errLanguage
	}
	if e := a.Response.Error; e != nil {
		return said{code: "error " + e.ErrorCode, message: e.Message}, nil
	}
	account := a.Response.Account
	switch strings.ToLower(account.Action) {
	case "redirectaddr":
		return said{address: account.RedirectAddr}, nil
	case "redirecturl":
		return said{redirect: account.RedirectURL}, nil
	}
	var s said
	for _, p := range account.Protocols {
		switch strings.ToUpper(p.Type) {
		case "EXPR":
			s.external = p.url()
		case "EXCH":
			s.internal = p.url()
		}
	}
	return s, nil
}
