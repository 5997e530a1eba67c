package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/neureaux/cloudmock/internal/capture"
	"github.com/neureaux/cloudmock/internal/cli"
)

// audit lists on standard output what looks like a secret in finished
// recordings: where, and what kind, never the value.
func (c *command) audit(ctx context.Context, std cli.Streams) error {
	in := cli.Inputs{Input: c.Audit}
	entries, err := in.Entries(ctx, std)
	if err != nil {
		return err
	}
	found := 0
	var failed error
	err = capture.Audit(entries, func(f capture.Finding) {
		found++
		if _, err := fmt.Fprintln(std.Out, f); err != nil && failed == nil {
			failed = err
		}
	})
	if err := errors.Join(err, failed, entries.Close()); err != nil {
		return err
	}
	if found > 0 {
		return cli.ErrNo
	}
	return nil
}
