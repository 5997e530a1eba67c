package capture

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// An Exchange is one call to AWS while it goes on. Whoever carries the call
// fills in what it knows of the entry, passes the bytes of both bodies as they
// stream by, and calls Finish (or Discard) once, after which the exchange is
// void. WriteRequest may run at the same time as WriteResponse; nothing else.
//
// The strings of the entry may share memory with the carrier's buffers: they
// are not used after Finish.
type Exchange struct {
	// Entry is what will be written, its secrets replaced. The carrier fills in
	// Method, Host, Path, Query and RequestHeaders before the request is sent,
	// StatusCode and ResponseHeaders when the response begins; the exchange all
	// else. RequestHeaders and ResponseHeaders come empty, with capacity to
	// append to.
	Entry entry.Entry

	// Call is which call to AWS it is. A carrier that knows sets it; if Service
	// is empty, Finish finds out.
	Call awsapi.Call

	recorder *Recorder
	arrived  time.Time
	sent     time.Time
	request  bodyCapture
	response bodyCapture
	line     []byte
}

// Begin starts an exchange: its request has arrived now.
func (r *Recorder) Begin() *Exchange {
	x, _ := r.pool.Get().(*Exchange)
	if x == nil {
		x = &Exchange{recorder: r}
	}
	x.arrived = r.options.Now()
	x.sent = x.arrived
	return x
}

// Sent says that the first byte goes upstream now: latency counts from here.
// Without it, it counts from Begin.
func (x *Exchange) Sent() { x.sent = x.recorder.options.Now() }

// ExpectRequest and ExpectResponse announce a body's size, -1 if unknown. They
// are optional, and save copies.
func (x *Exchange) ExpectRequest(size int64) { x.request.expect(size, x.recorder) }

// ExpectResponse announces the size of the response's body, -1 if unknown.
func (x *Exchange) ExpectResponse(size int64) { x.response.expect(size, x.recorder) }

// WriteRequest takes the next bytes of the request's body, as they are sent.
func (x *Exchange) WriteRequest(p []byte) { x.request.write(p, x.recorder) }

// WriteResponse takes the next bytes of the response's body, as they arrive.
func (x *Exchange) WriteResponse(p []byte) { x.response.write(p, x.recorder) }

// RequestDigest is the SHA-256 of the request's body so far. Of a body beyond
// MaxBody it is at hand, and need not be computed twice.
func (x *Exchange) RequestDigest() [sha256.Size]byte { return x.request.digestSoFar() }

// RestartRequest forgets the request's body so far: it is sent once more.
func (x *Exchange) RestartRequest() { x.request.reset() }

// Finish makes the entry and hands it to Options.Emit, whose error it returns.
// A carrier that promises "recorded means written" passes the response's last
// byte on only after Finish. A cause that is not nil says why there is no
// response, or no complete one.
func (x *Exchange) Finish(cause error) error {
	r := x.recorder
	now := r.options.Now()
	e := &x.Entry
	id := append(make([]byte, 0, 32), r.run...)
	id = strconv.AppendInt(append(id, '-'), r.count.Add(1), 10)
	e.ID = string(id)
	e.Timestamp = x.arrived
	e.Offset = x.arrived.Sub(r.start)
	e.Latency = now.Sub(x.sent)
	if cause != nil {
		e.Error = cause.Error()
	}
	e.RequestBody = x.request.body()
	e.ResponseBody = x.response.body()
	if x.Call.Service == "" {
		x.identify()
	}
	e.Service, e.Action, e.Region = x.Call.Service, x.Call.Action, x.Call.Region
	requestSecret, responseSecret := x.redact()
	x.request.settle(!requestSecret)
	x.response.settle(!responseSecret)
	bodies := len(e.RequestBody.Data) + len(e.ResponseBody.Data)
	x.line = slices.Grow(x.line[:0], bodies+bodies/4+2048)
	x.line = append(e.AppendJSON(x.line), '\n')
	err := r.options.Emit(x.line)
	x.release()
	return err
}

// redact replaces the secrets of the entry. Should that fail by a mistake of
// ours, nothing of what might be secret is left.
func (x *Exchange) redact() (requestSecret, responseSecret bool) {
	defer func() {
		if recover() == nil {
			return
		}
		e := &x.Entry
		x.Entry = entry.Entry{ID: e.ID, Timestamp: e.Timestamp, Offset: e.Offset, Latency: e.Latency, Service: e.Service, Action: e.Action, Region: e.Region,
			Method: e.Method, Path: "/", StatusCode: e.StatusCode, RequestHeaders: e.RequestHeaders[:0], ResponseHeaders: e.ResponseHeaders[:0],
			Error: "internal error: the exchange could not be redacted, so it is not recorded"}
		requestSecret, responseSecret = true, true
	}()
	return x.recorder.redactor.redact(&x.Entry, &x.Call)
}

// identify finds out which call the exchange is.
func (x *Exchange) identify() {
	e := &x.Entry
	x.Call = awsapi.Identify(&awsapi.Request{
		Method: e.Method, Host: e.Host, Path: e.Path, RawQuery: e.Query,
		Header: e.RequestHeaders.Get, Body: e.RequestBody.Data,
	})
}

// Discard ends the exchange without an entry.
func (x *Exchange) Discard() { x.release() }

// release readies the exchange for another call.
func (x *Exchange) release() {
	x.request.reset()
	x.response.reset()
	// Cleared, so that the pool does not hold on to the carrier's memory.
	clear(x.Entry.RequestHeaders)
	clear(x.Entry.ResponseHeaders)
	x.Entry = entry.Entry{
		RequestHeaders:  x.Entry.RequestHeaders[:0],
		ResponseHeaders: x.Entry.ResponseHeaders[:0],
	}
	x.Call = awsapi.Call{}
	if cap(x.line) > 2*keepBuffer {
		x.line = nil
	}
	x.recorder.pool.Put(x)
}

// ErrClosedEarly is the error of an entry whose response the caller closed
// before its end.
var ErrClosedEarly = errors.New("the client closed the response before its end")
