package proxy

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/neureaux/cloudmock/internal/sign"
)

func TestRoutes(t *testing.T) {
	tests := []struct {
		name            string
		method, host    string // host: what stands before the recorder's name
		target          string
		service, region string // of the client's scope
		header          []string
		want            string // host path, and what it is signed for; or the refusal
	}{
		{"S3 path style", "GET", "", "/bkt/k", "s3", "eu-west-1", nil, "s3.eu-west-1.amazonaws.com /bkt/k s3 eu-west-1"},
		{"S3 virtual host", "GET", "bkt1.", "/k", "s3", "eu-west-1", nil, "bkt1.s3.eu-west-1.amazonaws.com /k s3 eu-west-1"},
		{"S3 virtual host with s3 in it", "GET", "bkt1.s3.", "/k", "s3", "eu-west-1", nil, "bkt1.s3.eu-west-1.amazonaws.com /k s3 eu-west-1"},
		{"a bucket with dots fits no certificate", "GET", "a.b.c.", "/k", "s3", "eu-west-1", nil, "s3.eu-west-1.amazonaws.com /a.b.c/k s3 eu-west-1"},
		{"directory bucket", "GET", "bk--use1-az4--x-s3.", "/k", "s3express", "us-east-1", nil, "bk--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com /k s3express us-east-1"},
		{"directory bucket, path style", "GET", "", "/bk--use1-az4--x-s3/k", "s3express", "us-east-1", nil, "bk--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com /k s3express us-east-1"},
		{"directory bucket, with a FIPS host", "GET", "bk--use1-az4--x-s3.", "/k", "s3express", "us-east-1", []string{"FIPS", ""}, "bk--use1-az4--x-s3.s3express-fips-use1-az4.us-east-1.amazonaws.com /k s3express us-east-1"},
		{"access point of a directory bucket", "GET", "ap--usw2-az1--xa-s3.", "/k", "s3express", "us-west-2", nil, "ap--usw2-az1--xa-s3.s3express-usw2-az1.us-west-2.amazonaws.com /k s3express us-west-2"},
		{"a session is made at the zone", "GET", "bk--usw2-az1--x-s3.", "/?session", "s3express", "us-west-2", nil, "bk--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com / s3express us-west-2"},
		{"directory buckets are listed at the regional endpoint", "GET", "", "/", "s3express", "us-west-2", nil, "s3express-control.us-west-2.amazonaws.com / s3express us-west-2"},
		{"access point", "GET", "myap-123456789012.", "/k", "s3", "us-east-2", nil, "myap-123456789012.s3-accesspoint.us-east-2.amazonaws.com /k s3 us-east-2"},
		{"access point of boto3", "PUT", "myap-123456789012.", "/k", "s3", "us-east-2", []string{"User-Agent", "Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1"}, "myap-123456789012.s3-accesspoint.us-east-2.amazonaws.com /k s3 us-east-2"},
		{"access point in China, FIPS and dual-stack", "GET", "myap-123456789012.", "/", "s3", "us-gov-west-1", []string{"FIPS", "", "DualStack", ""}, "myap-123456789012.s3-accesspoint-fips.dualstack.us-gov-west-1.amazonaws.com / s3 us-gov-west-1"},
		{"a bucket that is named like one, of an SDK that puts buckets there", "GET", "logs-123456789012.", "/k", "s3", "us-east-2", []string{"User-Agent", "aws-sdk-js/3.1169.0 ua/2.1"}, "logs-123456789012.s3.us-east-2.amazonaws.com /k s3 us-east-2"},
		{"a bucket that is named like one, made", "PUT", "logs-123456789012.", "/", "s3", "us-east-2", nil, "logs-123456789012.s3.us-east-2.amazonaws.com / s3 us-east-2"},
		{"object lambda access point", "GET", "ol-123456789012.", "/k", "s3-object-lambda", "us-west-2", nil, "ol-123456789012.s3-object-lambda.us-west-2.amazonaws.com /k s3-object-lambda us-west-2"},
		{"object lambda's answer", "POST", "", "/WriteGetObjectResponse", "s3-object-lambda", "us-west-2", []string{"X-Amz-Request-Route", "route-1"}, "route-1.s3-object-lambda.us-west-2.amazonaws.com /WriteGetObjectResponse s3-object-lambda us-west-2"},
		{"object lambda's answer, its route in the host", "POST", "route-1.", "/WriteGetObjectResponse", "s3-object-lambda", "us-west-2", []string{"X-Amz-Request-Route", "route-1"}, "route-1.s3-object-lambda.us-west-2.amazonaws.com /WriteGetObjectResponse s3-object-lambda us-west-2"},
		{"access point on an Outpost", "GET", "ap-123456789012.op-01ac5d28a6a232904.", "/k", "s3-outposts", "us-west-2", nil, "ap-123456789012.op-01ac5d28a6a232904.s3-outposts.us-west-2.amazonaws.com /k s3-outposts us-west-2"},
		{"S3 control on an Outpost", "GET", "", "/v20180820/bucket/b", "s3-outposts", "us-west-2", []string{"X-Amz-Account-Id", "123456789012", "X-Amz-Outpost-Id", "op-01"}, "s3-outposts.us-west-2.amazonaws.com /v20180820/bucket/b s3-outposts us-west-2"},
		{"a directory bucket is made at the regional endpoint", "PUT", "", "/bk--use1-az4--x-s3", "s3express", "us-east-1", nil, "s3express-control.us-east-1.amazonaws.com /bk--use1-az4--x-s3 s3express us-east-1"},
		{"a zone that continues as a host", "GET", "", "/bk--evil.com--x-s3/k", "s3express", "us-east-1", nil, "s3express-control.us-east-1.amazonaws.com /bk--evil.com--x-s3/k s3express us-east-1"},
		{"S3 control", "GET", "123456789012.", "/v20180820/jobs", "s3", "us-east-1", []string{"X-Amz-Account-Id", "123456789012"}, "123456789012.s3-control.us-east-1.amazonaws.com /v20180820/jobs s3 us-east-1"},
		{"DynamoDB", "POST", "", "/", "dynamodb", "eu-west-1", []string{"X-Amz-Target", "DynamoDB_20120810.ListTables"}, "dynamodb.eu-west-1.amazonaws.com / dynamodb eu-west-1"},
		{"a service that shares its signing name", "POST", "", "/", "dynamodb", "eu-west-1", []string{"X-Amz-Target", "DynamoDBStreams_20120810.ListStreams"}, "streams.dynamodb.eu-west-1.amazonaws.com / dynamodb eu-west-1"},
		{"a global service has a region of its own", "POST", "", "/?Action=ListUsers&Version=2010-05-08", "iam", "eu-west-1", nil, "iam.amazonaws.com / iam us-east-1"},
		{"China", "POST", "", "/?Action=ListUsers&Version=2010-05-08", "iam", "cn-north-1", nil, "iam.cn-north-1.amazonaws.com.cn / iam cn-north-1"},
		{"GovCloud", "POST", "", "/", "dynamodb", "us-gov-west-1", []string{"X-Amz-Target", "DynamoDB_20120810.ListTables"}, "dynamodb.us-gov-west-1.amazonaws.com / dynamodb us-gov-west-1"},
		{"a host name that is not the signing name", "POST", "", "/v2/email/outbound-emails", "ses", "eu-west-1", nil, "email.eu-west-1.amazonaws.com /v2/email/outbound-emails ses eu-west-1"},
		{"an operation with a host prefix", "POST", "", "/", "states", "eu-west-1", []string{"X-Amz-Target", "AWSStepFunctions.StartSyncExecution"}, "sync-states.eu-west-1.amazonaws.com / states eu-west-1"},
		{"unsigned, by its form", "POST", "", "/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15", "", "", nil, "sts.us-west-2.amazonaws.com / sts us-west-2"},
		{"anonymous S3, by its SDK", "GET", "", "/bkt/k", "", "", []string{"User-Agent", "aws-cli/2.13.0 Python/3.11"}, "s3.us-west-2.amazonaws.com /bkt/k s3 us-west-2"},
		{"anonymous S3, by its host", "GET", "bkt1.", "/k", "", "", nil, "bkt1.s3.us-west-2.amazonaws.com /k s3 us-west-2"},
		{"an API of API Gateway has its own host", "GET", "", "/prod/pets", "execute-api", "eu-west-1", nil, "400"},
		{"a service that there is not", "GET", "", "/", "evilservice", "eu-west-1", nil, "400"},
		{"a region that there is not", "GET", "", "/bkt", "s3", "evil", nil, "400"},
		{"a region that continues as a host", "GET", "", "/bkt", "s3", "us-east-1-evil-com", nil, "400"},
		{"nothing that names a service", "GET", "", "/favicon.ico", "", "", nil, "400"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, func(o *Options) { o.Upstream, o.Region = nil, "us-west-2" })
			c := r.proxy.get(nil, new(http.Request))
			c.in = sign.Request{Method: tt.method, Host: tt.host + "localhost:4577"}
			c.in.Path, c.in.RawQuery, _ = cutQuery(tt.target)
			for i := 0; i+1 < len(tt.header); i += 2 {
				switch tt.header[i] {
				case "FIPS":
					r.proxy.o.FIPS = true
					continue
				case "DualStack":
					r.proxy.o.DualStack = true
					continue
				}
				c.in.Add(tt.header[i], tt.header[i+1])
			}
			c.claim.Service, c.claim.Region = tt.service, tt.region
			var got string
			if f := c.route(); f != nil {
				got = fmt.Sprint(f.status)
			} else {
				got = fmt.Sprintf("%s %s %s %s", c.target.host, c.target.path, c.target.service, c.target.region)
				if c.target.addr != c.target.host+":443" || !c.target.tls {
					t.Errorf("dials %s", c.target.addr)
				}
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func cutQuery(target string) (path, query string, ok bool) {
	for i := range len(target) {
		if target[i] == '?' {
			return target[:i], target[i+1:], true
		}
	}
	return target, "", false
}
