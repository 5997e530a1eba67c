package proxy

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRecordingTakesThePlaceOfRecordingsAlone(t *testing.T) {
	for _, tt := range []struct {
		name, before string
		refused      bool
	}{
		{"no file", "", false},
		{"an empty file", "\n", false},
		{"a Recording", `{"id":"1","name":"","status":"completed","entries":[]}`, false},
		{"another JSON document", `{"name":"app","dependencies":{}}`, true},
		{"text", "notes", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "r.json")
			if tt.before != "" {
				if err := os.WriteFile(path, []byte(tt.before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			out, err := openOutput(Output{Path: path, Recording: true}, slog.New(slog.DiscardHandler))
			if got := err != nil; got != tt.refused {
				t.Fatalf("refused: %v, want %v (%v)", got, tt.refused, err)
			}
			if err == nil {
				err = out.close()
			} else if text, _ := os.ReadFile(path); string(text) != tt.before {
				t.Errorf("the file holds %q", text)
			} else {
				return
			}
			if text, _ := os.ReadFile(path); err != nil || !strings.Contains(string(text), `"entries"`) {
				t.Errorf("%v: %q", err, text)
			}
		})
	}
}

func TestRecordingIsNotWrittenThroughALink(t *testing.T) {
	dir := t.TempDir()
	path, victim := filepath.Join(dir, "r.json"), filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path+".new"); err != nil {
		t.Fatal(err)
	}
	out, err := openOutput(Output{Path: path, Recording: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := out.close(); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(victim); string(text) != "precious" {
		t.Errorf("the link's target holds %q", text)
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o600 {
		t.Errorf("the Recording: %v, %v", info, err)
	}
}
