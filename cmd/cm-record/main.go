// Command cm-record records the calls that an application makes to AWS.
package main

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"os"
	"time"

	"github.com/neureaux/cloudmock/internal/capture"
	"github.com/neureaux/cloudmock/internal/cli"
	"github.com/neureaux/cloudmock/internal/proxy"
	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

type command struct {
	Upstream  *url.URL `placeholder:"URL" help:"Forward to this server instead of AWS."`
	Region    string   `help:"Region of calls that name none; the default is that of the AWS configuration."`
	Profile   string   `help:"Profile of the AWS configuration whose credentials sign."`
	Port      int      `default:"4577" help:"Port to listen on; 0 takes any free one."`
	HTTPSPort int      `default:"-1" placeholder:"PORT" help:"Listen for https on this port, too."`
	Listen    string   `default:"127.0.0.1" placeholder:"ADDR" help:"Address to listen on."`
	Admin     string   `placeholder:"ADDR" help:"Answer POST /api/traffic/entries, GET /healthz and GET /metrics on this address."`

	Output     string        `short:"o" default:"-" placeholder:"FILE" help:"Write entries to FILE; - is standard output. A name that ends in .json makes a Recording."`
	Format     string        `enum:"auto,ndjson,recording" default:"auto" help:"ndjson (a stream) or recording (one file at the end)."`
	Name       string        `help:"Name of the Recording."`
	Filter     string        `placeholder:"EXPR" help:"Record only entries for which this jq expression is true."`
	Duration   time.Duration `help:"Stop after this time."`
	MaxEntries int64         `placeholder:"N" help:"Stop after N entries."`
	Drain      time.Duration `default:"10s" help:"How long calls in flight may take when the recording stops."`

	Command []string `arg:"" optional:"" passthrough:"" help:"Run this command and record its calls; its exit status is ours."`
}

func main() {
	os.Exit(cli.Main("cm-record", "Record the calls that an application makes to AWS.", &command{}))
}

// Run records until it is told to stop, or the command ends.
func (c *command) Run(ctx context.Context, std cli.Streams) error {
	if len(c.Command) > 0 && c.Command[0] == "--" {
		c.Command = c.Command[1:]
	}
	chain, err := sign.LoadChain(ctx, c.Profile)
	if err != nil {
		return err
	}
	if c.Region == "" {
		c.Region = chain.Region
	}
	o := proxy.SessionOptions{
		Proxy:  proxy.Options{Keyring: sign.NewKeyring(chain), Own: chain, Upstream: c.Upstream, Region: c.Region, AllowPeers: []netip.Prefix(nil)},
		Listen: c.Listen, Port: c.Port, HTTPS: c.HTTPSPort, Admin: c.Admin,
		Output: proxy.Output{Path: c.Output, Stream: os.Stdout, Meta: entry.Recording{Name: c.Name},
			Recording: c.Format == "recording" || c.Format == "auto" && proxy.IsRecordingName(c.Output)},
		Capture: capture.Options{},
		Drain:   c.Drain, Duration: c.Duration, Max: c.MaxEntries,
		Command: c.Command, Stdin: os.Stdin, Stdout: os.Stderr, Stderr: std.Err, Environ: os.Environ(), Quiet: std.Quiet,
	}
	err = proxy.Run(ctx, o)
	if child, ok := errors.AsType[*proxy.ChildError](err); ok {
		return &cli.ExitError{Status: child.Status}
	}
	return err
}
