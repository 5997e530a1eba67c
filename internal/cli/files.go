package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/neureaux/cloudmock/internal/rule"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// Inputs is the flags and arguments of a tool that reads entries.
type Inputs struct {
	Input       []string     `short:"i" placeholder:"FILE" type:"path" help:"Read entries from FILE; - is standard input. May be repeated."`
	Filter      *rule.Filter `placeholder:"EXPR" help:"Take only entries for which this jq expression is true; leave out the others."`
	SkipInvalid bool         `help:"Go on after a line that is no entry, and count such lines."`
	// Decode, if set, turns an input of another format, decompressed, into a stream of entries.
	Decode func(io.Reader) (io.Reader, error) `kong:"-"`
	Files  []string                           `arg:"" optional:"" name:"file" help:"Entries: NDJSON, an array or a Recording, plain, gzip or zstd; none, or -, reads standard input."`
}

// Outputs is the flags of a tool that writes a file or standard output.
type Outputs struct {
	Output string `short:"o" default:"-" placeholder:"FILE" help:"Write to FILE; - is standard output."`
}

// Names returns the names of the inputs, "-" when there are none.
func (in *Inputs) Names() []string {
	names := slices.Concat(in.Input, in.Files)
	if len(names) == 0 {
		names = []string{"-"}
	}
	return names
}

// Entries returns a source of the entries of all inputs, one after another.
// They are opened when their turn comes, but for a first look that each is
// there. Close it at the end.
func (in *Inputs) Entries(ctx context.Context, std Streams) (*Entries, error) {
	names := in.Names()
	if slices.Contains(names, "-") && std.inTerminal() {
		std.Notef("reading entries from the terminal; end with Ctrl-D")
	}
	for _, name := range names {
		if name == "-" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			return nil, fmt.Errorf("%s is a directory: name a file of entries", name)
		}
	}
	return &Entries{ctx: ctx, std: std, names: names, filter: in.Filter, skip: in.SkipInvalid, decode: in.Decode}, nil
}

func (s Streams) inTerminal() bool {
	c, ok := s.In.(*ctxReader)
	if !ok {
		return false
	}
	f, ok := c.r.(*os.File)
	return ok && isTerminal(f)
}

// Entries is the entries of several inputs, in order; see Inputs.
type Entries struct {
	ctx    context.Context
	std    Streams
	names  []string // not opened yet
	filter *rule.Filter
	skip   bool
	decode func(io.Reader) (io.Reader, error)
	before func() error

	last    *entry.Reader // the newest input's, also after its end
	reader  *entry.Reader
	file    *os.File
	skipped int
}

// BeforeRead implements pipe.Waiter.
func (e *Entries) BeforeRead(f func() error) {
	e.before = f
	if e.reader != nil {
		e.reader.BeforeRead = f
	}
}

// Next implements pipe.Source.
func (e *Entries) Next() (*entry.Line, error) {
	for {
		if e.reader == nil {
			if len(e.names) == 0 {
				return nil, io.EOF
			}
			if err := e.open(e.names[0]); err != nil {
				return nil, err
			}
			e.names = e.names[1:]
		}
		l, err := e.reader.Next()
		if err == nil && e.filter != nil {
			keep, err := e.filter.Match(l.Raw())
			if err != nil {
				return nil, l.Errorf("%w", err)
			}
			if !keep {
				continue
			}
		}
		if err == nil {
			return l, nil
		}
		bad, isLine := errors.AsType[*entry.LineError](err)
		switch {
		case err == io.EOF:
			if err := e.Close(); err != nil {
				return nil, err
			}
		case isLine && e.skip:
			e.skipped++
			if e.std.Verbose {
				e.std.Notef("skipped: %v", bad)
			}
		default:
			return nil, err
		}
	}
}

func (e *Entries) open(name string) error {
	in := e.std.In
	if name == "-" {
		name = "stdin"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		e.file = f
		in = interruptible(e.ctx, f)
	}
	if e.decode != nil {
		plain, err := entry.Decompress(in, name)
		if err != nil {
			return err
		}
		if in, err = e.decode(plain); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	e.reader = entry.NewReader(in, name)
	e.reader.BeforeRead = e.before
	e.last = e.reader
	return nil
}

// Recording returns what the newest input says of itself, when it is a
// Recording; nil when it is not.
func (e *Entries) Recording() *entry.Recording {
	if e.last == nil {
		return nil
	}
	return e.last.Recording()
}

// Close closes the open input, and tells how many lines were left out.
func (e *Entries) Close() error {
	var err error
	if e.file != nil {
		err = e.file.Close()
	}
	e.file, e.reader = nil, nil
	if e.skipped > 0 && len(e.names) == 0 {
		what := "lines that are no entries"
		if e.skipped == 1 {
			what = "line that is no entry"
		}
		fmt.Fprintf(e.std.Err, "%s: skipped %d %s\n", e.std.Name, e.skipped, what)
		e.skipped = 0
	}
	return err
}

// Create opens the output for writing. A file is made readable for its owner
// alone, for it may hold what an application said; an input is not overwritten.
// Close the result, and mind its error.
func (out *Outputs) Create(std Streams, in *Inputs) (io.WriteCloser, error) {
	if out.ToStdout() {
		return nopCloser{std.Out}, nil
	}
	if err := out.Check(in); err != nil {
		return nil, err
	}
	return os.OpenFile(out.Output, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

// Check refuses an output that is one of the inputs.
func (out *Outputs) Check(in *Inputs) error {
	target, err := os.Stat(out.Output)
	if out.ToStdout() || err != nil || !target.Mode().IsRegular() {
		return nil
	}
	for _, name := range in.Names() {
		if info, err := os.Stat(name); err == nil && os.SameFile(info, target) {
			return fmt.Errorf("%s is both input and output: write to another file", out.Output)
		}
	}
	return nil
}

// ToStdout reports whether the output is standard output.
func (out *Outputs) ToStdout() bool { return out.Output == "-" || out.Output == "" }

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// WriteFile writes a file whole or not at all, readable for its owner alone: a
// report that stood there before stays until the new one is complete.
func WriteFile(name string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // a device or a pipe
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name()) // it may be gone already
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}

// Through opens the inputs and the output, calls run, and closes both, whose
// errors count.
func Through(ctx context.Context, std Streams, in *Inputs, out *Outputs, run func(*Entries, io.Writer) error) (err error) {
	src, err := in.Entries(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	w, err := out.Create(std, in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return run(src, w)
}
