package capture

import (
	"encoding/base64"
	"strings"
)

// A tokenForm is how a provider writes its tokens: what they begin with, of which
// characters they are and how many there are at least. From the providers'
// documents, where they ask that such tokens be looked for.
type tokenForm struct {
	start string
	chars *byteSet
	min   int
}

var tokenForms = append(shortForms("SG.", &sendGridByte, 40), append(shortForms("hf_", &wordByte, 30), []tokenForm{
	{"ghp_", &wordByte, 36}, {"gho_", &wordByte, 36}, {"ghu_", &wordByte, 36}, {"ghs_", &wordByte, 36}, {"ghr_", &wordByte, 36}, {"github_pat_", &wordByte, 60},
	{"glpat-", &nameByte, 20},
	{"xoxa-", &nameByte, 10}, {"xoxb-", &nameByte, 10}, {"xoxe-", &nameByte, 10}, {"xoxo-", &nameByte, 10}, {"xoxp-", &nameByte, 10}, {"xoxr-", &nameByte, 10}, {"xoxs-", &nameByte, 10},
	{"hooks.slack.com/services/", &pathByte, 20},
	{"sk_live_", &wordByte, 16}, {"rk_live_", &wordByte, 16},
	{"AIza", &nameByte, 35}, {"GOCSPX-", &nameByte, 24},
	{"npm_", &wordByte, 36}, {"pypi-AgEIcHlwaS5vcmc", &nameByte, 20},
	{"hvs.", &nameByte, 24}, {"hvb.", &nameByte, 24},
	{"dop_v1_", &wordByte, 64}, {"doo_v1_", &wordByte, 64}, {"dor_v1_", &wordByte, 64},
	{"dapi", &hexByte, 32}, {"key-", &hexByte, 32},
	{"shpat_", &hexByte, 32}, {"shpca_", &hexByte, 32}, {"shppa_", &hexByte, 32}, {"shpss_", &hexByte, 32},
	{"ATATT3", &base64NameByte, 60}, {"NRAK-", &wordByte, 27},
	{"ABSK", &base64Byte, 60}, {"bedrock-api-key-", &base64Byte, 40}, {"amzn.mws.", &nameByte, 36},
	{"eyJwYXlsb2Fk", &base64Byte, 80}, {"QVdTOmV5S", &base64Byte, 80}, // passwords of ECR, and with their user in base64
	{"aoaAAAAA", &base64NameByte, 60}, // of IAM Identity Center
	{"AGE-SECRET-KEY-1", &wordByte, 50},
	{"sk-proj-", &nameByte, 24}, {"sk-svcacct-", &nameByte, 24}, {"sk-ant-", &nameByte, 24},
	{"$2a$", &hashByte, 50}, {"$2b$", &hashByte, 50}, {"$2x$", &hashByte, 50}, {"$2y$", &hashByte, 50}, {"$argon2", &hashByte, 40},
}...)...)

// shortForms are the forms of a token that begins with three characters, fewer than
// a hint has.
func shortForms(start string, chars *byteSet, least int) (forms []tokenForm) {
	for i := range len(upper + lower + digits) {
		forms = append(forms, tokenForm{start + (upper + lower + digits)[i:i+1], chars, least})
	}
	return forms
}

var (
	hexByte        = setOf("0123456789abcdefABCDEF")
	sendGridByte   = setOf(upper + lower + digits + "_.-")
	hashByte       = setOf(upper + lower + digits + "./$=,+")
	base64NameByte = setOf(upper + lower + digits + "_=-")
)

// match replaces a token but for what it begins with, which is no part of the secret.
func (f *tokenForm) match(r *redactor, s string, at int) (int, int, string, bool) {
	from := at + len(f.start)
	if at > 0 && wordByte[s[at-1]] {
		return 0, 0, "", false
	}
	n := run(s[from:], f.chars)
	if n < f.min {
		return 0, 0, "", false
	}
	if f.start == "amzn.mws." || strings.HasSuffix(f.start, "/") { // words of their own
		return from, from + n, r.names.text(s[from : from+n]), true
	}
	return at, from + n, r.names.keeping(s[at:from+n], len(f.start)), true
}

// matchTwilio is for the id of an API key of Twilio's, 32 hexadecimal digits behind SK.
func matchTwilio(r *redactor, s string, at int) (int, int, string, bool) {
	from := at + len("SK")
	if n := run(s[from:min(len(s), from+33)], &lowerHexByte); n != 32 || at > 0 && wordByte[s[at-1]] || from+n < len(s) && wordByte[s[from+n]] {
		return 0, 0, "", false
	}
	return at, from + 32, r.names.keeping(s[at:from+32], len("SK")), true
}

// matchTelegram is for the token of a bot of Telegram's: its number, a colon, and 35
// characters of which the first two are AA.
func matchTelegram(r *redactor, s string, at int) (int, int, string, bool) {
	start := runBack(s, at, &digitByte)
	n := run(s[at+1:min(len(s), at+64)], &nameByte)
	if at-start < 8 || at-start > 10 || n < 35 || start > 0 && wordByte[s[start-1]] {
		return 0, 0, "", false
	}
	return start, at + 1 + n, r.names.text(s[start : at+1+n]), true
}

var lowerHexByte = setOf("0123456789abcdef")

// assignedNames are parts of names whose value in a text is a secret, as in
// password=…, "api_key": "…" or --password …; see matchAssignment.
var assignedNames = []string{"assword", "ASSWORD", "asswd", "ASSWD", "assphrase", "pwd=", "Pwd=", "PWD=", "client-key-data",
	"lient_secret", "lientSecret", "LIENT_SECRET", "ecret_key", "ecretKey", "ECRET_KEY", "rivate_key", "rivateKey", "RIVATE_KEY",
	"api_key", "apiKey", "API_KEY", "apikey", "ApiKey", "ccountKey=", "ccessKey=", "?secret=", "&secret=", "?sig=", "&sig=",
	"ccess_token", "ccessToken", "CCESS_TOKEN", "efresh_token", "efreshToken", "REFRESH_TOKEN", "uth_token", "uthToken", "UTH_TOKEN", "dd_app_key", "DD_APP_KEY"}

// matchAssignment is for a name and its value in a text: of a connection string, a
// configuration, a command.
func matchAssignment(r *redactor, s string, at int) (int, int, string, bool) {
	start := runBack(s, at, &nameByte)
	if strings.IndexByte("?&", s[at]) >= 0 {
		at++
		start = at
	}
	end := at + nameRun(s[at:])
	name := strings.TrimLeft(s[start:end], "-")
	if len(name) > 40 || !secretName(name, false) && !assignedOnly(name) {
		return 0, 0, "", false
	}
	from, ok := assignment(s, start, end)
	if !ok {
		return 0, 0, "", false
	}
	const judged = 1 << 10 // a longer value is judged by so much of it
	n := run(s[from:min(len(s), from+judged)], &assignedByte)
	value := strings.TrimRight(s[from:from+n], ".,)]}")
	least := 4
	if low := strings.ToLower(name); !strings.HasSuffix(low, "password") && low != "pwd" && low != "passwd" {
		least = 8 // what is called a key may well be its name
	}
	if len(value) < least || strings.ContainsAny(value, "(){}[]$*") || strings.HasPrefix(value, "arn:") || strings.Contains(value, "://") {
		return 0, 0, "", false // code, a template, a placeholder, or where the secret is kept
	}
	switch strings.ToLower(value) {
	case "string", "true", "false", "null", "none", "required", "optional", strings.ToLower(redacted):
		return 0, 0, "", false
	}
	if n == judged {
		n += run(s[from+n:], &assignedByte)
		value = strings.TrimRight(s[from:from+n], ".,)]}")
	}
	return from, from + len(value), r.names.text(value), true
}

// assignedOnly has names that are a secret's only where a value is assigned to
// them in a text.
func assignedOnly(name string) bool {
	low, _ := plainName(name)
	switch low {
	case "accountkey", "sharedaccesskey", "clientkeydata", "secret", "sig", "ddappkey", "secretkey":
		return true
	}
	return false
}

// assignment returns where the value begins that belongs to the name s[start:end].
func assignment(s string, start, end int) (from int, ok bool) {
	from = end + run(s[end:min(len(s), end+4)], &closingByte)
	gap := from
	for gap < len(s) && gap < from+4 && s[gap] == ' ' {
		gap++
	}
	switch {
	case gap < len(s) && (s[gap] == '=' || s[gap] == ':'):
		from = gap + 1
		if strings.HasPrefix(s[from:], ">") || strings.HasPrefix(s[from:], "=") {
			from++
		}
	case gap > from && start+1 < len(s) && s[start] == '-', gap > from && netrc(s[max(0, start-200):start]):
		return gap, true // --password …, and in .netrc
	default:
		return 0, false
	}
	for i := 0; i < 4 && from < len(s) && s[from] == ' '; i++ {
		from++
	}
	return from + run(s[from:min(len(s), from+4)], &closingByte), true
}

// netrc reports whether a machine and a login stand before a password.
func netrc(before string) bool {
	return strings.Contains(before, "login ") && strings.Contains(before, "machine ")
}

var (
	closingByte  = setOf("\"'\\`")
	assignedByte = allBut("\"'\\`;&,<>|")
)

// matchAuthorization is for an Authorization header in a text, as logs have them.
func matchAuthorization(r *redactor, s string, at int) (int, int, string, bool) {
	end := at + len("uthorization")
	from, ok := assignment(s, at, end)
	if !ok {
		return 0, 0, "", false
	}
	scheme, _, ok := strings.Cut(s[from:min(len(s), from+16)], " ")
	if !ok || !strings.EqualFold(scheme, "basic") && !strings.EqualFold(scheme, "bearer") {
		return 0, 0, "", false
	}
	from += len(scheme) + 1
	n := run(s[from:], &credentialsByte)
	return from, from + n, r.names.text(s[from : from+n]), n >= 8
}

var credentialsByte = setOf(upper + lower + digits + "+/=._~-")

// matchDockerAuth is for such a member in a text.
func matchDockerAuth(r *redactor, s string, at int) (int, int, string, bool) {
	from, ok := assignment(s, at+1, at+len(`"auth`))
	if !ok {
		return 0, 0, "", false
	}
	n := run(s[from:], &base64Byte)
	value := s[from : from+n]
	return from, from + n, r.names.text(value), n >= 8 && dockerAuth([]byte("auth"), []byte(value))
}

// dockerAuth reports whether a member of a configuration of Docker's holds a user
// and a password in base64.
func dockerAuth(key, value []byte) bool {
	if string(key) != "auth" {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(string(value))
	return err == nil && strings.Contains(string(raw), ":")
}
