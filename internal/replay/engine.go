package replay

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// A call is one entry on its way through an engine. Calls are reused.
type call struct {
	job
	line      entry.Line
	id        []byte
	req       request
	bad       error  // why it can not be sent
	attemptOf string // id of the first entry of the same call
	size      int64  // bytes of its line
	done      bool   // its line is ready to be written
	skipped   bool   // it was not sent because the run ended
}

// load fills the call from a line. An error concerns the line as an entry.
func (c *call) load(line *entry.Line, e *engine, first *call) error {
	c.line.CopyFrom(&line.Object)
	c.line.Name, c.line.Number = line.Name, line.Number
	c.bad, c.done, c.skipped = nil, false, false
	c.uses, c.needs, c.makes = c.uses[:0], c.needs[:0], c.makes[:0]
	var err error
	if c.id, err = line.AppendText(c.id[:0], entry.FieldID); err != nil {
		return line.Errorf("%w", err)
	}
	if c.bad = c.req.load(&c.line.Object, &e.names); c.bad == nil {
		if first != nil {
			c.req.api = first.req.api
		} else {
			c.req.identify(&c.line.Object)
		}
		c.req.readHost()
	}
	return nil
}

// when reads when the call ran.
func (c *call) when(times *timeline) (interval, error) {
	o := &c.line.Object
	latency, err := o.Float(entry.FieldLatencyMs)
	if err != nil {
		return interval{}, c.line.Errorf("%w", err)
	}
	offset := -1.0
	if o.Has(entry.FieldOffsetMs) {
		if offset, err = o.Float(entry.FieldOffsetMs); err != nil {
			return interval{}, c.line.Errorf("%w", err)
		}
	}
	var ts time.Time
	if raw := o.Get(entry.FieldTimestamp); len(raw) > 2 {
		ts, _ = time.Parse(time.RFC3339, string(raw[1:len(raw)-1])) // zero if it is none: offsets decide
	}
	return times.place(nanoseconds(offset), nanoseconds(latency), ts), nil
}

// nanoseconds rounds, so that sums of decimal fractions meet exactly.
func nanoseconds(ms float64) int64 {
	const longest = 1e15 // ms; what is beyond is no time
	if ms < 0 || ms != ms {
		return -1
	}
	return int64(min(ms, longest/1e6)*1e6 + 0.5)
}

// An engine replays to one target. Its reader adds calls, its workers send
// them, and the writer takes them out in order.
type engine struct {
	r     *Replayer
	t     *target
	stop  context.CancelCauseFunc
	know  *correlator
	names interner
	settling
	retried

	mu     sync.Mutex
	toWork sync.Cond // a job may have become ready
	toRead sync.Cond // the window may have room
	toEmit sync.Cond // the first call may be done
	sched  *scheduler
	ring   []*call // the window: calls head to tail-1, by their number
	head   int64
	tail   int64
	bytes  int64
	free   []*call
	idle   int // workers that wait
	closed bool
	ended  bool // interrupted: nothing more is started
	errors int

	began   time.Time // when the first call started, for the pace
	beganAt int64
	timer   *time.Timer
}

func newEngine(r *Replayer, t *target, named *seen, stop context.CancelCauseFunc) *engine {
	e := &engine{r: r, t: t, stop: stop, sched: newScheduler(r.o.Order, r.o.Speed > 0), ring: make([]*call, r.window())}
	e.toWork.L, e.toRead.L, e.toEmit.L = &e.mu, &e.mu, &e.mu
	if named != nil {
		e.know = newCorrelator(named)
	}
	return e
}

func (e *engine) newClient() *client {
	return &client{target: e.t, timeout: e.r.o.Timeout, maxResponse: e.r.o.MaxResponse, inlineLimit: e.r.o.InlineLimit}
}

// reserve waits for room in the window and returns a call to fill; nil when
// the run was interrupted.
func (e *engine) reserve(size int64) *call {
	e.mu.Lock()
	defer e.mu.Unlock()
	for !e.ended && (e.tail-e.head == int64(len(e.ring)) || e.bytes+size > windowBytes && e.tail > e.head) {
		e.toRead.Wait()
	}
	if e.ended {
		return nil
	}
	e.bytes += size
	if n := len(e.free); n > 0 {
		c := e.free[n-1]
		e.free = e.free[:n-1]
		c.size = size
		return c
	}
	c := &call{size: size}
	c.job.call = c
	return c
}

// add puts a filled call at the end of the window.
func (e *engine) add(c *call) {
	e.mu.Lock()
	e.ring[e.tail%int64(len(e.ring))] = c
	e.tail++
	if e.ended {
		c.done, c.skipped = true, true
		e.toEmit.Signal()
		e.mu.Unlock()
		return
	}
	e.sched.add(&c.job)
	if e.idle > 0 && e.sched.peek() != nil {
		e.toWork.Signal()
	}
	e.mu.Unlock()
}

// close says that nothing more is added.
func (e *engine) close() {
	e.mu.Lock()
	e.closed = true
	e.toWork.Broadcast()
	e.toEmit.Broadcast()
	e.mu.Unlock()
}

// interrupt lets what is in flight end and starts nothing more.
func (e *engine) interrupt() {
	e.mu.Lock()
	e.ended, e.closed = true, true
	for n := e.head; n < e.tail; n++ {
		if c := e.ring[n%int64(len(e.ring))]; c.state != jobRunning && c.state != jobEnded {
			c.done, c.skipped = true, true
		}
	}
	e.toWork.Broadcast()
	e.toRead.Broadcast()
	e.toEmit.Broadcast()
	e.mu.Unlock()
}

// work sends calls until there are none left.
func (e *engine) work(ctx context.Context, c *client) {
	defer c.close()
	w := &worker{engine: e, client: c}
	var prev *call
	for {
		next := e.turn(prev)
		if next == nil {
			return
		}
		w.run(ctx, next)
		prev = next
	}
}

// turn hands in a call that is done and returns the next; nil at the end.
func (e *engine) turn(prev *call) *call {
	e.mu.Lock()
	defer e.mu.Unlock()
	if prev != nil {
		e.sched.ended(&prev.job)
		prev.done = true
		if e.ring[e.head%int64(len(e.ring))] == prev {
			e.toEmit.Signal()
		}
		e.wake(1) // this worker takes one itself
	}
	for {
		if e.ended || e.closed && e.sched.open == 0 {
			e.toWork.Broadcast() // the others find the same
			return nil
		}
		if j := e.sched.peek(); j != nil && e.due(j) {
			e.sched.start()
			return j.call
		}
		e.idle++
		e.toWork.Wait()
		e.idle--
	}
}

// wake rouses as many idle workers as there are ready jobs beyond taken.
func (e *engine) wake(taken int) {
	e.sched.advance()
	for n := min(len(e.sched.ready.jobs)-taken, e.idle); n > 0; n-- {
		e.toWork.Signal()
	}
}

// due reports whether the pace lets a job start now; if not, a worker is
// roused when it does.
func (e *engine) due(j *job) bool {
	if e.r.o.Speed <= 0 {
		return true
	}
	now := time.Now()
	if e.began.IsZero() {
		e.began, e.beganAt = now, j.at
	}
	at := e.began.Add(time.Duration(float64(j.at-e.beganAt) / e.r.o.Speed))
	wait := at.Sub(now)
	if wait <= 0 {
		return true
	}
	if e.timer == nil {
		e.timer = time.AfterFunc(wait, func() {
			e.mu.Lock()
			e.toWork.Signal()
			e.mu.Unlock()
		})
	} else {
		e.timer.Reset(wait)
	}
	return false
}

// failed counts an exchange without an answer and ends the run when there are
// too many.
func (e *engine) failed(err error) {
	if e.r.o.MaxErrors <= 0 {
		return
	}
	e.mu.Lock()
	e.errors++
	n := e.errors
	if n >= e.r.o.MaxErrors {
		e.ended = true // before another worker starts the next
	}
	e.mu.Unlock()
	if n == e.r.o.MaxErrors {
		e.stop(fmt.Errorf("%w: %d at %s, the last: %w", ErrTooMany, n, e.t.name, err))
	}
}

// first waits for the first call of the window to be done; nil at the end of
// the run. It lets f flush before it waits.
func (e *engine) first(f *flusher) (*call, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for {
		if e.head < e.tail {
			if c := e.ring[e.head%int64(len(e.ring))]; c.done {
				return c, nil
			}
		} else if e.closed {
			return nil, nil
		}
		if !f.dirty {
			e.toEmit.Wait()
			continue
		}
		e.mu.Unlock()
		err := f.idle()
		e.mu.Lock()
		if err != nil {
			return nil, err
		}
	}
}

// keepCall is the size up to which a call keeps its buffers for the next one.
const keepCall = 1 << 20

// advance takes the first call out of the window.
func (e *engine) advance(c *call) {
	e.mu.Lock()
	e.ring[e.head%int64(len(e.ring))] = nil
	e.head++
	e.bytes -= c.size
	if c.size > keepCall {
		*c = call{}
		c.job.call = c
	}
	e.free = append(e.free, c)
	e.toRead.Signal()
	e.mu.Unlock()
}

// emit writes calls in the order of the input.
func emit(engines []*engine, sink Sink) error {
	f := flusher{sink: sink}
	for {
		for _, e := range engines {
			c, err := e.first(&f)
			if err != nil {
				return err
			}
			if c == nil {
				return sink.Flush()
			}
			if !c.skipped {
				if err := sink.Write(&c.line); err != nil {
					return err
				}
				f.dirty = true
			}
			e.advance(c)
		}
	}
}

// flushEvery bounds how long a line may wait for others to leave with it.
const flushEvery = 2 * time.Millisecond

// A flusher decides when written lines leave.
type flusher struct {
	sink  Sink
	dirty bool
	last  time.Time
}

// idle is called when nothing is left to write. It flushes, or waits a moment
// for more if it has just done so.
func (f *flusher) idle() error {
	if wait := flushEvery - time.Since(f.last); wait > 0 {
		time.Sleep(wait)
		return nil
	}
	f.dirty, f.last = false, time.Now()
	return f.sink.Flush()
}
