package rule

import (
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// A Type says in what way learned noise varies; it is still checked.
type Type string

// The types of noise.
const (
	ID        Type = "id"        // a generated id: stands for another of the same form
	Timestamp Type = "timestamp" // a timestamp of the same format
	Token     Type = "token"     // any text in place of another
	Counter   Type = "counter"   // a whole number in place of another
	Order     Type = "order"     // a list in any order
	Jitter    Type = "jitter"    // a number near another: at most ten times as large
)

// A Rule is one entry of a rules file. Exactly one of Ignore, JQ, Unordered and
// Path is set.
type Rule struct {
	Ignore    string `yaml:"ignore,omitempty"`
	JQ        string `yaml:"jq,omitempty"`
	Unordered string `yaml:"unordered,omitempty"`
	Path      string `yaml:"path,omitempty"` // noise, of the Type
	Type      Type   `yaml:"type,omitempty"`
	Support   string `yaml:"support,omitempty"` // how often it was seen to vary: "12 of 14"
	Example   string `yaml:"example,omitempty"`
	Reason    string `yaml:"reason,omitempty"`
	Expires   string `yaml:"expires,omitempty"` // a date, 2026-12-31; the rule ends with that day
}

// A File is a set of rules as a user keeps it.
type File struct {
	Rules []Rule `yaml:"rules"`
}

// ParseFile reads a rules file, YAML. Rules whose day has passed at now are left
// out and named in expired. Every rule needs a reason; noise needs a type.
func ParseFile(data []byte, now time.Time) (s Set, expired []string, err error) {
	var f File
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		return s, nil, fmt.Errorf("rules: %s", strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	for i, r := range f.Rules {
		old, err := s.add(r, now)
		if err != nil {
			return Set{}, nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
		if old != "" {
			expired = append(expired, old)
		}
	}
	return s, expired, nil
}

// Set is rules ready for use.
type Set struct {
	Ignore    []*Path
	JQ        []*JQ
	Unordered []*Path
	Noise     []Noise
}

// Noise is a place that varies in a known way.
type Noise struct {
	Path *Path
	Type Type
}

// Merge adds the rules of o.
func (s *Set) Merge(o Set) {
	s.Ignore = append(s.Ignore, o.Ignore...)
	s.JQ = append(s.JQ, o.JQ...)
	s.Unordered = append(s.Unordered, o.Unordered...)
	s.Noise = append(s.Noise, o.Noise...)
}

func (s *Set) add(r Rule, now time.Time) (expired string, err error) {
	kinds := 0
	for _, v := range []string{r.Ignore, r.JQ, r.Unordered, r.Path} {
		if v != "" {
			kinds++
		}
	}
	if kinds != 1 {
		return "", fmt.Errorf("one of ignore, jq, unordered and path is needed, not %d", kinds)
	}
	text := r.Ignore + r.JQ + r.Unordered + r.Path
	if r.Reason == "" && r.Path == "" {
		return "", fmt.Errorf("%s has no reason: say why it may differ", text)
	}
	if r.Expires != "" {
		day, err := time.Parse(time.DateOnly, r.Expires)
		if err != nil {
			return "", fmt.Errorf("%s: expires %q is no date like 2026-12-31", text, r.Expires)
		}
		if !now.Before(day.AddDate(0, 0, 1)) {
			return text, nil
		}
	}
	switch {
	case r.JQ != "":
		q, err := ParseJQ(r.JQ)
		if err != nil {
			return "", err
		}
		s.JQ = append(s.JQ, q)
		return "", nil
	case r.Path != "" && r.Type != ID && r.Type != Timestamp && r.Type != Token && r.Type != Counter && r.Type != Order && r.Type != Jitter:
		return "", fmt.Errorf("%s: unknown type %q", text, r.Type)
	}
	p, err := ParsePath(text)
	if err != nil {
		return "", err
	}
	switch {
	case r.Ignore != "":
		s.Ignore = append(s.Ignore, p)
	case r.Unordered != "" || r.Type == Order:
		s.Unordered = append(s.Unordered, p)
	default:
		s.Noise = append(s.Noise, Noise{p, r.Type})
	}
	return "", nil
}

// New returns the rules that flags name.
func New(ignore, jq, unordered []string) (s Set, err error) {
	for _, text := range ignore {
		p, err := ParsePath(text)
		if err != nil {
			return Set{}, err
		}
		s.Ignore = append(s.Ignore, p)
	}
	for _, text := range jq {
		q, err := ParseJQ(text)
		if err != nil {
			return Set{}, err
		}
		s.JQ = append(s.JQ, q)
	}
	for _, text := range unordered {
		p, err := ParsePath(text)
		if err != nil {
			return Set{}, err
		}
		s.Unordered = append(s.Unordered, p)
	}
	return s, nil
}
