package fts

// Part is what a property belongs to.
type Part uint8

// The parts of an item.
const (
	PartMessage Part = iota
	PartRecipient
	PartAttachment
)

// computedFlags are the bits of PidTagMessageFlags that a store computes:
// unmodified (0x02) and has attachments (0x10).
const computedFlags = 0x02 | 0x10

// assigned has what a store sets itself when it takes in an item. Created and
// modified time, size, conversation id and item ids were observed to differ after
// ExportItems and UploadItems; the others are computed from the rest of the item
// or name a place in one store ([MS-OXCMSG] 2.2.1, [MS-OXCPRPT] 2.2.1).
var assigned = [...]map[uint16]bool{
	PartMessage: {
		0x0E02: true, // PidTagDisplayBcc, To and Cc: computed from the recipients
		0x0E03: true,
		0x0E04: true,
		0x0E08: true, // PidTagMessageSize
		0x0E09: true, // PidTagParentEntryId
		0x0E1B: true, // PidTagHasAttachments
		0x0E27: true, // PidTagSecurityDescriptor
		0x0FF4: true, // PidTagAccess
		0x0FF6: true, // PidTagInstanceKey
		0x0FF7: true, // PidTagAccessLevel
		0x0FF9: true, // PidTagRecordKey
		0x0FFA: true, // PidTagStoreRecordKey
		0x0FFB: true, // PidTagStoreEntryId
		0x0FFF: true, // PidTagEntryId
		0x3007: true, // PidTagCreationTime
		0x3008: true, // PidTagLastModificationTime
		0x300B: true, // PidTagSearchKey: a copy keeps it, not every version of a server does
		0x3013: true, // PidTagConversationId
		0x3FF8: true, // PidTagCreatorName
		0x3FF9: true, // PidTagCreatorEntryId
		0x3FFA: true, // PidTagLastModifierName
		0x3FFB: true, // PidTagLastModifierEntryId
		0x4022: true, // address type, address and names of creator and last modifier
		0x4023: true,
		0x4024: true,
		0x4025: true,
		0x4038: true,
		0x4039: true,
		0x4059: true, // PidTagCreatorFlags, PidTagLastModifierFlags
		0x405A: true,
		0x65E0: true, // PidTagSourceKey
		0x65E1: true, // PidTagParentSourceKey
		0x65E2: true, // PidTagChangeKey
		0x65E3: true, // PidTagPredecessorChangeList
	},
	PartRecipient: {
		0x0FF6:  true, // PidTagInstanceKey
		idRowid: true,
	},
	PartAttachment: {
		0x0E20:         true, // PidTagAttachSize: includes what the store needs beside the data
		idAttachNumber: true,
		0x0FF4:         true, // PidTagAccess
		0x0FF6:         true, // PidTagInstanceKey
		0x0FF7:         true, // PidTagAccessLevel
		0x0FF9:         true, // PidTagRecordKey
		0x3007:         true, // PidTagCreationTime
		0x3008:         true, // PidTagLastModificationTime
	},
}

// StoreAssigned says whether a store sets this property itself when an item is
// uploaded, so that its value at the target proves nothing. id is below 0x8000.
// Recipients keep their entry id, record key and search key: there they are
// addresses.
func StoreAssigned(part Part, id uint16) bool {
	return int(part) < len(assigned) && assigned[part][id]
}

// ignored says whether a property is no part of an item's content.
func ignored(part Part, p *propSum, t Tag) bool {
	if t.Type() == ErrorCodeType {
		return true
	}
	return p.name == nil && (metaProperty(p.id) || internalProperty(p.id) || StoreAssigned(part, p.id))
}
