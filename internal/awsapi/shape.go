package awsapi

import "iter"

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
	service *service
	naming  naming
	node    int32
	member  int32
}

// Valid reports whether the model knows the value.
func (s Shape) Valid() bool { return s.service != nil }

// Kind tells what the value is.
func (s Shape) Kind() Kind { return Unknown }

// Name is the member's name in the model, "" for what is no member.
func (s Shape) Name() string { return "" }

// WireName is the member's name on the wire: a JSON key, an XML element, a form
// key, a header or a query parameter, as protocol and location have it.
func (s Shape) WireName() string { return "" }

// Location tells where the member travels.
func (s Shape) Location() Location { return InBody }

// Member returns the member of a structure that the body's document calls wire.
func (s Shape) Member(wire string) (Shape, bool) { return Shape{}, false }

// Header returns the member that travels in the named header (any case).
func (s Shape) Header(name string) (Shape, bool) { return Shape{}, false }

// Query returns the member that travels in the named query parameter.
func (s Shape) Query(name string) (Shape, bool) { return Shape{}, false }

// Form returns what a key of a query protocol's form stands for, such as
// "Tags.member.1.Key".
func (s Shape) Form(key string) (Shape, bool) { return Shape{}, false }

// Members yields a structure's members by wire name, in the model's order.
func (s Shape) Members() iter.Seq2[string, Shape] { return func(func(string, Shape) bool) {} }

// Elem returns a list's element or a map's value.
func (s Shape) Elem() Shape { return Shape{} }

// Key returns a map's key.
func (s Shape) Key() Shape { return Shape{} }

// ElemName is the XML element around each element of a list that is not
// flattened ("member" or "item" as a rule), or around a map's value.
func (s Shape) ElemName() string { return "" }

// KeyName is the XML element around a map's key.
func (s Shape) KeyName() string { return "" }

// Sensitive reports whether the value is a secret or personal: what the model
// marks, or the reviewed overlay adds.
func (s Shape) Sensitive() bool { return false }

// TimestampFormat tells how a timestamp is written.
func (s Shape) TimestampFormat() TimestampFormat { return NoTimestamp }

// IdempotencyToken reports whether clients make the value up for each call.
func (s Shape) IdempotencyToken() bool { return false }

// Flattened reports whether an XML or query list or map has no element of its own.
func (s Shape) Flattened() bool { return false }

// Attribute reports whether an XML member is an attribute.
func (s Shape) Attribute() bool { return false }

// Streaming reports whether the value is a stream of bytes, or of events.
func (s Shape) Streaming() bool { return false }

// Unordered reports whether a list is known to be a set.
func (s Shape) Unordered() bool { return false }

// Required reports whether the model demands the member.
func (s Shape) Required() bool { return false }

type naming uint8
