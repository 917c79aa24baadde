package upload

import (
	"context"

	"mailferry/upload/verify"
)

// What a check is told, and what it comes to. See package verify.
type (
	VerifyOptions = verify.Options
	VerifyReport  = verify.Report
	Finding       = verify.Finding
	Group         = verify.Group
	Level         = verify.Level
)

// The levels of a check.
const (
	LevelCount   = verify.Count
	LevelKey     = verify.Key
	LevelContent = verify.Content
)

// Verify compares what the store holds of a mailbox with a target mailbox.
// Nothing is changed at the target, and nothing is written to the store.
func Verify(ctx context.Context, o VerifyOptions) (VerifyReport, error) {
	return verify.Run(ctx, o)
}
