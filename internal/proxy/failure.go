package proxy

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"github.com/neureaux/cloudmock/internal/awsapi"
)

// proxyErrorHeader marks an answer that the recorder made itself.
const proxyErrorHeader = "X-Cm-Proxy-Error"

// write answers with the failure in the shape that the client's SDK parses, so that the
// message reaches the person who reads the app's log.
func (f *failure) write(w http.ResponseWriter, r *http.Request, service string, protocol awsapi.Protocol) {
	if service == "" { // refused before its signature was read
		if scope, ok := awsapi.ParseAuthorization(r.Header.Get("Authorization")); ok {
			service = scope.Service
		}
	}
	if protocol == awsapi.ProtocolUnknown {
		protocol = guessProtocol(r, service)
	}
	message := "cm-record: " + f.message
	h := w.Header()
	h.Set(proxyErrorHeader, f.code)
	h["Date"] = nil // SDKs correct their clock by AWS's Date, not by ours
	var body []byte
	switch {
	case protocol == awsapi.RPCv2CBOR:
		h.Set("Content-Type", "application/cbor")
		h.Set("Smithy-Protocol", "rpc-v2-cbor")
		body = cborError(f.code, message)
	case protocol.JSON():
		h.Set("Content-Type", "application/x-amz-json-1.1")
		h.Set("X-Amzn-Errortype", f.code)
		// json.Marshal of a map of strings cannot fail.
		body, _ = json.Marshal(map[string]string{"__type": f.code, "message": message})
	case protocol == awsapi.EC2Query:
		h.Set("Content-Type", "text/xml")
		body = []byte(xml.Header + "<Response><Errors><Error><Code>" + escapeXML(f.code) + "</Code><Message>" + escapeXML(message) +
			"</Message></Error></Errors><RequestID>cm-record</RequestID></Response>")
	case protocol == awsapi.AWSQuery || protocol == awsapi.RestXML && service != "s3":
		h.Set("Content-Type", "text/xml")
		body = []byte(xml.Header + "<ErrorResponse><Error><Type>Sender</Type><Code>" + escapeXML(f.code) + "</Code><Message>" + escapeXML(message) +
			"</Message></Error><RequestId>cm-record</RequestId></ErrorResponse>")
	default:
		h.Set("Content-Type", "application/xml")
		body = []byte(xml.Header + "<Error><Code>" + escapeXML(f.code) + "</Code><Message>" + escapeXML(message) +
			"</Message><RequestId>cm-record</RequestId></Error>")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if f.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	if !f.keepAlive() {
		h.Set("Connection", "close")
	}
	w.WriteHeader(f.status)
	if r.Method != http.MethodHead {
		w.Write(body) // a client that is gone needs no answer
	}
}

// keepAlive: after a refusal the body of the request has not been read, and
// reading it to the end would serve whoever sent it.
func (f *failure) keepAlive() bool { return f.status >= 500 && f.status != http.StatusNotImplemented }

func escapeXML(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

// guessProtocol finds the protocol of a request that could not be identified.
func guessProtocol(r *http.Request, service string) awsapi.Protocol {
	h := r.Header
	contentType := h.Get("Content-Type")
	switch {
	case h.Get("X-Amz-Target") != "":
		return awsapi.AWSJSON11
	case h.Get("Smithy-Protocol") == "rpc-v2-cbor" || strings.HasPrefix(contentType, "application/cbor"):
		return awsapi.RPCv2CBOR
	case service == "ec2":
		return awsapi.EC2Query
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded") || strings.Contains(r.URL.RawQuery, "Action="):
		return awsapi.AWSQuery
	case service == "s3" || h.Get("X-Amz-Content-Sha256") != "":
		return awsapi.RestXML
	case strings.Contains(contentType, "json"):
		return awsapi.RestJSON1
	}
	return awsapi.RestXML
}

// cborError encodes {"__type": code, "message": message} (RFC 8949).
func cborError(code, message string) []byte {
	b := []byte{0xa2}
	for _, s := range [...]string{"__type", code, "message", message} {
		switch n := len(s); {
		case n < 24:
			b = append(b, 0x60|byte(n))
		case n < 256:
			b = append(b, 0x78, byte(n))
		default:
			b = append(b, 0x79, byte(n>>8), byte(n))
		}
		b = append(b, s...)
	}
	return b
}
