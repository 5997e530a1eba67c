package awsapi

import (
	"net/http"
	"testing"
)

func TestErrorCode(t *testing.T) {
	for _, tt := range []struct {
		name     string
		protocol Protocol
		status   int
		header   map[string]string
		body     string
		want     string
	}{
		{"awsJson: __type without its namespace", AWSJSON10, 400, nil, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"m"}`, "ConditionalCheckFailedException"},
		{"awsJson: __type may come last", AWSJSON11, 400, nil, `{"message":"__type: \"no\"","__type":"ValidationException"}`, "ValidationException"},
		{"the type is the document's, not a member's", AWSJSON11, 400, nil, `{"Reasons":[{"__type":"Inner","Code":"Inner"}],"__type":"TransactionCanceledException"}`, "TransactionCanceledException"},
		{"the old query code wins where a service moved to JSON", AWSJSON10, 400, map[string]string{"X-Amzn-Query-Error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}`, "AWS.SimpleQueueService.NonExistentQueue"},
		{"restJson: header, cut at the colon", RestJSON1, 404, map[string]string{"X-Amzn-Errortype": "ResourceNotFoundException:http://internal.amazon.com/coral/com.amazonaws.lambda/"}, `{"Message":"m"}`, "ResourceNotFoundException"},
		{"restJson: code in the body", RestJSON1, 400, nil, `{"code":"BadRequestException"}`, "BadRequestException"},
		{"a member named code in a success is none", RestJSON1, 200, nil, `{"code":"42"}`, ""},
		{"S3", RestXML, 404, nil, `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Error><Code>NoSuchKey</Code><Message>m</Message><Key>&lt;Code&gt;</Key></Error>`, "NoSuchKey"},
		{"S3 after a 200 it could not take back", RestXML, 200, nil, `  <Error><Code>InternalError</Code></Error>`, "InternalError"},
		{"restXml with a response element", RestXML, 404, nil, `<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>NoSuchHostedZone</Code></Error></ErrorResponse>`, "NoSuchHostedZone"},
		{"Route 53 names some by the root", RestXML, 400, nil, `<InvalidChangeBatch xmlns="x"><Messages><Message>m</Message></Messages></InvalidChangeBatch>`, "InvalidChangeBatch"},
		{"awsQuery", AWSQuery, 400, nil, `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>NotFound</Code></Error></ErrorResponse>`, "NotFound"},
		{"ec2Query", EC2Query, 400, nil, `<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code></Error></Errors></Response>`, "InvalidInstanceID.NotFound"},
		{"an XML success has none", AWSQuery, 200, nil, `<GetErrorResponse><Error><Code>X</Code></Error></GetErrorResponse>`, ""},
		{"CBOR", RPCv2CBOR, 400, nil, "\xbf\x66__type\x78\x26com.amazonaws.cloudwatch#LimitExceeded\x67message\x61m\xff", "LimitExceeded"},
		{"CBOR cut off", RPCv2CBOR, 400, nil, "\xbf\x66__type\x78", ""},
		{"a page of a proxy", RestXML, 502, nil, "<html><body>Bad Gateway</body></html>", ""},
		{"nothing at all", RestXML, 404, nil, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := http.Header{}
			for k, v := range tt.header {
				header.Set(k, v)
			}
			if got := ErrorCode(tt.protocol, tt.status, header.Get, []byte(tt.body)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzErrorCode(f *testing.F) {
	f.Add(uint8(1), 400, "Code;Sender", "ns#Code:http", []byte(`{"__type":"x"}`))
	f.Add(uint8(7), 500, "", "", []byte("\xbf\x66__type\x79\x00\x01a"))
	f.Add(uint8(4), 200, "", "", []byte("<?xml?><!x><Error><Code>A</Code>"))
	f.Fuzz(func(t *testing.T, p uint8, status int, queryError, errorType string, body []byte) {
		header := http.Header{"X-Amzn-Query-Error": {queryError}, "X-Amzn-Errortype": {errorType}}
		if code := ErrorCode(Protocol(p), status, header.Get, body); len(code) > 128 {
			t.Errorf("a code of %d bytes", len(code))
		}
	})
}
