// Package replay sends recorded requests to another server and adds its
// answers to the entries.
//
// A run reads entries ahead into a bounded window, starts each as soon as the
// recorded order allows, and hands them on in the order of the input. Requests
// go out as recorded, except for what belongs to the server: its address, its
// credentials, and the values that it made itself, which are learned from the
// answers as they come.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// Options of a replay. The zero value of a field means its default.
type Options struct {
	Endpoints   []Endpoint // at least one
	TLS         TLS
	AllowAWS    bool
	Order       Order
	Concurrency int           // requests in flight, per endpoint; default 8
	Speed       float64       // of the recorded pace; 0 is as fast as the order allows
	Timeout     time.Duration // of one exchange; default 30 s
	Grace       time.Duration // for what is in flight when a run is interrupted; default 5 s
	MaxErrors   int           // exchanges without an answer before the run gives up; 0 is no limit
	Retries     int           // after connection errors
	MaxResponse int64         // bytes of an answer; default 1 GiB
	InlineLimit int64         // bytes of an answer kept in the entry; default 64 MiB
	Settle      time.Duration // for an answer on the way to the recorded one (CREATING, not ACTIVE); 0 does not wait
	S3Virtual   bool          // buckets stay in the host name
	NoCorrelate bool          // send what was recorded, learn nothing
	Credentials sign.Source   // default test/test
	BodyDir     string        // where the recorder kept bodies too large for an entry
	Region      string        // of entries that name none; default us-east-1
}

func (o *Options) setDefaults() {
	setDefault(&o.Concurrency, 8)
	setDefault(&o.Timeout, 30*time.Second)
	setDefault(&o.Grace, 5*time.Second)
	setDefault(&o.MaxResponse, 1<<30)
	setDefault(&o.InlineLimit, 64<<20)
	setDefault(&o.Region, "us-east-1")
	if o.Credentials == nil {
		o.Credentials = sign.Static{KeyID: "test", Secret: "test"}
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// A Source yields entries, as entry.Reader does: a line is valid until the
// next call.
type Source interface {
	Next() (*entry.Line, error)
}

// A Sink takes entries.
type Sink interface {
	Write(*entry.Line) error
	Flush() error
}

// A Replayer replays streams of entries to its endpoints.
type Replayer struct {
	o       Options
	targets []*target
	summary Summary
	signer  sign.Signer
	bodies  *os.Root
}

// New checks the options and gets the endpoints ready; it sends nothing.
func New(o Options) (*Replayer, error) {
	o.setDefaults()
	if len(o.Endpoints) == 0 {
		return nil, errNoEndpoint
	}
	if o.Speed < 0 || o.Speed != o.Speed {
		return nil, fmt.Errorf("speed %v is negative", o.Speed)
	}
	if o.Concurrency < 1 {
		return nil, fmt.Errorf("concurrency %d is less than 1", o.Concurrency)
	}
	r := &Replayer{o: o}
	if o.BodyDir != "" {
		var err error
		if r.bodies, err = os.OpenRoot(o.BodyDir); err != nil {
			return nil, err
		}
	}
	names := make(map[string]bool)
	for _, e := range o.Endpoints {
		t, err := newTarget(e, o.TLS)
		if err != nil {
			return nil, err
		}
		if names[t.name] {
			return nil, fmt.Errorf("two endpoints are called %q", t.name)
		}
		names[t.name] = true
		t.allow = o.AllowAWS
		r.targets = append(r.targets, t)
	}
	return r, nil
}

// Summary returns what has happened so far, while a run goes on or after it.
func (r *Replayer) Summary() *Summary { return &r.summary }

// ErrTooMany ends a run in which too many requests got no answer.
var ErrTooMany = errors.New("too many requests without an answer")

// Run replays src and writes its entries, with the answers, to sink: in the
// order of src, for each entry one line per endpoint. It flushes the sink
// whenever an entry would otherwise wait. When ctx ends it finishes what is in
// flight, writes what has an answer, and returns the context's error.
func (r *Replayer) Run(ctx context.Context, src Source, sink Sink) error {
	for _, t := range r.targets {
		t.resolve(ctx)
		if t.aws && !t.allow {
			return r.refuseAWS(ctx, t, src)
		}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var named *seen
	if !r.o.NoCorrelate {
		named = newSeen(newHasher())
	}
	engines := make([]*engine, len(r.targets))
	var workers sync.WaitGroup
	for i, t := range r.targets {
		e := newEngine(r, t, named, stop)
		engines[i] = e
		for range r.o.Concurrency {
			workers.Go(func() { e.work(ctx, e.newClient()) })
		}
	}
	release := context.AfterFunc(ctx, func() {
		for _, e := range engines {
			e.interrupt()
		}
	})
	defer release()
	reading := make(chan error, 1)
	go func() {
		reading <- r.read(ctx, src, named, engines)
		for _, e := range engines {
			e.close()
		}
	}()
	writing := emit(engines, sink)
	if writing != nil {
		stop(writing)
	}
	workers.Wait()
	if writing != nil {
		return writing // the reader may still wait for its input; it owns nothing that we need
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return <-reading
}

// read puts the entries into the windows of the engines.
func (r *Replayer) read(ctx context.Context, src Source, named *seen, engines []*engine) error {
	var times timeline
	attempts := newAttempts()
	labels := newLabeler()
	var members tokenMembers
	var tokens []heldToken
	var tree body.Tree
	for seq := int64(0); ctx.Err() == nil; {
		line, err := src.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var first *call
		for _, e := range engines {
			c := e.reserve(int64(len(line.Raw())))
			if c == nil {
				return nil // interrupted
			}
			if err := c.load(line, e, first); err != nil {
				return err
			}
			c.req.tokenMembers = nil
			if first == nil {
				first = c
				c.at = 0
				if c.ran, err = c.when(&times); err != nil {
					return err
				}
				c.attemptOf = attempts.of(c)
				tokens = tokens[:0]
				if c.bad == nil && named != nil {
					c.req.findRuns(named.hasher, &tree)
					c.needs = named.note(c.needs, c.req.runs, seq)
					c.req.tokenMembers = members.of(&c.req)
					tokens = c.req.findTokens(tokens, &tree)
					c.makes = named.appendIDs(c.makes, c.line.Get(entry.FieldResponseHeaders))
					c.makes = named.appendIDs(c.makes, c.line.Get(entry.FieldResponseBody))
					named.noteAnswer(c.makes, seq)
				}
				if c.bad == nil && r.o.Order == Recorded {
					c.uses = labels.label(c.uses, &c.req)
				}
			} else {
				c.ran, c.attemptOf = first.ran, first.attemptOf
				c.uses = append(c.uses, first.uses...)
				c.needs, c.makes = append(c.needs, first.needs...), append(c.makes, first.makes...)
				c.req.runs = append(c.req.runs[:0], first.req.runs...)
				c.req.tokenMembers = first.req.tokenMembers
			}
			if len(tokens) > 0 {
				e.know.meetTokens(tokens, first.req.runs, seq)
			}
			c.at, c.seq = c.ran.start, seq
			e.add(c)
		}
		seq++
	}
	return nil
}

// window is how many entries an engine reads ahead: enough to see all that
// overlapped, few enough to stay small.
func (r *Replayer) window() int { return max(256, 8*r.o.Concurrency) }

// windowBytes bounds the entries in memory; one entry is always let in.
const windowBytes = 32 << 20

// countWithin bounds how long a refused run looks at its input.
const countWithin = 3 * time.Second

// refuseAWS reads the input to say what the run would have done.
func (r *Replayer) refuseAWS(ctx context.Context, t *target, src Source) error {
	counted := make(chan [2]int, 1)
	var calls, changes int
	end := time.Now().Add(countWithin)
	go func() {
		var c call
		var names interner
		for time.Now().Before(end) && ctx.Err() == nil {
			line, err := src.Next()
			if _, bad := errors.AsType[*entry.LineError](err); bad {
				continue
			}
			if err != nil {
				break
			}
			calls++
			if c.req.load(&line.Object, &names) == nil {
				c.req.identify(&line.Object)
				if !readsOnly(&c.req) {
					changes++
				}
			}
		}
		counted <- [2]int{calls, changes}
	}()
	timeout := time.NewTimer(countWithin + 100*time.Millisecond)
	defer timeout.Stop()
	select {
	case n := <-counted:
		verb := "change"
		if n[1] == 1 {
			verb = "changes"
		}
		return fmt.Errorf("%s is AWS itself: nothing was sent; %d of %s %s something there; --allow-aws sends them", t.name, n[1], plural(n[0], "call", "calls"), verb)
	case <-timeout.C:
		return fmt.Errorf("%s is AWS itself: nothing was sent; --allow-aws sends the calls, also those that change something", t.name)
	}
}
