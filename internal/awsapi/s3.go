package awsapi

import (
	"bytes"
	"slices"
	"strings"
)

// S3 has its bucket in the host or in the path, keys that look like anything,
// and operations that differ in the query alone.

// s3 identifies a call of S3 itself.
func (id *identifier) s3(q *query) {
	s := id.table.s3
	id.service, id.protocol = s, RestXML
	root := &s.operations().routes.root
	path := strings.TrimPrefix(id.Path, "/")
	if path == "WriteGetObjectResponse" && id.Header("X-Amz-Request-Route") != "" {
		id.operation = root.literals[path].leafOperation(q, id.Method)
		return
	}
	var key string
	id.bucket = id.hostBucket()
	if id.virtualHost = id.bucket != ""; id.virtualHost {
		key = path
	} else {
		id.bucket, key, _ = strings.Cut(path, "/")
	}
	if id.bucket == "" && !id.atAWS && strings.IndexByte(id.Host, '.') > 0 && !isIP(stripPort(id.Host)) {
		// Somebody's host may have a bucket in front: what only a bucket has gives it away.
		if m := choose(root.label.leaves, q, id.Method, 0); m.operation != nil && m.fit >= 1<<24 {
			id.bucket, _, _ = strings.Cut(id.Host, ".")
			id.virtualHost, id.operation = true, m.operation
			return
		}
	}
	var leaves []leaf
	switch {
	case id.bucket == "":
		if express := id.signing == "s3express" || strings.HasPrefix(id.host.rest, "s3express-control"); express && id.Method == "GET" {
			id.operation = s.operation("ListDirectoryBuckets")
			return
		}
		leaves = root.leaves
	case key == "":
		leaves = root.label.leaves
		if id.Method == "POST" && hasPrefixFold(id.Header("Content-Type"), "multipart/form-data") {
			id.browserUpload()
			return
		}
	default:
		leaves = root.label.greedy[0].leaves
	}
	id.operation = choose(leaves, q, id.Method, 0).operation
}

func (n *routeNode) leafOperation(q *query, method string) *Operation {
	if n == nil {
		return nil
	}
	return choose(n.leaves, q, method, 0).operation
}

// browserUpload is a form that a web page sends; its credential is a field. The
// models have no name for the operation, AWS's documents call it POST Object.
func (id *identifier) browserUpload() {
	id.action = "PostObject"
	if id.scope.Scheme != Unsigned {
		return
	}
	const tail = "/s3/aws4_request"
	i := bytes.Index(id.Body, []byte(tail))
	if i < 0 {
		return
	}
	start := max(0, i-256)
	if j := bytes.LastIndexAny(id.Body[start:i], "\r\n \"'"); j >= 0 {
		start += j + 1
	}
	id.scope.parseCredential(string(id.Body[start : i+len(tail)]))
}

// hostBucket returns the bucket that the host names, "" if none.
func (id *identifier) hostBucket() string {
	if id.atAWS {
		if !slices.Contains(id.host.services, id.table.s3) {
			return ""
		}
		return id.host.Prefix
	}
	// Somebody else's host: bucket.localhost, bucket.s3.example.com.
	host := stripPort(id.Host)
	if rest, ok := cutSuffixFold(host, ".localhost"); ok && !strings.EqualFold(rest, "s3") {
		host = rest
		if i := s3Label(host); i >= 0 {
			host = strings.TrimSuffix(host[:i], ".")
		}
		return host
	}
	if i := s3Label(host); i > 0 {
		return host[:i-1]
	}
	// Nothing but a bucket has these at the root.
	if strings.Trim(id.Path, "/") == "" && id.Method != "GET" && strings.IndexByte(host, '.') > 0 && !isIP(host) {
		bucket, _, _ := strings.Cut(host, ".")
		return bucket
	}
	return ""
}

// s3Label returns the start of the label "s3" (or "s3-...") in a host, -1 if none.
func s3Label(host string) int {
	for start := 0; start < len(host); {
		label, _, _ := strings.Cut(host[start:], ".")
		if strings.EqualFold(label, "s3") || hasPrefixFold(label, "s3-") && start > 0 {
			return start
		}
		start += len(label) + 1
	}
	return -1
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if n := len(s) - len(suffix); n > 0 && strings.EqualFold(s[n:], suffix) {
		return s[:n], true
	}
	return s, false
}

func isIP(host string) bool {
	return host != "" && (host[0] == '[' || strings.Trim(host, "0123456789.") == "")
}

// isS3Control reports whether a call under S3's signing name is one of S3
// Control, whose paths look like a bucket's: it always names the account.
func (id *identifier) isS3Control() bool {
	if !strings.HasPrefix(id.Path, "/v20180820/") {
		return false
	}
	if id.atAWS && slices.Contains(id.host.services, id.table.s3Control) {
		return true
	}
	first, _, _ := strings.Cut(id.Host, ".")
	if id.Header("X-Amz-Account-Id") != "" || isAccount(first) || containsFold(id.RawQuery, "x-amz-account-id=") || id.agent() == id.table.s3Control {
		return true
	}
	// CreateBucket (on an Outpost) is the one operation without an account.
	bucket, ok := strings.CutPrefix(id.Path, "/v20180820/bucket/")
	return ok && id.Method == "PUT" && strings.IndexByte(strings.TrimSuffix(bucket, "/"), '/') < 0
}

// looksLikeS3 decides about requests without a service in scope, host or path:
// S3's own signature version, headers and parameters, or an object's path.
func (id *identifier) looksLikeS3() bool {
	switch id.Method {
	case "GET", "HEAD", "PUT", "POST", "DELETE":
	default:
		return false
	}
	if id.signing != "" || id.scope.Scheme == Bearer {
		return false
	}
	if id.scope.Scheme == SigV2 || id.Header("X-Amz-Content-Sha256") != "" || strings.Contains(id.RawQuery, "x-id=") || strings.Contains(id.RawQuery, "list-type=2") {
		return true
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(id.Path, "/"), "/")
	return id.hostBucket() != "" || key != "" && isBucketName(bucket)
}

func isBucketName(s string) bool {
	if len(s) < 3 || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}
