// Package convert turns captured traffic from one file format into another.
package convert

import (
	"bufio"
	"fmt"
	"io"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// A Format is a file format of captured traffic.
type Format string

// The formats that other programs read and write. VCR can only be read.
const (
	NDJSON    Format = "ndjson"    // one entry per line
	Recording Format = "recording" // one JSON document, for other programs too
	HAR       Format = "har"       // HTTP Archive, of browsers and debugging proxies
	VCR       Format = "vcr"       // cassettes of VCR, vcrpy and go-vcr
)

// A Sink is a pipe.Sink that must be closed to be complete.
type Sink interface {
	Write(*entry.Line) error
	Flush() error
	Close() error
}

// NewSink returns a sink that writes the format to w. A Recording describes
// itself by what describe returns when the first entry comes, and at the end;
// it may return nil.
func NewSink(w io.Writer, f Format, describe func() *entry.Recording) (Sink, error) {
	switch f {
	case NDJSON:
		return entry.NewWriter(w), nil
	case Recording:
		return &recording{w: w, describe: describe}, nil
	case HAR:
		return &harSink{w: bufio.NewWriter(w)}, nil
	}
	return nil, fmt.Errorf("unknown format %q", f)
}

// recording writes a Recording that keeps what the input said of itself, which
// is known only when reading has begun.
type recording struct {
	w        io.Writer
	describe func() *entry.Recording
	rec      *entry.RecordingWriter
}

func (s *recording) writer() *entry.RecordingWriter {
	if s.rec == nil {
		var d entry.Recording
		if r := s.describe(); r != nil {
			d = *r
		}
		s.rec = entry.NewRecordingWriter(s.w, d)
	}
	return s.rec
}

func (s *recording) Write(l *entry.Line) error { return s.writer().Write(l) }

func (s *recording) Flush() error {
	if s.rec == nil {
		return nil
	}
	return s.rec.Flush()
}

func (s *recording) Close() error {
	w := s.writer()
	if r := s.describe(); r != nil {
		w.Describe(*r)
	}
	return w.Close()
}
