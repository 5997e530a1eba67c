package replay

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// Progress says on w how far a run has come until ctx ends: on a terminal one
// line that is drawn anew, elsewhere a line now and then. Total is the size of
// the input in bytes, 0 if it is not known.
func (r *Replayer) Progress(ctx context.Context, w io.Writer, name string, total int64, terminal bool) {
	every := 10 * time.Second
	if terminal {
		every = 200 * time.Millisecond
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	began := time.Now()
	drawn := false
	for {
		select {
		case <-ctx.Done():
			if drawn {
				_, _ = io.WriteString(w, "\r\x1b[K") // the summary takes the line's place; stderr has no reader to tell
			}
			return
		case now := <-ticker.C:
			line := progressLine(r.summary.Total(), r.summary.bytes.Load(), total, now.Sub(began), terminal)
			if terminal {
				drawn = true
				_, _ = fmt.Fprintf(w, "\r\x1b[K%s: %s", name, line)
			} else {
				_, _ = fmt.Fprintf(w, "%s: %s\n", name, line)
			}
		}
	}
}

// progressLine is the text of a moment: a bar, the rate, what matched so far,
// and how long the rest takes at this pace.
func progressLine(t Tally, bytes, total int64, since time.Duration, bar bool) string {
	var b strings.Builder
	share := 0.0
	if total > 0 {
		share = min(float64(bytes)/float64(total), 1)
		if bar {
			const width = 20
			n := int(share * width)
			fmt.Fprintf(&b, "[%s%s] ", strings.Repeat("#", n), strings.Repeat("-", width-n))
		}
		fmt.Fprintf(&b, "%.0f %%, ", share*100)
	}
	fmt.Fprintf(&b, "%s, %.0f/s, %d matched", plural(t.Total(), "entry", "entries"), float64(t.Total())/max(since.Seconds(), 1e-9), t.Matched)
	if n := t.Mismatched; n > 0 {
		fmt.Fprintf(&b, ", %d mismatched", n)
	}
	if t.Errors > 0 {
		b.WriteString(", " + plural(t.Errors, "error", "errors"))
	}
	if share > 0 && share < 1 {
		fmt.Fprintf(&b, ", %v left", time.Duration(float64(since)*(1-share)/share).Round(time.Second))
	}
	return b.String()
}
