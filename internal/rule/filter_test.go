package rule

import "testing"

func TestFilter(t *testing.T) {
	const entry = `{"service":"s3","status_code":404,"request_headers":{"X":"1"}}`
	tests := []struct {
		name, expression string
		want, broken     bool
	}{
		{"true is a match", `.service == "s3"`, true, false},
		{"false is none", `.service == "sqs"`, false, false},
		{"null is none", `.action`, false, false},
		{"any other value is a match", `.service`, true, false},
		{"numbers compare", `.status_code >= 400`, true, false},
		{"no value is no match", `empty`, false, false},
		{"select works as in jq", `select(.service == "s3")`, true, false},
		{"a failing expression is an error", `.service.x`, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := ParseFilter(tt.expression)
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.Match([]byte(entry))
			if got != tt.want || (err != nil) != tt.broken {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	if _, err := ParseFilter(".a |"); err == nil {
		t.Error("a broken expression is accepted")
	}
}
