//go:build !windows

package fault

import "syscall"

var noSpaceErrors = []error{syscall.ENOSPC, syscall.EDQUOT}
