package diff

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// Kind says in what way two answers differ.
type Kind string

// The kinds of a difference.
const (
	KindStatus    Kind = "status"     // the status code
	KindError     Kind = "error"      // there is no answer to compare
	KindMissing   Kind = "missing"    // the replay lacks it
	KindExtra     Kind = "extra"      // the original lacks it
	KindType      Kind = "type"       // a number for a string, a list for an object
	KindValue     Kind = "value"      // another value
	KindFormat    Kind = "format"     // the same kind of value written another way
	KindLength    Kind = "length"     // bodies of which only the size is known
	KindOrder     Kind = "order"      // the same elements in another order
	KindIdentity  Kind = "identity"   // not the id that stood for this one before
	KindHeader    Kind = "header"     // a header that SDKs act on
	KindErrorCode Kind = "error-code" // the error code
)

// Severity says how much a difference matters; the worst one is the entry's.
type Severity string

// The severities, worst first.
const (
	SeverityError  Severity = "error"  // no answer
	SeverityStatus Severity = "status" // another status code
	SeveritySchema Severity = "schema" // missing, extra, another type or length
	SeverityData   Severity = "data"   // anything else
)

// Severity returns how much a difference of this kind matters.
func (k Kind) Severity() Severity {
	switch k {
	case KindError:
		return SeverityError
	case KindStatus:
		return SeverityStatus
	case KindMissing, KindExtra, KindType, KindLength:
		return SeveritySchema
	}
	return SeverityData
}

func (s Severity) rank() int {
	switch s {
	case SeverityError:
		return 4
	case SeverityStatus:
		return 3
	case SeveritySchema:
		return 2
	case SeverityData:
		return 1
	}
	return 0
}

// maxValue is how much of a value a difference quotes, in bytes.
const maxValue = 120

// appendString appends s as a JSON string. What is no UTF-8 is told from any
// text by standing in \x escapes.
func appendString(dst, s []byte) []byte {
	if utf8.Valid(s) {
		return entry.AppendString(dst, s)
	}
	q := strconv.AppendQuoteToASCII(nil, string(s))
	return entry.AppendString(dst, q[1:len(q)-1])
}

// window returns the part of s to quote when it first differs at i, with dots
// where it was cut. It cuts no rune in two.
func window(s []byte, i int) []byte {
	if len(s) <= maxValue {
		return s
	}
	from := max(0, min(i-maxValue/3, len(s)-maxValue))
	to := min(len(s), from+maxValue)
	for from > 0 && from < len(s) && !utf8.RuneStart(s[from]) {
		from++
	}
	for to < len(s) && to > from && !utf8.RuneStart(s[to]) {
		to--
	}
	var out []byte
	if from > 0 {
		out = append(out, "…"...)
	}
	out = append(out, s[from:to]...)
	if to < len(s) {
		out = append(out, "…"...)
	}
	return out
}

// commonPrefix returns how many bytes a and b begin with alike.
func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)>>3
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// commonSuffix returns how many bytes a and b end with alike.
func commonSuffix(a, b []byte) int {
	n := min(len(a), len(b))
	a, b = a[len(a)-n:], b[len(b)-n:]
	i := n
	for ; i >= 8; i -= 8 {
		if x := binary.LittleEndian.Uint64(a[i-8:]) ^ binary.LittleEndian.Uint64(b[i-8:]); x != 0 {
			return n - i + bits.LeadingZeros64(x)>>3
		}
	}
	for i > 0 && a[i-1] == b[i-1] {
		i--
	}
	return n - i
}

// appendValue appends node n of t as JSON: a number, boolean or null as it is,
// text as a string cut around byte at, a container as the start of its source.
func appendValue(dst []byte, t *body.Tree, n body.Node, at int) []byte {
	if n == body.None {
		return append(dst, "null"...)
	}
	switch k := t.Kind(n); {
	case k == body.Null:
		return append(dst, "null"...)
	case k == body.Bool || k == body.Number && jsonNumber(t.Text(n)):
		return append(dst, t.Text(n)...)
	case k.Scalar():
		return appendString(dst, window(t.Text(n), at))
	}
	w := t.Wire(n)
	if len(w) > maxValue {
		return appendString(dst, window(w, 0))
	}
	if t.Format() == body.JSON && utf8.Valid(w) {
		return append(dst, w...)
	}
	if !utf8.Valid(w) {
		if t.Kind(n) == body.Array {
			return append(dst, `"[…]"`...)
		}
		return append(dst, `"{…}"`...)
	}
	return appendString(dst, w)
}

// jsonNumber reports whether JSON would take s for a number of bearable size;
// CBOR's NaN, say, is none.
func jsonNumber(s []byte) bool {
	return len(s) > 0 && len(s) <= maxValue && (s[0] == '-' && len(s) > 1 && s[1] != 'I' || s[0]-'0' <= 9)
}

// appendFingerprint appends the name of a difference across runs: of the call,
// the path without its indices, and the kind, but no values.
func appendFingerprint(dst []byte, service, action string, path []byte, kind Kind) []byte {
	const hex = "0123456789abcdef"
	h := uint64(fnvOffset)
	h = hashString(h, service) * fnvPrime
	h = hashString(h, action) * fnvPrime
	in := false
	for i, c := range path {
		if c == '[' && i+1 < len(path) && path[i+1] != '"' {
			in = true
		}
		if !in {
			h = (h ^ uint64(c)) * fnvPrime
		}
		if c == ']' {
			in = false
		}
	}
	h = mix(hashString(h*fnvPrime, string(kind)))
	for i := range 16 {
		dst = append(dst, hex[h>>(60-4*i)&15])
	}
	return dst
}

// FNV-1a, 64 bit: the fingerprint must never change, and nothing else needs
// better.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func hashString(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

func hashBytes(h uint64, s []byte) uint64 {
	for _, c := range s {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

// mix spreads the bits of h (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
