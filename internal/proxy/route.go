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
	if c.api.Service == "" && c.scheme == sign.Unsigned && fromSDK(c.in.Get("User-Agent")) {
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
	host, err := awsapi.Endpoint(service, c.api.Region, awsapi.EndpointOptions{
		FIPS: p.o.FIPS, DualStack: p.o.DualStack, Operation: c.api.Operation(), Label: c.hostLabel,
	})
	if err != nil {
		return (&failure{message: fmt.Sprintf("no endpoint of service %q in region %q is known (%v)%s", clip(c.api.Service), clip(c.api.Region), err, forwardAdvice)}).as(http.StatusBadRequest)
	}
	t.host, t.tls = host.Name, true
	t.path = host.Path + t.path // an endpoint's own path, which an address in its place does not have
	if label != "" && c.bucketInHost(label) {
		bucket := bucketOf(label)
		switch {
		case !plainLabel(bucket):
			return (&failure{message: fmt.Sprintf("the host %q names no bucket", clip(c.in.Host))}).as(http.StatusBadRequest)
		case zoneOf(bucket) != "":
			t.host = bucket + "." + expressHost(t.host, zoneOf(bucket))
		case strings.Contains(bucket, "."):
			t.path = "/" + bucket + t.path // a certificate's wildcard stands for one label only
		default:
			t.host = bucket + "." + t.host
		}
	} else if c.claim.Service == "s3express" {
		c.routeExpress()
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

// zoneOf returns the zone of a directory bucket, name--zone--x-s3.
func zoneOf(bucket string) string {
	rest, ok := strings.CutSuffix(bucket, "--x-s3")
	i := strings.LastIndex(rest, "--")
	if !ok || i < 1 || strings.Contains(rest, ".") {
		return ""
	}
	return rest[i+2:]
}

// expressHost is the host of a zone's directory buckets, made of S3's host in the region.
func expressHost(s3, zone string) string {
	_, domain, _ := strings.Cut(s3, ".")
	return "s3express-" + zone + "." + domain
}

// routeExpress routes a call to a directory bucket that stands in the path, as clients send it to an address. Only
// what concerns the bucket itself goes to the regional endpoint.
func (c *call) routeExpress() {
	t := &c.target
	bucket, key, object := strings.Cut(strings.TrimPrefix(t.path, "/"), "/")
	zone := zoneOf(bucket)
	own := !object && (c.in.Method == "PUT" || c.in.Method == "DELETE")
	for _, p := range [...]string{"policy", "encryption", "lifecycle", "metadataTable"} {
		own = own || !object && strings.HasPrefix(c.in.RawQuery, p)
	}
	if zone == "" || own || !plainLabel(bucket) {
		_, domain, _ := strings.Cut(t.host, ".")
		t.host = "s3express-control." + domain
		return
	}
	t.host = bucket + "." + expressHost(t.host, zone)
	t.path = "/" + key
}

// hostLabel is the value of a label in an operation's host prefix.
func (c *call) hostLabel(name string) string {
	if name == "AccountId" {
		return c.in.Get("X-Amz-Account-Id")
	}
	return ""
}
