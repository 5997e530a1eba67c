package replay

import "sync"

// When AWS failed and the SDK sent the call again, the recording holds it
// twice. An endpoint that did it the first time must not do it a second time:
// the client would not have asked. Its answer stands for the other attempts,
// and their entries say that they were not sent.

// retried keeps answers that came where the recording has a failure. It is
// bounded; the zero value is ready.
type retried struct {
	mu      sync.Mutex
	answers map[string]response // by the id of the first attempt
	order   []string
}

const maxRetried = 256

// keep notes the answer to a first attempt that may be repeated.
func (t *retried) keep(c *call, original int, resp *response) {
	if original != 0 && original != 429 && original < 500 || resp.status >= 400 || len(resp.body) > keepCall || readsOnly(&c.req) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answers == nil {
		t.answers = make(map[string]response)
	}
	if len(t.order) == maxRetried {
		delete(t.answers, t.order[0])
		t.order = t.order[1:]
	}
	var kept response
	kept.copyFrom(resp)
	t.answers[string(c.id)] = kept
	t.order = append(t.order, string(c.id))
}

// take copies the answer that stands for a repeated attempt.
func (t *retried) take(c *call, resp *response) bool {
	if c.attemptOf == "" {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	kept, ok := t.answers[c.attemptOf]
	if !ok {
		return false
	}
	resp.copyFrom(&kept)
	return true
}
