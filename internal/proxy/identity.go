package proxy

import (
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/sign"
)

// introduce says where calls go and where their entries do.
func (s *Session) introduce() {
	to := "AWS"
	if region := s.proxy.o.Region; region != "" {
		to += ", region " + region + " where a call names none"
	}
	if u := s.proxy.o.Upstream; u != nil {
		to = u.Redacted()
	}
	path := s.o.Output.Path
	if path == "" || path == "-" {
		path = "standard output"
	}
	s.log.Info(fmt.Sprintf("forwarding to %s; writing to %s", to, path))
}

// An identity is whose an access key is.
type identity struct{ keyID, arn string }

// identify says as whom the recorder signs: who starts it with another profile than they think should see
// it before their app does something in the wrong account. It takes its time, while calls are served.
func (s *Session) identify(ctx context.Context) {
	own := s.proxy.o.Own
	if own == nil || s.o.Quiet || s.proxy.o.Upstream != nil {
		return // an emulator takes any credentials
	}
	creds, err := own.Credentials(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.log.Info(fmt.Sprintf("no credentials to sign with: %v", err))
		return
	}
	with := "key " + maskKey(creds.KeyID)
	if chain, ok := own.(*sign.Chain); ok {
		with += " of " + chain.Where(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	arn, err := s.proxy.callerIdentity(ctx, creds)
	switch {
	case err == nil:
		s.proxy.self.Store(&identity{keyID: creds.KeyID, arn: arn})
		s.log.Info(fmt.Sprintf("signing as %s, with %s", arn, with))
	default:
		s.log.Info("signing with " + with)
		s.log.Debug("whose it is could not be found out: " + err.Error())
	}
}

// maskKey shows as much of an access key id as tells a person's keys apart.
func maskKey(id string) string {
	if len(id) < 16 {
		return id[:min(4, len(id)/2)] + "…"
	}
	return id[:4] + "…" + id[len(id)-4:]
}

// callerIdentity asks STS whose credentials they are.
func (p *Proxy) callerIdentity(ctx context.Context, creds sign.Credentials) (arn string, err error) {
	const form = "Action=GetCallerIdentity&Version=2011-06-15"
	host, err := awsapi.Endpoint("sts", cmp.Or(p.o.Region, "us-east-1"), awsapi.EndpointOptions{FIPS: p.o.FIPS, DualStack: p.o.DualStack})
	if err != nil {
		return "", err
	}
	in := sign.Request{Method: http.MethodPost, Host: host.Name, Path: "/"}
	in.Add("Content-Type", "application/x-www-form-urlencoded")
	if _, err := p.signer.Sign(&in, creds, sign.Options{Service: host.SigningName, Region: host.SigningRegion, Time: p.o.Now(), Payload: sha256Hex(form)}); err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, in.Method, "https://"+host.Name+"/", strings.NewReader(form))
	if err != nil {
		return "", err
	}
	for _, f := range in.Header {
		req.Header.Add(f.Name, f.Value)
	}
	resp, err := p.transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		Arn string `xml:"GetCallerIdentityResult>Arn"`
	}
	if err := xml.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&answer); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK || answer.Arn == "" {
		return "", fmt.Errorf("STS answered %s", resp.Status)
	}
	return answer.Arn, nil
}
