package autodiscover

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"mailferry/ews/ewstest"
)

// world is a small internet on loopback: hosts with certificates behind one
// listener for https and one for http, and a DNS server. It writes down what was
// asked, and who got credentials.
type world struct {
	secure, plain map[string]http.Handler
	certs         map[string]string // what is wrong with a host's certificate: "name", "expired", "authority", "no TLS"
	roots         *x509.CertPool
	ca, other     *authority
	tlsAt, httpAt string
	dnsAt         string

	mu    sync.Mutex
	asked []string
}

func newWorld(t *testing.T, c situation) *world {
	t.Helper()
	w := &world{secure: c.https, plain: c.http, certs: c.certs, ca: newAuthority(t), other: newAuthority(t)}
	w.roots = x509.NewCertPool()
	w.roots.AddCert(w.ca.cert)
	w.tlsAt = w.serve(t, "https", w.secure, &tls.Config{GetCertificate: w.certificate})
	w.httpAt = w.serve(t, "http", w.plain, nil)
	w.dnsAt = serveDNS(t, c.srv)
	return w
}

func (w *world) serve(t *testing.T, scheme string, hosts map[string]http.Handler, conf *tls.Config) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	server := &http.Server{
		ErrorLog: log.New(io.Discard, "", 0), BaseContext: func(net.Listener) context.Context { return ctx },
		Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.note(r, scheme)
			h := hosts[r.Host]
			if h == nil {
				h = http.NotFoundHandler()
			}
			h.ServeHTTP(rw, r)
		}),
	}
	if conf != nil {
		listener = tls.NewListener(listener, conf)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		stop()
		_ = server.Close()
		<-done
	})
	return listener.Addr().String()
}

// note writes down a request as "POST https://host soap basic".
func (w *world) note(r *http.Request, scheme string) {
	what := r.URL.Path
	switch path := strings.ToLower(what); {
	case strings.HasPrefix(path, "/autodiscover/autodiscover.json"):
		what = "json"
	case path == "/autodiscover/autodiscover.svc":
		what = "soap"
	case path == "/autodiscover/autodiscover.xml":
		what = "pox"
	}
	line := fmt.Sprintf("%s %s://%s %s", r.Method, scheme, r.Host, what)
	if kind, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); kind != "" {
		line += " " + strings.ToLower(kind)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, line)
}

// transport reaches the hosts of the world, and no others.
func (w *world) transport() *http.Transport {
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: w.roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			at := ""
			switch {
			case w.plain[host] != nil && port == "80", w.certs[host] == "no TLS":
				at = w.httpAt
			case w.secure[host] != nil && port == "443", w.secure[addr] != nil:
				at = w.tlsAt
			case w.secure[host] != nil || w.plain[host] != nil:
				at = "127.0.0.1:1" // nobody listens there
			default:
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}
			return (&net.Dialer{}).DialContext(ctx, network, at)
		},
		DisableKeepAlives: true,
	}
}

// certificate makes one for the host that is asked for, or a wrong one.
func (w *world) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := hello.ServerName
	switch w.certs[host] {
	case "name":
		return w.ca.issue("other.example", 24*time.Hour)
	case "expired":
		return w.ca.issue(host, -time.Hour)
	case "authority":
		return w.other.issue(host, 24*time.Hour)
	}
	return w.ca.issue(host, 24*time.Hour)
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func (a *authority) issue(host string, good time.Duration) (*tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(good), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, a.key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}, nil
}

// serveDNS answers SRV questions as somebody else's DNS server would. A name that
// isn't there is NXDOMAIN; the record "silent" never gets an answer.
func serveDNS(t *testing.T, records map[string][]string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	server := &dns.Server{PacketConn: conn, NotifyStartedFunc: func() { close(ready) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		answer := new(dns.Msg)
		answer.SetReply(q)
		lines, ok := records[q.Question[0].Name]
		if !ok {
			answer.Rcode = dns.RcodeNameError
		}
		for _, line := range lines {
			if line == "silent" {
				return
			}
			rr, err := dns.NewRR(q.Question[0].Name + " 60 IN SRV " + line)
			if err != nil {
				panic(err)
			}
			answer.Answer = append(answer.Answer, rr)
		}
		_ = w.WriteMsg(answer)
	})}
	done := make(chan error, 1)
	go func() { done <- server.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() {
		_ = server.Shutdown()
		<-done
	})
	return conn.LocalAddr().String()
}

func resolverAt(addr string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", addr)
	}}
}

const mailURL = "https://mail.old.example/EWS/Exchange.asmx"

// exchange is a simulated server for the mailbox of alice.
func exchange(conf ewstest.Autodiscover) http.Handler {
	if conf.URL == "" {
		conf.URL = mailURL
	}
	s, err := ewstest.NewServer(ewstest.Options{
		Mailboxes: []ewstest.MailboxSpec{{Address: "alice@old.example"}, {Address: "alice@new.example"}},
		Auth:      []string{"basic"}, Users: []ewstest.User{{Name: "svc", Password: "Passw0rd!"}}, Autodiscover: conf,
	})
	if err != nil {
		panic(err)
	}
	return s
}

// withLogin is a server whose answers need a login.
func withLogin(kinds ...string) http.Handler {
	without := []string{"json", "soap", "pox"}
	for _, kind := range kinds {
		for i, w := range without {
			if w == kind {
				without = append(without[:i:i], without[i+1:]...)
				break
			}
		}
	}
	return exchange(ewstest.Autodiscover{Without: without})
}

func sendsTo(location string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	})
}

func says(kind, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, text)
	})
}

// silent never answers, as long as the client waits.
var silent = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
})

// trickling begins an answer that never ends.
var trickling = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/xml")
	_, _ = io.WriteString(w, "<?xml")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
})

// endless gives more than anybody wants.
var endless = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/xml")
	for block := strings.Repeat(" ", 64<<10); ; {
		if _, err := io.WriteString(w, block); err != nil {
			return
		}
	}
})
