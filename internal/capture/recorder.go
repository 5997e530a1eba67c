// Package capture turns HTTP exchanges with AWS into entries.
//
// A [Recorder] makes one entry of each [Exchange]; [Transport] does so around
// any http.RoundTripper. What is secret is replaced before an entry leaves the
// package, the traffic itself is never changed. A [Log] is where entries go.
package capture

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxBody is how much of a body is kept in an entry unless Options says
// otherwise: 8 MiB.
const DefaultMaxBody = 8 << 20

// Options of a Recorder; the zero value of all but Emit is useful.
type Options struct {
	// Emit takes each finished entry: one line of the wire format with its
	// newline, which it must not keep. It is called by many goroutines; Finish
	// returns its error. Log.Append is one.
	Emit func(line []byte) error

	// MaxBody is the size in bytes up to which a body stands in its entry; of a
	// larger one the entry has the size and the SHA-256. 0 means DefaultMaxBody,
	// a negative number that no body is kept.
	MaxBody int64

	// BodyDir, if not empty, is a folder in which bodies larger than MaxBody are
	// kept whole, in a file named by its SHA-256. It is created if need be.
	BodyDir string

	// Sync has each file in BodyDir on the disk before its entry is emitted.
	Sync bool

	// NoRedact leaves secrets in bodies, and what else only the AWS models call
	// sensitive. Credentials in headers and query are replaced all the same.
	NoRedact bool

	// Redact names more to redact: keys of body members joined by dots
	// ("password", "user.password"), "header:NAME" and "query:NAME".
	Redact []string

	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// A Recorder makes entries. Its methods may be called from many goroutines.
type Recorder struct {
	options Options
	run     string
	start   time.Time
	count   atomic.Int64
	pool    sync.Pool // of *Exchange
	bodies  *bodyStore

	redactor redactor
}

// NewRecorder starts a recording: offsets count from now.
func NewRecorder(o Options) (*Recorder, error) {
	if o.Emit == nil {
		return nil, errors.New("capture: no place for the entries")
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Recorder{options: o, run: newRun(), start: o.Now(), redactor: redactor{names: newPseudonymizer(), credentialsOnly: o.NoRedact}}
	for _, s := range o.Redact {
		p, err := parseRedactPath(s)
		if err != nil {
			return nil, err
		}
		r.redactor.paths = append(r.redactor.paths, p)
	}
	if o.BodyDir != "" {
		bodies, err := openBodyStore(o.BodyDir, o.Sync)
		if err != nil {
			return nil, err
		}
		r.bodies = bodies
	}
	return r, nil
}

// BodyError is the first failure to keep a large body in BodyDir; nil if each
// was kept. Its entry has size and digest all the same.
func (r *Recorder) BodyError() error {
	if r.bodies == nil {
		return nil
	}
	if err := r.bodies.err.Load(); err != nil {
		return *err
	}
	return nil
}

// newRun returns what the ids of one recording have in common: 50 random bits,
// so that two recordings can be merged.
func newRun() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))[:10]
}

// Run is the part of its entries' ids that no other recording has.
func (r *Recorder) Run() string { return r.run }

// Start is when the recording began.
func (r *Recorder) Start() time.Time { return r.start }
