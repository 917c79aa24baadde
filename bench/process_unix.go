//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
)

const exeSuffix = ""

// maxRSS is the peak resident memory of an ended process, in bytes.
func maxRSS(state *os.ProcessState) int64 {
	u, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss) // bytes there, kilobytes elsewhere
	}
	return int64(u.Maxrss) << 10
}
