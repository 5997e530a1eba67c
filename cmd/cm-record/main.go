// Command cm-record records the calls that an application makes to AWS.
package main

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"os"
	"time"

	"github.com/neureaux/cloudmock/internal/cli"
	"github.com/neureaux/cloudmock/internal/proxy"
)

type command struct {
	Upstream   *url.URL      `placeholder:"URL" group:"Where calls go:" help:"Forward to this server instead of AWS."`
	Region     string        `group:"Where calls go:" help:"Region of calls that name none; the default is that of the AWS configuration."`
	FIPS       bool          `name:"fips" group:"Where calls go:" help:"Use AWS's FIPS endpoints."`
	DualStack  bool          `group:"Where calls go:" help:"Use AWS's dual-stack endpoints."`
	Timeout    time.Duration `default:"16m" group:"Where calls go:" help:"How long an answer may take to begin."`
	UpstreamCA string        `name:"upstream-ca" placeholder:"FILE" group:"Where calls go:" help:"Trust these certificates for upstreams, too."`

	Profile           string         `group:"Who may call:" help:"Profile of the AWS configuration whose credentials sign."`
	ClientCredentials []string       `sep:"none" placeholder:"ID:SECRET" group:"Who may call:" help:"Let clients sign with this key, or with those of a credentials file; the recorder signs with its own. May be repeated."`
	NoVerify          bool           `group:"Who may call:" help:"Forward calls whatever their signature; only with an --upstream on this machine."`
	HostName          []string       `group:"Who may call:" help:"A further name under which clients reach the recorder."`
	AllowOrigin       []string       `group:"Who may call:" help:"Let web pages of this origin use the recorder."`
	AllowPeer         []netip.Prefix `placeholder:"CIDR" group:"Who may call:" help:"Let machines of this network connect."`

	Port        int      `default:"4577" group:"Where it listens:" help:"Port to listen on; 0 takes any free one."`
	HTTPSPort   int      `name:"https-port" default:"-1" placeholder:"PORT" group:"Where it listens:" help:"Listen for https on this port, too."`
	Listen      string   `default:"127.0.0.1" placeholder:"ADDR" group:"Where it listens:" help:"Address to listen on."`
	Admin       string   `placeholder:"ADDR" group:"Where it listens:" help:"Answer POST /api/traffic/entries, GET /healthz and GET /metrics here."`
	AllowHost   []string `group:"Where it listens:" help:"As a proxy, open and record this host as well as those of AWS."`
	Passthrough bool     `group:"Where it listens:" help:"As a proxy, let other hosts by unseen instead of refusing them."`
	CADir       string   `name:"ca-dir" type:"path" placeholder:"DIR" group:"Where it listens:" help:"Folder of the certificate authority."`

	Output        string   `short:"o" default:"-" placeholder:"FILE" group:"What is recorded:" help:"Write entries to FILE; - is standard output. A name that ends in .json makes a Recording."`
	Format        string   `enum:"auto,ndjson,recording" default:"auto" group:"What is recorded:" help:"ndjson (a stream) or recording (one file at the end)."`
	Name          string   `group:"What is recorded:" help:"Name of the Recording."`
	Filter        string   `placeholder:"EXPR" group:"What is recorded:" help:"Record only entries for which this jq expression is true."`
	MaxBody       int64    `default:"8388608" placeholder:"BYTES" group:"What is recorded:" help:"Of larger bodies record size and SHA-256 only; -1 keeps none."`
	BodyDir       string   `type:"path" placeholder:"DIR" group:"What is recorded:" help:"Keep larger bodies whole in this folder."`
	Redact        []string `sep:"none" placeholder:"PATH" group:"What is recorded:" help:"Also replace this member of bodies (user.password), header:NAME or query:NAME."`
	NoRedact      bool     `group:"What is recorded:" help:"Leave secrets in bodies; credentials in headers and query are replaced all the same."`
	Sync          bool     `group:"What is recorded:" help:"Have each entry on the disk before the call completes."`
	OnOutputError string   `enum:"stop,serve" default:"stop" group:"What is recorded:" help:"When the recording cannot be written: stop taking calls, or serve them unrecorded."`

	Duration   time.Duration `group:"When it ends:" help:"Stop after this time."`
	MaxEntries int64         `placeholder:"N" group:"When it ends:" help:"Stop after N entries."`
	Drain      time.Duration `default:"10s" group:"When it ends:" help:"How long calls in flight may take when the recording stops."`

	Audit []string `sep:"none" placeholder:"FILE" help:"Record nothing; search this recording for what looks like a secret, list where, and exit with 1 if there is any. May be repeated."`

	Mode    proxy.Mode `default:"auto" placeholder:"MODE" help:"How the command is led here: endpoint (AWS_ENDPOINT_URL), forward (HTTPS_PROXY), or auto (both)."`
	Command []string   `arg:"" optional:"" passthrough:"partial" help:"Run this command and record its calls; its exit status is ours. The one word ca prints how to trust the certificate authority."`
}

func main() {
	os.Exit(cli.Main("cm-record", "Record the calls that an application makes to AWS.", &command{}))
}

// Run records until it is told to stop, or the command ends.
func (c *command) Run(ctx context.Context, std cli.Streams) error {
	if len(c.Command) == 1 && c.Command[0] == "ca" {
		return proxy.DescribeCA(std.Out, proxy.CAOptions{Dir: c.CADir, Hosts: c.AllowHost})
	}
	if len(c.Audit) > 0 {
		return c.audit(ctx, std)
	}
	o, err := c.options(ctx, std)
	if err != nil {
		return err
	}
	err = proxy.Run(ctx, o)
	if child, ok := errors.AsType[*proxy.ChildError](err); ok {
		return &cli.ExitError{Status: child.Status}
	}
	return err
}
