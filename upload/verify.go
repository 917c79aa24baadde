package upload

import (
	"context"
	"errors"
)

// Verify compares what the store holds of a mailbox with a target mailbox.
func Verify(ctx context.Context, o VerifyOptions) (VerifyReport, error) {
	return VerifyReport{}, errors.New("verify: not built")
}
