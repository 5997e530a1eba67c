package proxy

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/neureaux/cloudmock/internal/sign"
)

// maxCredentials is the largest answer that is searched for credentials.
const maxCredentials = 1 << 20

// learns reports whether the answer may hand out credentials that the client will sign
// its next calls with. The name of the operation decides: what is stored in a bucket
// or a table is never taken for credentials.
func (c *call) learns() bool {
	if c.answer.status/100 != 2 || c.answer.length > maxCredentials {
		return false
	}
	if name, _ := splitHost(c.x.Entry.Host); c.transparent && !isAWSHost(name) {
		return false
	}
	switch c.api.Service {
	case "sts", "sso", "awsssoportal", "cognito-identity", "lakeformation", "signin", "iam", "s3", "s3express", "gamelift", "sso-oauth", "rolesanywhere":
	default:
		return false
	}
	a := c.api.Action
	return strings.HasPrefix(a, "Assume") || strings.Contains(a, "Credentials") || a == "GetSessionToken" || a == "GetFederationToken" ||
		a == "CreateSession" || a == "CreateAccessKey" || a == "CreateOAuth2Token"
}

// relayLearning reads the answer whole and adds its credentials to the keyring before the client
// can use them.
func (c *call) relayLearning() {
	data, err := io.ReadAll(io.LimitReader(c.answer.body, maxCredentials+1))
	c.x.WriteResponse(data)
	if err != nil {
		c.cut(err)
	}
	if len(data) <= maxCredentials {
		if key, ok := findCredentials(data); ok {
			if key.Identity == "" && (c.api.Action == "GetSessionToken" || c.api.Action == "CreateSession") {
				key.Identity = c.signedAs // other credentials of the same identity
			}
			c.p.o.Keyring.Learn(c.r.Context(), key, c.p.o.Now())
			c.p.counts.Learned.Add(1)
		}
		c.w.WriteHeader(c.answer.status)
		c.complete(data)
		return
	}
	c.w.WriteHeader(c.answer.status)
	if _, err := c.w.Write(data); err != nil {
		c.cut(errClientGone)
	}
	c.stream()
}

// findCredentials looks for an access key with its secret in a JSON or XML document.
func findCredentials(data []byte) (sign.Key, bool) {
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		zr, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return sign.Key{}, false
		}
		if data, err = io.ReadAll(io.LimitReader(zr, maxCredentials)); err != nil {
			return sign.Key{}, false
		}
	}
	var f found
	if trimmed := bytes.TrimLeft(data, " \t\r\n\ufeff"); bytes.HasPrefix(trimmed, []byte("{")) {
		var doc any
		d := json.NewDecoder(bytes.NewReader(trimmed))
		d.UseNumber()
		if d.Decode(&doc) != nil {
			return sign.Key{}, false
		}
		f.walk(doc, 0)
	} else {
		f.walkXML(data)
	}
	if f.id == "" || f.secret == "" {
		return sign.Key{}, false
	}
	return sign.Key{Credentials: sign.Credentials{KeyID: f.id, Secret: f.secret, Token: f.token}, Expires: f.expires, Identity: f.arn}, true
}

type found struct {
	id, secret, token string
	arn               string // of the role or user that the credentials are for
	expires           time.Time
}

func (f *found) set(name, value string) {
	switch strings.ToLower(name) {
	case "accesskeyid":
		f.id = value
	case "secretaccesskey", "secretkey":
		f.secret = value
	case "sessiontoken":
		f.token = value
	case "arn":
		f.arn = value
	case "expiration":
		f.expires = parseExpiration(value)
	}
}

// parseExpiration reads RFC 3339, or a Unix time in seconds or milliseconds.
func parseExpiration(s string) time.Time {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t
	}
	n, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || n <= 0:
		return time.Time{}
	case n > 1e11:
		return time.UnixMilli(int64(n))
	}
	return time.Unix(int64(n), 0)
}

func (f *found) walk(v any, depth int) {
	object, ok := v.(map[string]any)
	if !ok || depth > 8 {
		return
	}
	for name, member := range object {
		switch member := member.(type) {
		case string:
			f.set(name, member)
		case json.Number:
			f.set(name, member.String())
		default:
			f.walk(member, depth+1)
		}
	}
}

func (f *found) walkXML(data []byte) {
	d := xml.NewDecoder(bytes.NewReader(data))
	var name, text string
	for {
		token, err := d.Token()
		if err != nil {
			return
		}
		switch token := token.(type) {
		case xml.StartElement:
			name, text = token.Name.Local, ""
		case xml.CharData:
			text += string(token)
		case xml.EndElement:
			if token.Name.Local == name {
				f.set(name, strings.TrimSpace(text))
			}
			name = ""
		}
	}
}
