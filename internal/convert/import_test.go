package convert

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// UPDATE=1 writes what Import makes into testdata/import.txtar, to be read with care.
func TestImport(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/import.txtar")
	if err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`(?m)^\{"id":"[a-z2-7]{10}-\d+",`)
	key := regexp.MustCompile(`Credential=[A-Z]{11}/`) // its pseudonym is another one each time
	for i := 0; i < len(archive.Files); i += 2 {
		in, want := &archive.Files[i], &archive.Files[i+1]
		t.Run(in.Name, func(t *testing.T) {
			format := VCR
			if strings.HasSuffix(in.Name, ".har") {
				format = HAR
			}
			r, err := Import(bytes.NewReader(in.Data), format, false)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			got.ReadFrom(r)
			lines := key.ReplaceAllString(id.ReplaceAllString(got.String(), "{"), "Credential=PSEUDONYM/")
			if strings.Contains(lines, `"id"`) {
				t.Errorf("ids are of another form:\n%s", lines)
			}
			if os.Getenv("UPDATE") != "" {
				want.Data = []byte(lines)
				return
			}
			if diff := cmp.Diff(strings.Split(string(want.Data), "\n"), strings.Split(lines, "\n")); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("testdata/import.txtar", txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// What leaves as HAR comes back as it was, whatever its bytes are.
func TestHARHoldsEverything(t *testing.T) {
	in := entry.Entry{Method: "PUT", Host: "b.s3.amazonaws.com", ClientScheme: "http", Path: "/%2F//a;b+c", Query: "x&y=%20&y=+", StatusCode: 200,
		Origin: entry.OriginProxy, SignedAs: "arn:aws:iam::123456789012:user/x", Redacted: entry.Redacted{Response: []string{"headers.X-A"}},
		RequestHeaders: entry.Header{{Name: "X-A", Value: "1"}, {Name: "X-A", Value: ""}}, RequestBody: entry.Body{Data: []byte("\x00\xff")},
		ResponseHeaders: entry.Header{{Name: "Content-Encoding", Value: "gzip"}}, ResponseBody: entry.Body{Data: []byte("\x1f\x8b\xff")}}
	var line entry.Line
	if err := line.Parse(in.AppendJSON(nil)); err != nil {
		t.Fatal(err)
	}
	var har bytes.Buffer
	sink, err := NewSink(&har, HAR, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Write(&line); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Import(&har, HAR, true)
	if err != nil {
		t.Fatal(err)
	}
	back, err := entry.NewReader(r, "back").Next()
	if err != nil {
		t.Fatal(err)
	}
	got, err := back.Decode()
	if err != nil {
		t.Fatal(err)
	}
	got.ID = ""
	if diff := cmp.Diff(&in, got); diff != "" {
		t.Errorf("back from HAR (-want +got):\n%s", diff)
	}
}

// Nine anchors, each of nine aliases of the one before, are some gigabytes once they are spelled out.
func TestAliasesAreBounded(t *testing.T) {
	var doc strings.Builder
	doc.WriteString("a: &a [x, x, x, x, x, x, x, x, x]\n")
	for c := 'b'; c <= 'j'; c++ {
		fmt.Fprintf(&doc, "%c: &%[1]c [%s]\n", c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 9), ", "))
	}
	doc.WriteString("interactions:\n- request: {method: GET, uri: \"https://x/\", headers: {A: *j}}\n  response: {}\n")
	_, err := Import(strings.NewReader(doc.String()), VCR, false)
	if err == nil || !strings.Contains(err.Error(), "aliases stand for more than") {
		t.Errorf("got error %v", err)
	}
	// One that names its headers once is fine, as PyYAML writes it.
	r, err := Import(strings.NewReader("interactions:\n- request: {method: GET, uri: \"https://x/\", headers: &h {A: [b]}}\n  response: {headers: *h}\n"), VCR, false)
	if err != nil {
		t.Fatal(err)
	}
	l, err := entry.NewReader(r, "cassette").Next()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(l.Get(entry.FieldResponseHeaders)); got != `{"A":"b"}` {
		t.Errorf("headers by alias: %s", got)
	}
}

func TestNestingIsBounded(t *testing.T) {
	for _, doc := range []string{strings.Repeat("[", 100_000), strings.Repeat("{a: ", 100_000), strings.Repeat("- ", 100_000), strings.Repeat("? ", 100_000)} {
		if _, err := Import(strings.NewReader("interactions: \n"+doc), VCR, false); err == nil || !strings.Contains(err.Error(), "nested more than") {
			t.Errorf("%.5s…: %v", doc, err)
		}
	}
}

func FuzzImport(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/import.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for i := 0; i < len(archive.Files); i += 2 {
		f.Add(archive.Files[i].Data, strings.HasSuffix(archive.Files[i].Name, ".har"))
	}
	f.Fuzz(func(t *testing.T, doc []byte, har bool) {
		format := VCR
		if har {
			format = HAR
		}
		r, err := Import(bytes.NewReader(doc), format, false)
		if err != nil {
			return
		}
		for _, err := range entry.NewReader(r, "imported").All() {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}
