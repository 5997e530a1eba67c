// Package cli is the process edge of the tools: arguments, streams, signals and
// exit statuses. Nothing below it touches the process.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"
)

// The exit statuses of every tool; diff(1) has the same.
const (
	StatusDone        = 0   // did the job
	StatusNo          = 1   // did the job, and the answer is "no"
	StatusTrouble     = 2   // could not do the job: usage, input, output
	StatusInterrupted = 130 // stopped by a signal, as shells count it
)

// ErrNo ends a tool with StatusNo and without a message: the answer is on stdout.
var ErrNo = errors.New("differences found")

// An ExitError ends a tool with a status of its own, and without a message.
type ExitError struct{ Status int }

func (e *ExitError) Error() string { return fmt.Sprintf("exit status %d", e.Status) }

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// Interrupted reports whether ctx ended because a signal asked the tool to stop.
func Interrupted(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), errInterrupted)
}

// Streams is a tool's only way to the outside.
type Streams struct {
	// In gives up when the context ends, so that an idle pipe does not keep a
	// filter alive.
	In  io.Reader
	Out io.Writer
	Err io.Writer

	// Name is the tool's name, Command the subcommand, if it has any.
	Name, Command string
	// OutTerminal and ErrTerminal say that a person is looking.
	OutTerminal, ErrTerminal bool
	// NoColor asks for no colours, whatever the stream is.
	NoColor        bool
	Quiet, Verbose bool
}

// Notef prints a message to stderr, after the tool's name, unless --quiet.
func (s Streams) Notef(format string, args ...any) {
	if !s.Quiet {
		fmt.Fprintf(s.Err, s.Name+": "+format+"\n", args...)
	}
}

// A Command is a tool: a struct whose fields carry kong's tags.
type Command interface {
	// Run does the tool's work. Its error becomes the exit status: ErrNo is 1, an
	// ExitError its own, a signal 130, and any other one is printed, and 2.
	Run(ctx context.Context, std Streams) error
}

type common struct {
	Quiet      bool             `short:"q" help:"Print nothing to stderr but errors."`
	Verbose    bool             `short:"v" help:"Print more to stderr."`
	Version    kong.VersionFlag `help:"Print the version and exit."`
	Completion string           `placeholder:"SHELL" enum:",bash,zsh,fish" default:"" help:"Print a completion script for bash, zsh or fish, and exit."`
}

// Main runs the tool with the process's arguments and streams, and returns its
// exit status.
func Main(name, description string, cmd Command) int {
	ctx, stop := withSignals(context.Background(), name, os.Stderr)
	defer stop()
	std := Streams{
		In: interruptible(ctx, os.Stdin), Out: os.Stdout, Err: os.Stderr, Name: name,
		OutTerminal: isTerminal(os.Stdout),
		ErrTerminal: isTerminal(os.Stderr),
		NoColor:     os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb",
	}
	return run(ctx, std, description, os.Args[1:], cmd)
}

// exit is what kong's exit hook panics with, as it must not return.
type exit int

func run(ctx context.Context, std Streams, description string, args []string, cmd Command) (status int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exit:
			status = int(r)
		default:
			panic(r)
		}
	}()
	var flags common
	parser, err := kong.New(cmd,
		kong.Name(std.Name), kong.Description(description), kong.Embed(&flags),
		kong.Vars{"version": std.Name + " " + version()},
		kong.Writers(std.Out, std.Err), kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ValueFormatter(func(v *kong.Value) string { return v.Help }),
		environment(std.Name),
	)
	if err != nil {
		panic(fmt.Sprintf("the flags of %s are declared wrong: %v", std.Name, err))
	}
	kctx, err := parser.Parse(args)
	if shell := flags.Completion; shell != "" {
		io.WriteString(std.Out, completion(shell, parser.Model)) // a closed pipe ends us anyway
		return StatusDone
	}
	if err != nil {
		fmt.Fprintf(std.Err, "%s: %v\nTry '%s --help' for more information.\n", std.Name, err, std.Name)
		return StatusTrouble
	}
	std.Command, std.Quiet, std.Verbose = kctx.Command(), flags.Quiet, flags.Verbose
	return exitStatus(ctx, std, cmd.Run(ctx, std))
}

// exitStatus is the one place where errors become statuses and messages.
func exitStatus(ctx context.Context, std Streams, err error) int {
	exit, isExit := errors.AsType[*ExitError](err)
	switch {
	case err == nil:
		return StatusDone
	case isExit:
		return exit.Status
	case errors.Is(err, ErrNo):
		return StatusNo
	case Interrupted(ctx) && (errors.Is(err, errInterrupted) || errors.Is(err, context.Canceled)):
		return StatusInterrupted
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(std.Err, "%s: %s\n", std.Name, line)
	}
	return StatusTrouble
}

// environment lets every flag be set by CM_TOOL_FLAG, or by CM_FLAG for all
// tools of a chain.
func environment(name string) kong.Option {
	upper := func(s string) string { return strings.ToUpper(strings.ReplaceAll(s, "-", "_")) }
	return kong.PostBuild(func(k *kong.Kong) error {
		return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
			if f, ok := node.(*kong.Flag); ok && len(f.Tag.Envs) == 0 {
				switch f.Name {
				case "help", "version", "completion":
				default:
					f.Tag.Envs = []string{upper(name) + "_" + upper(f.Name), "CM_" + upper(f.Name)}
				}
			}
			return next(nil)
		})
	})
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value
		}
	}
	if v == "" {
		v = "(devel)"
	}
	return v + " " + info.GoVersion
}

// withSignals returns a context that the first interrupt ends; a later one ends
// the process.
func withSignals(parent context.Context, name string, stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go obey(signals, func() { cancel(errInterrupted) }, func() {
		fmt.Fprintf(stderr, "%s: stopped at once by a second signal\n", name)
		os.Exit(StatusInterrupted)
	})
	return ctx, sync.OnceFunc(func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	})
}

// echo is how long the first signal may be repeated: timeout(1), npm and make
// signal their child and then its process group.
const echo = 500 * time.Millisecond

// obey calls drain at the first signal, and stop at one that comes when the
// echo of the first has faded. It returns when signals is closed.
func obey(signals <-chan os.Signal, drain, stop func()) {
	var first time.Time
	for range signals {
		switch {
		case first.IsZero():
			first = time.Now()
			drain()
		case time.Since(first) > echo:
			stop()
		}
	}
}

// interruptible returns a reader of f that gives up when ctx ends. Reads of a
// regular file do not block, and are left alone.
func interruptible(ctx context.Context, f *os.File) io.Reader {
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		return f
	}
	return &ctxReader{ctx: ctx, r: f}
}

type ctxReader struct {
	ctx  context.Context
	r    io.Reader
	ask  chan int
	got  chan readResult
	buf  []byte
	rest []byte
}

type readResult struct {
	n   int
	err error
}

// Read reads in a goroutine, which alone stays blocked when ctx ends.
func (c *ctxReader) Read(p []byte) (int, error) {
	if len(c.rest) > 0 {
		n := copy(p, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	if c.ask == nil {
		c.ask, c.got, c.buf = make(chan int), make(chan readResult, 1), make([]byte, 256<<10)
		go func() {
			for n := range c.ask {
				n, err := c.r.Read(c.buf[:n])
				c.got <- readResult{n, err}
			}
		}()
	}
	select {
	case c.ask <- min(len(p), len(c.buf)):
	case <-c.ctx.Done():
		return 0, context.Cause(c.ctx)
	}
	select {
	case r := <-c.got:
		n := copy(p, c.buf[:r.n])
		c.rest = c.buf[n:r.n]
		return n, r.err
	case <-c.ctx.Done():
		return 0, context.Cause(c.ctx)
	}
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
