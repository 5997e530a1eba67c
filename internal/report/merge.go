package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// Read reads a report that WriteJSON wrote.
func Read(r io.Reader) (*Report, error) {
	var out Report
	dec := json.NewDecoder(r)
	if err := dec.Decode(&out); err != nil {
		return nil, fmt.Errorf("not a report: %w", err)
	}
	if out.TotalRequests != out.Matched+out.Mismatched+out.Errors {
		return nil, errors.New("not a report: total_requests is not the sum of matched, mismatched and errors")
	}
	return &out, nil
}

// Merge returns the report of the streams of all parts, one after another.
// Attempts of one call must not be spread over several parts.
func Merge(parts ...*Report) *Report {
	var all Report
	var original, replay histogram
	issues := map[string]*Issue{}
	services := map[string]map[string]*Group{}
	endpoints := map[string]*Group{}
	for _, p := range parts {
		all.TotalRequests += p.TotalRequests
		all.Matched += p.Matched
		all.Mismatched += p.Mismatched
		all.Errors += p.Errors
		all.Attempts += p.Attempts
		all.MismatchesOmitted += p.MismatchesOmitted
		all.Mismatches = append(all.Mismatches, p.Mismatches...)
		for rule, n := range p.Allowed {
			if all.Allowed == nil {
				all.Allowed = map[string]int{}
			}
			all.Allowed[rule] += n
		}
		for _, i := range p.Issues {
			if old := issues[i.key()]; old != nil {
				old.Count += i.Count
			} else {
				issues[i.key()] = &i
			}
		}
		for _, s := range p.Services {
			if services[s.Name] == nil {
				services[s.Name] = map[string]*Group{}
			}
			for _, a := range s.Actions {
				addGroup(services[s.Name], a)
			}
		}
		for _, e := range p.Endpoints {
			addGroup(endpoints, e)
		}
		if p.Latency != nil {
			original.merge(p.Latency.Original)
			replay.merge(p.Latency.Replay)
		}
	}
	if all.Mismatches == nil {
		all.Mismatches = []Mismatch{}
	}
	for _, i := range issues {
		all.Issues = append(all.Issues, *i)
	}
	for name, actions := range services {
		s := Service{Group: Group{Name: name}, Actions: groups(actions)}
		for _, a := range s.Actions {
			s.add(a)
		}
		all.Services = append(all.Services, s)
	}
	all.Endpoints = groups(endpoints)
	all.finish(&original, &replay)
	return &all
}

// finish computes what follows from the counts, and sorts.
func (r *Report) finish(original, replay *histogram) {
	if r.TotalRequests > 0 {
		r.CompatibilityPct = math.Floor(10_000*float64(r.Matched)/float64(r.TotalRequests)) / 100
		r.Latency = &Latencies{original.percentiles(), replay.percentiles()}
	}
	slices.SortFunc(r.Issues, func(a, b Issue) int {
		return cmp.Or(cmp.Compare(severityRank(a.Severity), severityRank(b.Severity)), cmp.Compare(b.Count, a.Count),
			cmp.Compare(a.Service, b.Service), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
	})
	slices.SortFunc(r.Services, func(a, b Service) int { return byName(a.Group, b.Group) })
}

func addGroup(m map[string]*Group, g Group) {
	if m[g.Name] == nil {
		m[g.Name] = &Group{Name: g.Name}
	}
	m[g.Name].add(g)
}

func (g *Group) add(o Group) {
	g.Total += o.Total
	g.Matched += o.Matched
	g.Mismatched += o.Mismatched
	g.Errors += o.Errors
}

func groups(m map[string]*Group) []Group {
	var out []Group
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, *m[name])
	}
	return out
}

// A Change says how a report differs from an earlier one.
type Change struct {
	New   []Issue `json:"new"`
	Fixed []Issue `json:"fixed"`
	Known int     `json:"known"`
}

// Since compares the distinct differences with those of an earlier report.
func (r *Report) Since(baseline *Report) Change {
	c := Change{New: []Issue{}, Fixed: []Issue{}}
	before := map[string]bool{}
	for _, i := range baseline.Issues {
		before[i.key()] = true
	}
	now := map[string]bool{}
	for _, i := range r.Issues {
		now[i.key()] = true
		if before[i.key()] {
			c.Known++
		} else {
			c.New = append(c.New, i)
		}
	}
	for _, i := range baseline.Issues {
		if !now[i.key()] {
			c.Fixed = append(c.Fixed, i)
		}
	}
	return c
}
