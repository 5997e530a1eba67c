package capture

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// BenchmarkRedact measures what redaction costs an exchange: where there is
// nothing to find it has to be next to nothing.
func BenchmarkRedact(b *testing.B) {
	random := make([]byte, 5<<20)
	rand.NewChaCha8([32]byte{}).Read(random)
	s3 := func(body string) call {
		return call{method: "PUT", host: "b.s3.us-east-1.amazonaws.com", path: "/k", body: body, header: []string{"Authorization", fmt.Sprintf(signed, "s3")}}
	}
	item := `{"TableName":"t","Item":{` + strings.Repeat(`"attribute":{"S":"some value"},`, 33) + `"x":{"N":"1"}}}`
	for _, bb := range []struct {
		name string
		call call
	}{
		{"S3 object, 5 MB, random", s3(string(random))},
		{"S3 object, 5 MB, text", s3(strings.Repeat("2026-01-02T03:04:05Z INFO the request took 12 ms, and https://example.com/ was fine\n", 64000))},
		{"S3 object, 5 MB, text with mail addresses", s3(strings.Repeat("someone@example.com wrote to https://example.com/ about the secret\n", 78000))},
		{"DynamoDB item, 1 KB", jsonCall("dynamodb", "DynamoDB_20120810.PutItem", item, `{}`)},
		{"SQS message, 1 KB", jsonCall("sqs", "AmazonSQS.SendMessage", `{"QueueUrl":"q","MessageBody":"`+strings.Repeat("some text, ", 95)+`"}`, `{"MessageId":"m"}`)},
		{"SSM parameter, 1 KB, sensitive", jsonCall("ssm", "AmazonSSM.PutParameter", `{"Name":"n","Value":"`+strings.Repeat("some text, ", 95)+`"}`, `{}`)},
		{"Lambda payload, 1 KB, sensitive", restCall("lambda", "POST", "/2015-03-31/functions/f/invocations", item, `{}`)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r, err := NewRecorder(Options{Emit: func([]byte) error { return nil }})
			if err != nil {
				b.Fatal(err)
			}
			x := bb.call.exchange(r)
			x.Entry.RequestBody, x.Entry.ResponseBody = x.request.body(), x.response.body()
			x.identify()
			saved := x.Entry
			var request, response entry.Header
			b.SetBytes(int64(len(bb.call.body) + len(bb.call.answer)))
			b.ReportAllocs()
			for b.Loop() {
				x.Entry = saved
				x.Entry.RequestHeaders = append(request[:0], saved.RequestHeaders...)
				x.Entry.ResponseHeaders = append(response[:0], saved.ResponseHeaders...)
				request, response = x.Entry.RequestHeaders, x.Entry.ResponseHeaders
				x.redact()
			}
		})
	}
}
