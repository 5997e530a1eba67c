// Command cm-diff marks where replayed answers differ from the recorded ones.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/neureaux/cloudmock/internal/cli"
	"github.com/neureaux/cloudmock/internal/diff"
	"github.com/neureaux/cloudmock/internal/rule"
	"github.com/neureaux/cloudmock/pkg/entry"
)

type command struct {
	Strict    bool     `short:"s" help:"Compare bodies and the headers that SDKs act on, not only status codes."`
	Exact     bool     `help:"Let nothing pass by its kind or name: ids, tokens, timestamps and request ids must be equal to the letter. Implies --strict."`
	Headers   bool     `help:"Compare all headers. Implies --strict."`
	Ignore    []string `sep:"none" placeholder:"PATH" help:"Let differ what is at PATH: a member's name, $$.Items[*].Id, s3:ListObjectsV2:$$.Owner, headers.ETag. May be repeated."`
	IgnoreJQ  []string `name:"ignore-jq" sep:"none" placeholder:"EXPR" help:"Let differ the paths of the body that a jq expression names: '.Items[] | select(.k==1) | .v'. May be repeated."`
	Unordered []string `sep:"none" placeholder:"PATH" help:"Compare the list at PATH without regard to order. May be repeated."`
	Rules     []string `placeholder:"FILE" type:"existingfile" help:"Read rules, each with a reason and perhaps an expiry date, from a YAML file. May be repeated."`
	Noise     []string `placeholder:"FILE" type:"existingfile" help:"Read noise that cm-diff learn has written. May be repeated."`
	Explain   bool     `help:"Say on stderr why each value that differs was let pass."`
	ExitCode  bool     `help:"Exit 1 if any entry does not match."`

	cli.Inputs
	cli.Outputs
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "learn" {
		os.Args = append([]string{os.Args[0] + " learn"}, os.Args[2:]...)
		os.Exit(cli.Main("cm-diff learn", "Learn what varies between two recordings, or two replays, of the same calls, and print it as rules for cm-diff --noise.", &learn{}))
	}
	os.Exit(cli.Main("cm-diff", "Mark where replayed answers differ from the recorded ones. 'cm-diff learn A B' writes rules for what varies.", &command{}))
}

// Run writes every entry back with its differences filled in.
func (c *command) Run(ctx context.Context, std cli.Streams) error {
	rules, err := c.rules(std)
	if err != nil {
		return err
	}
	opt := diff.Options{Strict: c.Strict || c.Exact || c.Headers, Exact: c.Exact, Headers: c.Headers, Rules: rules}
	if c.Explain {
		opt.Explain = func(why []byte) { fmt.Fprintf(std.Err, "%s: %s", std.Name, why) }
	}
	return cli.Through(ctx, std, &c.Inputs, &c.Outputs, func(src *cli.Entries, out io.Writer) error {
		d := diff.New(opt)
		if err := d.Run(ctx, src, entry.NewWriter(out)); err != nil {
			return err
		}
		if c.ExitCode && d.Mismatched > 0 {
			return cli.ErrNo
		}
		return nil
	})
}

// rules gathers what the flags and files let differ.
func (c *command) rules(std cli.Streams) (set rule.Set, err error) {
	for _, name := range append(append([]string(nil), c.Rules...), c.Noise...) {
		data, err := os.ReadFile(name)
		if err != nil {
			return set, err
		}
		s, expired, err := rule.ParseFile(data, time.Now())
		if err != nil {
			return set, fmt.Errorf("%s: %w", name, err)
		}
		for _, text := range expired {
			std.Notef("%s: %s has expired and is not applied", name, text)
		}
		set.Merge(s)
	}
	flags, err := rule.New(c.Ignore, c.IgnoreJQ, c.Unordered)
	set.Merge(flags)
	return set, err
}
