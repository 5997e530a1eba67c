package rule

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/itchyny/gojq"
)

// A Filter is a jq expression that decides whether an entry is wanted. It may be
// used by many goroutines at once.
type Filter struct{ code *gojq.Code }

// ParseFilter compiles an expression such as `.service == "s3"`.
func ParseFilter(s string) (*Filter, error) {
	query, err := gojq.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("jq expression %q: %w", s, err)
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return nil, fmt.Errorf("jq expression %q: %w", s, err)
	}
	return &Filter{code}, nil
}

// Match reports whether the expression's first value for an entry, given as JSON, is
// neither false nor null. An expression without a value does not match.
func (f *Filter) Match(entry []byte) (bool, error) {
	d := json.NewDecoder(bytes.NewReader(entry))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return false, err
	}
	result, ok := f.code.Run(v).Next()
	if err, failed := result.(error); failed {
		return false, err
	}
	return ok && result != nil && result != false, nil
}
