package replay

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
)

// A Summary counts what was sent and how the status codes compare. It is safe
// for concurrent use.
type Summary struct {
	mu       sync.Mutex
	services map[string]*Tally
	total    Tally
	bytes    atomic.Int64 // of the input's entries that were counted
	notSent  atomic.Int64 // later attempts of calls whose first was answered
}

// A Tally counts entries.
type Tally struct {
	Matched    int64 // the same status code as in the recording
	Mismatched int64
	Errors     int64 // no complete answer, or not sent
}

// Total returns how many entries were counted.
func (t Tally) Total() int64 { return t.Matched + t.Mismatched + t.Errors }

// Total returns the sum over all services.
func (s *Summary) Total() Tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

const maxServices = 512 // names come from the input

func (s *Summary) count(c *call, original, replayed int, err error) {
	s.bytes.Add(c.size)
	service := c.req.api.Service
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.services[service]
	if t == nil {
		if s.services == nil {
			s.services = make(map[string]*Tally)
		}
		if len(s.services) >= maxServices {
			service = "others"
		}
		if t = s.services[service]; t == nil {
			t = new(Tally)
			s.services[service] = t
		}
	}
	switch {
	case err != nil:
		t.Errors++
		s.total.Errors++
	case original == replayed:
		t.Matched++
		s.total.Matched++
	default:
		t.Mismatched++
		s.total.Mismatched++
	}
}

// Print writes the status codes that matched and did not, by service.
func (s *Summary) Print(w io.Writer, prefix string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.total
	if t.Total() == 0 {
		_, err := fmt.Fprintf(w, "%sno entries: nothing was sent\n", prefix)
		return err
	}
	var notSent string
	if n := s.notSent.Load(); n > 0 {
		notSent = fmt.Sprintf(" (%d not sent again: the first attempt was answered)", n)
	}
	_, err := fmt.Fprintf(w, "%s%s%s, status codes: %d matched, %d mismatched, %s\n", prefix, plural(t.Total(), "entry", "entries"), notSent, t.Matched, t.Mismatched, plural(t.Errors, "error", "errors"))
	if err != nil || len(s.services) < 2 && t.Matched == t.Total() {
		return err
	}
	names := make([]string, 0, len(s.services))
	for name := range s.services {
		names = append(names, name)
	}
	slices.SortFunc(names, cmp.Compare)
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(tw, "%s\tmatched\tmismatched\terrors\n", prefix+"service")
	for _, name := range names {
		t := s.services[name]
		if name == "" {
			name = "unknown"
		}
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\n", prefix+printable(name), t.Matched, t.Mismatched, t.Errors)
	}
	return tw.Flush()
}

// plural writes a number of things.
func plural[T int | int64](n T, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// printable makes a name out of the input safe for a terminal.
func printable(s string) string {
	quoted := fmt.Sprintf("%+q", s)
	return quoted[1 : len(quoted)-1]
}
