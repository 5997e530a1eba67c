package convert

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// What we read and write of HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/). Members that begin with an underscore
// are the writer's own, as the format allows.
type (
	harEntry struct {
		Started  string      `json:"startedDateTime"`
		Time     float64     `json:"time"` // ms
		Request  harRequest  `json:"request"`
		Response harResponse `json:"response"`
		Cache    struct{}    `json:"cache"`
		Timings  harTimings  `json:"timings"`
		Comment  string      `json:"comment,omitempty"`
		// What HAR has no member for, named as in the wire format.
		Origin   string         `json:"_origin,omitempty"`
		SignedAs string         `json:"_signed_as,omitempty"`
		Redacted entry.Redacted `json:"_redacted,omitzero"`
	}
	harRequest struct {
		Method      string    `json:"method"`
		URL         string    `json:"url"`
		Version     string    `json:"httpVersion"`
		Cookies     []harPair `json:"cookies"`
		Headers     []harPair `json:"headers"`
		Query       []harPair `json:"queryString"`
		PostData    *harPost  `json:"postData,omitempty"`
		HeadersSize int64     `json:"headersSize"`
		BodySize    int64     `json:"bodySize"`
	}
	harPost struct {
		MimeType string    `json:"mimeType"`
		Params   []harPair `json:"params"`
		Text     string    `json:"text"`
		Encoding string    `json:"encoding,omitempty"` // no member of the standard, which has no binary requests
	}
	harResponse struct {
		Status      int        `json:"status"`
		StatusText  string     `json:"statusText"`
		Version     string     `json:"httpVersion"`
		Cookies     []harPair  `json:"cookies"`
		Headers     []harPair  `json:"headers"`
		Content     harContent `json:"content"`
		RedirectURL string     `json:"redirectURL"`
		HeadersSize int64      `json:"headersSize"`
		BodySize    int64      `json:"bodySize"`
		Error       string     `json:"_error,omitempty"`
	}
	harContent struct {
		Size     int64   `json:"size"`
		MimeType string  `json:"mimeType"`
		Text     *string `json:"text,omitempty"`
		Encoding string  `json:"encoding,omitempty"`
	}
	harPair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	harTimings struct {
		Send    float64 `json:"send"`
		Wait    float64 `json:"wait"`
		Receive float64 `json:"receive"`
	}
)

func parseHAR(data []byte) ([]exchange, error) {
	var doc struct {
		Log *struct {
			Entries []harEntry `json:"entries"`
		} `json:"log"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("not HAR: %w", err)
	}
	if doc.Log == nil {
		return nil, errors.New("not HAR: no member log")
	}
	out := make([]exchange, 0, len(doc.Log.Entries))
	for i := range doc.Log.Entries {
		x, err := doc.Log.Entries[i].exchange()
		if err != nil {
			return nil, fmt.Errorf("HAR entry %d: %w", i+1, err)
		}
		out = append(out, x)
	}
	return out, nil
}

func (h *harEntry) exchange() (x exchange, err error) {
	if x.started, err = harTime(h.Started); err != nil {
		return x, err
	}
	x.took = time.Duration(max(0, h.Time) * float64(time.Millisecond))
	x.method, x.url, x.status, x.err = h.Request.Method, h.Request.URL, h.Response.Status, h.Response.Error
	x.origin, x.signedAs, x.redacted = h.Origin, h.SignedAs, h.Redacted
	x.request.header, x.response.header = harHeader(h.Request.Headers), harHeader(h.Response.Headers)
	if p := h.Request.PostData; p != nil {
		text := p.Text
		if text == "" && strings.HasPrefix(p.MimeType, "application/x-www-form-urlencoded") {
			text = form(p.Params)
		}
		x.request.body, err = harBody(&text, p.Encoding, h.Request.BodySize)
	} else {
		x.request.body, err = harBody(nil, "", h.Request.BodySize)
	}
	if err != nil {
		return x, err
	}
	x.response.body, err = harBody(h.Response.Content.Text, h.Response.Content.Encoding, h.Response.Content.Size)
	return x, err
}

// harBody returns the body; one that the writer did not keep has its size alone.
func harBody(text *string, encoding string, size int64) (entry.Body, error) {
	switch {
	case (text == nil || *text == "") && size > 0:
		return entry.Body{Size: size, Truncated: true}, nil
	case text == nil || *text == "":
		return entry.Body{}, nil
	case encoding == "base64":
		data, err := decodeBase64(*text)
		return entry.Body{Data: data}, err
	}
	return entry.Body{Data: []byte(*text)}, nil
}

func harTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("startedDateTime %q is no time", s)
}

func harHeader(pairs []harPair) entry.Header {
	var h entry.Header
	for _, p := range pairs {
		if strings.HasPrefix(p.Name, ":") { // of HTTP/2
			continue
		}
		h = append(h, entry.HeaderField{Name: p.Name, Value: p.Value})
	}
	return h
}

func form(params []harPair) string {
	var parts []string
	for _, p := range params {
		parts = append(parts, url.QueryEscape(p.Name)+"="+url.QueryEscape(p.Value))
	}
	return strings.Join(parts, "&")
}

// harSink writes HAR. Its bodies are those of the wire, so a coded one stands in base64.
type harSink struct {
	w     *bufio.Writer
	began bool
}

func (s *harSink) Write(l *entry.Line) error {
	e, err := l.Decode()
	if err != nil {
		return l.Errorf("%w", err)
	}
	scheme := e.ClientScheme
	if scheme == "" {
		scheme = "https"
	}
	target := e.Path
	if e.Query != "" {
		target += "?" + e.Query
	}
	ms := float64(e.Latency) / float64(time.Millisecond)
	h := harEntry{
		Started: e.Timestamp.UTC().Format(time.RFC3339Nano), Time: ms, Timings: harTimings{Wait: ms}, Comment: strings.TrimSpace(e.Service + " " + e.Action),
		Origin: e.Origin, SignedAs: e.SignedAs, Redacted: e.Redacted,
		Request: harRequest{Method: e.Method, URL: scheme + "://" + e.Host + target, Version: "HTTP/1.1", Cookies: []harPair{}, Headers: harPairs(e.RequestHeaders),
			Query: harQuery(e.Query), HeadersSize: -1, BodySize: bodySize(e.RequestBody)},
		Response: harResponse{Status: e.StatusCode, StatusText: http.StatusText(e.StatusCode), Version: "HTTP/1.1", Cookies: []harPair{}, Headers: harPairs(e.ResponseHeaders),
			Content:     harContent{Size: bodySize(e.ResponseBody), MimeType: e.ResponseHeaders.Get("Content-Type")},
			RedirectURL: e.ResponseHeaders.Get("Location"), HeadersSize: -1, BodySize: bodySize(e.ResponseBody), Error: e.Error},
	}
	if len(e.RequestBody.Data) > 0 {
		h.Request.PostData = &harPost{MimeType: e.RequestHeaders.Get("Content-Type"), Params: []harPair{}}
		h.Request.PostData.Text, h.Request.PostData.Encoding = harText(e.RequestBody.Data)
	}
	if len(e.ResponseBody.Data) > 0 {
		text, encoding := harText(e.ResponseBody.Data)
		h.Response.Content.Text, h.Response.Content.Encoding = &text, encoding
	}
	b, err := json.Marshal(&h)
	if err != nil {
		return l.Errorf("%w", err)
	}
	if err := s.begin(); err != nil {
		return err
	}
	_, err = s.w.Write(b)
	return err
}

// begin writes what stands before an entry.
func (s *harSink) begin() error {
	text := ",\n"
	if !s.began {
		s.began = true
		text = `{"log":{"version":"1.2","creator":{"name":"cloudmock","version":""},"entries":[` + "\n"
	}
	_, err := io.WriteString(s.w, text)
	return err
}

func (s *harSink) Flush() error { return s.w.Flush() }

func (s *harSink) Close() error {
	if !s.began {
		if err := s.begin(); err != nil {
			return err
		}
	}
	io.WriteString(s.w, "\n]}}\n") // Flush tells
	return s.w.Flush()
}

func bodySize(b entry.Body) int64 {
	if b.Size > 0 {
		return b.Size
	}
	return int64(len(b.Data))
}

func harText(data []byte) (text, encoding string) {
	if utf8.Valid(data) {
		return string(data), ""
	}
	return base64.StdEncoding.EncodeToString(data), "base64"
}

func harPairs(h entry.Header) []harPair {
	out := make([]harPair, 0, len(h))
	for _, f := range h {
		out = append(out, harPair{f.Name, f.Value})
	}
	return out
}

func harQuery(query string) []harPair {
	out := []harPair{}
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		out = append(out, harPair{unescape(name), unescape(value)})
	}
	return out
}

func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}
