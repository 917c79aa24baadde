// Package ntlm is the server's half of an NTLM login, as the simulator needs
// it: it challenges a client, verifies the NTLMv2 answer, and judges the
// channel binding of Extended Protection. It follows [MS-NLMP]; section
// numbers are of that document.
//
// It is made for tests. It offers no session security (signing, sealing, key
// exchange), refuses NTLMv1, and does not check a message integrity code.
package ntlm
