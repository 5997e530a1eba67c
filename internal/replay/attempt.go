package replay

import "strings"

// attempts finds the entries that repeat an earlier call because the service
// was not ready: the SDK sends such a call again under the same invocation id
// and counts in amz-sdk-request. It remembers a bounded number of calls.
type attempts struct {
	first map[string]string // invocation id → entry id
	order []string
	next  int
}

const maxInvocations = 4096

// of returns the id of the first entry of the call that c repeats, "" if it
// repeats none.
func (a *attempts) of(c *call) string {
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
