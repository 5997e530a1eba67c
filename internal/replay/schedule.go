package replay

import (
	"cmp"
	"container/heap"
	"fmt"
	"time"
)

// Order says which entries must have ended before one may start.
type Order uint8

// The orders; the zero value is the default.
const (
	// Recorded keeps what happened before what: an entry starts when all those
	// have ended that had ended before it began in the recording. What overlapped
	// then may overlap now, unless both use the same resource and one changes it.
	Recorded Order = iota
	// Serial sends one entry at a time, in the order of the input.
	Serial
	// None starts entries in the order of the input without waiting for any.
	None
)

// UnmarshalText reads recorded, serial or none.
func (o *Order) UnmarshalText(text []byte) error {
	switch string(text) {
	case "recorded":
		*o = Recorded
	case "serial":
		*o = Serial
	case "none":
		*o = None
	default:
		return fmt.Errorf("order %q is not recorded, serial or none", text)
	}
	return nil
}

// An interval is when an entry ran in the recording, in nanoseconds since its
// start.
type interval struct{ start, end int64 }

// before reports the recorded happens-before. Where the end of one is the start
// of the other, they follow the order of the input.
func (a interval) before(b interval, aFirst bool) bool {
	return a.end < b.start || a.end == b.start && aFirst
}

// A job is one entry in the window of the scheduler.
type job struct {
	seq       int64 // place in the input
	call      *call
	ran       interval
	at        int64 // when it began, in nanoseconds since the start
	uses      []resourceUse
	makes     []uint64 // runs of the recorded answer that may be of the service's making
	needs     []uint64 // runs of the request that no request before it held
	state     jobState
	blockers  int    // earlier jobs that use the same and have not ended
	followers []*job // whose blockers this one is
	startIdx  int
	endIdx    int
}

type jobState uint8

const (
	jobWaiting jobState = iota // for what happened before it
	jobBlocked                 // for resources
	jobReady
	jobRunning
	jobEnded
)

// A scheduler decides which job may start. It holds the jobs from when they
// are added to when they have ended, and is not safe for concurrent use.
type scheduler struct {
	order     Order
	starts    jobHeap // jobs that wait, by start
	ends      jobHeap // jobs that have not ended, by end
	ready     jobHeap // by place in the input
	running   int
	open      int // jobs that have not ended
	resources map[uint64][]resourceUser
}

// newScheduler returns a scheduler of an order. A paced one hands out what is
// ready by its recorded start rather than by its place in the input.
func newScheduler(order Order, paced bool) *scheduler {
	s := &scheduler{order: order, resources: make(map[uint64][]resourceUser)}
	s.starts.less = func(a, b *job) bool {
		return cmp.Or(cmp.Compare(a.ran.start, b.ran.start), cmp.Compare(a.seq, b.seq)) < 0
	}
	s.starts.index = func(j *job) *int { return &j.startIdx }
	s.ends.less = func(a, b *job) bool {
		return cmp.Or(cmp.Compare(a.ran.end, b.ran.end), cmp.Compare(a.seq, b.seq)) < 0
	}
	s.ends.index = func(j *job) *int { return &j.endIdx }
	s.ready.less = func(a, b *job) bool {
		if paced && a.at != b.at {
			return a.at < b.at
		}
		return a.seq < b.seq
	}
	s.ready.index = func(j *job) *int { return &j.startIdx }
	return s
}

// add takes a job in. Its seq must be larger than those before.
func (s *scheduler) add(j *job) {
	j.blockers, j.followers = 0, j.followers[:0]
	s.open++
	switch s.order {
	case None:
		s.push(j)
		return
	case Serial:
		j.ran = interval{j.seq, j.seq + 1}
	case Recorded:
		s.claim(j)
		s.await(j)
	}
	j.state = jobWaiting
	heap.Push(&s.ends, j)
	heap.Push(&s.starts, j)
}

func (s *scheduler) push(j *job) {
	j.state = jobReady
	heap.Push(&s.ready, j)
}

// advance moves on the jobs before which nothing is left to end. It is called
// as late as possible: an input out of order may bring earlier jobs yet.
func (s *scheduler) advance() {
	for len(s.starts.jobs) > 0 {
		j := s.starts.jobs[0]
		if first := s.ends.jobs[0]; first != j && first.ran.before(j.ran, first.seq < j.seq) {
			return
		}
		heap.Pop(&s.starts)
		if j.blockers > 0 {
			j.state = jobBlocked
		} else {
			s.push(j)
		}
	}
}

// peek returns the job to start first among those that may start, nil if none
// may.
func (s *scheduler) peek() *job {
	s.advance()
	if len(s.ready.jobs) == 0 {
		if s.running > 0 || s.open == 0 {
			return nil
		}
		s.untangle()
	}
	return s.ready.jobs[0]
}

// start says that the job peek returned is running now.
func (s *scheduler) start() {
	j := heap.Pop(&s.ready).(*job)
	j.state = jobRunning
	s.running++
}

// untangle frees one job when all wait for each other. It takes an input out
// of order, where time and place disagree about who uses a resource first.
func (s *scheduler) untangle() {
	var first *job
	for _, j := range s.ends.jobs {
		if j.state == jobBlocked && (first == nil || s.starts.less(j, first)) {
			first = j
		}
	}
	if first == nil {
		first = s.starts.jobs[0]
		heap.Pop(&s.starts)
	}
	s.push(first)
}

// ended says that a running job is done.
func (s *scheduler) ended(j *job) {
	s.running--
	s.open--
	j.state = jobEnded
	if s.order == None {
		return
	}
	heap.Remove(&s.ends, j.endIdx)
	for _, f := range j.followers {
		if f.blockers--; f.blockers == 0 && f.state == jobBlocked {
			s.push(f)
		}
	}
	s.release(j)
}

// follow makes j wait for the end of earlier.
func (s *scheduler) follow(j, earlier *job) {
	earlier.followers = append(earlier.followers, j)
	j.blockers++
}

// A jobHeap is a heap of jobs that know their place in it.
type jobHeap struct {
	jobs  []*job
	less  func(a, b *job) bool
	index func(*job) *int
}

func (h *jobHeap) Len() int           { return len(h.jobs) }
func (h *jobHeap) Less(i, j int) bool { return h.less(h.jobs[i], h.jobs[j]) }
func (h *jobHeap) Swap(i, j int) {
	h.jobs[i], h.jobs[j] = h.jobs[j], h.jobs[i]
	*h.index(h.jobs[i]), *h.index(h.jobs[j]) = i, j
}
func (h *jobHeap) Push(x any) {
	j := x.(*job)
	*h.index(j) = len(h.jobs)
	h.jobs = append(h.jobs, j)
}
func (h *jobHeap) Pop() any {
	n := len(h.jobs) - 1
	j := h.jobs[n]
	h.jobs[n] = nil
	h.jobs = h.jobs[:n]
	return j
}

// A timeline turns the offsets of recordings into one time. Recordings that
// were joined count from zero each; their timestamps tell which is which.
type timeline struct {
	epochs   []epoch
	current  int
	lastTS   time.Time
	lastOff  int64
	latest   int64 // end of the last entry in time
	lastSpan interval
	seen     bool
}

type epoch struct {
	base  time.Time // wall clock at offset 0
	shift int64     // of its offsets
}

const (
	sameEpoch = int64(time.Second) // a wall clock and a monotonic one may drift that far
	maxEpochs = 64
)

// place returns when an entry ran. Offsets and latency are in nanoseconds; a
// negative offset is an unknown one. An entry without any time follows all
// before it.
func (t *timeline) place(offset, latency int64, ts time.Time) interval {
	if latency < 0 {
		latency = 0
	}
	if offset < 0 {
		if ts.IsZero() {
			at := t.latest
			return t.note(interval{at, at + latency}, at, ts)
		}
		if len(t.epochs) == 0 {
			t.epochs = append(t.epochs, epoch{base: ts})
		}
		at := int64(ts.Sub(t.epochs[0].base))
		return t.note(interval{at, at + latency}, at, ts)
	}
	if !ts.IsZero() {
		t.choose(offset, latency, ts)
	}
	start := offset
	if len(t.epochs) > 0 {
		start += t.epochs[t.current].shift
	}
	return t.note(interval{start, start + latency}, offset, ts)
}

func (t *timeline) note(i interval, offset int64, ts time.Time) interval {
	t.latest = max(t.latest, i.end)
	t.lastSpan, t.lastOff, t.lastTS, t.seen = i, offset, ts, true
	return i
}

// choose finds the recording that the entry belongs to.
func (t *timeline) choose(offset, latency int64, ts time.Time) {
	base := ts.Add(-time.Duration(offset))
	if len(t.epochs) == 0 {
		t.epochs = append(t.epochs, epoch{base: base})
		return
	}
	for n, e := range t.epochs {
		if d := int64(base.Sub(e.base)); -sameEpoch < d && d < sameEpoch {
			t.current = n
			return
		}
	}
	// Another base alone may be a clock that was set. A new recording also
	// counts from zero again.
	shift := t.epochs[t.current].shift
	if offset >= t.lastOff || offset+latency+shift >= t.lastSpan.end || ts.Equal(t.lastTS) {
		return
	}
	next := epoch{base: base, shift: int64(base.Sub(t.epochs[0].base))}
	if offset+next.shift < t.latest {
		next.shift = t.latest - offset // it stands behind, so it comes after
	}
	if len(t.epochs) == maxEpochs {
		t.epochs = append(t.epochs[:0], t.epochs[1:]...)
	}
	t.epochs = append(t.epochs, next)
	t.current = len(t.epochs) - 1
}
