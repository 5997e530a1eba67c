package awsapi

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:embed table.bin
var tableData string

// table is the index of everything: what has to be known before the service is.
type table struct {
	generator  string // digest of the generator's files
	partitions []partition
	services   []*service
	bySigning  map[string][]*service // lower case
	byTarget   map[string][]*service
	byUID      map[string]*service // "api/NAME" in user agents
	byVersion  map[string][]*service
	byHost     map[string]*hostEntry
	bySegment  map[string][]*service // first path segments of REST services
	s3         *service
	s3Control  *service
}

// loadTable reads the index, once; it takes well under a millisecond.
var loadTable = sync.OnceValue(func() *table { return newTable(tableData) })

type partition struct {
	id, suffix, dualStackSuffix, globalRegion string
	regionPrefixes                            []string
}

// A service is one service's part of the index; its operations and shapes are
// read when they are asked for.
type service struct {
	id        string
	signing   []string // lower case, its own first
	uids      []string
	targets   []string
	versions  []string
	prefixes  []string // of endpoints, such as "monitoring"
	protocols []Protocol
	regional  bool     // it has endpoints in the table
	global    string   // host of a service without regions, from older models
	segments  []string // first literal path segments
	basePath  string   // of endpoints, "" for almost all

	operationData, shapeData string
	endpoints                func() []endpointRule
	operations               func() *operations
	shapes                   func() *shapeTable
}

// has reports whether the service speaks p.
func (s *service) has(p Protocol) bool { return slices.Contains(s.protocols, p) }

// rest returns the REST protocol the service speaks, ProtocolUnknown if none.
func (s *service) rest() Protocol {
	for _, p := range s.protocols {
		if p == RestJSON1 || p == RestXML {
			return p
		}
	}
	return ProtocolUnknown
}

// query returns the form protocol the service speaks, ProtocolUnknown if none.
func (s *service) query() Protocol {
	for _, p := range s.protocols {
		if p == AWSQuery || p == EC2Query {
			return p
		}
	}
	return ProtocolUnknown
}

const tableMagic = "awsapi 1\n"

func newTable(data string) *table {
	t := &table{
		bySigning: make(map[string][]*service, 512), byTarget: make(map[string][]*service, 512), byUID: make(map[string]*service, 512),
		byVersion: make(map[string][]*service, 64), byHost: make(map[string]*hostEntry, 2048), bySegment: make(map[string][]*service, 2048),
	}
	if !strings.HasPrefix(data, tableMagic) {
		panic("awsapi: table.bin is not of this version; run go generate")
	}
	head := decoder{rest: data[len(tableMagic):]}
	t.generator = head.text()
	index := decoder{rest: head.text()}
	sections := head.rest
	t.partitions = make([]partition, index.uint())
	for i := range t.partitions {
		t.partitions[i] = partition{index.text(), index.text(), index.text(), index.text(), index.list()}
	}
	t.services = make([]*service, index.uint())
	for i := range t.services {
		s := &service{id: index.text(), signing: index.list(), uids: index.list(), targets: index.list(), versions: index.list(), prefixes: index.list()}
		for _, p := range []byte(index.text()) {
			s.protocols = append(s.protocols, Protocol(p))
		}
		s.global = index.text()
		s.segments = index.list()
		s.basePath = index.text()
		for range index.uint() {
			key, variant := index.text(), index.byte()
			t.addHost(key, s, variant, index.text())
		}
		rules := index.text()
		s.regional = rules[0] != 0
		s.endpoints = sync.OnceValue(func() []endpointRule { return newEndpointRules(rules) })
		s.operationData = index.slice(sections)
		s.shapeData = index.slice(sections)
		s.operations = sync.OnceValue(func() *operations { return newOperations(s) })
		s.shapes = sync.OnceValue(func() *shapeTable { return newShapeTable(s) })
		t.services[i] = s
	}
	for range index.uint() { // names beside the models': "Service Id", kind, name
		id, kind, name := index.text(), index.text(), index.text()
		s := t.service(id)
		switch kind {
		case "sign":
			s.signing = append(s.signing, name)
		case "host":
			t.addHost(name, s, 0, "")
		}
	}
	for _, s := range t.services {
		t.add(s)
	}
	for name, group := range t.bySigning {
		slices.SortStableFunc(group, func(a, b *service) int { return a.rank(name) - b.rank(name) })
	}
	t.s3, t.s3Control = t.service("S3"), t.service("S3 Control")
	return t
}

func (t *table) add(s *service) {
	for i, name := range s.signing {
		s.signing[i] = strings.ToLower(name)
		t.bySigning[s.signing[i]] = appendNew(t.bySigning[s.signing[i]], s)
	}
	for _, name := range s.targets {
		t.byTarget[name] = append(t.byTarget[name], s)
	}
	for _, name := range s.uids {
		t.byUID[name] = s
	}
	if s.query() != ProtocolUnknown {
		for _, v := range s.versions {
			t.byVersion[v] = append(t.byVersion[v], s)
		}
	}
	for _, seg := range s.segments {
		t.bySegment[seg] = append(t.bySegment[seg], s)
	}
	for _, prefix := range s.prefixes { // what older models say
		if t.byHost[prefix] == nil || !s.regional {
			t.addHost(prefix, s, 0, "")
		}
	}
}

// rank orders services that share a signing name: the one that has the name
// itself, then those whose models sign with it today.
func (s *service) rank(signing string) int {
	switch {
	case s.signing[0] != signing:
		return 2
	case strings.EqualFold(strings.ReplaceAll(s.id, " ", ""), signing):
		return 0
	}
	return 1
}

// service returns a service by its id, nil if there is none.
func (t *table) service(id string) *service {
	i, ok := slices.BinarySearchFunc(t.services, id, func(s *service, id string) int { return strings.Compare(s.id, id) })
	if !ok {
		return nil
	}
	return t.services[i]
}

func appendNew(list []*service, s *service) []*service {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// A decoder reads the table's primitive forms. The table is our own: what is
// broken in it panics, and a test reads all of it.
type decoder struct{ rest string }

func (d *decoder) uint() int {
	var n, shift int
	for i := range len(d.rest) {
		n |= int(d.rest[i]&0x7f) << shift
		if d.rest[i] < 0x80 {
			d.rest = d.rest[i+1:]
			return n
		}
		shift += 7
	}
	panic("awsapi: table.bin ends early")
}

func (d *decoder) byte() byte {
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) text() string {
	n := d.uint()
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) list() []string {
	n := d.uint()
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = d.text()
	}
	return out
}

// slice reads a position and a length and returns that part of all.
func (d *decoder) slice(all string) string {
	start := d.uint()
	return all[start : start+d.uint()]
}
