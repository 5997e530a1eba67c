package replay

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// simulate runs jobs through a scheduler with a window and a number of workers,
// ends running ones in random order, and returns the order of starts (positive)
// and ends (negative), by seq+1.
func simulate(t *testing.T, rnd *rand.Rand, order Order, jobs []*job, window, workers int) []int {
	t.Helper()
	s := newScheduler(order, false)
	var events []int
	var running []*job
	added, done := 0, 0
	for done < len(jobs) {
		for added < len(jobs) && s.open < window {
			s.add(jobs[added])
			added++
		}
		for len(running) < workers {
			j := s.peek()
			if j == nil {
				break
			}
			s.start()
			events = append(events, int(j.seq)+1)
			running = append(running, j)
			if rnd.IntN(3) == 0 {
				break
			}
		}
		if len(running) == 0 {
			t.Fatalf("nothing runs, %d of %d done", done, len(jobs))
		}
		n := rnd.IntN(len(running))
		j := running[n]
		running = slices.Delete(running, n, n+1)
		s.ended(j)
		events = append(events, -int(j.seq)-1)
		done++
	}
	if len(s.resources) > 0 || s.open > 0 || len(s.starts.jobs)+len(s.ends.jobs)+len(s.ready.jobs) > 0 {
		t.Fatal("the scheduler still holds something")
	}
	return events
}

// randomJobs makes jobs on a coarse time grid, so that ends and starts meet.
func randomJobs(rnd *rand.Rand) []*job {
	jobs := make([]*job, 2+rnd.IntN(30))
	for i := range jobs {
		start := int64(rnd.IntN(20))
		jobs[i] = &job{ran: interval{start, start + int64(rnd.IntN(8))}}
		for range rnd.IntN(3) {
			jobs[i].uses = append(jobs[i].uses, resourceUse{uint64(rnd.IntN(4)), mode(rnd.IntN(4))})
		}
	}
	return jobs
}

func number(jobs []*job) {
	for i, j := range jobs {
		j.seq = int64(i)
	}
}

var inputOrders = []struct {
	name string
	sort func([]*job)
}{
	{"by end, as a recorder writes", func(jobs []*job) {
		slices.SortStableFunc(jobs, func(a, b *job) int { return int(a.ran.end - b.ran.end) })
	}},
	{"by start", func(jobs []*job) {
		slices.SortStableFunc(jobs, func(a, b *job) int { return int(a.ran.start - b.ran.start) })
	}},
	{"shuffled", func([]*job) {}},
}

// TestNoRecordedEdgeIsBroken states the order rule over random interval sets:
// what had ended before a job began has ended before it begins.
func TestNoRecordedEdgeIsBroken(t *testing.T) {
	for _, in := range inputOrders {
		t.Run(in.name, func(t *testing.T) {
			overlapped := 0
			for seed := range uint64(1000) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				jobs := randomJobs(rnd)
				in.sort(jobs)
				number(jobs)
				if in.name == "shuffled" {
					for _, j := range jobs {
						j.uses = nil // place and time disagree there: time decides
					}
				}
				intervals := make([]interval, len(jobs))
				for i, j := range jobs {
					intervals[i] = j.ran
				}
				events := simulate(t, rnd, Recorded, jobs, len(jobs), 1+rnd.IntN(8))
				ended := make(map[int]bool)
				for n, e := range events {
					if e < 0 {
						ended[-e-1] = true
						continue
					}
					if n > 0 && events[n-1] > 0 {
						overlapped++
					}
					b := intervals[e-1]
					for i, a := range intervals {
						if (a.end < b.start || a.end == b.start && i < e-1) && !ended[i] {
							t.Fatalf("seed %d: %v started before %v had ended", seed, b, a)
						}
					}
				}
			}
			if overlapped < 1000 {
				t.Errorf("only %d starts overlapped another: the order is too strict", overlapped)
			}
		})
	}
}

// state is what jobs do to resources: reads see the last write.
type state map[uint64]int64

func (s state) run(j *job) (saw string) {
	for _, u := range j.uses {
		// A call on the whole sees what was done to its parts.
		switch u.mode {
		case read:
			saw += fmt.Sprint(s[u.resource], s[u.resource+1000])
		case intentRead:
			saw += fmt.Sprint(s[u.resource])
		case write:
			saw += fmt.Sprint(s[u.resource], s[u.resource+1000])
			s[u.resource] = j.seq + 1
		case intentWrite:
			saw += fmt.Sprint(s[u.resource])
			s[u.resource+1000] += j.seq*7919 + 1 // parts are many: their order is not seen
		}
	}
	return saw
}

func TestResultsAreThoseOfASerialReplay(t *testing.T) {
	for _, in := range inputOrders[:2] {
		t.Run(in.name, func(t *testing.T) {
			for seed := range uint64(1000) {
				rnd := rand.New(rand.NewPCG(seed, 2))
				jobs := randomJobs(rnd)
				in.sort(jobs)
				number(jobs)
				want := make([]string, len(jobs))
				serial := make(state)
				for i, j := range jobs {
					want[i] = serial.run(j)
				}
				got := make([]string, len(jobs))
				parallel := make(state)
				for _, e := range simulate(t, rnd, Recorded, jobs, 4+rnd.IntN(40), 1+rnd.IntN(8)) {
					if e < 0 { // what a job saw and did takes effect somewhere while it runs
						got[-e-1] = parallel.run(jobs[-e-1])
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("seed %d: what the jobs saw (-serial +recorded):\n%s", seed, diff)
				}
			}
		})
	}
}

func TestSerialAndNone(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		jobs := randomJobs(rnd)
		number(jobs)
		for i, e := range simulate(t, rnd, Serial, jobs, 8, 4) {
			if want := i/2 + 1; e != want && e != -want {
				t.Fatalf("serial: event %d is %d", i, e)
			}
		}
		last := 0
		for _, e := range simulate(t, rnd, None, jobs, 8, 4) {
			if e > 0 && e != last+1 {
				t.Fatalf("none: %d started after %d", e, last)
			}
			last = max(last, e)
		}
	}
}

func TestShuffledInputThatSharesResourcesEnds(t *testing.T) {
	for seed := range uint64(1000) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		jobs := randomJobs(rnd)
		number(jobs)
		simulate(t, rnd, Recorded, jobs, 4+rnd.IntN(40), 1+rnd.IntN(4)) // fails when jobs wait for each other
	}
}

func TestTimeline(t *testing.T) {
	ms := int64(time.Millisecond)
	at := func(s int) time.Time { return time.Date(2026, 1, 1, 0, 0, s, 0, time.UTC) }
	type in struct {
		offset, latency int64
		ts              time.Time
	}
	tests := []struct {
		name string
		in   []in
		want []interval
	}{
		{"offsets alone", []in{{0, 5, time.Time{}}, {3, 4, time.Time{}}, {1, 1, time.Time{}}}, []interval{{0, 5}, {3, 7}, {1, 2}}},
		{"no times at all: one after the other", []in{{-1, -1, time.Time{}}, {-1, -1, time.Time{}}}, []interval{{0, 0}, {0, 0}}},
		{"latency alone: one after the other", []in{{-1, 5, time.Time{}}, {-1, 3, time.Time{}}}, []interval{{0, 5}, {5, 8}}},
		{"timestamps alone", []in{{-1, 5, at(1)}, {-1, 3, at(3)}}, []interval{{0, 5}, {2000, 2003}}},
		{"joined recordings follow each other", []in{{0, 5, at(0)}, {9000, 5, at(9)}, {0, 5, at(60)}, {1000, 5, at(61)}},
			[]interval{{0, 5}, {9000, 9005}, {60000, 60005}, {61000, 61005}}},
		{"also when the older one stands behind", []in{{0, 5, at(60)}, {9000, 5, at(69)}, {0, 5, at(0)}, {1000, 5, at(1)}},
			[]interval{{0, 5}, {9000, 9005}, {9005, 9010}, {10005, 10010}}},
		{"merged by time", []in{{0, 5, at(0)}, {9000, 5, at(9)}, {0, 5, at(10)}, {11000, 5, at(11)}, {2000, 5, at(12)}},
			[]interval{{0, 5}, {9000, 9005}, {10000, 10005}, {11000, 11005}, {12000, 12005}}},
		{"one timestamp for all: offsets decide", []in{{0, 5, at(0)}, {9000, 5, at(0)}, {2000, 5, at(0)}}, []interval{{0, 5}, {9000, 9005}, {2000, 2005}}},
		{"a clock that was set: offsets decide", []in{{0, 5, at(0)}, {1000, 5, at(3601)}, {2000, 5, at(3602)}}, []interval{{0, 5}, {1000, 1005}, {2000, 2005}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var line timeline
			var got []interval
			for _, e := range tt.in {
				i := line.place(max(-1, e.offset*ms), e.latency*ms, e.ts)
				got = append(got, interval{i.start / ms, i.end / ms})
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(interval{})); diff != "" {
				t.Errorf("intervals (-want +got):\n%s", diff)
			}
		})
	}
}

func BenchmarkScheduler(b *testing.B) {
	s := newScheduler(Recorded, false)
	jobs := make([]*job, 256)
	for i := range jobs {
		jobs[i] = new(job)
	}
	seq := int64(0)
	add := func(j *job) {
		j.seq, j.ran = seq, interval{seq * 10, seq*10 + 80}
		j.uses = append(j.uses[:0], resourceUse{1, intentWrite}, resourceUse{uint64(seq%1000) + 2, write})
		s.add(j)
		seq++
	}
	for _, j := range jobs {
		add(j)
	}
	b.ReportAllocs()
	for b.Loop() {
		j := s.peek()
		s.start()
		s.ended(j)
		add(j)
	}
}
