// Package autodiscover finds the EWS address of a mailbox from its mail address
// alone, as a client does that is no member of the domain: it asks the domain,
// the host autodiscover of the domain, the http redirect there, and the SRV
// record, in this order, and at each host the JSON service (v2), SOAP and POX.
//
// Everything is asked without a login first. Credentials go only over https, to a
// host that asks for a login, and only if that host is the domain of an address or
// its host autodiscover, or was named by one of these over verified TLS, or was
// confirmed by the user: what an http answer or the DNS says is worth nothing
// without [Options].Confirm. A host that refused a login gets no second one, and
// after three refusals none is tried any more, so that no account is locked. Verified
// is what the transports verify: with those that accept any certificate nobody vouches
// for anything.
//
// The protocol is [MS-OXDISCO], [MS-OXDSCLI] and [MS-OXWSADISC]; the JSON service
// is described by Microsoft's scripts only.
package autodiscover
