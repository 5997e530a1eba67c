package awsapi

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"strings"
)

// Identify tells which call a request is. It never fails: what it cannot tell
// stays empty. In order of weight it goes by the credential scope, the host, the
// target header, the path and the form, and the user agent; it believes none of
// them to be anything but a hint.
func Identify(r *Request) Call {
	t := loadTable()
	if len(r.Path)+len(r.RawQuery)+len(r.Host) > maxURL {
		return Call{}
	}
	id := identifier{Request: r, table: t}
	if id.Header == nil {
		id.Header = noHeader
	}
	id.readScope()
	id.host, id.atAWS = t.parseHost(r.Host)
	var both [8]*service
	id.group = t.bySigning[id.signing]
	id.candidates = id.narrow(both[:0], id.group)
	if !id.cbor() && !id.target() && !id.form() {
		id.rest()
	}
	return id.finish()
}

// maxURL bounds what Identify looks at; no server takes longer requests.
const maxURL = 1 << 17

func noHeader(string) string { return "" }

// An identifier is one run of Identify.
type identifier struct {
	*Request
	table *table
	scope Scope
	// signing is the scope's service in lower case, "" if it has none.
	signing string
	host    HostInfo
	atAWS   bool // host is AWS's
	// group are the services that sign with the scope's name; candidates are
	// those of them that the host allows, or the host's if there is no scope.
	group, candidates []*service

	service     *service
	operation   *Operation
	action      string // of an operation that the table does not have
	protocol    Protocol
	bucket      string
	virtualHost bool
}

func (id *identifier) readScope() {
	if a := id.Header("Authorization"); a != "" {
		id.scope, _ = ParseAuthorization(a)
	} else {
		id.scope, _ = ParseQueryAuthorization(id.RawQuery)
	}
	if PlainName(id.scope.Service) {
		id.signing = lower(id.scope.Service)
	} else if name := lower(id.Service); len(id.table.bySigning[name]) > 0 {
		id.signing = name
	}
}

// narrow returns the services that both the signing name and the host allow, the
// first's if they have none in common, the host's if there is no signing name.
func (id *identifier) narrow(both, signing []*service) []*service {
	if !id.atAWS {
		return signing
	}
	if len(signing) == 0 {
		return id.host.services
	}
	for _, s := range signing {
		if slices.Contains(id.host.services, s) {
			both = append(both, s)
		}
	}
	if len(both) == 0 {
		return signing
	}
	return both
}

func (id *identifier) finish() Call {
	c := Call{Action: id.action, Protocol: id.protocol, Bucket: id.bucket, VirtualHost: id.virtualHost, operation: id.operation}
	if id.operation != nil {
		id.service, c.Action = id.operation.service, id.operation.Name
	}
	if id.service == nil && len(id.candidates) > 0 {
		id.service = id.prefer(id.candidates)
	}
	c.Service = id.signing
	if s := id.service; s != nil {
		c.ServiceID = s.id
		if c.Service == "" {
			c.Service = id.signs(s)
		}
		if c.Protocol == ProtocolUnknown && len(s.protocols) > 0 {
			c.Protocol = s.protocols[0]
		}
	}
	switch region := id.scope.Region; {
	case PlainName(region):
		c.Region = lower(region)
	case id.atAWS:
		c.Region = id.host.Region
	}
	if c.Region == "" && id.scope.Scheme == SigV4A {
		// Only one region in the set is an answer.
		if set := id.Header("X-Amz-Region-Set"); PlainName(set) {
			c.Region = lower(set)
		}
	}
	return c
}

// signs returns the name that an unsigned call to s would be signed with. S3's
// family has several.
func (id *identifier) signs(s *service) string {
	switch {
	case s == id.table.s3 && id.operation != nil && id.operation.Name == "WriteGetObjectResponse":
		return "s3-object-lambda"
	case s == id.table.s3Control && id.Header("X-Amz-Outpost-Id") != "":
		return "s3-outposts"
	case (s == id.table.s3 || s == id.table.s3Control) && strings.HasPrefix(id.host.rest, "s3express"):
		return "s3express"
	}
	return s.signing[0]
}

// allowed reports whether scope and host leave room for s.
func (id *identifier) allowed(s *service) bool {
	return len(id.candidates) == 0 || slices.Contains(id.candidates, s)
}

// prefer picks from services that a request fits equally well: the host's, then
// the user agent's, then the first.
func (id *identifier) prefer(services []*service) *service {
	if len(services) == 0 {
		return nil
	}
	if s := id.evident(services); s != nil {
		return s
	}
	return services[0]
}

// evident returns the one of several services that the host, or else the user
// agent, names; nil if neither does.
func (id *identifier) evident(services []*service) *service {
	if len(services) < 2 {
		return nil
	}
	var named *service
	n := 0
	for _, s := range services {
		if slices.Contains(id.host.services, s) {
			named = s
			n++
		}
	}
	if n == 1 {
		return named
	}
	if agent := id.agent(); agent != nil && slices.Contains(services, agent) {
		return agent
	}
	return nil
}

// agent returns the service that the user agent names ("api/sesv2#1.2"), nil if none.
func (id *identifier) agent() *service {
	for _, name := range [...]string{"User-Agent", "X-Amz-User-Agent"} {
		_, after, ok := strings.Cut(id.Header(name), " api/")
		if !ok {
			continue
		}
		if i := strings.IndexAny(after, "#/ "); i >= 0 {
			after = after[:i]
		}
		if len(after) > 64 {
			continue
		}
		name := []byte(after)
		for i, c := range name {
			switch {
			case 'A' <= c && c <= 'Z':
				name[i] = c | 0x20
			case c == '-' || c == ' ':
				name[i] = '_'
			}
		}
		if s := id.table.byUID[string(name)]; s != nil {
			return s
		}
	}
	return nil
}

// find looks an operation up in the candidates, or in all of services that the
// candidates allow; those win that host or agent prefer.
func (id *identifier) find(services []*service, name string) bool {
	var found *Operation
	for _, s := range services {
		if !id.allowed(s) {
			continue
		}
		o := s.operation(name)
		if o == nil {
			continue
		}
		if found == nil {
			found = o
		} else if pair := [2]*service{found.service, s}; id.prefer(pair[:]) == s {
			found = o
		}
	}
	if found == nil {
		return false
	}
	id.operation = found
	return true
}

// cbor recognises rpcv2Cbor: [prefix]/service/NAME/operation/NAME.
func (id *identifier) cbor() bool {
	i := strings.LastIndex(id.Path, "/service/")
	if i < 0 || id.Method != "POST" {
		return false
	}
	name, operation, ok := strings.Cut(id.Path[i+len("/service/"):], "/operation/")
	if !ok || !isIdentifier(operation) {
		return false
	}
	declared := strings.HasPrefix(id.Header("Smithy-Protocol"), "rpc-v2-cbor")
	services := id.table.byTarget[name]
	if len(services) == 0 && !declared {
		return false
	}
	if !id.find(services, operation) && !id.find(id.candidates, operation) && !id.findAnyway(services, operation) {
		if !declared {
			return false
		}
		id.action = operation
		id.service = id.prefer(services)
	}
	id.protocol = RPCv2CBOR
	return true
}

// target recognises awsJson by X-Amz-Target: PREFIX.NAME. The prefix may have dots.
func (id *identifier) target() bool {
	target := id.Header("X-Amz-Target")
	if target == "" {
		return false
	}
	prefix, name := cutLast(target, '.')
	if !isIdentifier(name) {
		return false
	}
	services := id.table.byTarget[prefix]
	if !id.find(services, name) && !id.find(id.candidates, name) && !id.findAnyway(services, name) {
		id.action = name
		if id.service = id.prefer(services); id.service == nil {
			id.service = id.prefer(id.candidates)
		}
	}
	s := id.service
	if id.operation != nil {
		s = id.operation.service
	}
	id.protocol = AWSJSON11
	switch contentType := id.Header("Content-Type"); {
	case strings.HasPrefix(contentType, "application/x-amz-json-1.0"):
		id.protocol = AWSJSON10
	case strings.HasPrefix(contentType, "application/x-amz-json-1.1"):
	case s != nil && s.has(AWSJSON10):
		id.protocol = AWSJSON10
	}
	return true
}

// findAnyway looks an operation up against the word of scope and host: somebody
// who signs for another name, or a name that has changed.
func (id *identifier) findAnyway(services []*service, name string) bool {
	candidates := id.candidates
	id.candidates = nil
	ok := id.find(services, name)
	id.candidates = candidates
	return ok
}

// form recognises awsQuery and ec2Query by Action in the form, or in the URL.
func (id *identifier) form() bool {
	// Signed for a service that has no form protocol.
	possible := len(id.candidates) == 0
	for _, s := range id.candidates {
		possible = possible || s.query() != ProtocolUnknown
	}
	if !possible {
		return false
	}
	action, version := "", ""
	if id.Method == "POST" {
		contentType := id.Header("Content-Type")
		if body := id.body(); hasPrefixFold(contentType, "application/x-www-form-urlencoded") || contentType == "" && bytes.HasPrefix(body, []byte("Action=")) {
			action, version = formAction(body)
		}
	}
	if action == "" && (strings.HasPrefix(id.RawQuery, "Action=") || strings.Contains(id.RawQuery, "&Action=")) {
		a, v := formAction([]byte(id.RawQuery))
		action, version = a, v
	}
	if !isIdentifier(action) {
		return false
	}
	// Services that share a signing name and an operation's name differ in version.
	services := id.table.byVersion[version]
	known := id.find(services, action) || id.find(id.candidates, action) || id.findAnyway(id.group, action)
	if !known && len(id.candidates) == 0 {
		if agent := id.agent(); agent != nil {
			known = id.find([]*service{agent}, action)
		}
	}
	if !known {
		if len(id.candidates) == 0 && len(services) == 0 {
			return false
		}
		id.action = action
		for _, s := range services {
			if id.allowed(s) {
				id.service = s
				break
			}
		}
		if id.service == nil {
			id.service = id.prefer(id.candidates)
		}
	}
	s := id.service
	if id.operation != nil {
		s = id.operation.service
	}
	id.protocol = AWSQuery
	if s != nil && s.query() == EC2Query {
		id.protocol = EC2Query
	}
	return true
}

// maxForm bounds how much of a form is searched. All clients send Action first
// or in alphabetical order.
const maxForm = 1 << 16

// body returns the start of the body, without gzip.
func (id *identifier) body() []byte {
	b := id.Body
	if len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil
		}
		// What there is of it will do: the start may be cut anywhere.
		b, _ = io.ReadAll(io.LimitReader(z, maxForm))
	}
	return b[:min(len(b), maxForm)]
}

// formAction finds two parameters of a form.
func formAction(form []byte) (action, version string) {
	for len(form) > 0 && (action == "" || version == "") {
		pair := form
		if i := bytes.IndexByte(form, '&'); i >= 0 {
			pair, form = form[:i], form[i+1:]
		} else {
			form = nil
		}
		if value, ok := bytes.CutPrefix(pair, []byte("Action=")); ok && len(value) <= 128 {
			action = unescape(string(value))
		} else if value, ok := bytes.CutPrefix(pair, []byte("Version=")); ok && len(value) <= 32 {
			version = unescape(string(value))
		}
	}
	return action, version
}

// rest recognises REST calls, by method and path.
func (id *identifier) rest() {
	q := query{raw: id.RawQuery, header: id.Header, body: id.Body}
	services := id.candidates
	if len(services) == 0 {
		if agent := id.agent(); agent != nil {
			services = []*service{agent}
		} else {
			first, _, _ := strings.Cut(strings.TrimLeft(id.Path, "/"), "/")
			services = id.table.bySegment[first]
		}
	}
	best := id.route(services, &q, id.Method)
	if best.operation == nil && len(id.group) > len(id.candidates) {
		best = id.route(id.group, &q, id.Method)
	}
	if best.operation == nil && id.atAWS && !slices.Contains(services, id.table.s3) {
		if wider := id.table.wider(id.host.rest); wider != nil {
			best = id.route(wider, &q, id.Method)
		}
	}
	if best.operation == nil && id.Method == "POST" && hasPrefixFold(id.Header("Content-Type"), "application/x-www-form-urlencoded") {
		// A GET whose query was too long for a URL (CloudSearch).
		q.raw = string(id.body())
		best = id.route(services, &q, "GET")
		q.raw = id.RawQuery
	}
	if best.operation == nil && id.Method == "GET" && id.scope.Presigned {
		// Presigned for a player or a browser, which can only GET (Polly).
		best = id.route(services, &q, "POST")
	}
	switch {
	case best.operation != nil:
		id.operation = best.operation
		id.protocol = best.operation.service.rest()
	case slices.Contains(services, id.table.s3) || len(id.candidates) == 0 && id.looksLikeS3():
		id.s3(&q)
	}
}

// route returns the best match among services; S3 has ways of its own.
func (id *identifier) route(services []*service, q *query, method string) match {
	best := match{}
	for _, s := range services {
		if s == id.table.s3 || s == id.table.s3Control && !id.isS3Control() {
			continue
		}
		routes := s.operations().routes
		if routes == nil {
			continue
		}
		path := id.Path
		if s.signing[0] == "execute-api" { // a stage comes first
			if i := strings.LastIndex(path, "/@connections/"); i >= 0 {
				path = path[i:]
			} else if i := strings.LastIndex(path, "/%40connections/"); i >= 0 {
				path = path[i:]
			}
		}
		m := routes.find(q, method, path)
		if rest, ok := strings.CutPrefix(path, s.basePath); m.operation == nil && ok && s.basePath != "" {
			m = routes.find(q, method, rest)
		}
		if m.operation != nil && best.operation != nil && m.literals == best.literals && m.fit>>16 == best.fit>>16 {
			if pair := [2]*service{best.operation.service, s}; id.evident(pair[:]) != nil {
				if id.evident(pair[:]) == s {
					best = m
				}
				continue
			}
		}
		if m.better(best, q) {
			best = m
		}
	}
	return best
}

// isIdentifier reports whether s could be an operation's name.
func isIdentifier(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
