package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// marked is the exchange's line as the recorder leaves it: with places.
func (x exchange) marked(t *testing.T, places entry.Redacted) *entry.Line {
	t.Helper()
	l := x.line(t)
	e, err := l.Decode()
	if err != nil {
		t.Fatal(err)
	}
	e.Redacted = places
	var out entry.Line
	if err := out.Parse(e.AppendJSON(nil)); err != nil {
		t.Fatal(err)
	}
	return &out
}

func TestRedactedPlacesCompareByForm(t *testing.T) {
	const key, other = "98c0e2ed0b9a3d0a8c42e7a2c9d1e14e98c0e2ed", "bd41c1f8a1e3f02b7c77d3e1a05b9f1c0d2f5b5c"
	secret := func(v string) string { return `{"Secret":` + v + `,"Name":"n"}` }
	for _, tt := range []struct {
		name             string
		places           []string
		original, replay string
		want             []string
		allowed          int
	}{
		{"another secret of the form", []string{"$.Secret"}, secret(`"` + key + `"`), secret(`"` + other + `"`), []string{}, 1},
		{"any text, where the pseudonym is one", []string{"$.Secret"}, secret(`"Yp vgdalf"`), secret(`"An output"`), []string{}, 1},
		{"the same without a mark", nil, secret(`"Yp vgdalf"`), secret(`"An output"`), []string{"value $.Secret"}, 0},
		{"no secret", []string{"$.Secret"}, secret(`"` + key + `"`), `{"Name":"n"}`, []string{"missing $.Secret"}, 0},
		{"an empty one", []string{"$.Secret"}, secret(`"` + key + `"`), secret(`""`), []string{"value $.Secret"}, 0},
		{"null", []string{"$.Secret"}, secret(`"` + key + `"`), secret(`null`), []string{"type $.Secret"}, 0},
		{"a number for a text", []string{"$.Secret"}, secret(`"123456"`), secret(`123456`), []string{"type $.Secret"}, 0},
		{"another number", []string{"$.Secret"}, secret(`471`), secret(`82`), []string{}, 1},
		{"a word for digits", []string{"$.Secret"}, secret(`"471123"`), secret(`"secret"`), []string{"value $.Secret"}, 0},
		{"hexadecimal digits, of which one side has no letter", []string{"$.Secret"}, secret(`"772644"`), secret(`"eb752c"`), []string{}, 1},
		{"stars for a secret", []string{"$.Secret"}, secret(`"` + key + `"`), secret(`"*****"`), []string{"value $.Secret"}, 0},
		{"no PEM", []string{"$.Secret"}, secret(`"-----BEGIN RSA PRIVATE KEY-----\nabc"`), secret(`"RSA PRIVATE KEY abcdefgh"`), []string{"value $.Secret"}, 0},
		{"an error in another place", []string{"$.Secret"}, secret(`"` + key + `"`), strings.Replace(secret(`"`+other+`"`), `"n"`, `"m"`, 1), []string{"value $.Name"}, 1},
		{"the place of an element", []string{"$.L[1].V"}, `{"L":[{"V":"abcd"},{"V":"qwer"}]}`, `{"L":[{"V":"abcd"},{"V":"zxcv"}]}`, []string{}, 1},
		{"no other element", []string{"$.L[1].V"}, `{"L":[{"V":"abcd"},{"V":"qwer"}]}`, `{"L":[{"V":"abce"},{"V":"zxcv"}]}`, []string{"value $.L[0].V"}, 1},
		{"any element", []string{"$.L[*].V"}, `{"L":[{"V":"abcd"},{"V":"qwer"}]}`, `{"L":[{"V":"abce"},{"V":"zxcv"}]}`, []string{}, 2},
		{"within a document", []string{"$.Doc.p"}, `{"Doc":"{\"p\":\"qwer\",\"q\":1}"}`, `{"Doc":"{\"p\":\"asdf\",\"q\":1}"}`, []string{}, 1},
		{"beside it in the document", []string{"$.Doc.p"}, `{"Doc":"{\"p\":\"qwer\",\"q\":1}"}`, `{"Doc":"{\"p\":\"asdf\",\"q\":2}"}`, []string{"value $.Doc.q"}, 1},
		{"a document in base64", []string{"$.Doc.p"}, `{"Doc":"eyJwIjoicXdlciJ9"}`, `{"Doc":"eyJwIjoiYXNkZiJ9"}`, []string{}, 1},
		{"a name with a dot", []string{`$["a.b"]`}, `{"a.b":"qwer"}`, `{"a.b":"asdf"}`, []string{}, 1},
		{"XML", []string{"$.Secret"}, `<R><Secret>qwer</Secret></R>`, `<R><Secret>asdf</Secret></R>`, []string{}, 1},

		{"a part of a text", []string{"$.m[4:12]"}, `{"m":"key AKIAQWER is old"}`, `{"m":"key AKIAASDF is old"}`, []string{}, 1},
		{"of another length", []string{"$.m[4:12]"}, `{"m":"key AKIAQWER is old"}`, `{"m":"key AKIAASDFGHJKL is old"}`, []string{}, 1},
		{"the text around it", []string{"$.m[4:12]"}, `{"m":"key AKIAQWER is old"}`, `{"m":"key AKIAASDF is new"}`, []string{"value $.m"}, 0},
		{"the text before it", []string{"$.m[4:12]"}, `{"m":"key AKIAQWER is old"}`, `{"m":"the AKIAASDF is old"}`, []string{"value $.m"}, 0},
		{"nothing in its place", []string{"$.m[4:12]"}, `{"m":"key AKIAQWER is old"}`, `{"m":"key  is old"}`, []string{"value $.m"}, 0},
		{"at the end", []string{"$.m[4:12]"}, `{"m":"key AKIAQWER"}`, `{"m":"key AKIAASDF"}`, []string{}, 1},
		{"two parts", []string{"$.m[2:6]", "$.m[9:13]"}, `{"m":"a=qwer&b=qwer&c=1"}`, `{"m":"a=asdfgh&b=zx&c=1"}`, []string{}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := exchange{Original: ok(tt.original), Replay: ok(tt.replay)}
			l := x.marked(t, entry.Redacted{Response: tt.places})
			got := compareWith(t, New(Options{Strict: true}), l)
			if d := cmp.Diff(tt.want, got.short()); d != "" {
				t.Errorf("differences (-want +got):\n%s", d)
			}
			if n := got.Allowed["redacted"]; n != tt.allowed {
				t.Errorf("%d let pass as redacted, want %d", n, tt.allowed)
			}
		})
	}
}

// A secret that a service has drawn is the same whenever it is asked for.
func TestRedactedSecretsAreBound(t *testing.T) {
	const key, drawn, another = "98c0e2ed0b9a3d0a8c42e7a2c9d1e14e98c0e2ed", "bd41c1f8a1e3f02b7c77d3e1a05b9f1c0d2f5b5c", "1f0a2e9cd8b7465510fe2d3c4b5a69788796a5b4"
	d := New(Options{Strict: true})
	compare := func(replay string) []string {
		x := exchange{Original: ok(`{"Secret":"` + key + `"}`), Replay: ok(`{"Secret":"` + replay + `"}`)}
		return compareWith(t, d, x.marked(t, entry.Redacted{Response: []string{"$.Secret"}})).short()
	}
	for i, tt := range []struct {
		replay string
		want   []string
	}{{drawn, []string{}}, {drawn, []string{}}, {another, []string{"identity $.Secret"}}} {
		if diff := cmp.Diff(tt.want, compare(tt.replay)); diff != "" {
			t.Errorf("answer %d (-want +got):\n%s", i+1, diff)
		}
	}
}

// What a service digests that was redacted in the request has another digest, and
// the same one in later answers; what was not has the same.
func TestDigestsOfRedactedContent(t *testing.T) {
	const was, is, wrong = "nb8JF0U4rZkadatmq9WlWvyQrLkPBA8aJJ8u/R1Sxt0=", "TfjFwlJ4mPxzEz2nrgJVVE3+BzSbJnb2VmGFyPjhGrs=", "UfjFwlJ4mPxzEz2nrgJVVE3+BzSbJnb2VmGFyPjhGrs="
	create := exchange{Service: "lambda", Action: "CreateFunction", Method: "POST", Path: "/2015-03-31/functions", RequestBody: `{"FunctionName":"f","Code":{"ZipFile":"AAAA"}}`,
		Original: ok(`{"CodeSha256":"` + was + `"}`), Replay: ok(`{"CodeSha256":"` + is + `"}`)}
	get := exchange{Service: "lambda", Action: "GetFunctionConfiguration", Method: "GET", Path: "/2015-03-31/functions/f/configuration",
		Original: ok(`{"CodeSha256":"` + was + `"}`), Replay: ok(`{"CodeSha256":"` + is + `"}`)}
	other := get
	other.Replay = ok(`{"CodeSha256":"` + wrong + `"}`)
	for _, tt := range []struct {
		name   string
		places []string
		want   [3][]string
	}{
		{"the code was redacted", []string{"$.Code.ZipFile"}, [3][]string{{}, {}, {"value $.CodeSha256"}}},
		{"an environment was redacted", []string{"$.Environment.Variables.K"}, [3][]string{{"value $.CodeSha256"}, {"value $.CodeSha256"}, {"value $.CodeSha256"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := New(Options{Strict: true})
			for i, l := range []*entry.Line{create.marked(t, entry.Redacted{Request: tt.places}), get.line(t), other.line(t)} {
				got := compareWith(t, d, l).short()
				for k := range got {
					got[k] = strings.Replace(got[k], "identity", "value", 1)
				}
				if diff := cmp.Diff(tt.want[i], got); diff != "" {
					t.Errorf("answer %d (-want +got):\n%s", i+1, diff)
				}
			}
		})
	}
}
