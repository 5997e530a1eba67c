package rule

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// place reads "a[3].b" as steps.
func place(s string) (steps []Step) {
	if s == "" {
		return nil
	}
	p, err := parseSteps("$." + s)
	if err != nil {
		panic(err)
	}
	return p
}

func TestPath(t *testing.T) {
	tests := []struct {
		name, path, at string
		covers         bool
	}{
		{"a name at any depth", "Id", "a.b.Id", true},
		{"what is within it", "Id", "Id.x[1]", true},
		{"not a part of a name", "Id", "a.RequestId", false},
		{"a path from the root", "$.Items[*].Id", "Items[7].Id", true},
		{"only from the root", "$.Items[*].Id", "a.Items[7].Id", false},
		{"one index", "$.Items[7]", "Items[7].Id", true},
		{"another index", "$.Items[7]", "Items[8].Id", false},
		{"any name", "$.a.*.c", "a.b.c", true},
		{"any depth", "$.a..c", "a.x.y[2].c", true},
		{"a name with a dot", `$["a.b"]`, "ab", false},
		{"a service", "dynamodb:$.a", "a", true},
		{"another service", "s3:$.a", "a", false},
		{"an operation", "dynamodb:Scan:$.a", "a", true},
		{"another operation", "dynamodb:Query:$.a", "a", false},
		{"an operation's name at any depth", "dynamodb:Scan:Id", "x.Id", true},
		{"a header", "headers.ETag", "headers.ETag", true},
		{"a header in another case", "headers.x-amz-meta-a", "headers.X-Amz-Meta-A", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := ParsePath(tt.path)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Covers("dynamodb", "Scan", place(tt.at)); got != tt.covers {
				t.Errorf("%s covers %s: %v, want %v", tt.path, tt.at, got, tt.covers)
			}
		})
	}
}

func TestPathRefuses(t *testing.T) {
	tests := []struct{ name, path, want string }{
		{"a path that covers everything", "$", "covers every answer whole"},
		{"a wildcard that covers everything", "$.*", "covers every answer whole"},
		{"an open bracket", "$.a[", "[ is not closed"},
		{"a bad index", "$.a[x]", "bad index"},
		{"a missing name", "$.a.[0]", "a name is missing"},
		{"nothing at any depth", "$.a..", "nothing follows .."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParsePath(tt.path)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

func TestJQ(t *testing.T) {
	q, err := ParseJQ(`.Items[] | select(.k=="b") | .v`)
	if err != nil {
		t.Fatal(err)
	}
	body := map[string]any{"Items": []any{map[string]any{"k": "a", "v": 1.0}, map[string]any{"k": "b", "v": 2.0}}}
	paths := q.Paths(body)
	if d := cmp.Diff([][]any{{"Items", 1, "v"}}, paths); d != "" {
		t.Errorf("paths (-want +got):\n%s", d)
	}
	if !Within(paths, place("Items[1].v.deep")) || Within(paths, place("Items[0].v")) {
		t.Error("what is within the paths is told wrong")
	}
	if _, err := ParseJQ(".a["); err == nil || !strings.Contains(err.Error(), "^") {
		t.Errorf("error %v, want one with a caret", err)
	}
}

func TestParseFile(t *testing.T) {
	now := time.Date(2026, 6, 2, 12, 0, 0, 0, time.UTC)
	tests := []struct{ name, file, want string }{
		{"all kinds of rule", "rules:\n- {ignore: Id, reason: r}\n- {jq: .a, reason: r, expires: 2026-06-02}\n- {unordered: $.l, reason: r}\n- {path: 's:A:$.x', type: token}\n", ""},
		{"a rule without a reason", "rules: [{ignore: Id}]", "rule 1: Id has no reason"},
		{"two kinds in one", "rules: [{ignore: Id, jq: .a, reason: r}]", "one of ignore, jq, unordered and path is needed, not 2"},
		{"a bad date", "rules: [{ignore: Id, reason: r, expires: soon}]", "is no date like 2026-12-31"},
		{"an unknown type", "rules: [{path: Id, type: odd}]", `unknown type "odd"`},
		{"an unknown field", "rules: [{ignor: Id}]", "unknown field"},
		{"a rule that covers everything", "rules: [{ignore: $, reason: r}]", "covers every answer whole"},
		{"no YAML", "rules: [", "rules:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := ParseFile([]byte(tt.file), now)
			if got := err; (tt.want == "") != (got == nil) || got != nil && !strings.Contains(got.Error(), tt.want) {
				t.Errorf("error %v, want %q", got, tt.want)
			}
		})
	}
	s, expired, err := ParseFile([]byte("rules: [{ignore: Id, reason: r, expires: 2026-06-01}]"), now)
	if err != nil || len(s.Ignore) != 0 || len(expired) != 1 {
		t.Errorf("an expired rule: %+v, %v, %v", s, expired, err)
	}
}

func FuzzPath(f *testing.F) {
	f.Add(`s3:ListObjectsV2:$.Owner["a\"b"][*]..x`)
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			return
		}
		p.Covers("s3", "A", []Step{{Name: "a", Index: -1}, {Index: 3}, {Name: "b", Index: -1}})
		p.Matches("s3", "A", nil)
	})
}

// The examples in docs/rules.md are rules.
func TestDocumentedRules(t *testing.T) {
	doc, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, block := range strings.Split(string(doc), "```yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		s, expired, err := ParseFile([]byte(text), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
		if err != nil || len(expired) > 0 {
			t.Errorf("%v, expired %v, in\n%s", err, expired, text)
		}
		found += len(s.Ignore) + len(s.JQ) + len(s.Unordered) + len(s.Noise)
	}
	if found != 4 {
		t.Errorf("%d rules in the documentation, want 4", found)
	}
	_, paths, _ := strings.Cut(string(doc), "## Paths\n\n")
	paths, _, _ = strings.Cut(paths, "\n\n")
	n := 0
	for line := range strings.Lines(paths) {
		pattern := strings.Fields(line)[0]
		if _, err := ParsePath(pattern); err != nil {
			t.Error(err)
		}
		n++
	}
	if n != 5 {
		t.Errorf("%d paths in the documentation, want 5", n)
	}
}
