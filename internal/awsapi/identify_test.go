package awsapi

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// scopeFor is the Authorization header of a request signed for a service.
func scopeFor(service, region string) http.Header {
	return http.Header{"Authorization": {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/" + region + "/" + service + "/aws4_request, SignedHeaders=host, Signature=0"}}
}

func with(h http.Header, pairs ...string) http.Header {
	if h == nil {
		h = http.Header{}
	}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

const form = "application/x-www-form-urlencoded; charset=utf-8"

func TestIdentify(t *testing.T) {
	const local = "localhost:4577"
	const presigned = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=0"
	s3 := func() http.Header { return scopeFor("s3", "us-east-1") }
	for _, tt := range []struct {
		name                            string
		method, host, path, query, body string
		header                          http.Header
		want                            string // "service region action protocol [bucket[ host]]"
	}{
		{"awsJson: what follows the last dot", "POST", local, "/", "", "{}", with(scopeFor("dynamodb", "us-east-2"), "X-Amz-Target", "DynamoDB_20120810.PutItem", "Content-Type", "application/x-amz-json-1.0"), "dynamodb us-east-2 PutItem awsJson1_0"},
		{"awsJson: the target alone", "POST", local, "/", "", "{}", with(nil, "X-Amz-Target", "AWSCognitoIdentityProviderService.InitiateAuth", "Content-Type", "application/x-amz-json-1.1"), "cognito-idp  InitiateAuth awsJson1_1"},
		{"awsJson: an operation younger than the table", "POST", local, "/", "", "{}", with(scopeFor("dynamodb", "us-east-2"), "X-Amz-Target", "DynamoDB_20120810.BrandNewThing", "Content-Type", "application/x-amz-json-1.0"), "dynamodb us-east-2 BrandNewThing awsJson1_0"},
		{"awsJson: CBOR of Java's Kinesis client", "POST", local, "/", "", "\xbf", with(scopeFor("kinesis", "us-east-2"), "X-Amz-Target", "Kinesis_20131202.PutRecords", "Content-Type", "application/x-amz-cbor-1.1"), "kinesis us-east-2 PutRecords awsJson1_1"},
		{"awsJson: two services, one signing name", "POST", local, "/", "", "{}", with(scopeFor("dynamodb", "us-east-2"), "X-Amz-Target", "DynamoDBStreams_20120810.GetRecords", "Content-Type", "application/x-amz-json-1.0"), "dynamodb us-east-2 GetRecords awsJson1_0"},
		{"rpcv2Cbor", "POST", local, "/service/GraniteServiceVersion20100801/operation/PutMetricData", "", "\xa0", with(scopeFor("monitoring", "us-east-1"), "Smithy-Protocol", "rpc-v2-cbor"), "monitoring us-east-1 PutMetricData rpcv2Cbor"},
		{"rpcv2Cbor below a base path", "POST", local, "/base/service/GraniteServiceVersion20100801/operation/PutMetricData", "", "\xa0", with(scopeFor("monitoring", "us-east-1"), "Smithy-Protocol", "rpc-v2-cbor"), "monitoring us-east-1 PutMetricData rpcv2Cbor"},
		{"awsQuery", "POST", local, "/", "", "Action=CreateTopic&Name=x&Version=2010-03-31", with(scopeFor("sns", "eu-west-1"), "Content-Type", form), "sns eu-west-1 CreateTopic awsQuery"},
		{"awsQuery: parameters in alphabetical order", "POST", local, "/", "", "AWSAccessKeyId=x&Action=CreateTopic&Name=x&Version=2010-03-31", with(scopeFor("sns", "eu-west-1"), "Content-Type", form), "sns eu-west-1 CreateTopic awsQuery"},
		{"awsQuery: gzipped", "POST", local, "/", "", gzipped("Action=PutMetricData&Version=2010-08-01"), with(scopeFor("monitoring", "eu-west-1"), "Content-Type", form, "Content-Encoding", "gzip"), "monitoring eu-west-1 PutMetricData awsQuery"},
		{"awsQuery: in the URL", "GET", local, "/", "Action=GetCallerIdentity&Version=2011-06-15", "", scopeFor("sts", "eu-west-1"), "sts eu-west-1 GetCallerIdentity awsQuery"},
		{"awsQuery: POST with the action in the URL", "POST", local, "/", "Version=2011-06-15&Action=GetCallerIdentity", "", scopeFor("sts", "eu-west-1"), "sts eu-west-1 GetCallerIdentity awsQuery"},
		{"awsQuery: to a queue's own path", "POST", local, "/123456789012/q", "", "Action=SendMessage&MessageBody=x&Version=2012-11-05", with(scopeFor("sqs", "eu-west-1"), "Content-Type", form), "sqs eu-west-1 SendMessage awsQuery"},
		{"awsQuery: unsigned, by version", "POST", local, "/", "", "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=x", with(nil, "Content-Type", form), "sts  AssumeRoleWithWebIdentity awsQuery"},
		{"awsQuery: unsigned, by host", "POST", "sts.eu-west-1.amazonaws.com", "/", "", "Action=AssumeRoleWithSAML&Version=2011-06-15", with(nil, "Content-Type", form), "sts eu-west-1 AssumeRoleWithSAML awsQuery"},
		{"awsQuery: the version tells load balancers apart", "POST", local, "/", "", "Action=DescribeLoadBalancers&Version=2012-06-01", with(scopeFor("elasticloadbalancing", "eu-west-1"), "Content-Type", form), "elasticloadbalancing eu-west-1 DescribeLoadBalancers awsQuery"},
		{"ec2Query", "POST", "ec2.us-west-2.amazonaws.com", "/", "", "Action=DescribeInstances&Version=2016-11-15", with(scopeFor("ec2", "us-west-2"), "Content-Type", form), "ec2 us-west-2 DescribeInstances ec2Query"},
		{"SigV2 in a form", "POST", "sdb.amazonaws.com", "/", "", "AWSAccessKeyId=A&Action=ListDomains&SignatureVersion=2&Signature=x&Version=2009-04-15", with(nil, "Content-Type", form), "sdb us-east-1 ListDomains awsQuery"},

		{"REST: a slash inside a label", "GET", local, "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Af%2Fx", "", "", scopeFor("lambda", "us-east-1"), "lambda us-east-1 GetFunction restJson1"},
		{"REST: a literal wins over a label", "GET", local, "/2015-03-31/functions/f/policy", "", "", scopeFor("lambda", "us-east-1"), "lambda us-east-1 GetPolicy restJson1"},
		{"REST: a trailing slash is tolerated", "GET", local, "/2015-03-31/functions", "", "", scopeFor("lambda", "us-east-1"), "lambda us-east-1 ListFunctions restJson1"},
		{"REST: a doubled slash of a base URL", "GET", local, "//2015-03-31/functions/", "", "", scopeFor("lambda", "us-east-1"), "lambda us-east-1 ListFunctions restJson1"},
		{"REST: a constant in the query", "GET", local, "/2018-10-31/layers", "find=LayerVersion&Arn=a", "", scopeFor("lambda", "us-east-1"), "lambda us-east-1 GetLayerVersionByArn restJson1"},
		{"REST: without the constant", "GET", local, "/2018-10-31/layers", "Marker=a", "", scopeFor("lambda", "us-east-1"), "lambda us-east-1 ListLayers restJson1"},
		{"REST: a stage before the path", "POST", "abc123.execute-api.us-east-1.amazonaws.com", "/prod/@connections/id%3D", "", "x", scopeFor("execute-api", "us-east-1"), "execute-api us-east-1 PostToConnection restJson1"},
		{"REST: a model's colon", "POST", local, "/model/anthropic.claude-v2%3A1/invoke", "", "{}", scopeFor("bedrock", "us-east-1"), "bedrock us-east-1 InvokeModel restJson1"},
		{"REST: a bearer token", "POST", "bedrock-runtime.us-west-2.amazonaws.com", "/model/m/converse", "", "{}", with(nil, "Authorization", "Bearer abc"), "bedrock us-west-2 Converse restJson1"},
		{"REST: unsigned, by path", "GET", local, "/federation/credentials", "role_name=r&account_id=1", "", nil, "awsssoportal  GetRoleCredentials restJson1"},
		{"REST: SigV4A names no region", "GET", local, "/2013-04-01/hostedzone", "", "", http.Header{"Authorization": {"AWS4-ECDSA-P256-SHA256 Credential=AKID/20260102/route53/aws4_request,SignedHeaders=host,Signature=0"}, "X-Amz-Region-Set": {"*"}}, "route53  ListHostedZones restXml"},
		{"REST: presigned as a GET", "GET", "polly.eu-west-1.amazonaws.com", "/v1/speech", "OutputFormat=mp3&Text=x&" + strings.Replace(presigned, "%2Fs3%2F", "%2Fpolly%2F", 1), "", nil, "polly eu-west-1 SynthesizeSpeech restJson1"},
		{"REST: two versions of a service under one name", "GET", local, "/v2/apis", "", "", scopeFor("apigateway", "us-east-1"), "apigateway us-east-1 GetApis restJson1"},
		{"REST: ... and the other one", "GET", local, "/restapis", "", "", scopeFor("apigateway", "us-east-1"), "apigateway us-east-1 GetRestApis restJson1"},
		{"REST: SES version 2", "POST", local, "/v2/email/outbound-emails", "", "{}", scopeFor("ses", "us-east-1"), "ses us-east-1 SendEmail restJson1"},

		{"S3: path style", "GET", local, "/bk/a%20b/c%2Bd//x/../y", "", "", s3(), "s3 us-east-1 GetObject restXml bk"},
		{"S3: virtual host with dots", "PUT", "my.dotted.bucket.s3.eu-central-1.amazonaws.com", "/k", "", "x", scopeFor("s3", "eu-central-1"), "s3 eu-central-1 PutObject restXml my.dotted.bucket host"},
		{"S3: virtual host on localhost", "GET", "vbk.localhost:4577", "/", "list-type=2", "", s3(), "s3 us-east-1 ListObjectsV2 restXml vbk host"},
		{"S3: virtual host of an emulator's name", "HEAD", "bk.s3.localhost.localstack.cloud:4566", "/", "", "", s3(), "s3 us-east-1 HeadBucket restXml bk host"},
		{"S3: path style at an emulator's name", "PUT", "s3.localhost.localstack.cloud:4566", "/bk", "", "", s3(), "s3 us-east-1 CreateBucket restXml bk"},
		{"S3: a bucket before somebody's host shows in the query", "GET", "bk.minio.example.com:9000", "/", "list-type=2&prefix=a", "", s3(), "s3 us-east-1 ListObjectsV2 restXml bk host"},
		{"S3: ... or in the method", "PUT", "bk.minio.example.com:9000", "/", "", "", s3(), "s3 us-east-1 CreateBucket restXml bk host"},
		{"S3: somebody's host alone", "GET", "minio.example.com:9000", "/", "", "", s3(), "s3 us-east-1 ListBuckets restXml"},
		{"S3: an address is no bucket", "GET", "127.0.0.1:9000", "/bk", "", "", s3(), "s3 us-east-1 ListObjects restXml bk"},
		{"S3: the service itself", "GET", local, "/", "", "", s3(), "s3 us-east-1 ListBuckets restXml"},
		{"S3: a bucket's slash is no key", "GET", local, "/bk/", "", "", s3(), "s3 us-east-1 ListObjects restXml bk"},
		{"S3: a key that is a slash", "GET", local, "/bk//", "", "", s3(), "s3 us-east-1 GetObject restXml bk"},
		{"S3: a bucket named like a sub-resource", "GET", local, "/uploads", "", "", s3(), "s3 us-east-1 ListObjects restXml uploads"},
		{"S3: a bare sub-resource", "POST", local, "/bk/k", "uploads", "", s3(), "s3 us-east-1 CreateMultipartUpload restXml bk"},
		{"S3: an empty one", "GET", local, "/bk", "uploads=", "", s3(), "s3 us-east-1 ListMultipartUploads restXml bk"},
		{"S3: list of configurations", "GET", local, "/bk", "analytics", "", s3(), "s3 us-east-1 ListBucketAnalyticsConfigurations restXml bk"},
		{"S3: one configuration, by id", "GET", local, "/bk", "analytics&id=x", "", s3(), "s3 us-east-1 GetBucketAnalyticsConfiguration restXml bk"},
		{"S3: one more of those", "GET", local, "/bk", "id=x&intelligent-tiering", "", s3(), "s3 us-east-1 GetBucketIntelligentTieringConfiguration restXml bk"},
		{"S3: a part", "PUT", local, "/bk/k", "partNumber=1&uploadId=u", "x", s3(), "s3 us-east-1 UploadPart restXml bk"},
		{"S3: a copied part", "PUT", local, "/bk/k", "partNumber=1&uploadId=u", "", with(s3(), "X-Amz-Copy-Source", "/a/b"), "s3 us-east-1 UploadPartCopy restXml bk"},
		{"S3: a copy", "PUT", local, "/bk/k", "", "", with(s3(), "X-Amz-Copy-Source", "/a/b"), "s3 us-east-1 CopyObject restXml bk"},
		{"S3: presigned, the header in the query", "PUT", local, "/bk/k", "x-amz-copy-source=a%2Fb&" + presigned, "", nil, "s3 eu-west-1 CopyObject restXml bk"},
		{"S3: presigned", "GET", local, "/bk/k", presigned, "", nil, "s3 eu-west-1 GetObject restXml bk"},
		{"S3: presigned with SigV2", "GET", local, "/bk/k", "AWSAccessKeyId=A&Signature=x%3D&Expires=1", "", nil, "s3  GetObject restXml bk"},
		{"S3: signed with SigV2", "PUT", local, "/bk/k", "", "x", with(nil, "Authorization", "AWS AKID:c2ln"), "s3  PutObject restXml bk"},
		{"S3: nobody signed", "GET", local, "/bkt/k", "", "", nil, "s3  GetObject restXml bkt"},
		{"S3: nobody signed, at AWS", "GET", "bk.s3.amazonaws.com", "/k", "", "", nil, "s3 us-east-1 GetObject restXml bk host"},
		{"S3: an old regional host", "GET", "bk.s3-us-west-2.amazonaws.com", "/k", "", "", nil, "s3 us-west-2 GetObject restXml bk host"},
		{"S3: another operation's x-id does not matter", "GET", local, "/bk/k", "x-id=GetObject&tagging", "", s3(), "s3 us-east-1 GetObjectTagging restXml bk"},
		{"S3: a browser's form", "POST", "bk.s3.us-east-1.amazonaws.com", "/", "", "--b\r\nContent-Disposition: form-data; name=\"x-amz-credential\"\r\n\r\nAKID/20260102/eu-west-3/s3/aws4_request\r\n--b--", with(nil, "Content-Type", "multipart/form-data; boundary=b"), "s3 eu-west-3 PostObject restXml bk host"},
		{"S3: dual-stack", "GET", "bk.s3.dualstack.eu-west-1.amazonaws.com", "/k", "", "", scopeFor("s3", "eu-west-1"), "s3 eu-west-1 GetObject restXml bk host"},
		{"S3: China", "GET", "bk.s3.cn-north-1.amazonaws.com.cn", "/k", "", "", nil, "s3 cn-north-1 GetObject restXml bk host"},
		{"S3: an access point", "GET", "ap-123456789012.s3-accesspoint.us-east-2.amazonaws.com", "/k", "", "", scopeFor("s3", "us-east-2"), "s3 us-east-2 GetObject restXml ap-123456789012 host"},
		{"S3 Express", "GET", "bk--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com", "/", "session", "", scopeFor("s3express", "us-east-1"), "s3express us-east-1 CreateSession restXml bk--use1-az4--x-s3 host"},
		{"S3 Control: the account in a header", "GET", local, "/v20180820/configuration/publicAccessBlock", "", "", with(s3(), "X-Amz-Account-Id", "123456789012"), "s3 us-east-1 GetPublicAccessBlock restXml"},
		{"S3 Control: the account in the host", "GET", "123456789012.s3-control.us-east-1.amazonaws.com", "/v20180820/accesspoint/ap", "", "", s3(), "s3 us-east-1 GetAccessPoint restXml"},
		{"S3 Object Lambda", "POST", "route.s3-object-lambda.us-east-1.amazonaws.com", "/WriteGetObjectResponse", "", "x", with(scopeFor("s3-object-lambda", "us-east-1"), "X-Amz-Request-Route", "route"), "s3-object-lambda us-east-1 WriteGetObjectResponse restXml"},

		{"a host prefix", "POST", "sync-states.us-east-1.amazonaws.com", "/", "", "{}", with(nil, "X-Amz-Target", "AWSStepFunctions.StartSyncExecution", "Content-Type", "application/x-amz-json-1.0"), "states us-east-1 StartSyncExecution awsJson1_0"},
		{"a host that is another service's with a prefix", "GET", "maps.geo.us-west-2.amazonaws.com", "/maps/v0/maps/m/sprites/s.png", "", "", nil, "geo us-west-2 GetMapSprites restJson1"},
		{"a path before the path", "GET", "maps.geo.us-west-2.amazonaws.com", "/v2/tiles/t/1/2/3", "", "", scopeFor("geo-maps", "us-west-2"), "geo-maps us-west-2 GetTile restJson1"},
		{"the user agent, last", "GET", local, "/tags/arn%3Ax", "", "", with(nil, "User-Agent", "aws-sdk-go-v2/1.30 os/linux lang/go#1.26 md/GOOS#linux api/appconfig#1.4"), "appconfig  ListTagsForResource restJson1"},
		{"a signing name in another case", "GET", local, "/v2/apis", "", "", scopeFor("APIGateway", "US-EAST-1"), "apigateway us-east-1 GetApis restJson1"},
		{"a service nobody knows", "GET", local, "/x/y", "", "", scopeFor("brandnew", "us-east-1"), "brandnew us-east-1  "},
		{"a scope that is no name", "GET", "evil.com", "/x", "", "", scopeFor("evil.com#", "us-east-1.evil.com"), "   "},
		{"nothing to go by", "GET", "example.com", "/", "", "", nil, "   "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &Request{Method: tt.method, Host: tt.host, Path: tt.path, RawQuery: tt.query, Header: tt.header.Get, Body: []byte(tt.body)}
			c := Identify(r)
			got := strings.Join([]string{c.Service, c.Region, c.Action, c.Protocol.String()}, " ")
			if c.Bucket != "" {
				got += " " + c.Bucket
			}
			if c.VirtualHost {
				got += " host"
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestIdentifyEntry(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"what the entry says of its service helps", `{"service":"appconfig","method":"GET","host":"localhost:4577","path":"/tags/x"}`, "appconfig  ListTagsForResource appconfig"},
		{"what it says of its action is believed", `{"service":"s3","action":"GetBucketLifecycle","method":"GET","host":"localhost","path":"/bk","query":"lifecycle"}`, "s3  GetBucketLifecycle s3"},
		{"an action without a service", `{"action":"Mine","method":"GET","host":"sqs.eu-west-1.amazonaws.com","path":"/"}`, "sqs eu-west-1 Mine "},
		{"nothing said", `{"method":"POST","host":"dynamodb.eu-west-1.amazonaws.com","path":"/","request_headers":{"X-Amz-Target":"DynamoDB_20120810.GetItem"}}`, "dynamodb eu-west-1 GetItem dynamodb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var o entry.Object
			if err := o.Parse([]byte(tt.line)); err != nil {
				t.Fatal(err)
			}
			c, err := IdentifyEntry(&o)
			if err != nil {
				t.Fatal(err)
			}
			got := c.Service + " " + c.Region + " " + c.Action + " "
			if op := c.Operation(); op != nil && op.Name == c.Action {
				got += op.service.signing[0]
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseAuthorization(t *testing.T) {
	full := Scope{Scheme: SigV4, AccessKeyID: "AKID", Date: "20260102", Region: "us-east-1", Service: "s3", SignedHeaders: "host;x-amz-date", Signature: "abc"}
	for _, tt := range []struct {
		name, header string
		want         Scope
		ok           bool
	}{
		{"as the SDKs write it", "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=abc", full, true},
		{"no spaces, as s3cmd writes it", "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/s3/aws4_request,SignedHeaders=host;x-amz-date,Signature=abc", full, true},
		{"another order and case", " aws4-hmac-sha256 Signature=abc,  signedheaders=host;x-amz-date , credential=AKID/20260102/us-east-1/s3/aws4_request", full, true},
		{"SigV4A has no region", "AWS4-ECDSA-P256-SHA256 Credential=AKID/20260102/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=abc",
			Scope{Scheme: SigV4A, AccessKeyID: "AKID", Date: "20260102", Service: "s3", SignedHeaders: "host;x-amz-date", Signature: "abc"}, true},
		{"an empty region", "AWS4-HMAC-SHA256 Credential=AKID/20260102//s3/aws4_request", Scope{Scheme: SigV4, AccessKeyID: "AKID", Date: "20260102", Service: "s3"}, true},
		{"SigV2", "AWS AKID:c2ln", Scope{Scheme: SigV2, AccessKeyID: "AKID", Signature: "c2ln"}, true},
		{"bearer", "Bearer token", Scope{Scheme: Bearer}, true},
		{"basic", "Basic abc", Scope{}, false},
		{"nothing", "", Scope{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ParseAuthorization(tt.header)
			if diff := cmp.Diff(tt.want, got); diff != "" || ok != tt.ok {
				t.Errorf("ok %v (-want +got):\n%s", ok, diff)
			}
		})
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add("GET", "bk.s3.us-east-1.amazonaws.com", "/k", "x-id=GetObject", "AWS4-HMAC-SHA256 Credential=A/20260102/us-east-1/s3/aws4_request", "", "", []byte("x"))
	f.Add("POST", "localhost", "/", "Action=A", "", "DynamoDB_20120810.PutItem", form, []byte("Action=A&Version=2010-03-31"))
	f.Add("POST", "localhost", "/service/x/operation/y", "", "Bearer x", "", "multipart/form-data", []byte("/s3/aws4_request"))
	f.Add("PUT", "a.geo.us-west-2.amazonaws.com", "/v20180820//%/a%2", "a=%&&=", "AWS a:b", "a.", "", []byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, method, host, path, query, authorization, target, contentType string, body []byte) {
		header := http.Header{"Authorization": {authorization}, "X-Amz-Target": {target}, "Content-Type": {contentType}}
		r := &Request{Method: method, Host: host, Path: path, RawQuery: query, Header: header.Get, Body: body}
		c := Identify(r)
		if c.Service != "" && !PlainName(c.Service) || c.Region != "" && !PlainName(c.Region) || c.Action != "" && !isIdentifier(c.Action) {
			t.Errorf("not names: %+v", c)
		}
		if o := c.Operation(); o != nil && o.Name != c.Action {
			t.Errorf("action %s of operation %s", c.Action, o.Name)
		}
		if c != Identify(r) {
			t.Error("asked twice, answered twice")
		}
	})
}
