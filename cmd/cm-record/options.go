package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/neureaux/cloudmock/internal/capture"
	"github.com/neureaux/cloudmock/internal/cli"
	"github.com/neureaux/cloudmock/internal/proxy"
	"github.com/neureaux/cloudmock/internal/rule"
	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// options turns the flags into those of a session.
func (c *command) options(ctx context.Context, std cli.Streams) (o proxy.SessionOptions, err error) {
	if len(c.Command) > 0 && c.Command[0] == "--" {
		c.Command = c.Command[1:]
	}
	chain, err := sign.LoadChain(ctx, c.Profile)
	if err != nil {
		return o, err
	}
	keys := sign.NewKeyring(chain)
	for _, text := range c.ClientCredentials {
		if err := sign.AddClients(keys, text, chain); err != nil {
			return o, fmt.Errorf("--client-credentials: %w", err)
		}
	}
	if c.Region == "" {
		c.Region = chain.Region
	}
	o = proxy.SessionOptions{
		Proxy: proxy.Options{
			Keyring: keys, Own: chain, Upstream: c.Upstream, Region: c.Region, FIPS: c.FIPS, DualStack: c.DualStack, Timeout: c.Timeout,
			NoVerify: c.NoVerify, HostNames: c.HostName, AllowOrigins: c.AllowOrigin, AllowPeers: c.AllowPeer,
		},
		Listen: c.Listen, Port: c.Port, HTTPS: c.HTTPSPort, Admin: c.Admin,
		CA: proxy.CAOptions{Dir: c.CADir, Hosts: c.AllowHost}, Passthrough: c.Passthrough,
		Output: proxy.Output{
			Path: c.Output, Stream: os.Stdout, Sync: c.Sync, Meta: entry.Recording{Name: c.Name},
			Recording: c.Format == "recording" || c.Format == "auto" && proxy.IsRecordingName(c.Output),
		},
		Capture: capture.Options{MaxBody: c.MaxBody, BodyDir: c.BodyDir, Sync: c.Sync, Redact: c.Redact, NoRedact: c.NoRedact},
		Serve:   c.OnOutputError == "serve",
		Drain:   c.Drain, Duration: c.Duration, Max: c.MaxEntries,
		Mode: c.Mode, Command: c.Command, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: std.Err, Environ: os.Environ(),
		Quiet: std.Quiet, Verbose: std.Verbose,
	}
	if c.Output == "-" || c.Output == "" {
		o.Stdout = os.Stderr // the stream of entries stays clean
	}
	if c.UpstreamCA != "" {
		if o.Proxy.RootCAs, err = roots(c.UpstreamCA); err != nil {
			return o, err
		}
	}
	if c.Filter != "" {
		f, err := rule.ParseFilter(c.Filter)
		if err != nil {
			return o, fmt.Errorf("--filter: %w", err)
		}
		o.Filter = f.Match
	}
	return o, nil
}

// roots returns the system's certificates and those in a file.
func roots(path string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	return pool, nil
}
