//go:build unix

package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/internal/capture"
	"github.com/neureaux/cloudmock/internal/sign"
)

// BenchmarkProxy compares the recorder, which verifies, signs, identifies and
// writes each call to a file, with a plain httputil.ReverseProxy that does nothing of that and
// whose idle pool is raised. Run it with
//
//	go test -run '^$' -bench Proxy -count 5 ./internal/proxy
func BenchmarkProxy(b *testing.B) {
	for _, size := range []struct {
		name    string
		up      int // bytes of the request's body
		down    int // and of the answer's
		maxBody int64
	}{
		{"1KB", 1 << 10, 1 << 10, 0},
		{"8MB-download", 0, 8 << 20, 64 << 10},
		{"8MB-upload", 8 << 20, 0, 64 << 10},
	} {
		upstream := benchUpstream(b, size.down)
		b.Run(size.name+"/ReverseProxy", func(b *testing.B) {
			u, err := url.Parse("http://" + upstream)
			if err != nil {
				b.Fatal(err)
			}
			transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
			defer transport.CloseIdleConnections()
			load(b, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }, Transport: transport}, size.up, size.down)
		})
		b.Run(size.name+"/cm-record", func(b *testing.B) {
			log, err := capture.OpenLog(filepath.Join(b.TempDir(), "recording.ndjson"), capture.LogOptions{})
			if err != nil {
				b.Fatal(err)
			}
			defer log.Close()
			recorder, err := capture.NewRecorder(capture.Options{Emit: log.Append, MaxBody: size.maxBody})
			if err != nil {
				b.Fatal(err)
			}
			keys := sign.NewKeyring(nil)
			keys.Add(sign.Key{Credentials: clientKey, As: sign.Static(realKey)}, time.Now())
			p, err := New(Options{Recorder: recorder, Keyring: keys, Upstream: &url.URL{Scheme: "http", Host: upstream}})
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			load(b, p, size.up, size.down)
			if n := p.counts.Signed.Load(); log.Entries() != n || n == 0 {
				b.Fatalf("%d calls signed, %d entries", n, log.Entries())
			}
		})
	}
}

// benchUpstream answers every request with the same bytes, at little cost.
func benchUpstream(b testing.TB, down int) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amzn-Requestid: 0DTDOQ5G6DK8PVCDOCOD2RHQ7VVV4KQNSO5AEMVJF66Q9ASUAAJG\r\n" +
		"X-Amz-Crc32: 298093499\r\nDate: Thu, 19 Mar 2026 15:33:49 GMT\r\nContent-Length: " + strconv.Itoa(down) + "\r\n\r\n" + strings.Repeat("x", down))
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				br := bufio.NewReaderSize(c, 64<<10)
				for {
					length := 0
					for {
						line, err := br.ReadSlice('\n')
						if err != nil {
							return
						}
						if len(line) <= 2 {
							break
						}
						if len(line) > 16 && bytes.EqualFold(line[:16], []byte("Content-Length: ")) {
							length, _ = strconv.Atoi(string(bytes.TrimSpace(line[16:])))
						}
					}
					if _, err := br.Discard(length); err != nil {
						return
					}
					if _, err := c.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// load sends requests over 32 connections.
func load(b *testing.B, h http.Handler, up, down int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := newServer(h)
	go server.Serve(newListener(l))
	defer server.Close()
	request := benchRequest(b, l.Addr().String(), up)
	b.SetBytes(int64(up + down))
	b.ReportAllocs()
	b.SetParallelism(16)
	before := cpuTime()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		br := bufio.NewReaderSize(c, 64<<10)
		for pb.Next() {
			if _, err := c.Write(request); err != nil {
				b.Error(err)
				return
			}
			if err := benchResponse(br, down); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	// Less swayed by what else the machine does.
	b.ReportMetric(float64((cpuTime()-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// cpuTime is what the process has used, client and upstream included.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchRequest returns a signed request as bytes.
func benchRequest(b testing.TB, host string, up int) []byte {
	body := strings.Repeat("a", up)
	r := sign.Request{Method: "POST", Host: host, Path: "/", Header: []sign.Field{
		{Name: "Content-Type", Value: "application/x-amz-json-1.0"}, {Name: "X-Amz-Target", Value: "DynamoDB_20120810.PutItem"},
		{Name: "User-Agent", Value: "aws-sdk-go-v2/1.40 os/linux lang/go#1.26"}, {Name: "Accept-Encoding", Value: "identity"},
		{Name: "Amz-Sdk-Invocation-Id", Value: "11ce9c7c-37a7-4a2d-8e17-9d2b6f0fd8ba"}, {Name: "Amz-Sdk-Request", Value: "attempt=1; max=3"}}}
	service := "dynamodb"
	o := sign.Options{Region: "us-east-1", Time: time.Now(), Payload: hexSHA(body)}
	if up != 1<<10 {
		r.Method, r.Path, service = "PUT", "/bucket/key", "s3"
		if up == 0 {
			r.Method = "GET"
		}
	}
	o.Service = service
	var s sign.Signer
	if _, err := s.Sign(&r, clientKey, o); err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Path, r.Host)
	for _, f := range r.Header {
		fmt.Fprintf(&out, "%s: %s\r\n", f.Name, f.Value)
	}
	fmt.Fprintf(&out, "Content-Length: %d\r\n\r\n%s", up, body)
	return out.Bytes()
}

func benchResponse(br *bufio.Reader, down int) error {
	first := true
	for {
		line, err := br.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			rest, _ := io.ReadAll(io.LimitReader(br, 1000)) // for the message
			return fmt.Errorf("%s%s", line, rest)
		}
		first = false
		if len(line) <= 2 {
			break
		}
	}
	_, err := br.Discard(down)
	return err
}
