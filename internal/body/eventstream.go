package body

import (
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Sizes of an event stream's frame: prelude (total length, headers' length,
// their checksum), headers, payload, checksum of all before.
const (
	preludeSize = 12
	minFrame    = preludeSize + 4
	maxFrame    = 24 << 20
)

// parseFrames reads application/vnd.amazon.eventstream: an Array with one Object
// per frame, of its headers by name (":event-type") and the "payload", which is
// read in its own format. Both checksums of each frame must be right.
func (t *Tree) parseFrames(data []byte) error {
	fail := func(i int, why string) error { return &Error{Format: EventStream, Offset: i, Reason: why} }
	root := t.add(node{kind: Array, parent: None})
	for i := 0; i < len(data); {
		rest := data[i:]
		if len(rest) < minFrame {
			return fail(i, "unexpected end")
		}
		total, heads := binary.BigEndian.Uint32(rest), binary.BigEndian.Uint32(rest[4:])
		switch {
		case binary.BigEndian.Uint32(rest[8:]) != crc32.ChecksumIEEE(rest[:8]):
			return fail(i, "prelude checksum is wrong")
		case total > maxFrame || total < minFrame || heads > total-minFrame:
			return fail(i, "impossible frame length")
		case int(total) > len(rest):
			return fail(i, "unexpected end")
		case binary.BigEndian.Uint32(rest[total-4:]) != crc32.ChecksumIEEE(rest[:total-4]):
			return fail(i, "frame checksum is wrong")
		case len(t.nodes) >= t.opt.MaxNodes:
			return fail(i, "too many values")
		}
		frame := t.add(node{kind: Object, enc: encFrame, parent: root, wire: uint32(i)})
		media, at := t.frameHeaders(data, i+preludeSize, i+preludeSize+int(heads), frame)
		if at >= 0 {
			return fail(at, "bad header")
		}
		t.payload(data, i+preludeSize+int(heads), i+int(total)-4, frame, media)
		i += int(total)
		t.close(frame, uint32(i))
	}
	t.close(root, uint32(len(data)))
	return nil
}

// frameHeaders reads the headers in data[i:end]; bad is where one is malformed, or -1.
func (t *Tree) frameHeaders(data []byte, i, end int, frame Node) (media string, bad int) {
	for i < end {
		n := int(data[i])
		if i+1+n+1 > end || len(t.nodes) >= t.opt.MaxNodes {
			return "", i
		}
		nd := node{parent: frame, key: uint32(i + 1), keyN: uint32(n)}
		name := data[i+1 : i+1+n]
		i += 1 + n
		typ := data[i]
		i++
		size, ok := map[byte]int{0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}[typ]
		if typ == 6 || typ == 7 {
			if i+2 > end {
				return "", i
			}
			size, ok = 2+int(binary.BigEndian.Uint16(data[i:])), true
		}
		if !ok || i+size > end {
			return "", i
		}
		v := data[i : i+size]
		nd.wire, nd.wirN = uint32(i), uint32(size)
		if typ == 6 || typ == 7 {
			nd.kind, nd.enc = Binary, encFrameText
			if typ == 7 {
				nd.kind = String
			}
			nd.text, nd.texN = uint32(i+2), uint32(size-2)
			if string(name) == ":content-type" {
				media = string(v[2:])
			}
		} else {
			off := len(t.arena)
			nd.kind = frameScalar(&t.arena, typ, v)
			nd.text, nd.texN = inArena|uint32(off), uint32(len(t.arena)-off)
		}
		t.add(nd)
		i += size
	}
	return media, -1
}

// frameScalar appends the text of a header value of fixed size.
func frameScalar(arena *[]byte, typ byte, v []byte) Kind {
	var n int64
	for i, c := range v {
		if i == 0 {
			n = int64(int8(c))
		} else {
			n = n<<8 | int64(c)
		}
	}
	switch typ {
	case 0:
		*arena = append(*arena, "true"...)
		return Bool
	case 1:
		*arena = append(*arena, "false"...)
		return Bool
	case 8: // milliseconds since 1970
		*arena = strconv.AppendInt(*arena, n, 10)
		return Time
	case 9:
		for i, c := range v {
			if i == 4 || i == 6 || i == 8 || i == 10 {
				*arena = append(*arena, '-')
			}
			*arena = hex.AppendEncode(*arena, []byte{c})
		}
		return String
	}
	*arena = strconv.AppendInt(*arena, n, 10)
	return Number
}

// payload reads what a frame carries in the format that its header names.
func (t *Tree) payload(data []byte, i, end int, frame Node, media string) {
	off := len(t.arena)
	t.arena = append(t.arena, "payload"...)
	key := inArena | uint32(off)
	doc := data[i:end]
	nodes, nests, arena := len(t.nodes), len(t.nests), len(t.arena)
	var err error = &Error{}
	switch f := Detect(media, doc); {
	case len(doc) == 0:
	case f == JSON && !strings.Contains(media, "octet-stream"):
		err = t.parseJSON(doc, uint32(i), frame, 0)
	case f == CBOR:
		err = t.parseCBOR(doc, uint32(i), frame)
	}
	if err == nil {
		t.nodes[nodes].key, t.nodes[nodes].keyN = key, 7
		return
	}
	t.nodes, t.nests, t.arena = t.nodes[:nodes], t.nests[:nests], t.arena[:arena]
	t.nodes[frame].count = 0
	for n := frame + 1; n < Node(nodes); n = t.nodes[n].end {
		t.nodes[frame].count++
	}
	nd := node{kind: Binary, enc: encRaw, parent: frame, key: key, keyN: 7,
		text: uint32(i), texN: uint32(len(doc)), wire: uint32(i), wirN: uint32(len(doc))}
	if utf8.Valid(doc) {
		nd.kind = String
	}
	t.add(nd)
}

// appendFrame appends the frame that stands in src with other headers and
// another payload, lengths and checksums computed.
func appendFrame(dst, heads, payload []byte) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(minFrame+len(heads)+len(payload)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(heads)))
	dst = binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[start:]))
	dst = append(append(dst, heads...), payload...)
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[start:]))
}
