// Package ewsauth carries the login of a client to an Exchange server: each
// scheme is an [http.RoundTripper] that authenticates what passes through it.
// It is the only package that knows how a server is logged in to; package ews
// takes the function that [New] returns and calls it once for each pooled
// connection.
//
// NTLM authenticates a TCP connection, not a request. So a RoundTripper for
// NTLM owns the one connection it uses (HTTP/1.1, never shared), logs in on it
// with requests without a body, and only then sends the real request: its body
// crosses the wire once, also when the server has dropped the connection.
//
// Requests and answers stream through: no body is kept in memory. Credentials
// are sent to the host of the request and nowhere else; redirects are not
// followed here. No error and no log line holds a password or a token.
package ewsauth
