package capture

import (
	"fmt"
	"strings"
)

// A redactPath names what a user wants redacted besides what is known to be
// secret: keys, joined by dots, as they end the way to a value in a request or
// response body. "password" is any member of that name, "user.password" one
// within a member "user", ".user.password" one at the top of the document. A
// star stands for any one key; elements of lists have none. Everything below a
// matching member is redacted. "header:NAME" and "query:NAME" name a header and
// a query parameter. Case does not matter.
type redactPath struct {
	kind string // "", "header" or "query"
	keys []string
	root bool
}

func parseRedactPath(s string) (redactPath, error) {
	for _, kind := range [...]string{"header", "query"} {
		if name, ok := strings.CutPrefix(s, kind+":"); ok && name != "" {
			return redactPath{kind: kind, keys: []string{name}}, nil
		}
	}
	p := redactPath{}
	rest := strings.TrimPrefix(s, "$")
	rest, p.root = strings.CutPrefix(rest, ".")
	if deep, ok := strings.CutPrefix(rest, "."); ok && p.root { // ..password
		rest, p.root = deep, false
	}
	for key := range strings.SplitSeq(rest, ".") {
		if key = strings.TrimSuffix(key, "[]"); key == "" || strings.ContainsAny(key, "[]") {
			return p, fmt.Errorf("%q is no path to redact: write keys joined by dots, such as user.password", s)
		}
		p.keys = append(p.keys, key)
	}
	return p, nil
}

// match reports whether the path ends in these keys.
func (p *redactPath) match(path [][]byte) bool {
	if p.kind != "" || len(path) < len(p.keys) || p.root && len(path) != len(p.keys) {
		return false
	}
	path = path[len(path)-len(p.keys):]
	for i, key := range p.keys {
		if key != "*" && !strings.EqualFold(key, string(path[i])) {
			return false
		}
	}
	return true
}

// named reports whether the user named the header or query parameter.
func (r *redactor) named(kind, name string) bool {
	for _, p := range r.paths {
		if p.kind == kind && strings.EqualFold(p.keys[0], name) {
			return true
		}
	}
	return false
}
