package diff

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/pkg/entry"
)

func TestRewrittenParts(t *testing.T) {
	const account, other = "arn:aws:codebuild:eu-west-1:456752665576:", "arn:aws:codebuild:eu-west-1:901827364550:"
	tests := []struct {
		name             string
		recorded, sent   string // the id in the request
		original, replay string // the answer's ARN
		want             []string
	}{
		{"an id within the id that the request said", "p:d9ef5791-9daa-4111-a141-2917f8ba3538", "p:c7bdace2-226e-4d11-a412-680b13c5fc43",
			account + "build/p:d9ef5791-9daa-4111-a141-2917f8ba3538", other + "build/p:c7bdace2-226e-4d11-a412-680b13c5fc43", []string{}},
		{"a piece of it", "eu-west-1_Noye3DCcM", "eu-west-1_4J3EimuFP", account + "pool/eu-west-1_Noye3DCcM", other + "pool/eu-west-1_4J3EimuFP", []string{}},
		{"another id than the one that was sent", "p:d9ef5791-9daa-4111-a141-2917f8ba3538", "p:c7bdace2-226e-4d11-a412-680b13c5fc43",
			account + "build/p:d9ef5791-9daa-4111-a141-2917f8ba3538", other + "build/p:c7bdace2-226e-4d11-a412-680b13c5fc44", []string{"identity $.arn"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := exchange{Service: "codebuild", RequestBody: `{"id":"` + tt.recorded + `"}`,
				Original: ok(`{"arn":"` + tt.original + `"}`), Replay: ok(`{"arn":"` + tt.replay + `"}`),
				Rewrites: []entry.Rewrite{{Original: tt.recorded, Replay: tt.sent, Where: "body"}}}
			got := compareWith(t, New(Options{Strict: true}), x.line(t))
			if d := cmp.Diff(tt.want, got.short()); d != "" {
				t.Errorf("differences (-want +got):\n%s", d)
			}
		})
	}
}

// A batch of ids comes back in any order: each element goes with the one that says what the replay's request said.
func TestRewrittenBatch(t *testing.T) {
	const n = 100
	var request, original, replay strings.Builder
	var rewrites []entry.Rewrite
	for i := range n {
		recorded, sent := fmt.Sprintf("%08x-1111-4222-8333-444455556666", i*7919), fmt.Sprintf("%08x-9999-4888-8777-666655554444", i*104729)
		rewrites = append(rewrites, entry.Rewrite{Original: recorded, Replay: sent, Where: "body"})
		fmt.Fprintf(&request, "<Object><Key>k</Key><VersionId>%s</VersionId></Object>", recorded)
		fmt.Fprintf(&original, "<Deleted><Key>k</Key><VersionId>%s</VersionId></Deleted>", recorded)
	}
	for i := range n {
		fmt.Fprintf(&replay, "<Deleted><Key>k</Key><VersionId>%s</VersionId></Deleted>", rewrites[(i*37+11)%n].Replay)
	}
	x := exchange{Service: "s3", Action: "DeleteObjects", Method: "POST", Query: "delete", RequestBody: "<Delete>" + request.String() + "</Delete>", Rewrites: rewrites,
		Original: ok("<DeleteResult>" + original.String() + "</DeleteResult>"), Replay: ok("<DeleteResult>" + replay.String() + "</DeleteResult>")}
	got := compareWith(t, New(Options{Strict: true}), x.line(t))
	if d := cmp.Diff([]string{}, got.short()); d != "" {
		t.Errorf("differences (-want +got):\n%s", d)
	}
}
