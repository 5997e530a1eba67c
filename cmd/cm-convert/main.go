// Command cm-convert turns captured traffic from one file format into another.
package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/neureaux/cloudmock/internal/cli"
	"github.com/neureaux/cloudmock/internal/convert"
	"github.com/neureaux/cloudmock/internal/pipe"
	"github.com/neureaux/cloudmock/pkg/entry"
)

type command struct {
	cli.Inputs
	cli.Outputs
	To   string `enum:"ndjson,recording,har" default:"ndjson" help:"ndjson (a stream of entries), recording (one JSON file) or har."`
	From string `enum:"auto,har,vcr" default:"auto" help:"auto tells a stream, an array and a Recording apart by content; har, and vcr (cassettes of VCR, vcrpy, go-vcr), are redacted as they are read."`
	Name string `help:"Name of the Recording that is written."`

	Identify bool `help:"Fill in service, region and action where entries lack them."`
	NoRedact bool `help:"With --from har or vcr: leave secrets in bodies; credentials are replaced all the same."`
}

func main() {
	os.Exit(cli.Main("cm-convert", "Convert captured traffic between formats.", &command{}))
}

// Run writes every entry in the other format.
func (c *command) Run(ctx context.Context, std cli.Streams) error {
	if c.From != "auto" {
		c.Identify = true // no such file says which call an exchange is
		c.Decode = func(r io.Reader) (io.Reader, error) { return convert.Import(r, convert.Format(c.From), c.NoRedact) }
	} else if c.NoRedact {
		return errors.New("--no-redact goes with --from har or vcr: what is read here is redacted already, or is not changed")
	}
	return cli.Through(ctx, std, &c.Inputs, &c.Outputs, func(src *cli.Entries, out io.Writer) error {
		sink, err := convert.NewSink(out, convert.Format(c.To), func() *entry.Recording { return c.describe(src) })
		if err != nil {
			return err
		}
		var stages []pipe.Stage
		if c.Identify {
			stages = append(stages, convert.Identify)
		}
		if err := pipe.Run(ctx, src, sink, stages...); err != nil {
			return err // without Close: a Recording that broke off must not look whole
		}
		return sink.Close()
	})
}

// describe returns what the input says of itself, under the name that was asked for.
func (c *command) describe(src *cli.Entries) *entry.Recording {
	r := src.Recording()
	if c.Name != "" {
		if r == nil {
			r = new(entry.Recording)
		}
		r.Name = c.Name
	}
	return r
}
