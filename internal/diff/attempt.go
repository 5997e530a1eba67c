package diff

import "github.com/neureaux/cloudmock/pkg/entry"

// attempts are the calls, by a hash of the endpoint and the id of their first
// attempt, and whether the last attempt of each differed. Only recentCalls that
// differed are remembered: a client tries again soon.
type attempts struct {
	calls map[uint64]bool
	order []uint64 // a ring
	next  int
	text  []byte // scratch
}

const recentCalls = 8192

// add notes that an attempt differed.
func (r *attempts) add(call uint64) {
	if r.calls == nil {
		r.calls = map[uint64]bool{}
	}
	if _, ok := r.calls[call]; !ok {
		if len(r.order) < recentCalls {
			r.order = append(r.order, call)
		} else {
			delete(r.calls, r.order[r.next])
			r.order[r.next] = call
			r.next = (r.next + 1) % recentCalls
		}
	}
	r.calls[call] = true
}

// of returns the call that an entry belongs to. A text that is broken was
// refused before.
func (r *attempts) of(l *entry.Line, replay *entry.Object) uint64 {
	r.text = r.text[:0]
	if l.Has(entry.FieldReplay) {
		r.text, _ = replay.AppendText(r.text, entry.FieldEndpoint)
		r.text = append(r.text, 0)
		n := len(r.text)
		if r.text, _ = replay.AppendText(r.text, entry.FieldAttemptOf); len(r.text) > n {
			return hashValue(forwardSeed, r.text)
		}
	}
	r.text, _ = l.AppendText(r.text, entry.FieldID)
	return hashValue(forwardSeed, r.text)
}

// tally counts the entry if it differs, in place of earlier attempts of its call.
func (d *Differ) tally(j *job) {
	again := len(d.differing.calls) > 0 && j.line.Has(entry.FieldReplay) && j.replay.Has(entry.FieldAttemptOf)
	if j.n == 0 && !again {
		return
	}
	call := d.differing.of(j.line, &j.replay)
	if again && d.differing.calls[call] {
		d.Mismatched--
		d.differing.calls[call] = false
	}
	if j.n > 0 {
		d.Mismatched++
		d.differing.add(call)
	}
}
