package capture

import (
	"regexp"
	"strings"
)

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
	if !scanText(s, hintValue) {
		return s
	}
	s = privateKeyPattern.ReplaceAllStringFunc(s, r.names.text)
	s = parameterPattern.ReplaceAllStringFunc(s, func(m string) string {
		name, value, _ := strings.Cut(m, "=")
		switch strings.ToLower(name) {
		case "x-amz-signature", "signature":
			return name + "=" + redacted
		case "x-amz-credential", "credential":
			return name + "=" + r.credential(value)
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
		"canonicalrequest", "canonicalrequestbytes", "awsaccesskeyid", "accesskeyid":
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

func clearSecret(low string) bool {
	for _, end := range [...]string{"password", "passwd", "secretkey", "secretaccesskey", "clientsecret", "privatekey", "apikey", "accesstoken",
		"refreshtoken", "accesskeyid", "idtoken", "sessiontoken", "authtoken", "securitytoken", "bearertoken", "sharedsecret", "signingsecret", "webhooksecret"} {
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
