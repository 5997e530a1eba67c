package diff

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/internal/rule"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// scanAnswer is a DynamoDB Scan of about 4.6 KB: with the request, both answers
// and their escapes a line has 15 KB. version changes a few values.
func scanAnswer(version int) string {
	var b strings.Builder
	b.WriteString(`{"Count":32,"Items":[`)
	for i := range 32 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"Game":{"S":"Praise All Monsters %d"},"Player":{"S":"mel-%d"},"Score":{"N":"%d"},"Time":{"S":"2024-03-%02d"},"WithGlitches":{"BOOL":false}}`, i, i, 100+i*7, 1+i%28)
	}
	fmt.Fprintf(&b, `],"ScannedCount":32,"Token":"%s"}`, fmt.Sprintf("%08x-4726-567c-92ab-64055fe9ffae", version))
	return b.String()
}

func benchLine(tb testing.TB, i int, original, replay string) []byte {
	headers := func(n int) entry.Header {
		return entry.Header{{Name: "Content-Type", Value: "application/x-amz-json-1.0"}, {Name: "Date", Value: fmt.Sprintf("Thu, 19 Mar 2026 15:33:%02d GMT", n)},
			{Name: "Server", Value: "Server"}, {Name: "X-Amzn-Requestid", Value: fmt.Sprintf("PI258HS7I3RLA41UAMP1LBM1TRVV4KQNSO5AEMVJF66Q9%06d", i*10+n)}}
	}
	e := entry.Entry{ID: fmt.Sprint("bench-", i), Service: "dynamodb", Action: "Scan", Region: "us-east-2", Method: "POST", Host: "dynamodb.us-east-2.amazonaws.com", Path: "/",
		RequestHeaders: entry.Header{{Name: "X-Amz-Target", Value: "DynamoDB_20120810.Scan"}, {Name: "User-Agent", Value: strings.Repeat("u", 200)}},
		RequestBody:    entry.Body{Data: []byte(`{"TableName":"docstore-test-2","FilterExpression":"` + strings.Repeat("x", 1200) + `"}`)},
		StatusCode:     200, ResponseHeaders: headers(1), ResponseBody: entry.Body{Data: []byte(original)},
		Replay: &entry.Replay{StatusCode: 200, ResponseHeaders: headers(2), ResponseBody: entry.Body{Data: []byte(replay)}}}
	return append(e.AppendJSON(nil), '\n')
}

func stream(tb testing.TB, n int, pair func(i int) (string, string)) []byte {
	var out []byte
	for i := range n {
		a, b := pair(i)
		out = append(out, benchLine(tb, i, a, b)...)
	}
	return out
}

// source feeds Run from memory.
type source struct{ *entry.Reader }

func (s source) BeforeRead(f func() error) { s.Reader.BeforeRead = f }

// cpuSeconds returns the processor time that the process has used.
func cpuSeconds(tb testing.TB) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

func equalPair(int) (string, string)   { s := scanAnswer(1); return s, s }
func boundPair(i int) (string, string) { return scanAnswer(i), scanAnswer(i + 1000) }
func differPair(int) (string, string) {
	s := scanAnswer(1)
	return s, strings.Replace(s, `"Score":{"N":"212"}`, `"Score":{"N":"213"}`, 1)
}

func compareStream(tb testing.TB, data []byte, opt Options) {
	if err := New(opt).Run(context.Background(), source{entry.NewReader(bytes.NewReader(data), "bench")}, entry.NewWriter(io.Discard)); err != nil {
		tb.Error(err)
	}
}

func TestCompareAllocatesNothing(t *testing.T) {
	for _, tt := range []struct {
		name string
		opt  Options
		pair func(int) (string, string)
	}{
		{"status codes", Options{}, equalPair},
		{"equal bodies", Options{Strict: true}, equalPair},
		{"bodies that differ", Options{Strict: true}, differPair},
		{"values that are bound", Options{Strict: true}, boundPair},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := New(tt.opt)
			a, b := tt.pair(1)
			raw := bytes.TrimSuffix(benchLine(t, 1, a, b), []byte{'\n'})
			var l entry.Line
			n := testing.AllocsPerRun(10, func() {
				if err := l.Parse(raw); err != nil {
					t.Fatal(err)
				}
				if _, err := d.Compare(t.Context(), &l); err != nil {
					t.Fatal(err)
				}
			})
			if n > 0 {
				t.Errorf("%v allocations an entry, want none", n)
			}
		})
	}
}

// BenchmarkCores compares a stream of answers that differ with one worker, with
// two, and, for what two can give on this machine at all, two such streams with
// one worker each at the same time. The three take turns, so that what else the
// machine does hits them alike. Where it does much, MB/cpu-s says more than MB/s.
func BenchmarkCores(b *testing.B) {
	for _, bm := range []struct {
		name string
		pair func(int) (string, string)
	}{{"differ", differPair}, {"bound", boundPair}} {
		b.Run(bm.name, func(b *testing.B) {
			data := stream(b, 8000, bm.pair)
			one := func() { compareStream(b, data, Options{Strict: true, Workers: 1}) }
			two := func() { compareStream(b, data, Options{Strict: true, Workers: 2}) }
			both := func() {
				var wg sync.WaitGroup
				wg.Go(one)
				wg.Go(one)
				wg.Wait()
			}
			kinds := []struct {
				name      string
				run       func()
				mb        float64
				wall, cpu float64
			}{{"one", one, 1, 0, 0}, {"two", two, 1, 0, 0}, {"ceiling", both, 2, 0, 0}}
			for b.Loop() {
				for i := range kinds {
					k := &kinds[i]
					cpu, start := cpuSeconds(b), time.Now()
					k.run()
					k.wall += time.Since(start).Seconds()
					k.cpu += cpuSeconds(b) - cpu
				}
			}
			b.ReportMetric(0, "ns/op")
			for _, k := range kinds {
				mb := k.mb * float64(b.N*len(data)) / 1e6
				b.ReportMetric(mb/k.wall, k.name+"-MB/s")
				b.ReportMetric(mb/k.cpu, k.name+"-MB/cpu-s")
			}
			b.ReportMetric(kinds[0].wall/kinds[1].wall, "two/one")
			b.ReportMetric(2*kinds[0].wall/kinds[2].wall, "ceiling/one")
		})
	}
}

func BenchmarkDiff(b *testing.B) {
	const lines = 2000
	var set rule.Set
	for _, s := range []string{"$.Items[*].Score", "ResponseMetadata", "s3:ListObjectsV2:$.Owner"} {
		p, err := rule.ParsePath(s)
		if err != nil {
			b.Fatal(err)
		}
		set.Ignore = append(set.Ignore, p)
	}
	for _, bm := range []struct {
		name string
		opt  Options
		pair func(int) (string, string)
	}{
		{"status", Options{}, equalPair},
		{"equal", Options{Strict: true, Workers: 1}, equalPair},
		{"differ", Options{Strict: true, Workers: 1}, differPair},
		{"bound", Options{Strict: true, Workers: 1}, boundPair},
		{"rules", Options{Strict: true, Workers: 1, Rules: set}, differPair},
	} {
		b.Run(bm.name, func(b *testing.B) {
			data := stream(b, lines, bm.pair)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			start := cpuSeconds(b)
			for b.Loop() {
				compareStream(b, data, bm.opt)
			}
			b.ReportMetric(float64(b.N*lines)/b.Elapsed().Seconds(), "entries/s")
			// On a machine that others use, too, what the processor did says more.
			b.ReportMetric(float64(b.N*len(data))/1e6/(cpuSeconds(b)-start), "MB/cpu-s")
		})
	}
	// What others cost, for comparison.
	data := stream(b, lines, differPair)
	b.Run("reference/encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			for line := range bytes.Lines(data) {
				var v struct {
					Response string `json:"response_body"`
					Replay   struct {
						Response string `json:"response_body"`
					} `json:"replay"`
				}
				if err := json.Unmarshal(line, &v); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("reference/read-and-write", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			r, w := entry.NewReader(bytes.NewReader(data), "bench"), entry.NewWriter(io.Discard)
			for {
				l, err := r.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					b.Fatal(err)
				}
				if err := w.Write(l); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
