package awsapi

import "errors"

// ErrNoEndpoint is returned for a service or region that the table does not know.
var ErrNoEndpoint = errors.New("no endpoint known")

// EndpointOptions choose among a service's endpoints; the zero value is the
// plain regional (or global) one.
type EndpointOptions struct {
	FIPS, DualStack bool
	// Operation adds its host prefix. Label returns the value of a prefix's
	// label ("AccountId"); it may be nil where the prefix has none.
	Operation *Operation
	Label     func(name string) string
}

// A Host is where a call goes and what it is signed for there.
type Host struct {
	Name                       string
	SigningName, SigningRegion string
}

// Endpoint returns the AWS host of a service (signing name or ServiceID) in a
// region. The answer comes from the table alone: an unknown service, a region
// that belongs to no partition, or a label that is no plain name is an error.
func Endpoint(service, region string, o EndpointOptions) (Host, error) {
	return Host{}, ErrNoEndpoint
}

// A HostInfo is what a host name of AWS says.
type HostInfo struct {
	// ServiceID is the model's id; where services share a host, the likeliest.
	ServiceID string
	// Service is the signing name in lower case.
	Service string
	// Region is "" for a host without one, save that a global service's is the
	// region it is signed for.
	Region string
	// Prefix is what stands before the service's own name: an S3 bucket, a
	// host prefix, an account or an API's id.
	Prefix          string
	FIPS, DualStack bool
}

// ParseHost takes an AWS host name apart; a port is ignored. It reports false
// if the name is not one of a known service's endpoints.
func ParseHost(host string) (HostInfo, bool) { return HostInfo{}, false }
