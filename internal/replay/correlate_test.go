package replay

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

func TestTranslate(t *testing.T) {
	b := newBindings(newHasher())
	bind := func(original, replay string, kind bindKind) { b.add([]byte(original), []byte(replay), kind, false) }
	bind("i-0123456789abcdef0", "i-fedcba98765432100", bindValue)
	bind("0f0e0d0c-1111-4222-8333-444455556666", "99999999-8888-4777-8666-555544443333", bindValue)
	bind("AQEB+x/y9Zk==", "new+/token=", bindValue)
	bind("d/e%5Bid%3A1f976230%5D", "d/e%5Bid%3A0879055d%5D", bindValue)
	bind("123456789012", "000000000000", bindAccount)
	bind("arn:aws:sqs:eu-west-1:123456789012", "arn:aws:sqs:us-east-1:000000000000", bindPrefix)
	bind("https://sqs.eu-west-1.amazonaws.com", "http://localhost:4566", bindOrigin)
	tests := []struct {
		name, in string
		inURL    bool
		want     string // "" is unchanged
	}{
		{"a whole value", "i-0123456789abcdef0", false, "i-fedcba98765432100"},
		{"inside an ARN", "arn:aws:ec2:us-east-1:1:instance/i-0123456789abcdef0", false, "arn:aws:ec2:us-east-1:1:instance/i-fedcba98765432100"},
		{"twice, between words", "x=i-0123456789abcdef0,i-0123456789abcdef0;", false, "x=i-fedcba98765432100,i-fedcba98765432100;"},
		{"inside a name that the app made of it", "logs-0f0e0d0c-1111-4222-8333-444455556666.txt", false, "logs-99999999-8888-4777-8666-555544443333.txt"},
		{"not where more letters follow", "i-0123456789abcdef0a", false, ""},
		{"not where letters precede", "hi-0123456789abcdef0", false, ""},
		{"not a part of it", "0123456789abcdef0", false, ""},
		{"not in another case", "I-0123456789ABCDEF0", false, ""},
		{"escaped as in a URL", "AQEB%2Bx%2Fy9Zk%3D%3D", true, "new%2B%2Ftoken%3D"},
		{"escaped twice", "AQEB%252Bx%252Fy9Zk%253D%253D", true, "new%252B%252Ftoken%253D"},
		{"raw in a URL's path", "AQEB+x/y9Zk==", true, "new+/token="},
		{"an id behind an escape", "a%2Fi-0123456789abcdef0%2Fb", true, "a%2Fi-fedcba98765432100%2Fb"},
		{"a value with escapes of its own, which the client resolved", "d%2Fe%5Bid%3A1f976230%5D", true, "d%2Fe%5Bid%3A0879055d%5D"},
		{"an escape in a header", "b/k%3Fv=i-0123456789abcdef0", false, "b/k%3Fv=i-fedcba98765432100"},
		{"in base64", "dXNlIGktMDEyMzQ1Njc4OWFiY2RlZjAh", false, "dXNlIGktZmVkY2JhOTg3NjU0MzIxMDAh"},
		{"not in base64 that is no text", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", false, ""},
		{"an account", "123456789012", false, "000000000000"},
		{"an account in an ARN", "arn:aws:sns:us-east-1:123456789012:t", false, "arn:aws:sns:us-east-1:000000000000:t"},
		{"account and region of a service", "arn:aws:sqs:eu-west-1:123456789012:q", false, "arn:aws:sqs:us-east-1:000000000000:q"},
		{"the region of another service stays", "arn:aws:sns:eu-west-1:123456789012:q", false, "arn:aws:sns:eu-west-1:000000000000:q"},
		{"an account in a path", "/123456789012/q", true, "/000000000000/q"},
		{"a bucket with the account's number is a name", "bucket-123456789012", false, ""},
		{"a longer number is no account", "1123456789012", false, ""},
		{"a number with a fraction is no account", "0.123456789012", false, ""},
		{"a URL of the service", "https://sqs.eu-west-1.amazonaws.com/123456789012/q", false, "http://localhost:4566/000000000000/q"},
		{"not a host that begins like it", "https://sqs.eu-west-1.amazonaws.com.evil/x", false, ""},
		{"words, numbers and dates", "test 1 2026-01-01T00:00:00Z us-east-1 bucket", false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" {
				tt.want = tt.in
			}
			got, used := b.translate([]byte(tt.in), tt.inURL, nil)
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("translate (-want +got):\n%s", diff)
			}
			if (len(used) > 0) != (tt.want != tt.in) {
				t.Errorf("used %v", used)
			}
			// The quick look must not miss what the thorough one finds.
			if len(used) > 0 && !b.touches(b.appendRuns(nil, []byte(tt.in))) {
				t.Error("touches says there is nothing")
			}
		})
	}
}

// learned runs one exchange through a learner and returns what a request text
// becomes then.
func learned(t *testing.T, recorded, replayed, contentType, earlier, text string) string {
	t.Helper()
	named := newSeen(newHasher())
	k := newCorrelator(named)
	if earlier != "" {
		named.note(nil, named.appendRuns(nil, []byte(earlier)), 0)
	}
	learn(t, k, recorded, replayed, contentType)
	got, _ := k.translate([]byte(text), false, nil)
	return string(got)
}

// learn runs one exchange through a learner.
func learn(t *testing.T, k *correlator, recorded, replayed, contentType string) {
	t.Helper()
	var c call
	e := entry.Entry{ID: "1", Method: "GET", Path: "/", Host: "sqs.us-east-1.amazonaws.com", StatusCode: 200,
		ResponseHeaders: entry.Header{{Name: "Content-Type", Value: contentType}}, ResponseBody: entry.Body{Data: []byte(recorded)}}
	if err := c.line.Parse(e.AppendJSON(nil)); err != nil {
		t.Fatal(err)
	}
	c.seq = 1
	resp := response{status: 200, body: []byte(replayed)}
	resp.head = fmt.Append(resp.head, "Content-Type", contentType)
	resp.fields = []field{{span{0, 12}, span{12, 12 + len(contentType)}}}
	new(learner).learn(k, &c, &resp)
}

func TestLearn(t *testing.T) {
	const j, x = "application/json", "text/xml"
	tests := []struct{ name, recorded, replayed, contentType, earlier, in, want string }{
		{"an id by its looks", `{"a":"vol-0123456789abcdef0"}`, `{"a":"vol-00000000000000001"}`, j, "", "vol-0123456789abcdef0", "vol-00000000000000001"},
		{"a token by its name", `{"NextToken":"q7x2m9"}`, `{"NextToken":"1"}`, j, "", "q7x2m9", "1"},
		{"an id of letters and digits by its name", `{"id":"a1b2c3d4e5"}`, `{"id":"zzzzzzzzz1"}`, j, "", "a1b2c3d4e5", "zzzzzzzzz1"},
		{"XML", `<R><UploadId>VXBsb2FkIElE.x1Y2</UploadId></R>`, `<R><UploadId>17</UploadId></R>`, x, "", "VXBsb2FkIElE.x1Y2", "17"},
		{"JSON inside a string", `{"m":"{\"id\":\"vol-0123456789abcdef0\"}"}`, `{"m":"{\"id\":\"vol-00000000000000001\"}"}`, j, "", "vol-0123456789abcdef0", "vol-00000000000000001"},
		{"the account by an ARN", `{"Arn":"arn:aws:sns:us-east-1:123456789012:t"}`, `{"Arn":"arn:aws:sns:us-east-1:000000000000:t"}`, j, "", "arn:aws:iam::123456789012:role/r", "arn:aws:iam::000000000000:role/r"},
		{"host and account by a URL", `{"QueueUrl":"https://sqs.us-east-1.amazonaws.com/123456789012/q"}`, `{"QueueUrl":"http://localhost:9324/000000000000/q"}`, j, "",
			"https://sqs.us-east-1.amazonaws.com/123456789012/other", "http://localhost:9324/000000000000/other"},
		{"a URL of another form as a whole", `{"QueueUrl":"https://sqs.us-east-1.amazonaws.com/123456789012/q"}`, `{"QueueUrl":"http://localhost:4566/queue/us-east-1/000000000000/q"}`, j, "",
			"https://sqs.us-east-1.amazonaws.com/123456789012/q", "http://localhost:4566/queue/us-east-1/000000000000/q"},
		{"a list in another order", `{"L":[{"n":"a","id":"i-0123456789abcdef0"},{"n":"b","id":"i-0123456789abcdef1"}]}`, `{"L":[{"n":"b","id":"i-000000000000000b0"},{"n":"a","id":"i-000000000000000a0"}]}`, j, "",
			"i-0123456789abcdef0 i-0123456789abcdef1", "i-000000000000000a0 i-000000000000000b0"},
		{"a list of another length", `{"L":[{"n":"a","id":"i-0123456789abcdef0"},{"n":"b","id":"i-0123456789abcdef1"}]}`, `{"L":[{"n":"z","id":"i-000000000000000f0"},{"n":"b","id":"i-000000000000000b0"},{"n":"a","id":"i-000000000000000a0"}]}`, j, "",
			"i-0123456789abcdef0 i-0123456789abcdef1", "i-000000000000000a0 i-000000000000000b0"},
		{"nothing where another list shares nothing", `{"L":["i-0123456789abcdef0","i-0123456789abcdef1"]}`, `{"L":["i-000000000000000a0"]}`, j, "", "i-0123456789abcdef0", "i-0123456789abcdef0"},
		{"no name that a request chose", `{"id":"i-0123456789abcdef0"}`, `{"id":"i-000000000000000a0"}`, j, "/k/i-0123456789abcdef0", "i-0123456789abcdef0", "i-0123456789abcdef0"},
		{"no words", `{"id":"test","Name":"my-bucket-17","Status":"ACTIVE"}`, `{"id":"best","Name":"other-18","Status":"GONE"}`, j, "", "test my-bucket-17 ACTIVE", "test my-bucket-17 ACTIVE"},
		{"no dates", `{"LastId":"2026-01-01T00:00:00Z","CreationDate":"1780425044"}`, `{"LastId":"2027-01-01T00:00:00Z","CreationDate":"1880425044"}`, j, "", "2026-01-01T00:00:00Z 1780425044", "2026-01-01T00:00:00Z 1780425044"},
		{"no numbers", `{"Id":17,"SomeId":"4711"}`, `{"Id":18,"SomeId":"4712"}`, j, "", "17 4711", "17 4711"},
		{"no request ids", `{"RequestId":"0f0e0d0c-1111-4222-8333-444455556666"}`, `{"RequestId":"99999999-8888-4777-8666-555544443333"}`, j, "", "0f0e0d0c-1111-4222-8333-444455556666", "0f0e0d0c-1111-4222-8333-444455556666"},
		{"an id that ends in when it was made", `{"connectionId":"arn:aws:dx:us-east-1:123456789012:con/c1-20261122114414"}`, `{"connectionId":"arn:aws:dx:us-east-1:123456789012:con/c1-20261122115902"}`, j, "",
			"arn:aws:dx:us-east-1:123456789012:con/c1-20261122114414", "arn:aws:dx:us-east-1:123456789012:con/c1-20261122115902"},
		{"of ids made at the same time one that is not known", `{"lagId":"arn:aws:dx:us-east-1:123456789012:lag/lagg-20261122114414"}`, `{"lagId":"arn:aws:dx:us-east-1:123456789012:lag/lagg-20261122115902"}`, j, "con/conn-20261122114414",
			"arn:aws:dx:us-east-1:123456789012:lag/lagg-20261122114414", "arn:aws:dx:us-east-1:123456789012:lag/lagg-20261122115902"},
		{"a short word behind a prefix", `{"Id":"r-tykw"}`, `{"Id":"r-ipo9"}`, j, "", "r-tykw", "r-ipo9"},
		{"nothing of it inside other words", `{"Id":"r-tykw"}`, `{"Id":"r-ipo9"}`, j, "", "her-tykw r-tykw2 r-tykw-x", "her-tykw r-tykw2 r-tykw-x"},
		{"an id of a request that goes on", `{"Status":{"RequestId":"0f0e0d0c-1111-4222-8333-444455556666"}}`, `{"Status":{"RequestId":"99999999-8888-4777-8666-555544443333"}}`, j, "", "0f0e0d0c-1111-4222-8333-444455556666", "99999999-8888-4777-8666-555544443333"},
		{"no request ids in metadata", `<R><ResponseMetadata><RequestId>0f0e0d0c-1111-4222-8333-444455556666</RequestId></ResponseMetadata></R>`, `<R><ResponseMetadata><RequestId>99999999-8888-4777-8666-555544443333</RequestId></ResponseMetadata></R>`, x, "", "0f0e0d0c-1111-4222-8333-444455556666", "0f0e0d0c-1111-4222-8333-444455556666"},
		{"JSON inside XML", `<R><Policy>{&quot;Resource&quot;: [&quot;vol-0123456789abcdef0&quot;]}</Policy></R>`, `<R><Policy>{"Resource":["vol-00000000000000001"]}</Policy></R>`, x, "", "vol-0123456789abcdef0", "vol-00000000000000001"},
		{"URL-encoded JSON inside XML", `<R><Policy>%7B%22Resource%22%3A%22vol-0123456789abcdef0%22%7D</Policy></R>`, `<R><Policy>%7B%22Resource%22%3A%22vol-00000000000000001%22%7D</Policy></R>`, x, "", "vol-0123456789abcdef0", "vol-00000000000000001"},
		{"JSON inside base64", `{"d":"eyJpZCI6InZvbC0wMTIzNDU2Nzg5YWJjZGVmMCJ9"}`, `{"d":"eyJpZCI6InZvbC0wMDAwMDAwMDAwMDAwMDAwMSJ9"}`, j, "", "vol-0123456789abcdef0", "vol-00000000000000001"},
		{"a snapshot by the service's clock", `{"SnapshotIdentifier":"rds:db1v5-2026-01-02-03-04"}`, `{"SnapshotIdentifier":"rds:db1v5-2026-11-22-12-12"}`, j, "db1v5", "rds:db1v5-2026-01-02-03-04", "rds:db1v5-2026-11-22-12-12"},
		{"a certificate, also in base64", `{"Csr":"-----BEGIN X-----\nMIIDCDCCAfCgAwIB\n-----END X-----\n"}`, `{"Csr":"-----BEGIN X-----\nMIIFooooooooBARR\n-----END X-----\n"}`, j, "",
			base64.StdEncoding.EncodeToString([]byte("-----BEGIN X-----\nMIIDCDCCAfCgAwIB\n-----END X-----\n")), base64.StdEncoding.EncodeToString([]byte("-----BEGIN X-----\nMIIFooooooooBARR\n-----END X-----\n"))},
		{"no count in a name", `{"SnapshotIdentifier":"db-2026-name-03"}`, `{"SnapshotIdentifier":"db-2026-name-04"}`, j, "", "db-2026-name-03", "db-2026-name-03"},
		{"an id behind escapes, in a marker and by itself", `{"NextMarker":"d/a%5Bcache%3Av2%2Cid%3A3c996806-1111-4222-8333-444455556666%5D"}`, `{"NextMarker":"d/a%5Bcache%3Av2%2Cid%3A99999999-8888-4777-8666-555544443333%5D"}`, j, "",
			"new%09ab%5Bcache%3Av2%2Cid%3A3c996806-1111-4222-8333-444455556666%5D", "new%09ab%5Bcache%3Av2%2Cid%3A99999999-8888-4777-8666-555544443333%5D"},
		{"an id behind a path, by itself", `{"Id":"/hostedzone/Z0A1B2C3D4E5F6"}`, `{"Id":"/hostedzone/Z9Z8Y7X6W5V4U3"}`, j, "", "Z0A1B2C3D4E5F6 /2013-04-01/hostedzone/Z0A1B2C3D4E5F6/rrset", "Z9Z8Y7X6W5V4U3 /2013-04-01/hostedzone/Z9Z8Y7X6W5V4U3/rrset"},
		{"an id behind a path, of letters", `{"Id":"/change/CQXBNVWZKLR"}`, `{"Id":"/change/CBRTMPAAHGX"}`, j, "", "CQXBNVWZKLR", "CBRTMPAAHGX"},
		{"an id by itself, behind a path", `{"Id":"Z0A1B2C3D4E5F6"}`, `{"Id":"Z9Z8Y7X6W5V4U3"}`, j, "", "/hostedzone/Z0A1B2C3D4E5F6", "/hostedzone/Z9Z8Y7X6W5V4U3"},
		{"an id behind a path at one server alone", `{"Id":"/hostedzone/Z0A1B2C3D4E5F6"}`, `{"Id":"Z9Z8Y7X6W5V4U3"}`, j, "", "/2013-04-01/hostedzone/Z0A1B2C3D4E5F6/rrset", "/2013-04-01/hostedzone/Z9Z8Y7X6W5V4U3/rrset"},
		{"an id behind a path at the other server alone", `{"Id":"Z0A1B2C3D4E5F6"}`, `{"Id":"/hostedzone/Z9Z8Y7X6W5V4U3"}`, j, "", "/2013-04-01/hostedzone/Z0A1B2C3D4E5F6/rrset", "/2013-04-01/hostedzone/Z9Z8Y7X6W5V4U3/rrset"},
		{"an id at the end of an ARN", `{"Arn":"arn:aws:x:us-east-1:1:thing/qcorscnw"}`, `{"Arn":"arn:aws:x:us-east-1:1:thing/pdihgans"}`, j, "", "qcorscnw", "pdihgans"},
		{"a short word behind a prefix, in an ARN", `{"Id":"r-tykw"}`, `{"Id":"r-ipo9"}`, j, "", "arn:aws:x:us-east-1:1:root:r-tykw", "arn:aws:x:us-east-1:1:root:r-ipo9"},
		{"nothing of it behind other colons", `{"Id":"r-tykw"}`, `{"Id":"r-ipo9"}`, j, "", "see:r-tykw", "see:r-tykw"},
		{"no name at the end of a path", `{"Id":"/team/frontend"}`, `{"Id":"/team/backends"}`, j, "", "frontend", "frontend"},
		{"a queue at the end of a URL", `{"Url":"https://sqs.us-east-1.amazonaws.com/1/qcorscnw"}`, `{"Url":"https://sqs.us-east-1.amazonaws.com/1/pdihgans"}`, j, "", "qcorscnw", "pdihgans"},
		{"a sequence number", `{"SequenceNumber":"49590338271490256608559692538361571095921575989136588898"}`, `{"SequenceNumber":"1"}`, j, "", "49590338271490256608559692538361571095921575989136588898", "1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, learned(t, tt.recorded, tt.replayed, tt.contentType, tt.earlier, tt.in)); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBindingsAreBounded(t *testing.T) {
	b := newBindings(newHasher())
	b.add([]byte("kept-0123456789abcdef0"), []byte("x"), bindValue, false)
	for i := range 200_000 {
		b.add(fmt.Appendf(nil, "i-%017x", i), fmt.Appendf(nil, "j-%017x", i), bindValue, false)
		if i%1000 == 0 {
			b.translate([]byte("kept-0123456789abcdef0"), false, nil)
		}
	}
	if b.bytes > maxBindingBytes || len(b.values) > 150_000 || len(b.queue) != len(b.values) {
		t.Errorf("%d bytes, %d values, %d queued", b.bytes, len(b.values), len(b.queue))
	}
	if got, _ := b.translate([]byte("kept-0123456789abcdef0"), false, nil); string(got) != "x" {
		t.Error("what was used is forgotten")
	}
	if got, _ := b.translate(fmt.Appendf(nil, "i-%017x", 1), false, nil); got[0] != 'i' {
		t.Error("what was not used is kept")
	}
}

// A value is replaced in each encoding in which a request may hold it.
func TestRewriteBodies(t *testing.T) {
	k := newCorrelator(newSeen(newHasher()))
	k.add([]byte("vol-0123456789abcdef0"), []byte("vol-\"<&1"), bindValue, false)
	b64 := base64.StdEncoding.EncodeToString
	tests := []struct{ name, contentType, in, want string }{
		{"JSON inside XML", "text/xml", `<R a="1"><P>{&quot;r&quot;:&quot;x/vol-0123456789abcdef0&quot;}</P></R>`, `<R a="1"><P>{"r":"x/vol-\"&lt;&amp;1"}</P></R>`},
		{"an attribute and CDATA", "text/xml", `<R a="vol-0123456789abcdef0"><P><![CDATA[vol-0123456789abcdef0]]></P></R>`, `<R a="vol-&quot;&lt;&amp;1"><P><![CDATA[vol-"<&1]]></P></R>`},
		{"JSON inside JSON inside JSON", "application/json", `{"a":"{\"b\":\"{\\\"c\\\":\\\"vol-0123456789abcdef0\\\"}\"}","z":1}`, `{"a":"{\"b\":\"{\\\"c\\\":\\\"vol-\\\\\\\"<&1\\\"}\"}","z":1}`},
		{"JSON in a form", "application/x-www-form-urlencoded", `A=b&P=%7B%22r%22%3A%22vol-0123456789abcdef0%22%7D`, `A=b&P=%7B%22r%22%3A%22vol-%5C%22%3C%261%22%7D`},
		{"base64 in JSON", "application/json", `{"d":"` + b64([]byte("see vol-0123456789abcdef0 now")) + `"}`, `{"d":"` + b64([]byte(`see vol-"<&1 now`)) + `"}`},
		{"JSON in base64 in JSON", "application/json", `{"d":"` + b64([]byte(`{"i":"vol-0123456789abcdef0"}`)) + `"}`, `{"d":"` + b64([]byte(`{"i":"vol-\"<&1"}`)) + `"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var w rewriter
			r := &request{Request: sign.Request{Header: []sign.Field{{Name: "Content-Type", Value: tt.contentType}}}}
			got, _ := w.rewriteText(k, r, []byte(tt.in))
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// A token is carried over as a whole, though one side or both can be read.
func TestTokensThatAreDocuments(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := []struct{ name, recorded, replayed string }{
		{"both in base64", b64(`{"checksum":-295841,"at":"shardId-1"}`), b64(`{"checksum":680064,"at":"shardId-1"}`)},
		{"one alone", b64(`{"checksum":-295841,"at":"shardId-1"}`), "AAEAcpVfQ2xk"},
		{"JSON", `{"checksum":-295841}`, `{"checksum":680064}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			quote := func(s string) string { return string(entry.AppendString(nil, s)) }
			k := newCorrelator(newSeen(newHasher()))
			learn(t, k, `{"NextToken":`+quote(tt.recorded)+`}`, `{"NextToken":`+quote(tt.replayed)+`}`, "application/json")
			var w rewriter
			r := &request{Request: sign.Request{Header: []sign.Field{{Name: "Content-Type", Value: "application/json"}}}}
			got, _ := w.rewriteText(k, r, []byte(`{"NextToken":`+quote(tt.recorded)+`,"Limit":2}`))
			if diff := cmp.Diff(`{"NextToken":`+quote(tt.replayed)+`,"Limit":2}`, string(got)); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzRewrite states that a body without bound values stays as it is, and that
// one that was rewritten holds none.
func FuzzRewrite(f *testing.F) {
	f.Add([]byte(`{"a":"i-0123456789abcdef0"}`), "application/json")
	f.Add([]byte("a=%2Fi-0123456789abcdef0&b=%25"), "application/x-www-form-urlencoded")
	f.Add([]byte("dXNlIGktMDEyMzQ1Njc4OWFiY2RlZjAh"), "")
	k := newCorrelator(newSeen(newHasher()))
	k.add([]byte("i-0123456789abcdef0"), []byte("i-fedcba98765432100"), bindValue, false)
	f.Fuzz(func(t *testing.T, data []byte, contentType string) {
		var w rewriter
		r := &request{Request: sign.Request{Header: []sign.Field{{Name: "Content-Type", Value: contentType}}}}
		out, changed := w.rewriteText(k, r, bytes.Clone(data))
		if !changed && !bytes.Equal(out, data) {
			t.Fatalf("changed without saying so: %q", out)
		}
		if again, twice := w.rewriteText(k, r, bytes.Clone(out)); twice {
			t.Fatalf("%q was rewritten twice, into %q", data, again)
		}
	})
}
