package fts

// Type is a property type ([MS-OXCDATA] 2.11.1, [MS-OXCFXICS] 2.2.4.1.1).
type Type uint16

// The property types. A multi-value type is its base type with [MultiValue].
const (
	Integer16        Type = 0x0002
	Integer32        Type = 0x0003
	Floating32       Type = 0x0004
	Floating64       Type = 0x0005
	CurrencyType     Type = 0x0006
	FloatingTimeType Type = 0x0007
	ErrorCodeType    Type = 0x000A
	Boolean          Type = 0x000B
	ObjectType       Type = 0x000D
	Integer64        Type = 0x0014
	String8          Type = 0x001E
	String           Type = 0x001F // UTF-16LE
	Time             Type = 0x0040
	GUIDType         Type = 0x0048
	ServerIDType     Type = 0x00FB
	Binary           Type = 0x0102
	MultiValue       Type = 0x1000 // bit
	CodePage         Type = 0x8000 // bit: a string in the code page of the lower bits
	StringUpload     Type = 0x84B0 // code page 1200, UTF-16LE: what ExportItems writes
	StringsUpload    Type = 0x94B0 // the same, multi-value
)
