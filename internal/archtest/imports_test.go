// Package archtest keeps the shape of the project: which room may import which,
// and through which door each dependency comes in. A new arrow is a line here,
// with its reason.
package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/neureaux/cloudmock"

// rooms says what each package of ours may import of ours. A name ending in
// /... stands for the folder.
var rooms = map[string][]string{
	"pkg/entry": nil,

	"internal/value":   nil,
	"internal/awsapi":  {"pkg/entry"},       // which call an entry is
	"internal/body":    {"internal/awsapi"}, // the protocol says how a body is read
	"internal/pipe":    {"pkg/entry"},
	"internal/sign":    {"pkg/entry", "internal/awsapi"},                                    // headers are those of an entry; awsapi knows the scope
	"internal/capture": {"pkg/entry", "internal/awsapi", "internal/body", "internal/value"}, // redaction edits bodies
	"internal/rule":    {"pkg/entry"},

	"internal/proxy":   {"pkg/entry", "internal/awsapi", "internal/capture", "internal/sign"},
	"internal/replay":  {"pkg/entry", "internal/awsapi", "internal/body", "internal/pipe", "internal/sign", "internal/value"},
	"internal/diff":    {"pkg/entry", "internal/awsapi", "internal/body", "internal/pipe", "internal/rule", "internal/value"},
	"internal/report":  {"pkg/entry", "internal/awsapi"},                     // names calls that the recording does not
	"internal/convert": {"pkg/entry", "internal/awsapi", "internal/capture"}, // what others recorded is redacted

	"internal/cli": {"pkg/entry", "internal/rule"}, // --filter is one flag of all tools
	"sdk":          {"pkg/entry", "internal/awsapi", "internal/capture"},

	"cmd/cm-record":  {"pkg/entry", "internal/cli", "internal/pipe", "internal/proxy", "internal/capture", "internal/rule", "internal/sign"},
	"cmd/cm-replay":  {"pkg/entry", "internal/cli", "internal/pipe", "internal/replay", "internal/rule", "internal/sign"},
	"cmd/cm-diff":    {"pkg/entry", "internal/cli", "internal/pipe", "internal/diff", "internal/rule"},
	"cmd/cm-report":  {"pkg/entry", "internal/cli", "internal/pipe", "internal/report"},
	"cmd/cm-convert": {"pkg/entry", "internal/cli", "internal/pipe", "internal/convert", "internal/rule"},

	"internal/awsapi/gen": {"internal/awsapi"}, // writes the table that awsapi reads
	"internal/scripttest": nil,                 // for tests
	"internal/archtest":   nil,
}

// doors says which of our packages may import a dependency, in their code
// proper; docs/dependencies.md gives the reasons.
var doors = map[string][]string{
	"github.com/alecthomas/kong":      {"internal/cli"},
	"golang.org/x/term":               {"internal/cli"},
	"github.com/itchyny/gojq":         {"internal/rule"},
	"github.com/goccy/go-yaml":        {"internal/rule", "internal/diff", "internal/convert"},
	"github.com/tidwall/gjson":        {"internal/awsapi", "internal/replay"},
	"github.com/klauspost/compress":   {"pkg/entry", "internal/capture", "internal/awsapi", "internal/awsapi/gen", "internal/replay"},
	"github.com/aws/aws-sdk-go-v2":    {"internal/sign"},
	"github.com/aws/smithy-go":        {"internal/sign"}, // the SDK's logger
	"github.com/rogpeppe/go-internal": {"internal/scripttest"},
	"github.com/fxamacker/cbor":       {},
	"github.com/google/go-cmp":        {},
	"github.com/valyala/fasthttp":     {}, // a peer in benchmarks
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Standard   bool
	Deps       []string
}

func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Standard,Deps"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range list(t, "./...") {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		allowed, known := rooms[name]
		if !known {
			t.Errorf("%s is a new room: say in rooms what it may import, and why", name)
			continue
		}
		for _, imp := range p.Imports {
			if ours, ok := strings.CutPrefix(imp, module+"/"); ok {
				if !slices.Contains(allowed, ours) {
					t.Errorf("%s imports %s, which its room does not allow", name, ours)
				}
				continue
			}
			if !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
				continue // the standard library
			}
			if !throughDoor(name, imp) {
				t.Errorf("%s imports %s, which has no door there", name, imp)
			}
		}
	}
}

func throughDoor(name, imp string) bool {
	for dep, who := range doors {
		if imp == dep || strings.HasPrefix(imp, dep+"/") {
			return slices.Contains(who, name)
		}
	}
	return false
}

func TestRoomsExist(t *testing.T) {
	there := map[string]bool{}
	for _, p := range list(t, "./...") {
		there[strings.TrimPrefix(p.ImportPath, module+"/")] = true
	}
	for name, imports := range rooms {
		if !there[name] {
			t.Errorf("rooms names %s, which is not there", name)
		}
		for _, imp := range imports {
			if !there[imp] {
				t.Errorf("rooms lets %s import %s, which is not there", name, imp)
			}
		}
	}
}

// A program that records through the sdk gets no command-line parser and no jq.
func TestSDKIsLight(t *testing.T) {
	for _, p := range list(t, "./sdk") {
		for _, dep := range p.Deps {
			for _, heavy := range []string{"github.com/alecthomas/kong", "github.com/itchyny/gojq", module + "/internal/cli", "github.com/aws/aws-sdk-go-v2/config"} {
				if dep == heavy || strings.HasPrefix(dep, heavy+"/") {
					t.Errorf("sdk depends on %s", dep)
				}
			}
		}
	}
}
