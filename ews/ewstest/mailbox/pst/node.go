package pst

import (
	"encoding/binary"
	"errors"
	"fmt"

	pst "github.com/mooijtech/go-pst/v6/pkg"

	"mailferry/fts"
)

// file is an open PST file with the names of its named properties.
type file struct {
	*pst.File
	names map[uint16]fts.Name
	page  int // code page of its 8-bit strings, 0 for Windows-1252
}

// node is a node with a heap and its subnodes.
type node struct {
	heap *pst.HeapOnNode
	subs []pst.LocalDescriptor
}

var errDamaged = errors.New("damaged")

// node opens a node of the file.
func (f *file) node(nid pst.Identifier) (node, error) {
	n, err := f.GetNodeBTreeNode(nid)
	if err != nil {
		return node{}, err
	}
	return f.open(n.DataIdentifier, n.LocalDescriptorsIdentifier)
}

// sub opens a subnode.
func (f *file) sub(d pst.LocalDescriptor) (node, error) {
	return f.open(d.DataIdentifier, d.LocalDescriptorsIdentifier)
}

func (f *file) open(data, subs pst.Identifier) (node, error) {
	block, err := f.GetBlockBTreeNode(data)
	if err != nil {
		return node{}, err
	}
	heap, err := f.GetHeapOnNode(block)
	if err != nil {
		return node{}, err
	}
	n := node{heap: heap}
	if subs != 0 {
		n.subs, err = f.subnodes(subs, 0)
	}
	return n, err
}

// subData reads the data of a subnode that is no heap.
func (f *file) subData(d pst.LocalDescriptor) ([]byte, error) {
	block, err := f.GetBlockBTreeNode(d.DataIdentifier)
	if err != nil {
		return nil, err
	}
	heap, err := f.GetHeapOnNode(block)
	if err != nil {
		return nil, err
	}
	return readAll(heap.Reader)
}

func readAll(r *pst.HeapOnNodeReader) ([]byte, error) {
	b := make([]byte, r.Size())
	if len(b) == 0 {
		return b, nil
	}
	_, err := r.ReadAt(b, 0)
	return b, err
}

// subnodes reads the list of subnodes ([MS-PST] 2.2.2.8.3.3), which is a tree
// of two levels where there are many.
func (f *file) subnodes(bid pst.Identifier, depth int) ([]pst.LocalDescriptor, error) {
	block, err := f.GetBlockBTreeNode(bid)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, block.Size)
	if _, err := f.Reader.ReadAt(raw, block.FileOffset); err != nil {
		return nil, err
	}
	head, word := 8, 8
	if f.FormatType == pst.FormatTypeANSI {
		head, word = 4, 4
	}
	if len(raw) < head || raw[0] != 2 || raw[1] > 1 || depth > 1 {
		return nil, fmt.Errorf("list of subnodes: %w", errDamaged)
	}
	leaf, count := raw[1] == 0, int(binary.LittleEndian.Uint16(raw[2:]))
	size := 2 * word
	if leaf {
		size = 3 * word
	}
	if raw = raw[head:]; len(raw) < count*size {
		return nil, fmt.Errorf("list of subnodes: %w", errDamaged)
	}
	var all []pst.LocalDescriptor
	for i := range count {
		entry := raw[i*size:]
		first, second := pst.Identifier(le32(entry)), pst.Identifier(le32(entry[word:]))
		if leaf {
			all = append(all, pst.LocalDescriptor{
				Identifier: first, DataIdentifier: second, LocalDescriptorsIdentifier: pst.Identifier(le32(entry[2*word:])),
			})
			continue
		}
		below, err := f.subnodes(second, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	return all, nil
}

// value reads what a heap or node id points to; nothing for 0.
func (f *file) value(n node, hnid pst.Identifier) ([]byte, error) {
	if hnid == 0 {
		return nil, nil
	}
	r, err := f.GetHeapOnNodeReaderFromHNID(hnid, *n.heap.Reader, n.subs...)
	if err != nil {
		return nil, err
	}
	return readAll(r)
}

// properties reads a property context ([MS-PST] 2.3.3). Values of type object
// are returned as the nodes that hold them.
func (f *file) properties(n node) (fts.Props, map[uint16]pst.Identifier, error) {
	header, err := f.GetBTreeOnHeapHeader(n.heap)
	if err != nil {
		return nil, nil, err
	}
	if header.KeySize != 2 || header.ValueSize != 6 {
		return nil, nil, fmt.Errorf("property context: %w", errDamaged)
	}
	records, err := f.records(n, header.HIDRoot, int(header.Levels))
	if err != nil {
		return nil, nil, err
	}
	var props fts.Props
	var objects map[uint16]pst.Identifier
	cells := make([]cell, 0, len(records)/8)
	for ; len(records) >= 8; records = records[8:] {
		cells = append(cells, cell{
			id: binary.LittleEndian.Uint16(records), kind: fts.Type(binary.LittleEndian.Uint16(records[2:])), raw: records[4:8],
		})
	}
	f.choosePage(cells)
	for _, c := range cells {
		if size := fixedSize(c.kind); size < 0 || size > 4 {
			if c.raw, err = f.value(n, pst.Identifier(le32(c.raw))); err != nil {
				return nil, nil, fmt.Errorf("property %04x: %w", c.id, err)
			}
		}
		if c.kind == fts.ObjectType {
			if len(c.raw) >= 4 {
				if objects == nil {
					objects = map[uint16]pst.Identifier{}
				}
				objects[c.id] = pst.Identifier(le32(c.raw))
			}
			continue
		}
		if p, ok := f.prop(c); ok {
			props = append(props, p)
		}
	}
	return props, objects, nil
}

// records returns the leaf records of a B-tree on the heap ([MS-PST] 2.3.2).
func (f *file) records(n node, hid pst.Identifier, levels int) ([]byte, error) {
	if hid == 0 || levels > 8 {
		return nil, nil
	}
	raw, err := f.value(n, hid)
	if err != nil || levels == 0 {
		return raw, err
	}
	var all []byte
	for ; len(raw) >= 6; raw = raw[6:] {
		below, err := f.records(n, pst.Identifier(le32(raw[2:])), levels-1)
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	return all, nil
}

// table reads all rows of a table context.
func (f *file) table(n node) ([]fts.Props, error) {
	t, err := f.GetTableContext(n.heap, n.subs)
	if errors.Is(err, pst.ErrTableContextNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows := make([]fts.Props, 0, len(t.Properties))
	for _, row := range t.Properties {
		cells := make([]cell, 0, len(row))
		for _, p := range row {
			c := cell{id: p.ID, kind: fts.Type(p.Type), raw: p.Data}
			if p.Data == nil {
				if c.raw, err = f.value(n, p.HNID); err != nil {
					return nil, fmt.Errorf("property %04x: %w", p.ID, err)
				}
			}
			cells = append(cells, c)
		}
		var props fts.Props
		for _, c := range cells {
			if p, ok := f.prop(c); ok {
				props = append(props, p)
			}
		}
		rows = append(rows, props)
	}
	return rows, nil
}

func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
