package diff

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"strings"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/value"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// digests decides on two digests: they pass when each is right for its own
// side's content, which differs for a good reason, or when they are bound.
func (j *job) digests(e event, a, b []byte) {
	j.identify()
	e.mode, e.rule = modeAgree, ruleDigest
	switch {
	case e.place.pair >= 0 && j.coversSibling(e.place, a, b), j.coversRequest(a, b):
		e.mode = modeAllow
	case len(a) == len(b) && (j.unknownContent() || e.place.pair >= 0 && j.allDiffer(e.place, a, b)):
		e.mode = modeMeet
	case len(a) == len(b) && j.redactedBlob():
		e.mode, e.rule = modeMeet, ruleRedacted
	case bytes.IndexByte(a, ':') > 0 && len(a) == len(b) && strings.HasPrefix(j.action, "Create"):
		e.mode = modeMeet // the fingerprint of a key that the service made
	case value.Classify(bytes.Trim(a, `"`)).Kind != value.Digest && j.service != "s3" && madeUp(bytes.Trim(a, `"`), bytes.Trim(b, `"`), true):
		e.mode, e.rule = modeMeet, ruleToken // the version of a configuration
	}
	j.add(e)
}

// unknownContent reports whether the content that an S3 object's digests cover
// differs between the runs, or cannot be known: the replayed request had other
// bytes in its body, or the service encrypts with a key of its own.
func (j *job) unknownContent() bool {
	j.identify()
	if j.service != "s3" || j.readHeaders() != nil {
		return false
	}
	if raw := j.replay.Get(entryRewrites); len(raw) > 2 && bytes.Contains(raw, []byte(`"body`)) {
		return true
	}
	sse := j.a.header("x-amz-server-side-encryption")
	return bytes.HasPrefix(sse, []byte("aws:kms")) || j.a.header("x-amz-server-side-encryption-customer-algorithm") != nil
}

// allDiffer reports whether a and b stand in a list of S3 objects or parts all of
// whose digests differ: they are encrypted with keys of the service, whose
// answer does not say so. An error would be in one of them.
func (j *job) allDiffer(p place, a, b []byte) bool {
	pr := j.pairs[p.pair]
	if j.service != "s3" || apart(a, b)*2 < len(a) {
		return false
	}
	find := func(t *body.Tree, key []byte) (all [][]byte) {
		for n := range t.Scalars {
			if bytes.Equal(t.Key(n), key) {
				all = append(all, t.Text(n))
			}
		}
		return all
	}
	x, y := find(&pr.a, pr.a.Key(p.a)), find(&pr.b, pr.b.Key(p.b))
	if len(x) < 2 || len(x) != len(y) {
		return false
	}
	for i := range x {
		if bytes.Equal(x[i], y[i]) || len(x[i]) != len(y[i]) {
			return false
		}
	}
	return true
}

// coversRequest reports whether a and b are the MD5 of the request's body, or of
// a text in it, as the original and the replay sent it.
func (j *job) coversRequest(a, b []byte) bool {
	a, b = bytes.Trim(a, `"`), bytes.Trim(b, `"`)
	if len(j.rewrites) == 0 || len(a) != 32 || len(b) != 32 {
		return false
	}
	req, err := j.line.Body(entry.FieldRequestBody)
	if err != nil {
		return false
	}
	covers := func(s []byte) bool {
		if !isMD5(s, a) {
			return false
		}
		want, _ := j.rewritten(s)
		return isMD5(want, b)
	}
	if covers(req.Data) {
		return true
	}
	var t body.Tree
	media := string(j.requestHeader("Content-Type"))
	if media == "" && bytes.HasPrefix(req.Data, []byte("Action=")) {
		media = "application/x-www-form-urlencoded"
	}
	_ = t.Parse(req.Data, body.Options{ContentType: media}) // what cannot be read is one text, seen already
	for n := range t.Scalars {
		if t.Kind(n) == body.String && covers(t.Text(n)) {
			return true
		}
	}
	return false
}

func isMD5(s, digest []byte) bool {
	sum := md5.Sum(s)
	var text [32]byte
	hex.Encode(text[:], sum[:])
	return bytes.Equal(text[:], digest)
}

// coversSibling reports whether a and b are the MD5 of a text that stands
// beside them, each on its own side.
func (j *job) coversSibling(p place, a, b []byte) bool {
	pr := j.pairs[p.pair]
	return coversSibling(&pr.a, p.a, a) && coversSibling(&pr.b, p.b, b)
}

func coversSibling(t *body.Tree, n body.Node, digest []byte) bool {
	up := t.Parent(n)
	if up == body.None || len(digest) != 32 {
		return false
	}
	for c := t.First(up); c != body.None; c = t.Next(c) {
		if c == n || t.Kind(c) != body.String {
			continue
		}
		if isMD5(t.Text(c), digest) {
			return true
		}
	}
	return false
}
