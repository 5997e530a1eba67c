package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/fxamacker/cbor/v2"
)

// carriers are calls that bring a text of the user's, which no model calls secret.
func carriers(t testing.TB) map[string]func(text string) call {
	quoted := func(text string) string {
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	xml := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
	cborCall := func(request, answer any) call {
		in, err1 := cbor.Marshal(request)
		out, err2 := cbor.Marshal(answer)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		return call{host: "kinesis.us-east-1.amazonaws.com", body: string(in), answer: string(out),
			header:       []string{"X-Amz-Target", "Kinesis_20131202.PutRecord", "Content-Type", "application/x-amz-cbor-1.1"},
			answerHeader: []string{"Content-Type", "application/x-amz-cbor-1.1"}}
	}
	return map[string]func(text string) call{
		"an S3 object": func(text string) call {
			return call{method: "PUT", host: "b.s3.us-east-1.amazonaws.com", path: "/k", body: "# notes\n" + text + "\nend\n"}
		},
		"an S3 object that is read, compressed": func(text string) call {
			return call{method: "GET", host: "b.s3.us-east-1.amazonaws.com", path: "/k", answer: zipped("# notes\n" + text + "\nend\n"), answerHeader: []string{"Content-Encoding", "gzip"}}
		},
		"a message in JSON": func(text string) call {
			return jsonCall("sqs", "AmazonSQS.SendMessage", `{"QueueUrl":"q","MessageBody":`+quoted(text)+`}`, `{"MessageId":"1"}`)
		},
		"a message in a document in JSON": func(text string) call {
			return jsonCall("sqs", "AmazonSQS.ReceiveMessage", `{"QueueUrl":"q"}`, `{"Messages":[{"Body":`+quoted(`{"Type":"Notification","Message":`+quoted(text)+`}`)+`}]}`)
		},
		"a message in XML": func(text string) call {
			return queryCall("sqs", "2012-11-05", "Action=ReceiveMessage", "<ReceiveMessageResponse><ReceiveMessageResult><Message><Body>"+xml.Replace(text)+"</Body></Message></ReceiveMessageResult></ReceiveMessageResponse>")
		},
		"JSON within XML": func(text string) call {
			return queryCall("sqs", "2012-11-05", "Action=ReceiveMessage", "<ReceiveMessageResponse><ReceiveMessageResult><Message><Body>"+xml.Replace(`{"note":`+quoted(text)+`}`)+"</Body></Message></ReceiveMessageResult></ReceiveMessageResponse>")
		},
		"a form": func(text string) call {
			return queryCall("sns", "2010-03-31", "Action=Publish&TopicArn=t&Message="+url.QueryEscape(text), "<PublishResponse/>")
		},
		"an item": func(text string) call {
			return jsonCall("dynamodb", "DynamoDB_20120810.PutItem", `{"TableName":"t","Item":{"k":{"S":"1"},"note":{"S":`+quoted(text)+`}}}`, `{}`)
		},
		"a record in base64": func(text string) call {
			return jsonCall("kinesis", "Kinesis_20131202.PutRecord", `{"StreamName":"s","Data":"`+base64.StdEncoding.EncodeToString([]byte(text))+`"}`, `{}`)
		},
		"a record in base64, compressed": func(text string) call {
			return jsonCall("kinesis", "Kinesis_20131202.PutRecord", `{"StreamName":"s","Data":"`+base64.StdEncoding.EncodeToString([]byte(zipped(text)))+`"}`, `{}`)
		},
		"bytes in CBOR": func(text string) call {
			return cborCall(map[string]any{"StreamName": "s", "Data": []byte(text)}, map[string]any{"Records": []any{map[string]any{"Data": []byte(`{"note":` + quoted(text) + `}`)}}})
		},
		"text in CBOR": func(text string) call {
			return cborCall(map[string]any{"StreamName": "s", "Note": text}, map[string]any{"message": text})
		},
		"an event stream": func(text string) call {
			var b bytes.Buffer
			for _, payload := range []string{text, `{"note":` + quoted(text) + `}`} {
				m := eventstream.Message{Payload: []byte(payload)}
				m.Headers.Set(":message-type", eventstream.StringValue("event"))
				m.Headers.Set(":event-type", eventstream.StringValue("Records"))
				if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
					t.Fatal(err)
				}
			}
			return call{host: "b.s3.us-east-1.amazonaws.com", path: "/k", query: "select&select-type=2", answer: b.String(), answerHeader: []string{"Content-Type", "application/vnd.amazon.eventstream"}}
		},
		"a multipart form": func(text string) call {
			return call{host: "b.s3.us-east-1.amazonaws.com", header: []string{"Content-Type", "multipart/form-data; boundary=bnd"},
				body: "--bnd\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--bnd\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n" + text + "\r\n--bnd--\r\n"}
		},
		"an error": func(text string) call {
			c := jsonCall("dynamodb", "DynamoDB_20120810.PutItem", `{}`, `{"__type":"ValidationException","message":`+quoted("Invalid: "+text)+`}`)
			c.status = 400
			return c
		},
		"an error in XML": func(text string) call {
			c := queryCall("sts", "2011-06-15", "Action=GetCallerIdentity", "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>"+xml.Replace("Invalid: "+text)+"</Message></Error></ErrorResponse>")
			c.status = 403
			return c
		},
		"a log event": func(text string) call {
			return jsonCall("logs", "Logs_20140328.PutLogEvents", `{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":`+quoted("INFO "+text)+`}]}`, `{}`)
		},
		"a parameter of the query": func(text string) call {
			return call{method: "GET", host: "b.s3.us-east-1.amazonaws.com", path: "/", query: "prefix=" + url.QueryEscape(text)}
		},
		"a header": func(text string) call {
			return call{method: "GET", host: "b.s3.us-east-1.amazonaws.com", path: "/k", answerHeader: []string{"X-Amz-Meta-Note", strings.ReplaceAll(text, "\n", " ")}}
		},
	}
}

// TestNoFormOfSecretIsKept sends secrets of all kinds by all carriers: what is left
// has none of them, and the audit says so.
func TestNoFormOfSecretIsKept(t *testing.T) {
	for carrier, by := range carriers(t) {
		t.Run(carrier, func(t *testing.T) {
			kinds := planted(t)
			for kind, text := range kinds {
				line := record(t, Options{}, by(text))[0]
				for _, f := range audit(t, line) {
					t.Errorf("%s: %s: %s", kind, f.Where, f.Rule)
				}
			}
		})
	}
}
