package capture

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A hint says what a text may hold.
type hint uint8

const (
	hintValue     hint = 1 << iota // something with the form of a secret
	hintName                       // the name of a secret
	hintLooseName                  // a name that counts where no model knows the operation
	hintEscape                     // letters written as escapes, behind which no form is seen

	hintAny = hintValue | hintName | hintEscape
)

// hintWords are parts that secrets of a known form have, and their names. All
// have four characters at least.
var hintWords = map[hint][]string{
	hintValue: {
		"AKIA", "ASIA", "ABIA", "ACCA", // access key ids
		"PRIVATE KEY",
		"IQoJ", "FwoG", "FQoG", "AQoD", // session tokens
		"ignature=", "ignature%3D", "oken=", "oken%3D", "redential=", "redential%3D", "AccessKeyId=", // presigned URLs, canonical requests
		"uthorization failure message",
		"ecret_access_key", "ECRET_ACCESS_KEY", "ecretAccessKey", "ecret-access-key",
	},
	hintName: {
		"assword", "ASSWORD", "asswd", "ASSWD", "ecret", "ECRET", "rivateKey", "rivate_key", "RIVATE_KEY", "rivate-key",
		"piKey", "pi_key", "PI_KEY", "pi-key", "PIKey", "apikey", "APIKEY",
		"ccessToken", "ccess_token", "CCESS_TOKEN", "efreshToken", "efresh_token", "EFRESH_TOKEN", "idToken", "IdToken", "id_token", "ID_TOKEN",
		"essionToken", "ession_token", "ESSION_TOKEN", "uthToken", "uth_token", "UTH_TOKEN", "ecurityToken", "ecurity_token", "earerToken", "earer_token",
		"StringToSign", "SignatureProvided", "CanonicalRequest", "ccessKeyId", "CCESS_KEY_ID", "ccess_key_id",
	},
	hintLooseName: {"oken", "OKEN", "\"pwd", "\"PWD", "hrase", "HRASE", "uthorization", "redential"},
	hintEscape:    {`\u00`},
}

// A scanner looks for words in one pass over every other byte of a text: of a
// word's first two trigrams, one begins at an even place.
type scanner struct {
	table  [1 << 13]uint16 // trigram's hash → number of its probes, from 1
	probes [][]probe
}

type probe struct {
	word   string
	offset int // of the trigram in the word
	hint   hint
}

func newScanner(words map[hint][]string) *scanner {
	s := &scanner{probes: make([][]probe, 1)}
	for h, list := range words {
		for _, w := range list {
			for offset := range 2 {
				i := trigram(w[offset], w[offset+1], w[offset+2])
				if s.table[i] == 0 {
					s.table[i] = uint16(len(s.probes))
					s.probes = append(s.probes, nil)
				}
				n := s.table[i]
				s.probes[n] = append(s.probes[n], probe{w, offset, h})
			}
		}
	}
	return s
}

func trigram(a, b, c byte) uint32 {
	return (uint32(a) | uint32(b)<<8 | uint32(c)<<16) * 0x9e3779b1 >> 19
}

// hints is the scanner of hintWords, of the starts of JSON Web Tokens, which in
// base64 are a brace, a quote and a lower-case letter, and of XML's references
// to letters and digits.
var hints = func() *scanner {
	words := maps.Clone(hintWords)
	const base64Digits = upper + lower + digits + "+/"
	tokens := slices.Clone(words[hintValue])
	for c := byte('a'); c <= 'z'; c++ {
		tokens = append(tokens, "eyJ"+base64Digits[c&63:c&63+1])
	}
	words[hintValue] = tokens
	references := append(slices.Clone(words[hintEscape]), "&#x0", "&#x3", "&#x4", "&#x5", "&#x6", "&#x7", "&#00", "&#10", "&#11", "&#12")
	for c := '0'; c < 'd'; c++ {
		references = append(references, fmt.Sprintf("&#%d", c))
	}
	words[hintEscape] = references
	return newScanner(words)
}()

// scanText reports whether a text has one of the hints.
func scanText(text string, want hint) bool {
	return find(hints, text, want) ||
		want&hintValue != 0 && strings.IndexByte(text, '@') >= 0 && strings.Contains(text, "://") // user:password@host
}

// scanBytes is scanText.
func scanBytes(text []byte, want hint) bool {
	return find(hints, text, want) ||
		want&hintValue != 0 && bytes.IndexByte(text, '@') >= 0 && bytes.Contains(text, []byte("://"))
}

func find[T string | []byte](s *scanner, text T, want hint) bool {
	for i := 0; i+2 < len(text); i += 2 {
		n := s.table[trigram(text[i], text[i+1], text[i+2])]
		if n == 0 {
			continue
		}
		for _, p := range s.probes[n] {
			start := i - p.offset
			if p.hint&want != 0 && start >= 0 && start+len(p.word) <= len(text) && string(text[start:start+len(p.word)]) == p.word {
				return true
			}
		}
	}
	return false
}
