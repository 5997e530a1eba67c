package awsapi

import (
	"iter"
	"strings"
)

// Kind is what a Shape's value is.
type Kind uint8

// The kinds; the zero value means the model does not know the value.
const (
	Unknown Kind = iota
	Structure
	Union
	List
	Map
	String
	Blob
	Timestamp
	Boolean
	Integer
	Float
	Document
)

var kindNames = [...]string{"unknown", "structure", "union", "list", "map", "string", "blob", "timestamp", "boolean", "integer", "float", "document"}

// String returns the kind's name in lower case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[Unknown]
}

// TimestampFormat is how a timestamp is written.
type TimestampFormat uint8

// The formats; the zero value is no timestamp.
const (
	NoTimestamp  TimestampFormat = iota
	EpochSeconds                 // a number: seconds, with fractions, since 1970
	DateTime                     // RFC 3339
	HTTPDate                     // RFC 9110 IMF-fixdate
)

// Location is where a member of an operation's input or output travels.
type Location uint8

// The locations; the zero value is the body's document.
const (
	InBody Location = iota
	InHeader
	InPrefixHeaders // a map: one header for each entry, named prefix+key
	InQuery
	InQueryParams // a map: one query parameter for each entry
	InPath
	InStatus
	InPayload // the member is the whole body
)

// A Shape is a place in an operation's input or output: a value and what the
// model says of it. It is a small value to copy; the zero Shape is unknown, has
// no members, and answers no to everything.
type Shape struct {
	table  *shapeTable
	member *shapeMember // nil for what is no member of a structure
	ref    int
	naming naming
	// wrapper is the one member of an awsQuery response, whose shape this is but for that.
	wrapper string
}

// node returns the structure, list or map that s is, nil if it is none.
func (s Shape) node() *shapeNode {
	if s.table == nil || s.ref < firstNode {
		return nil
	}
	return s.table.node(s.naming, s.ref)
}

func (s Shape) at(ref int, m *shapeMember) Shape {
	return Shape{table: s.table, member: m, ref: ref, naming: s.naming}
}

// Valid reports whether the model knows the value.
func (s Shape) Valid() bool { return s.table != nil }

// Kind tells what the value is.
func (s Shape) Kind() Kind {
	switch {
	case s.table == nil:
		return Unknown
	case s.wrapper != "":
		return Structure
	case s.ref < firstNode:
		return scalarKinds[s.ref%scalarSensitive]
	}
	return s.node().kind
}

// Name is the member's name in the model, "" for what is no member.
func (s Shape) Name() string {
	if s.member == nil {
		return ""
	}
	return s.member.name
}

// WireName is the member's name on the wire: a JSON key, an XML element, a form
// key, a header or a query parameter, as protocol and location have it.
func (s Shape) WireName() string {
	if s.member == nil {
		return ""
	}
	return s.member.wire
}

// Location tells where the member travels.
func (s Shape) Location() Location {
	if s.member == nil {
		return InBody
	}
	return s.member.location
}

// Member returns the member of a structure that the body's document calls wire.
func (s Shape) Member(wire string) (Shape, bool) {
	if s.wrapper != "" {
		if wire != s.wrapper {
			return Shape{}, false
		}
		return s.at(s.ref, nil), true
	}
	if n := s.node(); n != nil {
		if m := n.byWire[wire]; m != nil {
			return s.at(m.ref, m), true
		}
	}
	return Shape{}, false
}

// Header returns the member that travels in the named header (any case); for a
// map of prefixed headers, the map.
func (s Shape) Header(name string) (Shape, bool) {
	n := s.node()
	if n == nil || s.wrapper != "" {
		return Shape{}, false
	}
	for i := range n.members {
		m := &n.members[i]
		if m.location == InHeader && strings.EqualFold(m.wire, name) || m.location == InPrefixHeaders && m.wire != m.name && hasPrefixFold(name, m.wire) {
			return s.at(m.ref, m), true
		}
	}
	return Shape{}, false
}

// Query returns the member that travels in the named query parameter.
func (s Shape) Query(name string) (Shape, bool) { return s.located(InQuery, name) }

// Label returns the member that travels in the named label of the path, "{name}"
// or "{name+}" in Operation.URI.
func (s Shape) Label(name string) (Shape, bool) {
	return s.located(InPath, strings.TrimSuffix(name, "+"))
}

func (s Shape) located(where Location, name string) (Shape, bool) {
	n := s.node()
	if n == nil || s.wrapper != "" {
		return Shape{}, false
	}
	for i := range n.members {
		if m := &n.members[i]; m.location == where && m.wire == name {
			return s.at(m.ref, m), true
		}
	}
	return Shape{}, false
}

// Form returns what a key of a query protocol's form stands for, such as
// "Tags.member.1.Key". s is an operation's input.
func (s Shape) Form(key string) (Shape, bool) {
	for key != "" {
		var part string
		part, key, _ = strings.Cut(key, ".")
		switch n := s.node(); s.Kind() {
		case Structure, Union:
			next, ok := s.Member(part)
			if !ok {
				return Shape{}, false
			}
			s = next
		case List:
			if !isNumber(part) { // the element's name comes first
				if s.Flattened() || s.naming == namesEC2 {
					return Shape{}, false
				}
				part, key, _ = strings.Cut(key, ".")
			}
			if !isNumber(part) {
				return Shape{}, false
			}
			s = s.at(n.elem, nil)
		case Map:
			if !isNumber(part) { // "entry"
				part, key, _ = strings.Cut(key, ".")
			}
			if !isNumber(part) {
				return Shape{}, false
			}
			part, key, _ = strings.Cut(key, ".")
			switch part {
			case n.keyName:
				s = s.at(n.key, nil)
			case n.elemName:
				s = s.at(n.elem, nil)
			default:
				return Shape{}, false
			}
		default:
			return Shape{}, false
		}
	}
	return s, s.Valid()
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// Members yields a structure's members by wire name, wherever they travel.
func (s Shape) Members() iter.Seq2[string, Shape] {
	return func(yield func(string, Shape) bool) {
		if s.wrapper != "" {
			yield(s.wrapper, s.at(s.ref, nil))
			return
		}
		n := s.node()
		if n == nil {
			return
		}
		for i := range n.members {
			if m := &n.members[i]; !yield(m.wire, s.at(m.ref, m)) {
				return
			}
		}
	}
}

// Elem returns a list's element or a map's value.
func (s Shape) Elem() Shape {
	if n := s.node(); n != nil && (n.kind == List || n.kind == Map) {
		return s.at(n.elem, nil)
	}
	return Shape{}
}

// Key returns a map's key.
func (s Shape) Key() Shape {
	if n := s.node(); n != nil && n.kind == Map {
		return s.at(n.key, nil)
	}
	return Shape{}
}

// ElemName is the XML element around each element of a list that is not
// flattened ("member" or "item" as a rule), or around a map's value.
func (s Shape) ElemName() string {
	if n := s.node(); n != nil {
		return n.elemName
	}
	return ""
}

// KeyName is the XML element around a map's key.
func (s Shape) KeyName() string {
	if n := s.node(); n != nil {
		return n.keyName
	}
	return ""
}

func (s Shape) trait(bit int) bool { return s.member != nil && s.member.traits&bit != 0 }

func (s Shape) flag(bit byte) bool {
	n := s.node()
	return n != nil && n.flags&bit != 0
}

// Sensitive reports whether the value, with all there is in it, is secret or
// personal: what the model marks, or the reviewed list in gen/secrets.txt adds.
func (s Shape) Sensitive() bool {
	return s.trait(traitSensitive) || s.table != nil && s.ref < firstNode && s.ref&scalarSensitive != 0 || s.wrapper == "" && s.flag(nodeSensitive)
}

// TimestampFormat tells how a timestamp is written.
func (s Shape) TimestampFormat() TimestampFormat {
	if s.table == nil || s.ref >= firstNode {
		return NoTimestamp
	}
	return scalarFormats[s.ref%scalarSensitive]
}

// IdempotencyToken reports whether clients make the value up for each call.
func (s Shape) IdempotencyToken() bool { return s.trait(traitIdempotency) }

// Flattened reports whether an XML or form list or map has no element of its own.
func (s Shape) Flattened() bool { return s.trait(traitFlattened) || s.flag(nodeFlattened) }

// Attribute reports whether an XML member is an attribute.
func (s Shape) Attribute() bool { return s.trait(traitAttribute) }

// Streaming reports whether the value is a stream of bytes, or of events.
func (s Shape) Streaming() bool { return s.trait(traitStreaming) }

// EventStream reports whether the value is a stream of events.
func (s Shape) EventStream() bool { return s.wrapper == "" && s.flag(nodeEventStream) }

// Unordered reports whether a list is known to be a set.
func (s Shape) Unordered() bool { return s.flag(nodeUnordered) }

// Required reports whether the model demands the member.
func (s Shape) Required() bool { return s.trait(traitRequired) }

// Input is the structure of the request in protocol p, all locations together.
func (o *Operation) Input(p Protocol) Shape { return o.root(p, false) }

// Output is the structure of the response in protocol p, all locations together.
func (o *Operation) Output(p Protocol) Shape { return o.root(p, true) }

func (o *Operation) root(p Protocol, output bool) Shape {
	if o == nil {
		return Shape{}
	}
	t := o.service.shapes()
	family, n := jsonFamily, namesJSON
	if p.XML() {
		family, n = xmlFamily, namesXML
		if p == EC2Query && !output {
			n = namesEC2
		}
	}
	r := t.roots[o.number]
	ref := func(f int) int {
		if output {
			return r[f].output
		}
		return r[f].input
	}
	root := ref(family)
	if root == 0 {
		root = ref(1 - family)
	}
	if root == 0 {
		return Shape{}
	}
	return Shape{table: t, ref: root - 1, naming: n}
}

// RequestBody is the shape of the request's document: inside the root element
// if it is XML. It is the payload member's where the operation has one.
func (o *Operation) RequestBody(p Protocol) Shape { return o.Input(p).payload() }

// ResponseBody is the shape of the response's document: inside the root element
// if it is XML, so that in awsQuery it has one member, "<Action>Result".
func (o *Operation) ResponseBody(p Protocol) Shape {
	s := o.Output(p)
	if p == AWSQuery && s.Valid() {
		s.wrapper = or(s.table.roots[o.number][xmlFamily].wrapper, o.Name+"Result")
		return s
	}
	return s.payload()
}

func (s Shape) payload() Shape {
	if n := s.node(); n != nil {
		for i := range n.members {
			if m := &n.members[i]; m.location == InPayload {
				return s.at(m.ref, m)
			}
		}
	}
	return s
}
