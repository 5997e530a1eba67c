// Package awsapi answers which AWS call an HTTP request is, where calls of a
// service go, and what the members of an operation's input and output mean.
//
// Everything comes from one embedded table that `go generate` makes from AWS's
// own models (see gen). The table is read in place; a service's operations and
// shapes are decoded when they are first asked for, so that a tool that never
// asks pays nothing. All functions are safe for concurrent use, take input
// from strangers and never panic on it.
package awsapi

//go:generate go run ./gen

// Protocol is the wire protocol of a call, as the Smithy specification names it.
type Protocol uint8

// The protocols; the zero value means unknown.
const (
	ProtocolUnknown Protocol = iota
	AWSJSON10
	AWSJSON11
	RestJSON1
	RestXML
	AWSQuery
	EC2Query
	RPCv2CBOR
)

var protocolNames = [...]string{"", "awsJson1_0", "awsJson1_1", "restJson1", "restXml", "awsQuery", "ec2Query", "rpcv2Cbor"}

// String returns the protocol's Smithy name, "" if unknown.
func (p Protocol) String() string {
	if int(p) < len(protocolNames) {
		return protocolNames[p]
	}
	return ""
}

// JSON reports whether bodies of the protocol are JSON.
func (p Protocol) JSON() bool { return p == AWSJSON10 || p == AWSJSON11 || p == RestJSON1 }

// XML reports whether response bodies of the protocol are XML.
func (p Protocol) XML() bool { return p == RestXML || p == AWSQuery || p == EC2Query }

// A Request is the part of an HTTP request that Identify looks at.
type Request struct {
	Method string
	// Host is the Host header or the authority that was asked for, with or
	// without a port. It may be an emulator's or a proxy's.
	Host string
	// Path and RawQuery are as on the wire, still escaped.
	Path, RawQuery string
	// Header returns the first value of a header, "" if absent. It is called
	// with canonical names (as http.Header.Get takes them). It may be nil.
	Header func(name string) string
	// Service is the signing name, where something else than the request tells
	// it; a credential scope in the request goes before it.
	Service string
	// Body is the start of the body as on the wire; it may be compressed with
	// gzip. Only the query protocols and S3's browser uploads need it; 64 KiB
	// are plenty.
	Body []byte
}

// A Call is what Identify found out; fields are zero where it is unknown.
type Call struct {
	// Service is the signing name in lower case, as in a credential scope.
	Service string
	// ServiceID is the model's id of the service ("Route 53"), which tells
	// services apart that share a signing name.
	ServiceID string
	// Region is the region the call is signed for or its host names.
	Region string
	// Action is the name of the operation as in the model.
	Action   string
	Protocol Protocol
	// Bucket is the S3 bucket or access point as on the wire, without
	// decoding; VirtualHost tells that it stood in the host and not in the path.
	Bucket      string
	VirtualHost bool

	operation *Operation
}

// Operation returns the operation of the call, nil if it is unknown.
func (c *Call) Operation() *Operation { return c.operation }
