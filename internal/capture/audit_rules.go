package capture

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// An auditRule finds one kind of secret. The first group of the pattern is the
// secret; all of the match if there is none. A text with none of the hints is
// not searched.
type auditRule struct {
	name    string
	hints   []string
	pattern func() *regexp.Regexp
	check   func(match []string) bool // says no to what only looks like one
}

func rule(name, hints, pattern string) auditRule {
	return auditRule{name: name, hints: strings.Split(hints, "|"), pattern: lazily(pattern)}
}

// lazily compiles a pattern when it is first needed: most runs of a tool need none of them.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

func (r auditRule) where(check func(match []string) bool) auditRule {
	r.check = check
	return r
}

// auditRules are written from the providers' documents of their tokens' forms.
var auditRules = []auditRule{
	rule("aws-access-key-id", "AKIA|ASIA|ABIA|ACCA", `\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})\b`),
	rule("aws-secret-access-key", "ecret|ECRET", `(?:ecret|ECRET)[A-Za-z_.-]{0,24}["'\\]{0,4}\s{0,4}[:=>,]\s{0,4}(?:string>|["'\\]{0,4})([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)`),
	rule("aws-session-token", "IQoJb3Jp|FwoGZXIv|FQoGZXIv|AQoDYXdz", `\b((?:IQoJb3Jp|FwoGZXIv|FQoGZXIv|AQoDYXdz)[A-Za-z0-9+/=_%-]{50,})`),
	rule("aws-session-token", "ityToken|ity-Token|ity-token|ionToken|ion-Token|ion-token", `(?i)(?:SecurityToken|Security-Token|SessionToken|S3session-Token)(?:=|%3D|["'\\>:\s]{1,6})([A-Za-z0-9+/=_%-]{16,})`),
	rule("aws-signature", "ignature=|ignature%3D|ignatureProvided", `(?i)\bSignature(?:=|%3D|Provided>)([A-Za-z0-9+/%=]{16,})`),
	rule("aws-credential", "redential", `(?i)Credential(?:=|%3D|"\s*[:,]\s*")([^/%&",\s]{4,})(?:/|%2F)[0-9]{8}(?:/|%2F)`),
	rule("aws-sigv2-key-id", "AWSAccessKeyId", `AWSAccessKeyId(?:=|%3D|>)([^&<"\s]{4,})`),
	rule("aws-string-to-sign", "AWS4-HMAC-SHA256", `AWS4-HMAC-SHA256(?:\\n|\s|&#10;)+\d{8}T\d{6}Z(?:\\n|\s|&#10;)`),
	rule("aws-bedrock-key", "ABSK", `\b(ABSK[A-Za-z0-9+/]{60,}={0,2})`),
	rule("aws-bedrock-key", "bedrock-api-key-", `\bbedrock-api-key-([A-Za-z0-9+/]{40,}={0,2})`),
	rule("aws-mws-key", "amzn.mws.", `\bamzn\.mws\.([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})`),
	rule("aws-denied-message", "authorization failure message", `authorization failure message: ([A-Za-z0-9_-]{20,})`),
	rule("docker-password", "AWS:eyJ", `\bAWS:(eyJ[A-Za-z0-9+/=]{40,})`),
	rule("docker-password", "auth\"|auth\\", `"auth[\\"]{1,4}\s*:\s*[\\"]{1,4}([A-Za-z0-9+/]{8,}={0,2})`).where(hasColon),

	rule("private-key", "PRIVATE KEY", `-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:\\r|\\n|\s|&#1[03];|&#x[ad];)*([A-Za-z0-9+/=]{12,})`),
	rule("private-key", "PuTTY-User-Key-File", `PuTTY-User-Key-File-\d`),
	rule("private-key", "AGE-SECRET-KEY-1", `\b(AGE-SECRET-KEY-1[0-9A-Z]{50,})`),
	rule("json-web-token", "eyJ", `\b(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*)`).where(jsonHeader),
	rule("password-in-url", "://", `[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"'<>?#]*:([^\s/@"'<>]{2,})@[A-Za-z0-9\[]`),
	rule("password-in-connection-string", "assword", `(?i)(?:;|\?|&|\b)password\s*=\s*([^;&\s"'<>\\]{4,})`),
	rule("password-in-connection-string", "Pwd=|pwd=|PWD=", `(?i)(?:;|\?)pwd\s*=\s*([^;&\s"'<>\\]{4,})`),
	rule("basic-authentication", "asic ", `(?i)authorization["'\\]{0,2}\s*[:=]\s*["'\\]{0,2}basic ([A-Za-z0-9+/]{8,}={0,2})`),
	rule("bearer-token", "earer ", `(?i)authorization["'\\]{0,2}\s*[:=]\s*["'\\]{0,2}bearer ([A-Za-z0-9._~+/-]{12,}=*)`),
	rule("secret-by-name", "assword|ASSWORD|asswd|assphrase|ecret|ECRET|pi_key|piKey|PI_KEY|apikey|ivate_key|ivateKey|IVATE_KEY|ss_token|ssToken|SS_TOKEN|sh_token|shToken|SH_TOKEN|th_token|thToken|TH_TOKEN",
		`(?i)["'\\][a-z0-9_.-]{0,24}(?:password|passwd|passphrase|client_?secret|api_?key|private_?key|access_?token|refresh_?token|auth_?token|secret_?key)["'\\]{1,4}\s{0,3}:\s{0,3}["'\\]{1,4}([^"'\\\s]{4,})`),
	rule("password-hash", "$2a$|$2b$|$2x$|$2y$|$5$|$6$|$y$|$argon2", `(\$(?:2[abxy]|5|6|y|argon2(?:id|i|d))\$[A-Za-z0-9./$=,+]{30,})`),
	rule("one-time-password-seed", "otpauth://", `otpauth://[^\s"']*[?&]secret=([A-Z2-7]{16,})`),
	rule("netrc-password", "machine ", `machine\s+\S+\s+login\s+\S+\s+password\s+([^\s"'<&\\]{4,})`),
	rule("kubernetes-key", "client-key-data", `client-key-data["\\]{0,2}:\s*"?([A-Za-z0-9+/]{40,}={0,2})`),

	rule("github-token", "ghp_|gho_|ghu_|ghs_|ghr_", `\b(gh[pousr]_[A-Za-z0-9]{36,})\b`),
	rule("github-token", "github_pat_", `\b(github_pat_[A-Za-z0-9_]{60,})\b`),
	rule("gitlab-token", "glpat-", `\b(glpat-[A-Za-z0-9_-]{20,})`),
	rule("slack-token", "xoxa|xoxb|xoxe|xoxo|xoxp|xoxr|xoxs", `\b(xox[abeoprs]-[A-Za-z0-9-]{10,})`),
	rule("slack-webhook", "hooks.slack.com", `hooks\.slack\.com/services/([A-Za-z0-9/]{20,})`),
	rule("stripe-key", "_live_", `\b((?:sk|rk)_live_[A-Za-z0-9]{16,})`),
	rule("google-api-key", "AIza", `\b(AIza[A-Za-z0-9_-]{35})`),
	rule("google-oauth-secret", "GOCSPX-", `\b(GOCSPX-[A-Za-z0-9_-]{24,})`),
	rule("azure-storage-key", "AccountKey=", `AccountKey=([A-Za-z0-9+/]{40,}={0,2})`),
	rule("azure-shared-access-key", "SharedAccessKey=", `SharedAccessKey=([A-Za-z0-9+/]{20,}={0,2})`),
	rule("npm-token", "npm_", `\b(npm_[A-Za-z0-9]{36})\b`),
	rule("pypi-token", "pypi-", `\b(pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,})`),
	rule("sendgrid-key", "SG.", `\b(SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{30,})`),
	rule("twilio-key", "SK", `\b(SK[0-9a-f]{32})\b`),
	rule("openai-key", "sk-", `\b(sk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{32,})`),
	rule("hugging-face-token", "hf_", `\b(hf_[A-Za-z0-9]{30,})\b`),
	rule("vault-token", "hvs.|hvb.", `\b(hv[sb]\.[A-Za-z0-9_-]{24,})`),
	rule("digitalocean-token", "_v1_", `\b(do[por]_v1_[0-9a-f]{64})\b`),
	rule("databricks-token", "dapi", `\b(dapi[0-9a-f]{32})\b`),
	rule("shopify-token", "shpa|shpc|shps", `\b(shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32})\b`),
	rule("mailgun-key", "key-", `\b(key-[0-9a-f]{32})\b`),
	rule("telegram-token", ":AA", `\b([0-9]{8,10}:AA[A-Za-z0-9_-]{33})`),
	rule("atlassian-token", "ATATT3", `\b(ATATT3[A-Za-z0-9_=-]{60,})`),
	rule("new-relic-key", "NRAK-", `\b(NRAK-[A-Z0-9]{27})\b`),
	rule("datadog-key", "dd_api|dd_app|DD_API|DD_APP|ddApi|ddApp", `(?i)dd_?(?:api|app)_?key["'\\\s:=]{1,6}([0-9a-f]{32,40})\b`),
}

// candidates calls yield with the rules for which a text has a hint.
func candidates(s string, yield func(*auditRule)) {
	if !auditHints.found(s) && !slices.ContainsFunc(auditHints.short, func(h string) bool { return strings.Contains(s, h) }) {
		return // as most texts
	}
	for i := range auditRules {
		if slices.ContainsFunc(auditRules[i].hints, func(h string) bool { return strings.Contains(s, h) }) {
			yield(&auditRules[i])
		}
	}
}

// auditHints are the hints of all rules; the scanner takes those of four
// characters or more.
var auditHints = func() (h hintLists) {
	var long []hintWord
	for _, r := range auditRules {
		for _, hint := range r.hints {
			if len(hint) >= 4 {
				long = append(long, hintWord{text: hint, hint: hintValue})
			} else {
				h.short = append(h.short, hint)
			}
		}
	}
	h.long = newScanner(long)
	return h
}()

type hintLists struct {
	long  *scanner
	short []string
}

func (h hintLists) found(s string) (found bool) {
	h.long.each(s, hintValue, func(int, *hintWord) bool { found = true; return false })
	return found
}

// jsonHeader reports whether a token's first part is a JSON object.
func jsonHeader(m []string) bool {
	head, _, _ := strings.Cut(m[1], ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	return err == nil && len(raw) > 2 && raw[0] == '{' && raw[len(raw)-1] == '}'
}

// hasColon reports whether base64 holds user:password.
func hasColon(m []string) bool {
	raw, err := base64.StdEncoding.DecodeString(m[1])
	return err == nil && strings.Contains(string(raw), ":") && readableText(raw)
}
