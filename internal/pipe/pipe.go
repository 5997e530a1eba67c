// Package pipe drives entries from a source through stages into a sink, in
// order, and flushes on every way out.
package pipe

import (
	"context"
	"errors"
	"io"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// A Source yields entries until io.EOF. An entry is valid until the next call.
type Source interface {
	Next() (*entry.Line, error)
}

// A Waiter is a Source that says before it may block, so that what was written
// so far can be flushed: a live reader sees each entry at once, and a file is
// written in large pieces.
type Waiter interface {
	BeforeRead(func() error)
}

// A Sink takes entries. It does not keep one after Write returns.
type Sink interface {
	Write(*entry.Line) error
	Flush() error
}

// A Stage turns one entry into at most one entry; nil drops it.
// It owns l until it returns and keeps no reference afterwards.
type Stage func(ctx context.Context, l *entry.Line) (*entry.Line, error)

// Run pulls every entry of src through the stages into sink, and flushes the
// sink before src may block and at the end, whatever the end is. When ctx ends
// it stops with ctx's cause.
func Run(ctx context.Context, src Source, sink Sink, stages ...Stage) (err error) {
	defer func() { err = Flush(sink, err) }()
	if w, ok := src.(Waiter); ok {
		w.BeforeRead(sink.Flush)
	}
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		l, err := src.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		for _, stage := range stages {
			if l, err = stage(ctx, l); err != nil {
				return err
			}
			if l == nil {
				break
			}
		}
		if l == nil {
			continue
		}
		if err := sink.Write(l); err != nil {
			return err
		}
	}
}

// Fold gives every entry of src to add. When ctx ends it stops with ctx's cause.
func Fold(ctx context.Context, src Source, add func(*entry.Line) error) error {
	return Run(ctx, src, nowhere{}, func(_ context.Context, l *entry.Line) (*entry.Line, error) {
		return nil, add(l)
	})
}

type nowhere struct{}

func (nowhere) Write(*entry.Line) error { return nil }
func (nowhere) Flush() error            { return nil }

// Flush flushes sink behind what ended with err, and returns both errors.
func Flush(sink Sink, err error) error {
	flushed := sink.Flush()
	if flushed != nil && errors.Is(err, flushed) {
		err = nil // it says again what it said to the source, and it is not the source's fault
	}
	return errors.Join(err, flushed)
}
