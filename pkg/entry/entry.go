// Package entry is the wire format of the tools: one CapturedEntry, a call to
// AWS and its answer, per line of NDJSON, and the Recording that holds many in
// one file. docs/format.md describes it field by field.
//
// There are two views of one exchange. [Line] keeps the bytes that were read,
// and reads or replaces single fields in place; it is what streams through the
// tools. [Entry] is the typed form that recorders and converters fill in.
package entry

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// An Entry is one captured exchange with an AWS service. The zero value of a
// field means that it is absent, but for those that every entry has: id,
// timestamp, service, action, method, path, status_code, latency_ms, offset_ms.
type Entry struct {
	// ID is unique across recordings, so that two can be merged.
	ID string
	// Timestamp is when the request reached the recorder; written in UTC.
	Timestamp time.Time
	// Service is the signing name, as in the credential scope: monitoring, not cloudwatch.
	Service string
	// Action is the operation's name in the AWS model; "" if unknown.
	Action string
	Region string
	Method string
	// Host is the AWS host that the call went to.
	Host string
	// ClientScheme is http or https, as the client spoke to the recorder; "" if it
	// was not asked. SDKs send other payload modes over http than over https.
	ClientScheme string
	// Path is as sent on the wire: escaped, without query.
	Path string
	// Query is the raw query without its question mark.
	Query string
	// StatusCode is 0 when there was no response; Error then says why.
	StatusCode int
	// Latency is from the first byte sent upstream to the last byte received.
	Latency time.Duration
	// Offset is from the start of the recording to the arrival of the request.
	Offset          time.Duration
	RequestHeaders  Header
	RequestBody     Body
	ResponseHeaders Header
	ResponseBody    Body
	// Error says why there is no response, or no complete one.
	Error string
	// Origin is OriginProxy when the recorder itself answered the client.
	Origin string
	// SignedAs is the ARN of the identity that AWS saw, as far as the recorder, which
	// signs anew, knows it.
	SignedAs string
	// Redacted says where a pseudonym stands for what the recorder would not write.
	Redacted Redacted
	Replay   *Replay
}

// Redacted has the places of an exchange whose values were replaced, as cm-diff
// writes the places of differences: $.Parameters[*].Value, headers.Location. A
// star stands for any index; a place such as $.message[12:32] is a part of a
// text, in bytes. Credentials that any call carries are not listed, nor are
// values of the response that a request of the recording had said before: the
// same pseudonym stands for both.
type Redacted struct {
	Request  []string `json:"request,omitempty"`
	Response []string `json:"response,omitempty"`
}

// OriginProxy marks a call that the recorder answered itself: it refused the call, or
// got no answer to it. What the client saw is not AWS's.
const OriginProxy = "proxy"

// A Replay is what another server answered to the same request.
type Replay struct {
	StatusCode      int
	Latency         time.Duration
	ResponseHeaders Header
	ResponseBody    Body
	Error           string
	// Endpoint names the server, where there is more than one.
	Endpoint string
	Rewrites []Rewrite
	// AttemptOf is the id of the first entry of the same call, when the client
	// sent the call again because the service was not ready.
	AttemptOf string
	// NotSent says that the answer is that to AttemptOf, which had done what was
	// asked, and that this attempt was not sent.
	NotSent bool
	// Polls is how often the request was sent again until it was settled.
	Polls int64
}

// A Rewrite is a value in the recorded request that the replay replaced.
type Rewrite struct {
	Original string `json:"original"`
	Replay   string `json:"replay"`
	// Where is "path", "query", "header NAME" or "body".
	Where string `json:"where"`
}

// AppendJSON appends the entry as one line of the wire format, without a
// newline.
func (e *Entry) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"id":`...)
	dst = AppendString(dst, e.ID)
	dst = appendName(dst, FieldTimestamp)
	dst = append(dst, '"')
	dst = e.Timestamp.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, '"')
	dst = appendText(dst, FieldService, e.Service)
	dst = appendText(dst, FieldAction, e.Action)
	dst = appendTextIf(dst, FieldRegion, e.Region)
	dst = appendText(dst, FieldMethod, e.Method)
	dst = appendTextIf(dst, FieldHost, e.Host)
	dst = appendTextIf(dst, FieldClientScheme, e.ClientScheme)
	dst = appendText(dst, FieldPath, e.Path)
	dst = appendTextIf(dst, FieldQuery, e.Query)
	dst = appendName(dst, FieldStatusCode)
	dst = strconv.AppendInt(dst, int64(e.StatusCode), 10)
	dst = appendName(dst, FieldLatencyMs)
	dst = AppendMs(dst, e.Latency)
	dst = appendName(dst, FieldOffsetMs)
	dst = AppendMs(dst, e.Offset)
	dst = appendHeaders(dst, FieldRequestHeaders, e.RequestHeaders)
	dst = e.RequestBody.append(dst, requestBody)
	dst = appendHeaders(dst, FieldResponseHeaders, e.ResponseHeaders)
	dst = e.ResponseBody.append(dst, responseBody)
	dst = appendTextIf(dst, FieldError, e.Error)
	dst = appendTextIf(dst, FieldOrigin, e.Origin)
	dst = appendTextIf(dst, FieldSignedAs, e.SignedAs)
	if len(e.Redacted.Request) > 0 || len(e.Redacted.Response) > 0 {
		dst = e.Redacted.appendJSON(appendName(dst, FieldRedacted))
	}
	if e.Replay != nil {
		dst = appendName(dst, FieldReplay)
		dst = e.Replay.AppendJSON(dst)
	}
	return append(dst, '}')
}

func (r *Redacted) appendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for _, side := range [...]struct {
		name   string
		places []string
	}{{"request", r.Request}, {"response", r.Response}} {
		if len(side.places) == 0 {
			continue
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(AppendString(dst, side.name), ':')
		for i, place := range side.places {
			dst = AppendString(append(dst, "[,"[min(i, 1)]), place)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// AppendJSON appends the value of an entry's replay field.
func (r *Replay) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"status_code":`...)
	dst = strconv.AppendInt(dst, int64(r.StatusCode), 10)
	dst = appendName(dst, FieldLatencyMs)
	dst = AppendMs(dst, r.Latency)
	dst = appendHeaders(dst, FieldResponseHeaders, r.ResponseHeaders)
	dst = r.ResponseBody.append(dst, responseBody)
	dst = appendTextIf(dst, FieldError, r.Error)
	dst = appendTextIf(dst, FieldEndpoint, r.Endpoint)
	if len(r.Rewrites) > 0 {
		dst = appendName(dst, FieldRewrites)
		for i, w := range r.Rewrites {
			dst = append(dst, "[,"[min(i, 1)])
			dst = append(dst, `{"original":`...)
			dst = AppendString(dst, w.Original)
			dst = append(dst, `,"replay":`...)
			dst = AppendString(dst, w.Replay)
			dst = append(dst, `,"where":`...)
			dst = AppendString(dst, w.Where)
			dst = append(dst, '}')
		}
		dst = append(dst, ']')
	}
	dst = appendTextIf(dst, FieldAttemptOf, r.AttemptOf)
	if r.NotSent {
		dst = append(appendName(dst, FieldSent), "false"...)
	}
	if r.Polls > 0 {
		dst = strconv.AppendInt(appendName(dst, FieldPolls), r.Polls, 10)
	}
	return append(dst, '}')
}

func appendText(dst []byte, f Field, s string) []byte {
	return AppendString(appendName(dst, f), s)
}

func appendTextIf(dst []byte, f Field, s string) []byte {
	if s == "" {
		return dst
	}
	return appendText(dst, f, s)
}

func appendHeaders(dst []byte, f Field, h Header) []byte {
	if len(h) == 0 {
		return dst
	}
	return h.appendJSON(appendName(dst, f))
}

// AppendMs appends a duration in milliseconds, exact to the nanosecond.
func AppendMs(dst []byte, d time.Duration) []byte {
	return strconv.AppendFloat(dst, float64(d)/float64(time.Millisecond), 'f', -1, 64)
}

// Decode reads every field that Entry has. An error names the field that is
// not of its type.
func (o *Object) Decode() (*Entry, error) {
	d := decoder{o: o}
	e := &Entry{
		ID:              d.text(FieldID),
		Service:         d.text(FieldService),
		Action:          d.text(FieldAction),
		Region:          d.text(FieldRegion),
		Method:          d.text(FieldMethod),
		Host:            d.text(FieldHost),
		ClientScheme:    d.text(FieldClientScheme),
		StatusCode:      d.status(),
		Latency:         d.ms(FieldLatencyMs),
		Offset:          d.ms(FieldOffsetMs),
		RequestHeaders:  d.headers(FieldRequestHeaders),
		RequestBody:     d.body(FieldRequestBody),
		ResponseHeaders: d.headers(FieldResponseHeaders),
		ResponseBody:    d.body(FieldResponseBody),
		Error:           d.text(FieldError),
		Origin:          d.text(FieldOrigin),
		SignedAs:        d.text(FieldSignedAs),
	}
	d.text(FieldPath) // for the error
	d.text(FieldQuery)
	e.Path, e.Query = o.PathQuery()
	if t := d.text(FieldTimestamp); t != "" && d.err == nil {
		e.Timestamp, d.err = time.Parse(time.RFC3339, t)
	}
	if d.err == nil && o.Has(FieldRedacted) {
		d.err = json.Unmarshal(o.Get(FieldRedacted), &e.Redacted)
	}
	if d.err != nil {
		return nil, d.err
	}
	if !o.Has(FieldReplay) {
		return e, nil
	}
	var r Object
	if err := o.Replay(&r); err != nil {
		return nil, err
	}
	var err error
	if e.Replay, err = r.decodeReplay(); err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	return e, nil
}

func (o *Object) decodeReplay() (*Replay, error) {
	d := decoder{o: o}
	r := &Replay{
		StatusCode:      d.status(),
		Latency:         d.ms(FieldLatencyMs),
		ResponseHeaders: d.headers(FieldResponseHeaders),
		ResponseBody:    d.body(FieldResponseBody),
		Error:           d.text(FieldError),
		Endpoint:        d.text(FieldEndpoint),
		AttemptOf:       d.text(FieldAttemptOf),
		NotSent:         string(o.Get(FieldSent)) == "false",
		Polls:           d.int(FieldPolls),
	}
	if d.err == nil && o.Has(FieldRewrites) {
		d.err = json.Unmarshal(o.Get(FieldRewrites), &r.Rewrites)
	}
	return r, d.err
}

// Replay parses the entry's replay part into dst. It is an error when there is
// none; see Has.
func (o *Object) Replay(dst *Object) error {
	v := o.Get(FieldReplay)
	if v == nil || v[0] == 'n' {
		return errors.New("the entry has no replay part: run cm-replay first")
	}
	if v[0] != '{' {
		return errors.New("replay is not an object")
	}
	if !o.replayed {
		if err := dst.Parse(v); err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		return nil
	}
	dst.raw, dst.changed, dst.replayed = v, false, false
	dst.pos = o.replay
	base := o.pos[FieldReplay].start
	for f := range dst.pos {
		if p := &dst.pos[f]; p.end != 0 {
			p.start -= base
			p.end -= base
		}
	}
	return nil
}

// A decoder reads typed fields and keeps the first error.
type decoder struct {
	o   *Object
	err error
}

func take[T any](d *decoder, v T, err error) T {
	if d.err == nil {
		d.err = err
	}
	return v
}

func (d *decoder) text(f Field) string {
	b, err := d.o.AppendText(nil, f)
	return take(d, string(b), err)
}

func (d *decoder) status() int {
	n, err := d.o.Status()
	return take(d, n, err)
}

func (d *decoder) int(f Field) int64 {
	n, err := d.o.Int(f)
	return take(d, n, err)
}

func (d *decoder) ms(f Field) time.Duration {
	ms, err := d.o.Float(f)
	return take(d, time.Duration(ms*float64(time.Millisecond)+0.5), err)
}

func (d *decoder) headers(f Field) Header {
	h, err := d.o.Headers(f)
	return take(d, h, err)
}

func (d *decoder) body(f Field) Body {
	b, err := d.o.Body(f)
	return take(d, b, err)
}
