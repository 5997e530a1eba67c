package diff

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// TestWhatMayVary is one pair of answers for each rule on values that vary by
// nature, given at 10:00 on 2026-03-19 and at 08:00 on 2026-11-02.
func TestWhatMayVary(t *testing.T) {
	same, value := []string{}, []string{"value $.x"}
	tests := []struct {
		name             string
		member           string // "x" if empty
		original, replay string
		want             []string
	}{
		{"an id of digits alone may lack leading ones", "id", "ecs-svc/785794551258313772", "ecs-svc/1148499875366074739", same},
		{"numbers too short to be drawn are data", "", "part-785794551", "part-114849987", value},
		{"a dated name says when it was made", "", "rds:db1-2026-03-19-09-48", "rds:db1-2026-11-02-07-55", same},
		{"a dated name of another day is data", "", "rds:db1-2026-03-10-09-48", "rds:db1-2026-11-02-07-55", value},
		{"the version of a policy is no date", "", "2012-10-17", "2008-10-17", value},
		{"a folder of the day", "", "logs/2026/03/19/a.gz", "logs/2026/11/02/a.gz", same},
		{"a date without dashes", "", "dx-moto-20260319100000", "dx-moto-20261102080000", same},
		{"dates of two forms", "", "db-2026-03-19-10", "db-2026-11-02", value},
		{"an epoch at the end of an ARN", "", "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1773914403", "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1793606404", same},
		{"an epoch of another day is data", "", "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1773914403", "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1793406404", value},
		{"a time written for people", "EndTime", "19/03/2027, 10:00:00", "02/11/2027, 08:00:00", same},
		{"a time written for people that is years off", "EndTime", "19/03/2026, 10:00:00", "02/11/1999, 08:00:00", []string{"value $.EndTime"}},
		{"eight hexadecimal digits", "", "9b0d8cde", "e4369840", same},
		{"eight hexadecimal digits with a flaw", "", "9b0d8cde", "9b0d8cdf", value},
		{"base64 has dashes where chance puts them", "", "sk_us-east-1_VDPZuTmVqhXv9VxcrHr4KkHIckQvyBzptcI12Trrm4A", "sk_us-east-1_qcdEwcMxjEK3-8Vdfvq3nn7l9HpJ1OErVae0hLs4SW0", same},
		{"a key with a flaw", "", "VDPZuTmVqhXv9VxcrHr4KkHIckQvyBzptcI12Trrm4A", "VDPZuTmVqhXv9VxcrHr4KkHIckQvyBzptcI12Trrm4B", value},
		{"a constant in another case", "protocol", "MqttV5_OverWebSocket", "mQTTv5_oVERwEBsOCKET", []string{"value $.protocol"}},
		{"a host of AWS became the endpoint's", "Url", "https://sqs.us-east-1.amazonaws.com/q", "http://localhost:4566/q", same},
		{"a host of AWS with a flaw", "Url", "https://sqs.us-east-1.amazonaws.com/q", "https://sqs.us-east-1.amazonaws.comx/q", []string{"value $.Url"}},
		{"a region that there is not", "Url", "https://b.s3.eu-west-1.amazonaws.com/big", "https://b.s3.eu-wtst-1.amazonaws.com/big", []string{"value $.Url"}},
		{"an address", "privateIp", "10.0.4.1", "10.0.4.7", same},
		{"an address where nothing speaks of one", "", "10.0.4.1", "10.0.4.7", value},
		{"a time in another zone", "CreateTime", "2026-03-19T09:59:58Z", "2026-11-02T02:59:57Z", []string{"value $.CreateTime"}},
		{"a time as old as the other", "CreateTime", "2026-03-19T04:59:58Z", "2026-11-02T02:59:57Z", same},
		{"a number in another zone", "createTime", "1773914398", "1777687197", []string{"value $.createTime"}},
		{"what is to come is as far ahead", "expires", "2026-05-19T10:00:00Z", "2026-11-23T08:00:00Z", []string{"value $.expires"}},
		{"an ARN of another service", "StreamARN", "arn:aws:kinesisvideo:eu-west-1:456752665576:stream/a", "arn:aws:otherservice:eu-west-1:998877665544:stream/a", []string{"value $.StreamARN"}},
		{"an ARN of another partition", "Arn", "arn:aws:sns:eu-west-1:456752665576:a", "arn:aws-cn:sns:eu-west-1:998877665544:a", []string{"value $.Arn"}},
		{"a version that is counted is not opaque", "VersionId", "v1", "v2", []string{"value $.VersionId"}},
		{"a password of another length", "RandomPassword", "k#9sQz!Lp0aVx", "Tz8&hqWe", []string{"value $.RandomPassword"}},
		{"a password of the same length", "RandomPassword", "k#9sQz!Lp0aVx", "w&2uBn%Yo7cKe", same},
		{"a certificate", "pem", pemOf("MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkq"), pemOf("MIIEBjCCAu6gAwIBAgIJAMc0ZzaSUK51"), same},
		{"a certificate cut short", "pem", pemOf("MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkq"), strings.TrimSuffix(pemOf("MIIEBjCCAu6gAwIBAgIJAMc0ZzaSUK51"), "-"), []string{"value $.pem"}},
		{"an owner's short id of letters", "id", "r-clzm", "r-hgkh", same},
		{"an id behind its kind", "Id", "local_7P6juU3s", "local_0AUXATl4", same},
		{"a word is no id", "id", "r-prod", "r-test", []string{"value $.id"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			side := func(date, v string) answer {
				return answer{Status: 200, Headers: map[string]string{"Date": date}, Body: `{"` + or(tt.member, "x") + `":"` + v + `"}`}
			}
			x := exchange{Service: "test", Region: "eu-west-1", Original: side("Thu, 19 Mar 2026 10:00:00 GMT", tt.original), Replay: side("Mon, 02 Nov 2026 08:00:00 GMT", tt.replay)}
			if d := cmp.Diff(tt.want, compareWith(t, New(Options{Strict: true}), x.line(t)).short()); d != "" {
				t.Errorf("differences (-want +got):\n%s", d)
			}
		})
	}
}

func pemOf(s string) string {
	return `-----BEGIN CERTIFICATE-----\n` + s + `\n-----END CERTIFICATE-----`
}

// TestWhatWasEqual: what is the same on both sides stands for itself.
func TestWhatWasEqual(t *testing.T) {
	const queue = `{"QueueArn":"arn:aws:sqs:eu-west-1:%s:q"}`
	region := []exchange{{Original: ok(`{"a":"arn:aws:sns:eu-west-1:111122223333:t"}`), Replay: ok(`{"a":"arn:aws:sns:eu-west-1:444455556666:t"}`)},
		{Original: ok(`{"a":"arn:aws:sns:eu-west-1:111122223333:u"}`), Replay: ok(`{"a":"arn:aws:sns:ap-south-1:444455556666:u"}`)}}
	s3 := func(who, date string) answer {
		return ok(`<ListBucketResult><Contents><Key>a</Key><LastModified>` + date + `</LastModified><Owner><ID>7d1f0c52</ID><DisplayName>` + who + `</DisplayName></Owner></Contents></ListBucketResult>`)
	}
	owner := []exchange{{Service: "s3", Original: s3("webfile", "2026-03-19T10:00:00Z"), Replay: s3("webfile", "2026-11-02T08:00:00Z")},
		{Service: "s3", Original: s3("webfile", "2026-03-19T10:00:00Z"), Replay: s3("webfilx", "2026-11-02T08:00:00Z")}}
	echo := []exchange{{Original: ok(`{"id":"i-0123456789abcdef0","list":["i-0123456789abcdef0"]}`), Replay: ok(`{"id":"i-0fedcba9876543210","list":["i-0123456789abcdef0"]}`)}}
	var account []exchange
	for range manySame {
		account = append(account, exchange{Original: ok(fmt.Sprintf(queue[:len(queue)-1], "111122223333") + `,"n":1}`), Replay: ok(fmt.Sprintf(queue[:len(queue)-1], "111122223333") + `,"n":1.0}`)})
	}
	account = append(account, exchange{Original: ok(fmt.Sprintf(queue, "111122223333")), Replay: ok(fmt.Sprintf(queue, "111122224444"))})
	tests := []struct {
		name string
		xs   []exchange
		want []string // of the last
	}{
		{"a region", region, []string{"identity $.a"}},
		{"an owner", owner, []string{"identity $.Contents.Owner.DisplayName"}},
		{"an account, after a while", account, []string{"identity $.QueueArn"}},
		{"an id elsewhere in the answer", echo, []string{"identity $.id"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := New(Options{Strict: true})
			var got []string
			for i, x := range tt.xs {
				x.Region = "eu-west-1"
				if got = compareWith(t, d, x.line(t)).short(); i < len(tt.xs)-1 && len(got) > 0 {
					t.Errorf("answer %d differs: %v", i, got)
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("differences (-want +got):\n%s", d)
			}
		})
	}
}

// TestEndpointsHaveTheirOwnIds: what one endpoint made says nothing of what another makes.
func TestEndpointsHaveTheirOwnIds(t *testing.T) {
	const a, b, c = `{"id":"i-0123456789abcdef0"}`, `{"id":"i-0fedcba9876543210"}`, `{"id":"i-0a1b2c3d4e5f60718"}`
	d := New(Options{Strict: true})
	for _, tt := range []struct {
		name, endpoint, replay string
		want                   []string
	}{
		{"the first meeting binds", "one", b, []string{}},
		{"another endpoint makes another id", "two", c, []string{}},
		{"the first keeps its own", "one", b, []string{}},
		{"and no other's", "one", c, []string{"identity $.id"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := exchange{Original: ok(a), Replay: ok(tt.replay)}.line(t)
			e, err := l.Decode()
			if err != nil {
				t.Fatal(err)
			}
			e.Replay.Endpoint = tt.endpoint
			if err := l.Parse(e.AppendJSON(nil)); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, compareWith(t, d, l).short()); d != "" {
				t.Errorf("differences (-want +got):\n%s", d)
			}
		})
	}
}

// TestOtherRecording: of two recordings nothing tells what the second one's
// request said, but only until ids of its own were seen.
func TestOtherRecording(t *testing.T) {
	const a, b = "7d1f0c52-3a64-4f0e-9a55-6a1f0b3d9e21", "c0a8e3b9-91d7-4be2-8c46-f2e7d58a4b10"
	about := func(a, b string) exchange {
		return exchange{RequestBody: `{"KeyId":"` + a + `"}`, Original: ok(`{"Key":"` + a + `"}`), Replay: ok(`{"Key":"` + b + `"}`)}
	}
	d := New(Options{Strict: true})
	for _, tt := range []struct {
		name string
		x    exchange
		want []string
	}{
		{"all was equal so far", about(a, b), []string{"identity $.Key"}},
		{"an id of its own", exchange{Original: ok(`{"Id":"i-0123456789abcdef0"}`), Replay: ok(`{"Id":"i-0fedcba9876543210"}`)}, []string{}},
		{"an id that the request said may be another", about(a, b), []string{}},
		{"and stays it", about(a, "c0a8e3b9-91d7-4be2-8c46-f2e7d58a4b11"), []string{"identity $.Key"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, compareWith(t, d, tt.x.line(t)).short()); d != "" {
				t.Errorf("differences (-want +got):\n%s", d)
			}
		})
	}
}

// TestETags: web frameworks add a digest of each body; SDKs read the ETag where the model has one.
func TestETags(t *testing.T) {
	tests := []struct {
		name, service, action, method, path string
		want                                []string
	}{
		{"an operation whose model has none", "sns", "Publish", "POST", "/", []string{}},
		{"an operation whose model has one", "s3", "PutObject", "PUT", "/b/k", []string{"header headers.ETag"}},
		{"an operation that no model knows", "test", "", "PUT", "/b/k", []string{"header headers.ETag"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			side := func(tag string) answer { return answer{Status: 200, Headers: map[string]string{"ETag": tag}} }
			x := exchange{Method: tt.method, Host: tt.service + ".us-east-1.amazonaws.com", Path: tt.path, Service: tt.service, Action: tt.action, RequestBody: "Action=" + tt.action,
				RequestHeaders: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, Original: side(`W/"120-SZ1EbcgCWBeEMn8/Lh1Itu+c8L4"`), Replay: side(`W/"120-LAEdJH/vJVTKjpGdRMLU0Ole1tA"`)}
			if d := cmp.Diff(tt.want, compareWith(t, New(Options{Strict: true}), x.line(t)).short()); d != "" {
				t.Errorf("differences (-want +got):\n%s", d)
			}
		})
	}
}

// TestListsOfMadeThings: who lists by an id of its own making lists in an order of its own.
func TestListsOfMadeThings(t *testing.T) {
	const a = `[{"Id":"j-1AAZL7L82LWNX","N":"x"},{"Id":"j-4KCXCJCKE4YMV","N":"y"},{"Id":"j-9QZMXSAW64X4T","N":"z"}]`
	tests := []struct {
		name, original, replay string
		want                   []string
	}{
		{"each side by its ids", a, `[{"Id":"j-0WG5R1K9VTUQE","N":"y"},{"Id":"j-2M8D6PZB0RHSA","N":"z"},{"Id":"j-7CEU3N5JWKX1O","N":"x"}]`, []string{}},
		{"the replay by nothing", a, `[{"Id":"j-7WG5R1K9VTUQE","N":"y"},{"Id":"j-0M8D6PZB0RHSA","N":"z"},{"Id":"j-2CEU3N5JWKX1O","N":"x"}]`, []string{"order $.L"}},
		{"an unordered list is paired by what is bound", `[{"InstanceId":"i-0123456789abcdef0"},{"InstanceId":"i-0fedcba9876543210"}]`, `[{"InstanceId":"i-0bbbbb9876543210a"},{"InstanceId":"i-0aaaaa6789abcdef0"}]`, []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := New(Options{Strict: true})
			compareWith(t, d, exchange{Original: ok(`{"id":"i-0123456789abcdef0"}`), Replay: ok(`{"id":"i-0aaaaa6789abcdef0"}`)}.line(t))
			x := exchange{Service: "ec2", Original: ok(`{"L":` + tt.original + `}`), Replay: ok(`{"L":` + tt.replay + `}`)}
			if tt.original == a {
				x.Service = "elasticmapreduce"
			}
			if d := cmp.Diff(tt.want, compareWith(t, d, x.line(t)).short()); d != "" {
				t.Errorf("differences (-want +got):\n%s", d)
			}
		})
	}
}

// TestEscapedRewrites: the answer echoes in plain what the path or query said escaped.
func TestEscapedRewrites(t *testing.T) {
	side := func(token string) answer {
		return ok(`<ListBucketResult><ContinuationToken>` + token + `</ContinuationToken><KeyCount>0</KeyCount></ListBucketResult>`)
	}
	x := exchange{Service: "s3", Action: "ListObjectsV2", Method: "GET", Path: "/b", Query: "list-type=2&continuation-token=Al8Y%2BZ1063gJ3XQiG8BmAXB8%3D",
		Original: side("Al8Y+Z1063gJ3XQiG8BmAXB8="), Replay: side("847i+ytmbbD6cGi10g/bS1hz="),
		Rewrites: []entry.Rewrite{{Original: "Al8Y%2BZ1063gJ3XQiG8BmAXB8%3D", Replay: "847i%2BytmbbD6cGi10g%2FbS1hz%3D", Where: "query"}}}
	if d := cmp.Diff([]string{}, compareWith(t, New(Options{Strict: true}), x.line(t)).short()); d != "" {
		t.Errorf("differences (-want +got):\n%s", d)
	}
}

// TestDroppedChild: the only child that an XML element lacks is missing, whatever white space is left.
func TestDroppedChild(t *testing.T) {
	const whole = `<CreateTopicResponse><CreateTopicResult><TopicArn>arn:aws:sns:us-east-1:123456789012:t</TopicArn></CreateTopicResult></CreateTopicResponse>`
	for _, left := range []string{"<CreateTopicResult></CreateTopicResult>", "<CreateTopicResult/>", "<CreateTopicResult>\n  </CreateTopicResult>"} {
		x := exchange{Service: "sns", Action: "CreateTopic", Original: ok(whole), Replay: ok("<CreateTopicResponse>" + left + "</CreateTopicResponse>")}
		if d := cmp.Diff([]string{"missing $.CreateTopicResult.TopicArn"}, compareWith(t, New(Options{Strict: true}), x.line(t)).short()); d != "" {
			t.Errorf("%s: differences (-want +got):\n%s", left, d)
		}
	}
}
