package awsapi

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"
)

// maxErrorBody bounds how much of a body is searched for a code.
const maxErrorBody = 1 << 16

// ErrorCode returns the error code of a response, "" if it has none. It looks
// wherever any protocol puts it; p, which may be unknown, only decides what a body
// is that could be several things. The header function is called with canonical
// names and may be nil. The code is cut as SDKs cut it: "ns#Code:http://..." is
// "Code". A status below 300 is no error, save for the <Error> that S3 sends
// after a 200 it could not take back.
func ErrorCode(p Protocol, status int, header func(name string) string, body []byte) string {
	body = body[:min(len(body), maxErrorBody)]
	failed := status == 0 || status >= 300
	if failed && header != nil {
		// Services that moved from awsQuery to JSON or CBOR keep the old code here.
		if v := header("X-Amzn-Query-Error"); v != "" {
			code, _, _ := strings.Cut(v, ";")
			if code = cutCode(code); code != "" {
				return code
			}
		}
		if code := cutCode(header("X-Amzn-Errortype")); code != "" {
			return code
		}
	}
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(trimmed) == 0:
		return ""
	case trimmed[0] == '<':
		return xmlErrorCode(trimmed, failed)
	case !failed:
		return ""
	case trimmed[0] == '{' && p != RPCv2CBOR:
		return jsonErrorCode(trimmed)
	}
	return cborErrorCode(body)
}

func jsonErrorCode(body []byte) string {
	var found [3]string
	names := [...]string{"__type", "code", "Code"}
	gjson.ParseBytes(body).ForEach(func(key, value gjson.Result) bool {
		for i, name := range names {
			if key.Str == name && value.Type == gjson.String && found[i] == "" {
				found[i] = cutCode(value.Str)
			}
		}
		return true
	})
	for _, code := range found {
		if code != "" {
			return code
		}
	}
	return ""
}

// cborErrorCode reads the "__type" of a CBOR map: a text of six bytes, then a text.
func cborErrorCode(body []byte) string {
	i := bytes.Index(body, []byte("\x66__type"))
	if i < 0 {
		return ""
	}
	rest := body[i+len("\x66__type"):]
	if len(rest) < 2 || rest[0]>>5 != 3 {
		return ""
	}
	n := int(rest[0] & 0x1f)
	rest = rest[1:]
	switch {
	case n == 24:
		n, rest = int(rest[0]), rest[1:]
	case n == 25 && len(rest) >= 2:
		n, rest = int(rest[0])<<8|int(rest[1]), rest[2:]
	case n > 25:
		return ""
	}
	if n > len(rest) {
		return ""
	}
	return cutCode(string(rest[:n]))
}

// xmlErrorCode reads <Error><Code>, <ErrorResponse><Error><Code> and
// <Response><Errors><Error><Code>; Route 53 names some errors by the root element.
func xmlErrorCode(body []byte, failed bool) string {
	root := ""
	for {
		start := bytes.IndexByte(body, '<')
		if start < 0 || start+1 == len(body) {
			return ""
		}
		body = body[start+1:]
		if body[0] != '?' && body[0] != '!' {
			break
		}
	}
	if i := bytes.IndexAny(body, " \t\r\n/>"); i > 0 && i <= 128 {
		root = string(body[:i])
	}
	switch root {
	case "Error":
	case "ErrorResponse", "Response":
		if !failed {
			return ""
		}
		i := bytes.Index(body, []byte("<Error>"))
		if i < 0 {
			break // <ErrorResponse><Code>
		}
		body = body[i:]
	default:
		if failed && isIdentifier(root) && !bytes.EqualFold([]byte(root), []byte("html")) {
			return root
		}
		return ""
	}
	_, after, ok := bytes.Cut(body, []byte("<Code>"))
	if !ok {
		return ""
	}
	code, _, ok := bytes.Cut(after, []byte("<"))
	if !ok || len(code) > 256 {
		return ""
	}
	return cutCode(string(code))
}

// cutCode removes the namespace before '#' and the URI after ':'.
func cutCode(s string) string {
	if i := strings.LastIndexByte(s, '#'); i >= 0 {
		s = s[i+1:]
	}
	s, _, _ = strings.Cut(s, ":")
	s = strings.TrimSpace(s)
	if len(s) > 128 {
		return ""
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return ""
		}
	}
	return s
}
