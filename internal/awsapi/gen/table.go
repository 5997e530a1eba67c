package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// An encoder writes the table's two primitive forms.
type encoder struct{ b []byte }

func (e *encoder) uint(n int)      { e.b = binary.AppendUvarint(e.b, uint64(n)) }
func (e *encoder) text(s string)   { e.uint(len(s)); e.b = append(e.b, s...) }
func (e *encoder) byte(b byte)     { e.b = append(e.b, b) }
func (e *encoder) list(l []string) { e.uint(len(l)); e.texts(l) }
func (e *encoder) texts(l []string) {
	for _, s := range l {
		e.text(s)
	}
}

// Magic begins the table; internal/awsapi checks it.
const magic = "awsapi 1\n"

// encode writes the table: the digest of the generator, an index of partitions
// and services, and for each service its operations, then its shapes.
func encode(digest string, partitions []*partition, services []*mergedService, hosts string, secrets *overlay) ([]byte, error) {
	var index, sections encoder
	index.uint(len(partitions))
	for _, p := range partitions {
		prefixes, err := p.regionPrefixes()
		if err != nil {
			return nil, err
		}
		index.text(p.ID)
		index.text(p.Outputs.DNSSuffix)
		index.text(p.Outputs.DualStackDNSSuffix)
		index.text(p.Outputs.ImplicitGlobal)
		index.list(prefixes)
	}
	index.uint(len(services))
	for _, s := range services {
		index.text(s.id)
		index.list(s.signing)
		index.list(s.uids)
		index.list(s.targets)
		index.list(s.versions)
		index.list(s.prefixes)
		index.text(string(s.protocols))
		index.text(s.global)
		index.list(s.segments())
		rules := compact(s.endpointRows, partitions)
		index.text(basePath(rules))
		names := hostNames(rules, s.dashPrefixes())
		index.uint(len(names))
		for _, n := range names {
			index.text(n.key)
			index.byte(byte(n.variant))
			index.text(n.signs)
		}
		var e encoder
		e.uint(len(rules))
		for _, r := range rules {
			e.byte(byte(r.variant))
			e.texts([]string{r.scope, r.template, r.signingName, r.signRegion})
		}
		index.text(string(e.b))
		start := len(sections.b)
		encodeOperations(&sections, s)
		index.uint(start)
		index.uint(len(sections.b) - start)
		shapes, err := encodeShapes(s, secrets)
		if err != nil {
			return nil, err
		}
		start = len(sections.b)
		sections.b = append(sections.b, shapes...)
		index.uint(start)
		index.uint(len(sections.b) - start)
	}
	names, err := parseNames(hosts, services)
	if err != nil {
		return nil, err
	}
	index.uint(len(names) / 3)
	index.texts(names)
	var out encoder
	out.b = append(out.b, magic...)
	out.text(digest)
	out.uint(len(index.b))
	out.b = append(out.b, index.b...)
	out.b = append(out.b, sections.b...)
	return out.b, secrets.unused()
}

func encodeOperations(e *encoder, s *mergedService) {
	e.uint(len(s.operations))
	for _, o := range s.operations {
		e.text(o.name)
		e.text(o.hostPrefix)
		e.byte(o.flags)
		routes := o.routes
		if !s.rest() {
			routes = nil // POST / throughout
		}
		e.uint(len(routes))
		for _, r := range routes {
			e.text(r.method)
			e.text(r.uri)
			e.list(r.query)
			e.list(r.headers)
		}
	}
}

// rest reports whether operations differ by method and path.
func (s *mergedService) rest() bool {
	return slices.Contains(s.protocols, 3) || slices.Contains(s.protocols, 4)
}

// segments lists the first path segments of a REST service's templates that are
// no labels: what tells the service of a request that says nothing else of it.
func (s *mergedService) segments() []string {
	var out []string
	for _, o := range s.operations {
		for _, r := range o.routes {
			path, _, _ := strings.Cut(r.uri, "?")
			first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
			if s.rest() && first != "" && !strings.HasPrefix(first, "{") {
				out = appendNew(out, first)
			}
		}
	}
	slices.Sort(out)
	return out
}

// dashPrefixes lists the host prefixes that become part of the first label: "data-".
func (s *mergedService) dashPrefixes() []string {
	var out []string
	for _, o := range s.operations {
		if p := o.hostPrefix; strings.HasSuffix(p, "-") && !strings.Contains(p, "}") {
			out = appendNew(out, p)
		}
	}
	return out
}

// parseNames reads lines of "Service Id: kind name" into triples.
func parseNames(text string, services []*mergedService) ([]string, error) {
	var out []string
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		id, rest, _ := strings.Cut(line, ": ")
		kind, name, ok := strings.Cut(rest, " ")
		if !ok || !slices.ContainsFunc(services, func(s *mergedService) bool { return s.id == id }) {
			return nil, fmt.Errorf("hosts.txt:%d: no such service, or not \"Service Id: kind name\": %q", i+1, line)
		}
		out = append(out, id, kind, name)
	}
	return out, nil
}

// The kinds of scalar nodes, which need no definition; sensitive ones are 16 more.
const (
	nodeString = iota
	nodeBlob
	nodeEpoch
	nodeDateTime
	nodeHTTPDate
	nodeBoolean
	nodeInteger
	nodeFloat
	nodeDocument
	nodeSensitive = 16
	nodeFirst     = 32 // the first defined node
)

// The kinds of defined nodes.
const (
	defStructure = iota
	defUnion
	defList
	defMap
)

// Bits of a member's traits.
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

var locations = map[string]byte{"header": 1, "headers": 2, "querystring": 3, "uri": 5, "statusCode": 6}

const locationQueryParams, locationPayload = 4, 7

type shapeEncoder struct {
	names    []string
	nameIDs  map[string]int
	nodes    [][]byte
	memo     map[memoKey]int
	contents map[string]int
	secrets  *overlay
	service  string
}

type memoKey struct {
	model     *model
	name      string
	sensitive bool
}

// encodeShapes writes the names, the nodes and each operation's roots, compressed.
func encodeShapes(s *mergedService, secrets *overlay) ([]byte, error) {
	se := &shapeEncoder{nameIDs: map[string]int{}, memo: map[memoKey]int{}, contents: map[string]int{}, secrets: secrets, service: s.id}
	var roots encoder
	for _, o := range s.operations {
		for _, r := range o.shapes {
			for _, root := range []*shape{r.input, r.output} {
				if r.model == nil || r.model.define(root) == nil {
					roots.uint(0)
					continue
				}
				roots.uint(se.node(r.model, root, root, false) + 1)
			}
			wrapper := ""
			if r.output != nil {
				wrapper = r.output.ResultWrapper
			}
			if wrapper == o.name+"Result" {
				wrapper = ""
			}
			roots.uint(se.name(wrapper))
		}
	}
	var e encoder
	e.list(se.names)
	e.uint(len(se.nodes))
	for _, n := range se.nodes {
		e.uint(len(n))
	}
	for _, n := range se.nodes {
		e.b = append(e.b, n...)
	}
	e.b = append(e.b, roots.b...)
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<20), zstd.WithSingleSegment(true))
	if err != nil {
		return nil, err
	}
	return w.EncodeAll(e.b, nil), nil
}

func (se *shapeEncoder) name(s string) int {
	id, ok := se.nameIDs[s]
	if !ok {
		id = len(se.names)
		se.nameIDs[s] = id
		se.names = append(se.names, s)
	}
	return id
}

// node returns the number of the node for the value at place, whose traits
// place carries and whose definition may be elsewhere.
func (se *shapeEncoder) node(m *model, place, member *shape, sensitive bool) int {
	def := m.define(place)
	if def == nil {
		return nodeString
	}
	sensitive = sensitive || place.Sensitive || def.Sensitive
	if n, ok := scalar(m, def, place); ok {
		if sensitive {
			n += nodeSensitive
		}
		return n
	}
	key := memoKey{m, place.Shape, sensitive}
	if place.Shape != "" {
		if n, ok := se.memo[key]; ok {
			if n < 0 { // it contains itself: give it its number now
				n = se.reserve()
				se.memo[key] = n
			}
			return n
		}
		se.memo[key] = -1
	}
	content := se.define(m, def, place.Shape, sensitive)
	n, reserved := se.memo[key]
	if place.Shape == "" || !reserved || n < 0 {
		var ok bool
		if n, ok = se.contents[string(content)]; !ok {
			n = se.reserve()
			se.contents[string(content)] = n
		}
	}
	se.nodes[n-nodeFirst] = content
	if place.Shape != "" {
		se.memo[key] = n
	}
	return n
}

func (se *shapeEncoder) reserve() int {
	se.nodes = append(se.nodes, nil)
	return nodeFirst + len(se.nodes) - 1
}

func (se *shapeEncoder) define(m *model, def *shape, name string, sensitive bool) []byte {
	var e encoder
	flags := byte(0)
	if sensitive {
		flags |= 0x10
	}
	if def.Flattened {
		flags |= 0x20
	}
	if def.EventStream {
		flags |= 0x40
	}
	switch def.Type {
	case "list":
		if unordered(m, def, name) {
			flags |= 0x80
		}
		e.byte(defList | flags)
		e.uint(se.node(m, def.Member, def.Member, false))
		e.uint(se.name(elementName(def.Member, "")))
	case "map":
		e.byte(defMap | flags)
		e.uint(se.node(m, def.Key, def.Key, false))
		e.uint(se.name(elementName(def.Key, "")))
		e.uint(se.node(m, def.Value, def.Value, false))
		e.uint(se.name(elementName(def.Value, "")))
	default:
		kind := byte(defStructure)
		if def.Union {
			kind = defUnion
		}
		e.byte(kind | flags)
		e.uint(len(def.Members))
		for _, memberName := range sortedKeys(def.Members, strings.Compare) {
			se.member(&e, m, def, name, memberName, def.Members[memberName])
		}
	}
	return e.b
}

// unordered tells lists that are sets: tags, and DynamoDB's own sets.
func unordered(m *model, def *shape, name string) bool {
	if m.Metadata.ServiceID == "DynamoDB" || m.Metadata.ServiceID == "DynamoDB Streams" {
		return strings.HasSuffix(name, "SetAttributeValue")
	}
	el := m.define(def.Member)
	if el == nil || len(el.Members) != 2 {
		return false
	}
	return el.Members["Key"] != nil && el.Members["Value"] != nil || el.Members["key"] != nil && el.Members["value"] != nil ||
		el.Members["TagKey"] != nil && el.Members["TagValue"] != nil
}

func elementName(s *shape, otherwise string) string {
	if s != nil && s.LocationName != "" {
		return s.LocationName
	}
	if s != nil && s.XMLName != "" {
		return s.XMLName
	}
	return otherwise
}

func (se *shapeEncoder) member(e *encoder, m *model, def *shape, structure, name string, place *shape) {
	target := m.define(place)
	if target == nil {
		target = &shape{}
	}
	traits := 0
	secret, open := se.secrets.marks(se.service, structure, name)
	if secret || !open && (place.Sensitive || target.Sensitive) {
		traits |= traitSensitive
	}
	if place.Flattened || target.Flattened {
		traits |= traitFlattened
	}
	if place.IdempotencyToken {
		traits |= traitIdempotency
	}
	if place.Streaming || target.Streaming || target.EventStream {
		traits |= traitStreaming
	}
	if slices.Contains(def.Required, name) {
		traits |= traitRequired
	}
	if place.XMLAttribute {
		traits |= traitAttribute
	}
	wire := place.LocationName
	if wire == "" && place.XMLName != "" && !m.json() {
		wire = place.XMLName
	}
	// A flattened list is named by its element.
	if el := m.define(target.Member); traits&traitFlattened != 0 && !m.json() && el != nil && target.Member.LocationName != "" && place.Location == "" {
		wire = target.Member.LocationName
	}
	if wire != "" && wire != name {
		traits |= traitWireName
	}
	location := locations[place.Location]
	if location == 3 && target.Type == "map" {
		location = locationQueryParams
	}
	if def.Payload == name {
		location = locationPayload
	}
	if location != 0 {
		traits |= traitLocation
	}
	if place.QueryName != "" {
		traits |= traitQueryName
	}
	e.uint(se.name(name))
	node := se.node(m, place, place, false)
	if open && node < nodeFirst && node >= nodeSensitive {
		node -= nodeSensitive
	}
	e.uint(node)
	e.uint(traits)
	if traits&traitWireName != 0 {
		e.uint(se.name(wire))
	}
	if traits&traitLocation != 0 {
		e.byte(location)
	}
	if traits&traitQueryName != 0 {
		e.uint(se.name(place.QueryName))
	}
}

// json reports whether the model's own wire names are JSON's (or CBOR's).
func (m *model) json() bool {
	switch m.Metadata.Protocol {
	case "json", "rest-json", "smithy-rpc-v2-cbor":
		return true
	}
	return false
}

func scalar(m *model, def, place *shape) (int, bool) {
	switch def.Type {
	case "string", "":
		if len(def.Members) > 0 {
			return 0, false
		}
		return nodeString, true
	case "character":
		return nodeString, true
	case "blob":
		return nodeBlob, true
	case "boolean":
		return nodeBoolean, true
	case "integer", "long", "short", "byte", "bigInteger":
		return nodeInteger, true
	case "float", "double", "bigDecimal":
		return nodeFloat, true
	case "document":
		return nodeDocument, true
	case "timestamp":
		format := place.TimestampFormat
		if format == "" {
			format = def.TimestampFormat
		}
		if format == "" {
			switch {
			case place.Location == "header":
				format = "rfc822"
			case place.Location == "querystring" || place.Location == "uri" || !m.json():
				format = "iso8601"
			default:
				format = "unixTimestamp"
			}
		}
		switch format {
		case "iso8601":
			return nodeDateTime, true
		case "rfc822":
			return nodeHTTPDate, true
		}
		return nodeEpoch, true
	case "structure":
		if def.Document {
			return nodeDocument, true
		}
	}
	return 0, false
}

// An overlay lists members that are secret though the models do not say so, and
// those that are not though they do.
type overlay struct {
	lines []overlayLine
}

type overlayLine struct {
	service, structure, member string
	open                       bool // not secret
	used                       bool
}

// parseOverlay reads lines of "Service Id: Structure.member", either name may be
// "*". A dash before it says that the member, a scalar, is no secret.
func parseOverlay(data []byte) (*overlay, error) {
	o := &overlay{}
	for i, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		line, open := strings.CutPrefix(line, "- ")
		service, path, ok := strings.Cut(line, ": ")
		structure, member, dot := strings.Cut(path, ".")
		if !ok || !dot {
			return nil, fmt.Errorf("overlay line %d: want \"Service Id: Structure.member\", got %q", i+1, line)
		}
		o.lines = append(o.lines, overlayLine{service: service, structure: structure, member: member, open: open})
	}
	return o, nil
}

// marks reports what the overlay says of a member: that it is secret, or that it
// is open.
func (o *overlay) marks(service, structure, member string) (secret, open bool) {
	for i := range o.lines {
		l := &o.lines[i]
		if (l.service == "*" || l.service == service) && (l.structure == "*" || l.structure == structure) && l.member == member {
			l.used = true
			secret, open = secret || !l.open, open || l.open
		}
	}
	return secret, open && !secret
}

// unused complains of lines that mark nothing: they would only look like protection.
func (o *overlay) unused() error {
	var b bytes.Buffer
	for _, l := range o.lines {
		if !l.used {
			fmt.Fprintf(&b, "\noverlay: no such member: %s: %s.%s", l.service, l.structure, l.member)
		}
	}
	if b.Len() > 0 {
		return fmt.Errorf("%s", strings.TrimPrefix(b.String(), "\n"))
	}
	return nil
}
