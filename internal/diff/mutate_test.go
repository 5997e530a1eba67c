package diff

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/value"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// mnode is a body that can be changed and written again.
type mnode struct {
	key      string
	kind     body.Kind
	text     string
	children []*mnode
	up       *mnode
	xml      bool
}

func grow(t *body.Tree, n body.Node, up *mnode) *mnode {
	m := &mnode{key: string(t.Key(n)), kind: t.Kind(n), up: up, xml: t.XML(n)}
	if m.kind.Scalar() {
		m.text = string(t.Text(n))
		return m
	}
	for c := t.First(n); c != body.None; c = t.Next(c) {
		m.children = append(m.children, grow(t, c, m))
	}
	return m
}

func (m *mnode) each(fn func(*mnode)) {
	fn(m)
	for _, c := range m.children {
		c.each(fn)
	}
}

func (m *mnode) json(dst []byte) []byte {
	switch m.kind {
	case body.Array, body.Object:
		open, closing := byte('['), byte(']')
		if m.kind == body.Object {
			open, closing = '{', '}'
		}
		dst = append(dst, open)
		for i, c := range m.children {
			if i > 0 {
				dst = append(dst, ',')
			}
			if m.kind == body.Object {
				dst = append(entry.AppendString(dst, c.key), ':')
			}
			dst = c.json(dst)
		}
		return append(dst, closing)
	case body.String:
		return entry.AppendString(dst, m.text)
	}
	return append(dst, m.text...)
}

var xmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func (m *mnode) toXML(dst []byte, root string) []byte {
	name := or(m.key, root)
	dst = append(append(dst, '<'), name...)
	rest := m.children
	for len(rest) > 0 && strings.HasPrefix(rest[0].key, "@") {
		dst = fmt.Appendf(dst, " %s=\"%s\"", rest[0].key[1:], xmlEscapes.Replace(rest[0].text))
		rest = rest[1:]
	}
	dst = append(dst, '>')
	dst = append(dst, xmlEscapes.Replace(m.text)...)
	for _, c := range rest {
		if c.key == "#text" {
			dst = append(dst, xmlEscapes.Replace(c.text)...)
		} else {
			dst = c.toXML(dst, root)
		}
	}
	return append(append(append(dst, '<', '/'), name...), '>')
}

func (m *mnode) any() any {
	switch m.kind {
	case body.Null:
		return nil
	case body.Bool:
		return m.text == "true"
	case body.Number:
		if n, err := strconv.ParseInt(m.text, 10, 64); err == nil {
			return n
		}
		f, _ := strconv.ParseFloat(m.text, 64)
		return f
	case body.Time:
		f, _ := strconv.ParseFloat(m.text, 64)
		return cbor.Tag{Number: 1, Content: f}
	case body.Binary:
		return []byte(m.text)
	case body.Array:
		out := []any{}
		for _, c := range m.children {
			out = append(out, c.any())
		}
		return out
	case body.Object:
		out := map[string]any{}
		for _, c := range m.children {
			out[c.key] = c.any()
		}
		return out
	}
	return m.text
}

func (m *mnode) path() string {
	if m.up == nil {
		return "$"
	}
	if m.up.kind == body.Array {
		return fmt.Sprintf("%s[%d]", m.up.path(), slices.Index(m.up.children, m))
	}
	return string(body.AppendMember([]byte(m.up.path()), []byte(m.key)))
}

func (m *mnode) ignored() bool {
	for p := m; p != nil; p = p.up {
		if value.RoleOf([]byte(p.key)) == value.Ignored {
			return true
		}
	}
	return false
}

// A mutation plants one error in a body; it reports what it did, or "" if the
// body has no place for it.
type mutation struct {
	name  string
	kinds []Kind // one of which must be reported
	apply func(r *rand.Rand, root *mnode, elsewhere func(string) bool) (where string)
}

// pick returns a random node that fn accepts.
func pick(r *rand.Rand, root *mnode, fn func(*mnode) bool) *mnode {
	var all []*mnode
	root.each(func(m *mnode) {
		if m != root && !m.ignored() && fn(m) {
			all = append(all, m)
		}
	})
	if len(all) == 0 {
		return nil
	}
	return all[r.IntN(len(all))]
}

// plain reports whether a value varies by nature in no way, or where it is
// known from elsewhere.
func plainValue(m *mnode, elsewhere func(string) bool) bool {
	if !m.kind.Scalar() || m.kind == body.Null || m.kind == body.Time {
		return false
	}
	if m.kind == body.String && strings.HasPrefix(m.text, "{") {
		return false // a document: its members are mutated in other tests
	}
	name := m.key
	if m.key == "" && m.up != nil || m.key == "Value" || m.key == "member" {
		return m.kind == body.String && value.Classify([]byte(m.text)).Kind == value.Other && !value.Random([]byte(m.text))
	}
	if m.up != nil && (m.up.key == "Owner" || m.up.key == "Initiator") || strings.HasPrefix(name, "DBSnapshot") {
		return false // a name of no form, or with a date in it
	}
	role := value.RoleOf([]byte(name))
	c := value.Classify([]byte(m.text))
	switch {
	case role == value.TokenRole || role == value.IDRole && value.Random([]byte(m.text)) || role == value.OwnerRole, c.Kind.Generated():
		return elsewhere(m.text)
	case c.Kind == value.ARN, c.Kind == value.URL:
		return elsewhere(m.text)
	case role == value.LagRole, role == value.IDRole && len(m.text) == 12 /* key-01234567 */, role == value.TimeRole, c.Kind == value.Timestamp, c.Kind == value.Account, c.Kind == value.Address:
		return false
	}
	return true
}

var mutations = []mutation{
	{"drop a member", []Kind{KindMissing}, func(r *rand.Rand, root *mnode, _ func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool { return m.up.kind == body.Object && m.key != "#text" })
		if m == nil {
			return ""
		}
		where := m.path()
		m.up.children = slices.DeleteFunc(m.up.children, func(c *mnode) bool { return c == m })
		return where
	}},
	{"add a member", []Kind{KindExtra, KindType}, func(r *rand.Rand, root *mnode, _ func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool { return m.kind == body.Object && m.text == "" })
		if m == nil {
			m = root
		}
		if m.kind != body.Object {
			return ""
		}
		m.children = append(m.children, &mnode{key: "Unexpected", kind: body.String, text: "x", up: m})
		return m.path() + ".Unexpected"
	}},
	{"change a value", []Kind{KindValue, KindIdentity, KindErrorCode, KindHeader, KindFormat}, func(r *rand.Rand, root *mnode, elsewhere func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool { return plainValue(m, elsewhere) })
		if m == nil {
			return ""
		}
		switch m.kind {
		case body.Bool:
			m.text = strconv.FormatBool(m.text != "true")
		case body.Number:
			m.text = increment(m.text)
		default:
			if len(m.text) > 0 && m.text[len(m.text)-1]-'0' <= 8 && r.IntN(2) == 0 {
				m.text = m.text[:len(m.text)-1] + string(m.text[len(m.text)-1]+1)
			} else {
				m.text += "x"
			}
		}
		return m.path()
	}},
	{"empty a value", []Kind{KindValue, KindIdentity, KindErrorCode, KindFormat}, func(r *rand.Rand, root *mnode, _ func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool { return m.kind == body.String && m.text != "" })
		if m == nil {
			return ""
		}
		m.text = ""
		return m.path()
	}},
	{"change a type", []Kind{KindType, KindFormat}, func(r *rand.Rand, root *mnode, _ func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool { return !m.xml && m.kind != body.Object && m.kind != body.Array })
		if m == nil {
			return ""
		}
		switch m.kind {
		case body.Number, body.Bool:
			m.kind = body.String
		case body.String:
			m.kind, m.text = body.Number, "7"
		default:
			m.kind, m.text = body.String, "x"
		}
		return m.path()
	}},
	{"null for a value", []Kind{KindType}, func(r *rand.Rand, root *mnode, _ func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool { return !m.xml && m.kind != body.Null })
		if m == nil {
			return ""
		}
		m.kind, m.text, m.children = body.Null, "null", nil
		return m.path()
	}},
	{"reorder a list", []Kind{KindOrder, KindValue, KindIdentity}, func(r *rand.Rand, root *mnode, _ func(string) bool) string {
		list := func(m *mnode) bool {
			if len(m.children) < 2 {
				return false
			}
			a, b := m.children[0], m.children[1]
			switch m.key {
			case "Successful", "Failed", "SS", "NS", "BS", "AttributeDefinitions", "Tags", "Dimensions", "tagSet", "Deleted", "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "Entries", "keySet":
				return false
			}
			if m.kind != body.Array && (!m.xml || a.key != b.key) || a.text != "" && value.Classify([]byte(a.text)).Kind.Generated() {
				return false
			}
			x, y := string(a.json(nil)), string(b.json(nil))
			return x != y
		}
		m := pick(r, root, list)
		if m == nil {
			return ""
		}
		m.children[0], m.children[1] = m.children[1], m.children[0]
		return m.path()
	}},
	{"repeat an element", []Kind{KindExtra, KindIdentity}, func(r *rand.Rand, root *mnode, _ func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool {
			return len(m.children) > 0 && (m.kind == body.Array || m.xml && (m.children[0].key == "member" || m.children[0].key == "item"))
		})
		if m == nil {
			return ""
		}
		m.children = append(m.children, m.children[len(m.children)-1])
		return m.path()
	}},
	{"break an id", []Kind{KindIdentity, KindValue}, func(r *rand.Rand, root *mnode, elsewhere func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool {
			c := value.Classify([]byte(m.text))
			return m.kind == body.String && (c.Kind.Generated() || value.RoleOf([]byte(m.key)) == value.TokenRole && value.Random([]byte(m.text))) && elsewhere(m.text)
		})
		if m == nil {
			return ""
		}
		b := []byte(m.text)
		for i := len(b) - 1; i > len(b)-7; i-- { // another id of the same form
			if b[i]-'0' <= 9 {
				b[i] = '0' + (b[i]-'0'+1+byte(r.IntN(9)))%10
			}
			if b[i]-'a' <= 5 {
				b[i] = 'a' + (b[i]-'a'+1+byte(r.IntN(5)))%6
			}
		}
		if string(b) == m.text {
			b[len(b)-1] ^= 1
		}
		m.text = string(b)
		return m.path()
	}},
	{"a timestamp years off", []Kind{KindValue, KindFormat}, func(r *rand.Rand, root *mnode, _ func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool { return isoTime(m) })
		if m == nil {
			return ""
		}
		m.text = "1999" + m.text[4:]
		return m.path()
	}},
	{"a part of an ARN that never varies", []Kind{KindValue, KindIdentity}, func(r *rand.Rand, root *mnode, _ func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool { return strings.HasPrefix(m.text, "arn:aws:") })
		if m == nil {
			return ""
		}
		if part := strings.SplitN(m.text, ":", 4); r.IntN(2) == 0 {
			m.text = "arn:aws-cn:" + m.text[8:]
		} else {
			m.text = "arn:aws:other" + part[2] + ":" + part[3]
		}
		return m.path()
	}},
	{"text that looks the same", []Kind{KindValue, KindIdentity, KindErrorCode, KindFormat}, func(r *rand.Rand, root *mnode, elsewhere func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool {
			return m.kind == body.String && len(m.text) > 3 && (m.text[len(m.text)-1]|0x20)-'a' < 26 && plainValue(m, elsewhere)
		})
		if m == nil {
			return ""
		}
		m.text += []string{" ", "\u200b", "\u0301"}[r.IntN(3)] // white space, of no width, and a combining accent
		return m.path()
	}},
	{"half of a list", []Kind{KindMissing, KindIdentity, KindValue}, func(r *rand.Rand, root *mnode, _ func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool { return m.kind == body.Array && len(m.children) > 1 })
		if m == nil {
			return ""
		}
		m.children = m.children[:len(m.children)/2]
		return m.path()
	}},
	{"a name and its value swapped", []Kind{KindValue, KindMissing, KindExtra, KindIdentity}, func(r *rand.Rand, root *mnode, _ func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool {
			return len(m.children) == 2 && m.children[0].kind == body.String && m.children[1].kind == body.String && strings.EqualFold(m.children[1].key, "value") &&
				m.children[0].text != m.children[1].text && !strings.HasPrefix(m.children[1].text, "{")
		})
		if m == nil {
			return ""
		}
		m.children[0].text, m.children[1].text = m.children[1].text, m.children[0].text
		return m.path()
	}},
	{"a timestamp in another format", []Kind{KindFormat, KindValue, KindType}, func(r *rand.Rand, root *mnode, _ func(string) bool) string {
		m := pick(r, root, func(m *mnode) bool { return isoTime(m) })
		if m == nil {
			return ""
		}
		t, _ := value.Time([]byte(m.text), false)
		m.text = strconv.FormatInt(t.Unix(), 10)
		return m.path()
	}},
}

func isoTime(m *mnode) bool {
	return m.kind == body.String && len(m.text) >= 19 && strings.HasPrefix(m.text, "202") && value.Classify([]byte(m.text)).Kind == value.Timestamp
}

// increment adds one to the last digit of the significand.
func increment(s string) string {
	end := strings.IndexAny(s, "eE")
	if end < 0 {
		end = len(s)
	}
	b := []byte(s)
	if b[end-1] == '9' {
		b[end-1] = '1'
	} else {
		b[end-1]++
	}
	return string(b)
}

// plant puts one error into the replay of an entry; ok is false if it has no
// place for it.
func plant(tb testing.TB, r *rand.Rand, l *entry.Line, mu mutation, elsewhere func(string) bool) (out *entry.Line, where string, ok bool) {
	var rep entry.Object
	if !l.Has(entry.FieldReplay) || l.Replay(&rep) != nil {
		return nil, "", false
	}
	b, err := rep.Body(entry.FieldResponseBody)
	if err != nil || len(b.Data) == 0 {
		return nil, "", false
	}
	heads, err := rep.Headers(entry.FieldResponseHeaders)
	if err != nil {
		tb.Fatal(err)
	}
	var t body.Tree
	if t.Parse(b.Data, body.Options{ContentType: heads.Get("Content-Type")}) != nil || t.Kind(0).Scalar() {
		return nil, "", false
	}
	root := grow(&t, 0, nil)
	before := render(tb, &t, root)
	where = mu.apply(r, root, elsewhere)
	after := render(tb, &t, root)
	if where == "" || bytes.Equal(before, after) {
		return nil, "", false
	}
	e, err := l.Decode()
	if err != nil {
		tb.Fatal(err)
	}
	e.Replay.ResponseBody.Data = after
	out = &entry.Line{Name: l.Name, Number: l.Number}
	if err := out.Parse(e.AppendJSON(nil)); err != nil {
		tb.Fatal(err)
	}
	return out, where, true
}

func render(tb testing.TB, t *body.Tree, root *mnode) []byte {
	switch t.Format() {
	case body.XML:
		return root.toXML(nil, string(t.Key(0)))
	case body.CBOR:
		mode, err := cbor.CanonicalEncOptions().EncMode()
		if err != nil {
			tb.Fatal(err)
		}
		out, err := mode.Marshal(root.any())
		if err != nil {
			tb.Fatal(err)
		}
		return out
	}
	return root.json(nil)
}

type score struct{ planted, found, named int }

// recall plants errors into one entry in six of the stream, again and again,
// and counts what is found, and what is reported of the others.
func recall(t *testing.T, lines []*entry.Line, passes int) {
	scores := map[string]*score{}
	falseAlarms, honestEntries := 0, 0
	r := rand.New(rand.NewPCG(7, 7))
	misses := 0
	for range passes {
		d := New(Options{Strict: true})
		seen := map[string]bool{}
		for _, l := range lines {
			line := &entry.Line{Name: l.Name, Number: l.Number}
			line.CopyFrom(&l.Object)
			mu := mutations[r.IntN(len(mutations))]
			var planted bool
			var where string
			// A scan and a batch of items have no order.
			target := target(t, l)
			free := mu.name == "reorder a list" && (strings.HasSuffix(target, ".Scan") || strings.HasSuffix(target, ".BatchGetItem"))
			if r.IntN(6) == 0 && !free {
				own := map[string]bool{}
				collect(tokensOf(l, entry.FieldRequestBody), own)
				own2 := l.Text(entry.FieldQuery) + l.Text(entry.FieldPath)
				elsewhere := func(s string) bool { return seen[s] || own[s] || strings.Contains(own2, s) }
				if m, at, ok := plant(t, r, l, mu, elsewhere); ok {
					line, where, planted = m, at, true
				}
			}
			res := compareWith(t, d, line)
			collectReplay(l, seen)
			if !planted {
				honestEntries++
				if !res.Match {
					falseAlarms++
					if misses < 25 {
						misses++
						t.Logf("false alarm: %s: %+v", line.Text(entry.FieldAction), res.Diffs)
					}
				}
				continue
			}
			s := scores[mu.name]
			if s == nil {
				s = &score{}
				scores[mu.name] = s
			}
			s.planted++
			if !res.Match {
				s.found++
				if slices.ContainsFunc(res.Diffs, func(d difference) bool {
					return slices.Contains(mu.kinds, d.Kind) || strings.HasSuffix(where, ".__type") && d.Kind == KindErrorCode
				}) {
					s.named++
				} else if misses < 25 {
					misses++
					t.Logf("another kind: %s at %s in %s: %v", mu.name, where, line.Text(entry.FieldAction), res.short())
				}
			} else if misses < 25 {
				misses++
				t.Logf("missed: %s at %s in %s %s", mu.name, where, line.Text(entry.FieldID), line.Text(entry.FieldAction))
			}
		}
	}
	total := score{}
	for _, name := range slices.Sorted(maps.Keys(scores)) {
		s := scores[name]
		t.Logf("%-32s planted %5d  found %6.2f %%  right kind %6.2f %%", name, s.planted, percent(s.found, s.planted), percent(s.named, s.planted))
		total.planted += s.planted
		total.found += s.found
		total.named += s.named
	}
	t.Logf("recall %.2f %% of %d planted errors; right kind %.2f %%; false alarms %.3f %% of %d honest entries",
		percent(total.found, total.planted), total.planted, percent(total.named, total.planted), percent(falseAlarms, honestEntries), honestEntries)
	if percent(total.found, total.planted) < 99 {
		t.Errorf("recall below 99 %%")
	}
	if percent(falseAlarms, honestEntries) > 0.5 {
		t.Errorf("more than 0.5 %% false alarms")
	}
}

func target(tb testing.TB, l *entry.Line) string {
	h, err := l.Headers(entry.FieldRequestHeaders)
	if err != nil {
		tb.Fatal(err)
	}
	return h.Get("X-Amz-Target")
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }

// tokensOf returns the scalars of a body.
func tokensOf(o interface {
	Body(entry.Field) (entry.Body, error)
}, f entry.Field) *body.Tree {
	b, err := o.Body(f)
	var t body.Tree
	if err != nil || len(b.Data) == 0 {
		return &t
	}
	_ = t.Parse(b.Data, body.Options{Nested: true}) // opaque is fine, too
	return &t
}

func collect(t *body.Tree, into map[string]bool) {
	for n := range t.Scalars {
		into[string(t.Text(n))] = true
	}
}

func collectReplay(l *entry.Line, into map[string]bool) {
	var rep entry.Object
	if l.Has(entry.FieldReplay) && l.Replay(&rep) == nil {
		collect(tokensOf(&rep, entry.FieldResponseBody), into)
		if h, err := rep.Headers(entry.FieldResponseHeaders); err == nil {
			for _, f := range h {
				into[f.Value] = true
			}
		}
	}
}

// TestPlantedErrors is the recall on two honest runs of a workload.
func TestPlantedErrors(t *testing.T) {
	passes := 40
	if testing.Short() {
		passes = 5
	}
	recall(t, honest(t, script, 4, 3), passes)
}

// TestPlantedErrorsInTheCorpus is the recall on real answers, compared with themselves.
func TestPlantedErrorsInTheCorpus(t *testing.T) {
	dir := os.Getenv("CM_CORPUS")
	if dir == "" {
		t.Skip("CM_CORPUS is not set")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) { recall(t, selfReplay(t, name), 12) })
	}
}

// selfReplay reads a recording and gives each entry its own answer as the replay.
func selfReplay(tb testing.TB, name string) (lines []*entry.Line) {
	f, err := os.Open(name)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	for l, err := range entry.NewReader(bufio.NewReader(f), name).All() {
		if err != nil {
			tb.Fatal(err)
		}
		part := map[string]json.RawMessage{}
		for _, f := range answerFields {
			if v := l.Get(f); v != nil {
				part[f.String()] = slices.Clone(v)
			}
		}
		raw, err := json.Marshal(part)
		if err != nil {
			tb.Fatal(err)
		}
		own := &entry.Line{Name: name, Number: l.Number}
		own.CopyFrom(&l.Object)
		own.Set(entry.FieldReplay, raw)
		lines = append(lines, own)
	}
	return lines
}
