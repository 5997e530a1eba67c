package capture

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPseudonymKeepsTheForm(t *testing.T) {
	p := newPseudonymizer()
	for _, tt := range []struct{ name, value, form string }{
		{"letters and digits keep their classes, the rest stays", "Passw0rd!", `^[A-Z][a-z]{4}0[a-z]{2}!$`},
		{"a number stays one", "-120.50", `^-[1-9]\d\d\.[1-9]\d$`},
		{"a leading zero stays", "007123", `^0\d{5}$`},
		{"an access key id keeps its kind", "ASIAQ3EGVQ7XJQZ5XYZW", `^ASIA[A-Z2-7]{9}EXAMPLE$`},
		{"hexadecimal", "98c0e2ed0b9a3d0a8c42e7a2c9d1e14e", `^[0-9a-f]{32}$`},
		{"upper-case hexadecimal", "98C0E2ED0B9A3D0A8C42E7A2C9D1E14E", `^[0-9A-F]{32}$`},
		{"base32, as the seeds of one-time passwords", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", `^[A-Z2-7]{32}$`},
		{"a UUID with its version and variant", "5a1f37d6-8c1f-4b2c-9a53-2f5f1a0a9f6f", `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-9[0-9a-f]{3}-[0-9a-f]{12}$`},
		{"lines", "one\ntwo", `^[a-z]{3}\n[a-z]{3}$`},
		{"a UUID within a longer text", "fn-1c56352a-87fd-4b1e-88d6-8f347d240783.zip", `^[a-z]{2}-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}\.[a-z]{3}$`},
		{"an id of hexadecimal digits within a text", "user i-0a1b2c3d4e5f60718 did", `^[a-z]{4} i-[0-9a-f]{17} [a-z]{3}$`},
		{"a date stays one", "born 1980-12-31", `^[a-z]{4} 19\d\d-0[1-9]-1\d$`},
		{"a timestamp stays one", "2026-11-22T23:59:59.123Z", `^20\d\d-0[1-9]-1\dT1\d:[0-5]\d:[0-5]\d\.\d{3}Z$`},
		{"and its zone", "2026-11-22T23:59:59+01:00", `^20\d\d-0[1-9]-1\dT1\d:[0-5]\d:[0-5]\d\+01:00$`},
		{"an address of IPv4", "from 10.0.203.7", `^[a-z]{4} [1-9]\d\.0\.1\d\d\.[1-9]$`},
		{"hexadecimal of both cases, or few digits", "DeadBeefCafe 3f9a", `^[A-F][a-f]{3}[A-F][a-f]{3}[A-F][a-f]{3} \d[a-f]\d[a-f]$`},
		{"the kind of an id", "subnet-0a1b2c3d4e5f60718", `^subnet-[0-9a-f]{17}$`},
		{"an ARN keeps service, region and kind", "arn:aws:iam::123456789012:role/Admin", `^arn:aws:iam::[1-9]\d{11}:role/[A-Z][a-z]{4}$`},
		{"an e-mail address", "bob.smith@corp.com", `^[a-z]{3}\.[a-z]{5}@[a-z]{4}\.com$`},
		{"a URL keeps scheme and the names of its parameters", "s3://my-bucket/key%2Fpart?versionId=abc&x=1234", `^s3://[a-z]{2}-[a-z]{6}/[a-z]{3}%2F[a-z]{4}\?versionId=[a-z]{3}&x=\d{4}$`},
		{"a host of AWS's stays", "https://b.s3.us-east-1.amazonaws.com:443/key", `^https://b\.s3\.us-east-1\.amazonaws\.com:443/[a-z]{3}$`},
		{"a host of the user's does not", "https://db.internal.corp:8443/key", `^https://[a-z]{2}\.[a-z]{8}\.corp:8443/[a-z]{3}$`},
		{"a connection string", "postgres://app:hunter22@db.corp.com:5432/main?sslmode=require", `^postgres://[a-z]{3}:[a-z]{6}[1-9]\d@[a-z]{2}\.[a-z]{4}\.com:5432/[a-z]{4}\?sslmode=[a-z]{7}$`},
		{"JSON stays JSON, its names stay", `{"user": "bob", "n": [12, true, null], "doc": "{\"a\":\"xyz\"}"}`, `^\{"user": "[a-z]{3}", "n": \[[1-9]\d, true, null\], "doc": "\{\\"a\\":\\"[a-z]{3}\\"\}"\}$`},
		{"a key id within a text", "id=AKIAQ3EGVQ7XJQZ5XYZW", `^[a-z]{2}=AKIA[A-Z]{9}EXAMPLE$`},
		{"other scripts keep their length", "pässwörd 密码", `^[a-z]..[a-z]{2}.*$`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := p.text(tt.value)
			if !regexp.MustCompile(tt.form).MatchString(got) || len(got) != len(tt.value) || !utf8.ValidString(got) || got == tt.value {
				t.Errorf("%q became %q", tt.value, got)
			}
			if again := p.text(tt.value); again != got {
				t.Errorf("and then %q", again)
			}
			if !isPseudonym(got) && tt.value[0] != '{' { // of a document, each value is one
				t.Errorf("%q is not known as a pseudonym", got)
			}
			if other := newPseudonymizer().text(tt.value); other == got {
				t.Errorf("another recording's pseudonym is the same: %q", got)
			}
		})
	}
}

func TestNumberStaysInItsRange(t *testing.T) {
	p := newPseudonymizer()
	for _, value := range []string{"-123.1216", "0.75", "60000", "4", "252.0", "1.5e10", "2147483647", "1000"} {
		got := string(p.number([]byte(value)))
		was, err1 := strconv.ParseFloat(value, 64)
		is, err2 := strconv.ParseFloat(got, 64)
		if err1 != nil || err2 != nil || got == value || len(got) != len(value) || math.Abs(is) > math.Abs(was) && value != "1000" {
			t.Errorf("%s became %s", value, got)
		}
	}
}

// TestPseudonymIsMadeOnce: what was replaced by one rule, and has the form that
// another looks for, is what it was replaced by.
func TestPseudonymIsMadeOnce(t *testing.T) {
	p := newPseudonymizer()
	for _, value := range []string{"AKIAQ3EGVQ7XJQZ5XYZW", "hunter2hunter2", "AKIAIOSFODNN7EXAMPLE"} {
		got := p.text(value)
		if got == value {
			t.Errorf("%q stays", value)
		}
		if again := p.text(got); again != got {
			t.Errorf("%q became %q and then %q", value, got, again)
		}
		if raw := string(p.bytes([]byte(value))); raw != got {
			t.Errorf("%q became %q, and %q as bytes", value, got, raw)
		}
	}
}

func TestPseudonymIsTheSameInEachEncoding(t *testing.T) {
	p := newPseudonymizer()
	for _, value := range []string{"a secret in plain text!", "\x00\x01\xfe\xffbinary data 123456"} {
		raw := p.bytes([]byte(value))
		encoded := p.text(base64.StdEncoding.EncodeToString([]byte(value)))
		if got, err := base64.StdEncoding.DecodeString(encoded); err != nil || string(got) != string(raw) {
			t.Errorf("%q: raw %q, from base64 %q (%v)", value, raw, got, err)
		}
		if !isPseudonym(encoded) || !isBytePseudonym(raw) {
			t.Errorf("%q is not known as a pseudonym", encoded)
		}
	}
}

func TestPseudonymIsKnownWhateverItsLength(t *testing.T) {
	p := newPseudonymizer()
	for _, set := range []string{lower, upper, digits, lower + upper + digits, "ABCDEFGHIJKLMNOP9", "abcdef0123456789", "ABCDEFGH234567", "0", "é", "+/a-"} {
		for n := range 100 {
			value := strings.Repeat(set, n/len(set)+1)[:n]
			if got := p.text(value); n >= 12 && strings.ContainsAny(value, lower+upper+digits[1:]) && !isPseudonym(got) {
				t.Errorf("%q became %q, which is not known", value, got)
			}
			b := p.bytes([]byte("\xff" + value))
			if n > 8 && !isBytePseudonym(b) {
				t.Errorf("binary %q became %q, which is not known", value, b)
			}
		}
	}
}

func TestSecretsAreSeldomTakenForPseudonyms(t *testing.T) {
	taken := 0
	for i := range 10000 {
		if isPseudonym(fmt.Sprintf("Secret%dPassword%x", i, i*7919)) {
			taken++
		}
	}
	if taken > 3 {
		t.Errorf("%d of 10000 secrets pass for pseudonyms", taken)
	}
}

// TestPseudonymCannotBeFoundByTrying plays the thief of a recording: he knows
// all but the key, and tries every PIN.
func TestPseudonymCannotBeFoundByTrying(t *testing.T) {
	const pin = "493817"
	stolen := newPseudonymizer().text(pin)
	if stolen == pin {
		t.Fatal("the PIN itself")
	}
	guess, hits := newPseudonymizer(), 0
	for n := range 1000000 {
		if n%1000 == 493 || n < 20000 { // a sample: each guess has the same chance
			if guess.text(fmt.Sprintf("%06d", n)) == stolen {
				hits++
			}
		}
	}
	// By chance, one in 9000 PINs has a given pseudonym under a given key; with
	// a key of his own, the true PIN is no likelier than any other.
	if guess.text(pin) == stolen && hits < 3 {
		t.Error("the PIN is found without the key")
	}
}

func BenchmarkPseudonym(b *testing.B) {
	p := newPseudonymizer()
	for _, n := range []int{16, 1 << 10, 1 << 20} {
		value := strings.Repeat("Secret7 ", n/8)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				p.text(value)
			}
		})
	}
}
