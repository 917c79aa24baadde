package main

import "fmt"

// stepStatus is how a step of doctor ended. The spelling is that of the output.
type stepStatus string

const (
	stepOK       stepStatus = "ok"
	stepWarning  stepStatus = "warning"
	stepFailed   stepStatus = "failed"
	stepNotTried stepStatus = "not tried"
)

// finding is what a step found.
type finding struct {
	status stepStatus
	text   string
	next   string         // what to do about it
	data   map[string]any // the same for programs
	err    error          // of a failed step: tells the exit code
}

func fine(format string, args ...any) finding {
	return finding{status: stepOK, text: fmt.Sprintf(format, args...)}
}

func warning(next, format string, args ...any) finding {
	return finding{status: stepWarning, text: fmt.Sprintf(format, args...), next: next}
}

func failed(err error, next string) finding {
	return finding{status: stepFailed, text: err.Error(), next: next, err: err}
}

func notTried(format string, args ...any) finding {
	return finding{status: stepNotTried, text: fmt.Sprintf(format, args...)}
}

func (f finding) with(key string, value any) finding {
	data := map[string]any{key: value}
	for k, v := range f.data {
		data[k] = v
	}
	f.data = data
	return f
}
