package ewsauth

import (
	"crypto"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
)

// EndPointBinding binds a login to the certificate that the server showed: the
// MD5 of the channel bindings of type tls-server-end-point (RFC 5929 section
// 4.1; [MS-NLMP] 2.2.2.1, MsvAvChannelBindings). A server behind somebody else's
// TLS refuses it where Extended Protection is on.
func EndPointBinding(state *tls.ConnectionState) []byte {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	cert := state.PeerCertificates[0]
	h := endPointHash(cert.SignatureAlgorithm).New()
	_, _ = h.Write(cert.Raw)
	return endPointBinding(h.Sum(nil))
}

// endPointBinding is the MD5 of a gss_channel_bindings_struct: four empty
// address fields, then the kind of binding and the hash of the certificate.
func endPointBinding(hash []byte) []byte {
	data := append([]byte("tls-server-end-point:"), hash...)
	bindings := binary.LittleEndian.AppendUint32(make([]byte, 16), uint32(len(data)))
	sum := md5.Sum(append(bindings, data...))
	return sum[:]
}

// endPointHash is the hash of the certificate's signature, but SHA-256 where
// that is MD5, SHA-1 or one that has no hash of its own.
func endPointHash(a x509.SignatureAlgorithm) crypto.Hash {
	switch a {
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		return crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		return crypto.SHA512
	}
	return crypto.SHA256
}

// Offsets in a CHALLENGE message ([MS-NLMP] 2.2.1.2) and the AV pairs in use.
const (
	challengeInfoAt = 40 // length, maximum, offset of TargetInfo
	challengeLength = 48 // without version and payload
	avEOL           = 0
	avBinding       = 0x000A
)

var errChallenge = errors.New("the server's NTLM challenge is damaged")

// bindChallenge returns the challenge with the binding among the AV pairs of its
// TargetInfo, which go-ntlmssp copies into the AUTHENTICATE message. A pair that
// the server put there itself gives way. The new TargetInfo is placed at the end,
// so nothing that other fields point to moves.
func bindChallenge(challenge, binding []byte) ([]byte, error) {
	if len(challenge) < challengeLength {
		return nil, errChallenge
	}
	length := int64(binary.LittleEndian.Uint16(challenge[challengeInfoAt:]))
	offset := int64(binary.LittleEndian.Uint32(challenge[challengeInfoAt+4:]))
	if offset+length > int64(len(challenge)) {
		return nil, errChallenge
	}
	var pairs []byte
	for list := challenge[offset : offset+length]; ; {
		if len(list) == 0 && length == 0 {
			break // no TargetInfo at all: begin one
		}
		if len(list) < 4 {
			return nil, errChallenge
		}
		id, size := binary.LittleEndian.Uint16(list), int(binary.LittleEndian.Uint16(list[2:]))
		if id == avEOL {
			break
		}
		if 4+size > len(list) {
			return nil, errChallenge
		}
		if id != avBinding {
			pairs = append(pairs, list[:4+size]...)
		}
		list = list[4+size:]
	}
	pairs = binary.LittleEndian.AppendUint16(pairs, avBinding)
	pairs = binary.LittleEndian.AppendUint16(pairs, uint16(len(binding)))
	pairs = append(pairs, binding...)
	pairs = append(pairs, avEOL, 0, 0, 0)
	if len(pairs) > 1<<16-1 {
		return nil, errChallenge
	}
	bound := append(append([]byte(nil), challenge...), pairs...)
	binary.LittleEndian.PutUint16(bound[challengeInfoAt:], uint16(len(pairs)))
	binary.LittleEndian.PutUint16(bound[challengeInfoAt+2:], uint16(len(pairs)))
	binary.LittleEndian.PutUint32(bound[challengeInfoAt+4:], uint32(len(challenge)))
	return bound, nil
}
