package main

import (
	"strings"

	"mailferry/ews/ewstest"
)

// outcome is what becomes of a command that a fault meets.
type outcome string

const (
	// passes: exit code 0 at once; everything was moved, nothing is listed.
	passes outcome = "passes"
	// ends: exit code 1 and one line; the same command completes when the fault is over.
	ends outcome = "ends, resumes"
	// refused: as ends, with exit code 4.
	refused outcome = "refused, resumes"
	// listed: exit code 3; all is moved but the one item that the fault hits, and
	// that one is listed. When the fault is over the same command moves it, too.
	listed outcome = "one item listed"
	// vanishes: exit code 0; all is moved but the one item, of which the server
	// says that it is not there any more.
	vanishes outcome = "one item vanished"
	// concernsNot: the command asks the server for nothing that could go wrong so.
	concernsNot outcome = "does not concern it"
)

// hit stands in a fault for the item that the test has chosen.
const hit = "HIT"

// faultCell is one command under one kind of fault.
type faultCell struct {
	outcome outcome
	says    string // what the output must say, a regular expression: the code of the failure, or why the run ended
	faults  []ewstest.Fault
}

func on(o outcome, says string, faults ...ewstest.Fault) faultCell { return faultCell{o, says, faults} }

// faultRow is one kind of fault, and what each command makes of it. Faults
// without a kind are of the row's kind, those without an operation concern what
// the command is mainly about: ExportItems, UploadItems, ExportItems.
type faultRow struct {
	kind, how              string
	export, upload, verify faultCell
}

var not = faultCell{outcome: concernsNot}

// Lost answers make an upload read the target: by its changes, then by lists,
// and by exporting what looks alike.
var (
	lost    = ewstest.Fault{Kind: "drop-after-commit", Op: "UploadItems", Every: 1, Times: 9}
	noState = ewstest.Fault{Kind: "invalid-sync-state", Op: "SyncFolderItems"}
)

// same is a row of which each command makes the same.
func same(kind, how string, o outcome, says string, fault ewstest.Fault) faultRow {
	c := on(o, says, fault)
	// verify asks for all the items at once, so its first request is the one.
	first := fault
	first.Nth, first.Every = min(fault.Nth, 1), min(fault.Every, 1)
	if strings.Contains(how, "item") {
		first = fault
	}
	return faultRow{kind, how, c, c, on(o, says, first)}
}

// faultTable is the contract: each kind of fault, by each command.
var faultTable = []faultRow{
	same("busy", "some requests", passes, "", ewstest.Fault{Every: 2, Times: 2, BackOffMS: 20}),
	same("busy-zero", "one request", passes, "", ewstest.Fault{Nth: 2}),
	same("busy-item", "some items", passes, "", ewstest.Fault{Every: 9, Times: 3, BackOffMS: 20}),
	same("inner-busy", "some items", passes, "", ewstest.Fault{Every: 9, Times: 2}),
	same("batch-stopped", "some items", passes, "", ewstest.Fault{Every: 9, Times: 3}),
	same("poison", "one item", listed, "ErrorInternalServerError", ewstest.Fault{Item: hit}),
	same("corrupt-item", "one item", listed, "ErrorCorruptData", ewstest.Fault{Item: hit}),
	{
		"not-found", "one item",
		on(vanishes, "", ewstest.Fault{Item: hit}),
		on(listed, "ErrorItemNotFound", ewstest.Fault{Item: hit}),
		on(listed, "not there any more", ewstest.Fault{Item: hit}),
	},
	truncated("data"), truncated("after-data"), truncated("after-xml"), truncated("cut"),
	{
		"truncated", "one item, for good",
		on(listed, "truncated", ewstest.Fault{Where: "data", Item: hit}),
		not,
		on(listed, "the target does not give it whole", ewstest.Fault{Where: "data", Item: hit}),
	},
	same("short-response", "some requests", passes, "", ewstest.Fault{Every: 2, Times: 2}),
	same("drop-before", "some requests", passes, "", ewstest.Fault{Every: 2, Times: 2}),
	same("drop-after-commit", "some requests", passes, "", ewstest.Fault{Every: 2, Times: 2}),
	same("drop-mid-response", "some requests", passes, "", ewstest.Fault{Every: 2, Times: 2, After: 1500}),
	same("stall", "one request", passes, "", ewstest.Fault{Nth: 2, After: 900}),
	same("slow", "one request", passes, "", ewstest.Fault{Nth: 2, DelayMS: 1}),
	same("http-401", "one request", passes, "", ewstest.Fault{Nth: 2}),
	same("http-401", "for good, after the login was accepted", refused, "refused the login", ewstest.Fault{}),
	same("http-503", "some requests", passes, "", ewstest.Fault{Every: 3, Times: 1, BackOffMS: 20}),
	same("http-302-error-page", "some requests", passes, "", ewstest.Fault{Every: 2, Times: 2}),
	same("http-413", "some requests", passes, "", ewstest.Fault{Every: 2, Times: 2}),
	{
		"quota", "one item",
		on(listed, "ErrorQuotaExceeded", ewstest.Fault{Item: hit}), // no code of a server that is read
		on(ends, "the target mailbox is full", ewstest.Fault{Nth: 20}),
		on(listed, "ErrorQuotaExceeded", ewstest.Fault{Item: hit}),
	},
	same("move-in-progress", "some items", passes, "", ewstest.Fault{Every: 9, Times: 2}),
	same("move-in-progress", "for good", ends, "ErrorMailboxMoveInProgress", ewstest.Fault{}),
	same("access-denied", "one item", refused, "ErrorAccessDenied", ewstest.Fault{Nth: 20}),
	same("timeout", "one request", passes, "", ewstest.Fault{Nth: 2}),
	same("reencode-ids", "each answer", passes, "", ewstest.Fault{}),
	{
		"duplicate-ids", "each list",
		on(passes, "", noState, ewstest.Fault{Op: "FindItem"}),
		on(passes, "", lost, noState, ewstest.Fault{Op: "FindItem"}),
		on(passes, "", ewstest.Fault{Op: "FindItem"}),
	},
	{
		"stuck-offset", "some pages",
		on(passes, "", noState, ewstest.Fault{Op: "FindItem", Every: 2}),
		on(passes, "", lost, noState, ewstest.Fault{Op: "FindItem", Every: 2}),
		on(passes, "", ewstest.Fault{Op: "FindItem", Every: 2}),
	},
	{
		"stuck-offset", "for good",
		on(ends, "pages don't advance", noState, ewstest.Fault{Op: "FindItem"}),
		on(ends, "pages don't advance", lost, noState, ewstest.Fault{Op: "FindItem"}),
		on(ends, "pages don't advance", ewstest.Fault{Op: "FindItem"}),
	},
	{
		"invalid-sync-state", "for good",
		on(passes, "does not know the sync state", noState),
		on(passes, "", lost, noState),
		not, // it reads no changes
	},
	{"server-duplicates", "some items", not, on(passes, "extra copies", ewstest.Fault{Every: 9, Times: 3}), not},
	same("gzip-garbage", "some requests", passes, "", ewstest.Fault{Every: 2, Times: 2}),
	same("wrong-content-type", "some requests", passes, "", ewstest.Fault{Every: 2, Times: 2}),
	same("huge-response", "one request", passes, "", ewstest.Fault{Nth: 2}),
}

// truncated is a row of answers that end early in one of the places.
func truncated(where string) faultRow {
	some := ewstest.Fault{Kind: "truncated", Op: "ExportItems", Where: where, Every: 9, Times: 3}
	first := some
	first.Every, first.Times = 1, 1 // an upload looks at the few items that others are like
	c := on(passes, "", some)
	return faultRow{"truncated", where + ", some items", c, on(passes, "", lost, first), c}
}
