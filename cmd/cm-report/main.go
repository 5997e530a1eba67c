// Command cm-report folds compared entries into one compatibility report; its
// exit status is the verdict.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/neureaux/cloudmock/internal/cli"
	"github.com/neureaux/cloudmock/internal/pipe"
	"github.com/neureaux/cloudmock/internal/report"
)

type command struct {
	cli.Inputs
	cli.Outputs
	Format    string  `short:"f" enum:"auto,json,text" default:"auto" help:"json or text; auto is text on a terminal, else json."`
	MinCompat float64 `placeholder:"PCT" help:"Succeed when at least PCT percent of the calls match; by default all must."`
	All       bool    `help:"Show every distinct difference in the text, not only the first 20."`
}

func main() {
	os.Exit(cli.Main("cm-report", "Fold compared entries into one report; exit 0 when all calls match, 1 when not.", &command{}))
}

// Run counts every entry, writes the report, and returns the verdict.
func (c *command) Run(ctx context.Context, std cli.Streams) (err error) {
	src, err := c.Entries(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	var tally report.Tally
	if err := pipe.Fold(ctx, src, tally.Add); err != nil {
		return err
	}
	out, err := c.Create(std, &c.Inputs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	r := tally.Report()
	if c.Format == "text" || c.Format == "auto" && std.OutTerminal && c.ToStdout() {
		o := report.TextOptions{Color: std.OutTerminal && !std.NoColor && c.ToStdout(), MinCompat: c.MinCompat}
		if c.All {
			o.Issues = -1
		}
		err = report.WriteText(out, r, o)
	} else {
		err = report.WriteJSON(out, r)
	}
	switch {
	case err != nil:
		return err
	case r.TotalRequests == 0:
		return errors.New("no entries: nothing was compared")
	case r.Failed(c.MinCompat):
		return cli.ErrNo
	}
	return nil
}
