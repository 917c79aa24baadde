package ewsauth

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"
)

// maxToken bounds what a server may send as its token.
const maxToken = 64 << 10

var errMutual = errors.New("the server does not prove that it has the key of the ticket: somebody may pose as it")

// krbToken is the token of one request.
type krbToken struct {
	bytes []byte
	text  string // as in the header

	key   types.EncryptionKey
	ctime time.Time // that the server must give back
	cusec int
}

// newKrbToken makes an AP-REQ inside of SPNEGO. gokrb5's own leaves the channel
// binding empty, so the authenticator is made here (RFC 4121 section 4.1.1).
// binding is 16 bytes, or nil.
func newKrbToken(ticket messages.Ticket, key types.EncryptionKey, who *credentials.Credentials, binding []byte) (*krbToken, error) {
	auth, err := types.NewAuthenticator(who.Domain(), who.CName())
	if err != nil {
		return nil, err
	}
	auth.Cksum = types.Checksum{CksumType: chksumtype.GSSAPI, Checksum: gssChecksum(binding)}
	request, err := messages.NewAPReq(ticket, key, auth)
	if err != nil {
		return nil, err
	}
	types.SetFlag(&request.APOptions, flags.APOptionMutualRequired)
	inner, err := spnego.NewKRB5TokenAPREQ(&client.Client{Credentials: who}, ticket, key, nil, nil)
	if err != nil {
		return nil, err
	}
	inner.APReq = request
	text, err := inner.Marshal()
	if err != nil {
		return nil, err
	}
	outer := spnego.SPNEGOToken{Init: true, NegTokenInit: spnego.NegTokenInit{
		MechTypes: []asn1.ObjectIdentifier{gssapi.OIDKRB5.OID()}, MechTokenBytes: text,
	}}
	whole, err := outer.Marshal()
	if err != nil {
		return nil, err
	}
	return &krbToken{bytes: whole, key: key, ctime: auth.CTime, cusec: auth.Cusec}, nil
}

// gssChecksum is the "checksum" of type 0x8003: the length of the binding, the
// binding (16 zero bytes for none), and what is asked for.
func gssChecksum(binding []byte) []byte {
	sum := binary.LittleEndian.AppendUint32(nil, 16)
	sum = append(sum, make([]byte, 16)...)
	copy(sum[4:20], binding)
	return binary.LittleEndian.AppendUint32(sum, gssapi.ContextFlagMutual|gssapi.ContextFlagInteg|gssapi.ContextFlagConf)
}

// check looks at the server's token, if it sent one: it must hold the time of ours,
// under the key that only the server and the KDC know.
func (k *krbToken) check(resp *http.Response) (err error) {
	text := find(resp.Header.Values("WWW-Authenticate"), "Negotiate")
	if text == "" {
		return nil
	}
	defer func() {
		if recover() != nil {
			err = errMutual
		}
	}()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) > maxToken {
		return errMutual
	}
	isInit, parsed, err := spnego.UnmarshalNegToken(data)
	answer, ok := parsed.(spnego.NegTokenResp)
	if err != nil || isInit || !ok {
		return errMutual
	}
	if len(answer.ResponseToken) == 0 {
		return nil
	}
	var inner spnego.KRB5Token
	if err := inner.Unmarshal(answer.ResponseToken); err != nil || !inner.IsAPRep() {
		return errMutual
	}
	plain, err := crypto.DecryptEncPart(inner.APRep.EncPart, k.key, keyusage.AP_REP_ENCPART)
	if err != nil {
		return errMutual
	}
	var part messages.EncAPRepPart
	if err := part.Unmarshal(plain); err != nil || part.CTime.Unix() != k.ctime.Unix() || part.Cusec != k.cusec {
		return errMutual
	}
	return nil
}
