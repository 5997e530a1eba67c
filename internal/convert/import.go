package convert

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/neureaux/cloudmock/internal/capture"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// MaxDocument is the largest HAR file or cassette that Import reads, in bytes: such a document is one piece, and is
// held in memory whole.
const MaxDocument = 1 << 30

// Import reads a document of another program, HAR or VCR, and returns its exchanges as a stream of entries. Whoever wrote it
// may have kept credentials, so secrets are redacted as those of a recording are; with noRedact, credentials alone.
func Import(r io.Reader, f Format, noRedact bool) (io.Reader, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxDocument+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxDocument {
		return nil, fmt.Errorf("larger than %d bytes", MaxDocument)
	}
	var exchanges []exchange
	switch f {
	case HAR:
		exchanges, err = parseHAR(data)
	case VCR:
		exchanges, err = parseVCR(data)
	default:
		return nil, fmt.Errorf("unknown format %q", f)
	}
	if err != nil {
		return nil, err
	}
	recorder, err := capture.NewRecorder(capture.Options{Emit: func([]byte) error { return nil }, NoRedact: noRedact})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for i := range exchanges {
		e, err := exchanges[i].entry()
		if err != nil {
			return nil, fmt.Errorf("exchange %d: %w", i+1, err)
		}
		e.ID = recorder.Run() + "-" + strconv.Itoa(i+1)
		e.Offset = exchanges[i].started.Sub(exchanges[0].started)
		var line entry.Line
		if err := line.Parse(e.AppendJSON(nil)); err != nil {
			return nil, fmt.Errorf("exchange %d: %w", i+1, err)
		}
		if err := recorder.Redact(&line.Object); err != nil {
			return nil, fmt.Errorf("exchange %d: %w", i+1, err)
		}
		out.Write(line.Raw())
		out.WriteByte('\n')
	}
	return &out, nil
}

// An exchange is what the formats have in common.
type exchange struct {
	started   time.Time
	took      time.Duration
	method    string
	url       string
	status    int
	err       string
	origin    string
	signedAs  string
	redacted  entry.Redacted
	request   message
	response  message
	undecoded bool // the response's body is as it was on the wire
}

type message struct {
	header entry.Header
	body   entry.Body
}

func (x *exchange) entry() (*entry.Entry, error) {
	scheme, rest, ok := strings.Cut(x.url, "://")
	if !ok || x.method == "" {
		return nil, fmt.Errorf("no request: method %q, URL %q", x.method, x.url)
	}
	rest, _, _ = strings.Cut(rest, "#")
	host, target := rest, "/"
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, target = rest[:i], rest[i:]
	}
	if target[0] == '?' {
		target = "/" + target
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	if scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	}
	e := &entry.Entry{ClientScheme: scheme,
		Timestamp: x.started, Method: strings.ToUpper(x.method), Host: host, StatusCode: x.status, Latency: x.took, Error: x.err, Origin: x.origin, SignedAs: x.signedAs, Redacted: x.redacted,
		RequestHeaders: x.request.header, RequestBody: x.request.body,
		ResponseHeaders: x.response.header, ResponseBody: x.response.body,
	}
	e.Path, e.Query, _ = strings.Cut(target, "?")
	if e.StatusCode == 0 && e.Error == "" {
		e.Error = "no response"
	}
	if !x.undecoded {
		e.ResponseHeaders = decodedHeader(e.ResponseHeaders, &e.ResponseBody)
	}
	return e, nil
}

// decodedHeader returns the header of a body that is kept without its content coding, which would say otherwise.
func decodedHeader(h entry.Header, b *entry.Body) entry.Header {
	coding := strings.ToLower(h.Get("Content-Encoding"))
	if coding == "" || coding == "identity" || coding == "aws-chunked" || len(b.Data) == 0 {
		return h
	}
	if coding == "gzip" && bytes.HasPrefix(b.Data, []byte{0x1f, 0x8b}) || coding == "zstd" && bytes.HasPrefix(b.Data, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		return h
	}
	out := make(entry.Header, 0, len(h))
	for _, f := range h {
		switch strings.ToLower(f.Name) {
		case "content-encoding":
			continue
		case "content-length":
			f.Value = strconv.Itoa(len(b.Data))
		}
		out = append(out, f)
	}
	return out
}

func decodeBase64(s string) ([]byte, error) {
	clean := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' {
			return -1
		}
		return r
	}, s)
	data, err := base64.StdEncoding.DecodeString(clean)
	if err != nil {
		return nil, errors.New("a body that says base64 is not")
	}
	return data, nil
}
