package report

import "math"

// recent keeps the last calls by the id of their first attempt. A client tries
// again within seconds, so some thousands are plenty.
type recent struct {
	calls map[string]call
	order []string // a ring
	next  int
}

const recentCalls = 8192

func (r *recent) put(id string, c call) {
	if r.calls == nil {
		r.calls = make(map[string]call, 64)
	}
	if _, ok := r.calls[id]; !ok {
		if len(r.order) < recentCalls {
			r.order = append(r.order, id)
		} else {
			delete(r.calls, r.order[r.next])
			r.order[r.next] = id
			r.next = (r.next + 1) % recentCalls
		}
	}
	r.calls[id] = c
}

func (r *recent) take(id string) (call, bool) {
	c, ok := r.calls[id]
	return c, ok
}

// Percentiles are in milliseconds, exact to 2 %.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
	// Buckets count the latencies in steps of 2 %, as [step, count], from which
	// the percentiles of several reports are made.
	Buckets [][2]int `json:"buckets,omitempty"`
}

// A histogram counts latencies in buckets that grow by 2 %, from a microsecond
// to days, so that its size does not depend on how many there are.
type histogram struct {
	buckets [1400]int
	n       int
	max     float64
}

const growth = 1.02

func (h *histogram) add(ms float64) {
	h.n++
	h.max = max(h.max, ms)
	i := 0
	if ms > 0.001 {
		i = min(int(math.Log(ms*1000)/math.Log(growth)), len(h.buckets)-1)
	}
	h.buckets[i]++
}

func (h *histogram) percentile(p float64) float64 {
	rank, seen := int(math.Ceil(p*float64(h.n))), 0
	for i, k := range h.buckets {
		if seen += k; seen >= rank {
			if i == 0 {
				return 0
			}
			ms := math.Pow(growth, float64(i)+0.5) / 1000
			return min(math.Round(ms*1000)/1000, h.max)
		}
	}
	return h.max
}

func (h *histogram) percentiles() Percentiles {
	if h.n == 0 {
		return Percentiles{}
	}
	p := Percentiles{P50: h.percentile(0.50), P95: h.percentile(0.95), P99: h.percentile(0.99), Max: h.max}
	for i, n := range h.buckets {
		if n > 0 {
			p.Buckets = append(p.Buckets, [2]int{i, n})
		}
	}
	return p
}

// merge adds the latencies that p was made from.
func (h *histogram) merge(p Percentiles) {
	h.max = max(h.max, p.Max)
	for _, b := range p.Buckets {
		if b[0] >= 0 && b[0] < len(h.buckets) {
			h.buckets[b[0]] += b[1]
			h.n += b[1]
		}
	}
}
