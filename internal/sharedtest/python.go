package sharedtest

import (
	"os"
	"os/exec"
	"testing"
)

// Python is the interpreter that Debian's Python modules belong to.
const Python = "/usr/bin/python3"

// PythonModule skips a test where Debian's Python lacks a module; in CI that is
// a failure.
func PythonModule(t testing.TB, module string) {
	t.Helper()
	Program(t, Python)
	if err := exec.CommandContext(t.Context(), Python, "-c", "import "+module).Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("Python module %s is missing: .ci/run must install it", module)
		}
		t.Skipf("Python module %s is missing", module)
	}
}
