package main

import (
	"context"
	"errors"
	"io"

	"github.com/neureaux/cloudmock/internal/cli"
	"github.com/neureaux/cloudmock/internal/diff"
)

type learn struct {
	A string `arg:"" placeholder:"A" help:"Entries: a recording or a replay."`
	B string `arg:"" placeholder:"B" help:"Entries of the same calls, made again."`

	cli.Outputs
}

// Run prints what varies between the two inputs.
func (c *learn) Run(ctx context.Context, std cli.Streams) (err error) {
	in := cli.Inputs{Files: []string{c.A, c.B}}
	var src [2]*cli.Entries
	for i, name := range in.Files {
		one := cli.Inputs{Files: []string{name}}
		if src[i], err = one.Entries(ctx, std); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, src[i].Close()) }()
	}
	noise, err := diff.Learn(ctx, src[0], src[1])
	if err != nil {
		return err
	}
	out, err := c.Create(std, &in)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, noise)
	return errors.Join(err, out.Close())
}
