package replay

import (
	"bytes"
	"math"
	"net/url"
	"strings"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/value"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// Idempotency tokens are values that a client makes up and that a service must
// not have seen before: an endpoint to which a recording is replayed twice would
// answer the second time with what the first one made. So each pass sends others,
// the same one wherever the recording has the same one.
//
// A token is also a value like any other. One that looks made up (a UUID) and
// that no request held before stands for itself wherever it occurs from then
// on, such as the VersionId of a secret. One that a person chose, or that was
// a name before it was a token, is replaced in tokens, in members of the same
// name, and where the endpoint answers with the new one in its place; as a name
// it stays.

// A tokenMember is a member of a request that holds an idempotency token.
type tokenMember struct {
	name     string
	location awsapi.Location // InBody, InHeader or InQuery
}

// tokenMembers knows the token members of operations. Its zero value is ready;
// it serves one goroutine.
type tokenMembers struct {
	known map[tokenKey][]tokenMember
}

type tokenKey struct {
	operation *awsapi.Operation
	protocol  awsapi.Protocol
}

// documentedTokens are members that the API references describe as idempotency
// tokens, also in services whose models leave their marks out since no client
// fills them in (Route 53's CallerReference, CloudFormation's ClientRequestToken).
var documentedTokens = []string{"ClientToken", "ClientRequestToken", "IdempotencyToken", "CallerReference"}

// of returns the members of a request that hold tokens.
func (m *tokenMembers) of(r *request) []tokenMember {
	op := r.api.Operation()
	if op == nil {
		op = awsapi.LookUp(r.api.Service, r.api.Action)
	}
	if op == nil {
		return nil
	}
	key := tokenKey{op, r.api.Protocol}
	members, ok := m.known[key]
	if ok {
		return members
	}
	isQuery := r.api.Protocol == awsapi.AWSQuery || r.api.Protocol == awsapi.EC2Query
	add := func(s awsapi.Shape) {
		switch s.Location() {
		case awsapi.InBody, awsapi.InHeader, awsapi.InQuery:
		default:
			return
		}
		if !s.IdempotencyToken() && (op.ReadOnly() || !isDocumentedToken(s.WireName())) {
			return
		}
		members = append(members, tokenMember{s.WireName(), s.Location()})
		if isQuery {
			members = append(members, tokenMember{s.WireName(), awsapi.InQuery}) // sent with GET
		}
	}
	input, payload := op.Input(r.api.Protocol), op.RequestBody(r.api.Protocol)
	for _, s := range input.Members() {
		add(s)
	}
	if payload != input {
		for _, s := range payload.Members() {
			add(s)
		}
	}
	if m.known == nil {
		m.known = make(map[tokenKey][]tokenMember)
	}
	m.known[key] = members
	return members
}

func isDocumentedToken(name string) bool {
	for _, d := range documentedTokens {
		if strings.EqualFold(name, d) {
			return true
		}
	}
	return false
}

// holdsToken reports whether a node of a body is one of the members: a child of
// the document's root.
func holdsToken(members []tokenMember, t *body.Tree, n body.Node) bool {
	if len(members) == 0 || t.Parent(n) != t.Root() {
		return false
	}
	for i := range members {
		if members[i].location == awsapi.InBody && string(t.Key(n)) == members[i].name {
			return true
		}
	}
	return false
}

// heldToken is a token of one request.
type heldToken struct{ name, value string }

// findTokens appends the tokens of a request.
func (r *request) findTokens(dst []heldToken, tree *body.Tree) []heldToken {
	inBody := false
	for _, m := range r.tokenMembers {
		switch m.location {
		case awsapi.InHeader:
			if v := r.Get(m.name); v != "" {
				dst = append(dst, heldToken{m.name, v})
			}
		case awsapi.InQuery:
			eachParameter(r.RawQuery, func(name, v string, _, _ int) {
				if name == m.name && v != "" {
					dst = append(dst, heldToken{name, v})
				}
			})
		default:
			inBody = true
		}
	}
	if !inBody || len(r.body) == 0 || len(r.body) > maxSearch || r.framed {
		return dst
	}
	data := r.body
	if strings.EqualFold(r.Get("Content-Encoding"), "gzip") {
		plain, ok := gunzip(data)
		if !ok {
			return dst
		}
		data = plain
	}
	if tree.Parse(data, bodyOptions(r.Get("Content-Type"))) != nil || tree.Root() == body.None {
		return dst
	}
	for n := tree.First(tree.Root()); n != body.None; n = tree.Next(n) {
		if tree.Kind(n) == body.String && holdsToken(r.tokenMembers, tree, n) && len(tree.Text(n)) > 0 {
			dst = append(dst, heldToken{string(tree.Key(n)), string(tree.Text(n))})
		}
	}
	return dst
}

// eachParameter calls fn for each parameter of a raw query, decoded, and where
// its value stands.
func eachParameter(raw string, fn func(name, value string, start, end int)) {
	for at := 0; at <= len(raw); {
		pair, _, _ := strings.Cut(raw[at:], "&")
		if name, v, ok := strings.Cut(pair, "="); ok {
			n, err1 := url.QueryUnescape(name)
			u, err2 := url.QueryUnescape(v)
			if err1 == nil && err2 == nil {
				fn(n, u, at+len(name)+1, at+len(pair))
			}
		}
		at += len(pair) + 1
	}
}

// meetTokens prepares for the tokens of request seq, before any later request is
// sent: what will stand where they occur otherwise.
func (k *correlator) meetTokens(tokens []heldToken, runs []uint64, seq int64) {
	for _, t := range tokens {
		v := []byte(t.value)
		fresh := k.fresh.token(v)
		if !k.freshens(t.name, v) || bytes.Equal(fresh, v) {
			continue
		}
		k.tokens.Store(true)
		same := 0
		for _, other := range tokens {
			if other.value == t.value {
				same++
			}
		}
		start, end := anchor(v)
		if start < end && k.named.markToken(k.of(v[start:end]), seq, same, runs) && madeUpToken(v) {
			k.add(v, fresh, bindValue, false)
		} else {
			k.scoped.bind([]byte(t.name), v, fresh)
		}
	}
}

// freshens reports whether a value of a token member is one that the client made
// up for the call. Models mark some ids, too, such as the QueryExecutionId of
// Athena's StopQueryExecution, which an answer has given, and names that people
// choose.
func (k *correlator) freshens(name string, v []byte) bool {
	if start, end := anchor(v); start < end && k.named.answered.by(k.of(v[start:end]), math.MaxInt64) {
		return false
	}
	switch value.RoleOf([]byte(name)) {
	case value.TokenRole:
		return true
	default:
		return strings.HasSuffix(strings.ToLower(name), "requestid") || madeUpToken(v)
	}
}

// madeUpToken reports a token that no person chose, which can be no name.
func madeUpToken(v []byte) bool {
	return len(v) >= 16 && (value.Classify(v).Kind.Generated() || value.Random(v))
}

// learnToken reports whether two different values at one place of the answers
// are a token and the one that the request had instead. The service has made it
// an id of its own, then: it is one wherever a request names it alone.
func (l *learner) learnToken(name, o, r []byte) bool {
	if !l.know.tokens.Load() || len(o) != len(r) || !bytes.Equal(l.know.fresh.token(o), r) {
		return false
	}
	if start, end := anchor(o); start < end && l.know.named.isToken(l.know.of(o[start:end])) {
		if madeUpToken(o) {
			return true // bound when it was met
		}
		l.know.add(o, r, bindWhole, false)
	}
	if len(name) > 0 && len(o) <= longestScoped {
		l.know.scoped.bind(name, o, r)
	}
	return true
}

// freshToken returns what stands in place of a token: what the endpoint gave in
// place of a value that the service made, or else a new one.
func (k *correlator) freshToken(name string, v []byte, used []replaced) ([]byte, []replaced) {
	n := len(used)
	text, used := k.translate(v, false, used)
	if len(used) == n+1 && used[n].original == string(v) {
		return text, used
	}
	if used = used[:n]; !k.freshens(name, v) {
		return v, used
	}
	text = k.fresh.token(v)
	if bytes.Equal(text, v) {
		return v, used
	}
	return text, append(used, replaced{string(v), string(text)})
}

// tokensInHead puts fresh tokens into the headers and the query of a request.
func (w *rewriter) tokensInHead(k *correlator, dst []entry.Rewrite, r *request) []entry.Rewrite {
	for _, m := range r.tokenMembers {
		w.used = w.used[:0]
		switch m.location {
		case awsapi.InHeader:
			for i := range r.Header {
				if f := &r.Header[i]; f.Value != "" && strings.EqualFold(f.Name, m.name) {
					var v []byte
					v, w.used = k.freshToken(m.name, []byte(f.Value), w.used)
					dst = appendRewrites(dst, w.used, "header "+f.Name)
					f.Value = string(v)
				}
			}
		case awsapi.InQuery:
			var out strings.Builder
			done := 0
			eachParameter(r.RawQuery, func(name, v string, start, end int) {
				if name != m.name || v == "" {
					return
				}
				var text []byte
				text, w.used = k.freshToken(name, []byte(v), w.used)
				out.WriteString(r.RawQuery[done:start])
				out.WriteString(url.QueryEscape(string(text)))
				done = end
			})
			if done > 0 {
				r.RawQuery = out.String() + r.RawQuery[done:]
				dst = appendRewrites(dst, w.used, "query")
			}
		}
	}
	return dst
}
