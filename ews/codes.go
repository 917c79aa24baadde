package ews

import (
	"net/http"
	"strings"
)

// Verb is what to do about an error.
type Verb int

// The verbs.
const (
	None    Verb = iota // nothing: success, or it does not apply
	Retry               // send the same again after a wait
	Resend              // send the item again once the cause is dealt with; it was not processed
	Split               // send fewer at once; a single item is final
	Bisect              // find the item that makes the batch fail
	Skip                // leave the item or folder out and record it
	Abort               // give up the mailbox, or the folder or archive that the error names
	Unknown             // look at the target before anything is sent again
	Refresh             // read again what has changed (folders, change key, sync state), then try once more
	Bug                 // a mistake of this program or its configuration: give up
)

var verbNames = [...]string{"none", "retry", "resend", "split", "bisect", "skip", "abort", "unknown", "refresh", "bug"}

// String is the verb in lower case.
func (v Verb) String() string {
	if v < 0 || int(v) >= len(verbNames) {
		return "?"
	}
	return verbNames[v]
}

// Action says what to do about an error: Verb, at most Retries times, then Then.
type Action struct {
	Verb    Verb
	Retries int
	Then    Verb
}

// The retries of a passing trouble: seconds to minutes with the default policy,
// and minutes to hours for a mailbox that is being moved or whose store is down.
const (
	someRetries = 8
	longRetries = 120
)

// codeTable is sections 6.1 to 6.8 of the protocol reference. A line begins with
// what to do when reading and when writing, then the codes. R retry, P split, N resend,
// F refresh, B bisect, S skip, A abort, U unknown, X bug, - does not apply.
// A digit is the number of retries, L is many; the last letter is what follows.
const codeTable = `
-   -   NoError
N   N   ErrorBatchProcessingStopped

R   R   ErrorServerBusy ErrorExceededConnectionCount ErrorTooManyObjectsOpened ErrorInternalServerTransientError
R   R   ErrorInsufficientResources ErrorServiceUnavailable ErrorMailboxFailover ErrorNoRespondingCASInDestinationSite
RLA RLA ErrorMailboxStoreUnavailable ErrorMailboxMoveInProgress
R8A R8A ErrorConnectionFailed ErrorConnectionFailedTransientError ErrorADUnavailable ErrorADOperation
R3A R3A ErrorMailboxLogonFailed ErrorProxyServiceDiscoveryFailed ErrorNoApplicableProxyCASServersAvailable
R3S R3S ErrorDataSourceOperation ErrorWin32InteropError
R3B R3S ErrorInternalServerError
R   U   ErrorClientDisconnected
R3A U   ErrorProxySoapException
P   -   ErrorExceededFindCountLimit
P   R   ErrorNotEnoughMemory
P   U   ErrorTimeoutExpired

S   F1S ErrorItemNotFound
R1S S   ErrorCorruptData ErrorItemCorrupt
R1S -   ErrorItemPropertyRequestFailed
S   S   ErrorContentConversionFailed ErrorMimeContentConversionFailed ErrorCalendarInvalidPropertyState
S   S   ErrorCalendarOutOfRange ErrorAttachmentSizeLimitExceeded ErrorInvalidIdTooManyAttachmentLevels
S   S   ErrorVirusDetected ErrorVirusMessageDeleted
S   PS  ErrorMessageSizeExceeded ErrorDataSizeLimitExceeded
-   PS  ErrorRequestStreamTooBig
-   S   ErrorMimeContentInvalid ErrorItemSavePropertyError ErrorPropertyUpdate ErrorAttachmentNestLevelLimitExceeded
-   X   ErrorMimeContentInvalidBase64String
-   R1S ErrorItemSave
S   -   ErrorUnsupportedMimeConversion
X   -   ErrorUnsupportedTypeForConversion
R3S -   ErrorExportRemoteArchiveItemsFailed ErrorGetRemoteArchiveItemFailed
R3A -   ErrorGetRemoteArchiveFolderFailed ErrorFindRemoteArchiveFolderFailed

-   A   ErrorQuotaExceeded ErrorQuotaExceededOnDelete ErrorMessagePerFolderCountReceiveQuotaExceeded
-   R   ErrorSubmissionQuotaExceeded

S   S   ErrorInvalidId ErrorInvalidIdMalformed ErrorInvalidIdMonikerTooLong ErrorInvalidIdStoreObjectIdTooLong ErrorInvalidIdXml
X   X   ErrorInvalidIdEmpty ErrorInvalidIdNotAnItemAttachmentId ErrorCannotUseFolderIdForItemId ErrorCannotUseItemIdForFolderId
X   X   ErrorCalendarCannotUseIdForOccurrenceId ErrorCalendarCannotUseIdForRecurringMasterId
F1S F1S ErrorInvalidIdMalformedEwsLegacyIdFormat ErrorInvalidChangeKey
-   F1S ErrorChangeKeyRequired ErrorChangeKeyRequiredForWriteOperations ErrorStaleObject ErrorIrresolvableConflict
S   F1S ErrorObjectTypeChanged
F1A F1A ErrorInvalidFolderId

F1A F1A ErrorFolderNotFound ErrorCannotAccessDeletedPublicFolder
-   F1A ErrorParentFolderNotFound ErrorSavedItemFolderNotFound ErrorToFolderNotFound ErrorFolderExists ErrorInvalidParentFolder
F1A -   ErrorSyncFolderNotFound ErrorInvalidSyncStateData
S   S   ErrorFolderCorrupt ErrorInvalidFolderTypeForOperation
-   R3S ErrorFolderSave ErrorFolderSaveFailed
-   S   ErrorFolderSavePropertyError ErrorCannotCreateCalendarItemInNonCalendarFolder ErrorCannotCreateContactInNonContactFolder
-   S   ErrorCannotCreatePostItemInNonMailFolder ErrorCannotCreateTaskInNonTaskFolder
S   -   ErrorSearchFolderNotInitialized
X   -   ErrorFolderPropertRequestFailed ErrorInvalidPagingMaxRows ErrorInvalidIndexedPagingParameters ErrorInvalidFractionalPagingParameters
-   X   ErrorNoFolderClassOverride
-   A   ErrorCreateSubfolderAccessDenied
X   X   ErrorOperationNotAllowedWithPublicFolderRoot
R3S R3S ErrorPublicFolderOperationFailed
R3A R3A ErrorPublicFolderMailboxDiscoveryFailed ErrorNoPublicFolderServerAvailable ErrorPublicFolderRequestProcessingFailed
R   U   ErrorPublicFolderSyncException
A   A   ErrorNoPublicFolderReplicaAvailable ErrorPublicFolderServerNotFound

A   A   ErrorAccessDenied ErrorRecoverableItemsAccessDenied ErrorImpersonateUserDenied ErrorImpersonationDenied ErrorNonExistentMailbox
-   A   ErrorCreateItemAccessDenied
R1A R1A ErrorImpersonationFailed ErrorInvalidClientSecurityContext
X   X   ErrorInvalidExchangeImpersonationHeaderData ErrorMoreThanOneAccessModeSpecified ErrorInvalidSmtpAddress ErrorMissingEmailAddress
A   A   ErrorNonPrimarySmtpAddress ErrorInvalidUserPrincipalName ErrorInvalidSid ErrorInvalidUserSid ErrorMissingExchangePrincipal
A   A   ErrorCannotFindUser ErrorAccountDisabled ErrorPasswordExpired ErrorPasswordChangeRequired ErrorInvalidLicense
A   A   ErrorOrganizationAccessBlocked ErrorMailboxConfiguration ErrorCallerIsInvalidADAccount ErrorInvalidAuthorizationContext
A   A   ErrorInvalidSerializedAccessToken ErrorTokenSerializationDenied ErrorNoOAuthServerAvailableForRequest
A   A   ErrorInvalidCrossForestCredentials ErrorProxyGroupSidLimitExceeded ErrorProxyRequestNotAllowed
A   A   ErrorNoDestinationCASDueToKerberosRequirements ErrorNoDestinationCASDueToSSLRequirements
A   A   ErrorNoDestinationCASDueToVersionMismatch ErrorDuplicateLegacyDistinguishedName
S   S   ErrorArchiveMailboxNotEnabled
R3S R3S ErrorArchiveMailboxServiceDiscoveryFailed
R3S -   ErrorArchiveMailboxSearchFailed
F1A F1A ErrorCrossSiteRequest
X   X   ErrorMultiLegacyMailboxAccess

X   X   ErrorSchemaValidation ErrorInvalidRequest ErrorInvalidOperation ErrorMissingArgument ErrorInvalidArgument
X   X   ErrorDuplicateSOAPHeader ErrorInvalidManagementRoleHeader ErrorUnsupportedCulture ErrorInvalidExtendedProperty
X   X   ErrorNoPropertyTagForCustomProperties ErrorUnsupportedMapiPropertyType ErrorInvalidValueForProperty ErrorValueOutOfRange
X   -   ErrorInvalidPropertyRequest ErrorUnsupportedPathForQuery ErrorUnsupportedPathForSortGroup ErrorRestrictionTooLong
X   -   ErrorRestrictionTooComplex ErrorContentIndexingNotEnabled
-   X   ErrorInvalidExtendedPropertyValue ErrorIncorrectUpdatePropertyCount ErrorUpdatePropertyMismatch ErrorMessageDispositionRequired
-   X   ErrorSendMeetingInvitationsOrCancellationsRequired ErrorSendMeetingInvitationsRequired
A   A   ErrorInvalidServerVersion ErrorIncorrectSchemaVersion ErrorInvalidSchemaVersionForMailboxVersion ErrorWrongServerVersionDelegate
F1A F1A ErrorWrongServerVersion

R2S U   NoData EmptyData
`

var codes = addOthers(parseCodes(codeTable))

type codeRow struct{ read, write string }

func parseCodes(table string) map[string]codeRow {
	rows := make(map[string]codeRow)
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		for _, code := range fields[min(2, len(fields)):] {
			rows[code] = codeRow{fields[0], fields[1]}
		}
	}
	return rows
}

// refusedUpFront are the codes of faults after which surely nothing was written.
// What is an abort or a bug in the table is one as well.
var refusedUpFront = map[string]bool{"ErrorServerBusy": true, "ErrorExceededConnectionCount": true}

// ActionFor returns what to do when op failed with e. A code in a fault concerns
// the whole request, a code in an answer one item. An upload that may have been
// executed and was not answered item by item is Unknown.
func ActionFor(op string, e *Error) Action {
	if e == nil {
		return Action{}
	}
	writes := op == opUpload || op == opCreateFolder
	whole := e.Scope == ScopeHTTP || e.Scope == ScopeFault
	last := Skip
	if whole {
		last = Abort
	}
	var action Action
	row, known := codes[e.Cause()]
	if !known {
		row, known = codes[e.Code]
	}
	text := row.read
	if writes {
		text = row.write
	}
	switch {
	case e.Scope == ScopeBatch:
		return Action{Verb: Resend}
	case e.Scope == ScopeHTTP && e.Code == "":
		action = httpAction(e)
	case row == ofOthers:
		action = otherAction(whole)
	case !known || text == "-" && e.Code != "NoError":
		action = Action{Verb: Retry, Retries: 2, Then: last}
	default:
		action = parseAction(text, last)
	}
	if whole && op == opUpload && !refusedUpFront[e.Cause()] {
		switch action.Verb {
		case Retry, Bisect:
			return Action{Verb: Unknown}
		case Split:
			if e.Scope == ScopeFault {
				return Action{Verb: Unknown}
			}
		}
	}
	return action
}

var verbOf = map[byte]Verb{
	'-': None, 'R': Retry, 'N': Resend, 'P': Split, 'B': Bisect, 'S': Skip,
	'A': Abort, 'U': Unknown, 'F': Refresh, 'X': Bug,
}

func parseAction(text string, last Verb) Action {
	a := Action{Verb: verbOf[text[0]]}
	switch text = text[1:]; {
	case a.Verb == Retry && text == "":
		a.Retries, a.Then = someRetries, last
	case a.Verb == Split && text == "":
		a.Then = last
	case text != "":
		a.Then = verbOf[text[len(text)-1]]
		if text[0] == 'L' {
			a.Retries = longRetries
		} else if text[0] >= '0' && text[0] <= '9' {
			a.Retries = int(text[0] - '0')
		}
	}
	return a
}

// httpAction is for answers that are not SOAP.
func httpAction(e *Error) Action {
	again := Action{Verb: Retry, Retries: someRetries, Then: Abort}
	switch status := e.HTTPStatus; {
	case status == http.StatusNotFound && e.Values["TooLarge"] != "", status == http.StatusRequestEntityTooLarge:
		return Action{Verb: Split, Then: Skip}
	case e.Values["Transient"] != "", status >= 500 && status != http.StatusNotImplemented, status == http.StatusTooManyRequests:
		return again
	case status == http.StatusNotImplemented, status == http.StatusBadRequest:
		return Action{Verb: Bug}
	}
	return Action{Verb: Abort}
}
