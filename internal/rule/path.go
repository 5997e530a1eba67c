// Package rule is what a user says may differ: paths, jq expressions, and files
// of both with a reason and an expiry date for each.
package rule

import (
	"fmt"
	"strconv"
	"strings"
)

// A Step leads from a value to one within it: a member's name, or an index into a list.
type Step struct {
	Name  string
	Index int // -1 for a name
}

// wildcards of a pattern's step, in place of an index.
const (
	anyIndex = -2 // [*]
	anyName  = -3 // .*
	anyDepth = -4 // ..
)

// A Path is a pattern of places in an answer:
//
//	ResponseMetadata                 a member of that name at any depth
//	$.Items[*].Id                    a path from the root; [3], [*], .*, ..Name and ["a name"] work
//	headers.ETag                     a header
//	s3:$.Owner, s3:ListObjectsV2:$.Owner   of one service, of one operation
//
// It covers a place if it matches it or anything around it.
type Path struct {
	text            string
	service, action string
	steps           []Step
}

// String returns the pattern as it was written.
func (p *Path) String() string { return p.text }

// ParsePath reads a pattern. One that would cover whole answers is refused.
func ParsePath(s string) (*Path, error) {
	p := &Path{text: s}
	rest := s
	for i := range 2 {
		head, tail, ok := strings.Cut(rest, ":")
		if !ok || head == "" || strings.ContainsAny(head, "$.[\"") {
			break
		}
		if i == 0 {
			p.service = strings.ToLower(head)
		} else {
			p.action = head
		}
		rest = tail
	}
	var err error
	if p.steps, err = parseSteps(rest); err != nil {
		return nil, fmt.Errorf("path %q: %w", s, err)
	}
	if len(p.steps) == 0 || len(p.steps) == 1 && p.steps[0].Index == anyName {
		return nil, fmt.Errorf("path %q covers every answer whole: name what may differ", s)
	}
	return p, nil
}

func parseSteps(s string) (steps []Step, err error) {
	rooted := strings.HasPrefix(s, "$")
	if rooted {
		s = s[1:]
	} else if !strings.HasPrefix(s, "headers.") {
		steps = append(steps, Step{Index: anyDepth})
		s = "." + s
	} else {
		s = "." + s
	}
	for s != "" {
		switch {
		case strings.HasPrefix(s, ".."):
			steps = append(steps, Step{Index: anyDepth})
			if s = s[1:]; len(s) == 1 {
				return nil, fmt.Errorf("nothing follows ..")
			}
		case s[0] == '.':
			s = s[1:]
			n := strings.IndexAny(s, ".[")
			if n < 0 {
				n = len(s)
			}
			name := s[:n]
			if name == "" {
				return nil, fmt.Errorf("a name is missing")
			}
			step := Step{Name: name, Index: -1}
			if name == "*" {
				step = Step{Index: anyName}
			}
			steps = append(steps, step)
			s = s[n:]
		case s[0] == '[':
			end := strings.IndexByte(s, ']')
			if strings.HasPrefix(s, `["`) {
				if end = strings.Index(s, `"]`); end > 0 {
					name, err := strconv.Unquote(s[1 : end+1])
					if err != nil {
						return nil, fmt.Errorf("bad name %s", s[1:end+1])
					}
					steps = append(steps, Step{Name: name, Index: -1})
					s = s[end+2:]
					continue
				}
			}
			if end < 0 {
				return nil, fmt.Errorf("[ is not closed")
			}
			step := Step{Index: anyIndex}
			if in := s[1:end]; in != "*" {
				if step.Index, err = strconv.Atoi(in); err != nil || step.Index < 0 {
					return nil, fmt.Errorf("bad index [%s]", in)
				}
			}
			steps = append(steps, step)
			s = s[end+1:]
		default:
			return nil, fmt.Errorf("unexpected %q", s)
		}
	}
	return steps, nil
}

// Covers reports whether the place, or anything around it, matches.
func (p *Path) Covers(service, action string, place []Step) bool {
	return p.applies(service, action) && match(p.steps, place, true)
}

// Matches reports whether the list at place matches; a last [*] may be left out.
func (p *Path) Matches(service, action string, place []Step) bool {
	steps := p.steps
	if n := len(steps); n > 0 && steps[n-1].Index == anyIndex {
		steps = steps[:n-1]
	}
	return p.applies(service, action) && match(steps, place, false)
}

func (p *Path) applies(service, action string) bool {
	return (p.service == "" || p.service == service) && (p.action == "" || p.action == action)
}

// match compares pattern and place; with prefix, the place may go on.
func match(pat, place []Step, prefix bool) bool {
	for {
		if len(pat) == 0 {
			return prefix || len(place) == 0
		}
		if pat[0].Index == anyDepth {
			for i := range place {
				if match(pat[1:], place[i:], prefix) {
					return true
				}
			}
			return false
		}
		if len(place) == 0 || !same(pat[0], place[0]) {
			return false
		}
		pat, place = pat[1:], place[1:]
	}
}

func same(pat, at Step) bool {
	switch pat.Index {
	case anyIndex:
		return at.Index >= 0
	case anyName:
		return at.Index == -1
	case -1:
		return at.Index == -1 && (pat.Name == at.Name || strings.EqualFold(pat.Name, at.Name) && strings.Contains(at.Name, "-"))
	}
	return pat.Index == at.Index
}
