package awsapi

import "strings"

// A HostInfo is what a host name of AWS says.
type HostInfo struct {
	// ServiceID is the model's id; where services share a host, the likeliest.
	ServiceID string
	// Service is the signing name in lower case.
	Service string
	// Region is the region in the name, or the one that calls to a global host
	// are signed for.
	Region string
	// Prefix is what stands before the service's own name: an S3 bucket, a
	// host prefix, an account or an API's id.
	Prefix          string
	FIPS, DualStack bool

	services []*service
	rest     string // what of the name the services were found by
}

// wider returns the services of the next shorter name: those of "geo" after
// "maps.geo", which may be a service of its own or another's host prefix.
func (t *table) wider(name string) []*service {
	for {
		i := strings.IndexByte(name, '.')
		if i < 0 {
			return nil
		}
		name = name[i+1:]
		if e := t.byHost[name]; e != nil {
			return e.services
		}
	}
}

// maxHost is as long as a host name can be, and a port.
const maxHost = 253 + len(":65535")

// A hostEntry is a host name without region, suffix and prefix: "api.ecr".
type hostEntry struct {
	services []*service
	variant  uint8
	signs    string // region of a global host, "" if it has none

}

// Bits of an endpoint rule's variant.
const (
	variantFIPS = 1 << iota
	variantDualStack
	variantAccount
)

func (t *table) addHost(key string, s *service, variant uint8, signs string) {
	e := t.byHost[key]
	if e == nil {
		e = &hostEntry{variant: variant}
		t.byHost[key] = e
	}
	e.services = appendNew(e.services, s)
	if e.signs == "" {
		e.signs = signs
	}
}

// ParseHost takes an AWS host name apart; a port is ignored. It reports false
// if the name is not one of a known service's endpoints. Names below an
// endpoint (buckets, API ids) belong to whoever rented them.
func ParseHost(host string) (HostInfo, bool) { return loadTable().parseHost(host) }

func (t *table) parseHost(host string) (HostInfo, bool) {
	if len(host) > maxHost {
		return HostInfo{}, false
	}
	host = lower(stripPort(host))
	name, p, dual := t.cutSuffix(host)
	if p == nil { // signin.aws.amazon.com
		if name = console(host); name == "" {
			return HostInfo{}, false
		}
		p = &t.partitions[0]
	}
	info := HostInfo{DualStack: dual}
	name, private := strings.CutSuffix(name, ".vpce")
	head, last := cutLast(name, '.')
	// Location Service repeats the partition after the region: routes.geo.us-gov-west-1.us-gov
	if _, region := cutLast(head, '.'); t.partitionOf(last) == nil && strings.HasPrefix(region, last+"-") && t.partitionOf(region) != nil {
		name = head
		head, last = cutLast(name, '.')
	}
	switch {
	case t.partitionOf(last) != nil && head != "":
		info.Region, name = last, head
	case strings.HasPrefix(last, "s3-") && t.partitionOf(last[3:]) != nil: // s3-us-west-2
		info.Region = last[3:]
		return t.s3Host(info, head), true
	case strings.HasPrefix(last, "s3-external-"):
		info.Region = "us-east-1"
		return t.s3Host(info, head), true
	}
	if head, last := cutLast(name, '.'); strings.HasPrefix(last, "s3express-") && t.byHost[last] == nil { // s3express-use1-az4, not s3express-control
		info.rest = "s3express"
		return t.s3Host(info, head), true
	}
	for rest, prefix := name, 0; ; {
		if e := t.byHost[rest]; e != nil {
			s := e.services[0]
			info.services, info.rest = e.services, rest
			info.ServiceID, info.Service = s.id, s.signing[0]
			info.FIPS = e.variant&variantFIPS != 0
			info.DualStack = info.DualStack || e.variant&variantDualStack != 0
			if prefix > 0 {
				info.Prefix = name[:prefix-1]
			}
			if private {
				info.Prefix = privatePrefix(info.Prefix)
			}
			if info.Region == "" {
				// Old hosts have the region in front: us-west-2.queue
				if head, first := cutLast(info.Prefix, '.'); s != t.s3 && t.partitionOf(first) != nil {
					info.Region, info.Prefix = first, head
				} else {
					info.Region = or(e.signs, p.globalRegion)
				}
			}
			return info, true
		}
		i := strings.IndexByte(rest, '.')
		if i < 0 {
			return HostInfo{}, false
		}
		rest, prefix = rest[i+1:], prefix+i+1
	}
}

// console returns the name that a host of the console has in the first partition, "" if it is none.
func console(host string) string {
	for _, domain := range [...]string{".aws.amazon.com", ".amazonaws.cn", ".amazonaws-us-gov.com"} {
		if name, ok := strings.CutSuffix(host, domain); ok {
			return name + ".aws.amazon.com"
		}
	}
	return ""
}

// privatePrefix removes a VPC endpoint's own labels: [key.]vpce-ID, before S3
// [bucket.]{bucket,accesspoint,control}.vpce-ID.
func privatePrefix(prefix string) string {
	head, last := cutLast(prefix, '.')
	if !strings.HasPrefix(last, "vpce-") {
		return prefix
	}
	switch first, kind := cutLast(head, '.'); kind {
	case "bucket", "accesspoint", "control":
		return first
	}
	return head
}

func (t *table) s3Host(info HostInfo, prefix string) HostInfo {
	info.ServiceID, info.Service, info.Prefix = t.s3.id, t.s3.signing[0], prefix
	info.services = t.byHost["s3"].services
	return info
}

// cutSuffix removes a partition's domain.
func (t *table) cutSuffix(host string) (name string, p *partition, dualStack bool) {
	best := 0
	for i := range t.partitions {
		for j, suffix := range [...]string{t.partitions[i].suffix, t.partitions[i].dualStackSuffix} {
			if n := len(host) - len(suffix) - 1; len(suffix) > best && n > 0 && host[n] == '.' && host[n+1:] == suffix {
				name, p, dualStack, best = host[:n], &t.partitions[i], j == 1, len(suffix)
			}
		}
	}
	return name, p, dualStack
}

// partitionOf returns the partition that a region belongs to, by the form of
// its name: a region that opened after the table was made has one, too.
func (t *table) partitionOf(region string) *partition {
	head, number := cutLast(region, '-')
	if head == "" || number == "" || len(region) > 32 {
		return nil
	}
	for i := range len(number) {
		if number[i] < '0' || number[i] > '9' {
			return nil
		}
	}
	var found *partition
	length := 0
	for i := range t.partitions {
		for _, prefix := range t.partitions[i].regionPrefixes {
			if len(prefix) > length && strings.HasPrefix(head, prefix) && isWord(head[len(prefix):]) {
				found, length = &t.partitions[i], len(prefix)
			}
		}
	}
	return found
}

func isWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return s != ""
}

func stripPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	return strings.TrimSuffix(host, ".")
}

// lower returns s in lower case, itself if it is already.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}
