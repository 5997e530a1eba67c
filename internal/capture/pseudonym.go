package capture

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	mathrand "math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// A pseudonymizer replaces secrets by values of the same form. It is keyed with
// random bits that never leave it, so that a pseudonym cannot be found by
// trying secrets, and two recordings cannot be linked; within one recording
// equal secrets have equal pseudonyms, whatever encoding they came in.
//
// The form is kept character by character: a letter stays a letter of its case,
// a digit a digit, all else stays; hexadecimal stays hexadecimal, base64 stays
// base64, a UUID a UUID, an access key id one (of the kind that ends in
// EXAMPLE, as in AWS's documentation).
//
// The last characters of a pseudonym follow from its first by a public rule,
// so that an audit can tell it from a secret without knowing the key: see
// isPseudonym.
type pseudonymizer struct {
	key    [32]byte
	hashes sync.Pool // of hash.Hash

	mu    sync.RWMutex
	cache map[string]string // of key ids and tokens, which come with each call
}

func newPseudonymizer() *pseudonymizer {
	p := &pseudonymizer{cache: map[string]string{}}
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

// text returns the pseudonym of a text.
func (p *pseudonymizer) text(value string) string {
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
		return head + "." + string(p.bytes([]byte(rest)))
	}
	if host, rest, ok := cutURL(value); ok {
		return host + string(p.bytes([]byte(rest)))
	}
	if strings.Contains(value, "PRIVATE KEY-----") {
		return pemLine.ReplaceAllStringFunc(value, func(line string) string {
			if strings.HasPrefix(line, `\`) { // \n, in a document within a string
				return line[:2] + p.text(line[2:])
			}
			return p.text(line)
		})
	}
	return string(p.bytes([]byte(value)))
}

// cutURL cuts a URL behind its host; false if s is none, or there is nothing more.
func cutURL(s string) (host, rest string, ok bool) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme != "https" && scheme != "http" && scheme != "wss" {
		return "", "", false
	}
	i := strings.IndexAny(rest, "/?#")
	if i < 0 || strings.Contains(rest[:i], "@") || len(rest)-i < 4 {
		return "", "", false
	}
	return s[:len(scheme)+3+i], rest[i:], true
}

// pemLine matches a line of a PEM block, or what an escape before it leaves.
var pemLine = regexp.MustCompile(`(?:\\[nr])?[A-Za-z0-9+/=]{12,}`)

// isJWT reports whether s is a JSON Web Token, signed or encrypted.
func isJWT(s string) bool {
	head, rest, ok := strings.Cut(s, ".")
	if !ok || !strings.HasPrefix(head, "eyJ") || !only(rest, upper+lower+digits+"_-.") || len(rest) < 16 {
		return false
	}
	raw, err := base64.RawURLEncoding.DecodeString(head)
	return err == nil && bytes.Contains(raw, []byte(`"alg"`))
}

// number returns the pseudonym of a number: other digits before its exponent.
func (p *pseudonymizer) number(value []byte) []byte {
	out := slices.Clone(value)
	source := mathrand.NewChaCha8(p.digest(value))
	first := true
	for i, c := range out {
		switch {
		case c == 'e' || c == 'E':
			return out
		case isDigit(c) && first && len(out) > 1:
			if c != '0' { // 0.5 stays below 1, and no number begins with a 0
				out[i] = digits[1+source.Uint64()%9]
			}
			first = false
		case isDigit(c):
			out[i] = digits[source.Uint64()%10]
		}
	}
	return out
}

// bytes returns the pseudonym of what may be text or binary.
func (p *pseudonymizer) bytes(value []byte) []byte {
	out := slices.Clone(value)
	source := mathrand.NewChaCha8(p.digest(value))
	if !utf8.Valid(value) {
		source.Read(out) // never fails
		n := min(len(out)/3, 8)
		copy(out[len(out)-n:], checkSum(out[:len(out)-n]))
		return out
	}
	a := alphabetOf(string(value))
	from := a.checkFrom(value)
	a.fill(out, 0, from, source)
	a.check(out, from)
	return out
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
	if isJWT(value) {
		_, value, _ = strings.Cut(value, ".")
	}
	if _, rest, ok := cutURL(value); ok {
		value = rest
	}
	return isTextPseudonym(value)
}

func isBytePseudonym(value []byte) bool {
	if utf8.Valid(value) {
		return isTextPseudonym(string(value))
	}
	n := min(len(value)/3, 8)
	return n > 0 && string(value[len(value)-n:]) == string(checkSum(value[:len(value)-n])[:n])
}

func isTextPseudonym(value string) bool {
	try := func(a alphabet) bool {
		again := []byte(value)
		from := a.checkFrom(again)
		if from < 0 {
			return false
		}
		a.check(again, from)
		return string(again) == value
	}
	// Chance may have made it of fewer characters than the alphabet has.
	return try(general) || try(alphabetOf(value))
}

// An alphabet is what stands for letters and digits.
type alphabet struct{ upper, lower, digit string }

const (
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
)

var (
	general  = alphabet{upper, lower, digits}
	hexLower = alphabet{"", "abcdef", digits}
	hexUpper = alphabet{"ABCDEF", "", digits}
	seed     = alphabet{upper, "", "234567"}
)

// alphabetOf returns the narrowest alphabet that a long value is unmistakably
// made of.
func alphabetOf(value string) alphabet {
	if len(value) >= 16 {
		for _, a := range []alphabet{hexLower, hexUpper, seed} {
			if only(value, a.upper+a.lower+a.digit+"-=") {
				return a
			}
		}
	}
	return general
}

// next returns the first place at or after i whose character is replaced: by one
// of class, or by another of the same size if class is "". It reports false at
// the end.
func (a *alphabet) next(value []byte, i int, uuid bool) (at, size int, class string, ok bool) {
	for ; i < len(value); i++ {
		switch c := value[i]; {
		case 'a' <= c && c <= 'z':
			class = a.lower
		case 'A' <= c && c <= 'Z':
			class = a.upper
		case isDigit(c):
			class = a.digit
			if len(a.lower) == len(lower) && (i == 0 || !isDigit(value[i-1])) {
				// 007 is no number, 700 is: the first digit stays 0 or not 0.
				if c == '0' {
					continue
				}
				class = digits[1:]
			}
		case c >= utf8.RuneSelf:
			_, size = utf8.DecodeRune(value[i:])
			return i, size, "", true
		default:
			continue
		}
		if class != "" && !(uuid && (i == 14 || i == 19)) { // version and variant
			return i, 1, class, true
		}
	}
	return 0, 0, "", false
}

// checkFrom returns where the check characters begin: the last third of the
// places, 8 at most; -1 if there are none.
func (a *alphabet) checkFrom(value []byte) int {
	var last [8]int // places, the n-th at n%8
	n, uuid := 0, isUUID(string(value[:min(len(value), 37)]))
	for i := 0; ; n++ {
		at, size, _, ok := a.next(value, i, uuid)
		if !ok {
			break
		}
		last[n%8] = at
		i = at + size
	}
	checks := min(n/3, 8)
	if checks == 0 {
		return -1
	}
	return last[(n-checks)%8]
}

// fill writes random characters into the places from one offset to another, -1
// being the end.
func (a *alphabet) fill(out []byte, from, to int, source interface{ Uint64() uint64 }) {
	uuid := isUUID(string(out[:min(len(out), 37)]))
	var bits uint64
	if to < 0 {
		to = len(out)
	}
	for i, k := max(from, 0), 0; ; k++ {
		at, size, class, ok := a.next(out, i, uuid)
		if !ok || at >= to {
			return
		}
		if k%4 == 0 {
			bits = source.Uint64()
		}
		n := int(bits & 0xffff)
		bits >>= 16
		i = at + size
		if class != "" {
			out[at] = class[n%len(class)]
			continue
		}
		var r rune
		switch size {
		case 2:
			r = 0xe0 + rune(n%23) // à to ö
		case 3:
			r = 0x4e00 + rune(n%0x5000) // Chinese
		default:
			r = 0x1f600 + rune(n%64) // faces
		}
		utf8.EncodeRune(out[at:at+size], r)
	}
}

// check writes the check characters, which follow from those before them.
func (a *alphabet) check(out []byte, from int) {
	if from < 0 {
		return
	}
	sum := checkSum(out[:from])
	a.fill(out, from, -1, mathrand.NewPCG(binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:])))
}

// checkSum is the public rule by which a pseudonym is known.
func checkSum(head []byte) []byte {
	h := sha256.New()
	h.Write([]byte("cloudmock pseudonym\x00"))
	h.Write(head)
	return h.Sum(nil)
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
