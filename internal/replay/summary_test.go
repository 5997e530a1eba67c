package replay

import (
	"errors"
	"strings"
	"testing"
)

func TestSummaryCountsInWords(t *testing.T) {
	tests := []struct {
		name            string
		matched, failed int
		want            string
	}{
		{"nothing", 0, 0, "no entries: nothing was sent\n"},
		{"one", 1, 0, "1 entry, status codes: 1 matched, 0 mismatched, 0 errors\n"},
		{"one of one fails", 0, 1, "1 entry, status codes: 0 matched, 0 mismatched, 1 error\n"},
		{"more", 2, 2, "4 entries, status codes: 2 matched, 0 mismatched, 2 errors\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s Summary
			for range tt.matched {
				s.count(&call{}, 200, 200, nil)
			}
			for range tt.failed {
				s.count(&call{}, 200, 0, errors.New("refused"))
			}
			var out strings.Builder
			if err := s.Print(&out, ""); err != nil {
				t.Fatal(err)
			}
			if got, _, _ := strings.Cut(out.String(), "service"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
