package diff

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/value"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A pseudonym stands where the recorder would not write what the service had
// made: a password that it drew, the output of a function. No other service can
// answer it, so that such a place is compared by form: both sides have a value,
// of one kind and about one length. What a request has said stands under the same
// pseudonym in request and answer, and is compared as everything else; the
// recording does not list it.

// redactedPlaces are the places of an entry that were redacted.
type redactedPlaces struct {
	read     bool
	request  []string
	response map[string][]part // by place without its indices
}

// part is a place that was redacted, or some bytes of its text.
type part struct {
	place    string // with its indices, "" for any
	from, to int    // to is -1 for all of it
}

// maxRedacted is how many places of an answer are heeded. The recorder lists 257 at
// most; to look through many more would take long.
const maxRedacted = 1 << 10

// readRedacted returns what the recorder says it replaced.
func (j *job) readRedacted() *redactedPlaces {
	r := &j.redacted
	if r.read {
		return r
	}
	r.read = true
	raw := j.line.Get(entry.FieldRedacted)
	if raw == nil {
		return r
	}
	var places entry.Redacted
	if json.Unmarshal(raw, &places) != nil {
		return r
	}
	r.request = places.Request
	r.response = map[string][]part{}
	for _, place := range places.Response[:min(len(places.Response), maxRedacted)] {
		p := part{place: place, to: -1}
		if i := strings.LastIndexByte(place, '['); i > 0 {
			from, to, ok := strings.Cut(strings.TrimSuffix(place[i+1:], "]"), ":")
			x, err1 := strconv.Atoi(from)
			y, err2 := strconv.Atoi(to)
			if ok && err1 == nil && err2 == nil && 0 <= x && x <= y {
				p.place, p.from, p.to = place[:i], x, y
			}
		}
		key := withoutIndices(p.place)
		if strings.Contains(p.place, "[*]") {
			p.place = ""
		}
		r.response[key] = append(r.response[key], p)
	}
	return r
}

// withoutIndices takes [3] and [*] out of a place; a name in brackets stays.
func withoutIndices(place string) string {
	if strings.IndexByte(place, '[') < 0 {
		return place
	}
	b := make([]byte, 0, len(place))
	quoted := false
	for i := 0; i < len(place); i++ {
		c := place[i]
		if !quoted && c == '[' && i+1 < len(place) && place[i+1] != '"' {
			n := strings.IndexByte(place[i:], ']')
			if n < 0 {
				break
			}
			i += n
			continue
		}
		switch {
		case quoted && c == '\\' && i+1 < len(place):
			b = append(b, c)
			i++
			c = place[i]
		case c == '"':
			quoted = !quoted
		}
		b = append(b, c)
	}
	return string(b)
}

// redactedAt returns the redacted parts of the original's text at a place; all
// of it is one that goes to -1.
func (j *job) redactedAt(p place) []part {
	r := j.readRedacted()
	if len(r.response) == 0 || p.pair >= 0 && p.a == body.None {
		return nil
	}
	full := string(j.appendTreePath(nil, p))
	bare := withoutIndices(full)
	var parts []part
	for _, q := range r.response[bare] {
		if q.place == "" || q.place == full {
			parts = append(parts, q)
		}
	}
	if parts == nil && p.pair >= 0 && inBase64(j.pairs[p.pair].a.Text(p.a)) {
		// The recorder looks into documents in base64.
		for place := range r.response {
			if rest, ok := strings.CutPrefix(place, bare); ok && rest != "" && (rest[0] == '.' || rest[0] == '[') {
				return []part{{to: -1}}
			}
		}
	}
	return parts
}

// appendTreePath is body.AppendPath, which the recorder writes its places with.
func (j *job) appendTreePath(dst []byte, p place) []byte {
	if p.pair < 0 {
		return append(dst, p.header...)
	}
	pr := j.pairs[p.pair]
	path := pr.a.AppendPath(nil, p.a)
	if !pr.nested {
		return append(dst, path...)
	}
	return append(j.appendTreePath(dst, pr.up), path[1:]...)
}

func inBase64(s []byte) bool {
	if len(s) < 8 || len(s)%4 != 0 {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(string(s))
	return err == nil && maybeDocument(raw)
}

// redactedValue handles a pair of which the original was redacted; false if it
// was not, or only in part: then x and y are what is left to compare.
func (j *job) redactedValue(p place, name []byte, k body.Kind, a, b []byte) (x, y []byte, done bool) {
	parts := j.redactedAt(p)
	if len(parts) == 0 {
		return a, b, false
	}
	e := event{place: p, kind: KindValue, a: a, b: b, mode: modeAllow, rule: ruleRedacted, scope: scopeOf(name)}
	if parts[0].to >= 0 {
		x, y, ok := cutParts(parts, a, b)
		if ok && bytes.Equal(x, y) {
			j.add(e)
			return nil, nil, true
		}
		return x, y, false
	}
	switch {
	case !sameForm(k, a, b):
		e.mode, e.rule = modeDiff, ruleNone
	case k == body.String && len(a) >= 16 && value.Random(a) && value.Random(b):
		e.mode = modeMeet // a secret that was drawn is the same whenever it is asked for
	}
	j.add(e)
	return nil, nil, true
}

// sameForm reports whether b can be what another service answers where the
// original's answer is known by its pseudonym a alone.
func sameForm(k body.Kind, a, b []byte) bool {
	if len(b) == 0 || len(a) == 0 {
		return len(a) == len(b)
	}
	if k != body.String {
		return true
	}
	ca, cb := value.ClassifyPair(a, b)
	switch ca.Kind {
	case value.UUID, value.ARN, value.Timestamp, value.Digest:
		return ca.Kind == cb.Kind
	}
	if isPEM(a) != isPEM(b) || authority(a) > 0 != (authority(b) > 0) || maybeDocument(a) != maybeDocument(b) {
		return false
	}
	digits := func(s []byte) bool { return len(bytes.Trim(s, "0123456789")) == 0 }
	if digits(a) && !digits(b) && !value.Hex(b) {
		return false
	}
	// A placeholder, such as five asterisks, is no secret of sixty letters; tokens
	// of one service are longer than those of another.
	long, short := max(len(a), len(b)), min(len(a), len(b))
	return long-short <= 16 || long <= 3*short || short >= 64
}

// cutParts takes the redacted parts out of a, and what stands in their place out
// of b; false if b does not go on as a does.
func cutParts(parts []part, a, b []byte) (x, y []byte, ok bool) {
	wholeA, wholeB, at := a, b, 0
	for _, p := range parts {
		if p.to < 0 || p.from < at || p.to > at+len(a) {
			return wholeA, wholeB, false
		}
		before, after := a[:p.from-at], a[p.to-at:]
		n, ok := alignedTo(before, b)
		if !ok {
			return wholeA, wholeB, false
		}
		x, y = append(x, before...), append(y, b[:n]...)
		b = b[n:]
		if len(after) == 0 {
			if len(b) == 0 {
				return wholeA, wholeB, false
			}
			return x, y, true
		}
		// What follows is found by its first bytes, fewer if they vary, too.
		stop := -1
		for size := min(len(after), 16); size > 0 && stop < 1; size /= 2 {
			stop = bytes.Index(b, after[:size])
		}
		if stop < 1 {
			return wholeA, wholeB, false
		}
		a, b, at = after, b[stop:], p.to
	}
	return append(x, a...), append(y, b...), true
}

// alignedTo returns how much of b corresponds to a, the start of b's counterpart.
func alignedTo(a, b []byte) (n int, ok bool) {
	if bytes.HasPrefix(b, a) {
		return len(a), true
	}
	rest := b
	for len(a) > 0 {
		var sepA, sepB []byte
		sepA, _, a = nextToken(a)
		sepB, _, rest = nextToken(rest)
		if !bytes.HasPrefix(sepB, sepA) || len(a) > 0 && len(sepA) != len(sepB) {
			return 0, false
		}
	}
	return len(b) - len(rest), true
}

// redactedBlob reports whether the request had content, of an object or in a
// blob, that was redacted: the service has digested other bytes then.
func (j *job) redactedBlob() bool {
	r := j.readRedacted()
	if len(r.request) == 0 {
		return false
	}
	op := j.model()
	if op == nil {
		return false
	}
	root := op.RequestBody(j.call.Protocol)
	for _, place := range r.request {
		rest, ok := strings.CutPrefix(withoutIndices(place), "$")
		if !ok {
			continue
		}
		s := root
		for name := range strings.SplitSeq(strings.TrimPrefix(rest, "."), ".") {
			for s.Kind() == awsapi.List {
				s = s.Elem()
			}
			if s.Kind() != awsapi.Structure && s.Kind() != awsapi.Union {
				break
			}
			s, _ = s.Member(name)
		}
		if s.Kind() == awsapi.Blob {
			return true
		}
	}
	return false
}
