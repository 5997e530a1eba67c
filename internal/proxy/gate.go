package proxy

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// hostPrefixes are the host prefixes that SDKs put before a custom endpoint's
// name, as in data-localhost. They are listed, because a wildcard would let in any
// name that ends in localhost.
var hostPrefixes = []string{"data-", "sync-", "query-", "stream-", "streaming-", "dataplane.", "models-v2-lex.", "api.", "env.", "ops.", "cp.",
	"control-", "workflows-", "analytics-", "storage-", "tags-", "runtime-v2-lex.", "edge.", "iot."}

// gate decides from the head of a request alone whether it may come in. It
// keeps out web pages (cross-site requests, DNS rebinding), other machines, and
// requests whose framing two parsers could read in two ways. It runs before
// anything else, and before the body is read.
type gate struct {
	hosts   []string // further names of the recorder
	origins []string // web origins that may use it
	peers   []netip.Prefix
}

// check returns nil if the request may come in.
func (g *gate) check(r *http.Request) *failure {
	if !g.peer(r.RemoteAddr) {
		return refusal("the request comes from another machine (%s)", r.RemoteAddr)
	}
	if r.Method == http.MethodConnect || r.URL.Host != "" || !strings.HasPrefix(r.RequestURI, "/") {
		return refusal("the request target has no origin form").as(http.StatusBadRequest)
	}
	if !g.host(r) {
		return refusal("the Host header %q is not a name of the recorder; --host-name adds one", clip(r.Host))
	}
	return g.browser(r)
}

// browser refuses what only a web page sends. An SDK in a page that is meant to use the recorder
// needs --allow-origin.
func (g *gate) browser(r *http.Request) *failure {
	h := r.Header
	if origin := h.Get("Origin"); origin != "" {
		if slices.Contains(g.origins, origin) {
			return nil
		}
		return refusal("it has an Origin header (%s): a web page sent it", clip(origin))
	}
	if h.Get("Referer") != "" {
		return refusal("it has a Referer header: a web page sent it")
	}
	if site := h.Get("Sec-Fetch-Site"); site != "" && site != "none" {
		return refusal("it has Sec-Fetch-Site: %s: a web page sent it", clip(site))
	}
	if mode := h.Get("Sec-Fetch-Mode"); mode == "no-cors" || mode == "navigate" {
		return refusal("it has Sec-Fetch-Mode: %s: a web page sent it", clip(mode))
	}
	if r.Method == http.MethodOptions && h.Get("Access-Control-Request-Method") != "" {
		return refusal("it is a CORS preflight, which is never forwarded")
	}
	for _, name := range [...]string{"X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via", "X-Real-Ip"} {
		if h.Get(name) != "" {
			return refusal("it came through another proxy: it has a %s header", name).as(http.StatusBadRequest)
		}
	}
	return nil
}

// host reports whether the Host header names this recorder: a loopback name or
// address, with a bucket in front or not.
func (g *gate) host(r *http.Request) bool {
	name, port := splitHost(r.Host)
	if name == "" || port != "" && port != localPort(r) {
		return false
	}
	_, ok := g.label(name)
	return ok
}

// label returns what stands before the recorder's own name in a host name: a
// bucket, for virtual-hosted S3 requests.
func (g *gate) label(name string) (label string, ok bool) {
	name = strings.ToLower(name)
	if name == "127.0.0.1" || name == "::1" {
		return "", true
	}
	for _, own := range g.hosts {
		if rest, found := strings.CutSuffix(name, strings.ToLower(own)); found {
			if rest == "" {
				return "", true
			}
			if l, dotted := strings.CutSuffix(rest, "."); dotted && plainLabel(l) {
				return l, true
			}
		}
	}
	if name == "localhost" {
		return "", true
	}
	if l, found := strings.CutSuffix(name, ".localhost"); found {
		return l, plainLabel(l)
	}
	for _, prefix := range hostPrefixes {
		if name == prefix+"localhost" {
			return "", true
		}
	}
	return "", false
}

// plainLabel reports whether s can be a bucket's or an access point's name.
func plainLabel(s string) bool {
	if len(s) < 2 || len(s) > 127 || strings.Contains(s, "..") || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' {
			continue
		}
		return false
	}
	return true
}

func (g *gate) peer(remote string) bool {
	addr, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote == "" || remote == "@" || remote == "pipe" // a socket without addresses
	}
	ip := addr.Addr().Unmap()
	if ip.IsLoopback() {
		return true
	}
	for _, p := range g.peers {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// splitHost parses a Host header strictly: no user, no path, no dot at the end
// that would make two spellings of a name.
func splitHost(host string) (name, port string) {
	if strings.ContainsAny(host, "@/\\?# \t%") {
		return "", ""
	}
	name = host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
		if port == "" {
			return "", ""
		}
	}
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		return name[1 : len(name)-1], port
	}
	if strings.Contains(name, ":") {
		return "", ""
	}
	return name, port
}

func localPort(r *http.Request) string {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return ""
	}
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return ""
	}
	return port
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}

// A failure is an answer that the recorder gives itself.
type failure struct {
	status  int
	code    string // error code in the style of AWS
	message string
}

func (f *failure) Error() string { return f.message }

func (f *failure) as(status int) *failure {
	f.status = status
	if status == http.StatusBadRequest {
		f.code = "InvalidRequest"
	}
	return f
}

// refusal is a 403 that says why the request is not let in.
func refusal(format string, args ...any) *failure {
	return &failure{status: http.StatusForbidden, code: "AccessDenied", message: "refused: " + fmt.Sprintf(format, args...)}
}
