// Package scripttest runs the script tests of the tools: testdata/script/*.txtar
// by testscript, with one command more:
//
//	status N command [args]   runs command, which must exit with status N
//
// Like exec it takes stdin from a preceding stdin line and leaves stdout and
// stderr for the lines that follow. UPDATE_SCRIPTS=1 rewrites golden files.
package scripttest

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Run runs the scripts in testdata/script. The tools are those that TestMain
// gave to testscript.Main. A setup prepares the environment of each script.
func Run(t *testing.T, setup ...func(*testscript.Env) error) {
	testscript.Run(t, testscript.Params{
		Setup: func(e *testscript.Env) error {
			for _, f := range setup {
				if err := f(e); err != nil {
					return err
				}
			}
			return nil
		},
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": status},
	})
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command [args]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}
