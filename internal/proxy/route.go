package proxy

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/sign"
)

// A target is where a call goes and what it is signed for there.
type target struct {
	host, addr      string // Host header, and what is dialled
	tls             bool
	path            string
	service, region string // of the new signature
}

// route finds the target. Which AWS host it is comes out of awsapi's table; text
// from the request is only ever looked up in it.
func (c *call) route() *failure {
	p := c.p
	name, _ := splitHost(c.in.Host)
	label, _ := p.gate.label(name)
	c.identify(label)
	c.target = target{path: c.in.Path, service: c.claim.Service, region: c.claim.Region}
	if c.target.region == "" {
		c.target.region = p.o.Region
	}
	if p.o.Upstream != nil {
		c.routeUpstream(label)
		return nil
	}
	return c.routeAWS(label)
}

func (c *call) identify(label string) {
	host := c.in.Host
	if label != "" && c.bucketInHost(label) {
		// A host that awsapi can read the bucket from.
		host = bucketOf(label) + ".s3.amazonaws.com"
	}
	c.api = awsapi.Identify(&awsapi.Request{
		Method: c.in.Method, Host: host, Path: c.in.Path, RawQuery: c.in.RawQuery,
		Header: c.in.Get, Body: c.bodyStart(),
	})
	if c.api.Service == "" && c.scheme == sign.Unsigned && (fromSDK(c.in.Get("User-Agent")) || c.uploadForm()) {
		// The calls of every other service say which it is; those of S3 do not.
		host = "s3.amazonaws.com"
		c.api = awsapi.Identify(&awsapi.Request{Method: c.in.Method, Host: host, Path: c.in.Path, RawQuery: c.in.RawQuery, Header: c.in.Get})
	}
	if c.api.Service == "" {
		c.api.Service = strings.ToLower(c.claim.Service)
	}
	if host != c.in.Host || c.api.Region == "" {
		c.api.Region = c.claim.Region
	}
	if c.api.Region == "" {
		c.api.Region = c.p.o.Region
	}
}

// fromSDK reports whether a User-Agent is that of an AWS SDK or of the AWS CLI.
func fromSDK(agent string) bool {
	return strings.Contains(agent, "aws-sdk-") || strings.Contains(agent, "aws-cli/") || strings.Contains(agent, "Boto3/") || strings.Contains(agent, "Botocore/")
}

// bucketInHost reports whether a label before the recorder's name is a bucket: for S3, but not for
// S3 Control, whose hosts begin with an account.
func (c *call) bucketInHost(label string) bool {
	if c.claim.Service != "" && !sign.IsS3(c.claim.Service) {
		return false
	}
	return label != c.in.Get("X-Amz-Account-Id") || !strings.HasPrefix(c.in.Path, "/v20180820/")
}

// bucketOf takes a label as clients write it before the recorder's name: bucket, or
// bucket.s3, or bucket.s3.region.
func bucketOf(label string) string {
	if i := strings.LastIndex(label, ".s3"); i > 0 && (len(label) == i+3 || label[i+3] == '.' || label[i+3] == '-') {
		return label[:i]
	}
	return label
}

// routeUpstream sends everything to the one upstream. A bucket in the host name moves
// into the path, where every S3 server understands it.
func (c *call) routeUpstream(label string) {
	u := c.p.o.Upstream
	t := &c.target
	t.host, t.tls = u.Host, u.Scheme == "https"
	t.addr = addrOf(u)
	if t.service == "" {
		t.service = c.api.Service
	}
	if label != "" && (t.service == "" || strings.HasPrefix(t.service, "s3")) {
		t.path = "/" + bucketOf(label) + t.path
	}
}

// addrOf is what is dialled for a URL.
func addrOf(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (c *call) routeAWS(label string) *failure {
	p, t := c.p, &c.target
	service := c.api.ServiceID
	if service == "" {
		service = c.api.Service
	}
	if service == "" {
		return (&failure{message: "the request names no AWS service: it is neither signed nor of a known shape"}).as(http.StatusBadRequest)
	}
	if strings.EqualFold(c.claim.Service, "execute-api") {
		return (&failure{message: "an API of API Gateway has a host of its own, which the signature does not name" + forwardAdvice}).as(http.StatusBadRequest)
	}
	bucket := ""
	if label != "" && c.bucketInHost(label) {
		bucket = bucketOf(label)
		if !plainLabel(bucket) {
			return (&failure{message: fmt.Sprintf("the host %q names no bucket", clip(c.in.Host))}).as(http.StatusBadRequest)
		}
	} else if c.claim.Service == "s3express" {
		bucket = c.expressBucket()
	}
	o := awsapi.EndpointOptions{
		FIPS: p.o.FIPS, DualStack: p.o.DualStack, Operation: c.api.Operation(), Label: c.hostLabel, SigningName: c.claim.Service, Bucket: bucket,
	}
	if c.claim.Service == "s3-outposts" {
		o.Operation = nil // the account's prefix is for S3 Control in the region
	}
	// A certificate's wildcard stands for one label only; S3 alone takes a bucket from the path, too.
	inPath := strings.Contains(bucket, ".") && (c.claim.Service == "s3" || c.claim.Service == "")
	if inPath {
		o.Bucket, t.path = "", "/"+bucket+t.path
	}
	host, err := awsapi.Endpoint(service, c.api.Region, o)
	if err != nil {
		return (&failure{message: fmt.Sprintf("no endpoint of service %q in region %q is known (%v)%s", clip(c.api.Service), clip(c.api.Region), err, forwardAdvice)}).as(http.StatusBadRequest)
	}
	t.host, t.tls = host.Name, true
	t.path = host.Path + t.path // an endpoint's own path, which an address in its place does not have
	if bucket != "" && !inPath && c.isAccessPoint(bucket) {
		t.host = bucket + ".s3-accesspoint" + strings.TrimPrefix(t.host, bucket+".s3")
	}
	t.addr = t.host + ":443"
	if name, port := splitHost(t.addr); name != t.host || port != "443" {
		return (&failure{message: "the endpoint's name is not one"}).as(http.StatusBadRequest)
	}
	t.service, t.region = c.claim.Service, c.api.Region
	if host.SigningName != "" {
		t.service = host.SigningName
	}
	if host.SigningRegion != "" {
		t.region = host.SigningRegion
	}
	if sign.IsS3(c.claim.Service) {
		t.service = c.claim.Service
	}
	return nil
}

// expressBucket returns a directory bucket that stands in the path, as clients send it to an address, and moves it into the host,
// where S3 Express has it. What concerns the bucket itself goes to the regional endpoint, with the bucket in the path.
func (c *call) expressBucket() string {
	t := &c.target
	bucket, key, object := strings.Cut(strings.TrimPrefix(t.path, "/"), "/")
	own := !object && (c.in.Method == "PUT" || c.in.Method == "DELETE")
	for _, p := range [...]string{"policy", "encryption", "lifecycle", "metadataTable"} {
		own = own || !object && strings.HasPrefix(c.in.RawQuery, p)
	}
	if own || !directoryBucket(bucket) {
		return ""
	}
	t.path = "/" + key
	return bucket
}

// directoryBucket reports whether s is the name of a directory bucket, or of an access point to one: name--zone--x-s3.
func directoryBucket(s string) bool {
	rest, ok := strings.CutSuffix(s, "--x-s3")
	if !ok {
		rest, ok = strings.CutSuffix(s, "--xa-s3")
	}
	return ok && strings.LastIndex(rest, "--") > 0 && awsapi.PlainName(rest) && plainLabel(s)
}

// isAccessPoint decides what a label before the recorder's name is that ends in an account's number: SDKs put access points there, as
// NAME-ACCOUNT, and people name buckets like that, too. An SDK that has buckets in the path when it is given an endpoint (botocore) means an access
// point; of one that puts buckets there as well, it is taken for a bucket, which is by far the more common.
func (c *call) isAccessPoint(label string) bool {
	if i := strings.LastIndexByte(label, '-'); c.claim.Service != "s3" || i < 1 || !isAccount(label[i+1:]) {
		return false
	}
	if a := c.api.Action; strings.Contains(a, "Bucket") && a != "HeadBucket" && a != "GetBucketLocation" {
		return false // an access point has no such operation
	}
	agent := c.in.Get("User-Agent")
	if !strings.Contains(agent, "aws-sdk-") && !strings.Contains(agent, "MinIO") || strings.Contains(agent, "Botocore/") {
		return true
	}
	c.p.warned.once(c.p.o.Logger, fmt.Sprintf("%s is taken for a bucket; if it is an access point, record in forward mode", clip(label)))
	return false
}

func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// hostLabel is the value of a label in an operation's host prefix.
func (c *call) hostLabel(name string) string {
	switch name {
	case "AccountId":
		return c.in.Get("X-Amz-Account-Id")
	case "RequestRoute":
		return c.in.Get("X-Amz-Request-Route")
	}
	return ""
}
