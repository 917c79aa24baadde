package ewstest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"mailferry/ews/ewstest/schema"
)

// convertID changes the format of ids. It needs no access, and takes any
// mailbox for an answer: it tells the right one, which clients use to learn
// their own address.
func (c *call) convertID() *codeError {
	op := c.req.Operation
	to := op.Value("DestinationFormat")
	return c.batch("ConvertId", "", op.Child("m:SourceIds").Children, func(n *schema.Node) (func(), *codeError) {
		if n.Name != "t:AlternateId" {
			return nil, fail("ErrorInvalidOperation", "There are no public folders.")
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
			c.out.empty("m:AlternateId", c.xsiType("AlternateIdType", "Format", to, "Id", formatID(to, id, c.packed), "Mailbox", b.Address())...)
		}, nil
	})
}

// xsiType names the derived type of an element and its attributes.
func (c *call) xsiType(name string, attrs ...string) []string {
	return append([]string{"xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance", "xsi:type", c.out.style.types + name}, attrs...)
}

// parseID reads an id in one of the formats.
func parseID(format, text string) (objectID, bool) {
	var entry []byte
	switch format {
	case "EwsId", "EwsLegacyId":
		return decodeID(text)
	case "OwaId":
		return decodeID(strings.NewReplacer("-", "/", "_", "+").Replace(text))
	case "EntryId", "StoreId":
		entry, _ = base64.StdEncoding.DecodeString(text)
	case "HexEntryId":
		entry, _ = hex.DecodeString(text)
	}
	// What an EwsId wraps is the same entry id.
	for _, size := range []int{folderEntryID, itemEntryID} {
		if len(entry) != size {
			continue
		}
		guid := entry[4:20]
		text := guidText(guid)
		id := objectID{mailbox: text, folder: size == folderEntryID, n: counterAt(entry, size)}
		if !id.folder {
			id.parent = counterAt(entry, folderEntryID)
		}
		return id, bytes.Equal(id.entryID(), entry)
	}
	return objectID{}, false
}

func formatID(format string, id objectID, packed bool) string {
	switch format {
	case "OwaId":
		return strings.NewReplacer("/", "-", "+", "_").Replace(id.encode(packed))
	case "EntryId", "StoreId":
		return base64.StdEncoding.EncodeToString(id.entryID())
	case "HexEntryId":
		return strings.ToUpper(hex.EncodeToString(id.entryID()))
	}
	return id.encode(packed)
}

// resolveNames finds mailboxes by their address or its beginning.
func (c *call) resolveNames() *codeError {
	op := c.req.Operation
	return c.batch("ResolveNames", "", []*schema.Node{op}, func(*schema.Node) (func(), *codeError) {
		entry := strings.ToLower(strings.TrimPrefix(op.ChildText("m:UnresolvedEntry"), "smtp:"))
		var found []*box
		for _, b := range c.s.boxes {
			if strings.HasPrefix(b.Address(), entry) {
				found = append(found, b)
			}
		}
		if len(found) == 0 {
			return nil, fail("ErrorNameResolutionNoResults", "No results were found.")
		}
		return func() {
			c.out.start("m:ResolutionSet", "TotalItemsInView", itoa(len(found)), "IncludesLastItemInRange", "true")
			for _, b := range found {
				name, _, _ := strings.Cut(b.Address(), "@")
				c.out.start("t:Resolution")
				writeMailbox(c.out, name, b.Address(), false)
				c.out.end()
			}
			c.out.end()
		}, nil
	})
}
