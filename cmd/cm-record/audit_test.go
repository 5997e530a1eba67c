package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neureaux/cloudmock/internal/cli"
)

func TestAudit(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	clean := file("clean.ndjson", `{"id":"1","method":"GET","path":"/","response_body":"{\"Name\":\"n\"}"}`+"\n")
	leaky := file("leaky.json", `{"id":"r","entries":[{"id":"2","method":"GET","path":"/","response_body":"{\"user\":{\"password\":\"hunter2hunter2\"}}"}]}`)
	torn := file("torn.ndjson", `{"id":"1","method":"GET","path":"/"}`+"\n"+`{"id":"2","meth`)
	for _, tt := range []struct {
		name   string
		files  []string
		stdout string
		err    string
	}{
		{"a clean recording", []string{clean}, "", ""},
		{"a finding names its place and not the secret", []string{clean, leaky}, leaky + ":1: entry 2: response_body.user.password: secret-by-name\n", cli.ErrNo.Error()},
		{"a broken line is trouble", []string{torn}, "", torn + ":2: truncated: the input ends inside this entry"},
		{"a missing file is trouble", []string{dir + "/no"}, "", "stat " + dir + "/no: no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			err := (&command{Audit: tt.files}).Run(context.Background(), cli.Streams{In: strings.NewReader(""), Out: &out, Err: io.Discard})
			if err == nil {
				err = errors.New("")
			}
			if out.String() != tt.stdout || err.Error() != tt.err {
				t.Errorf("got %q, %v", out.String(), err)
			}
		})
	}
}
