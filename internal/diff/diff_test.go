package diff

import (
	"crypto/md5"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/internal/rule"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// answer is one side of an exchange.
type answer struct {
	Status  int
	Headers map[string]string
	Body    string
	Error   string
}

// exchange builds an entry's line.
type exchange struct {
	Method, Host, Path, Query, Service, Action, Region string
	RequestHeaders                                     map[string]string
	RequestBody                                        string
	Original, Replay                                   answer
	Rewrites                                           []entry.Rewrite
	NoReplay                                           bool
}

func headers(m map[string]string) (h entry.Header) {
	for k, v := range m {
		h = append(h, entry.HeaderField{Name: k, Value: v})
	}
	return h
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (x exchange) line(tb testing.TB) *entry.Line {
	tb.Helper()
	e := entry.Entry{ID: "x", Method: or(x.Method, "POST"), Host: x.Host, Path: or(x.Path, "/"), Query: x.Query,
		Service: x.Service, Action: x.Action, Region: x.Region,
		RequestHeaders: headers(x.RequestHeaders), RequestBody: entry.Body{Data: []byte(x.RequestBody)},
		StatusCode: x.Original.Status, ResponseHeaders: headers(x.Original.Headers), ResponseBody: entry.Body{Data: []byte(x.Original.Body)}, Error: x.Original.Error}
	if !x.NoReplay {
		e.Replay = &entry.Replay{StatusCode: x.Replay.Status, ResponseHeaders: headers(x.Replay.Headers), ResponseBody: entry.Body{Data: []byte(x.Replay.Body)},
			Error: x.Replay.Error, Rewrites: x.Rewrites}
	}
	l := &entry.Line{Name: "test", Number: 1}
	if err := l.Parse(e.AppendJSON(nil)); err != nil {
		tb.Fatal(err)
	}
	return l
}

type difference struct {
	Path     string
	Kind     Kind
	Original any
	Replay   any
}

type result struct {
	Match    bool
	Severity Severity
	Diffs    []difference
	Allowed  map[string]int
}

func (r result) short() []string {
	out := []string{}
	for _, d := range r.Diffs {
		out = append(out, string(d.Kind)+" "+d.Path)
	}
	return out
}

func compareWith(tb testing.TB, d *Differ, l *entry.Line) result {
	tb.Helper()
	out, err := d.Compare(tb.Context(), l)
	if err != nil {
		tb.Fatal(err)
	}
	var r result
	if err := json.Unmarshal(out.Raw(), &r); err != nil {
		tb.Fatalf("%v in %s", err, out.Raw())
	}
	return r
}

func ok(body string) answer { return answer{Status: 200, Body: body} }

func TestStatus(t *testing.T) {
	tests := []struct {
		name string
		x    exchange
		want result
	}{
		{"equal status codes match, whatever the bodies", exchange{Original: ok(`{"a":1}`), Replay: ok(`{"a":2}`)}, result{Match: true}},
		{"another status code", exchange{Original: answer{Status: 200}, Replay: answer{Status: 404}},
			result{Severity: SeverityStatus, Diffs: []difference{{"status", KindStatus, 200.0, 404.0}}}},
		{"no replay part is no match", exchange{Original: ok(""), NoReplay: true},
			result{Severity: SeverityError, Diffs: []difference{{"replay", KindError, nil, "no replay part: the entry was not replayed"}}}},
		{"a failed replay is no match", exchange{Original: ok(""), Replay: answer{Error: "connection refused"}},
			result{Severity: SeverityError, Diffs: []difference{{"replay.error", KindError, nil, "connection refused"}}}},
		{"an exchange that failed when recorded compares with nothing", exchange{Original: answer{Error: "reset"}, Replay: ok("")},
			result{Severity: SeverityError, Diffs: []difference{{"error", KindError, "reset", nil}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, compareWith(t, New(Options{}), tt.x.line(t))); d != "" {
				t.Errorf("result (-want +got):\n%s", d)
			}
		})
	}
}

func TestStrict(t *testing.T) {
	const uuid1, uuid2 = "c9a70633-4726-567c-92ab-64055fe9ffae", "dbb1d1f3-3920-51b7-bcaa-b3c521ef7865"
	tests := []struct {
		name        string
		orig, repl  string
		want        []string
		service, op string
	}{
		{"equal", `{"a":1}`, `{"a":1}`, nil, "", ""},
		{"order of members and white space", `{"a":1,"b":[1,2]}`, `{ "b": [1, 2], "a": 1 }`, nil, "", ""},
		{"numbers by value", `{"a":1,"b":1.50,"c":9007199254740993}`, `{"a":1.0,"b":15e-1,"c":9007199254740993}`, nil, "", ""},
		{"big numbers exactly", `{"a":9007199254740993}`, `{"a":9007199254740992}`, []string{"value $.a"}, "", ""},
		{"a value", `{"a":{"b":"x"}}`, `{"a":{"b":"y"}}`, []string{"value $.a.b"}, "", ""},
		{"a missing member", `{"a":1,"b":2}`, `{"a":1}`, []string{"missing $.b"}, "", ""},
		{"an extra member", `{"a":1}`, `{"a":1,"b":2}`, []string{"extra $.b"}, "", ""},
		{"null is not missing", `{"a":null}`, `{}`, []string{"missing $.a"}, "", ""},
		{"the empty string is not missing", `{"a":""}`, `{}`, []string{"missing $.a"}, "", ""},
		{"null is not the empty string", `{"a":null}`, `{"a":""}`, []string{"type $.a"}, "", ""},
		{"a type", `{"Size":12}`, `{"Size":"12"}`, []string{"type $.Size"}, "", ""},
		{"a list for an object", `{"a":[]}`, `{"a":{}}`, []string{"type $.a"}, "", ""},
		{"an inserted element is one difference", `{"a":[1,2,3,4,5]}`, `{"a":[1,9,2,3,4,5]}`, []string{"extra $.a[1]"}, "", ""},
		{"a removed element is one difference", `[{"n":"a"},{"n":"b"},{"n":"c"}]`, `[{"n":"b"},{"n":"c"}]`, []string{"missing $[0]"}, "", ""},
		{"a changed element", `[{"n":"a","v":1},{"n":"b","v":2}]`, `[{"n":"a","v":1},{"n":"b","v":3}]`, []string{"value $[1].v"}, "", ""},
		{"a changed element beside a removed one", `[{"Name":"a","v":1},{"Name":"b","v":2},{"Name":"c","v":3}]`, `[{"Name":"b","v":9},{"Name":"c","v":3}]`, []string{"missing $[0]", "value $[1].v"}, "", ""},
		{"order of a list", `{"a":["x","y","z"]}`, `{"a":["z","x","y"]}`, []string{"order $.a"}, "", ""},
		{"a DynamoDB set has no order", `{"Item":{"a":{"SS":["x","y"]}}}`, `{"Item":{"a":{"SS":["y","x"]}}}`, nil, "dynamodb", "GetItem"},
		{"a member of a set", `{"Item":{"a":{"SS":["x","y"]}}}`, `{"Item":{"a":{"SS":["z","x"]}}}`, []string{"value $.Item.a.SS[1]"}, "dynamodb", "GetItem"},
		{"a DynamoDB number by value", `{"Item":{"a":{"N":"1.0"}}}`, `{"Item":{"a":{"N":"1"}}}`, nil, "dynamodb", "GetItem"},
		{"ids in items are the user's", `{"Item":{"a":{"S":"` + uuid1 + `"}}}`, `{"Item":{"a":{"S":"` + uuid2 + `"}}}`, []string{"value $.Item.a.S"}, "dynamodb", "GetItem"},
		{"an attribute named Date is the user's", `{"Item":{"Date":{"S":"x"}}}`, `{"Item":{"Date":{"S":"y"}}}`, []string{"value $.Item.Date.S"}, "dynamodb", "GetItem"},
		{"ignored names", `{"a":{"RequestId":"x"},"ResponseMetadata":{"b":1}}`, `{"a":{"RequestId":"y"},"ResponseMetadata":{"b":2}}`, nil, "", ""},
		{"UUIDs by kind", `{"MessageId":"` + uuid1 + `"}`, `{"MessageId":"` + uuid2 + `"}`, nil, "", ""},
		{"a UUID and a word", `{"MessageId":"` + uuid1 + `"}`, `{"MessageId":"x"}`, []string{"value $.MessageId"}, "", ""},
		{"timestamps by kind", `{"t":"2026-06-02T18:30:44.000Z"}`, `{"t":"2026-07-02T18:30:44.123Z"}`, nil, "", ""},
		{"another format of timestamp", `{"t":"2026-06-02T18:30:44.000Z"}`, `{"t":"2026-07-02T18:30:44Z"}`, []string{"format $.t"}, "", ""},
		{"epoch seconds by name", `{"CreationDate":1780425044.12}`, `{"CreationDate":1780425099}`, nil, "", ""},
		{"epoch milliseconds for seconds", `{"CreationDate":1780425044}`, `{"CreationDate":1780425044000}`, []string{"format $.CreationDate"}, "", ""},
		{"a timestamp as text for a number", `{"CreationDate":1780425044}`, `{"CreationDate":"2026-06-02T18:30:44Z"}`, []string{"format $.CreationDate"}, "", ""},
		{"numbers that merely look like a time", `{"Size":1780425044}`, `{"Size":1780425045}`, []string{"value $.Size"}, "", ""},
		{"tokens by name", `{"NextToken":"AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a"}`, `{"NextToken":"BQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0b"}`, nil, "", ""},
		{"a marker that is a name", `{"NextMarker":"photos/b.jpg"}`, `{"NextMarker":"photos/c.jpg"}`, []string{"value $.NextMarker"}, "", ""},
		{"an ARN part by part", `{"Arn":"arn:aws:sqs:us-east-2:456752665576:q"}`, `{"Arn":"arn:aws:sqs:us-east-1:000000000000:q"}`, nil, "sqs", ""},
		{"an ARN of another resource", `{"Arn":"arn:aws:sqs:us-east-2:456752665576:q"}`, `{"Arn":"arn:aws:sqs:us-east-2:000000000000:r"}`, []string{"value $.Arn"}, "sqs", ""},
		{"a URL of the endpoint", `{"QueueUrl":"https://sqs.us-east-2.amazonaws.com/456752665576/q"}`, `{"QueueUrl":"http://localhost:4566/000000000000/q"}`, nil, "sqs", ""},
		{"a URL of another queue", `{"QueueUrl":"https://sqs.us-east-2.amazonaws.com/456752665576/q"}`, `{"QueueUrl":"http://localhost:4566/000000000000/r"}`, []string{"value $.QueueUrl"}, "sqs", ""},
		{"Secrets Manager's random letters", `{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"}`, `{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:db-xYzAbC"}`, nil, "secretsmanager", ""},
		{"documents in strings", `{"Policy":"{\"a\":1,\"b\":[1]}"}`, `{"Policy":"{ \"b\": [1], \"a\": 2 }"}`, []string{"value $.Policy.a"}, "", ""},
		{"digests are not by kind", `{"MD5OfMessageBody":"ed076287532e86365e841e92bfc50d8c"}`, `{"MD5OfMessageBody":"fd076287532e86365e841e92bfc50d8c"}`, []string{"value $.MD5OfMessageBody"}, "", ""},
		{"the MD5 of a text that passes", `{"Body":"{\"TopicArn\":\"t\",\"MessageId\":\"` + uuid1 + `\"}","MD5OfBody":"` + md5Hex(`{"TopicArn":"t","MessageId":"`+uuid1+`"}`) + `"}`,
			`{"Body":"{\"TopicArn\":\"t\",\"MessageId\":\"` + uuid2 + `\"}","MD5OfBody":"` + md5Hex(`{"TopicArn":"t","MessageId":"`+uuid2+`"}`) + `"}`, nil, "sqs", "ReceiveMessage"},
		{"maps keyed by generated ids", `{"VersionIdsToStages":{"` + uuid1 + `":["AWSCURRENT"]}}`, `{"VersionIdsToStages":{"` + uuid2 + `":["AWSCURRENT"]}}`, nil, "", ""},
		{"one id for two things", `{"Id":"` + uuid1 + `","Ref":{"Id":"` + uuid1 + `"}}`, `{"Id":"` + uuid2 + `","Ref":{"Id":"0bb1d1f3-3920-51b7-bcaa-b3c521ef7865"}}`, []string{"identity $.Ref.Id"}, "", ""},
		{"two things with one id", `{"A":[{"Id":"` + uuid1 + `"},{"Id":"0bb1d1f3-3920-51b7-bcaa-b3c521ef7865"}]}`, `{"A":[{"Id":"` + uuid2 + `"},{"Id":"` + uuid2 + `"}]}`, []string{"identity $.A[1].Id"}, "", ""},
		{"XML text", `<a><b>1</b><c>x</c></a>`, `<a><c>x</c><b>2</b></a>`, []string{"value $.b"}, "", ""},
		{"XML prefixes, attributes and white space", "<a xmlns=\"u\"><b x=\"1\" y=\"2\"/></a>", "<p:a xmlns:p='u'>\n <p:b y='2' x='1'></p:b>\n</p:a>", nil, "", ""},
		{"an XML element is missing", `<a><b>1</b><c/></a>`, `<a><b>1</b></a>`, []string{"missing $.c"}, "", ""},
		{"an XML list is aligned", `<a><b>1</b><b>2</b><b>3</b></a>`, `<a><b>1</b><b>3</b></a>`, []string{"missing $.b[1]"}, "", ""},
		{"an XML list of one", `<a><member>1</member></a>`, `<a><member>1</member><member>2</member></a>`, []string{"extra $.member[1]"}, "", ""},
		{"JSON for XML", `<a/>`, `{}`, []string{"type $"}, "", ""},
		{"a body for none", `{"a":1}`, ``, []string{"missing $"}, "", ""},
		{"text", "hello", "hullo", []string{"value $"}, "", ""},
		{"bytes", "\xff\x00", "\xff\x01", []string{"value $"}, "", ""},
		{"an S3 object is bytes", `{"a": 1}`, `{"a":1}`, []string{"value $"}, "s3", "GetObject"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := exchange{Service: tt.service, Action: tt.op, Original: ok(tt.orig), Replay: ok(tt.repl)}
			got := compareWith(t, New(Options{Strict: true}), x.line(t))
			want := append([]string{}, tt.want...)
			if d := cmp.Diff(want, got.short()); d != "" {
				t.Errorf("differences (-want +got):\n%s\n%+v", d, got)
			}
			if got.Match != (len(tt.want) == 0) {
				t.Errorf("match is %v", got.Match)
			}
		})
	}
}

func TestMoreDifferencesThanAreListedAreCounted(t *testing.T) {
	list := func(n int) string {
		var b strings.Builder
		for i := range 300 {
			fmt.Fprintf(&b, `,"k%d":%d`, i, i*n)
		}
		return "{" + b.String()[1:] + "}"
	}
	r := compareWith(t, New(Options{Strict: true}), exchange{Original: ok(list(1)), Replay: ok(list(2))}.line(t))
	if n := len(r.Diffs); n != maxDiffs+1 {
		t.Fatalf("%d differences are listed, want %d", n, maxDiffs+1)
	}
	if got, want := r.Diffs[maxDiffs].Replay, any("99 more differences"); got != want {
		t.Errorf("the last one says %v, want %v", got, want)
	}
}

func TestRules(t *testing.T) {
	path := func(s string) *rule.Path {
		p, err := rule.ParsePath(s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	jq, err := rule.ParseJQ(`.Items[] | select(.k=="b") | .v`)
	if err != nil {
		t.Fatal(err)
	}
	x := exchange{Service: "dynamodb", Action: "Scan", Original: ok(`{"Items":[{"k":"a","v":1},{"k":"b","v":2}],"o":["x","y"]}`),
		Replay: ok(`{"Items":[{"k":"a","v":3},{"k":"b","v":4}],"o":["y","x"]}`)}
	tests := []struct {
		name string
		set  rule.Set
		want []string
	}{
		{"none", rule.Set{}, []string{"value $.Items[0].v", "value $.Items[1].v", "order $.o"}},
		{"a path", rule.Set{Ignore: []*rule.Path{path("$.Items[*].v")}}, []string{"order $.o"}},
		{"a name at any depth", rule.Set{Ignore: []*rule.Path{path("v")}}, []string{"order $.o"}},
		{"one index", rule.Set{Ignore: []*rule.Path{path("$.Items[1]")}}, []string{"value $.Items[0].v", "order $.o"}},
		{"one operation", rule.Set{Ignore: []*rule.Path{path("dynamodb:Scan:$.Items")}}, []string{"order $.o"}},
		{"another operation", rule.Set{Ignore: []*rule.Path{path("dynamodb:Query:$.Items")}}, []string{"value $.Items[0].v", "value $.Items[1].v", "order $.o"}},
		{"jq", rule.Set{JQ: []*rule.JQ{jq}}, []string{"value $.Items[0].v", "order $.o"}},
		{"unordered", rule.Set{Unordered: []*rule.Path{path("$.o")}}, []string{"value $.Items[0].v", "value $.Items[1].v"}},
		{"noise of its type", rule.Set{Noise: []rule.Noise{{Path: path("$.Items[*].v"), Type: rule.Counter}}}, []string{"order $.o"}},
		{"noise of another type", rule.Set{Noise: []rule.Noise{{Path: path("$.Items[*].v"), Type: rule.Timestamp}}}, []string{"value $.Items[0].v", "value $.Items[1].v", "order $.o"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := compareWith(t, New(Options{Strict: true, Rules: tt.set}), x.line(t))
			if d := cmp.Diff(tt.want, got.short()); d != "" {
				t.Errorf("differences (-want +got):\n%s\n%+v", d, got)
			}
		})
	}
}

func md5Hex(s string) string { return fmt.Sprintf("%x", md5Sum(s)) }

func md5Sum(s string) [16]byte { return md5.Sum([]byte(s)) }
