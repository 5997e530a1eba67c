package rule

import (
	"strings"
	"testing"
)

func TestFilter(t *testing.T) {
	const entry = `{"service":"s3","status_code":404,"big":9007199254740993,"replay":{"status_code":200}}`
	tests := []struct {
		name, expr string
		want       bool
	}{
		{"true chooses", `.service == "s3"`, true},
		{"false does not", `.service == "sqs"`, false},
		{"null does not", `.nothing`, false},
		{"0 is no false in jq", `0`, true},
		{"nothing at all does not", `empty`, false},
		{"select works as well", `select(.status_code >= 400)`, true},
		{"one of several outputs is enough", `.service, false`, true},
		{"64-bit numbers keep their last digit", `.big == 9007199254740993`, true},
		{"and do not match their neighbour", `.big == 9007199254740992`, false},
		{"nested fields are there", `.status_code != .replay.status_code`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := ParseFilter(tt.expr)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := f.Match([]byte(entry)); got != tt.want || err != nil {
				t.Errorf("%s: %v, %v; want %v", tt.expr, got, err, tt.want)
			}
		})
	}
}

func TestFilterErrors(t *testing.T) {
	if _, err := ParseFilter(`.a ==`); err == nil || !strings.Contains(err.Error(), "^") {
		t.Errorf("a syntax error is told as %v", err)
	}
	f, err := ParseFilter(`.service | keys`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Match([]byte(`{"service":"s3"}`)); err == nil || !strings.Contains(err.Error(), "--filter .service | keys: ") {
		t.Errorf("an expression that fails on an entry is told as %v", err)
	}
}
