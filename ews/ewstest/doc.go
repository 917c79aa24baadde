// Package ewstest is an Exchange server made for tests, rehearsals and
// demonstrations: a real HTTP(S) server that speaks Exchange Web Services
// over mailboxes in memory.
//
// It is as strict as Exchange where the protocol reference says how Exchange
// behaves: requests are checked against the public schemas before anything is
// done, answers are valid against them, ids are bound to their mailbox, every
// item ever uploaded is rendered anew in the server's own way. And it can be
// as nasty: faults, throttling and cut connections are asked for by [Fault]
// and [Policy].
//
// A server holds several mailboxes. Who may open which is told by [User]. What
// was asked of it is counted in [Stats], and the same is offered as JSON under
// /simulator/ to clients on the same machine.
//
// The package imports nothing of the programs that it judges.
package ewstest
