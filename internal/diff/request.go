package diff

import (
	"bytes"
	"net/url"
	"slices"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// identify finds out which call this is, when something asks.
func (j *job) identify() {
	if j.called {
		return
	}
	j.called = true
	l := j.line
	host := l.Get(entry.FieldHost)
	target := j.requestHeader("X-Amz-Target")
	if len(target) > 0 {
		// The target names the operation, and nothing else has to be read.
		j.key = append(append(append(j.key[:0], target...), ' '), host...)
		if call, ok := j.calls[string(j.key)]; ok {
			j.call = call
			j.nameCall()
			return
		}
	}
	path, query := l.PathQuery()
	req := awsapi.Request{Method: l.Text(entry.FieldMethod), Host: l.Text(entry.FieldHost), Path: path, RawQuery: query,
		Header: func(name string) string { return string(j.requestHeader(name)) }}
	if len(target) == 0 {
		b, _ := l.BodyInto(entry.FieldRequestBody, &j.reqScratch) // a broken body identifies nothing
		req.Body = b.Data
	}
	j.call = awsapi.Identify(&req)
	if len(target) > 0 && len(j.calls) < 1000 {
		if j.calls == nil {
			j.calls = map[string]awsapi.Call{}
		}
		j.calls[string(j.key)] = j.call
	}
	j.nameCall()
}

// nameCall takes service and action from the entry, or else from the call.
func (j *job) nameCall() {
	j.service, j.action = j.call.Service, j.call.Action
	if v := j.line.Get(entry.FieldService); len(v) > 2 && (len(v)-2 != len(j.service) || string(v[1:len(v)-1]) != j.service) {
		j.service = j.line.Text(entry.FieldService)
	}
	if v := j.line.Get(entry.FieldAction); len(v) > 2 && (len(v)-2 != len(j.action) || string(v[1:len(v)-1]) != j.action) {
		j.action = j.line.Text(entry.FieldAction)
	}
}

// requestHeader returns the first value of a request header, valid until the next call.
func (j *job) requestHeader(name string) (v []byte) {
	_ = j.line.EachHeader(entry.FieldRequestHeaders, func(n, val []byte) error { // broken headers name nothing
		if v == nil && len(n) == len(name) && bytes.EqualFold(n, []byte(name)) {
			j.headerBuf = append(j.headerBuf[:0], val...)
			v = j.headerBuf
		}
		return nil
	})
	return v
}

// requestText returns what the request said, decoded: its path, query and body.
func (j *job) requestText() []byte {
	if j.requested {
		return j.request
	}
	j.requested = true
	path, query := j.line.PathQuery()
	for _, s := range []string{path, query} {
		if u, err := url.PathUnescape(s); err == nil {
			s = u
		}
		j.request = append(append(j.request, s...), '\n')
	}
	b, err := j.line.BodyInto(entry.FieldRequestBody, &j.reqScratch)
	if err != nil {
		return j.request
	}
	j.request = append(j.request, b.Data...)
	if bytes.IndexByte(b.Data, '%') >= 0 && bytes.IndexByte(b.Data, '=') > 0 {
		if u, err := url.QueryUnescape(string(b.Data)); err == nil {
			j.request = append(append(j.request, '\n'), u...)
		}
	}
	return j.request
}

// maxSearched bounds how many bytes are searched for the values of one answer.
const maxSearched = 256 << 20

// tokenNames end the names of idempotency tokens.
var tokenNames = []string{"lientToken", "RequestToken", "dempotencyToken", "reationToken", "allerReference", "reatorRequestId"}

// determined reports whether the request said s: then the answer must say it,
// too, and no kind of value excuses another. Tokens that clients make up for each
// call, to make it idempotent, are not counted.
func (j *job) determined(s []byte) bool {
	if len(s) < minStrong {
		return false
	}
	text := j.requestText()
	// A huge request and thousands of ids must not cost more than this.
	if j.searched += len(text); j.searched > maxSearched {
		return false
	}
	for {
		i := bytes.Index(text, s)
		if i < 0 {
			return false
		}
		name := text[max(0, i-32):i]
		if !slices.ContainsFunc(tokenNames, func(t string) bool { return bytes.Contains(name, []byte(t)) }) {
			return true
		}
		text = text[i+len(s):]
	}
}

// said reports whether the request said the word s.
func (j *job) said(s []byte) bool {
	text := j.requestText()
	if j.searched += len(text); j.searched > maxSearched || len(s) < minBound {
		return false
	}
	for {
		i := bytes.Index(text, s)
		if i < 0 {
			return false
		}
		end := i + len(s)
		if (i == 0 || !wordByte(text[i-1])) && (end == len(text) || !wordByte(text[end])) {
			return true
		}
		text = text[end:]
	}
}

func (j *job) hostName() []byte {
	if len(j.host) == 0 {
		j.host = append(j.host, j.line.Text(entry.FieldHost)...)
	}
	return j.host
}

// isRegion reports whether s is the region that the original was called in.
func (j *job) isRegion(s []byte) bool {
	if len(j.region) == 0 {
		r := j.line.Text(entry.FieldRegion)
		if r == "" {
			j.identify()
			r = j.call.Region
		}
		j.region = append(j.region, r...)
	}
	return len(j.region) == 0 || bytes.Equal(j.region, s)
}

// maxRewrites bounds how many rewrites of one entry are heeded.
const maxRewrites = 100_000

// readRewrites notes which values the replayer put in place of others.
func (j *job) readRewrites(raw []byte) {
	each(raw, func(v rewriteJSON) {
		if v.Original == "" || v.Original == v.Replay || len(j.rewrites) >= maxRewrites {
			return
		}
		j.rewrites = append(j.rewrites, rewrite{[]byte(v.Original), []byte(v.Replay)})
		// An answer echoes in plain what a path, a query or a form says escaped.
		if x, y := unescape(v.Original), unescape(v.Replay); x != v.Original && x != y {
			j.rewrites = append(j.rewrites, rewrite{[]byte(x), []byte(y)})
		}
	})
	// The longest first, so that an ARN is replaced before the id within it.
	slices.SortStableFunc(j.rewrites, func(x, y rewrite) int { return len(y.original) - len(x.original) })
	j.starts = make(map[string][]int32, len(j.rewrites))
	j.firsts = [256]bool{}
	for i, r := range j.rewrites {
		if len(r.original) < minStrong {
			break // too short to be looked for inside of values
		}
		start := string(r.original[:minStrong])
		if n := len(j.starts[start]); n < 16 {
			j.starts[start] = append(j.starts[start], int32(i))
			j.firsts[start[0]] = true
		}
	}
}

// unescape decodes %XX; what is no such escape stays as it is.
func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// rewritten returns what the replay's request said where the original's said s.
func (j *job) rewritten(s []byte) ([]byte, bool) {
	if len(j.rewrites) == 0 {
		return s, false
	}
	start, copied := len(j.scratch), 0
next:
	for i := 0; i+minStrong <= len(s); {
		if j.firsts[s[i]] {
			for _, k := range j.starts[string(s[i:i+minStrong])] {
				r := j.rewrites[k]
				if bytes.HasPrefix(s[i:], r.original) {
					j.scratch = append(append(j.scratch, s[copied:i]...), r.replay...)
					i += len(r.original)
					copied = i
					continue next
				}
			}
		}
		i++
	}
	if copied == 0 {
		return s, false
	}
	j.scratch = append(j.scratch, s[copied:]...)
	return j.scratch[start:], true
}
