package replay

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// Limits of what one entry may make us send.
const (
	maxHead = 1 << 20 // request line and headers
	maxID   = 256     // bytes of the id in X-Cloudmock-Replay
)

// headerID tells the endpoint which entry a request comes from.
const headerID = "X-Cloudmock-Replay"

// notSendable says why an entry's request can not be rebuilt. It concerns that
// entry alone.
type notSendable struct{ reason string }

func (e *notSendable) Error() string { return "not sent: " + e.reason }

func refuse(format string, args ...any) error {
	return &notSendable{fmt.Sprintf(format, args...)}
}

// A request is a recorded request as it is to go out, in wire form.
type request struct {
	sign.Request
	body   []byte
	stored storedBody // instead of body, where the recording keeps it in a file
	api    awsapi.Call

	hasLength bool // the recording has a Content-Length
	unsigned  bool // the recording carries other proof than AWS's signature
	framed    bool // the body is aws-chunked
	scratch   []byte
	runs      []uint64 // hashes of the runs in what may hold a bound value

	tokenMembers []tokenMember // of its operation
	route        hostRoute
}

// load rebuilds the request from an entry. Header names are checked here, so
// that nothing in a recording can end a line, name another host, or frame the
// body in its own way.
func (r *request) load(o *entry.Object, intern *interner) error {
	r.hasLength, r.unsigned = false, false
	r.Header = r.Header[:0]
	r.body = nil
	r.Method = o.Text(entry.FieldMethod)
	r.Host = o.Text(entry.FieldHost)
	r.Path, r.RawQuery = o.PathQuery()
	if o.Text(entry.FieldOrigin) == entry.OriginProxy {
		return refuse("the recorder itself had answered: %s", o.Text(entry.FieldError))
	}
	if r.Method == "" {
		return refuse("the entry has no method")
	}
	if !isToken(r.Method) || len(r.Method) > 32 {
		return refuse("method %.40q is no HTTP method", r.Method)
	}
	if r.Method == "CONNECT" || r.Method == "TRACE" {
		return refuse("method %s is not for an endpoint", r.Method)
	}
	if r.Path == "" {
		r.Path = "/"
	}
	if r.Path[0] != '/' {
		return refuse("path %.60q does not begin with a slash", r.Path)
	}
	if !isTarget(r.Path) || strings.Contains(r.Path, "#") {
		return refuse("path %.60q is not escaped", r.Path)
	}
	if !isTarget(r.RawQuery) {
		return refuse("query %.60q is not escaped", r.RawQuery)
	}
	var listed string // names that the Connection header declares as its own
	size := 0
	err := o.EachHeader(entry.FieldRequestHeaders, func(name, value []byte) error {
		size += len(name) + len(value) + len(": \r\n")
		if size > maxHead {
			return refuse("headers of more than %d bytes", maxHead)
		}
		n := intern.text(name)
		switch headerUse(n) {
		case drop:
			switch {
			case strings.EqualFold(n, "Connection"):
				listed += "," + string(value)
			case strings.EqualFold(n, "Content-Length"):
				r.hasLength = true
			case r.Host == "" && strings.EqualFold(n, "Host"):
				r.Host = string(value)
			}
			return nil
		case proof:
			if _, signed := awsapi.ParseAuthorization(string(value)); signed && !isBearer(value) {
				return nil
			}
			r.unsigned = len(value) > 0 && !isRedacted(value)
			if !r.unsigned {
				return nil
			}
		}
		if !isToken(n) {
			return refuse("header name %.40q is not allowed", n)
		}
		if !isFieldValue(value) {
			return refuse("header %s holds a control character", n)
		}
		r.Header = append(r.Header, sign.Field{Name: n, Value: intern.text(value)})
		return nil
	})
	if err != nil {
		return err
	}
	if listed != "" {
		for name := range strings.SplitSeq(listed, ",") {
			if name = strings.TrimSpace(name); name != "" {
				r.Del(name)
			}
		}
	}
	b, err := o.BodyInto(entry.FieldRequestBody, &r.scratch)
	if err != nil {
		return refuse("%v", err)
	}
	r.stored = storedBody{}
	if b.Truncated || b.Size > int64(len(b.Data)) {
		r.stored = storedBody{digest: b.SHA256, size: b.Size}
	} else {
		r.body = b.Data
	}
	r.framed, _, _ = sign.Streaming(r.Get("X-Amz-Content-Sha256"))
	r.restoreDigests()
	return nil
}

// restoreDigests computes the digests of a body in which the recorder has put
// pseudonyms in the place of secrets: it leaves out those of the body that was.
func (r *request) restoreDigests() {
	if r.framed && bytes.Contains(r.body, []byte(":REDACTED\r\n")) {
		f, err := readFrames(r)
		if err != nil {
			return // it is not framed as it says; the endpoint shall judge it
		}
		f.replace(r, f.payload)
	}
	for i := range r.Header {
		f := &r.Header[i]
		if len(f.Value) > 16 || !isRedacted([]byte(f.Value)) {
			continue
		}
		algorithm, ok := checksumHeader(f.Name)
		if strings.EqualFold(f.Name, "Content-Md5") {
			algorithm, ok = "md5", true
		}
		if sum := digestOf(algorithm, r.body); ok && sum != "" {
			f.Value = sum
		}
	}
}

// identify finds out which AWS call the request is. What the entry says of
// itself goes before what can be seen.
func (r *request) identify(o *entry.Object) {
	r.api = awsapi.Identify(&awsapi.Request{
		Method: r.Method, Host: r.Host, Path: r.Path, RawQuery: r.RawQuery,
		Header: r.Get, Body: r.body[:min(len(r.body), 64<<10)],
	})
	if s := o.Text(entry.FieldService); s != "" {
		r.api.Service = strings.ToLower(s)
	}
	if s := o.Text(entry.FieldRegion); s != "" {
		r.api.Region = s
	}
	if s := o.Text(entry.FieldAction); s != "" {
		r.api.Action = s
	}
}

// What becomes of a recorded header.
type use uint8

const (
	send use = iota
	drop
	proof // of who sent it: dropped if it is AWS's, which is made anew
)

// headerUse says which headers belong to the recorded connection, its client
// or its signature, and are not part of the call.
func headerUse(name string) use {
	switch len(name) {
	case 2:
		if strings.EqualFold(name, "Te") {
			return drop
		}
	case 3:
		if strings.EqualFold(name, "Via") {
			return drop
		}
	case 4:
		if strings.EqualFold(name, "Host") || strings.EqualFold(name, "Date") {
			return drop
		}
	case 6:
		if strings.EqualFold(name, "Expect") || strings.EqualFold(name, "Cookie") {
			return drop
		}
	case 7:
		if strings.EqualFold(name, "Trailer") || strings.EqualFold(name, "Upgrade") {
			return drop
		}
	case 9:
		if strings.EqualFold(name, "X-Real-Ip") || strings.EqualFold(name, "Forwarded") {
			return drop
		}
	case 10:
		if strings.EqualFold(name, "Connection") || strings.EqualFold(name, "Keep-Alive") || strings.EqualFold(name, "X-Amz-Date") {
			return drop
		}
	case 13:
		if strings.EqualFold(name, "Authorization") {
			return proof
		}
	case 14:
		if strings.EqualFold(name, "Content-Length") {
			return drop
		}
	}
	for _, prefix := range []string{"Proxy-", "X-Forwarded-"} {
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			return drop
		}
	}
	for _, other := range []string{"Transfer-Encoding", "X-Amz-Security-Token", "X-Amz-S3session-Token", headerID} {
		if strings.EqualFold(name, other) {
			return drop
		}
	}
	return send
}

func isBearer(value []byte) bool {
	return len(value) > 7 && strings.EqualFold(string(value[:7]), "Bearer ")
}

// isRedacted reports a value that a recorder put in place of a secret.
func isRedacted(value []byte) bool {
	if len(value) > 0 && value[0] >= '0' && value[0] <= '9' {
		return false
	}
	s := strings.ToLower(string(value))
	return strings.Contains(s, "redacted") || s == "cleared" || s == "removed" || strings.Trim(s, "*x ") == ""
}

// appendHead appends the request line and headers, with the empty line, as
// they go out to t.
func (r *request) appendHead(dst []byte, t *target, id []byte) []byte {
	dst = append(dst, r.Method...)
	dst = append(dst, ' ')
	dst = append(dst, t.prefix...)
	dst = append(dst, r.Path...)
	if r.RawQuery != "" {
		dst = append(dst, '?')
		dst = append(dst, r.RawQuery...)
	}
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, r.Host...)
	for i := range r.Header {
		dst = append(dst, "\r\n"...)
		dst = append(dst, r.Header[i].Name...)
		dst = append(dst, ": "...)
		dst = append(dst, r.Header[i].Value...)
	}
	if r.length() > 0 || r.hasLength || r.Method == "POST" || r.Method == "PUT" || r.Method == "PATCH" {
		dst = append(dst, "\r\nContent-Length: "...)
		dst = strconv.AppendInt(dst, r.length(), 10)
	}
	if len(id) > 0 {
		dst = append(dst, "\r\n"+headerID+": "...)
		dst = appendID(dst, id)
	}
	return append(dst, "\r\n\r\n"...)
}

// appendID writes an entry's id as a header's value; what can not stand there
// is escaped as in a URL.
func appendID(dst, id []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range id[:min(len(id), maxID)] {
		if c > ' ' && c < 0x7f {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// isToken reports a method or header name (RFC 9110, 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// isTarget reports that s can stand in a request line: no blank, no control.
// Bytes beyond ASCII stay, as some clients send them.
func isTarget(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func isFieldValue(v []byte) bool {
	for _, c := range v {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// An interner gives one string for equal bytes: recordings repeat their header
// names and most of their values. It is emptied when it has grown; the zero
// value is ready.
type interner struct {
	strings map[string]string
	size    int
}

const (
	internMax   = 64      // longer texts rarely repeat
	internLimit = 1 << 18 // bytes kept
)

func (in *interner) text(b []byte) string {
	if len(b) > internMax {
		return string(b)
	}
	if s, ok := in.strings[string(b)]; ok {
		return s
	}
	if in.strings == nil || in.size > internLimit {
		in.strings, in.size = make(map[string]string), 0
	}
	s := string(b)
	in.strings[s] = s
	in.size += len(s) + 64
	return s
}

var errNoEndpoint = errors.New("no endpoint: say where to send the requests with --endpoint URL")
