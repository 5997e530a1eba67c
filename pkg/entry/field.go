package entry

// A Field is a member of an entry, or of its replay part, that the tools know
// by name. Members with other names pass through untouched.
type Field uint8

// The fields of the wire format; docs/format.md gives the meaning of each.
const (
	FieldID Field = iota
	FieldTimestamp
	FieldService
	FieldAction
	FieldRegion
	FieldMethod
	FieldHost
	FieldClientScheme
	FieldPath
	FieldQuery
	FieldStatusCode
	FieldLatencyMs
	FieldOffsetMs
	FieldRequestHeaders
	FieldRequestBody
	FieldRequestBodyEncoding
	FieldRequestBodySize
	FieldRequestBodySHA256
	FieldRequestBodyTruncated
	FieldResponseHeaders
	FieldResponseBody
	FieldResponseBodyEncoding
	FieldResponseBodySize
	FieldResponseBodySHA256
	FieldResponseBodyTruncated
	FieldError
	FieldOrigin
	FieldSignedAs
	FieldRedacted
	FieldReplay

	// Of the replay part.
	FieldEndpoint
	FieldRewrites
	FieldAttemptOf
	FieldSent
	FieldPolls

	// Of an entry in a Recording: the values of headers that came more than once.
	FieldRequestHeaderValues
	FieldResponseHeaderValues

	// Of the comparison.
	FieldMatch
	FieldSeverity
	FieldDiffs
	FieldAllowed

	numFields
)

var fieldNames = [numFields]string{
	FieldID:                    "id",
	FieldTimestamp:             "timestamp",
	FieldService:               "service",
	FieldAction:                "action",
	FieldRegion:                "region",
	FieldMethod:                "method",
	FieldHost:                  "host",
	FieldClientScheme:          "client_scheme",
	FieldPath:                  "path",
	FieldQuery:                 "query",
	FieldStatusCode:            "status_code",
	FieldLatencyMs:             "latency_ms",
	FieldOffsetMs:              "offset_ms",
	FieldRequestHeaders:        "request_headers",
	FieldRequestBody:           "request_body",
	FieldRequestBodyEncoding:   "request_body_encoding",
	FieldRequestBodySize:       "request_body_size",
	FieldRequestBodySHA256:     "request_body_sha256",
	FieldRequestBodyTruncated:  "request_body_truncated",
	FieldResponseHeaders:       "response_headers",
	FieldResponseBody:          "response_body",
	FieldResponseBodyEncoding:  "response_body_encoding",
	FieldResponseBodySize:      "response_body_size",
	FieldResponseBodySHA256:    "response_body_sha256",
	FieldResponseBodyTruncated: "response_body_truncated",
	FieldError:                 "error",
	FieldOrigin:                "origin",
	FieldSignedAs:              "signed_as",
	FieldRedacted:              "redacted",
	FieldReplay:                "replay",
	FieldEndpoint:              "endpoint",
	FieldRewrites:              "rewrites",
	FieldAttemptOf:             "attempt_of",
	FieldSent:                  "sent",
	FieldPolls:                 "polls",
	FieldRequestHeaderValues:   "request_header_values",
	FieldResponseHeaderValues:  "response_header_values",
	FieldMatch:                 "match",
	FieldSeverity:              "severity",
	FieldDiffs:                 "diffs",
	FieldAllowed:               "allowed",
}

// String returns the name of the field as it stands in the JSON object.
func (f Field) String() string { return fieldNames[f] }

// lookup finds the field of that exact name; JSON names differ by case.
func lookup(name []byte) (Field, bool) {
	// The switch on a converted slice does not allocate; the compiler turns it
	// into a search by length and content.
	switch string(name) {
	case "id":
		return FieldID, true
	case "timestamp":
		return FieldTimestamp, true
	case "service":
		return FieldService, true
	case "action":
		return FieldAction, true
	case "region":
		return FieldRegion, true
	case "method":
		return FieldMethod, true
	case "host":
		return FieldHost, true
	case "client_scheme":
		return FieldClientScheme, true
	case "path":
		return FieldPath, true
	case "query":
		return FieldQuery, true
	case "status_code":
		return FieldStatusCode, true
	case "latency_ms":
		return FieldLatencyMs, true
	case "offset_ms":
		return FieldOffsetMs, true
	case "request_headers":
		return FieldRequestHeaders, true
	case "request_body":
		return FieldRequestBody, true
	case "request_body_encoding":
		return FieldRequestBodyEncoding, true
	case "request_body_size":
		return FieldRequestBodySize, true
	case "request_body_sha256":
		return FieldRequestBodySHA256, true
	case "request_body_truncated":
		return FieldRequestBodyTruncated, true
	case "response_headers":
		return FieldResponseHeaders, true
	case "response_body":
		return FieldResponseBody, true
	case "response_body_encoding":
		return FieldResponseBodyEncoding, true
	case "response_body_size":
		return FieldResponseBodySize, true
	case "response_body_sha256":
		return FieldResponseBodySHA256, true
	case "response_body_truncated":
		return FieldResponseBodyTruncated, true
	case "error":
		return FieldError, true
	case "origin":
		return FieldOrigin, true
	case "signed_as":
		return FieldSignedAs, true
	case "redacted":
		return FieldRedacted, true
	case "replay":
		return FieldReplay, true
	case "endpoint":
		return FieldEndpoint, true
	case "rewrites":
		return FieldRewrites, true
	case "attempt_of":
		return FieldAttemptOf, true
	case "sent":
		return FieldSent, true
	case "polls":
		return FieldPolls, true
	case "request_header_values":
		return FieldRequestHeaderValues, true
	case "response_header_values":
		return FieldResponseHeaderValues, true
	case "match":
		return FieldMatch, true
	case "severity":
		return FieldSeverity, true
	case "diffs":
		return FieldDiffs, true
	case "allowed":
		return FieldAllowed, true
	}
	return 0, false
}
