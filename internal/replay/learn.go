package replay

import (
	"bytes"
	"strings"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/value"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A learner compares a recorded answer with the replayed one and binds the
// values that the service made. Its buffers are reused.
type learner struct {
	original, replay body.Tree
	scratch          []byte
	aligner          aligner
	used             []replaced
	later            []pair // composed of other values: learned behind them
	know             *correlator
	call             *call
}

// pair is two scalars at the same place of the two answers.
type pair struct {
	original, replay []byte
	name             []byte // of the member or header
	role             value.Role
}

// learn binds what the answers to one call show. Answers of different outcome
// show nothing.
func (l *learner) learn(k *correlator, c *call, resp *response) {
	o := &c.line.Object
	status, err := o.Status()
	if err != nil || status < 200 || status >= 400 || resp.status < 200 || resp.status >= 400 {
		return
	}
	l.know, l.call, l.later = k, c, l.later[:0]
	if c.req.api.Service == "cognito-idp" {
		k.secrets.learn(&l.replay, resp.body)
	}
	err = o.EachHeader(entry.FieldResponseHeaders, func(name, v []byte) error {
		role := headerRole(name)
		if role == value.Ignored || role == value.TimeRole {
			return nil
		}
		if other := resp.header(string(name)); other != nil && !bytes.Equal(v, other) {
			l.pair(pair{bytes.Clone(v), other, bytes.Clone(name), role})
		}
		return nil
	})
	if err != nil {
		return // cm-diff says so
	}
	b, err := o.BodyInto(entry.FieldResponseBody, &l.scratch)
	if err != nil || b.Truncated || resp.truncated || len(b.Data) == 0 || bytes.Equal(b.Data, resp.body) {
		l.composed()
		return
	}
	if len(b.Data) <= maxSearch && len(resp.body) <= maxSearch {
		var contentType string
		_ = o.EachHeader(entry.FieldResponseHeaders, func(name, v []byte) error { // walked above without error
			if equalFold(name, "Content-Type") {
				contentType = string(v)
			}
			return nil
		})
		errO := l.original.Parse(b.Data, bodyOptions(contentType))
		errR := l.replay.Parse(resp.body, bodyOptions(string(resp.header("Content-Type"))))
		if errO == nil && errR == nil && l.original.Format() == l.replay.Format() {
			l.walk(l.original.Root(), l.replay.Root(), value.Plain)
		}
	}
	l.composed()
}

// headerRole says which response headers vary without meaning.
func headerRole(name []byte) value.Role {
	for _, skip := range [...]string{"Content-Length", "Server", "Connection", "Keep-Alive", "Content-Type", "Via", "Vary", "Transfer-Encoding", "X-Amz-Crc32", "X-Powered-By", "Last-Modified"} {
		if equalFold(name, skip) {
			return value.Ignored
		}
	}
	if len(name) > len("X-Amz-Checksum-") && equalFold(name[:len("X-Amz-Checksum-")], "X-Amz-Checksum-") || len(name) > 4 && equalFold(name[:4], "Acce") {
		return value.Ignored
	}
	return value.RoleOf(name)
}

// walk goes through both answers in step. The role is that of the member which
// holds the values.
func (l *learner) walk(o, r body.Node, role value.Role) {
	if o == body.None || r == body.None || role == value.Ignored {
		return
	}
	to, tr := &l.original, &l.replay
	ko, kr := to.Kind(o), tr.Kind(r)
	switch {
	case ko.Scalar() && kr.Scalar():
		if no, nr := to.Nested(o), tr.Nested(r); no != body.None && nr != body.None {
			if role == value.TokenRole && !bytes.Equal(to.Text(o), tr.Text(r)) {
				l.bind(to.Text(o), tr.Text(r), bindValue, role) // a token is one, whatever is in it
			}
			l.walk(no, nr, role)
			return
		}
		if ko == body.String && kr == body.String && !bytes.Equal(to.Text(o), tr.Text(r)) {
			l.pair(pair{to.Text(o), tr.Text(r), memberName(to, o), role})
		}
	case ko == body.Array && kr == body.Array:
		l.lists(children(to, o, nil), children(tr, r, nil), role)
	case ko == body.Object && kr == body.Object:
		l.objects(o, r, role)
	}
}

func children(t *body.Tree, n body.Node, key []byte) (out []body.Node) {
	for c := t.First(n); c != body.None; c = t.Next(c) {
		if key == nil || bytes.Equal(t.Key(c), key) {
			out = append(out, c)
		}
	}
	return out
}

// objects pairs the members of one name. In XML those of a repeated name are a
// list.
func (l *learner) objects(o, r body.Node, role value.Role) {
	to, tr := &l.original, &l.replay
	hint := tr.First(r)
	for c := to.First(o); c != body.None; c = to.Next(c) {
		key := to.Key(c)
		role := roleWithin(role, key)
		if o != to.Root() && equalFold(key, "RequestId") {
			role = value.IDRole // of something that was requested, not of the answer
		}
		if to.XML(c) && (repeated(to, o, c) || repeated(tr, r, hint)) {
			if !earlier(to, o, c) {
				l.lists(children(to, o, key), children(tr, r, key), role)
			}
			continue
		}
		if hint == body.None || !bytes.Equal(tr.Key(hint), key) {
			for hint = tr.First(r); hint != body.None && !bytes.Equal(tr.Key(hint), key); {
				hint = tr.Next(hint)
			}
		}
		if hint != body.None {
			l.walk(c, hint, role)
			hint = tr.Next(hint)
		}
	}
}

// roleWithin is the role of a member: that of its name or, where it merely says
// how the value is written ({"S": …}, <item>, <member>), of its holder's.
func roleWithin(role value.Role, key []byte) value.Role {
	if isWrapper(key) {
		return role
	}
	return value.RoleOf(key)
}

// isWrapper reports names that merely say how a value is written.
func isWrapper(key []byte) bool {
	switch string(key) {
	case "S", "B", "SS", "BS", "item", "member", "entry", "value", "Value", "#text", "StringValue":
		return true
	}
	return false
}

// memberName returns the name that a scalar goes by.
func memberName(t *body.Tree, n body.Node) []byte {
	for ; n != body.None; n = t.Parent(n) {
		if key := t.Key(n); len(key) > 0 && !isWrapper(key) {
			return key
		}
	}
	return nil
}

// repeated reports whether n has a sibling of its name.
func repeated(t *body.Tree, parent, n body.Node) bool {
	if n == body.None {
		return false
	}
	key := t.Key(n)
	for c := t.First(parent); c != body.None; c = t.Next(c) {
		if c != n && bytes.Equal(t.Key(c), key) {
			return true
		}
	}
	return false
}

// earlier reports whether a sibling of its name comes before n.
func earlier(t *body.Tree, parent, n body.Node) bool {
	key := t.Key(n)
	for c := t.First(parent); c != n; c = t.Next(c) {
		if bytes.Equal(t.Key(c), key) {
			return true
		}
	}
	return false
}

// lists pairs the elements of two lists by what they share, whatever their
// order and number.
func (l *learner) lists(os, rs []body.Node, role value.Role) {
	if len(os) == 0 || len(rs) == 0 {
		return
	}
	if len(os) == 1 && len(rs) == 1 {
		l.walk(os[0], rs[0], role)
		return
	}
	for i, j := range l.aligner.align(l, os, rs) {
		if j >= 0 {
			l.walk(os[i], rs[j], role)
		}
	}
}

// pair learns from two different scalars at the same place.
func (l *learner) pair(p pair) {
	switch p.role {
	case value.Ignored, value.TimeRole, value.LagRole:
		return
	}
	o, r := trimQuotes(p.original), trimQuotes(p.replay)
	if l.learnToken(p.name, o, r) {
		return
	}
	if scopable(p.name, o, r, p.role) && !(len(o) >= 4 && madeByService(o, value.Classify(o), p.role)) {
		l.know.scoped.bind(p.name, o, r)
		return
	}
	if len(o) < 4 || len(r) == 0 || len(o) > 64<<10 || len(r) > 64<<10 {
		return
	}
	p.original, p.replay = o, r
	class := value.Classify(o)
	switch class.Kind {
	case value.Timestamp, value.Trace:
		return
	case value.Address:
		if len(p.name) > 0 && value.Classify(r).Kind == value.Address {
			l.know.scoped.bind(p.name, o, r)
		}
		return
	case value.ARN, value.URL:
		l.later = append(l.later, p)
		return
	case value.Account:
		if value.Classify(r).Kind == value.Account {
			l.bind(o, r, bindAccount, p.role)
		}
		return
	}
	if p.role == value.IDRole {
		if o[0] == '/' != (r[0] == '/') { // one says /hostedzone/ID where the other says ID
			o, r = label(o), label(r)
			if len(o) < minRun || len(r) == 0 {
				return
			}
			class = value.Classify(o)
		} else {
			l.label(o, r)
		}
	}
	if p.role == value.IDRole && dated(o, r) {
		l.know.add(o, r, bindWhole, false) // whoever chose the name in it
		return
	}
	if isPEM(o) && isPEM(r) || madeByService(o, class, p.role) || p.role == value.IDRole && (drawn(o, r) || stamped(o, r)) {
		l.bind(o, r, bindValue, p.role)
		l.within(o, r)
		return
	}
	if p.role == value.IDRole && len(o) <= longestScoped && (isOneWord(o) && isOneWord(r) || prefixed(o, r)) {
		l.bind(o, r, bindWhole, p.role)
		return
	}
	if p.role == value.Plain && len(p.name) > 0 && drawn(o, r) && !l.chosen(o) {
		l.know.scoped.bind(p.name, o, r)
		return
	}
	if len(o) > longestParts {
		return
	}
	if n := countParts(o); n > 1 && n <= mostParts {
		l.later = append(l.later, p)
	}
}

// drawnTail reports whether two resources of ARNs begin with the same name and
// end in what the service drew behind it: Secrets Manager's six letters, the
// time a stream was made.
func (l *learner) drawnTail(o, r []byte) bool {
	x, y := tails(o, r)
	if drawn(x, y) {
		return !l.chosen(x)
	}
	if stamped(o, r) {
		return !l.chosen(x) || !l.chosenWhole(label(o)) // of several made at the same time one may be known
	}
	i, k := bytes.LastIndexByte(o, '/')+1, bytes.LastIndexByte(r, '/')+1
	return value.Classify(o[i:]).Kind == value.Timestamp && value.Classify(r[k:]).Kind == value.Timestamp
}

// composed learns from the pairs that hold other values: ARNs, URLs, and texts
// with an id inside.
func (l *learner) composed() {
	for _, p := range l.later {
		o, used := l.know.translate(p.original, false, l.used[:0])
		l.used = used
		if bytes.Equal(o, p.replay) {
			continue
		}
		switch value.Classify(p.original).Kind {
		case value.ARN:
			l.arn(p)
		case value.URL:
			l.url(p)
		default:
			l.parts(p.original, p.replay, p.role)
		}
	}
	l.later = l.later[:0]
}

// arn learns the account and region of the endpoint, and the parts of the
// resource that the service made; if that does not explain it, the whole.
func (l *learner) arn(p pair) {
	o, ok1 := value.SplitARN(p.original)
	r, ok2 := value.SplitARN(p.replay)
	if !ok1 || !ok2 {
		return
	}
	if !bytes.Equal(o[4], r[4]) && value.Classify(o[4]).Kind == value.Account && value.Classify(r[4]).Kind == value.Account {
		l.bind(o[4], r[4], bindAccount, value.OwnerRole)
	}
	prefixO := p.original[:len(p.original)-len(o[5])-1]
	prefixR := p.replay[:len(p.replay)-len(r[5])-1]
	if bytes.Equal(o[2], r[2]) && (!bytes.Equal(o[1], r[1]) || !bytes.Equal(o[3], r[3]) || len(o[4]) != len(r[4])) {
		l.know.add(prefixO, prefixR, bindPrefix, false)
	}
	l.parts(o[5], r[5], value.ARNRole)
	if t, _ := l.know.translate(p.original, false, nil); !bytes.Equal(t, p.replay) && (!l.chosen(o[5]) || l.drawnTail(o[5], r[5])) {
		l.know.add(p.original, p.replay, bindValue, false)
		l.label(o[5], r[5])
	}
}

// url learns where the endpoint's URLs lead, and the parts of the path.
func (l *learner) url(p pair) {
	originO, pathO := splitURL(p.original)
	originR, pathR := splitURL(p.replay)
	if originO == nil || originR == nil {
		return
	}
	if !bytes.Equal(originO, originR) && l.isService(originO) {
		l.know.add(originO, originR, bindOrigin, false)
	}
	l.parts(pathO, pathR, value.Plain)
	if t, _ := l.know.translate(pathO, true, nil); !bytes.Equal(t, pathR) && len(pathO) > 1 && len(pathR) > 0 && l.isService(originO) {
		l.know.addPath(pathO, pathR)
		l.label(pathO, pathR)
	}
	if t, _ := l.know.translate(p.original, false, nil); !bytes.Equal(t, p.replay) {
		l.know.add(p.original, p.replay, bindValue, false)
	}
}

// splitURL returns scheme and host, and the path with all behind it.
func splitURL(u []byte) (origin, path []byte) {
	i := bytes.Index(u, []byte("://"))
	if i < 0 {
		return nil, nil
	}
	n := bytes.IndexAny(u[i+3:], "/?#")
	if n < 0 {
		return u, nil
	}
	return u[:i+3+n], u[i+3+n:]
}

// isService reports whether a recorded origin is the service's own.
func (l *learner) isService(origin []byte) bool {
	_, host, _ := strings.Cut(string(origin), "://")
	name, _, _ := strings.Cut(host, ":")
	recorded := l.call.line.Text(entry.FieldHost)
	return isAWSHost(name) || name == "localhost" || strings.HasPrefix(name, "127.") || recorded != "" && strings.HasSuffix(host, recorded)
}

// Limits of a text that is looked at part by part.
const (
	mostParts    = 64
	longestParts = 2 << 10
)

// parts learns from two texts that are built alike, such as paths: between the
// same separators, words of the service's making stand for each other.
func (l *learner) parts(o, r []byte, role value.Role) {
	if len(o) > longestParts || len(r) > longestParts {
		return
	}
	if n := countParts(o); n > mostParts || n != countParts(r) {
		return
	}
	for len(o) > 0 {
		var po, pr []byte
		po, o = cutPart(o)
		pr, r = cutPart(r)
		if bytes.Equal(po, pr) {
			continue
		}
		class := value.Classify(po)
		switch {
		case class.Kind == value.Account && value.Classify(pr).Kind == value.Account:
			l.bind(po, pr, bindAccount, value.OwnerRole)
		case class.Kind == value.Timestamp || class.Kind == value.Number:
		case madeByService(po, class, role) || class.Kind == value.Other && role == value.ARNRole && mixed(po, 10, 1):
			l.bind(po, pr, bindValue, value.Plain)
		}
	}
}

// within learns the ids in a longer value of the service's making, such as a
// marker: the next one may hold them too, beside what a request has named.
func (l *learner) within(o, r []byte) {
	if isOneWord(o) || len(o) > longestParts || len(r) > longestParts {
		return
	}
	if n := countParts(o); n < 2 || n > mostParts || n != countParts(r) {
		return
	}
	for len(o) > 0 {
		var po, pr []byte
		po, o = cutPart(o)
		pr, r = cutPart(r)
		if len(po) >= minRun && !bytes.Equal(po, pr) && value.Classify(po).Kind.Generated() && value.Classify(pr).Kind.Generated() {
			l.bind(po, pr, bindValue, value.Plain)
		}
	}
}

// label learns the id behind a path or a name that two values have in common,
// which stands by itself elsewhere: Route 53 answers "/hostedzone/ID" and takes
// ID as well.
func (l *learner) label(o, r []byte) {
	x, y := label(o), label(r)
	if len(x) < minRun || len(x) == len(o) || len(y) == 0 || !bytes.Equal(o[:len(o)-len(x)], r[:len(r)-len(y)]) || !isLabel(x) || !isLabel(y) {
		return
	}
	if class := value.Classify(x); class.Kind == value.Timestamp || class.Kind == value.Account {
		return
	} else if madeByService(x, class, value.IDRole) {
		l.bind(x, y, bindValue, value.Plain)
	} else if drawn(x, y) {
		l.bind(x, y, bindWhole, value.Plain)
	}
}

// label returns what stands behind the last slash or colon.
func label(v []byte) []byte { return v[bytes.LastIndexAny(v, "/:")+1:] }

// isLabel reports letters, digits, and what joins them in a name.
func isLabel(v []byte) bool {
	for _, c := range v {
		if !isAlnum(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// countParts returns the number of separators and of texts between them, or
// one of more than mostParts.
func countParts(b []byte) int {
	n := 0
	inside := false
	for i := 0; i < len(b) && n <= mostParts; {
		if byteClass[b[i]]&(classSeparator|classPercent) == 0 {
			if !inside {
				inside = true
				n++
			}
			i++
			continue
		}
		sep := separatorLength(b[i:])
		if sep > 0 || !inside {
			n++
		}
		inside = sep == 0
		i += max(sep, 1)
	}
	return n
}

// cutPart returns a separator, or what stands up to the next one.
func cutPart(b []byte) (part, rest []byte) {
	if n := separatorLength(b); n > 0 {
		return b[:n], b[n:]
	}
	i := 1
	for i < len(b) && separatorLength(b[i:]) == 0 {
		i++
	}
	return b[:i], b[i:]
}

// separatorLength returns how long the separator at the start of b is, which
// may be a URL escape; 0 if there is none.
func separatorLength(b []byte) int {
	switch class := byteClass[b[0]]; {
	case class&classSeparator != 0:
		return 1
	case class&classPercent != 0:
		if n := percentLength(b); n > 1 {
			return n
		}
	}
	return 0
}

// bind notes a pair unless a request named the value first.
func (l *learner) bind(o, r []byte, kind bindKind, role value.Role) {
	if kind != bindAccount && l.chosen(o) {
		return
	}
	l.know.add(o, r, kind, role == value.TokenRole)
}

// chosenWhole reports whether requests up to this one held every run of the value.
func (l *learner) chosenWhole(v []byte) bool {
	for i := 0; ; {
		start, end := nextRun(v, i)
		if start == len(v) {
			return true
		}
		if !l.know.named.by(l.know.of(v[start:end]), l.call.seq) {
			return false
		}
		i = end
	}
}

// chosen reports whether a request up to this one held the value: then the
// service did not make it.
func (l *learner) chosen(v []byte) bool {
	start, end := anchor(v)
	return start == end || l.know.named.by(l.know.of(v[start:end]), l.call.seq)
}
