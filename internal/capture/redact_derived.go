package capture

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"hash/crc64"
	"strconv"
	"strings"
	"sync"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// What follows from a secret gives it away, too: its digest lets it be found by
// trying. And what follows from a value that was replaced no longer fits.

// messageDigests makes the MD5 that SQS returns of each message that of the
// message as it is recorded. before has both bodies as they were.
func (r *redactor) messageDigests(e *entry.Entry, before [2][]byte) {
	bodies := [2]*entry.Body{&e.RequestBody, &e.ResponseBody}
	headers := [2]entry.Header{e.RequestHeaders, e.ResponseHeaders}
	digests := map[string][]byte{} // MD5 of a text that was → of the text that is
	var was, is body.Tree
	for i, b := range bodies {
		o := body.Options{ContentType: headers[i].Get("Content-Type")}
		if b.Truncated || was.Parse(before[i], o) != nil || is.Parse(b.Data, o) != nil || was.Size() != is.Size() {
			continue
		}
		for n := range was.Scalars {
			if old, now := was.Text(n), is.Text(n); string(old) != string(now) {
				digests[md5Hex(old)] = []byte(md5Hex(now))
			}
		}
	}
	if len(digests) == 0 || is.Parse(e.ResponseBody.Data, body.Options{}) != nil {
		return
	}
	var edits []body.Edit
	for n := range is.Scalars {
		if now, ok := digests[string(is.Text(n))]; ok && is.Editable(n) {
			edits = append(edits, body.Edit{Node: n, Text: now})
		}
	}
	if clean, err := is.AppendEdited(nil, edits); err == nil && len(edits) > 0 {
		e.ResponseBody.Data = clean
	}
}

// A digestMap knows what became of the digests of bodies that were changed: S3
// returns them as entity tags and checksums, also in later answers. The recording has
// those of the body as it is recorded, which another service will find, too. It holds
// the last ones.
type digestMap struct {
	mu  sync.RWMutex
	now map[string]string
}

const maxDerived = 1 << 14

// learn takes a body that was, and what became of it.
func (d *digestMap) learn(was []byte, b *entry.Body, chunked bool) {
	is := b.Data
	if chunked {
		was, _, _, _ = unchunk(was)
		is, _, _, _ = unchunk(is)
	}
	if b.Truncated || len(was) == 0 {
		return
	}
	old, now := contentDigests(was), contentDigests(is)
	for i := range old {
		d.put(old[i], now[i])
	}
}

// learnParts takes the request that puts an object together, as it was and as it is:
// the object's tag is the digest of its parts' tags.
func (d *digestMap) learnParts(was, is []byte) {
	old, n := partsTag(was)
	now, _ := partsTag(is)
	if n > 0 && old != now {
		d.put(old, now)
	}
}

func (d *digestMap) put(old, now string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now == nil || len(d.now) >= maxDerived {
		d.now = map[string]string{}
	}
	d.now[old] = now
}

// contentDigests returns what S3 tells of an object's content: its MD5 as an entity
// tag, and its checksums.
func contentDigests(b []byte) [6]string {
	text := func(sum []byte) string { return base64.StdEncoding.EncodeToString(sum) }
	s1, s256 := sha1.Sum(b), sha256.Sum256(b)
	return [...]string{md5Hex(b), text(s1[:]), text(s256[:]),
		text(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b))),
		text(binary.BigEndian.AppendUint32(nil, crc32.Checksum(b, castagnoli))),
		text(binary.BigEndian.AppendUint64(nil, crc64.Checksum(b, crc64NVME)))}
}

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	crc64NVME  = crc64.MakeTable(0x9a6c9329ac4bc9b5) // the polynomial, its low bit first
)

// partsTag returns the entity tag of an object of the parts that a request lists,
// and how many they are.
func partsTag(request []byte) (tag string, n int) {
	var t body.Tree
	if t.Parse(request, body.Options{}) != nil {
		return "", 0
	}
	var sums []byte
	for node := range t.Scalars {
		if string(t.Key(node)) != "ETag" {
			continue
		}
		sum, err := hex.DecodeString(strings.Trim(string(t.Text(node)), `"`))
		if err != nil {
			return "", 0
		}
		sums = append(sums, sum...)
		n++
	}
	return md5Hex(sums) + "-" + strconv.Itoa(n), n
}

func (d *digestMap) any() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.now) > 0
}

// get returns what stands for a digest, in quotes or not.
func (d *digestMap) get(text string) (string, bool) {
	if len(text) > 64 {
		return "", false
	}
	bare := strings.Trim(text, `"`)
	d.mu.RLock()
	defer d.mu.RUnlock()
	now, ok := d.now[bare]
	if !ok {
		return "", false
	}
	return strings.Replace(text, bare, now, 1), true
}

// replace replaces the digests of a header section: of ETag, If-Match and their kin.
func (d *digestMap) replace(h entry.Header) {
	for i := range h {
		if now, ok := d.get(h[i].Value); ok {
			h[i].Value = now
		}
	}
}

func md5Hex(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

// encryptionKey replaces a key that the client provides for its S3 object, so
// that what stands there is a key again.
func (r *redactor) encryptionKey(value string) string {
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return r.names.cached(value)
	}
	return base64.StdEncoding.EncodeToString(r.names.bytes(raw))
}

// encryptionKeyDigests makes the MD5 that goes with a client's encryption key
// that of its pseudonym, in the request and in the answer: another would be
// refused in a replay.
func encryptionKeyDigests(e *entry.Entry) {
	for _, f := range e.RequestHeaders {
		if kindOf(f.Name) != headerSSEKey {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(f.Value)
		if err != nil {
			continue
		}
		sum := md5.Sum(raw)
		digest := base64.StdEncoding.EncodeToString(sum[:])
		for _, h := range []entry.Header{e.RequestHeaders, e.ResponseHeaders} {
			for i := range h {
				if strings.EqualFold(h[i].Name, f.Name+"-MD5") {
					h[i].Value = digest
				}
			}
		}
	}
}

// labels replaces the sensitive parts of a path, such as an API key's id, by
// the operation's template.
func (r *redactor) labels(path, template string, input awsapi.Shape, s *side) string {
	template, _, _ = strings.Cut(template, "?")
	names, parts := strings.Split(template, "/"), strings.Split(path, "/")
	changed := false
	for i, name := range names {
		if i >= len(parts) || strings.HasSuffix(name, "+}") {
			break // what follows a label of several parts is not worth finding
		}
		if !strings.HasPrefix(name, "{") || !strings.HasSuffix(name, "}") {
			continue
		}
		if m, ok := input.Label(name[1 : len(name)-1]); ok && m.Sensitive() && parts[i] != "" {
			value := unescapePath(parts[i])
			clean := r.names.cached(value)
			s.replaced(func() string { return "path" }, name[1:len(name)-1], value, clean, true)
			parts[i] = escapeQuery(clean)
			changed = true
		}
	}
	if !changed {
		return path
	}
	return strings.Join(parts, "/")
}

// unescapePath is unescape where a plus is one.
func unescapePath(s string) string {
	return unescape(strings.ReplaceAll(s, "+", "%2B"))
}
