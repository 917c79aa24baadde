package ewstest

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"mailferry/ews/ewstest/ewsid"
	"mailferry/ews/ewstest/schema"
	"mailferry/ews/ewstest/shape"
	"mailferry/ews/ewstest/soap"
)

// convertID changes the format of ids. It needs no access, and takes any
// mailbox for an answer: it tells the right one, which clients use to learn
// their own address.
func (c *call) convertID() *soap.Error {
	op := c.req.Operation
	to := op.Value("DestinationFormat")
	return c.batch("ConvertId", "", op.Child("m:SourceIds").Children, func(n *schema.Node) (func(), *soap.Error) {
		if n.Name != "t:AlternateId" {
			return nil, soap.Fail("ErrorInvalidOperation", "There are no public folders.")
		}
		id, ok := parseID(n.Value("Format"), n.Value("Id"))
		if !ok {
			return nil, errIDMalformed
		}
		b, err := c.open(id)
		if err != nil {
			return nil, err
		}
		return func() {
			c.Out.Empty("m:AlternateId", c.xsiType("AlternateIdType", "Format", to, "Id", formatID(to, id, c.Packed), "Mailbox", b.Address())...)
		}, nil
	})
}

// xsiType names the derived type of an element and its attributes.
func (c *call) xsiType(name string, attrs ...string) []string {
	return append([]string{"xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance", "xsi:type", c.Out.Style().Types + name}, attrs...)
}

// parseID reads an id in one of the formats.
func parseID(format, text string) (ewsid.ID, bool) {
	var entry []byte
	switch format {
	case "EwsId", "EwsLegacyId":
		return ewsid.Decode(text)
	case "OwaId":
		return ewsid.Decode(strings.NewReplacer("-", "/", "_", "+").Replace(text))
	case "EntryId", "StoreId":
		entry, _ = base64.StdEncoding.DecodeString(text)
	case "HexEntryId":
		entry, _ = hex.DecodeString(text)
	}
	return ewsid.FromEntryID(entry) // which is what an EwsId wraps
}

func formatID(format string, id ewsid.ID, packed bool) string {
	switch format {
	case "OwaId":
		return strings.NewReplacer("/", "-", "+", "_").Replace(id.Encode(packed))
	case "EntryId", "StoreId":
		return base64.StdEncoding.EncodeToString(id.EntryID())
	case "HexEntryId":
		return strings.ToUpper(hex.EncodeToString(id.EntryID()))
	}
	return id.Encode(packed)
}

// resolveNames finds mailboxes by their address or its beginning.
func (c *call) resolveNames() *soap.Error {
	op := c.req.Operation
	return c.batch("ResolveNames", "", []*schema.Node{op}, func(*schema.Node) (func(), *soap.Error) {
		entry := strings.ToLower(strings.TrimPrefix(op.ChildText("m:UnresolvedEntry"), "smtp:"))
		var found []*box
		for _, b := range c.s.boxes {
			if strings.HasPrefix(b.Address(), entry) {
				found = append(found, b)
			}
		}
		if len(found) == 0 {
			return nil, soap.Fail("ErrorNameResolutionNoResults", "No results were found.")
		}
		return func() {
			c.Out.Start("m:ResolutionSet", "TotalItemsInView", itoa(len(found)), "IncludesLastItemInRange", "true")
			for _, b := range found {
				name, _, _ := strings.Cut(b.Address(), "@")
				c.Out.Start("t:Resolution")
				shape.WriteMailbox(c.Out, name, b.Address(), false)
				c.Out.End()
			}
			c.Out.End()
		}, nil
	})
}
