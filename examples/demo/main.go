// Command demo shows the toolset at work with nothing but this machine: it
// records an application that uses the AWS SDK for Go against an S3 server that
// stands for AWS, replays the recording against a second one that deviates in a
// few ways, and checks that the report names exactly those.
//
//	demo BIN           BIN is the folder of the five tools
//	demo record BIN    writes the recording alone, to standard output
//	demo app           is the application; the recorder starts it
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true") // there is no AWS here to ask; it cannot fail
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "app":
		err = app(ctx)
	case len(os.Args) == 3 && os.Args[1] == "record":
		err = record(ctx, os.Args[2])
	case len(os.Args) == 2:
		err = demo(ctx, os.Args[1])
	default:
		err = errors.New("usage: demo [record] BIN, where BIN is the folder of the tools")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// record writes what the application says to the server that stands for AWS.
func record(ctx context.Context, bin string) error {
	aws, err := serve(nil)
	if err != nil {
		return err
	}
	defer aws.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	line := pipeline{bin: bin, out: os.Stdout, quiet: true}
	status, err := line.run(ctx, recorder(aws.URL, self))
	if err == nil && status != 0 {
		err = fmt.Errorf("recording ended with status %d", status)
	}
	return err
}

func recorder(upstream, self string) []string {
	return []string{"cm-record", "--upstream", upstream, "--port", "0", "--", self, "app"}
}

func demo(ctx context.Context, bin string) error {
	aws, err := serve(nil)
	if err != nil {
		return err
	}
	defer aws.Close()
	emulator, err := serve(deviate)
	if err != nil {
		return err
	}
	defer emulator.Close()
	dir, err := os.MkdirTemp("", "cloudmock-demo")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	replayed := filepath.Join(dir, "replayed.ndjson")

	fmt.Print("Two S3 servers run in this process: one stands for AWS, one for an emulator that deviates.\n\n")
	var report bytes.Buffer
	line := pipeline{bin: bin, out: io.MultiWriter(os.Stdout, &report)}
	status, err := line.run(ctx,
		recorder(aws.URL, self),
		[]string{"cm-replay", "--endpoint", emulator.URL},
		[]string{"cm-diff", "--strict", "--output", replayed},
	)
	if err != nil {
		return err
	}
	if status != 0 {
		return fmt.Errorf("recording and replaying ended with status %d", status)
	}
	line.in = replayed
	if status, err = line.run(ctx, []string{"cm-report", "--format", "text"}); err != nil {
		return err
	}
	if status != 1 {
		return fmt.Errorf("cm-report ended with status %d, want 1: the emulator does deviate", status)
	}
	return check(ctx, line, replayed)
}

// check compares the report's findings with what the emulator does differently.
func check(ctx context.Context, line pipeline, replayed string) error {
	var out bytes.Buffer
	line.out, line.quiet = &out, true
	if _, err := line.run(ctx, []string{"cm-report", "--format", "json"}); err != nil {
		return err
	}
	var report struct {
		Issues []struct{ Action, Kind, Path, Example string }
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return err
	}
	var found []string
	for _, i := range report.Issues {
		found = append(found, strings.TrimSpace(i.Action+" "+i.Kind+" "+i.Path))
	}
	slices.Sort(found)
	if !slices.Equal(found, deviations) {
		return fmt.Errorf("the report names\n  %s\nbut the emulator deviates in\n  %s", strings.Join(found, "\n  "), strings.Join(deviations, "\n  "))
	}
	fmt.Printf("\nThe report names exactly the %d differences that the emulator has.\n", len(deviations))
	return nil
}

// A pipeline runs tools, each one's output the next one's input.
type pipeline struct {
	bin   string
	in    string // file, or none
	out   io.Writer
	quiet bool
}

// run returns the worst exit status.
func (p *pipeline) run(ctx context.Context, tools ...[]string) (int, error) {
	var words []string
	cmds := make([]*exec.Cmd, len(tools))
	for i, args := range tools {
		shown := slices.Clone(args)
		if k := slices.Index(shown, "--output"); k >= 0 {
			shown[k+1] = filepath.Base(shown[k+1])
		}
		if k := slices.Index(shown, "--"); k >= 0 {
			shown = append(shown[:k+1], "./app")
		}
		words = append(words, strings.Join(shown, " "))
		cmds[i] = exec.CommandContext(ctx, filepath.Join(p.bin, args[0]), args[1:]...)
		cmds[i].Stderr = os.Stderr
	}
	if p.in != "" {
		f, err := os.Open(p.in)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		cmds[0].Stdin = f
		words[0] += " < " + filepath.Base(p.in)
	}
	for i, cmd := range cmds[1:] {
		r, w, err := os.Pipe()
		if err != nil {
			return 0, err
		}
		defer r.Close()
		defer w.Close()
		cmds[i].Stdout, cmd.Stdin = w, r
	}
	cmds[len(cmds)-1].Stdout = p.out
	if !p.quiet {
		fmt.Printf("$ %s\n", strings.Join(words, " \\\n  | "))
	}
	for _, cmd := range cmds {
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		// The child has its ends of the pipes; ours would keep them open.
		for _, end := range []any{cmd.Stdin, cmd.Stdout} {
			if f, ok := end.(*os.File); ok && f != nil {
				f.Close()
			}
		}
	}
	worst := 0
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok {
				return 0, err
			}
			worst = max(worst, exit.ExitCode())
		}
	}
	return worst, nil
}
