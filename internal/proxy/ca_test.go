package proxy

import (
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
