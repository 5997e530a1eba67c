package replay

import (
	"regexp"
	"strings"
	"testing"
)

func TestFreshTokenKeepsTheForm(t *testing.T) {
	tests := []struct{ name, token, form string }{
		{"a UUID of version 4", "0f0e0d0c-1111-4222-8333-444455556666", `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`},
		{"a UUID in upper case", "0F0E0D0C-1111-4222-B333-44445555666A", `^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$`},
		{"a UUID of version 1", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", `^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`},
		{"a hexadecimal number", "5f4dcc3b5aa765d61d8327deb882cf99", `^[0-9a-f]{32}$`},
		{"a word and a number", "token-1", `^[a-z]{5}-\d$`},
		{"a key of words", "my-idempotency-KEY_2026.01", `^[a-z]{2}-[a-z]{11}-[A-Z]{3}_\d{4}\.\d\d$`},
		{"base64", "AbC+/9Zk1234==", `^[A-Z][a-z][A-Z]\+/\d[A-Z][a-z]\d{4}==$`},
		{"digits", "20260102030405", `^\d{14}$`},
		{"what is beyond ASCII stays", "schlüssel1", `^[a-z]{4}ü[a-z]{4}\d$`},
		{"what holds no letter stays", "---", `^---$`},
		{"nothing", "", `^$`},
	}
	f, other := newFreshener(), newFreshener()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string(f.token([]byte(tt.token)))
			if !regexp.MustCompile(tt.form).MatchString(got) {
				t.Errorf("%q became %q, want the form %s", tt.token, got, tt.form)
			}
			if again := string(f.token([]byte(tt.token))); again != got {
				t.Errorf("%q became %q and then %q", tt.token, got, again)
			}
			if strings.ContainsAny(tt.token, "0123456789") {
				if got == tt.token {
					t.Errorf("%q stayed", got)
				}
				if len(tt.token) > 7 && string(other.token([]byte(tt.token))) == got {
					t.Errorf("%q became %q in two passes", tt.token, got)
				}
			}
		})
	}
}

// Different tokens stay different, of however few letters.
func TestFreshTokenIsAPermutation(t *testing.T) {
	f := newFreshener()
	for _, form := range []string{"1", "11", "a1", "a-1", "1a1", "1-1-1-1"} {
		all := []string{""}
		for _, c := range form {
			letters := map[rune]string{'1': digitLetters, 'a': lowerLetters, '-': "-"}[c]
			var longer []string
			for _, s := range all {
				for _, l := range letters {
					longer = append(longer, s+string(l))
				}
			}
			all = longer
		}
		seen := make(map[string]string)
		for _, s := range all {
			got := string(f.token([]byte(s)))
			if first, taken := seen[got]; taken {
				t.Fatalf("%q and %q both became %q", first, s, got)
			}
			seen[got] = s
		}
	}
}

func BenchmarkFreshToken(b *testing.B) {
	f := newFreshener()
	token := []byte("0f0e0d0c-1111-4222-8333-444455556666")
	b.ReportAllocs()
	for b.Loop() {
		f.token(token)
	}
}
