package proxy

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// OpenSSL, and so Python and Node.js, takes a common name with a dot in it for a host name when the certificate is for
// an address, and refuses the certificate because the authority may not vouch for that "host".
func TestCertificateOfAnAddressHasNoHostForACommonName(t *testing.T) {
	ca, err := OpenCA(CAOptions{Dir: t.TempDir()}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"127.0.0.1", "::1", "localhost", "bucket.s3.us-east-1.amazonaws.com"} {
		c, err := ca.Certificate(name, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if cn := c.Leaf.Subject.CommonName; strings.ContainsAny(cn, ".:") {
			t.Errorf("%s: the common name is %q", name, cn)
		}
		if err := c.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
}

// TestBundleExtendsWhatWasTrusted: the variables that name a bundle replace the system's,
// so ours holds that, too, and what the user had named.
func TestBundleExtendsWhatWasTrusted(t *testing.T) {
	open := func() *CA {
		ca, err := OpenCA(CAOptions{Dir: filepath.Join(t.TempDir(), "ca")}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return ca
	}
	ours, corporate := open(), open()
	path, err := ours.Bundle(filepath.Join(corporate.Dir, rootFile), filepath.Join(t.TempDir(), "is-not-there"))
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	for name, ca := range map[string]*CA{"ours": ours, "the user's": corporate} {
		leaf, err := ca.Certificate("s3.us-east-1.amazonaws.com", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		between := x509.NewCertPool()
		between.AddCert(ca.issuer)
		if _, err := leaf.Leaf.Verify(x509.VerifyOptions{DNSName: "s3.us-east-1.amazonaws.com", Roots: roots, Intermediates: between}); err != nil {
			t.Errorf("a certificate of %s: %v", name, err)
		}
	}
	for _, name := range systemBundles {
		if system, err := os.ReadFile(name); err == nil {
			if !bytes.Contains(bundle, system) {
				t.Errorf("%s is not in it", name)
			}
			return
		}
	}
}
