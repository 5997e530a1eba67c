package rule

import (
	"fmt"
	"strings"

	"github.com/itchyny/gojq"
)

// A JQ is a jq expression that names places: the paths it yields for an answer's
// body, and all within them, may differ. `.Items[].Id` and
// `.. | .UpdatedAt? // empty` and `.Rules[] | select(.Type=="x") | .Value` are such.
type JQ struct {
	text string
	code *gojq.Code
}

// String returns the expression.
func (q *JQ) String() string { return q.text }

// ParseJQ compiles an expression. A syntax error shows where it is.
func ParseJQ(s string) (*JQ, error) {
	query, err := gojq.Parse("path(" + s + "\n)")
	if err != nil {
		if _, plain := gojq.Parse(s); plain != nil {
			err = plain
		}
		return nil, syntaxError(s, err)
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return nil, fmt.Errorf("jq expression %q: %w", s, err)
	}
	return &JQ{s, code}, nil
}

// syntaxError shows where an expression goes wrong.
func syntaxError(s string, err error) error {
	pe, ok := err.(*gojq.ParseError)
	if !ok {
		return fmt.Errorf("jq expression %q: %w", s, err)
	}
	at := max(0, min(pe.Offset-len(pe.Token), len(s)))
	return fmt.Errorf("jq expression: %w\n    %s\n    %s^", err, s, strings.Repeat(" ", at))
}

// maxPaths bounds what one expression may yield for one answer.
const maxPaths = 100_000

// Paths returns the places that the expression names in v, a value as
// encoding/json decodes it. An expression that fails on this value names what it
// had named before.
func (q *JQ) Paths(v any) [][]any {
	var out [][]any
	iter := q.code.Run(v)
	for len(out) < maxPaths {
		p, ok := iter.Next()
		if !ok {
			break
		}
		if _, failed := p.(error); failed {
			break
		}
		if path, ok := p.([]any); ok {
			out = append(out, path)
		}
	}
	return out
}

// Within reports whether place is at one of the paths, or inside.
func Within(paths [][]any, place []Step) bool {
next:
	for _, p := range paths {
		if len(p) == 0 || len(p) > len(place) {
			continue
		}
		for i, s := range p {
			switch s := s.(type) {
			case string:
				if place[i].Index != -1 || place[i].Name != s {
					continue next
				}
			case int:
				if place[i].Index != s {
					continue next
				}
			default:
				continue next
			}
		}
		return true
	}
	return false
}
