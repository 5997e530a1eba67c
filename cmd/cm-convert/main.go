// Command cm-convert turns captured traffic from one file format into another.
package main

import (
	"context"
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
	To   string `enum:"ndjson,recording" default:"ndjson" help:"ndjson (a stream of entries) or recording (one JSON file)."`
	From string `enum:"auto" default:"auto" help:"The input's format is found by its content: a stream, an array or a Recording."`
	Name string `help:"Name of the Recording that is written."`

	Identify bool `help:"Fill in service, region and action where entries lack them."`
}

func main() {
	os.Exit(cli.Main("cm-convert", "Convert captured traffic between formats.", &command{}))
}

// Run writes every entry in the other format.
func (c *command) Run(ctx context.Context, std cli.Streams) error {
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
