// Command cm-report folds compared entries into one compatibility report; its
// exit status is the verdict.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/neureaux/cloudmock/internal/cli"
	"github.com/neureaux/cloudmock/internal/pipe"
	"github.com/neureaux/cloudmock/internal/report"
)

type command struct {
	cli.Inputs
	cli.Outputs
	Format    string   `short:"f" enum:"auto,json,text,junit,markdown,html" default:"auto" help:"json, text, junit, markdown or html; auto is text on a terminal, else json."`
	Write     []target `placeholder:"FORMAT=FILE" help:"Write the report to FILE in FORMAT too. May be repeated."`
	Baseline  string   `placeholder:"REPORT" type:"existingfile" help:"Fail only on differences that REPORT, an earlier one in JSON, does not have."`
	Merge     bool     `help:"The inputs are reports in JSON: write the report of them all."`
	MinCompat float64  `default:"100" placeholder:"PCT" help:"Succeed when at least PCT percent of the calls match; by default all must."`
	All       bool     `help:"Show every distinct difference, not only the first ones."`
}

// A target is a file to write the report to, in a format.
type target struct{ format, file string }

func (t *target) UnmarshalText(text []byte) error {
	var ok bool
	t.format, t.file, ok = strings.Cut(string(text), "=")
	if !ok || t.file == "" || !report.Known(t.format) {
		return fmt.Errorf("want FORMAT=FILE, as in junit=report.xml, with json, text, junit, markdown or html")
	}
	return nil
}

func main() {
	os.Exit(cli.Main("cm-report", "Fold compared entries into one report; exit 0 when all calls match, 1 when not.", &command{}))
}

// Run counts every entry, writes the report, and returns the verdict.
func (c *command) Run(ctx context.Context, std cli.Streams) error {
	if err := c.Check(&c.Inputs); err != nil {
		return err
	}
	r, err := c.report(ctx, std)
	if err != nil {
		return err
	}
	if c.Baseline != "" {
		baseline, err := readReport(std, c.Baseline)
		if err != nil {
			return err
		}
		change := r.Since(baseline)
		r.Change = &change
	}
	options := report.TextOptions{MinCompat: c.MinCompat}
	if c.All {
		options.Issues = -1
	}
	for _, t := range c.Write {
		if err := cli.WriteFile(t.file, func(w io.Writer) error { return report.Write(w, t.format, r, options) }); err != nil {
			return err
		}
	}
	format, terminal := c.Format, std.OutTerminal && c.ToStdout()
	if format == "auto" {
		format = "json"
		if terminal {
			format = "text"
		}
	}
	options.Color = terminal && !std.NoColor
	write := func(w io.Writer) error { return report.Write(w, format, r, options) }
	if c.ToStdout() {
		err = write(std.Out)
	} else {
		err = cli.WriteFile(c.Output, write)
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

// report folds the inputs.
func (c *command) report(ctx context.Context, std cli.Streams) (_ *report.Report, err error) {
	if c.Merge {
		var parts []*report.Report
		for _, name := range c.Names() {
			part, err := readReport(std, name)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
		}
		return report.Merge(parts...), nil
	}
	src, err := c.Entries(ctx, std)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	var tally report.Tally
	if err := pipe.Fold(ctx, src, tally.Add); err != nil {
		return nil, err
	}
	return tally.Report(), nil
}

func readReport(std cli.Streams, name string) (*report.Report, error) {
	in := std.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	r, err := report.Read(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}
