package awsapi

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNoEndpoint is returned for what the table has no endpoint for.
var ErrNoEndpoint = errors.New("no endpoint known")

// EndpointOptions choose among a service's endpoints; the zero value is the
// plain regional (or global) one.
type EndpointOptions struct {
	FIPS, DualStack bool
	// AccountID asks for the account's own host where the service has such.
	AccountID string
	// SigningName is the service in the call's credential scope. S3's family has
	// hosts of its own for some: s3express, s3-outposts, s3-object-lambda.
	SigningName string
	// Bucket goes before S3's host name; S3 Express has a host for each zone,
	// which the bucket's name ends in. It may be an access point, and have dots.
	Bucket string
	// Operation adds its host prefix. Label returns the value of a prefix's
	// label ("AccountId"); it may be nil where the prefix has none.
	Operation *Operation
	Label     func(name string) string
}

// A Host is where a call goes and what it is signed for there.
type Host struct {
	Name string
	// Path goes before the request's own, "" for almost every service.
	Path                       string
	SigningName, SigningRegion string
}

// An endpointRule is one line of a service's endpoints, see gen.
type endpointRule struct {
	variant                    uint8
	scope                      string // "", a partition's id, or a region
	template                   string // "" for none
	signingName, signingRegion string
}

func newEndpointRules(data string) []endpointRule {
	d := decoder{rest: data}
	rules := make([]endpointRule, d.uint())
	for i := range rules {
		rules[i] = endpointRule{d.byte(), d.text(), d.text(), d.text(), d.text()}
	}
	return rules
}

// Endpoint returns the AWS host of a service (ServiceID or signing name) in a
// region. The host comes from the table: an unknown service, a region whose name
// belongs to no partition, or a label that is no plain name is an error that
// wraps ErrNoEndpoint, and nothing of a caller's text reaches the host otherwise.
func Endpoint(service, region string, o EndpointOptions) (Host, error) {
	t := loadTable()
	s := t.service(service)
	if s == nil && o.Operation != nil {
		s = o.Operation.service
	}
	if group := t.bySigning[lower(service)]; s == nil && len(group) > 0 {
		s = group[0]
	}
	if s == nil {
		return Host{}, fmt.Errorf("service %.64q: %w", service, ErrNoEndpoint)
	}
	p := t.partitionOf(region)
	if region == "" || region == "aws-global" {
		region, p = "us-east-1", t.partitionOf("us-east-1")
	}
	if p == nil {
		return Host{}, fmt.Errorf("region %.64q: %w", region, ErrNoEndpoint)
	}
	variant := uint8(0)
	if o.FIPS {
		variant |= variantFIPS
	}
	if o.DualStack {
		variant |= variantDualStack
	}
	r, ok := endpointRule{}, false
	if isAccount(o.AccountID) {
		r, ok = s.rule(p, region, variant|variantAccount)
	}
	if !ok {
		r, ok = s.rule(p, region, variant)
	}
	if !ok && len(s.endpoints()) == 0 && variant == 0 && len(s.prefixes) > 0 { // known to older models only
		r, ok = endpointRule{template: s.prefixes[0] + ".{r}.{s}"}, true
		if s.global != "" {
			r = endpointRule{template: s.global, signingRegion: p.globalRegion}
		}
	}
	if !ok || r.template == "" {
		return Host{}, fmt.Errorf("%s in %s: %w", s.id, region, ErrNoEndpoint)
	}
	h := Host{SigningName: r.signingName, SigningRegion: r.signingRegion}
	if h.SigningName == "" {
		h.SigningName = s.signing[0]
	}
	if h.SigningRegion == "" {
		h.SigningRegion = region
	}
	bucket := o.Bucket != "" && s == t.s3
	if s == t.s3 || s == t.s3Control {
		template, err := s3Template(&o)
		if err != nil {
			return Host{}, err
		}
		if template != "" {
			r.template, h.SigningName = template, lower(o.SigningName)
		}
	}
	h.Name = strings.NewReplacer("{r}", region, "{s}", p.suffix, "{d}", p.dualStackSuffix, "{a}", o.AccountID).Replace(r.template)
	if i := strings.IndexByte(h.Name, '/'); i >= 0 {
		h.Name, h.Path = h.Name[:i], h.Name[i:]
	}
	if bucket {
		for label := range strings.SplitSeq(o.Bucket, ".") {
			if !PlainName(label) {
				return Host{}, fmt.Errorf("bucket %.64q is no host name: %w", o.Bucket, ErrNoEndpoint)
			}
		}
		h.Name = o.Bucket + "." + h.Name
	}
	if o.Operation == nil || o.Operation.HostPrefix == "" || bucket {
		return h, nil
	}
	prefix, err := hostPrefix(o.Operation.HostPrefix, o.Label)
	if err != nil {
		return Host{}, fmt.Errorf("%s %s: %w", s.id, o.Operation.Name, err)
	}
	if !strings.HasPrefix(h.Name, prefix) { // an account's own host has it already
		h.Name = prefix + h.Name
	}
	return h, nil
}

// s3Template returns the endpoint of a signing name that S3 has beside its own,
// "" for none. S3 Express manages buckets, in the path, at one host, and serves
// each bucket, in the host, at its zone's.
func s3Template(o *EndpointOptions) (string, error) {
	fips, dual := "", ""
	if o.FIPS {
		fips = "-fips"
	}
	if o.DualStack {
		dual = ".dualstack"
	}
	switch name := lower(o.SigningName); name {
	case "s3-outposts", "s3-object-lambda":
		return name + fips + dual + ".{r}.{s}", nil
	case "s3express":
		if o.Bucket == "" {
			return "s3express-control" + fips + dual + ".{r}.{s}", nil
		}
		name, ok := strings.CutSuffix(o.Bucket, "--x-s3")
		if access, is := strings.CutSuffix(o.Bucket, "--xa-s3"); is {
			name, ok = access, true
		}
		i := strings.LastIndex(name, "--")
		if !ok || i < 0 || !PlainName(name[i+2:]) {
			return "", fmt.Errorf("bucket %.64q names no zone: %w", o.Bucket, ErrNoEndpoint)
		}
		return "s3express" + fips + "-" + name[i+2:] + dual + ".{r}.{s}", nil
	}
	return "", nil
}

// rule returns the most special rule for a region.
func (s *service) rule(p *partition, region string, variant uint8) (endpointRule, bool) {
	var best endpointRule
	level := -1
	for _, r := range s.endpoints() {
		l := -1
		switch {
		case r.variant != variant:
		case r.scope == "":
			l = 0
		case r.scope == p.id:
			l = 1
		case r.scope == region:
			l = 2
		}
		if l > level {
			best, level = r, l
		}
	}
	return best, level >= 0
}

// hostPrefix fills the labels of a prefix such as "{AccountId}.".
func hostPrefix(prefix string, label func(string) string) (string, error) {
	var b strings.Builder
	for prefix != "" {
		before, after, ok := strings.Cut(prefix, "{")
		b.WriteString(before)
		if !ok {
			break
		}
		name, rest, _ := strings.Cut(after, "}")
		value := ""
		if label != nil {
			value = label(name)
		}
		if !PlainName(value) {
			return "", fmt.Errorf("host label %s %.64q is no plain name: %w", name, value, ErrNoEndpoint)
		}
		b.WriteString(value)
		prefix = rest
	}
	return b.String(), nil
}

func isAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
