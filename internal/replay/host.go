package replay

import (
	"bytes"
	"strings"

	"github.com/neureaux/cloudmock/internal/awsapi"
)

// A hostRoute is what of a recorded host stands nowhere else in the request
// and says on what it acts.
type hostRoute struct {
	bucket  string
	id      string // "abc123" of abc123.execute-api.us-east-1.amazonaws.com
	service string // "execute-api"
	told    string // what the endpoint has called that host itself
}

// readHost finds the route of the request. The prefixes of other hosts (data-, an
// account) are not needed at one endpoint for all services, as with
// AWS_DISABLE_HOST_PREFIX_INJECTION.
func (r *request) readHost() {
	r.route = hostRoute{}
	if r.api.VirtualHost {
		r.route.bucket = r.api.Bucket
		return
	}
	if strings.Count(r.Host, ".") < 3 {
		return
	}
	info, known := awsapi.ParseHost(r.Host)
	if known {
		if info.Service == "execute-api" || info.Service == "iotdata" {
			r.route = hostRoute{id: info.Prefix, service: info.Service}
		}
		return
	}
	if !isAWSHost(r.Host) {
		return
	}
	// Hosts that no model lists: function URLs, AppSync's APIs. The service stands before the region.
	labels := strings.Split(r.Host, ".")
	for i := 2; i < len(labels); i++ {
		if l := labels[i]; strings.Count(l, "-") >= 2 && l[len(l)-1] >= '0' && l[len(l)-1] <= '9' {
			r.route = hostRoute{id: strings.Join(labels[:i-1], "."), service: labels[i-1]}
			return
		}
	}
}

// rewriteHost replaces the bound values in what the host names: a bucket or
// the id of an API.
func (w *rewriter) rewriteHost(k *correlator, r *request) []replaced {
	w.used = w.used[:0]
	if r.route.bucket != "" {
		var b []byte
		if b, w.used = k.translate([]byte(r.route.bucket), false, w.used); len(w.used) > 0 {
			r.route.bucket = string(b)
		}
		return w.used
	}
	if r.route.id == "" {
		return nil
	}
	const scheme = "https://"
	origin, used := k.translate([]byte(scheme+r.Host), false, w.used)
	w.used = used
	if _, host, ok := bytes.Cut(origin, []byte("://")); ok && len(used) > 0 && strings.HasPrefix(used[0].original, scheme) {
		name, port, _ := strings.Cut(string(host), ":")
		if isHostLabels(name) && isDigits(port) {
			r.route.told = string(host)
			return used
		}
	}
	w.used = w.used[:0]
	var b []byte
	if b, w.used = k.translate([]byte(r.route.id), false, w.used); len(w.used) > 0 {
		r.route.id = string(b)
	}
	return w.used
}

// address puts the endpoint in the place of the AWS host.
func (w *worker) address(r *request) error {
	host := w.t.host
	switch {
	case r.route.bucket != "" && isS3(r.api.Service):
		if !isHostLabels(r.route.bucket) {
			return refuse("bucket %.64q of the recorded host is no host name", r.route.bucket)
		}
		if w.r.o.S3Virtual {
			host = r.route.bucket + "." + host
		} else {
			r.Path = "/" + r.route.bucket + r.Path
		}
	case r.route.told != "":
		host = r.route.told
	case r.route.id != "" && isHostLabels(r.route.id) && isHostLabels(r.route.service):
		host = r.route.id + "." + r.route.service + "." + host
	}
	r.Host = host
	return nil
}

// isHostLabels reports text that can stand before a host name and add nothing
// but labels to it.
func isHostLabels(s string) bool {
	if s == "" || len(s) > 255 || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		c := lower(s[i])
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}
