// Package report folds compared entries into one ComparisonReport and writes
// it for programs and for people.
package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A Report is the ComparisonReport: how an emulator's answers compare with
// those of AWS. The members up to Mismatches were defined before this project
// and never change.
type Report struct {
	// TotalRequests counts calls: attempts that a client made of the same call
	// count once, and the last one decides.
	TotalRequests int `json:"total_requests"`
	Matched       int `json:"matched"`
	// Mismatched counts calls that were answered differently, Errors those that
	// were not answered. TotalRequests is the sum of these three.
	Mismatched int `json:"mismatched"`
	Errors     int `json:"errors"`
	// CompatibilityPct is Matched of TotalRequests, rounded down to a hundredth,
	// so that 100 means all.
	CompatibilityPct float64    `json:"compatibility_pct"`
	Mismatches       []Mismatch `json:"mismatches"`

	// MismatchesOmitted counts those beyond the limit, which are in every other
	// number but not in Mismatches.
	MismatchesOmitted int `json:"mismatches_omitted,omitempty"`
	// Attempts counts the entries that repeated a call already counted.
	Attempts int `json:"attempts,omitempty"`
	// Issues are the distinct differences, most frequent first.
	Issues   []Issue   `json:"issues,omitempty"`
	Services []Service `json:"services,omitempty"`
	// Endpoints is the same per target, when there was more than one.
	Endpoints []Group `json:"endpoints,omitempty"`
	// Allowed counts the pairs of values that differ and were let pass, by rule.
	Allowed map[string]int `json:"allowed,omitempty"`
	Latency *Latencies     `json:"latency_ms,omitempty"`
	// Change compares with an earlier report, when there is one.
	Change *Change `json:"change,omitempty"`
}

// A Mismatch is one call that was answered differently, or not at all.
type Mismatch struct {
	EntryID        string `json:"entry_id"`
	Service        string `json:"service"`
	Action         string `json:"action"`
	OriginalStatus int    `json:"original_status"`
	ReplayStatus   int    `json:"replay_status"`
	// Diffs are the differences in words: "status: 200 -> 404".
	Diffs    []string `json:"diffs"`
	Severity string   `json:"severity"` // status, schema, data or error
	Endpoint string   `json:"endpoint,omitempty"`
}

// An Issue is one difference, however often it was met: what a maintainer of
// the emulator would fix at once.
type Issue struct {
	Fingerprint string `json:"fingerprint"`
	Service     string `json:"service"`
	Action      string `json:"action"`
	Severity    string `json:"severity"`
	Kind        string `json:"kind"`
	Path        string `json:"path"`
	// Count is the number of calls that have the difference.
	Count int `json:"count"`
	// Example is the difference in words as it was first met, in entry EntryID.
	Example string `json:"example"`
	EntryID string `json:"entry_id"`
}

// A Group is the counts of some part of the calls.
type Group struct {
	Name       string `json:"name"`
	Total      int    `json:"total"`
	Matched    int    `json:"matched"`
	Mismatched int    `json:"mismatched"`
	Errors     int    `json:"errors"`
}

// A Service is the counts of a service and of its actions.
type Service struct {
	Group
	Actions []Group `json:"actions"`
}

// Latencies compares how long calls took, in milliseconds.
type Latencies struct {
	Original Percentiles `json:"original"`
	Replay   Percentiles `json:"replay"`
}

// Failed reports whether the emulator is not as compatible as asked for: below
// the minimum, in percent, where 100 means that every call matches; or, with an
// earlier report to compare with, whether there is a difference that it does not
// have.
func (r *Report) Failed(minCompat float64) bool {
	if r.Change != nil && len(r.Change.New) == 0 {
		return false
	}
	return r.CompatibilityPct < minCompat
}

// A verdict is how one call ended.
type verdict uint8

const (
	matched verdict = iota
	mismatched
	failed
)

// A call is what may have to be taken back when the same call was made again.
type call struct {
	verdict           verdict
	service, endpoint *counts
	action            *counts
	mismatch          int // index in mismatches, -1 when there is none
	issues            []*Issue
}

type counts struct{ total, matched, mismatched, errors int }

func (c *counts) add(v verdict, n int) {
	if c == nil {
		return
	}
	c.total += n
	switch v {
	case matched:
		c.matched += n
	case mismatched:
		c.mismatched += n
	case failed:
		c.errors += n
	}
}

func (c *counts) group(name string) Group {
	return Group{name, c.total, c.matched, c.mismatched, c.errors}
}

type actionKey struct{ service, action string }

// A Tally counts compared entries. Its memory is bounded by the number of
// distinct actions and issues, and by MaxMismatches.
type Tally struct {
	// MaxMismatches bounds the list of mismatches; 0 means 10,000.
	MaxMismatches int

	all        counts
	attempts   int
	services   map[string]*counts
	actions    map[actionKey]*counts
	endpoints  map[string]*counts
	mismatches []Mismatch
	omitted    int
	issues     map[string]*Issue
	allowed    map[string]int
	original   histogram
	replay     histogram
	recent     recent
	object     entry.Object
}

// Add counts one entry. An entry that was not compared is an error.
func (t *Tally) Add(l *entry.Line) error {
	if err := t.add(l); err != nil {
		return l.Errorf("%w", err)
	}
	return nil
}

func (t *Tally) add(l *entry.Line) error {
	match, ok := l.Bool(entry.FieldMatch)
	if !ok {
		if !l.Has(entry.FieldReplay) {
			return errors.New("not replayed: run cm-replay and cm-diff first")
		}
		return errors.New("not compared: run cm-diff first")
	}
	t.object = entry.Object{}
	if l.Has(entry.FieldReplay) {
		if err := l.Replay(&t.object); err != nil {
			return err
		}
	}
	c := call{mismatch: -1}
	if !match {
		c.verdict = mismatched
		if string(l.Get(entry.FieldSeverity)) == `"error"` {
			c.verdict = failed
		}
	}
	service, action := l.Text(entry.FieldService), l.Text(entry.FieldAction)
	if service == "" || action == "" {
		id, err := awsapi.IdentifyEntry(&l.Object)
		if err != nil {
			return err
		}
		service, action = id.Service, id.Action
	}
	c.service = at(&t.services, service)
	c.action = at(&t.actions, actionKey{service, action})
	endpoint := t.object.Text(entry.FieldEndpoint)
	c.endpoint = at(&t.endpoints, endpoint)

	// The attempt that came before gives way to this one.
	first := t.object.Text(entry.FieldAttemptOf)
	if first != "" {
		if old, ok := t.recent.take(first + "\x00" + endpoint); ok {
			t.attempts++
			t.count(&old, -1)
		}
	} else {
		first = l.Text(entry.FieldID)
	}
	if c.verdict != matched {
		if err := t.differs(l, &c, Mismatch{Service: service, Action: action, Endpoint: endpoint}); err != nil {
			return err
		}
	}
	t.count(&c, 1)
	t.recent.put(first+"\x00"+endpoint, c)
	if err := t.pass(l); err != nil {
		return err
	}
	return t.latencies(l, c.verdict)
}

func at[K comparable](m *map[K]*counts, key K) *counts {
	if *m == nil {
		*m = map[K]*counts{}
	}
	c := (*m)[key]
	if c == nil {
		c = new(counts)
		(*m)[key] = c
	}
	return c
}

// count adds a call, or with n = -1 takes it back.
func (t *Tally) count(c *call, n int) {
	t.all.add(c.verdict, n)
	c.service.add(c.verdict, n)
	c.action.add(c.verdict, n)
	c.endpoint.add(c.verdict, n)
	for _, i := range c.issues {
		i.Count += n
	}
	if n < 0 && c.verdict != matched {
		if c.mismatch >= 0 {
			t.mismatches[c.mismatch].Severity = "" // left out at the end
		} else {
			t.omitted--
		}
	}
}

// A Diff is one difference as cm-diff writes it.
type Diff struct {
	Path        string          `json:"path"`
	Kind        string          `json:"kind"`
	Original    json.RawMessage `json:"original"`
	Replay      json.RawMessage `json:"replay"`
	Fingerprint string          `json:"fingerprint"`
}

// String says the difference in words.
func (d Diff) String() string {
	value := func(v json.RawMessage) string {
		if len(v) == 0 {
			return "nothing"
		}
		return string(v)
	}
	subject := d.Kind
	if d.Kind == "" {
		subject = "differs"
	}
	if d.Kind != "status" && d.Path != "" {
		subject += ": " + d.Path
	}
	switch {
	case len(d.Original) == 0 && len(d.Replay) == 0:
		return subject
	case d.Kind == "missing" && len(d.Replay) == 0:
		return subject + ": " + value(d.Original)
	case d.Kind == "extra" && len(d.Original) == 0:
		return subject + ": " + value(d.Replay)
	}
	return subject + ": " + value(d.Original) + " -> " + value(d.Replay)
}

// differs notes how the answers differ; m says which call it is.
func (t *Tally) differs(l *entry.Line, c *call, m Mismatch) error {
	var diffs []Diff
	if raw := l.Get(entry.FieldDiffs); raw != nil {
		if err := json.Unmarshal(raw, &diffs); err != nil {
			return fmt.Errorf("diffs: %w", err)
		}
	}
	original, err := l.Status()
	if err != nil {
		return err
	}
	replay, err := t.object.Status()
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	m.EntryID, m.OriginalStatus, m.ReplayStatus = l.Text(entry.FieldID), original, replay
	m.Diffs = make([]string, 0, len(diffs))
	m.Severity = cmp.Or(l.Text(entry.FieldSeverity), "data")
	if c.verdict == failed && len(diffs) == 0 {
		why := cmp.Or(t.object.Text(entry.FieldError), "no answer")
		diffs = []Diff{{Kind: "error: " + why}}
	}
	for _, d := range diffs {
		m.Diffs = append(m.Diffs, d.String())
		if i := t.issue(&m, d); !slices.Contains(c.issues, i) {
			c.issues = append(c.issues, i)
		}
	}
	limit := cmp.Or(t.MaxMismatches, 10_000)
	if len(t.mismatches) >= limit {
		t.omitted++
		return nil
	}
	c.mismatch = len(t.mismatches)
	t.mismatches = append(t.mismatches, m)
	return nil
}

func (t *Tally) issue(m *Mismatch, d Diff) *Issue {
	found := Issue{
		Fingerprint: d.Fingerprint, Service: m.Service, Action: m.Action, Severity: m.Severity,
		Kind: d.Kind, Path: indices.ReplaceAllString(d.Path, "[]"), Example: d.String(), EntryID: m.EntryID,
	}
	key := found.key()
	i := t.issues[key]
	if i == nil {
		i = &found
		if t.issues == nil {
			t.issues = map[string]*Issue{}
		}
		t.issues[key] = i
	}
	return i
}

// indices are what tells apart the elements of a list in a path.
var indices = regexp.MustCompile(`\[\d+\]`)

// key tells one difference from another.
func (i *Issue) key() string {
	return cmp.Or(i.Fingerprint, i.Service+" "+i.Action+" "+i.Kind+" "+i.Path)
}

// pass counts what was let pass.
func (t *Tally) pass(l *entry.Line) error {
	raw := l.Get(entry.FieldAllowed)
	if raw == nil {
		return nil
	}
	var n map[string]int
	if err := json.Unmarshal(raw, &n); err != nil {
		return fmt.Errorf("allowed: %w", err)
	}
	for rule, k := range n {
		if t.allowed == nil {
			t.allowed = map[string]int{}
		}
		t.allowed[rule] += k
	}
	return nil
}

func (t *Tally) latencies(l *entry.Line, v verdict) error {
	if v == failed {
		return nil
	}
	original, err := l.Float(entry.FieldLatencyMs)
	if err != nil {
		return err
	}
	replay, err := t.object.Float(entry.FieldLatencyMs)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	t.original.add(original)
	t.replay.add(replay)
	return nil
}

// Report returns what was counted so far. The Tally may go on afterwards.
func (t *Tally) Report() *Report {
	r := &Report{
		TotalRequests: t.all.total, Matched: t.all.matched, Mismatched: t.all.mismatched, Errors: t.all.errors,
		Mismatches:        make([]Mismatch, 0, len(t.mismatches)),
		MismatchesOmitted: t.omitted,
		Attempts:          t.attempts,
		Allowed:           t.allowed,
	}
	for _, m := range t.mismatches {
		if m.Severity != "" {
			r.Mismatches = append(r.Mismatches, m)
		}
	}
	for _, i := range t.issues {
		if i.Count > 0 {
			r.Issues = append(r.Issues, *i)
		}
	}
	for name, c := range t.services {
		s := Service{Group: c.group(name)}
		for key, a := range t.actions {
			if key.service == name {
				s.Actions = append(s.Actions, a.group(key.action))
			}
		}
		slices.SortFunc(s.Actions, byName)
		r.Services = append(r.Services, s)
	}
	if len(t.endpoints) > 1 {
		for name, c := range t.endpoints {
			r.Endpoints = append(r.Endpoints, c.group(name))
		}
		slices.SortFunc(r.Endpoints, byName)
	}
	r.finish(&t.original, &t.replay)
	return r
}

func byName(a, b Group) int { return cmp.Compare(a.Name, b.Name) }

// severityRank puts the worst first.
func severityRank(s string) int {
	return slices.Index([]string{"error", "status", "schema", "data"}, s)
}
