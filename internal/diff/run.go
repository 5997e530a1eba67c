package diff

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

	"github.com/neureaux/cloudmock/internal/pipe"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// Run compares every entry of src and writes it to sink, in order. It compares
// on several goroutines; an entry that a live source pauses behind is written at
// once.
func (d *Differ) Run(ctx context.Context, src pipe.Source, sink pipe.Sink) (err error) {
	workers := d.opt.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if workers == 1 || !d.opt.Strict {
		return pipe.Run(ctx, src, sink, d.Compare)
	}
	defer func() { err = errors.Join(err, sink.Flush()) }()
	r := &run{d: d, ctx: ctx, src: src, sink: sink, flushAt: -1, ready: make([]*batch, 2*workers+2)}
	r.turn.L, r.room.L = &r.mu, &r.mu
	if w, ok := src.(pipe.Waiter); ok {
		w.BeforeRead(r.beforeRead)
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(r.work)
	}
	wg.Wait()
	if r.err == io.EOF {
		return nil
	}
	return r.err
}

// A run is one stream that several workers go through. Each worker reads a batch
// of entries when no other one reads, compares it, and settles it when those
// before it are settled, and with it those behind it that were ready sooner.
// So nearly all that is done to an entry is done by one processor, in memory that
// is still in its cache, and few batches are under way at any time.
type run struct {
	d    *Differ
	ctx  context.Context
	src  pipe.Source
	sink pipe.Sink

	filling *batch // of the worker that reads

	mu       sync.Mutex
	turn     sync.Cond // there is something to do for one more worker
	room     sync.Cond // there is a batch for the worker that reads
	reading  bool      // a worker reads src
	settling bool      // a worker writes to sink
	ended    bool      // src is at its end, or the run has failed
	err      error
	made     int      // batches there are
	free     []*batch // the one that was in use last is the first to be used again
	queue    []*batch // read, but not to be compared by the worker that read them
	ready    []*batch // compared, by number modulo the most there can be
	read     int64    // batches read so far
	settled  int64    // batches settled so far
	flushAt  int64    // flush when so many are settled; -1 for no need
}

// A batch is a few entries that one worker compares.
type batch struct {
	number int64
	jobs   []*job
	n      int
	bytes  int
	err    error // the source ended behind this batch; io.EOF at its end
}

// A batch is large enough for the locks not to count, and small enough for the
// cache of one processor.
const (
	batchLines = 16
	batchBytes = 24 << 10
)

// work is what each worker does until the source ends.
func (r *run) work() {
	for b := r.next(); b != nil; b = r.next() {
		for _, j := range b.jobs[:b.n] {
			j.reset()
			j.compare()
		}
		r.finish(b)
	}
}

// next returns a batch to compare; nil at the end.
func (r *run) next() *batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		switch {
		case len(r.queue) > 0:
			b := r.queue[0]
			r.queue = append(r.queue[:0], r.queue[1:]...)
			return b
		case r.ended:
			return nil
		case !r.reading && r.hasRoom():
			r.reading = true
			r.filling = r.take()
			r.mu.Unlock()
			r.fill()
			r.mu.Lock()
			b := r.filling
			r.number(b)
			r.reading = false
			if b.err != nil {
				r.end(nil)
			}
			r.turn.Signal()
			return b
		}
		r.turn.Wait()
	}
}

// fill reads entries into r.filling until it is full.
func (r *run) fill() {
	for r.filling.n < batchLines && r.filling.bytes < batchBytes {
		err := context.Cause(r.ctx)
		var l *entry.Line
		if err == nil {
			l, err = r.src.Next() // r.filling may be another one now: see beforeRead
		}
		if err != nil {
			r.filling.err = err
			return
		}
		r.filling.add(r.d, l)
	}
}

func (b *batch) add(d *Differ, l *entry.Line) {
	if b.n == len(b.jobs) {
		b.jobs = append(b.jobs, &job{d: d, line: new(entry.Line)})
	}
	to := b.jobs[b.n].line
	to.Name, to.Number = l.Name, l.Number
	to.CopyFrom(&l.Object)
	b.n++
	b.bytes += len(l.Raw())
}

// beforeRead is called when src may block: what was read by then is for another
// worker to compare, and to be seen as soon as it is.
func (r *run) beforeRead() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.filling.n > 0 {
		for !r.hasRoom() {
			r.room.Wait()
		}
		r.number(r.filling)
		r.queue = append(r.queue, r.filling)
		r.filling = r.take()
		r.turn.Signal()
	}
	r.flushAt = r.read
	r.drain()
	return r.err
}

// hasRoom reports whether there may be one more batch under way.
func (r *run) hasRoom() bool { return len(r.free) > 0 || r.made < len(r.ready) }

func (r *run) take() *batch {
	n := len(r.free) - 1
	if n < 0 {
		r.made++
		return new(batch)
	}
	b := r.free[n]
	r.free = r.free[:n]
	b.n, b.bytes = 0, 0
	return b
}

func (r *run) number(b *batch) {
	b.number = r.read
	r.read++
}

// end makes the workers stop when the queue is empty.
func (r *run) end(err error) {
	r.ended = true
	if r.err == nil {
		r.err = err
	}
	r.turn.Broadcast()
}

// finish hands in a batch that was compared.
func (r *run) finish(b *batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready[b.number%int64(len(r.ready))] = b
	r.drain()
}

// drain settles and writes what is ready, in order, unless another worker is at it.
func (r *run) drain() {
	if r.settling {
		return
	}
	r.settling = true
	for {
		if r.flushAt == r.settled {
			r.flushAt = -1
			r.unlocked(r.sink.Flush)
			continue // more may have come meanwhile
		}
		next := &r.ready[r.settled%int64(len(r.ready))]
		b := *next
		if b == nil {
			break
		}
		*next = nil
		r.unlocked(func() error { return r.write(b) })
		r.settled++
		r.free = append(r.free, b)
		if r.reading {
			r.room.Signal()
		} else {
			r.turn.Signal()
		}
	}
	r.settling = false
}

// unlocked calls f, unless the run has failed, without the lock.
func (r *run) unlocked(f func() error) {
	if r.err != nil {
		return
	}
	r.mu.Unlock()
	err := f()
	r.mu.Lock()
	if err != nil {
		r.end(err)
	}
}

// write settles a batch and writes it.
func (r *run) write(b *batch) error {
	if err := context.Cause(r.ctx); err != nil {
		return err
	}
	for _, j := range b.jobs[:b.n] {
		if j.err != nil {
			return j.err
		}
		r.d.settle(j)
		if err := r.sink.Write(j.line); err != nil {
			return err
		}
	}
	return b.err
}
