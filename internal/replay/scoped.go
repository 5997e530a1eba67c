package replay

import (
	"bytes"
	"strings"
	"sync"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/value"
)

// scoped is what was learned of values that are too short or too common to be
// looked for wherever they may stand, such as an UploadId of "1". Their name
// says that the service made them, and they are replaced only where a request
// carries them under the same name. The latest meeting counts. It is safe for
// concurrent use.
type scoped struct {
	mu     sync.RWMutex
	values map[string]string // name, a zero byte, value
	order  []string          // oldest first
}

// maxScoped bounds the number of values.
const maxScoped = 1 << 16

// scopeKey spells a name as all protocols have it: uploadId, UploadId,
// upload-id and x-amz-upload-id are one, and so is what an answer calls
// NextLockToken and the next request LockToken.
func scopeKey(dst, name, v []byte) []byte {
	if len(name) > 6 && equalFold(name[:6], "x-amz-") {
		name = name[6:]
	}
	if len(name) > 4 && equalFold(name[:4], "next") {
		name = name[4:]
	}
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if isAlnum(c) {
			dst = append(dst, c)
		}
	}
	return append(append(dst, 0), v...)
}

func (s *scoped) bind(name, original, replay []byte) {
	key := string(scopeKey(nil, name, original))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = make(map[string]string)
	}
	if _, known := s.values[key]; !known {
		s.order = append(s.order, key)
	}
	s.values[key] = string(replay)
	if len(s.order) > maxScoped {
		delete(s.values, s.order[0])
		s.order = s.order[1:]
	}
}

func (s *scoped) empty() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.values) == 0
}

// find returns what stands in place of the value under the name.
func (s *scoped) find(name, v []byte) (string, bool) {
	if len(v) == 0 || len(v) > longestScoped {
		return "", false
	}
	var buf [128]byte
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.values[string(scopeKey(buf[:0], name, v))]
	return r, ok
}

// longestScoped is the length of the longest value that is bound by name.
const longestScoped = 256

// scopable reports whether a value that services make up, by its name, must be
// bound to that name, since it does not look like one.
func scopable(name, o, r []byte, role value.Role) bool {
	return role == value.TokenRole && len(name) > 0 && len(o) <= longestScoped && len(r) > 0 && len(r) <= longestScoped &&
		bytes.IndexFunc(o, func(c rune) bool { return c <= ' ' || c == 0x7f }) < 0
}

// query replaces the scoped values of a query's parameters.
func (s *scoped) query(raw string, used []replaced) (string, []replaced) {
	var out strings.Builder
	done := 0
	for at := 0; at <= len(raw); {
		pair, _, _ := strings.Cut(raw[at:], "&")
		if name, v, ok := strings.Cut(pair, "="); ok {
			if r, ok := s.find([]byte(name), []byte(v)); ok {
				start := at + len(name) + 1
				out.WriteString(raw[done:start])
				out.Write(appendLike(nil, "", r, []byte(v), true))
				done = start + len(v)
				used = append(used, replaced{v, r})
			}
		}
		at += len(pair) + 1
	}
	if done == 0 {
		return raw, used
	}
	out.WriteString(raw[done:])
	return out.String(), used
}

// member returns what stands in place of a body's scalar: by the name of its
// member or, among the values of a filter, by what it filters.
func (s *scoped) member(t *body.Tree, n body.Node) (string, bool) {
	if t.Format() == body.Form && t.Parent(n) == t.Root() {
		key := t.Key(n)
		if r, ok := s.find(lastName(key), t.Text(n)); ok {
			return r, true
		}
		return s.find(formFilter(t, n), t.Text(n))
	}
	if r, ok := s.find(memberName(t, n), t.Text(n)); ok {
		return r, true
	}
	return s.find(filterName(t, n), t.Text(n))
}

// lastName returns the name of a form's key without the numbers of lists:
// "Tags.member.1.Key" is a Key, "InstanceId.1" an InstanceId.
func lastName(key []byte) []byte {
	for {
		i := bytes.LastIndexByte(key, '.')
		last := key[i+1:]
		if i < 0 || len(bytes.Trim(last, digitLetters)) > 0 && !isWrapper(last) {
			return last
		}
		key = key[:i]
	}
}

// maxBeside is how many parameters of a filter are looked at for its name. AWS
// allows 200 values.
const maxBeside = 256

// formFilter returns the name that stands beside a filter's value n, as
// "Filter.1.Name" does beside "Filter.1.Value.1"; nil if there is none. What
// belongs to one filter stands together, as clients write it.
func formFilter(t *body.Tree, n body.Node) []byte {
	key := t.Key(n)
	i := bytes.Index(key, []byte(".Value"))
	if i < 0 {
		return nil
	}
	filter := key[:i+1]
	for c, left := n-1, maxBeside; c > t.Root() && left > 0; c, left = c-1, left-1 {
		if t.Parent(c) != t.Root() {
			continue // within a value
		}
		name, ok := bytes.CutPrefix(t.Key(c), filter)
		if !ok {
			break
		}
		if string(name) == "Name" {
			return t.Text(c)
		}
	}
	for c, left := t.Next(n), maxBeside; c != body.None && left > 0; c, left = t.Next(c), left-1 {
		name, ok := bytes.CutPrefix(t.Key(c), filter)
		if !ok {
			break
		}
		if string(name) == "Name" {
			return t.Text(c)
		}
	}
	return nil
}

// filterName returns the name beside a list of values: {"Name": …, "Values": […]}.
func filterName(t *body.Tree, n body.Node) []byte {
	list := t.Parent(n)
	if list == body.None || !equalFold(t.Key(list), "Values") {
		return nil
	}
	holder := t.Parent(list)
	if holder == body.None {
		return nil
	}
	for c := t.First(holder); c != body.None; c = t.Next(c) {
		if key := t.Key(c); t.Kind(c) == body.String && (equalFold(key, "Name") || equalFold(key, "Key")) {
			return t.Text(c)
		}
	}
	return nil
}
