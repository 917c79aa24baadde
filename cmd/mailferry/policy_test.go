package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mailferry/ews/ewstest"
	"mailferry/internal/event"
	"mailferry/internal/gate"
)

// mostOfBest is the share of the best throughput that an export must reach.
const mostOfBest = 0.9

// policyCase is a throttling policy, and what it must be given as the reason.
type policyCase struct {
	name, reason string
	policy       ewstest.Policy
}

const (
	policyItems = 800
	policyBatch = 5
	itemTime    = 30 * time.Millisecond
)

var policyCases = []policyCase{
	{"requests at once", "MaxConcurrency 2", ewstest.Policy{MaxConcurrency: 2, BackOff: 150 * time.Millisecond}},
	{"budget", "EwsMaxBurst 1000", ewstest.Policy{Budget: time.Second, Recharge: 2 * time.Hour}},
	{"both", "EwsMaxBurst 2000", ewstest.Policy{MaxConcurrency: 3, BackOff: 150 * time.Millisecond, Budget: 2 * time.Second, Recharge: 90 * time.Minute}},
}

// best is how long the policy makes a client take that wastes nothing: all the
// time on the server, by so many requests at once, or what exceeds the budget at
// the pace of the recharge.
func (c policyCase) best() time.Duration {
	work := policyItems * itemTime
	best := work / policyWorkers(c.policy)
	if c.policy.Budget > 0 {
		rate := c.policy.Recharge.Hours()
		best = max(best, time.Duration(float64(work-c.policy.Budget)/rate))
	}
	return best
}

func policyWorkers(p ewstest.Policy) time.Duration {
	if p.MaxConcurrency > 0 {
		return time.Duration(p.MaxConcurrency)
	}
	return 4
}

// TestExportUnderPolicy exports under throttling policies. Against a client that
// knows the policy, and does nothing but ask for the same items, the export must
// not be much slower; it must send nothing while the server has asked it not to;
// and it must say how long it waited and why.
func TestExportUnderPolicy(t *testing.T) {
	if testing.Short() {
		t.Skip("most of it is waiting, for many seconds")
	}
	name := func(i int) string { return policyCases[i].name }
	several(t, len(policyCases), name, func(t *testing.T, i int) { policyCases[i].test(t) })
}

func (c policyCase) test(t *testing.T) {
	c.policy.ItemTime = itemTime
	known, reference := make(chan time.Duration), c.server(t)
	go func() { known <- askKnowing(t, reference, c.policy) }() // at the same time, so that both have the same machine
	server := c.server(t)
	summary, report := exportUnderPolicy(t, server)
	took := <-known
	stats := server.Stats()
	t.Logf("best by the policy %.2f s; knowing it %.2f s; export %.2f s, %.0f%% of the known best, waited %.2f s; %d refusals, %d requests too early",
		c.best().Seconds(), took.Seconds(), summary.Elapsed.Seconds(), 100*took.Seconds()/summary.Elapsed.Seconds(),
		summary.Waited.Seconds(), stats.Busy, stats.BusyEarly)
	if took.Seconds() < mostOfBest*summary.Elapsed.Seconds() {
		t.Errorf("the export took %v, which %v would have done for", summary.Elapsed, took)
	}
	if summary.Moved != policyItems || summary.Failed > 0 {
		t.Errorf("%+v", summary)
	}
	if stats.Busy == 0 || stats.BusyEarly > 0 {
		t.Errorf("%d requests were refused, %d were sent inside of a back-off", stats.Busy, stats.BusyEarly)
	}
	told := slices.ContainsFunc(summary.Waits, func(w gate.Waited) bool {
		return strings.Contains(w.Reason, c.reason) && w.Times > 0 && w.For > 0
	})
	if !told || summary.Waited <= 0 || summary.Waited > summary.Elapsed || !strings.Contains(report, c.reason) {
		t.Errorf("waits %+v, %v in all; the report says:\n%s", summary.Waits, summary.Waited, report)
	}
}

func (c policyCase) server(t *testing.T) *ewstest.Server {
	return ewstest.Start(t, ewstest.Options{
		Mailboxes: []ewstest.MailboxSpec{{Address: killSource, Content: fmt.Sprintf("bulk:%d:2000", policyItems)}},
		Auth:      []string{"basic"}, Users: []ewstest.User{{Name: "svc", Password: "Passw0rd!"}}, Policy: c.policy,
	})
}

// exportUnderPolicy runs the command and returns its summary and its report for people.
func exportUnderPolicy(t *testing.T, server *ewstest.Server) (event.Summary, string) {
	t.Helper()
	f := &ferry{t: t, dir: filepath.Join(t.TempDir(), "store"), source: server}
	if err := os.WriteFile(f.passwordFile(), []byte("Passw0rd!\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(t.TempDir(), "report.html")
	s := f.do("export", "--batch-items", strconv.Itoa(policyBatch), "--report", page)
	if s.code != exitDone {
		t.Fatalf("exit code %d\n%s", s.code, s.errors)
	}
	report, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range jsonLines[json.RawMessage](t, s.out) {
		var summary struct {
			Event string
			event.Summary
		}
		if err := json.Unmarshal(line, &summary); err == nil && summary.Event == "summary" {
			return summary.Summary, string(report)
		}
	}
	t.Fatalf("no summary in %s", tail(s.out))
	return event.Summary{}, ""
}

// askKnowing asks for all items by as many requests at once as the policy allows,
// waits exactly as long as it is told to, and does nothing else. It returns how
// long that takes.
func askKnowing(t *testing.T, server *ewstest.Server, policy ewstest.Policy) time.Duration {
	inventory, err := server.Inventory(killSource)
	if err != nil {
		t.Error(err)
		return 0
	}
	var ids []string
	for _, folder := range inventory.Folders {
		for _, it := range folder.Items {
			ids = append(ids, `<t:ItemId Id="`+it.ID+`"/>`)
		}
	}
	began := time.Now()
	batches := make(chan []string)
	var pause backOff
	var workers sync.WaitGroup
	for range policyWorkers(policy) {
		workers.Go(func() {
			for batch := range batches {
				for again := true; again; {
					pause.wait()
					var ms int
					if again, ms, err = askRaw(server, batch); err != nil {
						t.Error(err)
						return
					}
					pause.until(ms)
				}
			}
		})
	}
	for batch := range slices.Chunk(ids, policyBatch) {
		batches <- batch
	}
	close(batches)
	workers.Wait()
	return time.Since(began)
}

// backOff is when one may send again.
type backOff struct {
	mu sync.Mutex
	at time.Time
}

func (b *backOff) until(ms int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at := time.Now().Add(time.Duration(ms) * time.Millisecond); at.After(b.at) {
		b.at = at
	}
}

func (b *backOff) wait() {
	for {
		b.mu.Lock()
		left := time.Until(b.at)
		b.mu.Unlock()
		if left <= 0 {
			return
		}
		<-time.After(left)
	}
}

// askRaw sends one request as it is written down here. It says whether it was
// refused, and for how many milliseconds.
func askRaw(server *ewstest.Server, ids []string) (refused bool, ms int, err error) {
	body := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">` +
		`<s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/><t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>` + killSource +
		`</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></s:Header>` +
		`<s:Body><m:ExportItems><m:ItemIds>` + strings.Join(ids, "") + `</m:ItemIds></m:ExportItems></s:Body></s:Envelope>`
	req, err := http.NewRequest(http.MethodPost, server.URL(), strings.NewReader(body))
	if err != nil {
		return false, 0, err
	}
	req.SetBasicAuth("svc", "Passw0rd!")
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, 0, err
	}
	if _, rest, ok := strings.Cut(string(answer), `Name="BackOffMilliseconds">`); ok {
		text, _, _ := strings.Cut(rest, "<")
		ms, err = strconv.Atoi(text)
		return true, ms, err
	}
	if resp.StatusCode != http.StatusOK || strings.Count(string(answer), "NoError") != len(ids) {
		return false, 0, fmt.Errorf("HTTP %d: %s", resp.StatusCode, tail(string(answer)))
	}
	return false, 0, nil
}
