package entry

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// A Recording is what the single-file form says of itself beside its entries.
// The form, and the meaning of its members, were there before this project.
type Recording struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"` // active, completed or stopped
	// Filter is the recorder's filter, an object; nil is written as {}.
	Filter      json.RawMessage `json:"filter"`
	DurationSec float64         `json:"duration_sec"`
	StartedAt   time.Time       `json:"started_at"`
	StoppedAt   time.Time       `json:"stopped_at"`
	EntryCount  int             `json:"entry_count"`
}

// A Writer writes entries as NDJSON. It buffers; Flush hands what is buffered
// to the underlying writer.
type Writer struct{ bw *bufio.Writer }

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{bufio.NewWriterSize(w, 256<<10)} }

// Write writes one entry as one line.
func (w *Writer) Write(l *Line) error {
	if _, err := w.bw.Write(l.Raw()); err != nil {
		return err
	}
	return w.bw.WriteByte('\n')
}

// Flush writes what is buffered.
func (w *Writer) Flush() error { return w.bw.Flush() }

// Close flushes; it does not close the underlying writer.
func (w *Writer) Close() error { return w.Flush() }

// A RecordingWriter writes entries as one Recording. Memory does not grow with
// their number.
type RecordingWriter struct {
	bw    *bufio.Writer
	rec   Recording
	count int
	line  Line // a copy that is changed into the form of a Recording
	buf   []byte
}

// NewRecordingWriter returns a RecordingWriter to w. Of rec it writes what is
// set, and finds the rest in the entries: started_at, stopped_at and
// duration_sec from their times, entry_count by counting.
func NewRecordingWriter(w io.Writer, rec Recording) *RecordingWriter {
	return &RecordingWriter{bw: bufio.NewWriterSize(w, 256<<10), rec: rec}
}

// Write adds one entry.
func (w *RecordingWriter) Write(l *Line) error {
	start, end := times(&l.Object)
	if w.count == 0 {
		if w.rec.StartedAt.IsZero() {
			w.rec.StartedAt = start
		}
		if w.rec.ID == "" {
			w.rec.ID = fmt.Sprintf("rec-%x", sha256.Sum256(l.Raw()))[:20]
		}
		w.header()
	}
	w.count++
	if end.After(w.rec.StoppedAt) {
		w.rec.StoppedAt = end
	}
	if err := w.line.Parse(l.Raw()); err != nil {
		return err
	}
	if err := w.line.toRecording(); err != nil {
		return l.Errorf("%w", err)
	}
	if w.count > 1 {
		w.bw.WriteByte(',') // an error of bufio.Writer is kept for the next call
	}
	w.bw.WriteByte('\n')
	_, err := w.bw.Write(w.line.Raw())
	return err
}

// times returns when the entry's recording began, and when the entry ended;
// zero where it does not say.
func times(o *Object) (start, end time.Time) {
	at, err := time.Parse(time.RFC3339, o.Text(FieldTimestamp))
	if err != nil {
		return start, end
	}
	offset, _ := o.Float(FieldOffsetMs) // no number: no offset
	latency, _ := o.Float(FieldLatencyMs)
	ms := float64(time.Millisecond)
	return at.Add(-time.Duration(offset * ms)), at.Add(time.Duration(latency * ms))
}

func (w *RecordingWriter) header() {
	b := append(w.buf[:0], `{"id":`...)
	b = AppendString(b, w.rec.ID)
	b = append(b, `,"name":`...)
	b = AppendString(b, w.rec.Name)
	b = append(b, `,"status":`...)
	b = AppendString(b, cmp.Or(w.rec.Status, "completed"))
	b = append(b, `,"filter":`...)
	if f := bytes.TrimSpace(w.rec.Filter); len(f) > 0 && !bytes.Equal(f, []byte("null")) {
		b = append(b, f...)
	} else {
		b = append(b, '{', '}')
	}
	b = append(b, `,"started_at":"`...)
	b = w.rec.StartedAt.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","entries":[`...)
	w.buf = b
	w.bw.Write(b) // an error is kept for the next call
}

// Describe sets stopped_at and duration_sec, which stand at the end, where rec
// has them.
func (w *RecordingWriter) Describe(rec Recording) {
	if !rec.StoppedAt.IsZero() {
		w.rec.StoppedAt = rec.StoppedAt
	}
	if rec.DurationSec != 0 {
		w.rec.DurationSec = rec.DurationSec
	}
}

// Close writes the end of the Recording and flushes. It does not close the
// underlying writer.
func (w *RecordingWriter) Close() error {
	if w.count == 0 {
		if w.rec.ID == "" {
			w.rec.ID = "rec-empty"
		}
		w.header()
	}
	b := append(w.buf[:0], "\n],"...)
	if !w.rec.StoppedAt.IsZero() {
		b = append(b, `"stopped_at":"`...)
		b = w.rec.StoppedAt.UTC().AppendFormat(b, time.RFC3339Nano)
		b = append(b, `",`...)
	}
	b = append(b, `"duration_sec":`...)
	duration := w.rec.DurationSec
	if duration == 0 && !w.rec.StartedAt.IsZero() && w.rec.StoppedAt.After(w.rec.StartedAt) {
		// Whole seconds: other readers of the form take an integer.
		duration = float64((w.rec.StoppedAt.Sub(w.rec.StartedAt) + time.Second - 1) / time.Second)
	}
	b = strconv.AppendFloat(b, duration, 'f', -1, 64)
	b = append(b, `,"entry_count":`...)
	b = strconv.AppendInt(b, int64(w.count), 10)
	b = append(b, "}\n"...)
	w.bw.Write(b) // an error is kept for Flush
	return w.bw.Flush()
}

// Flush writes what is buffered.
func (w *RecordingWriter) Flush() error { return w.bw.Flush() }

// toRecording makes the entry readable for programs that know only strings as
// header values, and no query: path and query are joined, and so are the values
// of a header that came more than once. The single values stay beside, so that
// nothing is lost.
func (l *Line) toRecording() error {
	path, query := l.Get(FieldPath), l.Get(FieldQuery)
	if len(query) > 2 && query[0] == '"' && len(path) > 0 && path[0] == '"' && bytes.IndexByte(path, '?') < 0 {
		// Raw strings are joined, so that each keeps its spelling.
		l.Set(FieldPath, slices.Concat(path[:len(path)-1], []byte{'?'}, query[1:]))
	}
	for _, f := range headerFields {
		raw := l.Get(f.joined)
		if len(raw) == 0 || raw[0] != '{' || bytes.IndexByte(raw, '[') < 0 {
			continue
		}
		joined, values, err := joinHeaders(raw)
		if err != nil {
			return err
		}
		if values != nil {
			l.Set(f.joined, joined)
			l.Set(f.values, values)
		}
	}
	return nil
}

var headerFields = [...]struct{ joined, values Field }{
	{FieldRequestHeaders, FieldRequestHeaderValues},
	{FieldResponseHeaders, FieldResponseHeaderValues},
}

// joinHeaders returns the header object with its arrays joined by ", ", and an
// object of the arrays alone; nil when there are none.
func joinHeaders(raw []byte) (joined, values []byte, err error) {
	joined = append(joined, '{')
	err = eachMember(raw, func(key, val []byte) error {
		if len(joined) > 1 {
			joined = append(joined, ',')
		}
		joined = append(append(joined, key...), ':')
		if val[0] != '[' {
			joined = append(joined, val...)
			return nil
		}
		values = append(appendSep(values), key...)
		values = append(append(values, ':'), val...)
		var text []byte
		n := 0
		err := eachElement(val, func(el []byte) error {
			if el[0] != '"' {
				return fmt.Errorf("header %s: a value is not a string", key)
			}
			if n++; n > 1 {
				text = append(text, ", "...)
			}
			var err error
			text, err = appendUnquoted(text, el)
			return err
		})
		joined = AppendString(joined, text)
		return err
	})
	if values != nil {
		values = append(values, '}')
	}
	return append(joined, '}'), values, err
}

func appendSep(dst []byte) []byte {
	if len(dst) == 0 {
		return append(dst, '{')
	}
	return append(dst, ',')
}

// fromRecording undoes toRecording, also for entries that other programs wrote.
func (l *Line) fromRecording() error {
	// No entry has a question mark in its path, but for these; both parts keep
	// their spelling.
	joined := l.Get(FieldPath)
	if i := bytes.IndexByte(joined, '?'); i >= 0 && joined[0] == '"' {
		path := append(slices.Clone(joined[:i]), '"')
		inPath := append([]byte{'"'}, joined[i+1:]...)
		switch query := l.Get(FieldQuery); {
		case bytes.Equal(query, inPath):
			l.Set(FieldPath, path)
		case !l.Has(FieldQuery) || len(query) == 2:
			l.Delete(FieldQuery)
			if len(inPath) > 2 {
				path = append(appendName(path, FieldQuery), inPath...)
			}
			// Both members go where the path stood, so the index is made anew.
			l.Set(FieldPath, path)
			if err := l.index(); err != nil {
				return err
			}
		}
	}
	for _, f := range headerFields {
		values := l.Get(f.values)
		if values == nil {
			continue
		}
		joined := l.Get(f.joined)
		if values[0] != '{' || len(joined) == 0 || joined[0] != '{' {
			return fmt.Errorf("%s goes with an object in %s", f.values, f.joined)
		}
		split, err := splitHeaders(joined, values)
		if err != nil {
			return err
		}
		l.Delete(f.values)
		l.Set(f.joined, split)
	}
	return nil
}

func splitHeaders(joined, values []byte) ([]byte, error) {
	arrays := map[string][]byte{}
	if err := eachMember(values, func(key, val []byte) error {
		arrays[string(key)] = val
		return nil
	}); err != nil {
		return nil, err
	}
	out := []byte{'{'}
	err := eachMember(joined, func(key, val []byte) error {
		if a, ok := arrays[string(key)]; ok {
			val = a
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, key...), ':'), val...)
		return nil
	})
	return append(out, '}'), err
}
