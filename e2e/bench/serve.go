package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// serve is the far side of a measurement, a process of its own: "stub DELAY" answers 1 KB after the delay, and as many
// bytes as its path says for /bytes/N; "proxy URL" is httputil.ReverseProxy, which records nothing, and "digest URL" one that computes the SHA-256 of
// each answer, and nothing else. All print their address.
func serve(args []string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	switch args[0] {
	case "stub":
		delay, err := time.ParseDuration(args[1])
		if err != nil {
			return err
		}
		kilobyte := []byte(strings.Repeat("0123456789abcde\n", 64))
		big := make([]byte, 8<<20)
		s := &fasthttp.Server{MaxRequestBodySize: 1 << 30, Handler: func(ctx *fasthttp.RequestCtx) {
			if delay > 0 {
				<-time.After(delay)
			}
			if strings.HasSuffix(string(ctx.Path()), "/big") {
				ctx.Response.SetBodyRaw(big)
				return
			}
			ctx.Response.SetBodyRaw(kilobyte)
		}}
		return s.Serve(l)
	case "proxy", "digest":
		u, err := url.Parse(args[1])
		if err != nil {
			return err
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 1024, 1024 // Go's default of 2 halves any proxy
		proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}
		if args[0] == "digest" {
			proxy.ModifyResponse = func(r *http.Response) error {
				r.Body = digested{io.TeeReader(r.Body, sha256.New()), r.Body}
				return nil
			}
		}
		return http.Serve(l, proxy)
	}
	return fmt.Errorf("unknown server %q", args[0])
}

type digested struct {
	io.Reader
	io.Closer
}

// server starts such a process and returns its URL.
func (b *bench) server(args ...string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(b.ctx, self, append([]string{"serve"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := b.start(cmd); err != nil {
		return "", err
	}
	var address string
	if _, err := fmt.Fscanln(out, &address); err != nil {
		return "", err
	}
	return "http://" + address, nil
}
