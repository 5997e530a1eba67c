package diff

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/pkg/entry"
)

func TestOnlyTheLastAttemptOfACallCounts(t *testing.T) {
	type try struct {
		id, of, endpoint string
		status           int
	}
	tests := []struct {
		name  string
		tries []try
		want  int
	}{
		{"each call that differs counts", []try{{id: "a", status: 400}, {id: "b", status: 400}, {id: "c", status: 200}}, 2},
		{"an attempt that matches takes the place of one that differed", []try{{id: "a", status: 400}, {id: "b", of: "a", status: 200}}, 0},
		{"two attempts that differ are one call", []try{{id: "a", status: 400}, {id: "b", of: "a", status: 400}}, 1},
		{"an attempt that differs takes the place of one that matched", []try{{id: "a", status: 200}, {id: "b", of: "a", status: 400}}, 1},
		{"of many attempts the last counts", []try{{id: "a", status: 400}, {id: "b", of: "a", status: 200}, {id: "c", of: "a", status: 400}, {id: "d", of: "a", status: 400}}, 1},
		{"an attempt of a call that is not in the stream stands for itself", []try{{id: "b", of: "a", status: 400}}, 1},
		{"endpoints are counted apart", []try{{id: "a", endpoint: "x", status: 400}, {id: "a", endpoint: "y", status: 400}, {id: "b", of: "a", endpoint: "y", status: 200}}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, strict := range []bool{false, true} {
				d := New(Options{Strict: strict})
				for _, try := range tt.tries {
					raw := fmt.Sprintf(`{"id":%q,"status_code":200,"replay":{"status_code":%d,"endpoint":%q,"attempt_of":%q}}`, try.id, try.status, try.endpoint, try.of)
					l := new(entry.Line)
					if err := l.Parse([]byte(raw)); err != nil {
						t.Fatal(err)
					}
					if _, err := d.Compare(t.Context(), l); err != nil {
						t.Fatal(err)
					}
				}
				if diff := cmp.Diff(tt.want, d.Mismatched); diff != "" {
					t.Errorf("strict %t: (-want +got)\n%s", strict, diff)
				}
			}
		})
	}
}
