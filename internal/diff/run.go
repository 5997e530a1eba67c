package diff

import (
	"context"
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
	defer func() { err = pipe.Flush(sink, err) }()
	r := &run{d: d, ctx: ctx, src: src, sink: sink, flushAt: -1, ready: make([]*batch, 4*workers)}
	r.turn.L, r.room.L = &r.mu, &r.mu
	if w, ok := src.(pipe.Waiter); ok {
		w.BeforeRead(r.beforeRead)
	}
	var wg sync.WaitGroup
	for range workers {
		w := &worker{run: r}
		wg.Go(w.work)
	}
	wg.Wait()
	if r.err == io.EOF {
		return nil
	}
	return r.err
}

// A run is one stream that several workers go through. A worker reads a batch of
// entries when no other one reads, compares it, and settles it when those before
// it are settled, and with it those behind it that were ready sooner. It reads
// one batch ahead, so that it has something to do while another one reads. So
// nearly all that is done to an entry is done by one processor, in memory that
// is in its cache. What a worker has read is compared by others only when they
// have nothing else to do: its next read may last.
type run struct {
	d    *Differ
	ctx  context.Context
	src  pipe.Source
	sink pipe.Sink

	reader  *worker // the one that reads, and
	filling *batch  // what it reads into

	mu       sync.Mutex
	turn     sync.Cond // there is something to do for one more worker
	room     sync.Cond // there may be one more batch
	reading  bool      // a worker reads src
	settling bool      // a worker writes to sink
	ended    bool      // src is at its end, or the run has failed
	err      error
	ready    []*batch // compared, by number modulo the most there can be
	batches  int      // under way
	bytes    int      // read and not yet settled
	read     int64    // batches read so far
	settled  int64    // batches settled so far
	flushAt  int64    // flush when so many are settled; -1 for no need
}

// A batch is a few entries that one worker compares.
type batch struct {
	number int64
	lines  []*entry.Line
	n      int
	bytes  int
	err    error // the source ended behind this batch; io.EOF at its end
	jobs   []*job
	worker *worker // that has compared it
}

// A worker has jobs and batches that no other one uses, so that what they hold
// stays in one cache. Those in use last are the first to be used again.
type worker struct {
	*run
	jobs []*job
	free []*batch
	own  []*batch // read by the worker, for itself
	busy bool     // comparing
}

const (
	// A batch is large enough for the lock not to count.
	batchLines = 16
	batchBytes = 20 << 10
	// maxBytes bounds what is under way, but for a last batch.
	maxBytes = 8 << 20
)

// work is what each worker does until the source ends.
func (w *worker) work() {
	for b := w.next(); b != nil; b = w.next() {
		for _, j := range b.jobs {
			j.reset()
			j.compare()
		}
		w.finish(b)
	}
}

// next returns a batch to compare, with jobs to do so; nil at the end.
func (w *worker) next() *batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		switch {
		case !w.reading && !w.ended && len(w.own) < 2 && w.hasRoom():
			w.reading = true
			w.reader, w.filling = w, w.take()
			w.mu.Unlock()
			w.fill()
			w.mu.Lock()
			w.own = append(w.own, w.number(w.filling))
			w.reading = false
			if w.filling.err != nil {
				w.end(nil)
			}
			w.turn.Signal()
		case len(w.own) > 0:
			return w.start(w)
		case w.reading && len(w.reader.own) > 0:
			return w.start(w.reader)
		case w.ended:
			return nil
		default:
			w.turn.Wait()
		}
	}
}

// start takes the first batch that a worker has read, and jobs for it.
func (w *worker) start(from *worker) *batch {
	b := from.own[0]
	from.own = append(from.own[:0], from.own[1:]...)
	for _, l := range b.lines[:b.n] {
		b.jobs = append(b.jobs, w.job(l))
	}
	b.worker, w.busy = w, true
	return b
}

func (w *worker) job(l *entry.Line) *job {
	n := len(w.jobs) - 1
	if n < 0 {
		return &job{d: w.d, line: l}
	}
	j := w.jobs[n]
	w.jobs = w.jobs[:n]
	j.line = l
	return j
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
		r.filling.add(l)
	}
}

func (b *batch) add(l *entry.Line) {
	if b.n == len(b.lines) {
		b.lines = append(b.lines, new(entry.Line))
	}
	to := b.lines[b.n]
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
		r.reader.own = append(r.reader.own, r.number(r.filling))
		r.filling = r.reader.take()
	}
	if len(r.reader.own) > 0 {
		r.turn.Signal()
	}
	r.flushAt = r.read
	r.drain()
	return r.err
}

// hasRoom reports whether there may be one more batch under way.
func (r *run) hasRoom() bool { return r.bytes < maxBytes && r.batches < len(r.ready) }

func (w *worker) take() *batch {
	w.batches++
	n := len(w.free) - 1
	if n < 0 {
		return new(batch)
	}
	b := w.free[n]
	w.free = w.free[:n]
	b.n, b.bytes, b.jobs = 0, 0, b.jobs[:0]
	return b
}

// number gives a batch that was read its place in the order.
func (r *run) number(b *batch) *batch {
	b.number = r.read
	r.read++
	r.bytes += b.bytes
	return b
}

// end makes the workers stop when what was read is compared.
func (r *run) end(err error) {
	r.ended = true
	if r.err == nil {
		r.err = err
	}
	r.turn.Broadcast()
}

// finish hands in a batch that was compared.
func (w *worker) finish(b *batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = false
	w.ready[b.number%int64(len(w.ready))] = b
	w.drain()
}

// drain settles and writes what is ready, in order, up to the batch of a worker
// that is busy: that one comes itself.
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
		if b == nil || b.worker.busy {
			break
		}
		*next = nil
		r.unlocked(func() error { return r.write(b) })
		r.settled++
		r.bytes -= b.bytes
		r.batches--
		b.worker.free = append(b.worker.free, b)
		b.worker.jobs = append(b.worker.jobs, b.jobs...)
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
	for _, j := range b.jobs {
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
