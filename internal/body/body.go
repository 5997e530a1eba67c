// Package body reads the body of an AWS request or response into one kind of
// tree, whatever it was written in: JSON, XML, CBOR, a form, an event stream,
// text or bytes. A Tree keeps where each value stood on the wire, so that
// chosen values can be replaced while every other byte stays as it was.
//
// A Tree is made to be used again: parsing into one that has already seen a
// body of the same size allocates nothing. Every decoder works in linear time,
// takes its memory from the Tree's own arrays and stops at the limits of
// [Options]; a body that is not what it claims to be is not an error to fail
// on but a value to compare: it becomes one opaque scalar, and [Tree.Parse]
// says why.
package body

import (
	"fmt"
	"unicode/utf8"
)

// Format is a way of writing a body.
type Format uint8

// The formats. Auto is no format of a parsed tree, but asks for [Detect].
const (
	Auto Format = iota
	Empty
	JSON
	XML
	CBOR
	Form
	EventStream
	Text
	Bytes
)

// String returns the name that messages use.
func (f Format) String() string {
	return [...]string{"auto", "empty", "JSON", "XML", "CBOR", "form", "event stream", "text", "bytes"}[f]
}

// Kind is what a node is. XML knows only String and Object.
type Kind uint8

// The kinds of a node.
const (
	Null Kind = iota
	Bool
	Number // Text is the number as written, or decimal for a binary one
	String
	Time   // a CBOR tag 1 or an event stream timestamp; Text is the number in decimal
	Binary // a CBOR byte string, a binary header, a body that is not text
	Array
	Object // an XML Object may have several children of one key
)

// String returns the name that differences use.
func (k Kind) String() string {
	return [...]string{"null", "boolean", "number", "string", "timestamp", "bytes", "list", "object"}[k]
}

// Scalar reports whether a node of this kind has a text and no children
// besides a nested document.
func (k Kind) Scalar() bool { return k < Array }

// Node names a node of a Tree. Nodes are numbered in the order in which they
// begin on the wire: a node's descendants directly follow it.
type Node int32

// None is the absence of a node.
const None Node = -1

// Options say how to read a body. The zero value detects the format, looks
// into no strings and applies the default limits.
type Options struct {
	Format      Format // Auto detects it
	ContentType string // the Content-Type header; a hint that the content can overrule
	Nested      bool   // read JSON documents inside strings, also URL-encoded ones
	Base64      bool   // with Nested, also JSON inside base64
	MaxSize     int    // bytes of body; default 64 MiB
	MaxDepth    int    // levels of nesting; default 512
	MaxNodes    int    // values in the body; default 2 Mi
}

const (
	defaultMaxSize  = 64 << 20
	defaultMaxDepth = 512
	defaultMaxNodes = 2 << 20
	maxNests        = 3 // documents within documents within documents
)

// Error says why a body could not be read in its format.
type Error struct {
	Format Format
	Offset int // byte of the body at which reading stopped
	Reason string
}

// Error returns the reason with its place.
func (e *Error) Error() string {
	return fmt.Sprintf("not %s at byte %d: %s", e.Format, e.Offset, e.Reason)
}

// enc is how a scalar stands on the wire, or what a container was.
type enc uint8

const (
	encOpaque enc = iota // cannot be replaced
	encRaw               // the bytes themselves
	encJSONString
	encJSONNumber
	encXMLText
	encXMLCDATA
	encXMLAttr
	encXMLEmpty // <a/>; the span is the whole tag
	encForm
	encCBORText
	encCBORBytes
	encCBORNumber
	encFrameText // a string header: length in two bytes, then the bytes
	encFrame     // a frame of an event stream
)

// inArena marks an offset into the arena rather than into the body.
const inArena = 1 << 31

type node struct {
	kind       Kind
	enc        enc
	nested     bool   // a String that holds a document, whose root follows
	keyEnc     enc    // how the key stands on the wire
	end        Node   // first node after this one and its descendants
	parent     Node   // None for the root
	count      uint32 // children
	key, keyN  uint32
	text, texN uint32
	wire, wirN uint32
}

// nest is a document inside a scalar's text.
type nest struct {
	node   Node
	off, n uint32 // the document, decoded
	wrap   wrap
}

type wrap uint8

const (
	wrapNone wrap = iota
	wrapURL
	wrapBase64
)

// Tree is one body. The zero value is ready to use. It must not be used by
// several goroutines at once while one of them parses.
type Tree struct {
	format Format
	src    []byte
	arena  []byte
	nodes  []node
	nests  []nest
	opt    Options
	names  []uint32 // the XML parser's open elements: offset and length of each full name
	nest   int      // how many documents deep the parser is
}

// Parse reads data, which the tree refers to until the next Parse; data must
// not change meanwhile. When data cannot be read in its format, the tree holds
// it as one scalar, Text or Bytes, and the error, an [*Error], says why.
func (t *Tree) Parse(data []byte, o Options) error {
	if o.MaxSize <= 0 {
		o.MaxSize = defaultMaxSize
	}
	if o.MaxDepth <= 0 {
		o.MaxDepth = defaultMaxDepth
	}
	if o.MaxNodes <= 0 {
		o.MaxNodes = defaultMaxNodes
	}
	t.reset(data, o)
	if len(data) == 0 {
		t.format = Empty
		return nil
	}
	f := o.Format
	if f == Auto || f == Empty {
		f = Detect(o.ContentType, data)
	}
	if len(data) > o.MaxSize || len(data) >= inArena {
		t.opaque(data)
		return &Error{Format: f, Offset: o.MaxSize, Reason: "larger than the limit"}
	}
	var err error
	t.format = f
	switch f {
	case JSON:
		err = t.parseJSON(data, 0, None, 0)
	case XML:
		err = t.parseXML(data)
	case CBOR:
		err = t.parseCBOR(data, 0, None)
	case Form:
		err = t.parseForm(data)
	case EventStream:
		err = t.parseFrames(data)
	default:
		t.opaque(data)
	}
	if err != nil {
		t.reset(data, o)
		t.opaque(data)
	}
	return err
}

func (t *Tree) reset(data []byte, o Options) {
	t.src, t.opt, t.nest = data, o, 0
	t.arena, t.nodes, t.nests = t.arena[:0], t.nodes[:0], t.nests[:0]
}

// opaque makes the tree one scalar. A body beyond 2 GiB keeps its start.
func (t *Tree) opaque(data []byte) {
	n := uint32(min(len(data), inArena-1))
	nd := node{kind: String, enc: encRaw, parent: None, texN: n, wirN: n}
	t.format = Text
	if !utf8.Valid(data) {
		nd.kind, t.format = Binary, Bytes
	}
	t.add(nd)
	if t.format == Text {
		t.look(0)
	}
}

// add appends nd and returns its name; the parent's count grows.
func (t *Tree) add(nd node) Node {
	n := Node(len(t.nodes))
	nd.end = n + 1
	t.nodes = append(t.nodes, nd)
	if nd.parent >= 0 {
		t.nodes[nd.parent].count++
	}
	return n
}

// close ends a container: all nodes added since are its descendants.
func (t *Tree) close(n Node, wireEnd uint32) Node {
	nd := &t.nodes[n]
	nd.end = Node(len(t.nodes))
	nd.wirN = wireEnd - nd.wire
	return nd.parent
}

// buf returns n bytes at off, in the body or in the arena.
func (t *Tree) buf(off, n uint32) []byte {
	if off&inArena != 0 {
		off &^= inArena
		return t.arena[off : off+n : off+n]
	}
	return t.src[off : off+n : off+n]
}

// Format returns the format in which the body was read.
func (t *Tree) Format() Format { return t.format }

// Source returns the body as given to Parse.
func (t *Tree) Source() []byte { return t.src }

// Root returns the first node; None if the body was empty.
func (t *Tree) Root() Node {
	if len(t.nodes) == 0 {
		return None
	}
	return 0
}

// Size returns the number of nodes; they are named 0 to Size()-1.
func (t *Tree) Size() int { return len(t.nodes) }

// Kind returns what n is.
func (t *Tree) Kind(n Node) Kind { return t.nodes[n].kind }

// Key returns the name of n in its parent, decoded: the member's name in an
// object, the local name of an XML element, "@name" of an XML attribute, "#text" for
// text between XML elements; empty in a list. It is valid until the next Parse.
func (t *Tree) Key(n Node) []byte {
	nd := &t.nodes[n]
	return t.buf(nd.key, nd.keyN)
}

// Text returns the decoded text of a scalar: without quotes and escapes, raw
// bytes for Binary, the digits of a Number. It is valid until the next Parse.
func (t *Tree) Text(n Node) []byte {
	nd := &t.nodes[n]
	return t.buf(nd.text, nd.texN)
}

// Wire returns n as it stands in its document, quotes and escapes included.
// For a value of a nested document that is the text of the string around it.
// Of an XML element with children it is the content, of one without the text.
func (t *Tree) Wire(n Node) []byte {
	nd := &t.nodes[n]
	return t.buf(nd.wire, nd.wirN)
}

// Offset returns where n begins in the body; false for a value that stands in
// a nested document, which has no place of its own there.
func (t *Tree) Offset(n Node) (int, bool) {
	off := t.nodes[n].wire
	return int(off &^ inArena), off&inArena == 0
}

// Len returns the number of children of an Array or Object.
func (t *Tree) Len(n Node) int {
	if t.nodes[n].kind.Scalar() {
		return 0
	}
	return int(t.nodes[n].count)
}

// First returns the first child of an Array or Object, or None.
func (t *Tree) First(n Node) Node {
	nd := &t.nodes[n]
	if nd.kind.Scalar() || nd.end == n+1 {
		return None
	}
	return n + 1
}

// Next returns the node after n among its siblings, or None.
func (t *Tree) Next(n Node) Node {
	nd := &t.nodes[n]
	if nd.parent < 0 || nd.end >= t.nodes[nd.parent].end {
		return None
	}
	return nd.end
}

// End returns the first node after n and its descendants.
func (t *Tree) End(n Node) Node { return t.nodes[n].end }

// Parent returns the container of n, the string around it for the root of a
// nested document, or None for the root.
func (t *Tree) Parent(n Node) Node { return t.nodes[n].parent }

// Nested returns the root of the document inside the string n, or None.
func (t *Tree) Nested(n Node) Node {
	if t.nodes[n].nested {
		return n + 1
	}
	return None
}

// XML reports whether n is an XML element, whose children can repeat a key.
func (t *Tree) XML(n Node) bool {
	return t.format == XML && t.nodes[n].wire&inArena == 0 && !t.inNest(n)
}

func (t *Tree) inNest(n Node) bool {
	if len(t.nests) == 0 {
		return false
	}
	for p := t.nodes[n].parent; p >= 0; p = t.nodes[p].parent {
		if t.nodes[p].nested {
			return true
		}
	}
	return false
}

// Scalars calls yield for every scalar in wire order, those of nested
// documents in place of the string around them.
func (t *Tree) Scalars(yield func(Node) bool) {
	for i := range t.nodes {
		if nd := &t.nodes[i]; nd.kind.Scalar() && !nd.nested && !yield(Node(i)) {
			return
		}
	}
}
