package capture

import (
	"slices"
	"strings"
)

// A matcher looks whether a secret stands where one of its words was found, and
// returns what to put in the place of s[start:end]. It takes time for what it
// replaces; where it replaces nothing, for a few bytes only: a text may consist of such
// words.
type matcher func(r *redactor, s string, at int) (start, end int, clean string, ok bool)

// freeText replaces in a text whatever has the form of a secret.
func (r *redactor) freeText(s string) string {
	if len(s) < 8 { // a://b:c@
		return s
	}
	var out []byte
	last := 0
	hints.each(s, hintValue, func(at int, w *hintWord) bool {
		if at < last {
			return true
		}
		start, end, clean, ok := w.match(r, s, at)
		if ok && start >= last {
			out = append(append(out, s[last:start]...), clean...)
			last = end
		}
		return true
	})
	if last > 0 {
		s = string(append(out, s[last:]...))
	}
	return r.userinfo(s)
}

// userinfo replaces the password in scheme://user:password@host.
func (r *redactor) userinfo(s string) string {
	if strings.IndexByte(s, '@') < 0 {
		return s
	}
	var out []byte
	last := 0
	for from := 0; ; {
		i := strings.Index(s[from:], "://")
		if i < 0 {
			break
		}
		from += i + 3
		authority := s[from : from+run(s[from:], &authorityByte)]
		at := strings.LastIndexByte(authority, '@')
		colon := strings.IndexByte(authority, ':')
		if colon >= 0 && at > colon+1 {
			out = append(out, s[last:from+colon+1]...)
			out = append(out, r.names.text(authority[colon+1:at])...)
			last = from + at
		}
	}
	if last == 0 {
		return s
	}
	return string(append(out, s[last:]...))
}

// A byteSet is a set of bytes.
type byteSet [256]bool

func setOf(chars string) (set byteSet) {
	for i := range len(chars) {
		set[chars[i]] = true
	}
	return set
}

func allBut(chars string) (set byteSet) {
	for i := range set {
		set[i] = i > ' ' && i < 0x7f && strings.IndexByte(chars, byte(i)) < 0
	}
	return set
}

var (
	wordByte      = setOf(upper + lower + digits + "_")
	nameByte      = setOf(nameChars)
	jwtByte       = setOf(upper + lower + digits + "_-")
	base64Byte    = setOf(upper + lower + digits + "+/=")
	tokenByte     = setOf(upper + lower + digits + "+/=_%-")
	keyKindByte   = setOf(upper + digits + " ")
	lineBreakByte = setOf("\r\n ")
	spaceByte     = setOf(" ")
	quoteByte     = setOf("\"'\\ \t\r\n:=>")
	authorityByte = allBut(`/"'<>\?#`)
	valueByte     = allBut(`&;,"'<>\`)
)

const nameChars = upper + lower + digits + "_-"

// run returns how many bytes s begins with that are of the set.
func run[text string | []byte](s text, set *byteSet) int {
	for i := range len(s) {
		if !set[s[i]] {
			return i
		}
	}
	return len(s)
}

// runBack returns where the bytes of the set begin that end before i, or what is
// longestName before.
func runBack(s string, i int, set *byteSet) int {
	for least := max(0, i-longestName); i > least && set[s[i-1]]; {
		i--
	}
	return i
}

// longestName bounds what is looked at as a name. One of so many bytes is none.
const longestName = 64

// nameRun is the length of the name that s begins with.
func nameRun(s string) int { return run(s[:min(len(s), longestName)], &nameByte) }

// isRun reports whether s begins with n bytes of the set, and no more.
func isRun(s string, n int, set *byteSet) bool { return run(s[:min(len(s), n+1)], set) == n }

func matchKeyID(r *redactor, s string, at int) (int, int, string, bool) {
	end := at + 20
	if end > len(s) || !isKeyID(s[at:end]) || at > 0 && wordByte[s[at-1]] || end < len(s) && wordByte[s[end]] {
		return 0, 0, "", false
	}
	clean := r.names.cached(s[at:end])
	// The secret may stand right behind it, as in a list of credentials.
	from := end + run(s[end:min(len(s), end+6)], &besideByte)
	if from > end && isRun(s[from:], 40, &base64Byte) && strings.ContainsAny(s[from:from+40], lower) {
		return at, from + 40, clean + s[end:from] + r.names.text(s[from:from+40]), true
	}
	return at, end, clean, true
}

var besideByte = setOf(" ,;:|\t\"'\\\r\n")

func matchPrivateKey(r *redactor, s string, at int) (int, int, string, bool) {
	const begin = "-----BEGIN "
	start := runBack(s, at, &keyKindByte) - len("-----") // BEGIN is of the set, too
	end := at + len("PRIVATE KEY")
	end += len(s[end:]) - len(strings.TrimPrefix(s[end:], " BLOCK"))
	if start < 0 || !strings.HasPrefix(s[start:], begin) || !strings.HasPrefix(s[end:], "-----") {
		return 0, 0, "", false
	}
	end += len("-----")
	rest := s[end:min(len(s), end+64<<10)]
	if i := strings.Index(rest, "-----"); i >= 0 && strings.HasPrefix(rest[i:], "-----END ") {
		end += i + len("-----END ")
		if i := strings.Index(s[end:min(len(s), end+60)], "-----"); i >= 0 {
			end += i + len("-----")
		}
	} else { // cut off: as far as its lines go
		for {
			gap := run(s[end:], &lineBreakByte)
			if strings.HasPrefix(s[end+gap:], `\n`) || strings.HasPrefix(s[end+gap:], `\r`) {
				gap += 2
			}
			n := run(s[end+gap:], &base64Byte)
			if next := end + gap + n; n < 12 || next < len(s) && strings.IndexByte("\r\n \\\"'<", s[next]) < 0 {
				break
			}
			end += gap + n
		}
	}
	return start, end, r.names.text(s[start:end]), true
}

func matchJWT(r *redactor, s string, at int) (int, int, string, bool) {
	if at > 0 && wordByte[s[at-1]] {
		return 0, 0, "", false
	}
	const longest = 4 << 10 // of a header, which may have certificates
	end := at + run(s[at:min(len(s), at+longest)], &jwtByte)
	if end-at == longest {
		return 0, 0, "", false
	}
	for parts := 1; parts < 5 && end+4 < len(s) && s[end] == '.' && run(s[end+1:end+5], &jwtByte) == 4; parts++ {
		end += 1 + run(s[end+1:], &jwtByte)
	}
	if !isJWT(s[at:end]) {
		return 0, 0, "", false
	}
	return at, end, r.names.text(s[at:end]), true
}

func matchSessionToken(r *redactor, s string, at int) (int, int, string, bool) {
	if at > 0 && wordByte[s[at-1]] {
		return 0, 0, "", false
	}
	end := at + run(s[at:], &tokenByte)
	if end-at < 64 {
		return 0, 0, "", false
	}
	token := s[at:end]
	if strings.Contains(token, "%") { // in a URL
		return at, end, escapeQuery(r.names.cached(unescapePath(token))), true
	}
	return at, end, r.names.cached(token), true
}

// urlSecrets are the parameters that matchParameter replaces.
var urlSecrets = []string{"x-amz-signature", "signature", "x-amz-credential", "credential", "x-amz-security-token", "x-amz-s3session-token", "awsaccesskeyid",
	"x-goog-signature", "x-oss-signature", "access_token", "refresh_token", "id_token", "token"}

// matchParameter is for the parameters of a presigned URL, also where the URL
// is itself a parameter, and for those in what a client has signed.
func matchParameter(r *redactor, s string, at int) (int, int, string, bool) {
	start := runBack(s, at, &nameByte)
	end := at + nameRun(s[at:])
	if at-start > 40 || end == len(s) {
		return 0, 0, "", false
	}
	name := s[start:end]
	if start > 0 && s[start-1] == '\\' {
		name = strings.TrimPrefix(name, "u0026") // an ampersand in JSON
	}
	// Within a parameter, it is escaped once for each parameter around it: %3D, %253D.
	levels := 0
	if s[end] == '%' {
		for end++; levels < 4 && strings.HasPrefix(s[end:], "25"); end += 2 {
			levels++
		}
		if levels > 3 || !strings.HasPrefix(s[end:], "3D") && !strings.HasPrefix(s[end:], "3d") {
			return 0, 0, "", false
		}
		levels++
		end += 2
		if cut := 2 * levels; start > 0 && s[start-1] == '%' && len(name) > cut {
			name = name[cut:] // of %26name%3D
		}
	} else {
		end++
	}
	name = strings.ToLower(name)
	if !slices.Contains(urlSecrets, name) {
		return 0, 0, "", false
	}
	ampersand := "&"
	if levels > 0 {
		ampersand = "%" + strings.Repeat("25", levels-1) + "26"
	}
	from := end
	for end < len(s) && valueByte[s[end]] && !strings.HasPrefix(s[end:], ampersand) {
		end++
	}
	value := s[from:end]
	if value == "" {
		return 0, 0, "", false
	}
	for range levels {
		value = unescape(value)
	}
	switch name {
	case "x-amz-signature", "signature":
		value = redacted
	case "x-amz-credential", "credential":
		value = r.credential(value)
	case "x-amz-security-token", "x-amz-s3session-token", "awsaccesskeyid":
		value = escapeQuery(r.names.cached(unescapePath(value)))
	default:
		if len(value) < 16 {
			return 0, 0, "", false
		}
		value = escapeQuery(r.names.cached(unescapePath(value)))
	}
	for range levels {
		value = escapeQuery(value)
	}
	return from, end, value, true
}

func matchSecretKey(r *redactor, s string, at int) (int, int, string, bool) {
	at += nameRun(s[at:])
	gap := run(s[at:min(len(s), at+13)], &quoteByte)
	at += gap
	if gap == 0 || gap > 12 || !isRun(s[at:], 40, &base64Byte) {
		return 0, 0, "", false
	}
	return at, at + 40, r.names.text(s[at : at+40]), true
}

func matchDenied(r *redactor, s string, at int) (int, int, string, bool) {
	i := strings.IndexByte(s[at:min(len(s), at+longestName)], ':')
	if i < 0 {
		return 0, 0, "", false
	}
	at += i + 1
	at += run(s[at:], &spaceByte)
	n := run(s[at:], &tokenByte)
	return at, at + n, r.names.text(s[at : at+n]), n > 0
}

// secretName reports whether a name says that its value is a secret. It is for
// what no model describes; anything makes it take a name like "token", too.
func secretName(name string, anything bool) bool {
	low, ok := plainName(name)
	if !ok {
		return false
	}
	if clearSecret(low) {
		return true
	}
	switch low {
	case "pwd", "passphrase", "secret", "secretstring", "secretbinary", "authorization", "stringtosign", "signatureprovided", "stringtosignbytes",
		"canonicalrequest", "canonicalrequestbytes":
		return true
	case "token", "credentials":
		return anything
	}
	return false
}

// clearSecretName is secretName where a model knows the member and did not call
// it sensitive: NextToken, KeyId or SecretArn are none.
func clearSecretName(name string) bool {
	low, ok := plainName(name)
	return ok && clearSecret(low)
}

// clearSecrets are what such names end with, in words; hintWords has their
// spellings.
var clearSecrets = [...]string{"password", "passwd", "secret key", "secret access key", "client secret", "private key", "api key", "access token",
	"refresh token", "access key id", "id token", "identity token", "saml assertion", "session token", "auth token", "security token", "bearer token",
	"shared secret", "signing secret", "webhook secret"}

// clearEnds are clearSecrets as plainName has them.
var clearEnds = func() (ends [len(clearSecrets)]string) {
	for i, words := range clearSecrets {
		ends[i] = strings.ReplaceAll(words, " ", "")
	}
	return ends
}()

func clearSecret(low string) bool {
	for _, end := range clearEnds {
		if strings.HasSuffix(low, end) {
			return true
		}
	}
	return false
}

// plainName returns a name in lower case without punctuation; false for one too
// long to be one.
func plainName(name string) (string, bool) {
	if len(name) > 40 {
		return "", false
	}
	var b [40]byte
	n := 0
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if 'a' <= c && c <= 'z' || isDigit(c) {
			b[n] = c
			n++
		}
	}
	return string(b[:n]), true
}
