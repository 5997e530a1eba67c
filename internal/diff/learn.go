package diff

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/neureaux/cloudmock/internal/pipe"
	"github.com/neureaux/cloudmock/internal/rule"
	"github.com/neureaux/cloudmock/internal/value"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// sighting is what was seen at one place of one operation.
type sighting struct {
	where  string // service:action:path
	kind   Kind
	types  []rule.Type // those that every pair seen fits
	a, b   string      // an example
	n      int         // pairs that differ
	refuse string      // why no rule is made of it
}

// Learn compares the answers of a and b, two recordings or two replays of the
// same calls, and returns a file of rules for what varies between them beyond
// what the comparison lets pass anyway. Entries go together by id, else by
// their order among those of one operation. It keeps a's entries in memory.
func Learn(ctx context.Context, a, b pipe.Source) (string, error) {
	type key struct {
		name string
		n    int
	}
	first := map[key][]byte{}
	byID := map[string][]byte{}
	d := New(Options{Strict: true})
	call := func(l *entry.Line) string {
		j := job{d: d, line: l}
		j.identify()
		return j.service + ":" + j.action
	}
	seen := map[string]int{}
	if err := pipe.Fold(ctx, a, func(l *entry.Line) error {
		raw := slices.Clone(l.Raw())
		name := call(l)
		first[key{name, seen[name]}] = raw
		seen[name]++
		if id := l.Text(entry.FieldID); id != "" {
			byID[id] = raw
		}
		return nil
	}); err != nil {
		return "", err
	}
	sightings := map[string]*sighting{}
	calls := map[string]int{}
	pairs := 0
	clear(seen)
	d.observe = func(j *job, p place, kind Kind) { note(sightings, j, p, kind) }
	err := pipe.Fold(ctx, b, func(l *entry.Line) error {
		name := call(l)
		raw, ok := byID[l.Text(entry.FieldID)]
		if !ok {
			raw, ok = first[key{name, seen[name]}]
		}
		seen[name]++
		if !ok {
			return nil
		}
		pairs++
		calls[name]++
		line, err := join(raw, l)
		if err != nil {
			return err
		}
		_, err = d.Compare(ctx, line)
		return err
	})
	if err != nil {
		return "", err
	}
	if pairs == 0 {
		return "", fmt.Errorf("the inputs have no call in common: nothing was learned")
	}
	return noiseFile(sightings, calls, pairs)
}

// join makes one entry with a's answer as the original and b's as the replay.
// An answer is the replay's where the entry has one.
func join(a []byte, b *entry.Line) (*entry.Line, error) {
	l := &entry.Line{Name: b.Name, Number: b.Number}
	if err := l.Parse(a); err != nil {
		return nil, err
	}
	answer := func(l *entry.Line) ([]byte, error) {
		if l.Has(entry.FieldReplay) {
			return l.Get(entry.FieldReplay), nil
		}
		out := []byte{'{'}
		for _, f := range answerFields {
			if v := l.Get(f); v != nil {
				if len(out) > 1 {
					out = append(out, ',')
				}
				out = entry.AppendString(out, f.String())
				out = append(append(out, ':'), v...)
			}
		}
		return append(out, '}'), nil
	}
	x, err := answer(l)
	if err != nil {
		return nil, err
	}
	y, err := answer(b)
	if err != nil {
		return nil, err
	}
	var o entry.Object
	if err := o.Parse(slices.Clone(x)); err != nil {
		return nil, l.Errorf("replay: %w", err)
	}
	y = slices.Clone(y)
	for _, f := range answerFields {
		if v := o.Get(f); v != nil {
			l.Set(f, v)
		} else {
			l.Delete(f)
		}
	}
	l.Set(entry.FieldReplay, y)
	return l, nil
}

var answerFields = []entry.Field{
	entry.FieldStatusCode, entry.FieldError, entry.FieldResponseHeaders,
	entry.FieldResponseBody, entry.FieldResponseBodyEncoding, entry.FieldResponseBodySize, entry.FieldResponseBodySHA256, entry.FieldResponseBodyTruncated,
}

// allTypes, the most telling first.
var allTypes = []rule.Type{rule.Timestamp, rule.ID, rule.Jitter, rule.Counter, rule.Token}

// note adds one difference to what was seen at its place.
func note(all map[string]*sighting, j *job, p place, kind Kind) {
	j.identify()
	where := fmt.Sprintf("%s:%s:%s", j.service, j.action, general(j.steps(nil, p)))
	k := where + " " + string(kind)
	s := all[k]
	a, b := j.texts(p)
	if s == nil {
		s = &sighting{where: where, kind: kind, types: slices.Clone(allTypes), a: string(window(a, 0)), b: string(window(b, 0))}
		all[k] = s
	}
	s.n++
	switch kind {
	case KindOrder:
		s.types = []rule.Type{rule.Order}
	case KindValue, KindHeader, KindIdentity:
		s.types = slices.DeleteFunc(s.types, func(t rule.Type) bool {
			return !ofType(t, a, b) || t == rule.Token && !(value.Random(a) && value.Random(b))
		})
		if len(s.types) == 0 {
			s.refuse = "the values are of no type that varies by nature"
		}
	default:
		s.refuse = "a structural difference is no noise"
	}
	if p.pair < 0 && !strings.HasPrefix(p.header, "headers.") {
		s.refuse = "a structural difference is no noise"
	} else if len(j.steps(nil, p)) == 0 {
		s.refuse = "the rule would cover the whole answer"
	}
}

// general writes a path with [*] for every index, and .* for names that a
// service made up.
func general(steps []rule.Step) string {
	var out strings.Builder
	if len(steps) == 0 || steps[0].Name != "headers" {
		out.WriteByte('$')
	}
	for i, s := range steps {
		switch {
		case s.Index >= 0:
			out.WriteString("[*]")
		case value.Classify([]byte(s.Name)).Kind.Generated():
			out.WriteString(".*")
		case strings.ContainsAny(s.Name, ".[]\" "):
			fmt.Fprintf(&out, "[%q]", s.Name)
		default:
			if i > 0 || out.Len() > 0 {
				out.WriteByte('.')
			}
			out.WriteString(s.Name)
		}
	}
	return out.String()
}

// noiseFile writes the rules, and as comments what was refused.
func noiseFile(all map[string]*sighting, calls map[string]int, pairs int) (string, error) {
	list := make([]*sighting, 0, len(all))
	for _, s := range all {
		list = append(list, s)
	}
	slices.SortFunc(list, func(x, y *sighting) int {
		return cmp.Or(strings.Compare(x.where, y.where), strings.Compare(string(x.kind), string(y.kind)))
	})
	var f rule.File
	var refused strings.Builder
	for _, s := range list {
		service, rest, _ := strings.Cut(s.where, ":")
		action, _, _ := strings.Cut(rest, ":")
		support := fmt.Sprintf("%d in %d calls", s.n, calls[service+":"+action])
		if s.refuse != "" {
			fmt.Fprintf(&refused, "# refused: %s, %s, %s: %s\n", comment(s.where), s.kind, support, s.refuse)
			continue
		}
		r := rule.Rule{Path: s.where, Type: s.types[0], Support: support, Reason: "differs between two runs of the same calls"}
		if s.kind != KindOrder {
			r.Example = s.a + " -> " + s.b
		}
		f.Rules = append(f.Rules, r)
	}
	head := fmt.Sprintf("# Learned by cm-diff from %d calls that were made twice. Read each rule before you keep it:\n"+
		"# what it names may differ in the way of its type, and is not compared further.\n%s", pairs, refused.String())
	if len(f.Rules) == 0 {
		return head + "rules: []\n", nil
	}
	out, err := yaml.Marshal(f)
	return head + string(out), err
}

// comment makes a text safe to stand in a comment.
func comment(s string) string { return strings.Trim(fmt.Sprintf("%q", s), `"`) }
