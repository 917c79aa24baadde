package fts

// The markers of an item ([MS-OXCFXICS] 2.2.4.1.4).
const (
	markNewAttach  = 0x40000003
	markStartEmbed = 0x40010003
	markEndEmbed   = 0x40020003
	markStartRecip = 0x40030003
	markEndToRecip = 0x40040003
	markEndAttach  = 0x400E0003
)

// foreignMarkers are known and have no place in an item.
var foreignMarkers = map[uint32]string{
	0x40180003: "FXErrorInfo", 0x40090003: "StartTopFld", 0x400A0003: "StartSubFld", 0x400B0003: "EndFolder",
	0x400C0003: "StartMessage", 0x400D0003: "EndMessage", 0x40100003: "StartFAIMsg", 0x40120003: "IncrSyncChg",
	0x40130003: "IncrSyncDel", 0x40140003: "IncrSyncEnd", 0x40150003: "IncrSyncMessage", 0x402F0003: "IncrSyncRead",
	0x403A0003: "IncrSyncStateBegin", 0x403B0003: "IncrSyncStateEnd", 0x4074000B: "IncrSyncProgressMode",
	0x4075000B: "IncrSyncProgressPerMsg", 0x407B0102: "IncrSyncGroupInfo", 0x407D0003: "IncrSyncChgPartial",
}

// Ids of meta-properties ([MS-OXCFXICS] 2.2.4.1.5): properties of the stream, not of the item.
const (
	idFXDelProp = 0x4016
	idDNPrefix  = 0x4008
	idEcWarning = 0x400F
)

// What a MetaTagFXDelProp announces.
const (
	tagMessageRecipients  = 0x0E12000D
	tagMessageAttachments = 0x0E13000D
)

// Ids that the grammar gives a place of their own.
const (
	idRowid        = 0x3000
	idAttachNumber = 0x0E21
	idMid          = 0x674A
	idAttachData   = 0x3701
	idMessageFlags = 0x0E07
	idMessageClass = 0x001A

	idMessageCodepage  = 0x3FFD
	idInternetCodepage = 0x3FDE
	idBody             = 0x1000
	idHTML             = 0x1013
	idRTF              = 0x1009
)

// metaProperty says whether id is one of the stream's own.
func metaProperty(id uint16) bool {
	return id == idFXDelProp || id == idDNPrefix || id == idEcWarning
}

// internalProperty says whether id is in the range that providers use for
// themselves; a stream should not have it and a reader ignores it
// ([MS-OXCFXICS] 3.2.5.12).
func internalProperty(id uint16) bool { return id >= 0x6600 && id <= 0x67FF }
