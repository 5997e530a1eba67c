package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocsNameRealFlags reads every command in the documentation and asks the
// tool whether it has those flags.
func TestDocsNameRealFlags(t *testing.T) {
	root, bin := filepath.Join("..", ".."), t.TempDir()
	build := exec.Command("go", "build", "-o", bin+"/", "./cmd/...")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	help := map[string]string{}
	tools, err := os.ReadDir(bin)
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range tools {
		out, err := exec.Command(filepath.Join(bin, tool.Name()), "--help").Output()
		if err != nil {
			t.Fatal(tool.Name(), err)
		}
		help[tool.Name()] = string(out)
	}
	for _, script := range []string{"cm-validate", "cloudmock"} {
		out, err := exec.Command(filepath.Join(root, "scripts", script), "--help").Output()
		if err != nil {
			t.Fatal(script, err)
		}
		help[script] = string(out)
	}
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob(filepath.Join(root, "examples", "*"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range append(append(docs, examples...), filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a folder
		}
		for _, c := range commands(string(text)) {
			for _, flag := range c.flags {
				seen++
				if !regexp.MustCompile(regexp.QuoteMeta(flag) + `\b`).MatchString(help[c.tool]) {
					t.Errorf("%s: %s has no flag %s", filepath.Base(file), c.tool, flag)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d flags were found in the documentation: the test does not see the commands", seen)
	}
}

type documented struct {
	tool  string
	flags []string
}

var (
	toolName = regexp.MustCompile(`\b(cm-record|cm-replay|cm-diff|cm-report|cm-convert|cm-validate)\b(?:[^|` + "`" + `\n#]|\\\n)*`)
	longFlag = regexp.MustCompile(`\s(--[a-z][a-z0-9-]*)`)
)

// commands finds the tools and the flags that follow them, up to a pipe, a
// comment, the end of the line or of the code span, or a bare --.
func commands(text string) (found []documented) {
	for _, m := range toolName.FindAllStringSubmatch(text, -1) {
		args, _, _ := strings.Cut(m[0], " -- ")
		c := documented{tool: m[1]}
		for _, f := range longFlag.FindAllStringSubmatch(args, -1) {
			c.flags = append(c.flags, f[1])
		}
		found = append(found, c)
	}
	return found
}

func TestMakeTargetsExist(t *testing.T) {
	root := filepath.Join("..", "..")
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	targets := regexp.MustCompile("(?m)(?:^    |`)make ([a-z]+)").FindAllStringSubmatch(string(readme), -1)
	if len(targets) < 2 {
		t.Fatalf("the README names %d targets", len(targets))
	}
	for _, m := range targets {
		if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
			t.Errorf("the README says make %s, which is not there", m[1])
		}
	}
}
