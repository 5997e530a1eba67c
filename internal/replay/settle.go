package replay

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// An application that waits for a table to become ACTIVE asks until it is. A
// replay sends what it asked, but not for as long: where an answer still says
// CREATING and the recorded one does not, the replay asks again as the
// application would have.

// settling remembers the calls that did not become ready in time, so that an
// endpoint that never does costs the wait once.
type settling struct {
	mu     sync.Mutex
	gaveUp map[string]bool
}

const (
	firstPoll = 5 * time.Millisecond
	lastPoll  = time.Second
)

// settle sends a call again while its answer is one on the way to the recorded
// one. It returns how often it did.
func (w *worker) settle(ctx context.Context, c *call) (polls int, err error) {
	limit := w.r.o.Settle
	if limit <= 0 || !w.unsettled(c) {
		return 0, nil
	}
	name := c.req.api.Service + "." + c.req.api.Action
	if w.settling.hasGivenUp(name) {
		return 0, nil
	}
	var refusal *response // to a call that changes something
	if w.resp.status >= 400 && !readsOnly(&c.req) {
		refusal = new(response)
		refusal.copyFrom(&w.resp)
	}
	end := time.Now().Add(limit)
	for pause := firstPoll; ; pause = min(pause*3/2, lastPoll) {
		if time.Now().Add(pause).After(end) {
			w.settling.giveUp(name)
			return polls, nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return polls, nil // the answer that is there counts
		}
		polls++
		if err := w.exchange(ctx, c); err != nil {
			return polls, err
		}
		if !w.unsettled(c) {
			if refusal != nil && w.isGone(c) {
				w.resp.copyFrom(refusal) // it was done after all: a repetition too many says nothing of it
			}
			return polls, nil
		}
	}
}

func (s *settling) hasGivenUp(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gaveUp[name]
}

func (s *settling) giveUp(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gaveUp == nil {
		s.gaveUp = make(map[string]bool)
	}
	if len(s.gaveUp) < maxServices {
		s.gaveUp[name] = true
	}
}

// unsettled reports whether the answer says that something is still on its
// way, which it was not in the recording.
func (w *worker) unsettled(c *call) bool {
	resp := &w.resp
	original, err := c.line.Status()
	if err != nil || original == 0 || resp.truncated {
		return false
	}
	if resp.status >= 400 && original < 300 {
		// Refused because what it acts on is not ready: it has done nothing, so it can be sent again.
		// To what makes something anew the same codes say that it is there already.
		if strings.HasPrefix(c.req.api.Action, "Create") {
			return false
		}
		code := awsapi.ErrorCode(c.req.api.Protocol, resp.status, resp.text, resp.body)
		return notReadyCode(code)
	}
	if resp.status >= 300 || len(resp.body) == 0 || !readsOnly(&c.req) {
		return false
	}
	now := countStates(resp.body)
	if now == (states{}) {
		return false
	}
	then := countStates(c.line.Get(entry.FieldResponseBody))
	for i := range now {
		if now[i] > then[i] {
			return true
		}
	}
	return false
}

// isGone reports whether the answer says that there is not what the call acts on.
func (w *worker) isGone(c *call) bool {
	resp := &w.resp
	if resp.status < 400 || resp.status >= 500 {
		return false
	}
	code := awsapi.ErrorCode(c.req.api.Protocol, resp.status, resp.text, resp.body)
	return resp.status == 404 || resp.status == 410 || strings.Contains(code, "NotFound") || strings.Contains(code, "NoSuch") || strings.Contains(code, "NonExistent") || strings.Contains(code, "DoesNotExist")
}

// text returns the first value of a header, as awsapi asks for it.
func (r *response) text(name string) string { return string(r.header(name)) }

// notReadyCode reports the error codes of calls that come too early.
func notReadyCode(code string) bool {
	switch code {
	case "ResourceInUseException", "ResourceNotReadyException", "ResourceConflictException", "OperationInProgressException",
		"OperationAborted", "IncorrectState", "IncorrectInstanceState", "TableNotActiveException", "ClusterNotReady":
		return true
	}
	return false
}

// states counts the words of an answer that say that something is on its way.
type states [len(transitional) + 1]uint16

// transitional are the states on the way to another, in lower case; words that
// end in "in_progress" count too.
var transitional = [...]string{
	"creating", "pending", "updating", "modifying", "deleting", "starting", "stopping", "shuttingdown", "provisioning", "deprovisioning",
	"initializing", "queued", "submitted", "runnable", "running", "resuming", "suspending", "scaling", "attaching", "detaching", "restoring",
}

// countStates looks at the quoted words of JSON and the texts of XML elements.
// JSON may stand within a JSON string.
func countStates(b []byte) (n states) {
	const shortest, longest = 6, 40
	var word [longest]byte
	for i := 0; i < len(b); i++ {
		if b[i] != '"' && b[i] != '>' {
			continue
		}
		k := 0
		j := i + 1
		for j < len(b) && k < longest {
			c := lower(b[j])
			if c != '_' && c != '-' {
				if c < 'a' || c > 'z' {
					break
				}
				word[k] = c
				k++
			}
			j++
		}
		if k >= shortest && j < len(b) && (b[j] == '"' || b[j] == '<' || b[j] == '\\') {
			if at := transition(word[:k]); at >= 0 {
				n[at]++
			}
		}
		if j > i+1 {
			i = j - 1
		}
	}
	return n
}

func transition(word []byte) int {
	const suffix = "inprogress"
	if len(word) >= len(suffix) && string(word[len(word)-len(suffix):]) == suffix {
		return len(transitional)
	}
	for i, t := range transitional {
		if string(word) == t {
			return i
		}
	}
	return -1
}
