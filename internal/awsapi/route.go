package awsapi

import (
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// A router finds the operation of a REST request in the templates of one
// service. Templates form a tree by path segment; a walk visits each node of
// the tree at most once, so that no path is slow.
type router struct{ root routeNode }

type routeNode struct {
	literals map[string]*routeNode
	label    *routeNode // one segment, "{Name}"
	greedy   []greedy   // one or more segments, "{Name+}", and what follows
	leaves   []leaf     // by method
}

type greedy struct {
	suffix []string // segments after the greedy label; "{" stands for a label
	leaves []leaf
}

// A leaf is the routes of one method and template, with the query parameters
// and headers that tell them apart.
type leaf struct {
	method string
	routes []routeTo
	params map[string]int // query parameters and lower-case headers of all routes: bit numbers
}

type routeTo struct {
	operation *Operation
	constants []constant
	query     []int // bits of required parameters
	headers   []header
	slash     bool // the template ends in a slash
	current   bool // the operation's template today, not that of an older model
}

type constant struct {
	param    int
	value    string // "" matches any value
	optional bool   // x-id, which not every client sends
}

type header struct {
	name  string
	param int // a presigned URL carries it in the query
}

// maxParams bounds the parameters of one leaf; a test checks the table.
const maxParams = 64

func (r *router) add(o *Operation, method, uri string, query, headers []string, current bool) {
	path, constants, _ := strings.Cut(uri, "?")
	leaves, slash := r.root.place(path)
	l := leafFor(leaves, method)
	to := routeTo{operation: o, slash: slash, current: current}
	for constants != "" {
		var name, value string
		name, value, constants = nextParam(constants)
		to.constants = append(to.constants, constant{l.param(name), value, name == "x-id"})
	}
	for _, name := range query {
		to.query = append(to.query, l.param(name))
	}
	for _, name := range headers {
		to.headers = append(to.headers, header{textproto.CanonicalMIMEHeaderKey(name), l.param(strings.ToLower(name))})
	}
	l.routes = append(l.routes, to)
}

func (l *leaf) param(name string) int {
	if i, ok := l.params[name]; ok {
		return i
	}
	if l.params == nil {
		l.params = map[string]int{}
	}
	l.params[name] = len(l.params)
	return len(l.params) - 1
}

func leafFor(leaves *[]leaf, method string) *leaf {
	for i := range *leaves {
		if (*leaves)[i].method == method {
			return &(*leaves)[i]
		}
	}
	*leaves = append(*leaves, leaf{method: method})
	return &(*leaves)[len(*leaves)-1]
}

// place makes the way to a template's leaves.
func (n *routeNode) place(path string) (leaves *[]leaf, slash bool) {
	path = strings.TrimPrefix(path, "/")
	if trimmed := strings.TrimSuffix(path, "/"); trimmed != path {
		path, slash = trimmed, true
	}
	for path != "" {
		var segment string
		segment, path, _ = strings.Cut(path, "/")
		switch {
		case strings.HasSuffix(segment, "+}"):
			g := greedy{}
			for path != "" {
				segment, path, _ = strings.Cut(path, "/")
				if strings.HasPrefix(segment, "{") {
					segment = "{"
				}
				g.suffix = append(g.suffix, segment)
			}
			for i := range n.greedy {
				if slices.Equal(n.greedy[i].suffix, g.suffix) {
					return &n.greedy[i].leaves, slash
				}
			}
			n.greedy = append(n.greedy, g)
			return &n.greedy[len(n.greedy)-1].leaves, slash
		case strings.HasPrefix(segment, "{"):
			if n.label == nil {
				n.label = &routeNode{}
			}
			n = n.label
		default:
			next := n.literals[segment]
			if next == nil {
				next = &routeNode{}
				if n.literals == nil {
					n.literals = map[string]*routeNode{}
				}
				n.literals[segment] = next
			}
			n = next
		}
	}
	return &n.leaves, slash
}

// finish puts long suffixes first: "{Arn+}/tags" before "{Arn+}".
func (n *routeNode) finish() {
	slices.SortStableFunc(n.greedy, func(a, b greedy) int { return len(b.suffix) - len(a.suffix) })
	for _, next := range n.literals {
		next.finish()
	}
	if n.label != nil {
		n.label.finish()
	}
}

// A match is the outcome of routing: the better one of two services' wins.
type match struct {
	operation *Operation
	literals  int // segments that matched by letter
	fit       int // how well query and headers do, see leaf.choose
}

// better reports whether m is more specific than o.
func (m match) better(o match, q *query) bool {
	switch {
	case m.operation == nil || o.operation == nil:
		return m.operation != nil
	case m.literals != o.literals:
		return m.literals > o.literals
	case m.fit>>1 == o.fit>>1 && m.operation != o.operation: // they differ in age alone
		if a, b := q.bodyFit(m.operation), q.bodyFit(o.operation); a != b {
			return a > b
		}
		if m.stale() != o.stale() && q.oldClient() {
			return m.stale()
		}
	}
	return m.fit > o.fit
}

// stale reports whether the operation is in no current model.
func (m match) stale() bool { return m.operation.flags&flagStale != 0 }

// oldClient reports whether the user agent is an SDK of the time before the
// operations in question had the names they have now.
func (q *query) oldClient() bool {
	agent := q.header("User-Agent")
	for _, sdk := range oldSDKs {
		_, version, ok := strings.Cut(agent, sdk.product)
		if !ok {
			continue
		}
		minor, _, _ := strings.Cut(version, ".")
		n, err := strconv.Atoi(minor)
		return err == nil && n < sdk.minor
	}
	return false
}

// oldSDKs are the SDKs and their first minor versions of 2023's second half.
var oldSDKs = [...]struct {
	product string
	minor   int
}{
	{"Botocore/1.", 30}, {"botocore/1.", 30}, {"aws-sdk-nodejs/2.", 1400}, {"aws-sdk-go/1.", 45}, {"aws-sdk-java/1.12.", 500}, {"aws-sdk-java/2.", 21}, {"aws-sdk-js/3.", 360},
}

// bodyFit counts the members of a JSON body that an operation's input has, less
// those that are of another kind there. Few templates are so alike that it matters.
func (q *query) bodyFit(o *Operation) int {
	if len(q.body) == 0 || q.body[0] != '{' {
		return 0
	}
	n, input := 0, o.Input(RestJSON1)
	gjson.ParseBytes(q.body[:min(len(q.body), maxForm)]).ForEach(func(key, value gjson.Result) bool {
		member, ok := input.Member(key.Str)
		switch kind := member.Kind(); {
		case !ok:
		case value.IsArray() != (kind == List) && kind != Document:
			n--
		default:
			n++
		}
		return true
	})
	return n
}

// find returns the best match of the request's path.
func (r *router) find(q *query, method, path string) match {
	path = strings.TrimPrefix(path, "/")
	q.slash = false
	if trimmed := strings.TrimSuffix(path, "/"); trimmed != path {
		path, q.slash = trimmed, true
	}
	if m := r.root.walk(q, method, path, 0); m.operation != nil {
		return m
	}
	if strings.HasPrefix(path, "/") || strings.Contains(path, "//") {
		// A base URL that ended in a slash.
		return r.root.walk(q, method, collapse(path), 0)
	}
	return match{}
}

func collapse(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if path[i] == '/' && (i == 0 || path[i-1] == '/') {
			continue
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

// walk matches what is left of a path below n. Literals win over labels, labels
// over greedy ones.
func (n *routeNode) walk(q *query, method, path string, literals int) match {
	if path == "" {
		return choose(n.leaves, q, method, literals)
	}
	segment, rest, _ := strings.Cut(path, "/")
	if n.literals != nil {
		next := n.literals[segment]
		if next == nil && strings.IndexByte(segment, '%') >= 0 {
			next = n.literals[unescape(segment)]
		}
		if next != nil {
			if m := next.walk(q, method, rest, literals+1); m.operation != nil {
				return m
			}
		}
	}
	if n.label != nil && segment != "" {
		if m := n.label.walk(q, method, rest, literals); m.operation != nil {
			return m
		}
	}
	for i := range n.greedy {
		g := &n.greedy[i]
		if hasSuffix(path, g.suffix) {
			if m := choose(g.leaves, q, method, literals+len(g.suffix)); m.operation != nil {
				return m
			}
		}
	}
	return match{}
}

// hasSuffix reports whether path ends in the segments of suffix, after at least
// one other.
func hasSuffix(path string, suffix []string) bool {
	for i := len(suffix) - 1; i >= 0; i-- {
		j := strings.LastIndexByte(path, '/')
		if j < 0 || suffix[i] != "{" && path[j+1:] != suffix[i] {
			return false
		}
		path = path[:j]
	}
	return path != ""
}

func choose(leaves []leaf, q *query, method string, literals int) match {
	for i := range leaves {
		if leaves[i].method == method {
			m := leaves[i].choose(q)
			m.literals = literals
			return m
		}
	}
	return match{}
}

// choose returns the route whose constants the query has; among several the one
// with the most of them, then with the fewest required parameters absent, then
// the same trailing slash, then the most required ones present, then the template
// that is current, then the one whose members the body has, then the operation
// that is not deprecated.
func (l *leaf) choose(q *query) match {
	best := match{}
	if len(l.params) == 0 {
		for i := range l.routes {
			best.take(q, &l.routes[i], 0, nil)
		}
		return best
	}
	var present uint64
	var values [maxParams]string
	for rest := q.raw; rest != ""; {
		var name, value string
		name, value, rest = nextParam(rest)
		i, ok := l.params[name]
		if !ok && strings.IndexByte(name, '%') >= 0 {
			i, ok = l.params[unescape(name)]
		}
		if ok {
			present |= 1 << i
			values[i] = value
		}
	}
	for i := range l.routes {
		best.take(q, &l.routes[i], present, &values)
	}
	return best
}

// take replaces m by r if r fits better.
func (m *match) take(q *query, r *routeTo, present uint64, values *[maxParams]string) {
	fit, ok := r.fit(q, present, values)
	if next := (match{operation: r.operation, fit: fit}); ok && next.better(*m, q) {
		*m = next
	}
}

// fit weighs the criteria of leaf.choose, the weightiest first.
func (r *routeTo) fit(q *query, present uint64, values *[maxParams]string) (int, bool) {
	constants, have, missing := 0, 0, 0
	for _, c := range r.constants {
		matches := present&(1<<c.param) != 0 && (c.value == "" || values[c.param] == c.value || unescape(values[c.param]) == c.value)
		switch {
		case matches:
			constants++
		case !c.optional:
			return 0, false
		case present&(1<<c.param) != 0:
			constants-- // another operation's x-id
		}
	}
	for _, p := range r.query {
		if present&(1<<p) != 0 {
			have++
		} else {
			missing++
		}
	}
	for _, h := range r.headers {
		if present&(1<<h.param) != 0 || q.header(h.name) != "" {
			have++
		} else {
			missing++
		}
	}
	fit := constants<<24 - missing<<16 + have<<8
	if r.slash == q.slash {
		fit += 1 << 15
	}
	if r.current {
		fit += 1 << 1
	}
	if r.operation.flags&(flagDeprecated|flagStale) == 0 {
		fit++
	}
	return fit, true
}

// A query is what a route may ask of a request beside its path.
type query struct {
	raw    string
	header func(string) string
	body   []byte
	slash  bool // the path ends in a slash
}
