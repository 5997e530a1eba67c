package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/neureaux/cloudmock/internal/capture"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// Output is where the recording goes.
type Output struct {
	Path      string   // empty or "-": Stream
	Stream    *os.File // standard output
	Recording bool     // one Recording at the end, instead of a stream of entries
	Sync      bool
	Meta      entry.Recording // what the Recording says of itself
}

// output is the log that entries go to. A Recording can only be written whole,
// so its entries are kept in a journal beside it until the end: recorded
// means written, also after kill -9, and the next run finds the journal.
type output struct {
	o       Output
	log     *capture.Log
	journal string
	slog    *slog.Logger
}

func openOutput(o Output, log *slog.Logger) (*output, error) {
	out := &output{o: o, slog: log}
	lo := capture.LogOptions{Sync: o.Sync}
	path := o.Path
	switch {
	case o.Recording && (path == "" || path == "-"):
		return nil, errors.New("a Recording is one file: name it with --output")
	case path == "" || path == "-":
		out.log = capture.NewLog(o.Stream, lo)
		return out, nil
	case o.Recording:
		old, err := replaceable(path)
		if err != nil {
			return nil, err
		}
		if old {
			log.Warn(fmt.Sprintf("%s: the Recording that is there is replaced when this one ends", path))
		}
		out.journal = path + ".journal"
		path = out.journal
	}
	l, err := capture.OpenLog(path, lo)
	if err != nil {
		return nil, err
	}
	out.log = l
	if m := l.Mended(); m.Removed > 0 || m.Terminated {
		log.Warn(fmt.Sprintf("%s: an earlier recorder was stopped while it wrote its last entry; %d bytes of it were taken away", path, m.Removed))
	}
	if info, err := os.Stat(path); err == nil && out.journal != "" && info.Size() > 0 {
		log.Warn(fmt.Sprintf("%s: an earlier recorder was stopped before it could finish %s; its entries are kept, and this recording is added to them", path, o.Path))
	}
	return out, nil
}

// replaceable refuses to put a Recording in the place of what is none, and
// tells whether there is one.
func replaceable(path string) (old bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false, errors.Join(fmt.Errorf("%s is not a file", path), err)
	}
	head, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err != nil {
		return false, err
	}
	text := bytes.TrimSpace(head)
	if len(text) > 0 && !(text[0] == '{' && bytes.Contains(text, []byte(`"entries"`))) {
		return false, fmt.Errorf("%s is not a Recording: refusing to replace it", path)
	}
	return len(text) > 0, nil
}

func (o *output) append(line []byte) error { return o.log.Append(line) }

func (o *output) err() error { return o.log.Err() }

func (o *output) failed() <-chan struct{} { return o.log.Failed() }

// close ends the output, and turns the journal into the Recording.
func (o *output) close() error {
	failure := o.log.Err()
	if err := o.log.Close(); failure == nil {
		failure = err
	}
	if o.journal == "" {
		return failure
	}
	if err := o.assemble(); err != nil {
		return errors.Join(failure, fmt.Errorf("writing %s: %w; the entries are in %s", o.o.Path, err, o.journal))
	}
	return failure
}

// assemble writes the Recording beside its place and moves it there whole.
func (o *output) assemble() (err error) {
	in, err := os.Open(o.journal)
	if err != nil {
		return err
	}
	defer in.Close()
	temp := o.o.Path + ".new"
	// One that is left of an earlier run, or that someone else has put there, is not written to.
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			out.Close()
			os.Remove(temp)
		}
	}()
	w := entry.NewRecordingWriter(out, o.o.Meta)
	r := entry.NewReader(in, o.journal)
	for {
		l, err := r.Next()
		if err == io.EOF {
			break
		}
		var line *entry.LineError
		if errors.As(err, &line) {
			o.slog.Warn("left out: " + line.Error())
			continue
		}
		if err != nil {
			return err
		}
		if err := w.Write(l); err != nil {
			return err
		}
	}
	if err := errors.Join(w.Close(), out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, o.o.Path); err != nil {
		return err
	}
	return os.Remove(o.journal)
}

// IsRecordingName reports whether a file's name asks for a Recording.
func IsRecordingName(path string) bool { return strings.HasSuffix(strings.ToLower(path), ".json") }
