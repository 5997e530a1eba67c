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

// A batch is a few entries that one worker compares. Batches are handed out in
// the order of the stream and settled in that order, when they are ready.
type batch struct {
	jobs  []*job
	n     int
	bytes int
	flush bool  // the source may block behind this batch
	err   error // the source ended behind this batch; io.EOF at its end
	ready chan struct{}
}

const (
	batchLines = 16
	batchBytes = 128 << 10
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

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	defer wg.Wait()
	size := 2*workers + 1
	free, work, order := make(chan *batch, size), make(chan *batch, size), make(chan *batch, size)
	for range size {
		free <- new(batch)
	}
	wg.Go(func() { d.read(ctx, src, free, work, order) })
	for range workers {
		wg.Go(func() {
			for b := range work {
				b.compare()
				close(b.ready)
			}
		})
	}
	for b := range order {
		<-b.ready
		if err == nil {
			if err = d.finish(ctx, b, sink); err != nil {
				cancel(err) // and drain what was read
			}
		}
		free <- b
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// read fills batches from src until it ends or fails.
func (d *Differ) read(ctx context.Context, src pipe.Source, free <-chan *batch, work, order chan<- *batch) {
	defer close(order)
	defer close(work)
	take := func() *batch {
		b := <-free
		b.n, b.bytes, b.flush, b.err = 0, 0, false, nil
		b.ready = make(chan struct{})
		return b
	}
	send := func(b *batch) {
		order <- b
		work <- b
	}
	b := take()
	if w, ok := src.(pipe.Waiter); ok {
		w.BeforeRead(func() error {
			if b.n > 0 {
				b.flush = true
				send(b)
				b = take()
			}
			return context.Cause(ctx)
		})
	}
	for {
		err := context.Cause(ctx)
		var l *entry.Line
		if err == nil {
			l, err = src.Next()
		}
		if err != nil {
			b.err = err
			send(b)
			return
		}
		b.add(d, l)
		if b.n == batchLines || b.bytes >= batchBytes {
			send(b)
			b = take()
		}
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

func (b *batch) compare() {
	for _, j := range b.jobs[:b.n] {
		j.reset()
		j.compare()
	}
}

// finish settles a batch and writes it.
func (d *Differ) finish(ctx context.Context, b *batch, sink pipe.Sink) error {
	for _, j := range b.jobs[:b.n] {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if j.err != nil {
			return j.err
		}
		d.settle(j)
		if err := sink.Write(j.line); err != nil {
			return err
		}
	}
	if b.flush {
		if err := sink.Flush(); err != nil {
			return err
		}
	}
	return b.err
}
