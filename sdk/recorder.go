// Package sdk records what a Go program says to AWS, from inside the program.
//
// A Recorder is an http.RoundTripper: give it to aws-sdk-go-v2 as its HTTP
// client's transport, and save what it has seen.
//
//	recorder := cmsdk.NewRecorder()
//	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(&http.Client{Transport: recorder}))
//	// ... use the clients made from cfg ...
//	err = recorder.SaveToFile("recording.json")
//
// (Where AWS_CA_BUNDLE is set, aws-sdk-go-v2 refuses any http.Client that is not
// its own: unset it, and give the certificates to a transport for [WithBase].)
//
// The program gets AWS's answers unchanged. Credentials never reach the
// recording; other secrets in it are replaced by pseudonyms.
package sdk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/neureaux/cloudmock/internal/capture"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A Recorder records the HTTP exchanges that pass through it. It may be used by
// many goroutines. An exchange is recorded when its response has been read to
// its end, or closed.
type Recorder struct {
	capture   *capture.Recorder
	transport capture.Transport
	name      string

	mu      sync.Mutex
	lines   [][]byte // the entries, unless forget
	forget  bool
	streams []io.Writer
	err     error
}

// An Option changes how NewRecorder sets a Recorder up.
type Option func(*settings)

type settings struct {
	base    http.RoundTripper
	name    string
	stream  io.Writer
	forget  bool
	capture capture.Options
}

// WithBase sends requests through base instead of a transport like
// http.DefaultTransport. See also [Recorder.Wrap].
func WithBase(base http.RoundTripper) Option { return func(s *settings) { s.base = base } }

// WithName sets the name that SaveToFile gives the recording.
func WithName(name string) Option { return func(s *settings) { s.name = name } }

// WithStream writes each entry to w when it is complete, as [Recorder.StreamTo] does.
func WithStream(w io.Writer) Option { return func(s *settings) { s.stream = w } }

// WithoutMemory keeps no entries: they go to the stream alone, and memory does
// not grow with their number. Entries and SaveToFile then have none.
func WithoutMemory() Option { return func(s *settings) { s.forget = true } }

// WithMaxBody sets the size in bytes up to which bodies are recorded as they
// are, 8 MiB unless set. Of larger ones the recording has the size and SHA-256.
func WithMaxBody(size int64) Option { return func(s *settings) { s.capture.MaxBody = size } }

// WithRedact names more to replace by pseudonyms, besides credentials and what
// AWS's models call sensitive: members of bodies by their keys ("password",
// "user.password"), "header:NAME" and "query:NAME". NewRecorder panics if a
// path is not of this form, as regexp.MustCompile does.
func WithRedact(paths ...string) Option {
	return func(s *settings) { s.capture.Redact = append(s.capture.Redact, paths...) }
}

// WithoutRedaction leaves secrets in bodies as they are. Credentials in headers
// and query are replaced all the same.
func WithoutRedaction() Option { return func(s *settings) { s.capture.NoRedact = true } }

// NewRecorder returns a Recorder; offsets in the recording count from now.
func NewRecorder(options ...Option) *Recorder {
	var s settings
	for _, o := range options {
		o(&s)
	}
	if s.base == nil {
		s.base = newTransport()
	}
	r := &Recorder{name: s.name, forget: s.forget}
	if s.stream != nil {
		r.streams = append(r.streams, s.stream)
	}
	s.capture.Emit = r.emit
	c, err := capture.NewRecorder(s.capture)
	if err != nil {
		// Only a mistake in the program gets here: a path that is none.
		panic("sdk: " + err.Error())
	}
	r.capture = c
	r.transport = capture.Transport{Recorder: c, Base: s.base}
	return r
}

// newTransport is Go's default transport, save that it does not decompress
// behind the recorder's back.
func newTransport() http.RoundTripper {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // the program has put its own there
	}
	base = base.Clone()
	base.DisableCompression = true
	base.MaxIdleConnsPerHost = 100
	return base
}

// RoundTrip sends the request and records the exchange. It implements
// http.RoundTripper: a failure to record does not show here, but in Err.
func (r *Recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	return r.transport.RoundTrip(req)
}

// Wrap returns a transport that sends through base and records here. A nil base
// is the one that RoundTrip uses.
func (r *Recorder) Wrap(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		return &r.transport
	}
	return &capture.Transport{Recorder: r.capture, Base: base}
}

// StreamTo writes each entry that is completed from now on to w, as one line of
// NDJSON, in one call of Write. Writes to all streams are made one after
// another. After a write fails, w gets no more; see Err.
func (r *Recorder) StreamTo(w io.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams = append(r.streams, w)
}

// Err returns the first failure to write an entry to a stream.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// emit takes one entry from the capture.
func (r *Recorder) emit(line []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.forget {
		r.lines = append(r.lines, bytes.Clone(line))
	}
	streams := r.streams[:0]
	for _, w := range r.streams {
		n, err := w.Write(line)
		if err == nil && n < len(line) {
			err = io.ErrShortWrite
		}
		if err == nil {
			streams = append(streams, w)
		} else if r.err == nil {
			r.err = fmt.Errorf("writing an entry: %w", err)
		}
	}
	clear(r.streams[len(streams):])
	r.streams = streams
	return r.err
}

// recorded returns the lines so far; they are not changed any more.
func (r *Recorder) recorded() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines[:len(r.lines):len(r.lines)]
}

// Entries returns the exchanges recorded so far, in the order of their
// completion. The caller may keep and change them.
func (r *Recorder) Entries() []entry.Entry {
	lines := r.recorded()
	entries := make([]entry.Entry, 0, len(lines))
	var o entry.Object
	for _, line := range lines {
		// A copy, because a decoded body may share the line's memory.
		if err := o.Parse(bytes.Clone(line[:len(line)-1])); err != nil {
			panic("sdk: reading back an entry: " + err.Error()) // we wrote it
		}
		e, err := o.Decode()
		if err != nil {
			panic("sdk: reading back an entry: " + err.Error())
		}
		entries = append(entries, *e)
	}
	return entries
}

// WriteTo writes the entries recorded so far to w as NDJSON: what cm-replay
// and the other tools read.
func (r *Recorder) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for _, line := range r.recorded() {
		n, err := w.Write(line)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// SaveToFile writes the entries recorded so far to a Recording, one JSON
// document. The file appears under its name when it is complete, with mode
// 0600; an earlier one is replaced.
func (r *Recorder) SaveToFile(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("saving the recording: %w", err)
	}
	if err := errors.Join(r.writeRecording(f), f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name()) // useless; the error at hand says more
		return fmt.Errorf("saving the recording to %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		os.Remove(f.Name()) // as above
		return fmt.Errorf("saving the recording: %w", err)
	}
	return nil
}

func (r *Recorder) writeRecording(w io.Writer) error {
	start := r.capture.Start()
	rw := entry.NewRecordingWriter(w, entry.Recording{
		ID:        "rec-" + r.capture.Run(),
		Name:      r.name,
		StartedAt: start,
		StoppedAt: time.Now(),
	})
	var l entry.Line
	for _, line := range r.recorded() {
		if err := l.Parse(line[:len(line)-1]); err != nil {
			return err
		}
		if err := rw.Write(&l); err != nil {
			return err
		}
	}
	return rw.Close()
}
