package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"iter"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"mailferry/internal/atomicfile"
	"mailferry/internal/event"
	"mailferry/store"
)

// runReport is what a report file holds: what was done, what it came to, and
// each item that could not be moved.
type runReport struct {
	Command   string          `json:"command"`
	Version   string          `json:"version"`
	Started   time.Time       `json:"started"`
	Ended     time.Time       `json:"ended"`
	Mailboxes []mailboxReport `json:"mailboxes"`

	failures iter.Seq2[store.Failure, error]
}

// mailboxReport is one row of a report.
type mailboxReport struct {
	event.Summary
	Verdict string `json:"verdict"`
}

// reportFlags are the report files of a run.
type reportFlags struct{ files []string }

// check refuses a suffix that names no format, before the run begins.
func (r reportFlags) check() error {
	for _, file := range r.files {
		switch strings.ToLower(filepath.Ext(file)) {
		case ".json", ".csv", ".html":
		default:
			return usagef("--report %s: the suffix names the format, use .json, .csv or .html", file)
		}
	}
	return nil
}

// write writes every report file, each whole or not at all.
func (r reportFlags) write(report runReport) error {
	for _, file := range r.files {
		render := map[string]func(io.Writer) error{
			".json": report.writeJSON, ".csv": report.writeCSV, ".html": report.writeHTML,
		}[strings.ToLower(filepath.Ext(file))]
		if err := atomicfile.WriteTo(file, 0o600, render); err != nil {
			return fmt.Errorf("write report %s: %w", file, err)
		}
	}
	return nil
}

func (r runReport) writeJSON(w io.Writer) error {
	head, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	// The failures are written one by one: there may be very many.
	if _, err := fmt.Fprintf(w, "%s,\n \"failures\": [", strings.TrimSuffix(string(head), "\n}")); err != nil {
		return err
	}
	separator := "\n  "
	for f, err := range r.failures {
		if err != nil {
			return err
		}
		line, err := json.Marshal(rowOf(f))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", separator, line); err != nil {
			return err
		}
		separator = ",\n  "
	}
	_, err = fmt.Fprint(w, "\n ]\n}\n")
	return err
}

// writeCSV writes one row a mailbox and one row a failure, told apart by the
// first column.
func (r runReport) writeCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	rows := [][]string{{
		"row", "mailbox", "target", "folders", "found", "moved", "already", "failed", "accepted", "left", "bytes", "seconds", "waited_seconds", "retries",
		"folder", "subject", "class", "size", "item", "code", "text", "attempts", "first", "last",
		"id", "state", "accepted_at", "accepted_reason", "waited_why",
	}}
	for _, m := range r.Mailboxes {
		rows = append(rows, []string{
			"mailbox", m.Mailbox, m.Target, strconv.Itoa(m.Folders), strconv.Itoa(m.Found), strconv.Itoa(m.Moved),
			strconv.Itoa(m.Already), strconv.Itoa(m.Failed), strconv.Itoa(m.Accepted), strconv.Itoa(m.Left), strconv.FormatInt(m.Bytes, 10),
			seconds(m.Elapsed), seconds(m.Waited), strconv.Itoa(m.Retries), "", "", "", "", "", "", m.Verdict, "", "", "",
			"", "", "", "", cell(waitsText(m.Waits)),
		})
	}
	if err := c.WriteAll(rows); err != nil {
		return err
	}
	for f, err := range r.failures {
		if err != nil {
			return err
		}
		row := make([]string, 14, 29)
		row[0], row[1], row[2] = "failure", f.Mailbox, f.Target
		row = append(row, cell(f.FolderPath), cell(f.Subject), cell(f.Class), strconv.FormatInt(f.Size, 10), f.ItemID, f.Code, cell(f.Text),
			strconv.Itoa(f.Attempts), timeCell(f.First), timeCell(f.Last),
			failureID(f), rowOf(f).State, timeCell(f.Accepted), cell(f.AcceptedReason), "")
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// timeCell is a time for programs; empty: never.
func timeCell(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// cell keeps a spreadsheet from taking text that came from mail for a formula.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) }

// page is one file without outside resources, readable on paper and on a phone.
var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"id": failureID, "number": number, "bytes": bytesText, "duration": durationText, "waits": waitsText,
	"time": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
}).Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mailferry {{.Command}} report</title>
<style>
body { font: 1rem/1.5 sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #ccc; text-align: left; vertical-align: top; }
td.n, th.n { text-align: right; }
</style>
</head>
<body>
<h1>mailferry {{.Command}}</h1>
<p>{{time .Started}} to {{time .Ended}}, mailferry {{.Version}}</p>
{{range .Mailboxes}}<p><strong>{{.Verdict}}</strong></p>
{{end}}<h2>Mailboxes</h2>
<div class="wide"><table>
<thead><tr><th>Mailbox</th><th>Target</th><th class="n">Folders</th><th class="n">Found</th><th class="n">Moved</th><th class="n">There already</th><th class="n">Failed</th><th class="n">Of these accepted</th><th class="n">Bytes</th><th class="n">Time</th><th class="n">Waited for the server</th></tr></thead>
<tbody>
{{range .Mailboxes}}<tr><td>{{.Mailbox}}</td><td>{{.Target}}</td><td class="n">{{number .Folders}}</td><td class="n">{{number .Found}}</td><td class="n">{{number .Moved}}</td><td class="n">{{number .Already}}</td><td class="n">{{number .Failed}}</td><td class="n">{{number .Accepted}}</td><td class="n">{{bytes .Bytes}}</td><td class="n">{{duration .Elapsed}}</td><td class="n">{{duration .Waited}}</td></tr>
{{with .Waits}}<tr><td colspan="11">Waited: {{waits .}}</td></tr>
{{end}}
{{end}}</tbody>
</table></div>
<h2>What could not be moved</h2>
<div class="wide"><table>
<thead><tr><th>Id</th><th>Folder</th><th>Subject</th><th>Class</th><th class="n">Size</th><th>Code</th><th>Reason</th><th class="n">Attempts</th><th>Accepted</th></tr></thead>
<tbody>
{{range .Failures}}<tr><td>{{id .}}</td><td>{{.FolderPath}}</td><td>{{.Subject}}</td><td>{{.Class}}</td><td class="n">{{bytes .Size}}</td><td>{{.Code}}</td><td>{{.Text}}</td><td class="n">{{number .Attempts}}</td><td>{{if not .Accepted.IsZero}}{{time .Accepted}}: {{.AcceptedReason}}{{end}}</td></tr>
{{else}}<tr><td colspan="9">Nothing.</td></tr>
{{end}}</tbody>
</table></div>
</body>
</html>
`))

func (r runReport) writeHTML(w io.Writer) error {
	var failed error
	all := func(yield func(store.Failure) bool) {
		for f, err := range r.failures {
			if err != nil {
				failed = err
				return
			}
			if !yield(f) {
				return
			}
		}
	}
	if err := page.Execute(w, struct {
		runReport
		Failures iter.Seq[store.Failure]
	}{r, all}); err != nil {
		return err
	}
	return failed
}
