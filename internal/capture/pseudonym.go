package capture

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"hash/maphash"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/neureaux/cloudmock/internal/body"
)

// A pseudonymizer replaces secrets by values of the same form. It is keyed with
// random bits that never leave it, so that a pseudonym cannot be found by
// trying secrets, and two recordings cannot be linked; within one recording
// equal secrets have equal pseudonyms, whatever encoding they came in.
//
// The form is kept word by word: see formPlace. Base64 stays base64, JSON stays JSON
// and keeps its names, PEM its armour, an access key id is one (of the kind that ends
// in EXAMPLE, as in AWS's documentation).
//
// The last characters of a pseudonym follow from its first by a public rule,
// so that an audit can tell it from a secret without knowing the key: see
// isPseudonym.
type pseudonymizer struct {
	key    [32]byte
	hashes sync.Pool // of hash.Hash

	mu    sync.RWMutex
	cache map[string]string // of key ids and tokens, which come with each call

	seed maphash.Seed
	made madeTexts
}

// madeTexts knows the last pseudonyms that were made, by their hashes: what stands
// for a secret is none, where it is come upon again in the same text by another way.
// At least half of maxMade are known.
type madeTexts struct {
	mu         sync.Mutex
	young, old map[uint64]struct{}
}

const (
	maxMade = 1 << 14
	minMade = 12 // of a shorter one, a secret may be equal to it by chance
)

func (m *madeTexts) add(hash uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.young == nil || len(m.young) >= maxMade/2 {
		m.young, m.old = map[uint64]struct{}{}, m.young
	}
	m.young[hash] = struct{}{}
}

func (m *madeTexts) has(hash uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, young := m.young[hash]
	_, old := m.old[hash]
	return young || old
}

func newPseudonymizer() *pseudonymizer {
	p := &pseudonymizer{cache: map[string]string{}, seed: maphash.MakeSeed()}
	rand.Read(p.key[:]) // never fails
	p.hashes.New = func() any { return hmac.New(sha256.New, p.key[:]) }
	return p
}

// digest returns the keyed hash of a value.
func (p *pseudonymizer) digest(value []byte) (sum [32]byte) {
	h := p.hashes.Get().(hash.Hash)
	h.Reset()
	h.Write(value)
	h.Sum(sum[:0])
	p.hashes.Put(h)
	return sum
}

// cached is text for values that come again and again.
func (p *pseudonymizer) cached(value string) string {
	p.mu.RLock()
	out, ok := p.cache[value]
	p.mu.RUnlock()
	if ok {
		return out
	}
	out = p.text(value)
	p.mu.Lock()
	if len(p.cache) >= 1024 {
		clear(p.cache)
	}
	p.cache[strings.Clone(value)] = out
	p.mu.Unlock()
	return out
}

// text returns the pseudonym of a text; of a pseudonym, itself.
func (p *pseudonymizer) text(value string) string {
	return p.once(value, p.textOf)
}

// once returns what pseudonym makes of a text that is no pseudonym yet.
func (p *pseudonymizer) once(value string, pseudonym func(string) string) string {
	if len(value) < minMade {
		return pseudonym(value)
	}
	if p.made.has(maphash.String(p.seed, value)) {
		return value
	}
	out := pseudonym(value)
	p.made.add(maphash.String(p.seed, out))
	return out
}

func (p *pseudonymizer) textOf(value string) string {
	if isKeyID(value) {
		sum := p.digest([]byte(value))
		return value[:4] + base32Text(sum[:9]) + "EXAMPLE"
	}
	if raw, ok := paddedBase64(value); ok {
		return base64.StdEncoding.EncodeToString(p.bytes(raw))
	}
	if isJWT(value) {
		// The header says of what kind it is; claims and signature are the secret.
		head, rest, _ := strings.Cut(value, ".")
		return head + "." + string(p.plain([]byte(rest)))
	}
	if armour := pemArmour().FindAllStringIndex(value, -1); armour != nil {
		// Its frame stays; what stands between, before and behind is replaced line by line.
		var out strings.Builder
		from := 0
		lines := func(s string) {
			last := 0
			for _, at := range append(lineBreak().FindAllStringIndex(s, -1), []int{len(s), len(s)}) {
				if line := s[last:at[0]]; line != "" {
					out.WriteString(p.text(line))
				}
				out.WriteString(s[at[0]:at[1]])
				last = at[1]
			}
		}
		for _, at := range armour {
			lines(value[from:at[0]])
			out.WriteString(value[at[0]:at[1]])
			from = at[1]
		}
		lines(value[from:])
		return out.String()
	}
	return string(p.plain([]byte(value)))
}

var (
	pemArmour = lazily(`-----(?:BEGIN|END) [A-Z0-9 ]+-----`)
	lineBreak = lazily(`[\r\n]+|(?:\\[nr])+`) // also as an escape, in a document within a string
)

// pemLine matches a line of a PEM block, or what an escape before it leaves.
var pemLine = lazily(`(?:\\[nr])?[A-Za-z0-9+/=]{12,}`)

// isJWT reports whether s is a JSON Web Token, signed or encrypted.
func isJWT(s string) bool {
	head, rest, ok := strings.Cut(s, ".")
	if !ok || !strings.HasPrefix(head, "eyJ") || !only(rest, upper+lower+digits+"_-.") || len(rest) < 16 {
		return false
	}
	raw, err := base64.RawURLEncoding.DecodeString(head)
	return err == nil && bytes.Contains(raw, []byte(`"alg"`))
}

// number returns the pseudonym of a number: other digits before its exponent, as
// many, which make no larger number, so that it is within the range that the other
// was in. Of 1000, which no other of four digits is below, the first digit stays.
func (p *pseudonymizer) number(value []byte) []byte {
	source := mathrand.NewChaCha8(p.digest(value))
	for tries := range 9 {
		out := slices.Clone(value)
		first, highest := true, true // highest: all digits so far are those of value
		for i, c := range out {
			if c == 'e' || c == 'E' {
				break
			}
			if !isDigit(c) {
				continue
			}
			low, high := byte('0'), byte('9')
			if highest && (first || tries < 8) {
				high = c
			}
			if first && c != '0' { // 0.5 stays below 1, and no number begins with a 0
				low = '1'
			}
			if first && tries == 8 {
				low = c
			}
			out[i] = low + byte(source.Uint64()%uint64(high-low+1))
			first = false
			highest = highest && out[i] == c
		}
		if tries == 8 || !bytes.Equal(out, value) {
			return out
		}
	}
	panic("not reached")
}

// bytes returns the pseudonym of what may be text or binary.
func (p *pseudonymizer) bytes(value []byte) []byte {
	if utf8.Valid(value) {
		return []byte(p.text(string(value)))
	}
	return p.plain(value)
}

// plain returns the pseudonym of what is not of a kind that text knows.
func (p *pseudonymizer) plain(value []byte) []byte {
	out := slices.Clone(value)
	source := mathrand.NewChaCha8(p.digest(value))
	if !utf8.Valid(value) {
		for range 64 { // until it is no text by chance
			source.Read(out) // never fails
			n := min(len(out)/3, 8)
			sum := binary.LittleEndian.AppendUint64(nil, checkSum(out[:len(out)-n]))
			copy(out[len(out)-n:], sum)
			if !utf8.Valid(out) {
				break
			}
		}
		return out
	}
	if doc, ok := p.document(value); ok {
		return doc
	}
	return p.fillForm(out, formOf(value), 0, source)
}

// keeping returns the pseudonym of a text that begins with the first n bytes of it,
// as tokens begin with their provider's name.
func (p *pseudonymizer) keeping(value string, n int) string {
	return p.once(value, func(value string) string {
		out := []byte(value)
		return string(p.fillForm(out, formOf(out), n, mathrand.NewChaCha8(p.digest(out))))
	})
}

// fillForm writes random characters into the places of out from the n-th byte on,
// and its check characters.
func (p *pseudonymizer) fillForm(out []byte, places []formPlace, n int, source *mathrand.ChaCha8) []byte {
	_, base64 := paddedBase64(string(out))
	first := 0
	for first < len(places) && int(places[first].at) < n {
		first++
	}
	for range 64 {
		fill(out, places[first:], source)
		check(out, places)
		// Chance may have made it of another form, of hexadecimal digits alone, say.
		if _, is := paddedBase64(string(out)); is == base64 && (len(places) < 3 || isTextPseudonym(string(out))) {
			break
		}
	}
	return out
}

// document replaces the values of a JSON document, so that it stays one; false if
// value is none.
func (p *pseudonymizer) document(value []byte) ([]byte, bool) {
	if len(value) < 2 || value[0] != '{' && value[0] != '[' {
		return nil, false
	}
	var t body.Tree
	if t.Parse(value, body.Options{Format: body.JSON, Nested: true, Base64: true}) != nil {
		return nil, false
	}
	var edits []body.Edit
	for n := range t.Scalars {
		switch t.Kind(n) {
		case body.String:
			edits = append(edits, body.Edit{Node: n, Text: []byte(p.text(string(t.Text(n))))})
		case body.Number:
			edits = append(edits, body.Edit{Node: n, Text: p.number(t.Text(n))})
		}
	}
	out, err := t.AppendEdited(nil, edits)
	return out, err == nil
}

// isPseudonym reports whether a pseudonymizer made the value. One secret in
// 650 of 8 letters is taken for one by chance, one in 10¹¹ of 24; of 6 digits,
// one in 100; a value of two letters or digits cannot be told.
func isPseudonym(value string) bool {
	if isKeyID(value) {
		return strings.HasSuffix(value, "EXAMPLE")
	}
	if raw, ok := paddedBase64(value); ok {
		return isBytePseudonym(raw)
	}
	if raw, err := base64.StdEncoding.Strict().DecodeString(value); err == nil && len(raw) >= 12 && !utf8.Valid(raw) && isBytePseudonym(raw) {
		return true
	}
	if strings.Contains(value, "PRIVATE KEY-----") {
		lines := pemLine().FindAllString(value, -1)
		for _, line := range lines {
			if !isPseudonym(strings.TrimPrefix(strings.TrimPrefix(line, `\n`), `\r`)) {
				return false
			}
		}
		return len(lines) > 0
	}
	if isJWT(value) {
		_, value, _ = strings.Cut(value, ".")
	}
	return isTextPseudonym(value)
}

func isBytePseudonym(value []byte) bool {
	if utf8.Valid(value) {
		return isTextPseudonym(string(value))
	}
	n := min(len(value)/3, 8)
	sum := binary.LittleEndian.AppendUint64(nil, checkSum(value[:len(value)-n]))
	return n > 0 && string(value[len(value)-n:]) == string(sum[:n])
}

// checkSum is the public rule by which a pseudonym is known: FNV-1a of what stands
// before, its bits spread (the finalizer of MurmurHash3). It need not be hard to
// meet, only seldom met by chance.
func checkSum(head []byte) uint64 {
	h := uint64(0x636c6f75646d6f63) // cloudmoc
	for _, c := range head {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// isKeyID reports whether s is an access key id.
func isKeyID(s string) bool {
	if len(s) != 20 {
		return false
	}
	switch s[:4] {
	case "AKIA", "ASIA", "ABIA", "ACCA":
		return only(s[4:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
	}
	return false
}

func base32Text(b []byte) string {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[c&31]
	}
	return string(out)
}

// paddedBase64 decodes what is unmistakably base64.
func paddedBase64(s string) ([]byte, bool) {
	if len(s) < 16 || len(s)%4 != 0 || s[len(s)-1] != '=' {
		return nil, false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	return raw, err == nil
}

func isUUID(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' &&
		(only(s, "0123456789abcdef-") || only(s, "0123456789ABCDEF-"))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// only reports whether s has no characters but those of set.
func only(s, set string) bool {
	for i := range len(s) {
		if strings.IndexByte(set, s[i]) < 0 {
			return false
		}
	}
	return true
}
