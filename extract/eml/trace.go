package eml

import (
	"fmt"
	"io"
	"strings"

	"mailferry/fts"
)

// traceFields are those of the headers that the message came with, except for
// the ones to skip, in lower case, and those of its content, which is encoded anew.
func traceFields(m *fts.Message, skip map[string]bool) ([]field, error) {
	p, ok := m.Prop(idHeaders)
	if !ok {
		return nil, nil
	}
	r, err := p.Open()
	if err != nil || r == nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxTraceHeaders))
	if err != nil {
		return nil, fmt.Errorf("read its headers: %w", err)
	}
	var all []field
	for _, lines := range unfolded(string(text)) {
		name, value, ok := strings.Cut(lines, ":")
		name = strings.TrimRight(name, " \t")
		if lower := strings.ToLower(name); ok && fieldName(name) && !skip[lower] && !ofContent(lower) {
			all = append(all, traceField(name, value))
		}
	}
	return all, nil
}

// unfolded parts headers into fields, each with the line ends inside of it as "\n".
func unfolded(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "":
			if len(all) > 0 {
				return all // the end of the header; Exchange adds those of parts
			}
		case (line[0] == ' ' || line[0] == '\t') && len(all) > 0:
			all[len(all)-1] += "\n" + line
		default:
			all = append(all, line)
		}
	}
	return all
}

// traceField keeps a value as it was folded, if it was rightly so.
func traceField(name, value string) field {
	lines := strings.Split(strings.TrimSpace(value), "\n")
	kept := len(name)+len(lines[0]) < hardLine-10
	for _, line := range lines {
		line = strings.ReplaceAll(line, "\t", " ")
		kept = kept && printable(line) && len(line) < hardLine && strings.TrimSpace(line) != ""
	}
	if kept {
		return field{name: name, raw: strings.Join(lines, "\r\n")}
	}
	return textField(name, strings.Join(strings.Fields(value), " "))
}

// fieldName says whether a text can name a header field.
func fieldName(s string) bool {
	return s != "" && len(s) <= 100 && strings.Trim(s, alphanumeric+"-_.") == ""
}

// ofContent says whether a field tells how the content is written, or what a mail
// program keeps of its own in a file.
func ofContent(lower string) bool {
	switch lower {
	case "mime-version", "status", "x-status", "x-unsent":
		return true
	}
	return strings.HasPrefix(lower, "content-")
}

// namedFields are those headers that Exchange keeps as properties of their own.
func namedFields(m *fts.Message, skip map[string]bool) []field {
	var all []field
	for _, p := range m.Props {
		if p.Name == nil || p.Name.Set != fts.PSInternetHeaders || !fieldName(p.Name.Text) {
			continue
		}
		lower := strings.ToLower(p.Name.Text)
		value, ok := p.Value.(string)
		if !ok || value == "" || skip[lower] || ofContent(lower) || len(all) == maxNamedHeaders {
			continue
		}
		skip[lower] = true
		all = append(all, textField(p.Name.Text, value))
	}
	return all
}
