package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// tally folds NDJSON.
func tally(t testing.TB, ndjson string) *Report {
	t.Helper()
	var all Tally
	for l, err := range entry.NewReader(strings.NewReader(ndjson), "in").All() {
		if err == nil {
			err = all.Add(l)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.Report()
}

// stream makes n random compared entries.
func stream(rnd *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		service := []string{"s3", "sqs", ""}[rnd.IntN(3)]
		fmt.Fprintf(&b, `{"id":"%d","service":%q,"action":"A%d","status_code":200,"latency_ms":%g,`, rnd.Uint64(), service, rnd.IntN(3), rnd.ExpFloat64()*20)
		switch rnd.IntN(4) {
		case 0:
			fmt.Fprintf(&b, `"replay":{"status_code":200,"latency_ms":%g},"match":false,"severity":"data","diffs":[{"path":"$.L[%d].V","kind":"value","original":1,"replay":2}]}`, rnd.ExpFloat64(), rnd.IntN(9))
		case 1:
			b.WriteString(`"replay":{"status_code":0,"error":"refused"},"match":false,"severity":"error"}`)
		default:
			fmt.Fprintf(&b, `"replay":{"status_code":200,"latency_ms":%g},"match":true,"allowed":{"uuid":%d}}`, rnd.ExpFloat64(), 1+rnd.IntN(3))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestMergeIsTheReportOfTheJoinedStream(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var streams []string
		var parts []*Report
		for range 1 + rnd.IntN(4) {
			s := stream(rnd, rnd.IntN(40))
			streams = append(streams, s)
			var b bytes.Buffer
			if err := WriteJSON(&b, tally(t, s)); err != nil {
				t.Fatal(err)
			}
			part, err := Read(&b)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, part)
		}
		want := tally(t, strings.Join(streams, ""))
		if diff := cmp.Diff(want, Merge(parts...), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-joined +merged):\n%s", diff)
		}
		if want.TotalRequests != want.Matched+want.Mismatched+want.Errors {
			t.Fatalf("the counts do not add up: %+v", want)
		}
	}
}

func TestPercentageIsNotRoundedUp(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, `{"id":"%d","replay":{"status_code":200},"match":%v}`+"\n", i, i != 7)
	}
	if r := tally(t, b.String()); r.CompatibilityPct != 99.99 || !r.Failed(100) || r.Failed(99.99) {
		t.Errorf("%v %%, failed %v", r.CompatibilityPct, r.Failed(100))
	}
}

func TestMismatchesAreBounded(t *testing.T) {
	all := Tally{MaxMismatches: 3}
	for l, err := range entry.NewReader(strings.NewReader(strings.Repeat(`{"id":"x","replay":{"status_code":500},"status_code":200,"match":false,"severity":"status","diffs":[{"kind":"status","original":200,"replay":500}]}`+"\n", 10)), "in").All() {
		if err == nil {
			err = all.Add(l)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r := all.Report()
	if len(r.Mismatches) != 3 || r.MismatchesOmitted != 7 || r.Mismatched != 10 || r.Issues[0].Count != 10 {
		t.Errorf("%d listed, %d omitted, %d counted", len(r.Mismatches), r.MismatchesOmitted, r.Mismatched)
	}
}

// hostile holds what terminals, browsers, Markdown and CI pages would act on.
const hostile = "\x1b]52;c;x\x07 \u202e <script>alert(1)</script> ]]> `` | [x](javascript:1) @all \r\n::set-output name=x::y \u0085 \x00 'x' $(id)"

// TestControlCharactersAreNotPlain goes through all that terminals act on.
func TestControlCharactersAreNotPlain(t *testing.T) {
	for _, span := range [][2]rune{{0, 0x1f}, {0x7f, 0x9f}, {0x061c, 0x061c}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x2064}, {0x2066, 0x2069}, {0xfeff, 0xfeff}} {
		for c := span[0]; c <= span[1]; c++ {
			if got := safe("a"+string(c)+"b", 100); strings.ContainsRune(got, c) || !strings.HasPrefix(got, "a") || !strings.HasSuffix(got, "b") {
				t.Errorf("%U: %q", c, got)
			}
		}
	}
}

func TestRecordedTextIsOnlyText(t *testing.T) {
	q, _ := json.Marshal(hostile)
	line := fmt.Sprintf(`{"id":%s,"service":%s,"action":%s,"status_code":200,"replay":{"status_code":0,"endpoint":%s,"error":%s},"match":false,"severity":%s,"allowed":{%s:1},"diffs":[{"path":%s,"kind":%s,"original":%s,"replay":%s}]}`, q, q, q, q, q, q, q, q, q, q, q)
	r := tally(t, line)
	for name := range formats {
		var b bytes.Buffer
		if err := Write(&b, name, r, TextOptions{MinCompat: 100}); err != nil {
			t.Fatal(err)
		}
		out := b.String()
		for _, c := range out {
			if c != '\n' && !plain(c) {
				t.Errorf("%s holds %U", name, c)
			}
		}
		for l := range strings.Lines(out) {
			if strings.HasPrefix(l, "::") {
				t.Errorf("%s has the line %q", name, l)
			}
		}
		switch name {
		case "html":
			if strings.Contains(out, "<script") {
				t.Error("html holds a script element")
			}
		case "junit":
			dec := xml.NewDecoder(&b)
			for {
				tok, err := dec.Token()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("junit: %v", err)
				}
				if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "script" {
					t.Error("junit holds an element from the recording")
				}
			}
		case "json":
			if !json.Valid(b.Bytes()) {
				t.Error("json is not valid")
			}
		}
	}
}

func TestDiffInWords(t *testing.T) {
	tests := []struct{ name, diff, want string }{
		{"a status", `{"kind":"status","original":200,"replay":404}`, "status: 200 -> 404"},
		{"a value", `{"path":"$.Contents[3].Size","kind":"value","original":12,"replay":"12"}`, `value: $.Contents[3].Size: 12 -> "12"`},
		{"something missing", `{"path":"$.A","kind":"missing","original":{"b":1}}`, `missing: $.A: {"b":1}`},
		{"something extra", `{"path":"$.A","kind":"extra","replay":1}`, "extra: $.A: 1"},
		{"something that became null", `{"path":"$.A","kind":"type","original":1,"replay":null}`, "type: $.A: 1 -> null"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d Diff
			if err := json.Unmarshal([]byte(tt.diff), &d); err != nil {
				t.Fatal(err)
			}
			if got := d.String(); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func BenchmarkTally(b *testing.B) {
	in := stream(rand.New(rand.NewPCG(1, 2)), 1000)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		tally(b, in)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "entries/s")
}
