package replay

import (
	"strings"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// attempts finds the entries that repeat an earlier call because the service
// was not ready. An SDK sends a call that failed again under the same invocation
// id and counts in amz-sdk-request; a waiter asks the same until the answer
// no longer says CREATING, PENDING or the like. It remembers a bounded number of
// calls.
type attempts struct {
	hasher
	first map[string]string // invocation id → entry id
	order []string
	next  int
	polls map[uint64]string // request that found something not ready → id of the first
}

const maxInvocations = 4096

func newAttempts() *attempts {
	return &attempts{hasher: newHasher(), polls: make(map[uint64]string)}
}

// of returns the id of the first entry of the call that c repeats, "" if it
// repeats none.
func (a *attempts) of(c *call) string {
	if first := a.retry(c); first != "" {
		return first
	}
	return a.poll(c)
}

// poll follows the questions of a waiter.
func (a *attempts) poll(c *call) string {
	r := &c.req
	if !readsOnly(r) {
		return ""
	}
	waits := c.waits()
	if !waits && len(a.polls) == 0 {
		return ""
	}
	h := a.of64(r.Method, r.Host, r.Path, r.RawQuery, r.Get("X-Amz-Target"))*31 + a.hasher.of(r.body)
	first, repeated := a.polls[h]
	switch {
	case !waits:
		delete(a.polls, h)
	case !repeated:
		if len(a.polls) == maxInvocations {
			clear(a.polls)
		}
		a.polls[h] = string(c.id)
	}
	return first
}

func (a *attempts) of64(parts ...string) (h uint64) {
	for _, p := range parts {
		h = h*31 + a.hasher.of([]byte(p))
	}
	return h
}

// waits reports whether the recorded answer says that something is on its way.
func (c *call) waits() bool {
	raw := c.line.Get(entry.FieldResponseBody)
	if len(raw) <= 2 || len(raw) > 1<<20 {
		return false
	}
	n := countStates(raw)
	n[transition([]byte("running"))] = 0 // where instances end, not where they pass
	return n != states{}
}

// retry follows the attempts of an SDK.
func (a *attempts) retry(c *call) string {
	invocation := c.req.Get("Amz-Sdk-Invocation-Id")
	if invocation == "" || len(invocation) > 128 {
		return ""
	}
	first, repeated := a.first[invocation]
	if repeated && attempt(c.req.Get("Amz-Sdk-Request")) > 1 {
		return first
	}
	if a.first == nil {
		a.first = make(map[string]string)
		a.order = make([]string, maxInvocations)
	}
	if !repeated {
		delete(a.first, a.order[a.next])
		a.order[a.next] = invocation
		a.next = (a.next + 1) % maxInvocations
	}
	a.first[invocation] = string(c.id)
	return ""
}

// attempt reads n of "ttl=…; attempt=n; max=…"; 0 if it is not there.
func attempt(header string) int {
	_, rest, ok := strings.Cut(header, "attempt=")
	if !ok {
		return 0
	}
	n := 0
	for _, c := range rest {
		if c < '0' || c > '9' || n > 1000 {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}
