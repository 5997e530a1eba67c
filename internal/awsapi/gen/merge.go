package main

import (
	"regexp"
	"slices"
	"sort"
	"strings"
)

// A mergedService is what all sources together say of one service.
type mergedService struct {
	id           string
	signing      []string // the first is the service's own, the others are older or additional ones
	uids         []string // names in a user agent's "api/..."
	targets      []string // X-Amz-Target prefixes, also the name in rpcv2Cbor paths
	versions     []string
	prefixes     []string // endpoint prefixes
	protocols    []byte
	global       string
	operations   []*mergedOperation
	endpointRows []endpointRow
}

type mergedOperation struct {
	name       string
	routes     []route
	hostPrefix string
	flags      byte
	// The best source for each family of wire names: JSON and CBOR, XML and forms.
	shapes [2]rooted
}

type rooted struct {
	model         *model
	input, output *shape
}

// A route is one HTTP binding with what a request needs to have for it.
type route struct {
	method, uri    string
	query, headers []string
}

// Flags of an operation; internal/awsapi reads the same bits.
const (
	flagReadOnly = 1 << iota
	flagUnauthenticated
	flagUnsignedPayload
	flagDeprecated
	flagStale // in no current model
)

// The protocols' numbers in internal/awsapi.
var protocolNumbers = map[string]byte{"json1.0": 1, "json1.1": 2, "rest-json": 3, "rest-xml": 4, "query": 5, "ec2": 6, "smithy-rpc-v2-cbor": 7}

const jsonFamily, xmlFamily = 0, 1

// Older models name an operation with its version: CreateDistribution2016_01_28.
var versionSuffix = regexp.MustCompile(`\d{4}_\d{2}_\d{2}$`)

// merge joins the models of each service; of two that know an operation, the
// earlier in the list is believed.
func merge(models []*model) []*mergedService {
	services := map[string]*mergedService{}
	for _, m := range models {
		s := services[m.Metadata.ServiceID]
		if s == nil {
			s = &mergedService{id: m.Metadata.ServiceID}
			services[s.id] = s
		}
		s.add(m)
	}
	out := make([]*mergedService, 0, len(services))
	for _, s := range services {
		sort.Slice(s.operations, func(i, j int) bool { return s.operations[i].name < s.operations[j].name })
		out = append(out, s)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].id < out[j].id })
	return out
}

func (s *mergedService) add(m *model) {
	md := &m.Metadata
	if md.EndpointPrefix != "" {
		s.prefixes = appendNew(s.prefixes, strings.ToLower(md.EndpointPrefix))
	}
	switch {
	case md.SigningName != "":
		s.signing = appendNew(s.signing, md.SigningName)
	case md.EndpointPrefix != "":
		s.signing = appendNew(s.signing, md.EndpointPrefix)
	}
	if md.TargetPrefix != "" {
		s.targets = appendNew(s.targets, md.TargetPrefix)
	}
	if md.APIVersion != "" {
		s.versions = appendNew(s.versions, md.APIVersion)
	}
	if md.GlobalEndpoint != "" {
		s.global = md.GlobalEndpoint
	}
	s.uids = appendNew(s.uids, strings.ReplaceAll(strings.ToLower(md.ServiceID), " ", "_"))
	family := xmlFamily
	for i, p := range append([]string{md.Protocol}, md.Protocols...) {
		if p == "json" {
			p += md.JSONVersion
			if md.JSONVersion == "" {
				p += "1.0"
			}
		}
		n, ok := protocolNumbers[p]
		if !ok {
			continue
		}
		if i == 0 && (n <= 3 || n == 7) {
			family = jsonFamily
		}
		if !slices.Contains(s.protocols, n) {
			s.protocols = append(s.protocols, n)
		}
	}
	fresh := len(s.operations) == 0 || strings.HasPrefix(m.source, "@aws-sdk/")
	index := map[string]*mergedOperation{}
	for _, o := range s.operations {
		index[o.name] = o
	}
	for name, o := range m.Operations {
		name = versionSuffix.ReplaceAllString(name, "")
		merged := index[name]
		if merged == nil {
			merged = &mergedOperation{name: name}
			if !fresh {
				merged.flags |= flagStale
			}
			s.operations = append(s.operations, merged)
			index[name] = merged
		}
		merged.add(m, o, family)
	}
}

func (o *mergedOperation) add(m *model, op *operation, family int) {
	r := m.route(op)
	if !slices.ContainsFunc(o.routes, func(have route) bool { return have.method == r.method && have.uri == r.uri }) {
		o.routes = append(o.routes, r)
	}
	if o.hostPrefix == "" {
		o.hostPrefix = op.Endpoint.HostPrefix
	}
	if op.ReadOnly || readsByName(o.name) || (r.method == "GET" || r.method == "HEAD") && !changesByName(o.name) {
		o.flags |= flagReadOnly
	}
	if op.AuthType == "none" || len(op.Auth) > 0 && op.Auth[0] == "smithy.api#noAuth" {
		o.flags |= flagUnauthenticated
	}
	if op.UnsignedPayload || op.AuthType == "v4-unsigned-body" {
		o.flags |= flagUnsignedPayload
	}
	if op.Deprecated {
		o.flags |= flagDeprecated
	}
	if o.shapes[family].model == nil {
		o.shapes[family] = rooted{m, op.Input, op.Output}
	}
}

// readsByName goes by the verb in an operation's name. What is sent for it has
// no lasting effect, whatever the HTTP method says.
func readsByName(name string) bool {
	return startsWith(name, "Get", "List", "Describe", "Head", "Search", "Query", "Scan", "Lookup", "Select", "BatchGet", "BatchDescribe", "Check", "Estimate", "Simulate", "Validate", "Preview", "Count", "View")
}

// changesByName catches operations that change something by GET.
func changesByName(name string) bool {
	return startsWith(name, "Confirm", "Accept", "Create", "Start", "Stop", "Delete", "Update", "Put", "Register", "Send", "Connect")
}

// startsWith reports whether a name's first words are one of verbs.
func startsWith(name string, verbs ...string) bool {
	return slices.ContainsFunc(verbs, func(verb string) bool {
		rest, ok := strings.CutPrefix(name, verb)
		return ok && (rest == "" || rest[0] < 'a')
	})
}

// route tells how requests of op look and what they cannot be without.
func (m *model) route(op *operation) route {
	r := route{method: op.HTTP.Method, uri: op.HTTP.RequestURI}
	if r.method == "" {
		r.method = "POST"
	}
	if r.uri == "" {
		r.uri = "/"
	}
	in := m.define(op.Input)
	if in == nil {
		return r
	}
	for _, name := range in.Required {
		switch member := in.Members[name]; {
		case member == nil:
		case member.Location == "querystring" && m.define(member).Type != "map":
			r.query = append(r.query, wireName(name, member))
		case member.Location == "header":
			r.headers = append(r.headers, wireName(name, member))
		}
	}
	// Version 3 leaves the bucket out of the path; it may stand in the host.
	if b := in.Members["Bucket"]; m.Metadata.ServiceID == "S3" && b != nil && b.Location == "uri" && !strings.Contains(r.uri, "{Bucket}") {
		r.uri = strings.TrimSuffix("/{Bucket}"+r.uri, "/")
		r.uri = strings.Replace(r.uri, "/?", "?", 1)
	}
	sort.Strings(r.query)
	sort.Strings(r.headers)
	return r
}

func wireName(name string, s *shape) string {
	if s.LocationName != "" {
		return s.LocationName
	}
	return name
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
