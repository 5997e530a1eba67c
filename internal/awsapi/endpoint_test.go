package awsapi

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEndpoint(t *testing.T) {
	label := func(name string) string {
		return map[string]string{"AccountId": "123456789012", "Bad": "evil.com/"}[name]
	}
	for _, tt := range []struct {
		name, service, region string
		options               EndpointOptions
		want                  string // "host[path] signingName signingRegion"
	}{
		{"a regional service", "sqs", "eu-west-1", EndpointOptions{}, "sqs.eu-west-1.amazonaws.com sqs eu-west-1"},
		{"the signing name is not the endpoint's", "SES", "eu-west-1", EndpointOptions{}, "email.eu-west-1.amazonaws.com ses eu-west-1"},
		{"two labels", "ECR", "eu-west-1", EndpointOptions{}, "api.ecr.eu-west-1.amazonaws.com ecr eu-west-1"},
		{"FIPS and dual-stack", "dynamodb", "us-west-2", EndpointOptions{FIPS: true, DualStack: true}, "dynamodb-fips.us-west-2.api.aws dynamodb us-west-2"},
		{"China", "sqs", "cn-north-1", EndpointOptions{}, "sqs.cn-north-1.amazonaws.com.cn sqs cn-north-1"},
		{"a global service has one region", "iam", "eu-west-1", EndpointOptions{}, "iam.amazonaws.com iam us-east-1"},
		{"a global service in another partition", "route53", "cn-north-1", EndpointOptions{}, "route53.amazonaws.com.cn route53 cn-northwest-1"},
		{"no region means the partition's own", "iam", "", EndpointOptions{}, "iam.amazonaws.com iam us-east-1"},
		{"a region that opened after the table was made", "sqs", "eu-west-9", EndpointOptions{}, "sqs.eu-west-9.amazonaws.com sqs eu-west-9"},
		{"a region of a partition of its own", "sqs", "eusc-de-east-1", EndpointOptions{}, "sqs.eusc-de-east-1.amazonaws.eu sqs eusc-de-east-1"},
		{"the account's own host", "dynamodb", "us-west-2", EndpointOptions{AccountID: "123456789012"}, "123456789012.ddb.us-west-2.amazonaws.com dynamodb us-west-2"},
		{"an account that is none", "dynamodb", "us-west-2", EndpointOptions{AccountID: "evil.com/123"}, "dynamodb.us-west-2.amazonaws.com dynamodb us-west-2"},
		{"a path before the path", "Geo Maps", "us-west-2", EndpointOptions{}, "maps.geo.us-west-2.amazonaws.com/v2 geo-maps us-west-2"},
		{"a host prefix", "states", "us-west-2", EndpointOptions{Operation: LookUp("states", "StartSyncExecution")}, "sync-states.us-west-2.amazonaws.com states us-west-2"},
		{"a host prefix with a label", "S3 Control", "us-west-2", EndpointOptions{Operation: LookUp("S3 Control", "GetAccessPoint"), Label: label}, "123456789012.s3-control.us-west-2.amazonaws.com s3 us-west-2"},
		{"a prefix whose label is missing", "S3 Control", "us-west-2", EndpointOptions{Operation: LookUp("S3 Control", "GetAccessPoint")}, "no endpoint known"},
		{"a label that is no name", "S3 Control", "us-west-2", EndpointOptions{Operation: LookUp("S3 Control", "GetAccessPoint"), Label: func(string) string { return "evil.com/" }}, "no endpoint known"},
		{"only older models know it", "importexport", "us-west-2", EndpointOptions{}, "importexport.amazonaws.com IngestionService us-east-1"},
		{"a bucket", "s3", "us-west-2", EndpointOptions{Bucket: "my.bucket"}, "my.bucket.s3.us-west-2.amazonaws.com s3 us-west-2"},
		{"a bucket that is a host", "s3", "us-west-2", EndpointOptions{Bucket: "evil.com/"}, "no endpoint known"},
		{"a bucket without a name", "s3", "us-west-2", EndpointOptions{Bucket: ".."}, "no endpoint known"},
		{"S3 Express: a bucket has its zone's host", "s3", "us-east-1", EndpointOptions{SigningName: "s3express", Bucket: "b--use1-az4--x-s3"}, "b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com s3express us-east-1"},
		{"S3 Express: buckets are made elsewhere", "s3", "us-east-1", EndpointOptions{SigningName: "s3express"}, "s3express-control.us-east-1.amazonaws.com s3express us-east-1"},
		{"S3 Express: a zone that is a host", "s3", "us-east-1", EndpointOptions{SigningName: "s3express", Bucket: "b--evil.com/--x-s3"}, "no endpoint known"},
		{"S3 Object Lambda", "s3", "us-east-1", EndpointOptions{SigningName: "s3-object-lambda", Bucket: "ap-123456789012"}, "ap-123456789012.s3-object-lambda.us-east-1.amazonaws.com s3-object-lambda us-east-1"},
		{"S3 on Outposts", "s3", "us-east-1", EndpointOptions{SigningName: "s3-outposts", Bucket: "ap-123456789012.op-1"}, "ap-123456789012.op-1.s3-outposts.us-east-1.amazonaws.com s3-outposts us-east-1"},
		{"a service that is a host", "evil.com/", "us-east-1", EndpointOptions{}, "no endpoint known"},
		{"a service with a fragment", "evil.com#", "us-east-1", EndpointOptions{}, "no endpoint known"},
		{"a service with user information", "x@evil.com/", "us-east-1", EndpointOptions{}, "no endpoint known"},
		{"an address", "169.254.169.254/latest?", "us-east-1", EndpointOptions{}, "no endpoint known"},
		{"a region that is a host", "s3", "us-east-1.evil.com/", EndpointOptions{}, "no endpoint known"},
		{"a region with a port", "s3", "us-east-1:80", EndpointOptions{}, "no endpoint known"},
		{"a region with a path", "s3", "us-east-1/..", EndpointOptions{}, "no endpoint known"},
		{"a region with a new line", "s3", "us-east-1\r\nX: y", EndpointOptions{}, "no endpoint known"},
		{"a region of no partition", "s3", "xx-east-1", EndpointOptions{}, "no endpoint known"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := Endpoint(tt.service, tt.region, tt.options)
			got := strings.TrimSpace(h.Name + h.Path + " " + h.SigningName + " " + h.SigningRegion)
			if errors.Is(err, ErrNoEndpoint) {
				got = ErrNoEndpoint.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestParseHost(t *testing.T) {
	for _, tt := range []struct{ name, host, want string }{
		{"a service", "sqs.eu-west-1.amazonaws.com", "SQS sqs eu-west-1"},
		{"a port and capitals", "SQS.EU-West-1.AmazonAWS.com:443", "SQS sqs eu-west-1"},
		{"a global service", "iam.amazonaws.com", "IAM iam us-east-1"},
		{"a bucket with dots", "a.b.s3.eu-west-1.amazonaws.com", "S3 s3 eu-west-1 prefix=a.b"},
		{"a bucket named like a region", "us-west-2.s3.amazonaws.com", "S3 s3 us-east-1 prefix=us-west-2"},
		{"a bucket named like a service", "dynamodb.s3.us-west-2.amazonaws.com", "S3 s3 us-west-2 prefix=dynamodb"},
		{"the region in front", "us-west-2.queue.amazonaws.com", "SQS sqs us-west-2"},
		{"an account in front", "111122223333.ddb.us-west-2.amazonaws.com", "DynamoDB dynamodb us-west-2 prefix=111122223333"},
		{"a partition that stands behind the region, too", "routes.geo-fips.us-gov-west-1.us-gov.amazonaws.com", "Geo Routes geo-routes us-gov-west-1 fips"},
		{"a console of China", "cn-north-1.signin.amazonaws.cn", "Signin signin cn-north-1"},
		{"FIPS", "kms-fips.us-gov-west-1.amazonaws.com", "KMS kms us-gov-west-1 fips"},
		{"dual-stack", "dynamodb.eu-west-1.api.aws", "DynamoDB dynamodb eu-west-1 dual"},
		{"an API of somebody", "abc.execute-api.us-east-1.amazonaws.com", "ApiGatewayManagementApi execute-api us-east-1 prefix=abc"},
		{"a VPC endpoint", "vpce-0a1b-2c3d.sqs.us-east-1.vpce.amazonaws.com", "SQS sqs us-east-1"},
		{"a VPC endpoint of S3", "bucket.vpce-0a1b-2c3d.s3.us-east-1.vpce.amazonaws.com", "S3 s3 us-east-1"},
		{"a bucket at a VPC endpoint", "my.bk.bucket.vpce-0a1b-2c3d.s3.us-east-1.vpce.amazonaws.com", "S3 s3 us-east-1 prefix=my.bk"},
		{"somebody's machine", "ec2-1-2-3-4.compute-1.amazonaws.com", "no"},
		{"somebody's load balancer", "x.us-east-1.elb.amazonaws.com", "no"},
		{"AWS's name inside another", "s3.us-east-1.amazonaws.com.evil.com", "no"},
		{"AWS's name at the end of another", "evilamazonaws.com", "no"},
		{"the domain alone", "amazonaws.com", "no"},
		{"localhost", "localhost:4577", "no"},
		{"IPv6", "[::1]:4577", "no"},
		{"nothing", "", "no"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, ok := ParseHost(tt.host)
			got := "no"
			if ok {
				got = fmt.Sprint(h.ServiceID, " ", h.Service, " ", h.Region)
				for _, add := range []struct {
					is   bool
					text string
				}{{h.Prefix != "", " prefix=" + h.Prefix}, {h.FIPS, " fips"}, {h.DualStack, " dual"}} {
					if add.is {
						got += add.text
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzEndpoint(f *testing.F) {
	f.Add("s3", "us-east-1", "123456789012", "s3express", "b--use1-az4--x-s3", "ap", uint8(3))
	f.Add("S3 Control", "us-gov-west-1", "", "", "", "123456789012", uint8(0))
	f.Add("evil.com/", "us-east-1.evil.com", "a/b", "s3-outposts", "..", "a.b", uint8(1))
	operations := []*Operation{nil, LookUp("S3 Control", "GetAccessPoint"), LookUp("states", "StartSyncExecution"), LookUp("s3", "WriteGetObjectResponse")}
	f.Fuzz(func(t *testing.T, service, region, account, signing, bucket, label string, bits uint8) {
		h, err := Endpoint(service, region, EndpointOptions{FIPS: bits&1 != 0, DualStack: bits&2 != 0, AccountID: account, SigningName: signing, Bucket: bucket,
			Operation: operations[bits>>2%4], Label: func(string) string { return label }})
		if err != nil {
			return
		}
		if strings.Trim(h.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" || strings.Contains(h.Name, "..") || h.Name[0] == '.' {
			t.Errorf("%q is no host", h.Name)
		}
		if _, p, _ := loadTable().cutSuffix(h.Name); p == nil && !strings.HasSuffix(h.Name, ".aws.amazon.com") {
			t.Errorf("%q is not AWS's", h.Name)
		}
		if !PlainName(h.SigningName) || !PlainName(h.SigningRegion) {
			t.Errorf("signs as %q in %q", h.SigningName, h.SigningRegion)
		}
	})
}

func FuzzParseHost(f *testing.F) {
	f.Add("a.b.s3.eu-west-1.amazonaws.com:443")
	f.Add("us-west-2.queue.amazonaws.com.")
	f.Add("[::1]:80")
	f.Fuzz(func(t *testing.T, host string) {
		h, ok := ParseHost(host)
		if ok != (h.ServiceID != "") || h.Region != "" && !PlainName(h.Region) || len(h.Prefix) > len(host) {
			t.Errorf("%v %+v", ok, h)
		}
	})
}

// TestEndpointsAgainstRuleSets compares Endpoint and ParseHost with what AWS's
// own rule sets say for every service, region and variant: AWSAPI_EXTRACT is a
// file with the output of gen/extract.cjs.
func TestEndpointsAgainstRuleSets(t *testing.T) {
	name := os.Getenv("AWSAPI_EXTRACT")
	if name == "" {
		t.Skip("AWSAPI_EXTRACT is not set")
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, 1<<20)
	n, wrong := 0, 0
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var record struct {
			Kind, ServiceID string
			Rows            [][7]any
		}
		if !strings.HasPrefix(string(line), `{"kind":"endpoints"`) {
			continue
		}
		if err := json.Unmarshal(line, &record); err != nil {
			t.Fatal(err)
		}
		for _, r := range record.Rows {
			region, variant, host, path := r[0].(string), int(r[1].(float64)), r[3].(string), strings.TrimSuffix(r[4].(string), "/")
			if strings.HasSuffix(region, "-global") {
				continue // a name for "anywhere", not a region
			}
			n++
			o := EndpointOptions{FIPS: variant&1 != 0, DualStack: variant&2 != 0}
			if r[2].(float64) == 1 {
				o.AccountID = "111122223333"
			}
			want := Host{Name: host, Path: path, SigningName: r[5].(string), SigningRegion: r[6].(string)}
			got, err := Endpoint(record.ServiceID, region, o)
			if want.SigningName == "" {
				want.SigningName = got.SigningName
			}
			if want.SigningRegion == "" {
				want.SigningRegion = region
			}
			info, ok := ParseHost(host)
			ids := []string{}
			for _, s := range info.services {
				ids = append(ids, s.id)
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil || !ok || !slices.Contains(ids, record.ServiceID) {
				if wrong++; wrong < 20 {
					t.Errorf("%s %v: %v; host of %v (-want +got):\n%s", record.ServiceID, r, err, ids, diff)
				}
			}
		}
	}
	t.Logf("%d endpoints compared, %d differ", n, wrong)
}
