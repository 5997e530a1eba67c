package capture

import (
	"bytes"
	"regexp"
	"strings"
)

// hints are what each pattern needs to match. Looking for them is cheap, and
// text without any is not searched further.
var hints = []string{
	"AKIA", "ASIA", "ABIA", "ACCA", // access key ids
	"PRIVATE KEY",
	"eyJ",                          // JSON Web Tokens
	"IQoJ", "FwoG", "FQoG", "AQoD", // session tokens
	"ignature=", "ignature%3D", "oken=", "redential=", "AccessKeyId=", // presigned URLs and canonical requests
	"://",
	"ecret", "ECRET",
	"uthorization failure message",
}

// suspicious reports whether a text may hold a secret that has a form of its own.
func suspicious(s string) bool {
	for _, h := range hints {
		if strings.Contains(s, h) && (h != "://" || strings.Contains(s, "@")) {
			return true
		}
	}
	return false
}

func suspiciousBytes(b []byte) bool {
	for _, h := range hints {
		if bytes.Contains(b, []byte(h)) && (h != "://" || bytes.IndexByte(b, '@') >= 0) {
			return true
		}
	}
	return false
}

var (
	keyIDPattern        = regexp.MustCompile(`\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b`)
	privateKeyPattern   = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[^-]*(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)?`)
	jwtPattern          = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{4,}){1,4}`)
	sessionTokenPattern = regexp.MustCompile(`\b(?:IQoJ|FwoG|FQoG|AQoD)[A-Za-z0-9+/_%-]{60,}=*`)
	// A parameter of a presigned URL, also where & is written &amp; or \u0026.
	parameterPattern     = regexp.MustCompile(`(?i)(\b(?:X-Amz-Signature|Signature|X-Amz-Security-Token|X-Amz-S3session-Token|X-Amz-Credential|Credential|AWSAccessKeyId)=)([^&;,\s"'<>\\]+)`)
	urlPasswordPattern   = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"'<>]*:)([^\s/@"'<>]+)@`)
	secretKeyPattern     = regexp.MustCompile(`(?i)(secret[_-]?(?:access)?[_-]?key["'\\\s:=>]{1,12})([A-Za-z0-9/+]{40})\b`)
	deniedMessagePattern = regexp.MustCompile(`(?i)(encoded authorization failure message: )(\S+)`)
	scopePattern         = regexp.MustCompile(`^[^/%]*((?:/|%2[Ff])\d{8}(?:/|%2[Ff]).*)?$`)
)

// freeText replaces in a text whatever has the form of a secret.
func (r *redactor) freeText(s string) string {
	if !suspicious(s) {
		return s
	}
	s = privateKeyPattern.ReplaceAllStringFunc(s, r.names.text)
	s = parameterPattern.ReplaceAllStringFunc(s, func(m string) string {
		name, value, _ := strings.Cut(m, "=")
		switch strings.ToLower(name) {
		case "x-amz-signature", "signature":
			return name + "=" + redacted
		case "x-amz-credential", "credential":
			if scope := scopePattern.FindStringSubmatch(value); scope != nil {
				key := value[:len(value)-len(scope[1])]
				return name + "=" + r.names.cached(key) + scope[1]
			}
		}
		return name + "=" + escapeQuery(r.names.cached(unescape(value)))
	})
	s = keyIDPattern.ReplaceAllStringFunc(s, r.names.cached)
	s = jwtPattern.ReplaceAllStringFunc(s, func(m string) string {
		if !isJWT(m) {
			return m
		}
		return r.names.text(m)
	})
	s = sessionTokenPattern.ReplaceAllStringFunc(s, func(m string) string {
		return escapeToken(m, r.names.cached(unescapeToken(m)))
	})
	s = r.second(urlPasswordPattern, s)
	s = r.second(secretKeyPattern, s)
	return r.second(deniedMessagePattern, s)
}

// second replaces the second group of each match.
func (r *redactor) second(pattern *regexp.Regexp, s string) string {
	var b strings.Builder
	last := 0
	for _, m := range pattern.FindAllStringSubmatchIndex(s, -1) {
		b.WriteString(s[last:m[4]])
		b.WriteString(r.names.text(s[m[4]:m[5]]))
		last = m[5]
	}
	if last == 0 {
		return s
	}
	b.WriteString(s[last:])
	return b.String()
}

// A token in a URL has its +, / and = escaped.
func unescapeToken(s string) string {
	if strings.Contains(s, "%") {
		return unescape(s)
	}
	return s
}

func escapeToken(was, is string) string {
	if strings.Contains(was, "%") {
		return escapeQuery(is)
	}
	return is
}

// secretName reports whether a name says that its value is a secret. It is for
// what no model describes: names such as NextToken or KeyId are none.
func secretName(name string) bool {
	var b [64]byte
	n := 0
	for i := 0; i < len(name); i++ {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if 'a' <= c && c <= 'z' || isDigit(c) {
			if n == len(b) {
				return false
			}
			b[n] = c
			n++
		}
	}
	low := string(b[:n])
	switch low {
	case "pwd", "passwd", "passphrase", "secret", "authorization", "credentials", "privatekey", "token",
		"stringtosign", "signatureprovided", "stringtosignbytes", "canonicalrequest", "canonicalrequestbytes":
		return true
	}
	for _, end := range [...]string{"password", "secretkey", "secretaccesskey", "accesskeyid", "clientsecret", "secretstring", "secretbinary",
		"privatekey", "apikey", "accesstoken", "refreshtoken", "idtoken", "sessiontoken", "authtoken", "securitytoken", "bearertoken", "authorizationtoken",
		"connectionstring", "sharedsecret", "signingsecret", "webhooksecret", "privatekeymaterial"} {
		if strings.HasSuffix(low, end) {
			return true
		}
	}
	return false
}

// nameSuspicious reports whether a text may hold a name that secretName knows.
func nameSuspicious(s string) bool {
	for _, h := range nameHints {
		if strings.Contains(s, h) {
			return true
		}
	}
	return false
}

func nameSuspiciousBytes(b []byte) bool {
	for _, h := range nameHints {
		if bytes.Contains(b, []byte(h)) {
			return true
		}
	}
	return false
}

var nameHints = []string{"assw", "ASSW", "ecret", "ECRET", "oken", "OKEN", "rivate", "RIVATE", "pi_key", "piKey", "PI_KEY", "pi-key", "pwd", "PWD", "AccessKeyId", "uthorization", "StringToSign", "SignatureProvided", "onnectionString"}
