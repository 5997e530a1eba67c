package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// newStub starts a server that answers at once, or after a delay, with 1 KB.
func newStub(tb testing.TB, delay time.Duration) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	answer := []byte(`{"Item":{"a":{"S":"` + strings.Repeat("x", 990) + `"}}}`)
	s := &fasthttp.Server{Concurrency: 4096, Handler: func(c *fasthttp.RequestCtx) {
		if delay > 0 {
			time.Sleep(delay) // the latency of the service that it stands for
		}
		c.SetContentType("application/x-amz-json-1.0")
		_, _ = c.Write(answer) // to memory
	}}
	go func() { _ = s.Serve(l) }()
	tb.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// benchEntries writes n entries of 1 KB of answer, of which 1,000 overlapped.
func benchEntries(n int) []byte {
	var b bytes.Buffer
	answer := []byte(`{"Item":{"a":{"S":"` + strings.Repeat("y", 990) + `"}}}`)
	for i := range n {
		e := entry.Entry{
			ID: fmt.Sprint("rec-", i), Timestamp: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 50 * time.Microsecond),
			Service: "dynamodb", Action: "GetItem", Region: "us-east-1", Method: "POST", Host: "dynamodb.us-east-1.amazonaws.com", Path: "/",
			StatusCode: 200, Latency: 50 * time.Millisecond, Offset: time.Duration(i) * 50 * time.Microsecond,
			RequestHeaders: entry.Header{
				{Name: "Accept-Encoding", Value: "identity"}, {Name: "Content-Type", Value: "application/x-amz-json-1.0"},
				{Name: "Amz-Sdk-Invocation-Id", Value: fmt.Sprintf("7c1cf4c4-9f3c-4f1a-a7d4-%012d", i)}, {Name: "Amz-Sdk-Request", Value: "attempt=1; max=3"},
				{Name: "User-Agent", Value: "aws-sdk-go-v2/1.36.1 ua/2.1 os/linux lang/go#1.23.4 md/GOOS#linux md/GOARCH#amd64 api/dynamodb#1.39.6"},
				{Name: "X-Amz-Target", Value: "DynamoDB_20120810.GetItem"}, {Name: "Content-Length", Value: "51"},
			},
			RequestBody: entry.Body{Data: fmt.Appendf(nil, `{"Key":{"id":{"S":"item-%d"}},"TableName":"bench"}`, i)},
			ResponseHeaders: entry.Header{
				{Name: "Content-Length", Value: "1012"}, {Name: "Content-Type", Value: "application/x-amz-json-1.0"},
				{Name: "Date", Value: "Thu, 19 Mar 2026 15:33:49 GMT"}, {Name: "X-Amzn-Requestid", Value: fmt.Sprintf("M9DP5QJ1VSBMJQ0S0RIF568PGBVV4KQNSO5AEMVJF66Q%08d", i)},
			},
			ResponseBody: entry.Body{Data: answer},
		}
		b.Write(append(e.AppendJSON(nil), '\n'))
	}
	return b.Bytes()
}

// BenchmarkReplay measures whole runs, output included, against a stub in the
// same process, and prints entries a second.
func BenchmarkReplay(b *testing.B) {
	tests := []struct {
		name        string
		concurrency int
		delay       time.Duration
		order       Order
	}{
		{"serial", 1, 0, Serial},
		{"8", 8, 0, Recorded},
		{"64", 64, 0, Recorded},
		{"5ms/256", 256, 5 * time.Millisecond, Recorded},
	}
	n := 20_000
	input := benchEntries(n)
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			addr := newStub(b, tt.delay)
			b.SetBytes(int64(len(input)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := New(Options{Endpoints: endpoint(addr), Order: tt.order, Concurrency: tt.concurrency})
				if err != nil {
					b.Fatal(err)
				}
				if err := r.Run(b.Context(), entry.NewReader(bytes.NewReader(input), "bench"), entry.NewWriter(io.Discard)); err != nil {
					b.Fatal(err)
				}
				if t := r.Summary().Total(); t.Matched != int64(n) {
					b.Fatalf("%+v", t)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkCorrelate measures what an entry costs that uses bound values.
func BenchmarkCorrelate(b *testing.B) {
	k := newCorrelator(newSeen(newHasher()))
	for i := range 10_000 {
		k.add(fmt.Appendf(nil, "i-%017x", i*7919), fmt.Appendf(nil, "i-%017x", i*104729), bindValue, false)
	}
	in, err := json.Marshal(map[string]any{"InstanceId": fmt.Sprintf("i-%017x", 5000*7919), "Text": strings.Repeat("some words of a request ", 40)})
	if err != nil {
		b.Fatal(err)
	}
	var r request
	var w rewriter
	for _, tt := range []struct {
		name string
		body []byte
	}{{"bound", in}, {"nothing bound", bytes.Replace(in, []byte("i-"), []byte("j-"), 1)}} {
		b.Run(tt.name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				r.Path, r.body = "/", tt.body
				r.findRuns(k.hasher, &w.tree)
				if _, _, err := w.rewrite(k, nil, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
