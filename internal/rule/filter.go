package rule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/itchyny/gojq"
)

// A Filter is a jq expression that chooses entries: those for which it yields
// something that is neither false nor null, as jq's select does.
type Filter struct {
	text string
	code *gojq.Code
}

// ParseFilter compiles an expression. A syntax error shows where it is.
func ParseFilter(s string) (*Filter, error) {
	query, err := gojq.Parse(s)
	if err != nil {
		return nil, syntaxError(s, err)
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return nil, fmt.Errorf("jq expression %q: %w", s, err)
	}
	return &Filter{s, code}, nil
}

// UnmarshalText implements encoding.TextUnmarshaler, so that a flag can be a
// Filter.
func (f *Filter) UnmarshalText(text []byte) error {
	parsed, err := ParseFilter(string(text))
	if err == nil {
		*f = *parsed
	}
	return err
}

// Match reports whether the expression chooses the entry, a JSON object. An
// expression that fails on the entry is an error: dropping it in silence would
// lose it.
func (f *Filter) Match(entry []byte) (bool, error) {
	dec := json.NewDecoder(bytes.NewReader(entry))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return false, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return false, fmt.Errorf("text behind the entry")
	}
	iter := f.code.Run(v)
	for {
		out, ok := iter.Next()
		if !ok {
			return false, nil
		}
		if err, failed := out.(error); failed {
			if halt, ok := err.(*gojq.HaltError); ok && halt.Value() == nil {
				return false, nil
			}
			return false, fmt.Errorf("--filter %s: %w", f.text, err)
		}
		if out != nil && out != false {
			return true, nil
		}
	}
}
