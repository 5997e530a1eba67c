package replay

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestProgress(t *testing.T) {
	tests := []struct {
		name     string
		terminal bool
		total    int64
		after    time.Duration
		want     string
	}{
		{"a line every ten seconds", false, 0, 25 * time.Second, "x: 30 entries, 3/s, 20 matched, 7 mismatched, 3 errors\nx: 30 entries, 2/s, 20 matched, 7 mismatched, 3 errors\n"},
		{"with the size, a share and what is left", false, 4000, 15 * time.Second, "x: 25 %, 30 entries, 3/s, 20 matched, 7 mismatched, 3 errors, 30s left\n"},
		{"nothing about a short run", false, 0, 9 * time.Second, ""},
		{"a bar on a terminal, taken away at the end", true, 4000, 300 * time.Millisecond,
			"\r\x1b[Kx: [#####---------------] 25 %, 30 entries, 150/s, 20 matched, 7 mismatched, 3 errors, 1s left\r\x1b[K"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &Replayer{}
				r.summary.total = Tally{Matched: 20, Mismatched: 7, Errors: 3}
				r.summary.bytes.Store(1000)
				ctx, cancel := context.WithTimeout(t.Context(), tt.after)
				defer cancel()
				var out strings.Builder
				r.Progress(ctx, &out, "x", tt.total, tt.terminal)
				if diff := cmp.Diff(tt.want, out.String()); diff != "" {
					t.Errorf("progress (-want +got):\n%s", diff)
				}
			})
		})
	}
}
