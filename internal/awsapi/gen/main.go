// Gen makes the table that package awsapi embeds from AWS's own models:
// the AWS SDK for JavaScript, version 3 (its schema objects and endpoint rule
// sets) and version 2, from npm, and botocore's data, where Python has it.
// It needs npm and node. See README.md beside it.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

//go:embed *.go extract.cjs package.json secrets.txt hosts.txt
var self embed.FS

func main() {
	log.SetFlags(0)
	log.SetPrefix("awsapi/gen: ")
	npm := flag.String("npm", "", "folder with node_modules (default: install package.json into a temporary one)")
	botocore := flag.String("botocore", "", "botocore's package folder, a comma between two (default: ask python3)")
	out := flag.String("o", ".", "folder to write table.bin and sources.txt to")
	shrink := flag.Bool("shrink", false, "write a table that knows fewer operations than the one it replaces")
	flag.Parse()
	if err := run(*npm, *botocore, *out, *shrink); err != nil {
		log.Fatal(err)
	}
}

func run(npm, botocore, out string, shrink bool) error {
	if npm == "" {
		dir, err := os.MkdirTemp("", "awsapi-gen")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := install(dir); err != nil {
			return err
		}
		npm = dir
	}
	dirs := pythonBotocore()
	if botocore != "" {
		dirs = strings.Split(botocore, ",")
	}
	if len(dirs) == 0 {
		return errors.New("no botocore; see README.md")
	}
	sources := &sourceList{}
	var models []*model
	for _, dir := range dirs {
		version, err := botocoreVersion(dir)
		if err != nil {
			return err
		}
		ms, err := readBotocore(filepath.Join(dir, "data"), version)
		if err != nil {
			return err
		}
		models = append(models, ms...)
		sources.add("botocore " + version)
	}
	v2 := filepath.Join(npm, "node_modules", "aws-sdk")
	v2Version, err := npmVersion(v2)
	if err != nil {
		return err
	}
	v2Models, err := readV2(v2, v2Version)
	if err != nil {
		return err
	}
	sources.add("aws-sdk " + v2Version)
	extracted, err := extract(filepath.Join(npm, "node_modules"), dirs, sources)
	if err != nil {
		return err
	}
	// Newest first: botocore has every trait, version 3 every service that is
	// sold today, version 2 those of yesterday.
	current := len(models)
	for i, m := range models {
		if m.source != models[0].source {
			current = i
			break
		}
	}
	models = slices.Concat(models[:current], extracted.models, v2Models, models[current:])
	for _, m := range models {
		if err := m.check(); err != nil {
			return err
		}
	}
	services := merge(models)
	for _, s := range services {
		s.endpointRows = extracted.endpoints[s.id]
	}
	overlayText, err := self.ReadFile("secrets.txt")
	if err != nil {
		return err
	}
	hosts, err := self.ReadFile("hosts.txt")
	if err != nil {
		return err
	}
	secrets, err := parseOverlay(overlayText)
	if err != nil {
		return err
	}
	digest, err := Digest()
	if err != nil {
		return err
	}
	table, err := encode(digest, extracted.partitions, services, string(hosts), secrets)
	if err != nil {
		return err
	}
	operations := 0
	for _, s := range services {
		operations += len(s.operations)
	}
	text := sources.text(digest, table, len(services), operations)
	if err := guardShrink(filepath.Join(out, "sources.txt"), operations, shrink); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(out, "table.bin"), table, 0o644),
		os.WriteFile(filepath.Join(out, "sources.txt"), []byte(text), 0o644))
}

// guardShrink keeps a run that lacks a source from dropping what only that one has.
func guardShrink(file string, operations int, shrink bool) error {
	old, err := os.ReadFile(file)
	if shrink || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for line := range strings.Lines(string(old)) {
		var n int
		if _, err := fmt.Sscanf(line, "operations: %d", &n); err == nil && operations < n {
			return fmt.Errorf("the new table knows %d operations, the old one %d; is a source missing? (-shrink writes it all the same)", operations, n)
		}
	}
	return err
}

// Digest is the digest of the generator's own files, which the table carries.
func Digest() (string, error) {
	entries, err := self.ReadDir(".")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		data, err := self.ReadFile(e.Name())
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n", e.Name(), len(data))
		h.Write(data)
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

func install(dir string) error {
	manifest, err := self.ReadFile("package.json")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), manifest, 0o644); err != nil {
		return err
	}
	cmd := exec.Command("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("npm install: %w", err)
	}
	return nil
}

// pythonBotocore asks the interpreters at hand for botocore, the newest first:
// an old one knows services that are no more.
func pythonBotocore() []string {
	var dirs []string
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		out, err := exec.Command(python, "-c", "import botocore, os; print(os.path.dirname(botocore.__file__))").Output()
		if err == nil {
			dirs = appendNew(dirs, strings.TrimSpace(string(out)))
		}
	}
	slices.SortStableFunc(dirs, func(a, b string) int {
		va, _ := botocoreVersion(a)
		vb, _ := botocoreVersion(b)
		return compareVersions(vb, va)
	})
	return dirs
}

// compareVersions compares dotted numbers.
func compareVersions(a, b string) int {
	for a != "" || b != "" {
		var x, y int
		var head string
		head, a, _ = strings.Cut(a, ".")
		x, _ = strconv.Atoi(head) // not a number: zero, oldest
		head, b, _ = strings.Cut(b, ".")
		y, _ = strconv.Atoi(head)
		if x != y {
			return x - y
		}
	}
	return 0
}

func botocoreVersion(dir string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, "__init__.py"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(line, "__version__ = "); ok {
			return strings.Trim(strings.TrimSpace(v), `'"`), nil
		}
	}
	return "", fmt.Errorf("%s: no version", dir)
}

func npmVersion(dir string) (string, error) {
	var p struct {
		Version string `json:"version"`
	}
	err := readJSON(filepath.Join(dir, "package.json"), &p)
	return p.Version, err
}

// extraction is what extract.cjs prints.
type extraction struct {
	partitions []*partition
	models     []*model
	endpoints  map[string][]endpointRow
}

func extract(modules string, botocore []string, sources *sourceList) (*extraction, error) {
	script, err := self.ReadFile("extract.cjs")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(filepath.Dir(modules), "awsapi-extract.cjs")
	if err := os.WriteFile(file, script, 0o644); err != nil {
		return nil, err
	}
	defer os.Remove(file)
	args := []string{file, modules}
	if len(botocore) > 0 {
		args = append(args, filepath.Join(botocore[0], "data"))
	}
	cmd := exec.Command("node", args...)
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("node extract.cjs: %w", err)
	}
	x := &extraction{endpoints: map[string][]endpointRow{}}
	lines := bufio.NewReader(&stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return x, nil
		}
		if err != nil {
			return nil, err
		}
		if err := x.add(line, sources); err != nil {
			return nil, err
		}
	}
}

func (x *extraction) add(line []byte, sources *sourceList) error {
	var record struct {
		Kind, Source, ServiceID string
		Partitions              []*partition
		Model                   *model
		Rows                    [][7]any
	}
	if err := json.Unmarshal(line, &record); err != nil {
		return err
	}
	switch record.Kind {
	case "partitions":
		x.partitions = record.Partitions
	case "model":
		record.Model.source = record.Source
		x.models = append(x.models, record.Model)
		sources.add(record.Source)
	case "endpoints":
		var rows []endpointRow
		for _, r := range record.Rows {
			variant := int(r[1].(float64)) | int(r[2].(float64))<<2
			rows = append(rows, endpointRow{r[0].(string), variant, r[3].(string) + strings.TrimSuffix(r[4].(string), "/"), r[5].(string), r[6].(string)})
		}
		x.endpoints[record.ServiceID] = rows
		sources.add(record.Source)
	}
	return nil
}

type sourceList struct{ names []string }

func (s *sourceList) add(name string) {
	if !slices.Contains(s.names, name) {
		s.names = append(s.names, name)
	}
}

func (s *sourceList) text(digest string, table []byte, services, operations int) string {
	slices.Sort(s.names)
	var b strings.Builder
	fmt.Fprintf(&b, "What table.bin was made from, and by which generator; go generate writes both.\n\n")
	fmt.Fprintf(&b, "generator: %s\ntable: %x\nservices: %d\noperations: %d\n\n", digest, sha256.Sum256(table), services, operations)
	for _, n := range s.names {
		fmt.Fprintln(&b, n)
	}
	return b.String()
}
