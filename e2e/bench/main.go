// Bench measures the tools beside what people use in their place, on this machine, in one run, and prints a table.
//
//	go run ./bench [-for 5s] [replay] [record] [diff]
//
// Every load runs on loopback for a bounded time, one after the other. Rates on a busy machine say little; compare
// the lines of one table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	d := flag.Duration("for", 5*time.Second, "how long each measurement takes")
	flag.Parse()
	what := flag.Args()
	if len(what) > 0 && what[0] == "serve" { // how the programs under measure get their servers
		log.Fatal(serve(what[1:]))
	}
	if len(what) == 0 {
		what = []string{"replay", "record", "diff"}
	}
	b, err := newBench(*d)
	if err != nil {
		log.Fatal(err)
	}
	err = b.run(what)
	if err := errors.Join(err, b.close()); err != nil {
		log.Fatal(err)
	}
}

// A bench has the programs and a directory for files.
type bench struct {
	ctx      context.Context
	dir      string
	duration time.Duration
	children []*exec.Cmd
}

func newBench(d time.Duration) (*bench, error) {
	dir, err := os.MkdirTemp("", "cloudmock-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{ctx: context.Background(), dir: dir, duration: d}
	build := exec.Command("go", "build", "-o", dir+"/", "./cmd/...")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the tools (run this in e2e/): %w\n%s", err, out)
	}
	return b, nil
}

func (b *bench) run(what []string) error {
	subjects := map[string]func() error{"replay": b.replay, "record": b.record, "diff": b.diff}
	for _, name := range what {
		subject, ok := subjects[name]
		if !ok {
			return fmt.Errorf("unknown subject %q", name)
		}
		if err := subject(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (b *bench) close() error {
	for _, c := range slices.Backward(b.children) {
		c.Process.Kill() // an error means that it has ended
		c.Wait()         // it was killed
	}
	return os.RemoveAll(b.dir)
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) tool(name string, args ...string) *exec.Cmd {
	return exec.CommandContext(b.ctx, b.path(name), args...)
}

// moduleTool is a program that go.mod pins.
func moduleTool(name string) (string, error) {
	out, err := exec.Command("go", "tool", "-n", name).Output()
	return strings.TrimSpace(string(out)), err
}

// start runs a program until the bench closes.
func (b *bench) start(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	b.children = append(b.children, cmd)
	return nil
}

// table prints one line: what was measured, its value, and how it relates to the table's first line.
type table struct {
	unit  string
	first float64
}

func newTable(title, unit string) *table {
	fmt.Printf("\n%s\n", title)
	return &table{unit: unit}
}

func (t *table) line(name string, value float64, note string) {
	if t.first == 0 {
		t.first = value
	}
	fmt.Printf("  %-44s %10.0f %-10s %5.2f×  %s\n", name, value, t.unit, value/t.first, note)
}
