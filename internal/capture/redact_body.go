package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A document is what is known of a body before it is read.
type document struct {
	shape awsapi.Shape // of the body's root; zero if no model describes it
	form  awsapi.Shape // of a form's keys
	// sensitive: the model, or a name, says that there are secrets in it. Such
	// a body is never recorded unread.
	sensitive bool
	all       bool          // every value in it is a secret
	unknown   bool          // no model knows the operation
	searched  bool          // what it says may be what other calls call a secret
	blobs     [][]byte      // names of members in base64
	known     []knownSecret // of the request, which errors echo
	side      *side
	depth     int // documents around it
}

// body replaces the secrets in a body and reports whether it changed. One that
// may hold secrets and cannot be read is left out: size and keyed digest stand
// for it.
func (r *redactor) body(b *entry.Body, h entry.Header, d *document) bool {
	if len(b.Data) == 0 {
		if b.SHA256 != "" && (d.sensitive || len(r.paths) > 0) {
			d.side.add("$")
			b.SHA256 = r.keyedDigest([]byte(b.SHA256))
			return true
		}
		return false
	}
	coding := h.Get("Content-Encoding")
	if coding == "" && !chunked(h) && !r.worthReading(b.Data, d) {
		return false
	}
	data, codings, ok := decode(b.Data, coding, chunked(h))
	if !ok && d.sensitive {
		r.omit(b, d)
		return true
	}
	if !ok { // as it is, then: a form that is seen through the coding is still replaced
		data, codings = b.Data, nil
	}
	if len(codings) > 0 && !r.worthReading(data, d) {
		return false
	}
	clean, changed, ok := r.document(data, h.Get("Content-Type"), d)
	if ok && !changed {
		return false
	}
	if ok {
		clean, ok = encode(clean, codings)
	}
	if !ok {
		r.omit(b, d)
		return true
	}
	b.Data = clean
	return true
}

// omit puts size and keyed digest in the place of a body.
func (r *redactor) omit(b *entry.Body, d *document) {
	d.side.add("$")
	*b = entry.Body{Size: int64(len(b.Data)), SHA256: r.keyedDigest(b.Data), Truncated: true}
}

// keyedDigest stands for the SHA-256 of a secret, by which it could be found.
// Its prefix tells it from one: it can be compared within a recording only.
func (r *redactor) keyedDigest(data []byte) string {
	sum := r.names.digest(data)
	return "keyed-" + hex.EncodeToString(sum[:])
}

// worthReading reports whether a decoded body may hold a secret. It is what all
// bodies pay.
func (r *redactor) worthReading(data []byte, d *document) bool {
	want := hintAny
	if d.unknown {
		want |= hintLooseName
	}
	return d.sensitive || d.searched && r.said.any() || len(r.paths) > 0 || r.derived.any() && (bytes.Contains(data, []byte("ETag")) || bytes.Contains(data, []byte("Checksum"))) || len(d.known) > 0 || scanBytes(data, want) || hasUTF16(data) ||
		slices.ContainsFunc(d.blobs, func(name []byte) bool { return bytes.Contains(data, name) })
}

// document replaces the secrets in a body without content coding. It reports
// false if it cannot.
func (r *redactor) document(data []byte, contentType string, d *document) (clean []byte, changed, ok bool) {
	if boundary, ok := formBoundary(contentType); ok {
		if clean, ok := r.multipart(data, boundary, d); ok {
			changed := !bytes.Equal(clean, data)
			if changed {
				d.side.add("$")
			}
			return clean, changed, true
		}
	}
	w := r.walker(d)
	defer r.release(w)
	err := w.tree.Parse(data, body.Options{ContentType: contentType, Nested: true, Base64: true})
	if err != nil && d.sensitive {
		return nil, false, false
	}
	if w.tree.Root() == body.None {
		return data, false, true
	}
	if w.tree.Format() == body.Bytes && hasUTF16(data) {
		// No pattern sees through it, and it is not worth writing anew.
		text := fromUTF16(data)
		return data, false, !d.sensitive && w.clean(text) == text
	}
	if f := w.tree.Format(); d.sensitive && d.shape.Kind() == awsapi.Structure && (f == body.Text || f == body.Bytes) {
		return nil, false, false // no document, where the model says that one with secrets stands
	}
	w.value(w.tree.Root(), d.shape, d.all || d.shape.Sensitive())
	if len(w.edits) == 0 {
		return data, false, true
	}
	clean, err = w.tree.AppendEdited(make([]byte, 0, len(data)+len(data)/8), w.edits)
	return clean, true, err == nil
}

// A walker finds the secrets of one document.
type walker struct {
	r     *redactor
	doc   *document
	tree  body.Tree
	edits []body.Edit
	path  [][]byte             // keys from the root to the value at hand
	keys  map[body.Node][]byte // that were replaced
	exact int                  // places whose indices were looked for
}

func (r *redactor) walker(d *document) *walker {
	w, _ := r.walkers.Get().(*walker)
	if w == nil {
		w = &walker{r: r}
	}
	w.doc = d
	w.edits, w.path = w.edits[:0], w.path[:0]
	w.keys, w.exact = nil, 0
	return w
}

func (r *redactor) release(w *walker) {
	w.tree.Parse(nil, body.Options{}) // lets go of the body
	clear(w.edits)
	if w.tree.Size() < 1<<16 {
		r.walkers.Put(w)
	}
}

// value goes through the value n, of which the model says shape. All below a
// secret is secret.
func (w *walker) value(n body.Node, shape awsapi.Shape, secret bool) {
	t := &w.tree
	switch t.Kind(n) {
	case body.Object:
		w.members(n, shape, secret)
	case body.Array:
		if t.Format() == body.EventStream && n == t.Root() {
			w.frames(n, shape, secret)
			return
		}
		elem := shape.Elem()
		for c := t.First(n); c != body.None; c = t.Next(c) {
			w.value(c, elem, secret || elem.Sensitive())
		}
	case body.Null, body.Bool:
	default:
		if doc := t.Nested(n); doc != body.None {
			w.value(doc, awsapi.Shape{}, secret)
			return
		}
		w.scalar(n, shape, secret)
	}
}

// members goes through the members of an object or XML element.
func (w *walker) members(n body.Node, shape awsapi.Shape, secret bool) {
	t := &w.tree
	xml := t.XML(n)
	if xml && shape.Flattened() {
		switch shape.Kind() {
		case awsapi.List:
			shape = shape.Elem()
			secret = secret || shape.Sensitive()
		}
	}
	form := t.Format() == body.Form && n == t.Root()
	for c := t.First(n); c != body.None; c = t.Next(c) {
		key := t.Key(c)
		var member awsapi.Shape
		free := false // the key is the user's own word
		switch kind := shape.Kind(); {
		case form:
			member, _ = w.doc.form.Form(string(key))
		case kind == awsapi.Structure, kind == awsapi.Union:
			member, _ = shape.Member(string(key))
		case kind == awsapi.List: // in XML
			member = shape.Elem()
		case kind == awsapi.Map:
			member, free = w.mapMember(shape, c, key, xml)
		}
		w.path = append(w.path, key)
		hidden := secret || member.Sensitive() || w.named(key, member.Valid() && !free) || !member.Valid() && oneTimeCode(key) && w.oauth(n)
		w.key(c, key, hidden && shape.Kind() == awsapi.Map && !xml && shape.Key().Sensitive())
		w.value(c, member, hidden)
		w.path = w.path[:len(w.path)-1]
	}
}

// oauth reports whether an object is a request for a token (RFC 6749), or one for
// the code that is exchanged for it.
func (w *walker) oauth(n body.Node) bool {
	for c := w.tree.First(n); c != body.None; c = w.tree.Next(c) {
		switch low, _ := plainName(string(w.tree.Key(c))); low {
		case "granttype", "redirecturi", "codeverifier", "refreshtoken", "devicecode":
			return true
		}
	}
	return false
}

// oneTimeCode reports whether a member of such a request is as good as a token.
func oneTimeCode(key []byte) bool {
	if len(key) < 4 || len(key) > 16 || strings.IndexByte("cdusa", key[0]|0x20) < 0 {
		return false
	}
	switch low, _ := plainName(string(key)); low {
	case "code", "codeverifier", "devicecode", "usercode", "assertion", "subjecttoken", "actortoken":
		return true
	}
	return false
}

// key replaces the key of a member if it is secret, or the secrets in its text.
func (w *walker) key(n body.Node, key []byte, secret bool) {
	if !secret && len(key) < 16 || !w.tree.EditableKey(n) {
		return
	}
	clean := key
	if secret {
		clean = w.r.names.bytes(key)
	} else if scanBytes(key, hintValue) {
		clean = []byte(w.clean(string(key)))
	}
	if bytes.Equal(clean, key) {
		return
	}
	w.edits = append(w.edits, body.Edit{Node: n, Key: true, Text: clean})
	if w.keys == nil {
		w.keys = map[body.Node][]byte{}
	}
	w.keys[n] = clean
}

// mapMember returns what a child of a map is. In JSON and CBOR it is a value
// under its key; in XML an entry that holds both, or one of the two.
func (w *walker) mapMember(shape awsapi.Shape, c body.Node, key []byte, xml bool) (member awsapi.Shape, free bool) {
	if !xml {
		return shape.Elem(), true
	}
	switch string(key) {
	case shape.KeyName():
		return shape.Key(), false
	case shape.ElemName():
		return shape.Elem(), false
	}
	if w.tree.Kind(c) == body.Object {
		return shape, false // the entry element
	}
	return awsapi.Shape{}, false
}

// named reports whether the value at hand is secret by its name, or by a path
// of the user's. Where a model knows the member, only the clearest names count.
func (w *walker) named(key []byte, modelled bool) bool {
	for i := range w.r.paths {
		if w.r.paths[i].match(w.path) {
			return true
		}
	}
	if len(key) > 40 {
		return false
	}
	if modelled {
		return clearSecretName(string(key))
	}
	return secretName(string(key), w.doc.unknown || len(w.doc.known) > 0)
}

// frames goes through the frames of an event stream: headers by name, and a
// payload of the event's type.
func (w *walker) frames(n body.Node, shape awsapi.Shape, secret bool) {
	t := &w.tree
	for f := t.First(n); f != body.None; f = t.Next(f) {
		var event awsapi.Shape
		for c := t.First(f); c != body.None; c = t.Next(c) {
			if string(t.Key(c)) == ":event-type" {
				event, _ = shape.Member(string(t.Text(c)))
				if !event.Valid() {
					// The stream is a member of the output.
					for _, m := range shape.Members() {
						if e, ok := m.Member(string(t.Text(c))); ok {
							event = e
						}
					}
				}
			}
		}
		payload := event
		for _, m := range event.Members() {
			if m.Location() == awsapi.InPayload {
				payload = m
			}
		}
		hidden := secret || event.Sensitive()
		for c := t.First(f); c != body.None; c = t.Next(c) {
			key := t.Key(c)
			w.path = append(w.path, key)
			switch {
			case string(key) == "payload":
				w.value(c, payload, hidden || payload.Sensitive())
			case len(key) > 0 && key[0] == ':':
			default:
				m, ok := event.Member(string(key))
				w.value(c, m, hidden || ok && m.Sensitive())
			}
			w.path = w.path[:len(w.path)-1]
		}
	}
}

// scalar replaces one value if it is secret, or the secrets in its text.
func (w *walker) scalar(n body.Node, shape awsapi.Shape, secret bool) {
	t := &w.tree
	text := t.Text(n)
	if len(text) == 0 || !t.Editable(n) {
		return
	}
	if digest, ok := w.r.derived.get(string(text)); ok && !secret { // not listed: it can be compared
		w.edits = append(w.edits, body.Edit{Node: n, Text: []byte(digest)})
		return
	}
	names := w.r.names
	if !secret && !w.doc.side.request && !shape.Valid() && len(text) >= minEcho && w.r.said.has(w.r, "", asSecret+string(text)) {
		secret = true // it says again what a request called a secret
	}
	secret = secret || dockerAuth(t.Key(n), text)
	var out []byte
	value, whole := text, secret // what the service keeps of it
	switch kind := t.Kind(n); {
	case secret && shape.Kind() == awsapi.Boolean:
		return // of two, either is worth nothing
	case secret && kind == body.Number && !shape.Valid() && run(text, &digitByte) == len(text):
		out = names.plain(text) // no range is known, and the audit knows it
	case kind == body.Number || kind == body.Time:
		if secret {
			out = names.number(text)
		}
	case secret && isNumber(shape):
		out = names.number(text)
	case shape.Kind() == awsapi.Blob && kind == body.String && n != t.Root():
		out = w.blob(text, secret)
		if raw, err := base64.StdEncoding.DecodeString(string(text)); err == nil {
			value, whole = raw, true
		}
	case secret:
		out = []byte(names.text(string(text)))
		if kind == body.Binary {
			out = names.bytes(text)
		}
	case kind == body.Binary:
		out = w.binary(text)
	default:
		out = []byte(w.clean(string(text)))
	}
	if out == nil {
		return
	}
	changed := !bytes.Equal(out, text)
	if changed {
		w.edits = append(w.edits, body.Edit{Node: n, Text: out})
	}
	if changed || secret { // a short one can be its own pseudonym
		w.doc.side.replaced(func() string { return w.place(n) }, string(t.Key(n)), string(value), string(out), whole)
	}
}

// isNumber reports whether the model calls a value a number, which is text in XML and
// in forms.
func isNumber(shape awsapi.Shape) bool {
	return shape.Kind() == awsapi.Integer || shape.Kind() == awsapi.Float
}

// minEcho is how long a value must be, in bytes, that is known as a secret because
// a request has called it one. A shorter one can be anything.
const minEcho = 8

// blob handles base64 by what it stands for.
func (w *walker) blob(text []byte, secret bool) []byte {
	raw, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		if secret {
			return w.r.names.bytes(text)
		}
		return []byte(w.clean(string(text)))
	}
	if secret {
		raw = w.r.names.bytes(raw)
	} else if raw = w.inside(raw); raw == nil {
		return nil
	}
	return base64.StdEncoding.AppendEncode(nil, raw)
}

// binary handles bytes that are no text.
func (w *walker) binary(data []byte) []byte {
	return w.inside(data)
}

// inside returns data with the secrets in it replaced; nil if there are none.
func (w *walker) inside(data []byte) []byte {
	if gunzipped, codings, ok := decode(data, "", false); ok && len(codings) > 0 {
		if out := w.inside(gunzipped); out != nil {
			if zipped, ok := encode(out, codings); ok {
				return zipped
			}
		}
		return nil
	}
	if len(data) > 1 && (data[0] == '{' || data[0] == '[') && w.doc.depth < 3 && scanBytes(data, hintAny) {
		d := document{unknown: w.doc.unknown, known: w.doc.known, depth: w.doc.depth + 1, side: &side{r: w.r, request: w.doc.side.request}}
		if clean, changed, ok := w.r.document(data, "application/json", &d); ok && changed {
			return clean
		}
	}
	if !scanBytes(data, hintValue) {
		return nil
	}
	if out := w.clean(string(data)); out != string(data) {
		return []byte(out)
	}
	return nil
}

// clean replaces in a text what has the form of a secret, and the request's
// credentials.
func (w *walker) clean(s string) string {
	for _, secret := range w.doc.known {
		s = secret.replace(s)
	}
	return w.r.freeText(w.quoted(s))
}

// quoted replaces in a short text what stands in quotes and was called a secret by a
// request, as in the filter of a search or the message of an error.
func (w *walker) quoted(s string) string {
	if len(s) > 1024 || !w.r.said.any() {
		return s
	}
	for from := 0; ; {
		i := strings.IndexAny(s[from:], `"'`)
		if i < 0 {
			return s
		}
		from += i + 1
		n := strings.IndexByte(s[from:], s[from-1])
		if n < 0 {
			return s
		}
		if n >= minEcho && w.r.said.has(w.r, "", asSecret+s[from:from+n]) {
			clean := w.r.names.cached(s[from : from+n])
			s = s[:from] + clean + s[from+n:]
			n = len(clean)
		}
		from += n + 1
	}
}
