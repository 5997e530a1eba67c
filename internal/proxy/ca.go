package proxy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// awsSuffixes are the names under which AWS serves its APIs, in all partitions.
var awsSuffixes = []string{"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws", "api.amazonwebservices.com.cn", "api.amazonwebservices.eu",
	"c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov", "on.aws"}

const (
	caLife     = 90 * 24 * time.Hour
	caRenew    = 24 * time.Hour // a CA with less left is made anew
	leafLife   = 24 * time.Hour
	rootFile   = "root.pem"
	issuerFile = "intermediate.pem"
	keyFile    = "intermediate.key"
)

// CAOptions say where the certificate authority lives and what else it may vouch for.
type CAOptions struct {
	Dir   string   // empty: a folder of the user's configuration
	Hosts []string // names besides those of AWS and this machine
}

// A CA issues certificates for the hosts that the recorder looks into. Its root key was
// thrown away when it was made; what is kept is an intermediate that can vouch for AWS's
// names and this machine's alone, and not for long. Clients check those constraints on an
// intermediate; on a root some do not.
type CA struct {
	Dir string

	root   *x509.Certificate
	issuer *x509.Certificate
	key    *ecdsa.PrivateKey

	mu     sync.Mutex
	leaf   *ecdsa.PrivateKey
	leaves map[string]*tls.Certificate
}

// DefaultCADir is where the certificate authority lives unless told otherwise.
func DefaultCADir() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding a folder for the certificate authority: %w", err)
	}
	return filepath.Join(dir, "cloudmock", "ca"), nil
}

// OpenCA loads the certificate authority, and makes it on first use or when it
// runs out.
func OpenCA(o CAOptions, now time.Time) (*CA, error) {
	dir := o.Dir
	if dir == "" {
		var err error
		if dir, err = DefaultCADir(); err != nil {
			return nil, err
		}
	}
	if len(o.Hosts) > 0 {
		// Its constraints are fixed, so other names mean another authority.
		hosts := slices.Sorted(slices.Values(o.Hosts))
		sum := sha256.Sum256([]byte(strings.Join(hosts, "\n")))
		dir = filepath.Join(dir, "hosts-"+hex.EncodeToString(sum[:6]))
	}
	ca, err := loadCA(dir, now)
	if err == nil {
		return ca, nil
	}
	if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, errCAExpired) {
		return nil, err
	}
	if err := createCA(dir, o.Hosts, now); err != nil {
		return nil, fmt.Errorf("making the certificate authority in %s: %w", dir, err)
	}
	return loadCA(dir, now)
}

var errCAExpired = errors.New("the certificate authority has run out")

func loadCA(dir string, now time.Time) (*CA, error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder (a symbolic link is not followed)", dir)
	}
	keyPath := filepath.Join(dir, keyFile)
	if info, err = os.Lstat(keyPath); err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 || !ownedByUs(info) {
		return nil, fmt.Errorf("%s can be read by others (mode %04o): remove %s and trust the new root", keyPath, info.Mode().Perm(), dir)
	}
	ca := &CA{Dir: dir, leaves: make(map[string]*tls.Certificate)}
	if ca.root, err = readCertificate(filepath.Join(dir, rootFile)); err != nil {
		return nil, err
	}
	if ca.issuer, err = readCertificate(filepath.Join(dir, issuerFile)); err != nil {
		return nil, err
	}
	der, err := readPEM(keyPath)
	if err != nil {
		return nil, err
	}
	if ca.key, err = x509.ParseECPrivateKey(der); err != nil {
		return nil, fmt.Errorf("%s: %w", keyPath, err)
	}
	if now.After(ca.issuer.NotAfter.Add(-caRenew)) {
		return nil, errCAExpired
	}
	return ca, nil
}

func readPEM(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", path)
	}
	return block.Bytes, nil
}

func readCertificate(path string) (*x509.Certificate, error) {
	der, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// createCA makes root and intermediate in a folder of its own, which then takes its
// place whole.
func createCA(dir string, hosts []string, now time.Time) error {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	issuerKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	root := caTemplate("cm-record root", hosts, now)
	root.MaxPathLen = 1
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		return err
	}
	issuer := caTemplate("cm-record", hosts, now)
	issuer.MaxPathLenZero = true
	issuerDER, err := x509.CreateCertificate(rand.Reader, issuer, root, issuerKey.Public(), rootKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalECPrivateKey(issuerKey)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".new-*") // mode 0700
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	for _, f := range []struct {
		name, kind string
		der        []byte
	}{{rootFile, "CERTIFICATE", rootDER}, {issuerFile, "CERTIFICATE", issuerDER}, {keyFile, "EC PRIVATE KEY", keyDER}} {
		if err := writePrivate(filepath.Join(temp, f.name), pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der})); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil { // one that has run out
		return err
	}
	return os.Rename(temp, dir)
}

// writePrivate creates a file that was never readable for others.
func writePrivate(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func caTemplate(name string, hosts []string, now time.Time) *x509.Certificate {
	t := &x509.Certificate{
		SerialNumber:                serial(),
		Subject:                     pkix.Name{CommonName: name, Organization: []string{"cloudmock, this machine only"}},
		NotBefore:                   now.Add(-time.Hour),
		NotAfter:                    now.Add(caLife),
		IsCA:                        true,
		BasicConstraintsValid:       true,
		KeyUsage:                    x509.KeyUsageCertSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         append(slices.Clone(awsSuffixes), "localhost"),
		PermittedIPRanges:           []*net.IPNet{{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}, {IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)}},
	}
	for _, host := range hosts {
		name, _ := splitHost(host)
		if ip := net.ParseIP(name); ip == nil {
			t.PermittedDNSDomains = append(t.PermittedDNSDomains, name)
		} else if v4 := ip.To4(); v4 != nil {
			t.PermittedIPRanges = append(t.PermittedIPRanges, &net.IPNet{IP: v4, Mask: net.CIDRMask(32, 32)})
		} else {
			t.PermittedIPRanges = append(t.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(128, 128)})
		}
	}
	return t
}

func serial() *big.Int {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}

// Certificate returns a certificate for exactly this name or address.
func (ca *CA) Certificate(name string, now time.Time) (*tls.Certificate, error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if c := ca.leaves[name]; c != nil && now.Before(c.Leaf.NotAfter.Add(-time.Hour)) {
		return c, nil
	}
	if ca.leaf == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		ca.leaf = key
	}
	t := &x509.Certificate{
		SerialNumber: serial(),
		// The name stands in the subject's alternative name alone: OpenSSL holds a common name that looks like a
		// host, such as 127.0.0.1, against the names that the authority may vouch for.
		Subject:     pkix.Name{CommonName: "cm-record, this machine only"},
		NotBefore:   now.Add(-time.Hour),
		NotAfter:    now.Add(leafLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		t.IPAddresses = []net.IP{ip}
	} else {
		t.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, ca.issuer, ca.leaf.Public(), ca.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if len(ca.leaves) >= 1000 {
		clear(ca.leaves)
	}
	c := &tls.Certificate{Certificate: [][]byte{der, ca.issuer.Raw}, PrivateKey: ca.leaf, Leaf: leaf}
	ca.leaves[name] = c
	return c, nil
}

// RootPath is the file that clients have to trust.
func (ca *CA) RootPath() string { return filepath.Join(ca.Dir, rootFile) }

// Expires is when the certificates stop being valid.
func (ca *CA) Expires() time.Time { return ca.issuer.NotAfter }

// systemBundles is where systems keep the certificates they trust.
var systemBundles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem", "/usr/local/etc/ssl/cert.pem"}

// Bundle writes what the system trusts and our root into one file, since the variables that name a
// bundle replace the system's and do not extend it. more are bundles that the user had set.
func (ca *CA) Bundle(more ...string) (string, error) {
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.root.Raw})
	for _, path := range append(more, systemBundles...) {
		data, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(data, []byte("-----BEGIN CERTIFICATE-----")) {
			continue
		}
		bundle = append(append(bundle, '\n'), data...)
		if slices.Contains(systemBundles, path) {
			break
		}
	}
	path := filepath.Join(ca.Dir, "bundle.pem")
	temp, err := os.CreateTemp(ca.Dir, "bundle-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = temp.Write(bundle)
	if err = errors.Join(err, temp.Close()); err != nil {
		return "", err
	}
	return path, os.Rename(temp.Name(), path)
}
