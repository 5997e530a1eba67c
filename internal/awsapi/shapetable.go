package awsapi

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

// A shapeTable is a service's shapes: unpacked, and decoded node by node as
// somebody walks to them.
type shapeTable struct {
	names []string
	nodes []string // encoded
	roots []roots  // by operation
	// cache holds decoded nodes, for each way to name members.
	cache [namings][]atomic.Pointer[shapeNode]
}

// roots are an operation's input and output, for JSON and CBOR, then for XML
// and forms; 0 is none, else the reference is one less.
type roots [2]struct {
	input, output int
	wrapper       string // of an awsQuery response, "" for "<Action>Result"
}

const jsonFamily, xmlFamily = 0, 1

// naming is the way a protocol names members.
type naming uint8

const (
	namesJSON naming = iota
	namesXML         // also query forms
	namesEC2         // ec2Query forms
	namings
)

// References below firstNode are scalars: a kind, and 16 for a sensitive one.
const (
	firstNode       = 32
	scalarSensitive = 16
)

var scalarKinds = [scalarSensitive]Kind{String, Blob, Timestamp, Timestamp, Timestamp, Boolean, Integer, Float, Document}
var scalarFormats = [scalarSensitive]TimestampFormat{2: EpochSeconds, 3: DateTime, 4: HTTPDate}

// A shapeNode is a decoded structure, list or map.
type shapeNode struct {
	kind      Kind
	flags     byte
	members   []shapeMember
	byWire    map[string]*shapeMember // those in the body
	elem, key int
	elemName  string
	keyName   string
}

// Flags of a node.
const (
	nodeSensitive   = 0x10
	nodeFlattened   = 0x20
	nodeEventStream = 0x40
	nodeUnordered   = 0x80
)

type shapeMember struct {
	name, wire string
	ref        int
	traits     int
	location   Location
}

// Bits of a member's traits, as gen writes them.
const (
	traitSensitive = 1 << iota
	traitFlattened
	traitIdempotency
	traitStreaming
	traitRequired
	traitAttribute
	traitWireName
	traitLocation
	traitQueryName
)

var shapeDecoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err) // the options are wrong
	}
	return d
})

func newShapeTable(s *service) *shapeTable {
	data, err := shapeDecoder().DecodeAll([]byte(s.shapeData), nil)
	if err != nil {
		panic("awsapi: table.bin: shapes of " + s.id + ": " + err.Error())
	}
	d := decoder{rest: string(data)}
	t := &shapeTable{names: d.list()}
	t.nodes = make([]string, d.uint())
	sizes := make([]int, len(t.nodes))
	for i := range sizes {
		sizes[i] = d.uint()
	}
	for i, n := range sizes {
		t.nodes[i], d.rest = d.rest[:n], d.rest[n:]
	}
	t.roots = make([]roots, len(s.operations().list))
	for i := range t.roots {
		for f := range t.roots[i] {
			r := &t.roots[i][f]
			r.input, r.output, r.wrapper = d.uint(), d.uint(), t.names[d.uint()]
		}
	}
	for i := range t.cache {
		t.cache[i] = make([]atomic.Pointer[shapeNode], len(t.nodes))
	}
	return t
}

// node returns a node, decoding it if nobody asked for it before.
func (t *shapeTable) node(n naming, ref int) *shapeNode {
	slot := &t.cache[n][ref-firstNode]
	if node := slot.Load(); node != nil {
		return node
	}
	node := t.decode(n, t.nodes[ref-firstNode])
	slot.Store(node) // two at once make two equal ones
	return node
}

func (t *shapeTable) decode(n naming, data string) *shapeNode {
	d := decoder{rest: data}
	b := d.byte()
	node := &shapeNode{kind: [...]Kind{Structure, Union, List, Map}[b&0x0f], flags: b &^ 0x0f}
	switch node.kind {
	case List:
		node.elem, node.elemName = d.uint(), or(t.names[d.uint()], "member")
		return node
	case Map:
		node.key, node.keyName = d.uint(), or(t.names[d.uint()], "key")
		node.elem, node.elemName = d.uint(), or(t.names[d.uint()], "value")
		return node
	}
	node.members = make([]shapeMember, d.uint())
	node.byWire = make(map[string]*shapeMember, len(node.members))
	for i := range node.members {
		m := &node.members[i]
		m.name = t.names[d.uint()]
		m.ref, m.traits = d.uint(), d.uint()
		m.wire = m.name
		if m.traits&traitWireName != 0 {
			m.wire = t.names[d.uint()]
		}
		if m.traits&traitLocation != 0 {
			m.location = Location(d.byte())
		}
		queryName := ""
		if m.traits&traitQueryName != 0 {
			queryName = t.names[d.uint()]
		}
		if n == namesEC2 && m.location == InBody {
			m.wire = or(queryName, strings.ToUpper(m.wire[:min(1, len(m.wire))])+m.wire[min(1, len(m.wire)):])
		}
		if m.location == InBody || m.location == InPayload {
			node.byWire[m.wire] = m
		}
	}
	return node
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
