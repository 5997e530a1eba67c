package replay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// An Endpoint is where requests go: an emulator, given as a URL
// (http://host:port, https://host, unix:///path/to/socket), with an optional
// name in front (moto=http://127.0.0.1:5000).
type Endpoint struct {
	Name string // as it stands in replay.endpoint; the URL when none was given
	URL  string
}

// UnmarshalText reads [name=]URL.
func (e *Endpoint) UnmarshalText(text []byte) error {
	s := string(text)
	e.Name, e.URL = "", s
	if name, rest, ok := strings.Cut(s, "="); ok && !strings.ContainsAny(name, ":/?") {
		if name == "" {
			return fmt.Errorf("endpoint %q has an empty name", s)
		}
		e.Name, e.URL = name, rest
	}
	_, err := newTarget(*e, TLS{})
	if e.Name == "" {
		e.Name = e.URL
	}
	return err
}

// TLS says whom to trust at an https endpoint; zero means the system's roots.
type TLS struct {
	CA       string // file of PEM certificates to trust
	Insecure bool   // trust anybody
}

// A target is an endpoint made ready to dial.
type target struct {
	name    string
	network string // tcp or unix
	address string // to dial
	host    string // authority for the Host header
	prefix  string // path before every request's path, without a last slash
	tls     *tls.Config
	aws     bool // the name, or where it leads, is AWS
	allow   bool // AWS may be dialled
}

func newTarget(e Endpoint, t TLS) (*target, error) {
	u, err := url.Parse(e.URL)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", e.URL, err)
	}
	out := &target{name: e.Name}
	if out.name == "" {
		out.name = e.URL
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("endpoint %q: only scheme, host, port and path have a meaning", e.URL)
	}
	switch u.Scheme {
	case "unix":
		if u.Host != "" || u.Path == "" {
			return nil, fmt.Errorf("endpoint %q: want unix:///path/to/socket", e.URL)
		}
		out.network, out.address, out.host = "unix", u.Path, "localhost"
		return out, nil
	case "http", "https":
	case "":
		return nil, fmt.Errorf("endpoint %q: want http://host:port, https://host or unix:///path", e.URL)
	default:
		return nil, fmt.Errorf("endpoint %q: scheme %q is not http, https or unix", e.URL, u.Scheme)
	}
	name := u.Hostname()
	if name == "" || strings.ContainsAny(u.Host, " \t\r\n\\") {
		return nil, fmt.Errorf("endpoint %q: no host", e.URL)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	out.network, out.address = "tcp", net.JoinHostPort(name, port)
	out.host = u.Host
	out.prefix = strings.TrimRight(u.EscapedPath(), "/")
	out.aws = isAWSHost(name)
	if u.Scheme == "https" {
		out.tls = &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.Insecure, NextProtos: []string{"http/1.1"}}
		out.tls.VerifyConnection = func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) > 0 && !out.allow {
				for _, name := range s.PeerCertificates[0].DNSNames {
					if isAWSHost(strings.TrimPrefix(name, "*.")) {
						return errAWS
					}
				}
			}
			return nil
		}
		if t.CA != "" {
			pem, err := os.ReadFile(t.CA)
			if err != nil {
				return nil, err
			}
			out.tls.RootCAs = x509.NewCertPool()
			if !out.tls.RootCAs.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("%s: no certificate in it", t.CA)
			}
		}
	}
	return out, nil
}

var errAWS = errors.New("the endpoint is AWS itself")

// awsSuffixes are the DNS suffixes of the AWS partitions.
var awsSuffixes = []string{
	"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws", "on.aws", "aws.dev",
	"api.amazonwebservices.com.cn", "api.amazonwebservices.eu", "amazonwebservices.com", "amazonwebservices.com.cn",
	"aws.amazon.com", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov", "cloudfront.net",
}

func isAWSHost(name string) bool {
	name = strings.ToLower(strings.TrimRight(name, "."))
	for _, suffix := range awsSuffixes {
		if rest, ok := strings.CutSuffix(name, suffix); ok && (rest == "" || rest[len(rest)-1] == '.') {
			return true
		}
	}
	return false
}

// resolve finds out whether the endpoint's name is another name of AWS.
func (t *target) resolve(ctx context.Context) {
	name, _, err := net.SplitHostPort(t.address)
	if err != nil || t.network != "tcp" || t.aws || net.ParseIP(name) != nil || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return
	}
	if canonical, err := net.DefaultResolver.LookupCNAME(ctx, name); err == nil {
		t.aws = isAWSHost(canonical)
	}
}

func (t *target) dial(ctx context.Context) (net.Conn, error) {
	if t.aws && !t.allow {
		return nil, errAWS
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, t.network, t.address)
	if err != nil {
		return nil, err
	}
	if t.tls == nil {
		return conn, nil
	}
	secure := tls.Client(conn, t.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}
