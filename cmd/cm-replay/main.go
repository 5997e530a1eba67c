// Command cm-replay sends recorded requests to an emulator and adds its
// answers to the entries.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/neureaux/cloudmock/internal/cli"
	"github.com/neureaux/cloudmock/internal/replay"
	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

type command struct {
	Endpoint    []replay.Endpoint `short:"e" sep:"none" placeholder:"[NAME=]URL" help:"Send the requests to URL: http://host:port, https://host, unix:///socket. Repeat it to replay to several in one run."`
	Order       replay.Order      `default:"recorded" placeholder:"ORDER" help:"What waits for what: recorded (what had ended before an entry began has ended before it begins), serial, or none."`
	Concurrency int               `short:"c" default:"8" placeholder:"N" help:"Requests in flight, per endpoint (${default})."`
	Speed       float64           `default:"0" placeholder:"X" help:"Keep the recorded pace: 1; 2 is twice as fast, 0 as fast as the order allows."`
	Correlate   string            `default:"on" enum:"on,off" placeholder:"on|off" help:"Learn which values the endpoint made in place of recorded ones and send those, and make idempotency tokens anew (${default})."`
	Timeout     time.Duration     `default:"30s" placeholder:"TIME" help:"Give up an exchange after this time (${default})."`
	Settle      time.Duration     `default:"10s" placeholder:"TIME" help:"Ask again for up to this time while an answer says CREATING, PENDING and the like, and the recorded one does not (${default})."`
	Retries     int               `default:"0" placeholder:"N" help:"Send again after a connection error, up to N times."`
	MaxErrors   int               `default:"0" placeholder:"N" help:"Give up after N requests without an answer; 0 never does."`
	MaxResponse int64             `default:"1073741824" placeholder:"BYTES" help:"Break off an answer that is larger."`
	S3Style     string            `name:"s3-style" default:"path" enum:"path,virtual" placeholder:"path|virtual" help:"Where a bucket's name goes: into the path, or before the host."`
	BodyDir     string            `type:"path" placeholder:"DIR" help:"Take bodies too large for an entry from the folder in which cm-record --body-dir kept them."`
	Credentials string            `placeholder:"ID:SECRET[:TOKEN]" help:"Sign with these credentials instead of test:test."`
	Profile     string            `placeholder:"NAME" help:"Sign with the credentials of an AWS profile."`
	Region      string            `default:"us-east-1" help:"Sign entries that name no region for this one (${default})."`
	CA          string            `name:"ca" placeholder:"FILE" help:"Trust the certificates in FILE at https endpoints."`
	Insecure    bool              `help:"Trust any certificate."`
	AllowAWS    bool              `name:"allow-aws" help:"Send to AWS itself."`

	cli.Inputs
	cli.Outputs
}

func main() {
	os.Exit(cli.Main("cm-replay", "Send recorded requests to an emulator and add its answers.", &command{}))
}

// Run writes every entry back with the endpoint's answer filled in.
func (c *command) Run(ctx context.Context, std cli.Streams) error {
	credentials, err := c.credentials(ctx)
	if err != nil {
		return err
	}
	r, err := replay.New(replay.Options{
		Endpoints: c.Endpoint, TLS: replay.TLS{CA: c.CA, Insecure: c.Insecure}, AllowAWS: c.AllowAWS,
		Order: c.Order, Concurrency: c.Concurrency, Speed: c.Speed,
		Timeout: c.Timeout, Settle: c.Settle, Retries: c.Retries, MaxErrors: c.MaxErrors, MaxResponse: c.MaxResponse,
		S3Virtual: c.S3Style == "virtual", NoCorrelate: c.Correlate == "off",
		BodyDir: c.BodyDir, Credentials: credentials, Region: c.Region,
	})
	if err != nil {
		return err
	}
	return cli.Through(ctx, std, &c.Inputs, &c.Outputs, func(src *cli.Entries, out io.Writer) error {
		watching, done := context.WithCancel(ctx)
		var progress sync.WaitGroup
		if !std.Quiet && !std.OutTerminal {
			progress.Go(func() { r.Progress(watching, std.Err, std.Name, c.size(), std.ErrTerminal) })
		}
		err := r.Run(ctx, src, entry.NewWriter(out))
		done()
		progress.Wait()
		if !std.Quiet && (err == nil || r.Summary().Total().Total() > 0) {
			err = errors.Join(err, r.Summary().Print(std.Err, std.Name+": "))
		}
		return err
	})
}

// size returns the bytes that the run reads for each endpoint, 0 if that is not
// known before.
func (c *command) size() int64 {
	var total int64
	for _, name := range slices.Concat(c.Input, c.Files) {
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() || strings.HasSuffix(name, ".gz") || strings.HasSuffix(name, ".zst") {
			return 0
		}
		total += info.Size()
	}
	return total * int64(len(c.Endpoint))
}

func (c *command) credentials(ctx context.Context) (sign.Source, error) {
	switch {
	case c.Profile != "" && c.Credentials != "":
		return nil, errors.New("--profile and --credentials exclude each other")
	case c.Profile != "":
		return sign.LoadChain(ctx, c.Profile)
	case c.Credentials != "":
		parts := strings.SplitN(c.Credentials, ":", 3)
		if len(parts) < 2 || parts[0] == "" || parts[1] == "" {
			return nil, fmt.Errorf("credentials are not of the form ID:SECRET or ID:SECRET:TOKEN")
		}
		s := sign.Static{KeyID: parts[0], Secret: parts[1]}
		if len(parts) == 3 {
			s.Token = parts[2]
		}
		return s, nil
	}
	return nil, nil
}
