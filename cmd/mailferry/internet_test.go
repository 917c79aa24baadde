package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"
)

// scriptInternet gives hosts a place, by a proxy that the program finds in its
// environment and a DNS server for SRV records.
//
//	internet HOST=SERVER           https to HOST is the simulated server SERVER
//	internet http:HOST=LOCATION    http to HOST is a redirect to LOCATION
//	internet srv:DOMAIN=TARGET     the SRV record of Autodiscover of DOMAIN
//
// Other hosts don't exist. $DNS is the DNS server. The file asked, written by the
// command asked, lists the hosts that were connected to.
func scriptInternet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: internet [http:|srv:]HOST=PLACE...")
	}
	in := &internet{servers: map[string]string{}, redirects: map[string]string{}, records: map[string]string{}}
	for _, arg := range args {
		name, place, ok := strings.Cut(arg, "=")
		if !ok {
			ts.Fatalf("internet: %s is no NAME=PLACE", arg)
		}
		switch kind, rest, _ := strings.Cut(name, ":"); {
		case kind == "http":
			in.redirects[rest] = place
		case kind == "srv":
			in.records["_autodiscover._tcp."+rest+"."] = place
		default:
			u, err := url.Parse(scriptServerOf(ts, place).URL())
			ts.Check(err)
			in.servers[name] = u.Host
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ctx, stop := context.WithCancel(context.Background())
	server := &http.Server{Handler: in, BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() { _ = server.Serve(listener) }()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	ts.Check(err)
	names := &dns.Server{PacketConn: packets, Handler: in}
	ready := make(chan struct{})
	names.NotifyStartedFunc = func() { close(ready) }
	go func() { _ = names.ActivateAndServe() }()
	<-ready
	ts.Defer(func() {
		stop()
		_ = server.Close()
		_ = names.Shutdown()
	})
	proxy := "http://" + listener.Addr().String()
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		ts.Setenv(name, proxy)
	}
	ts.Setenv("DNS", packets.LocalAddr().String())
	ts.Setenv("PROXY", proxy)
	scriptInternets(ts)["in"] = in
}

type internetKey struct{}

func scriptInternets(ts *testscript.TestScript) map[string]*internet {
	return ts.Value(internetKey{}).(map[string]*internet)
}

// scriptAsked writes the file asked, and forgets what was asked.
func scriptAsked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: asked")
	}
	in := scriptInternets(ts)["in"]
	in.mu.Lock()
	defer in.mu.Unlock()
	ts.Check(os.WriteFile(ts.MkAbs("asked"), []byte(strings.Join(in.asked, "\n")+"\n"), 0o600))
	in.asked = nil
}

// internet is the proxy and the DNS server.
type internet struct {
	servers, redirects, records map[string]string

	mu    sync.Mutex
	asked []string
}

func (in *internet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.URL.Hostname()
	if r.Method == http.MethodConnect {
		host, _, _ = net.SplitHostPort(r.Host)
	}
	in.mu.Lock()
	in.asked = append(in.asked, strings.ToLower(r.Method)+" "+host)
	in.mu.Unlock()
	if r.Method != http.MethodConnect {
		if to := in.redirects[host]; to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		http.Error(w, "no such host", http.StatusBadGateway)
		return
	}
	at := in.servers[host]
	if at == "" {
		http.Error(w, "no such host", http.StatusBadGateway)
		return
	}
	out, err := net.Dial("tcp", at)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer out.Close()
	w.WriteHeader(http.StatusOK)
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	go func() {
		defer out.Close()
		_, _ = io.Copy(out, buffered)
	}()
	_, _ = io.Copy(conn, out)
}

// ServeDNS answers questions for SRV records.
func (in *internet) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	answer := new(dns.Msg)
	answer.SetReply(q)
	if target := in.records[q.Question[0].Name]; target != "" {
		answer.Answer = append(answer.Answer, &dns.SRV{
			Hdr:  dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeSRV, Class: dns.ClassINET, Ttl: 60},
			Port: 443, Target: target + ".",
		})
	} else {
		answer.Rcode = dns.RcodeNameError
	}
	_ = w.WriteMsg(answer)
}
