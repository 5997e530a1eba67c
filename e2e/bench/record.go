package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/valyala/fasthttp"
)

const (
	accessKey = "AKIAE2EBENCH00000001"
	secretKey = "bench/secret"
)

// record compares cm-record, which verifies each signature, signs anew and writes each call to a file before its answer
// ends, with a reverse proxy that does nothing of it.
func (b *bench) record() error {
	upstream, err := b.server("stub", "0s")
	if err != nil {
		return err
	}
	proxy, err := b.server("proxy", upstream)
	if err != nil {
		return err
	}
	digest, err := b.server("digest", upstream)
	if err != nil {
		return err
	}
	recorder, pid, err := b.recorder(upstream)
	if err != nil {
		return err
	}
	t := newTable("record: 1 KB answers, 32 connections", "requests/s")
	for _, s := range []struct{ name, url string }{{"no proxy", upstream}, {"httputil.ReverseProxy", proxy}, {"cm-record", recorder}} {
		rate, _, err := b.load(s.url+"/bench/key", 32)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		t.line(s.name, rate, "")
	}
	for _, conns := range []int{4, 32} {
		t = newTable(fmt.Sprintf("record: 8 MB answers, %d connections", conns), "MB/s")
		for _, s := range []struct{ name, url string }{
			{"httputil.ReverseProxy", proxy}, {"httputil.ReverseProxy and SHA-256", digest}, {"cm-record", recorder}, {"no proxy", upstream},
		} {
			_, bytes, err := b.load(s.url+"/bench/big", conns)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			t.line(s.name, bytes/1e6, "")
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM:") {
			fmt.Printf("  cm-record's peak memory: %s", strings.TrimSpace(line[6:])+"\n")
		}
	}
	return nil
}

// recorder starts cm-record before upstream, bodies beyond 1 MB being digested only.
func (b *bench) recorder(upstream string) (url string, pid int, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", 0, err
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := strings.Cut(address, ":")
	cmd := b.tool("cm-record", "--quiet", "--upstream", upstream, "--port", port, "--max-body", "1048576", "--output", b.path("recording.ndjson"))
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY="+secretKey, "AWS_REGION=us-east-1", "HOME="+filepath.Dir(b.path("x")))
	cmd.Stderr = os.Stderr
	if err := b.start(cmd); err != nil {
		return "", 0, err
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return "http://" + address, cmd.Process.Pid, nil
		}
		if time.Now().After(deadline) {
			return "", 0, fmt.Errorf("cm-record does not listen: %w", err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// load sends one signed GET over and over and returns calls and bytes per second.
func (b *bench) load(url string, conns int) (rate, bytes float64, err error) {
	signed, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, 0, err
	}
	const unsigned = "UNSIGNED-PAYLOAD"
	signed.Header.Set("X-Amz-Content-Sha256", unsigned)
	key := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	if err := v4.NewSigner().SignHTTP(context.Background(), key, signed, unsigned, "s3", "us-east-1", time.Now()); err != nil {
		return 0, 0, err
	}
	client := &fasthttp.HostClient{Addr: signed.URL.Host, MaxConns: conns, MaxIdemponentCallAttempts: 1}
	var calls, received atomic.Int64
	var failure atomic.Pointer[error]
	var done sync.WaitGroup
	began := time.Now()
	for range conns {
		done.Go(func() {
			req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
			defer fasthttp.ReleaseRequest(req)
			defer fasthttp.ReleaseResponse(resp)
			req.SetRequestURI(url)
			for name, values := range signed.Header {
				req.Header.Set(name, values[0])
			}
			for time.Since(began) < b.duration && failure.Load() == nil {
				err := client.Do(req, resp)
				if err == nil && resp.StatusCode() != http.StatusOK {
					err = fmt.Errorf("status %d: %.300s", resp.StatusCode(), resp.Body())
				}
				if err != nil {
					failure.Store(&err)
					return
				}
				calls.Add(1)
				received.Add(int64(len(resp.Body())))
			}
		})
	}
	done.Wait()
	took := time.Since(began).Seconds()
	if err := failure.Load(); err != nil {
		return 0, 0, *err
	}
	return float64(calls.Load()) / took, float64(received.Load()) / took, nil
}
