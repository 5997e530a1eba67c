package entry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	lineA = `{"id":"a","method":"GET","path":"/x","query":"a=1&b","request_headers":{"A":["1","2"]},"later":{"z":1.50}}`
	lineB = `{"id":"b","method":"PUT","path":"/\u00e9","status_code":200,"response_body":"{\"a\":\"é\"}"}`
)

// readAll returns the raw entries and the errors, in order.
func readAll(r *Reader) (out []string) {
	for l, err := range r.All() {
		if err != nil {
			out = append(out, "error: "+err.Error())
			continue
		}
		out = append(out, string(l.Raw()))
	}
	return out
}

func gz(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

func zs(s string) string {
	var b bytes.Buffer
	w, _ := zstd.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

func TestReader(t *testing.T) {
	ab := []string{lineA, lineB}
	indented := func(s string) string {
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(s), "", "  "); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	tests := []struct {
		name, in string
		want     []string
	}{
		{"an empty input has no entries", "", nil},
		{"white space has no entries", " \n\r\n", nil},
		{"a stream", lineA + "\n" + lineB + "\n", ab},
		{"the last newline may be missing", lineA + "\n" + lineB, ab},
		{"CRLF and empty lines are skipped", lineA + "\r\n\r\n\n" + lineB + "\r\n", ab},
		{"a byte order mark is skipped", "\ufeff" + lineA + "\n" + lineB, ab},
		{"an array", "[" + lineA + ",\n" + lineB + "]\n", ab},
		{"an empty array", " [ ] ", nil},
		{"an array over many lines", "[\n  {\n \"id\": \"a b\",\n \"path\" : \"/x\"\n }\n]", []string{`{"id":"a b","path":"/x"}`}},
		{"a Recording", `{"id":"r","name":"n","entries":[` + lineA + `,` + lineB + `],"entry_count":2}`, ab},
		{"a Recording over many lines", indented(`{"id":"r","filter":{"service":"s3"},"entries":[{"id":"a","method":"GET","path":"/x"},{"id":"b","path":"/"}],"x":[1]}`), []string{`{"id":"a","method":"GET","path":"/x"}`, `{"id":"b","path":"/"}`}},
		{"a Recording without a list", `{"id":"r","entry_count":0}`, nil},
		{"a Recording without entries", `{"id":"r","entries":null}`, nil},
		{"a Recording's path holds the query", `{"entries":[{"id":"a","path":"/b/k?x-id=GetObject","status_code":200},{"path":"/b?"}]}`, []string{`{"id":"a","path":"/b/k","query":"x-id=GetObject","status_code":200}`, `{"path":"/b"}`}},
		{"an entry with a field named entries", `{"path":"/","entries":[1]}`, []string{`{"path":"/","entries":[1]}`}},
		{"gzip", gz(lineA+"\n") + gz(lineB), ab},
		{"zstd", zs(lineA + "\n" + lineB), ab},
		{"gzip in zstd", zs(gz("[" + lineA + "," + lineB + "]")), ab},
		{"a bad line stands for itself", lineA + "\n}\n" + lineB, []string{lineA, "error: in:2: not an entry: invalid character '}' looking for {", lineB}},
		{"a bad first line stands for itself", "hello\n" + lineB, []string{"error: in:1: not an entry: invalid character 'h' looking for {", lineB}},
		{"a broken first object stands for itself", "{\"id\":}\n" + lineB, []string{"error: in:1: invalid character '}' looking for beginning of value", lineB}},
		{"a truncated last line is told", lineA + "\n" + lineB[:30], []string{lineA, "error: in:2: truncated: the input ends inside this entry"}},
		{"a truncated first line is told", lineA[:30], []string{"error: in:1: truncated: the input ends inside this entry"}},
		{"a truncated array is told", "[" + lineA + ",\n" + lineB[:30], []string{lineA, "error: in:2: truncated: the input ends inside a list of entries"}},
		{"a truncated Recording is told", `{"id":"r","entries":[` + lineA, []string{lineA, "error: in:1: truncated: the input ends inside a list of entries"}},
		{"a bad element stands for itself", "[1,\n" + lineB + "]", []string{"error: in:1: entry 1: not an entry: invalid character '1' looking for {", lineB}},
		{"text behind an array is told", "[" + lineA + "]\nx", []string{lineA, "error: in:2: invalid character 'x' after the end of the list of entries"}},
		{"pretty-printed entries are refused with advice", "{\n  \"id\": \"a\"\n}", []string{
			"error: in:1: an entry must stand on one line: use jq -c, not jq",
			"error: in:2: not an entry: invalid character '\"' looking for {",
			"error: in:3: not an entry: invalid character '}' looking for {"}},
		{"a torn first line does not swallow the next", lineA[:20] + "\n" + lineB + "\n", []string{"error: in:1: unexpected end of JSON", lineB}},
		{"a first line torn between fields does not swallow the next", `{"id":"a",` + "\n" + lineB + "\n", []string{"error: in:1: unexpected end of JSON", lineB}},
		{"UTF-16 is refused", "\xff\xfe{\x00", []string{"error: in:1: UTF-16 text: entries are UTF-8"}},
		{"another program's file is called by its name", `{"log":{"version":"1.2"}}`, []string{"error: in:1: not entries but HAR: cm-convert --from har reads it"}},
		{"so is a compression that is not read", "BZh91AY&SY", []string{"error: in:1: not entries but bzip2: unpack it first (bzip2 -dc FILE | …)"}},
		{"another JSON object is refused", `{"logs":{"version":"1.2"}}`, []string{"error: in:1: not an entry: an object with none of id, method, path and status_code"}},
		{"line numbers count empty lines", "\n\n" + lineA + "\n\n{]\n", []string{lineA, "error: in:5: invalid character ']' looking for a member's name"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			readers := map[string]io.Reader{
				"whole":        strings.NewReader(tt.in),
				"byte by byte": iotest.OneByteReader(strings.NewReader(tt.in)),
				"data and EOF": iotest.DataErrReader(strings.NewReader(tt.in)),
			}
			for how, in := range readers {
				if diff := cmp.Diff(tt.want, readAll(NewReader(in, "in"))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", how, diff)
				}
			}
		})
	}
}

func TestReaderLimit(t *testing.T) {
	entry := func(n int) string { // of n bytes
		const head, tail = `{"id":"`, `"}`
		return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
	}
	const limit = 300 << 10
	tests := []struct {
		size int
		bad  bool
	}{{limit - 1, false}, {limit, false}, {limit + 1, true}, {3 * limit, true}}
	for _, tt := range tests {
		for _, form := range []string{"%s\n" + lineB, lineA + "\n%s\n" + lineB, "[%s]"} {
			r := NewReader(strings.NewReader(fmt.Sprintf(form, entry(tt.size))), "in")
			r.MaxLine = limit
			got := readAll(r)
			told := strings.Contains(strings.Join(got, "\n"), fmt.Sprintf("longer than %d bytes", limit))
			if told != tt.bad {
				t.Errorf("%d bytes in %.20q: too long = %v, want %v", tt.size, form, told, tt.bad)
			}
			if last := got[len(got)-1]; form[0] != '[' && last != lineB {
				t.Errorf("%d bytes in %.20q: reading ended with %.60q", tt.size, form, last)
			}
		}
	}
}

func TestReaderFailure(t *testing.T) {
	boom := errors.New("boom")
	for _, head := range []string{"", "{", lineA + "\n", lineA + "\n{", "[" + lineA, `{"entries":[` + lineA + `]`} {
		r := NewReader(io.MultiReader(strings.NewReader(head), iotest.ErrReader(boom)), "in")
		var err error
		for n := 0; err == nil && n < 5; n++ {
			_, err = r.Next()
		}
		if !errors.Is(err, boom) {
			t.Errorf("after %q: error %v, want the reader's", head, err)
		}
	}
}

func TestBeforeReadComesBeforeBlocking(t *testing.T) {
	pr, pw := io.Pipe()
	r := NewReader(pr, "in")
	calls := make(chan int, 100)
	n := 0
	r.BeforeRead = func() error { n++; calls <- n; return nil }
	go func() {
		<-calls
		pw.Write([]byte(lineA + "\n"))
		<-calls // the reader asks again only after it has returned the first entry
		pw.Write([]byte(lineB + "\n"))
		pw.Close()
	}()
	if diff := cmp.Diff([]string{lineA, lineB}, readAll(r)); diff != "" {
		t.Error(diff)
	}
}

func TestRecordingOfAnotherProgram(t *testing.T) {
	const in = `{
  "id": "rec-1", "name": "demo", "status": "completed",
  "filter": {"service": "s3"},
  "duration_sec": 60,
  "started_at": "2026-03-01T10:00:00Z",
  "entry_count": 1,
  "entries": [{
    "id": "proxy-1", "timestamp": "2026-03-01T10:00:01.5Z", "service": "s3", "action": "GetObject",
    "method": "GET", "path": "/b/k?versionId=3", "status_code": 200, "latency_ms": 1.25,
    "request_headers": {"Accept": "a, b"}, "request_body": "", "response_body": "hello \u003cworld\u003e", "offset_ms": 1500
  }]
}`
	r := NewReader(strings.NewReader(in), "in")
	got := readAll(r)
	want := []string{`{"id":"proxy-1","timestamp":"2026-03-01T10:00:01.5Z","service":"s3","action":"GetObject","method":"GET","path":"/b/k","query":"versionId=3","status_code":200,"latency_ms":1.25,"request_headers":{"Accept":"a, b"},"request_body":"","response_body":"hello \u003cworld\u003e","offset_ms":1500}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	rec := r.Recording()
	if rec == nil || rec.ID != "rec-1" || rec.Name != "demo" || string(rec.Filter) != `{"service": "s3"}` || rec.DurationSec != 60 || rec.EntryCount != 1 {
		t.Errorf("recording = %+v", rec)
	}
}

// foreignRecording is the single-file form as the program that defined it
// declares it: what we write must decode into these types.
type foreignRecording struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"`
	Filter struct {
		Service string `json:"service"`
	} `json:"filter"`
	DurationSec int    `json:"duration_sec"`
	StartedAt   string `json:"started_at"`
	EntryCount  int    `json:"entry_count"`
	Entries     []struct {
		Path           string            `json:"path"`
		StatusCode     int               `json:"status_code"`
		RequestHeaders map[string]string `json:"request_headers"`
		ResponseBody   string            `json:"response_body"`
	} `json:"entries"`
}

func toRecording(t *testing.T, ndjson string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewRecordingWriter(&out, Recording{})
	for l, err := range NewReader(strings.NewReader(ndjson), "in").All() {
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRecordingForOtherPrograms(t *testing.T) {
	out := toRecording(t, `{"id":"a","timestamp":"2026-03-01T10:00:01.5Z","offset_ms":500,"latency_ms":2250,"path":"/x","query":"a=1\u0026b","request_headers":{"A":["1","2"],"B":"3"}}`+"\n"+lineB)
	var got foreignRecording
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if e := got.Entries[0]; e.Path != "/x?a=1&b" || e.RequestHeaders["A"] != "1, 2" || e.RequestHeaders["B"] != "3" {
		t.Errorf("entry = %+v", e)
	}
	if got.EntryCount != 2 || got.Status != "completed" || got.StartedAt != "2026-03-01T10:00:01Z" || got.DurationSec != 3 {
		t.Errorf("recording = %+v", got)
	}
}

func TestRecordingKeepsEveryByte(t *testing.T) {
	in := strings.Join([]string{
		lineA, lineB,
		`{"id":"c","query":"x=\u0026","extra":[1, 2],"path":"/\u0041"}`,
		`{"id":"d","path":"/a?b","query":"c"}`,
		`{"id":"e","path":"/","query":""}`,
		`{"id":"f","path":"/","request_headers":{"A":["1"],"B":[]},"response_headers":{"Set-Cookie":["a=1, b","c"],"X":"y"}}`,
	}, "\n") + "\n"
	back := readAll(NewReader(bytes.NewReader(toRecording(t, in)), "rec"))
	if diff := cmp.Diff(in, strings.Join(back, "\n")+"\n"); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCorpusKeepsEveryByte(t *testing.T) {
	dir := os.Getenv("CM_CORPUS")
	if dir == "" {
		t.Skip("CM_CORPUS does not name a folder of recorded AWS traffic")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no streams in %s: %v", dir, err)
	}
	for _, name := range files {
		in, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		back := readAll(NewReader(bytes.NewReader(toRecording(t, string(in))), "rec"))
		if got := strings.Join(back, "\n") + "\n"; got != string(in) {
			t.Errorf("%s: stream to Recording to stream differs:\n%s", name, cmp.Diff(string(in), got))
		}
	}
}

func TestDecodeAppendJSON(t *testing.T) {
	const in = `{"id":"a","timestamp":"2026-03-01T10:00:01.000000005Z","service":"s3","action":"PutObject","region":"eu-west-1","method":"PUT","host":"b.s3.eu-west-1.amazonaws.com","path":"/k%2F","query":"x-id=PutObject","status_code":200,"latency_ms":1.5,"offset_ms":0.000001,"request_headers":{"X-Amz-Meta-A":["1","2"],"Host":"h"},"request_body":"//4=","request_body_encoding":"base64","response_headers":{"Etag":"\"x\""},"response_body_size":9007199254740993,"response_body_sha256":"ab","response_body_truncated":true,"error":"cut","replay":{"status_code":0,"latency_ms":0,"error":"refused","endpoint":"a","rewrites":[{"original":"1","replay":"2","where":"path"}],"attempt_of":"z","sent":false,"polls":2}}`
	e, err := parse(t, in).Decode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, string(e.AppendJSON(nil))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]byte{0xff, 0xfe}, e.RequestBody.Data); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(lineA + "\n" + lineB))
	f.Add([]byte(`{"id":"r","entries":[` + lineA + `,` + lineB + `],"entry_count":2}`))
	f.Add([]byte("[" + lineA + ",\n" + lineB + "]"))
	f.Add([]byte(gz(lineA)))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		w := NewWriter(&out)
		r := NewReader(bytes.NewReader(in), "in")
		r.MaxLine = 1 << 20
		n := 0
		for l, err := range r.All() {
			if err != nil {
				continue
			}
			if err := w.Write(l); err != nil {
				t.Fatal(err)
			}
			n++
		}
		w.Flush()
		again := readAll(NewReader(bytes.NewReader(out.Bytes()), "out"))
		if len(again) != n {
			t.Fatalf("%d entries, written and read again %d: %q", n, len(again), again)
		}
		if n > 0 && strings.Join(again, "\n")+"\n" != out.String() {
			t.Fatalf("written %q, read again %q", out.String(), again)
		}
	})
}

// realistic returns a line of about size bytes with JSON bodies.
func realistic(size int) []byte {
	item := `{"Game":{"S":"Praise All Monsters"},"Score":{"N":"49"},"When":1.723076080695E9},`
	body := `{"Items":[` + strings.Repeat(item, size/2/len(item)) + `{}]}`
	e := Entry{
		ID: "r-1", Service: "dynamodb", Action: "Scan", Region: "us-east-2", Method: "POST", Host: "dynamodb.us-east-2.amazonaws.com", Path: "/", StatusCode: 200,
		RequestHeaders:  Header{{"Content-Type", "application/x-amz-json-1.0"}, {"X-Amz-Target", "DynamoDB_20120810.Scan"}},
		RequestBody:     Body{Data: []byte(`{"TableName":"t"}`)},
		ResponseHeaders: Header{{"Content-Type", "application/x-amz-json-1.0"}},
		ResponseBody:    Body{Data: []byte(body)},
		Replay:          &Replay{StatusCode: 200, ResponseBody: Body{Data: []byte(body)}},
	}
	return e.AppendJSON(nil)
}

func BenchmarkReader(b *testing.B) {
	line := realistic(15 << 10)
	in := bytes.Repeat(append(line, '\n'), 100)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range NewReader(bytes.NewReader(in), "in").All() {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 100 {
			b.Fatal(n)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	line := realistic(15 << 10)
	var o Object
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if err := o.Parse(line); err != nil {
			b.Fatal(err)
		}
		o.Set(FieldMatch, []byte("true"))
	}
}

func TestDecompress(t *testing.T) {
	const text = "any text"
	for _, tt := range []struct{ name, in, want string }{
		{"what is plain stays", text, text},
		{"gzip", gz(text), text},
		{"zstd behind a byte order mark within", zs("\ufeff" + text), text},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Decompress(strings.NewReader(tt.in), "in")
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || string(got) != tt.want {
				t.Errorf("got %q and %v, want %q", got, err, tt.want)
			}
		})
	}
}
