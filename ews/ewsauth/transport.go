package ewsauth

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	dialTimeout      = 30 * time.Second
	handshakeTimeout = 30 * time.Second
	// idleTimeout is shorter than the two minutes after which IIS closes an idle
	// connection, so that a request seldom meets a connection that just went.
	idleTimeout = 90 * time.Second
	bufferSize  = 64 << 10
)

// TLSOptions says how a server is reached and whom it must prove to be. The
// zero value verifies against the system's certificate authorities.
type TLSOptions struct {
	CAs        *x509.CertPool    // trusted instead of the system's; nil is the system's
	Cert       []tls.Certificate // client certificates
	ServerName string            // expected in the certificate instead of the URL's host
	Insecure   bool              // accept any certificate
	Proxy      Proxy             // on the way
}

// LoadCA returns the system's certificate authorities and those in a PEM file.
func LoadCA(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read CA file %s: no certificate in PEM form inside", file)
	}
	return pool, nil
}

// LoadCertificate reads a client certificate and its key, both in PEM form;
// they may be one file, then keyFile is "".
func LoadCertificate(certFile, keyFile string) (tls.Certificate, error) {
	if keyFile == "" {
		keyFile = certFile
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read client certificate: %w", err)
	}
	if cert.Leaf != nil && time.Now().After(cert.Leaf.NotAfter) {
		return tls.Certificate{}, errors.New("read client certificate: it expired on " + cert.Leaf.NotAfter.Format(time.DateOnly))
	}
	return cert, nil
}

// NewTransport returns a transport for one worker: HTTP/1.1 on one connection
// to a host, TLS 1.2 or newer, through the proxy, if any. It bounds the time of
// connecting, never that of a transfer, and leaves Content-Encoding to the caller.
func NewTransport(o TLSOptions) *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  o.Proxy.choose,
		OnProxyConnectResponse: connected,
		DialContext:            dialer.DialContext,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            o.CAs,
			Certificates:       o.Cert,
			ServerName:         o.ServerName,
			InsecureSkipVerify: o.Insecure, //nolint:gosec // asked for by the user, who is warned
			NextProtos:         []string{"http/1.1"},
		},
		Protocols:             &http1,
		TLSHandshakeTimeout:   handshakeTimeout,
		MaxConnsPerHost:       1,
		MaxIdleConnsPerHost:   1,
		IdleConnTimeout:       idleTimeout,
		DisableCompression:    true,
		WriteBufferSize:       bufferSize,
		ReadBufferSize:        bufferSize,
		ExpectContinueTimeout: 0,
	}
}
