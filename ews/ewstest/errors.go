package ewstest

import "mailferry/ews/ewstest/soap"

// stopsBatch are the codes after which the rest of a batch is not processed.
var stopsBatch = map[string]bool{
	"ErrorAccessDenied": true, "ErrorAccountDisabled": true, "ErrorADUnavailable": true, "ErrorADOperation": true, "ErrorConnectionFailed": true,
	"ErrorMailboxStoreUnavailable": true, "ErrorMailboxMoveInProgress": true, "ErrorPasswordChangeRequired": true,
	"ErrorPasswordExpired": true, "ErrorQuotaExceeded": true, "ErrorInsufficientResources": true,
}

var (
	errItemNotFound   = soap.Fail("ErrorItemNotFound", "The specified object was not found in the store.")
	errFolderNotFound = soap.Fail("ErrorFolderNotFound", "The specified folder could not be found in the store.")
	errAccessDenied   = soap.Fail("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	errStopped        = soap.Fail("ErrorBatchProcessingStopped", "The batch processing was stopped.")
	errIDMalformed    = soap.Fail("ErrorInvalidIdMalformed", "Id is malformed.")
	errIDEmpty        = soap.Fail("ErrorInvalidIdEmpty", "Id must be non-empty.")
	errChangeKey      = soap.Fail("ErrorInvalidChangeKey", "The change key is invalid.")
	errTimeout        = soap.Fail("ErrorTimeoutExpired", "The operation could not be completed within the time allowed.")
	errSyncState      = soap.Fail("ErrorInvalidSyncStateData", "The sync state is corrupt or does not belong to this folder.")
)
