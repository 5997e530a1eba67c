package replay

import (
	"bytes"
	"strings"
	"sync/atomic"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A correlator knows what an endpoint has in place of the values that the
// service had made. It is safe for concurrent use.
type correlator struct {
	*bindings
	scoped  scoped
	named   *seen // what requests held
	fresh   *freshener
	secrets clientSecrets
	tokens  atomic.Bool // some request had an idempotency token
}

func newCorrelator(named *seen) *correlator {
	return &correlator{bindings: newBindings(named.hasher), named: named, fresh: newFreshener()}
}

// maxSearch is the size of the largest body in which values are looked for.
const maxSearch = 16 << 20

// findRuns lists the runs of a request in which a bound value may stand.
func (r *request) findRuns(h hasher, tree *body.Tree) {
	runs := h.appendRuns(r.runs[:0], []byte(r.Path))
	if r.RawQuery != "" {
		runs = h.appendRuns(runs, []byte(r.RawQuery))
	}
	if r.route.bucket != "" {
		runs = h.appendRuns(runs, []byte(r.route.bucket))
	} else if r.route.id != "" {
		runs = h.appendRuns(runs, []byte(r.Host))
	}
	for i := range r.Header {
		if f := &r.Header[i]; len(f.Value) >= minRun && carriesValues(f.Name) {
			runs = h.appendRuns(runs, []byte(f.Value))
		}
	}
	if len(r.body) > 0 && len(r.body) <= maxSearch {
		switch {
		case r.isFormData():
			f, _ := r.parseFormData() // what is none has no fields
			for i := range f.fields {
				if x := &f.fields[i]; !x.file {
					runs = h.appendRuns(runs, x.value)
				}
			}
		case isCBOR(r.Get("Content-Type")):
			// The head of a CBOR text may look like a letter before it.
			if tree.Parse(r.body, bodyOptions(r.Get("Content-Type"))) == nil {
				for n := range tree.Scalars {
					runs = h.appendRuns(runs, tree.Text(n))
				}
			}
		case isText(r.body):
			runs = h.appendRuns(runs, r.body)
		}
	}
	r.runs = runs
}

func isCBOR(contentType string) bool { return strings.Contains(contentType, "cbor") }

func bodyOptions(contentType string) body.Options {
	return body.Options{ContentType: contentType, Nested: true, Base64: true, MaxSize: maxSearch}
}

// isText looks at the start of a body.
func isText(b []byte) bool {
	for _, c := range b[:min(len(b), 512)] {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}

// carriesValues says which headers are the call's and not its client's.
func carriesValues(name string) bool {
	switch {
	case len(name) >= 8 && strings.EqualFold(name[:8], "amz-sdk-"):
		return false
	case strings.EqualFold(name, "User-Agent"), strings.EqualFold(name, "X-Amz-User-Agent"), strings.EqualFold(name, "Content-Type"),
		strings.EqualFold(name, "Accept-Encoding"), strings.EqualFold(name, "X-Amz-Content-Sha256"), strings.EqualFold(name, "X-Amz-Target"):
		return false
	}
	return true
}

// rewriter puts the endpoint's values into requests. Its buffers are reused.
type rewriter struct {
	tree  body.Tree
	used  []replaced
	edits []body.Edit
}

// rewrite replaces the bound values of a request, appends what it replaced to
// dst, and reports whether it changed the body.
func (w *rewriter) rewrite(k *correlator, dst []entry.Rewrite, r *request) ([]entry.Rewrite, bool, error) {
	if p, ok := k.path(r.Path); ok {
		dst = append(dst, entry.Rewrite{Original: r.Path, Replay: p, Where: "path"})
		r.Path = p
	}
	byName := !k.scoped.empty()
	if !byName && len(r.tokenMembers) == 0 && !k.touches(r.runs) {
		return dst, false, nil
	}
	dst = w.tokensInHead(k, dst, r)
	dst = appendRewrites(dst, w.rewriteHost(k, r), "host")
	text := func(s string, where string, inURL bool) string {
		b, used := k.translate([]byte(s), inURL, w.used[:0])
		w.used = used
		if len(used) == 0 {
			return s
		}
		dst = appendRewrites(dst, used, where)
		return string(b)
	}
	r.Path = text(r.Path, "path", true)
	if r.RawQuery != "" {
		r.RawQuery = text(r.RawQuery, "query", true)
		if byName {
			r.RawQuery, w.used = k.scoped.query(r.RawQuery, w.used[:0])
			dst = appendRewrites(dst, w.used, "query")
		}
	}
	for i := range r.Header {
		if f := &r.Header[i]; len(f.Value) >= minRun && carriesValues(f.Name) {
			if v := text(f.Value, "header "+f.Name, false); isFieldValue([]byte(v)) {
				f.Value = v
			}
		}
		if f := &r.Header[i]; byName {
			if v, ok := k.scoped.find([]byte(f.Name), []byte(f.Value)); ok && isFieldValue([]byte(v)) {
				dst = appendRewrites(dst, []replaced{{f.Value, v}}, "header "+f.Name)
				f.Value = v
			}
		}
	}
	if !isTarget(r.Path) || !isTarget(r.RawQuery) || r.Path == "" || r.Path[0] != '/' {
		return dst, false, refuse("the endpoint's values do not fit into path %.60q", r.Path)
	}
	if len(r.body) == 0 || len(r.body) > maxSearch {
		return dst, false, nil
	}
	w.used = w.used[:0]
	changed, err := w.rewriteBody(k, r)
	return appendRewrites(dst, w.used, "body"), changed, err
}

func appendRewrites(dst []entry.Rewrite, used []replaced, where string) []entry.Rewrite {
next:
	for _, u := range used {
		x := entry.Rewrite{Original: u.original, Replay: u.replay, Where: where}
		for _, d := range dst {
			if d == x {
				continue next
			}
		}
		dst = append(dst, x)
	}
	return dst
}

func (w *rewriter) rewriteBody(k *correlator, r *request) (changed bool, err error) {
	if r.isFormData() {
		if changed = w.rewriteFormData(k, r); changed {
			r.renewDigests(r.body)
		}
		return changed, nil
	}
	payload := r.body
	var frames *frames
	if r.framed {
		if frames, err = readFrames(r); err != nil {
			return false, nil // it is not framed as it says; the endpoint shall judge it
		}
		payload = frames.payload
	}
	if enc := r.Get("Content-Encoding"); strings.EqualFold(enc, "gzip") {
		plain, ok := gunzip(payload)
		if !ok {
			return false, nil
		}
		if plain, changed = w.rewriteText(k, r, plain); !changed {
			return false, nil
		}
		payload = gzipped(plain)
	} else if payload, changed = w.rewriteText(k, r, payload); !changed {
		return false, nil
	}
	if frames != nil {
		frames.replace(r, payload)
	} else {
		r.body = payload
	}
	r.renewDigests(payload)
	return true, nil
}

// rewriteText replaces bound values in a body, each in its own spelling.
func (w *rewriter) rewriteText(k *correlator, r *request, data []byte) ([]byte, bool) {
	if err := w.tree.Parse(data, bodyOptions(r.Get("Content-Type"))); err != nil && !isText(data) {
		return data, false
	}
	w.edits = w.edits[:0]
	t := &w.tree
	for n := body.Node(0); int(n) < t.Size(); n++ {
		if t.EditableKey(n) {
			if text, used := k.translate(t.Key(n), false, w.used); len(used) > len(w.used) {
				w.used = used
				w.edits = append(w.edits, body.Edit{Node: n, Key: true, Text: text})
			}
		}
		switch t.Kind(n) {
		case body.Binary:
			if !isPlain(t.Text(n)) {
				continue
			}
		case body.String:
		default:
			continue
		}
		if holdsToken(r.tokenMembers, t, n) && t.Editable(n) {
			text, used := k.freshToken(string(t.Key(n)), t.Text(n), w.used)
			if len(used) > len(w.used) {
				w.used = used
				w.edits = append(w.edits, body.Edit{Node: n, Text: text})
				n = t.End(n) - 1 // with what is within
			}
			continue
		}
		if !t.Editable(n) {
			continue
		}
		if t.Nested(n) != body.None {
			if v, ok := k.whole(t.Text(n)); ok {
				w.used = append(w.used, replaced{string(t.Text(n)), v})
				w.edits = append(w.edits, body.Edit{Node: n, Text: []byte(v)})
				n = t.End(n) - 1
			}
			continue
		}
		if text, used := k.translate(t.Text(n), false, w.used); len(used) > len(w.used) {
			w.used = used
			w.edits = append(w.edits, body.Edit{Node: n, Text: text})
		} else if v, ok := k.scoped.member(t, n); ok {
			w.used = append(w.used, replaced{string(t.Text(n)), v})
			w.edits = append(w.edits, body.Edit{Node: n, Text: []byte(v)})
		}
	}
	if len(w.edits) == 0 {
		return data, false
	}
	out, err := t.AppendEdited(nil, w.edits)
	if err != nil {
		w.used = w.used[:0]
		return data, false
	}
	return out, !bytes.Equal(out, data)
}

// renewDigests computes anew the headers that hold digests of the payload.
func (r *request) renewDigests(payload []byte) {
	if r.stored.skip > 0 {
		return // the payload is but the start of the body
	}
	for i := range r.Header {
		f := &r.Header[i]
		if strings.EqualFold(f.Name, "Content-Md5") {
			f.Value = digestOf("md5", payload)
		} else if algorithm, ok := checksumHeader(f.Name); ok && f.Value != "" {
			if sum := digestOf(algorithm, payload); sum != "" {
				f.Value = sum
			}
		}
	}
}
