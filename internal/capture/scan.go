package capture

import (
	"bytes"
	"fmt"
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

// A hintWord is a part that secrets of a known form have, or their names.
type hintWord struct {
	text  string
	hint  hint
	match matcher // of a hintValue
}

// hintWords lists them. All have four characters at least.
func hintWords() (words []hintWord) {
	values := func(m matcher, texts ...string) {
		for _, s := range texts {
			words = append(words, hintWord{s, hintValue, m})
		}
	}
	names := func(h hint, texts ...string) {
		for _, s := range texts {
			words = append(words, hintWord{text: s, hint: h})
		}
	}
	values(matchKeyID, "AKIA", "ASIA", "ABIA", "ACCA")
	values(matchPrivateKey, "PRIVATE KEY")
	values(matchSessionToken, "IQoJ", "FwoG", "FQoG", "AQoD")
	for _, name := range [...]string{"ignature", "oken", "redential", "AccessKeyId"} {
		values(matchParameter, name+"=", name+"%3D", name+"%3d", name+"%25")
	}
	values(matchDenied, "uthorization failure message")
	values(matchSecretKey, "ecret_access_key", "ECRET_ACCESS_KEY", "ecretAccessKey", "ecret-access-key")
	values(matchAssignment, assignedNames...)
	values(matchDockerAuth, `"auth"`, `"auth\`)
	values(matchAuthorization, "uthorization")
	const hexDigits = "0123456789abcdef"
	for i := range 16 * 16 {
		values(matchTwilio, "SK"+hexDigits[i>>4:i>>4+1]+hexDigits[i&15:i&15+1])
	}
	for i := range len(nameChars) {
		values(matchTelegram, ":AA"+nameChars[i:i+1])
	}
	for i := range tokenForms {
		values(tokenForms[i].match, tokenForms[i].start)
	}
	const base64Digits = upper + lower + digits + "+/"
	for c := byte('a'); c <= 'z'; c++ { // in base64, a brace, a quote and a lower-case letter
		values(matchJWT, "eyJ"+base64Digits[c&63:c&63+1])
	}
	names(hintName, "assword", "ASSWORD", "asswd", "ASSWD", "ecret", "ECRET", "APIKey", "IDToken", "SAMLAssertion", "auths")
	for _, name := range append(clearSecrets[:], "string to sign", "signature provided", "canonical request") {
		names(hintName, spellings(name)...)
	}
	names(hintName, "grant_type", "grantType", "redirect_uri", "redirectUri", "ode_verifier", "odeVerifier", "evice_code", "eviceCode")
	names(hintLooseName, "oken", "OKEN", "\"pwd", "\"Pwd", "\"PWD", "hrase", "HRASE", "uthorization", "UTHORIZATION", "redential", "REDENTIAL")
	names(hintEscape, `\u00`, "&#x0", "&#x3", "&#x4", "&#x5", "&#x6", "&#x7", "&#00", "&#10", "&#11", "&#12")
	for c := '0'; c < 'd'; c++ { // of letters and digits
		names(hintEscape, fmt.Sprintf("&#%d", c))
	}
	return words
}

// spellings returns the ways to write a name of these words, as clients, services and
// environments do.
func spellings(words string) []string {
	parts := strings.Fields(words)
	title := make([]string, len(parts))
	for i, s := range parts {
		title[i] = strings.ToUpper(s[:1]) + s[1:]
	}
	pascal, flat, snake := strings.Join(title, ""), strings.Join(parts, ""), strings.Join(parts, "_")
	return []string{pascal, parts[0] + pascal[len(parts[0]):], flat, strings.ToUpper(flat), snake, strings.ToUpper(snake),
		strings.Join(parts, "-"), strings.Join(title, "-")}
}

// A scanner looks for words in one pass over every other byte of a text: of a
// word's first two trigrams, one begins at an even place.
type scanner struct {
	table  [1 << 15]uint16 // trigram's hash → number of its probes, from 1
	probes [][]probe
}

type probe struct {
	word   *hintWord
	offset int // of the trigram in the word
}

func newScanner(words []hintWord) *scanner {
	s := &scanner{probes: make([][]probe, 1)}
	for n := range words {
		w := words[n].text
		for offset := range 2 {
			i := trigram(w[offset], w[offset+1], w[offset+2])
			if s.table[i] == 0 {
				s.table[i] = uint16(len(s.probes))
				s.probes = append(s.probes, nil)
			}
			s.probes[s.table[i]] = append(s.probes[s.table[i]], probe{&words[n], offset})
		}
	}
	return s
}

func trigram(a, b, c byte) uint32 {
	return (uint32(a) | uint32(b)<<8 | uint32(c)<<16) * 0x9e3779b1 >> 17
}

var hints = newScanner(hintWords())

// each calls yield with the words of these hints and where they stand, until it
// says no.
func (s *scanner) each(text string, want hint, yield func(at int, w *hintWord) bool) {
	for i := 0; i+2 < len(text); i += 2 {
		n := s.table[trigram(text[i], text[i+1], text[i+2])]
		if n == 0 {
			continue
		}
		for _, p := range s.probes[n] {
			start := i - p.offset
			if p.word.hint&want != 0 && start >= 0 && strings.HasPrefix(text[start:], p.word.text) && !yield(start, p.word) {
				return
			}
		}
	}
}

// has reports whether a text has one of the hints.
func (s *scanner) has(text []byte, want hint) bool {
	for i := 0; i+2 < len(text); i += 2 {
		n := s.table[trigram(text[i], text[i+1], text[i+2])]
		if n == 0 {
			continue
		}
		for _, p := range s.probes[n] {
			start := i - p.offset
			if p.word.hint&want != 0 && start >= 0 && len(text)-start >= len(p.word.text) && string(text[start:start+len(p.word.text)]) == p.word.text {
				return true
			}
		}
	}
	return false
}

// scanBytes reports whether a text has one of the hints, or a URL with a
// password.
func scanBytes(text []byte, want hint) bool {
	return hints.has(text, want) || want&hintValue != 0 && bytes.IndexByte(text, '@') >= 0 && bytes.Contains(text, []byte("://"))
}
