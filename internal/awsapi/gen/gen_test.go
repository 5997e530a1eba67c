package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestTableIsThisGenerators fails when the generator or one of its lists has
// changed and table.bin has not been made anew: run go generate in internal/awsapi.
func TestTableIsThisGenerators(t *testing.T) {
	table, err := os.ReadFile("../table.bin")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := os.ReadFile("../sources.txt")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Digest()
	if err != nil {
		t.Fatal(err)
	}
	rest := strings.TrimPrefix(string(table), magic)
	n, k := binary.Uvarint([]byte(rest))
	if got := rest[k : k+int(n)]; got != want {
		t.Errorf("table.bin was made by generator %.12s, this one is %.12s", got, want)
	}
	for _, line := range []string{"generator: " + want, fmt.Sprintf("table: %x", sha256.Sum256(table))} {
		if !strings.Contains(string(sources), "\n"+line+"\n") {
			t.Errorf("sources.txt has no line %q", line)
		}
	}
	if limit := 3 << 20; len(table) > limit {
		t.Errorf("table.bin has %d bytes, more than %d", len(table), limit)
	}
	t.Logf("table.bin: %d bytes", len(table))
}

func TestRegionPrefixes(t *testing.T) {
	for _, tt := range []struct{ name, regex, want string }{
		{"alternatives", `^(us|eu)\-\w+\-\d+$`, "[eu- us-]"},
		{"one", `^us\-gov\-\w+\-\d+$`, "[us-gov-]"},
		{"both", `^eusc\-(de)\-\w+\-\d+$`, "[eusc-de-]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := (&partition{RegionRegex: tt.regex}).regionPrefixes()
			if err != nil || fmt.Sprint(got) != tt.want {
				t.Errorf("got %v, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestOverlayComplainsOfLinesThatMarkNothing(t *testing.T) {
	o, err := parseOverlay([]byte("# comment\nSTS: Credentials.SessionToken\n- Lambda: *.ZipFile\nSTS: *.Gone\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		service, structure, member string
		secret, open               bool
	}{
		{"STS", "Credentials", "SessionToken", true, false},
		{"STS", "Credentials", "AccessKeyId", false, false},
		{"Lambda", "FunctionCode", "ZipFile", false, true},
		{"Lambda", "FunctionCode", "S3Key", false, false},
	} {
		if secret, open := o.marks(tt.service, tt.structure, tt.member); secret != tt.secret || open != tt.open {
			t.Errorf("%s: %s.%s: secret %v, open %v", tt.service, tt.structure, tt.member, secret, open)
		}
	}
	if err := o.unused(); err == nil || !strings.Contains(err.Error(), "STS: *.Gone") {
		t.Errorf("unused: %v", err)
	}
}

func TestCompareVersions(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		want       int
	}{
		{"by number, not by letter", "1.9.0", "1.10.0", -1},
		{"a longer one is newer", "1.2.1", "1.2", 1},
		{"equal", "1.43.11", "1.43.11", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := cmp.Compare(compareVersions(tt.a, tt.b), 0); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}
