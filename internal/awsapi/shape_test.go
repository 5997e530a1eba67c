package awsapi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// walk follows a path of wire names; "*" is an element of a list or map.
func walk(s Shape, path string) Shape {
	for name := range strings.SplitSeq(path, ".") {
		switch {
		case name == "":
		case name == "*":
			s = s.Elem()
		default:
			s, _ = s.Member(name)
		}
	}
	return s
}

// description is what the tests compare of a shape.
func description(s Shape) string {
	out := s.Kind().String()
	for _, d := range []struct {
		is   bool
		word string
	}{
		{s.Sensitive(), "sensitive"}, {s.Flattened(), "flattened"}, {s.IdempotencyToken(), "token"}, {s.Streaming(), "streaming"},
		{s.EventStream(), "events"}, {s.Unordered(), "unordered"}, {s.Attribute(), "attribute"},
		{s.TimestampFormat() == EpochSeconds, "epoch"}, {s.TimestampFormat() == DateTime, "datetime"}, {s.TimestampFormat() == HTTPDate, "httpdate"},
	} {
		if d.is {
			out += " " + d.word
		}
	}
	return out
}

func TestResponseShapes(t *testing.T) {
	for _, tt := range []struct {
		name, service, action string
		protocol              Protocol
		path, want            string
	}{
		{"a query response is wrapped in its result", "sts", "AssumeRole", AWSQuery, "AssumeRoleResult.Credentials.SecretAccessKey", "string sensitive"},
		{"the overlay marks what the model does not", "sts", "AssumeRole", AWSQuery, "AssumeRoleResult.Credentials.SessionToken", "string sensitive"},
		{"a timestamp in XML is a date", "sts", "AssumeRole", AWSQuery, "AssumeRoleResult.Credentials.Expiration", "timestamp datetime"},
		{"a list's elements have a shape", "iam", "ListUsers", AWSQuery, "ListUsersResult.Users.*.CreateDate", "timestamp datetime"},
		{"a timestamp in JSON is a number", "dynamodb", "DescribeTable", AWSJSON10, "Table.CreationDateTime", "timestamp epoch"},
		{"a recursive structure ends nowhere", "dynamodb", "GetItem", AWSJSON10, "Item.*.M.*.L.*.B", "blob"},
		{"a DynamoDB set has no order", "dynamodb", "GetItem", AWSJSON10, "Item.*.SS", "list unordered"},
		{"S3 lists have no element of their own", "s3", "ListObjectsV2", RestXML, "Contents", "list flattened"},
		{"S3 dates in XML are RFC 3339", "s3", "ListObjectsV2", RestXML, "Contents.*.LastModified", "timestamp datetime"},
		{"an object's body is the payload", "s3", "GetObject", RestXML, "", "blob streaming"},
		{"EC2 names members its own way", "ec2", "DescribeInstances", EC2Query, "reservationSet.*.instancesSet.*.launchTime", "timestamp datetime"},
		{"a JSON name differs from the member's", "apigateway", "GetRestApis", RestJSON1, "item.*.createdDate", "timestamp epoch"},
		{"SQS in JSON", "sqs", "ReceiveMessage", AWSJSON10, "Messages.*.Body", "string"},
		{"SQS as a query", "sqs", "ReceiveMessage", AWSQuery, "ReceiveMessageResult.Message.*.Body", "string"},
		{"tags have no order", "ecs", "ListTagsForResource", AWSJSON11, "tags", "list unordered"},
		{"a secret", "secretsmanager", "GetSecretValue", AWSJSON11, "SecretString", "string sensitive"},
		{"an event stream", "kinesis", "SubscribeToShard", AWSJSON11, "EventStream", "structure streaming events"},
		{"an attribute", "s3", "GetBucketAcl", RestXML, "AccessControlList.*.Grantee.xsi:type", "string attribute"},
		{"CBOR goes by JSON's names", "monitoring", "GetMetricData", RPCv2CBOR, "MetricDataResults.*.Timestamps.*", "timestamp epoch"},
		{"what the model does not know", "sts", "AssumeRole", AWSQuery, "AssumeRoleResult.Nothing.More", "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := LookUp(tt.service, tt.action)
			if o == nil {
				t.Fatal("no such operation")
			}
			if diff := cmp.Diff(tt.want, description(walk(o.ResponseBody(tt.protocol), tt.path))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.path, diff)
			}
		})
	}
}

func TestRequestShapes(t *testing.T) {
	body := func(path string) func(Shape) Shape { return func(s Shape) Shape { return walk(s, path) } }
	form := func(key string) func(Shape) Shape { return func(s Shape) Shape { s, _ = s.Form(key); return s } }
	header := func(name string) func(Shape) Shape { return func(s Shape) Shape { s, _ = s.Header(name); return s } }
	query := func(name string) func(Shape) Shape { return func(s Shape) Shape { s, _ = s.Query(name); return s } }
	for _, tt := range []struct {
		name, service, action string
		protocol              Protocol
		at                    func(Shape) Shape
		want                  string
	}{
		{"an idempotency token", "ecs", "RunTask", AWSJSON11, body("clientToken"), "string token"},
		{"a form's member", "rds", "CreateDBInstance", AWSQuery, form("MasterUserPassword"), "string sensitive"},
		{"a form's list", "iam", "TagUser", AWSQuery, form("Tags.member.1.Value"), "string"},
		{"a form's list with a name of its own", "rds", "AddTagsToResource", AWSQuery, form("Tags.Tag.2.Key"), "string"},
		{"a form's flattened list and map", "sqs", "SendMessage", AWSQuery, form("MessageAttribute.1.Value.BinaryValue"), "blob"},
		{"EC2's lists have no names between", "ec2", "RunInstances", EC2Query, form("TagSpecification.1.Tag.2.Value"), "string"},
		{"EC2's user data", "ec2", "RunInstances", EC2Query, form("UserData"), "string sensitive"},
		{"EC2's token", "ec2", "RunInstances", EC2Query, form("ClientToken"), "string token"},
		{"a header", "s3", "PutObject", RestXML, header("X-Amz-Server-Side-Encryption-Customer-Key"), "string sensitive"},
		{"a prefix of headers", "s3", "PutObject", RestXML, header("X-Amz-Meta-Color"), "map"},
		{"a date in a header", "s3", "GetObject", RestXML, header("If-Modified-Since"), "timestamp httpdate"},
		{"a query parameter", "s3", "ListObjectsV2", RestXML, query("max-keys"), "integer"},
		{"what the form does not have", "iam", "TagUser", AWSQuery, form("Tags.member.x.Value"), "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, description(tt.at(LookUp(tt.service, tt.action).Input(tt.protocol)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestEveryShapeDecodes reads the whole table: what is broken in it panics.
func TestEveryShapeDecodes(t *testing.T) {
	operations, sensitive, members := 0, 0, 0
	var count func(s Shape, seen map[int]bool, depth int) bool
	count = func(s Shape, seen map[int]bool, depth int) bool {
		found := s.Sensitive()
		if n := s.node(); n == nil || seen[s.ref] {
			return found
		}
		seen[s.ref] = true
		found = count(s.Elem(), seen, depth+1) || found
		found = count(s.Key(), seen, depth+1) || found
		for _, m := range s.Members() {
			members++
			found = count(m, seen, depth+1) || found
		}
		return found
	}
	for _, s := range loadTable().services {
		for i := range s.operations().list {
			o := &s.operations().list[i]
			operations++
			in, out := count(o.Input(s.protocols[0]), map[int]bool{}, 0), count(o.Output(s.protocols[0]), map[int]bool{}, 0)
			if in || out {
				sensitive++
			}
		}
	}
	t.Logf("%d services, %d operations, %d of them with sensitive members", len(loadTable().services), operations, sensitive)
	if operations < 19000 || sensitive < 2600 || members < 200000 {
		t.Errorf("%d operations, %d with sensitive members, %d members: fewer than AWS has", operations, sensitive, members)
	}
}
