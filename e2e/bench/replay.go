package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// replay compares cm-replay with vegeta and hey, which send one request over and over and keep no answer, and with a
// replayer that sends one entry after the other by net/http.
func (b *bench) replay() error {
	for _, at := range []struct {
		delay string
		conns int
		order string
	}{{"0s", 8, "none"}, {"0s", 8, "recorded"}, {"5ms", 256, "none"}} {
		if err := b.replayAt(at.delay, at.conns, at.order); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) replayAt(delay string, conns int, order string) error {
	url, err := b.server("stub", delay)
	if err != nil {
		return err
	}
	t := newTable(fmt.Sprintf("replay: an endpoint that answers 1 KB after %s; %d connections; order %s", delay, conns, order), "requests/s")
	if delay == "0s" {
		rate, err := b.oneByOne(url)
		if err != nil {
			return err
		}
		t.line("one by one, net/http", rate, "")
	}
	rate, err := b.vegeta(url, conns)
	if err != nil {
		return err
	}
	t.line("vegeta attack", rate, "")
	if rate, err = b.hey(url, conns); err != nil {
		return err
	}
	t.line("hey", rate, "")

	n := int(rate*b.duration.Seconds()) + 1000
	file := b.path("replay.ndjson")
	if err := writeEntries(file, n, conns); err != nil {
		return err
	}
	cmd := b.tool("cm-replay", "--endpoint", url, "--concurrency", strconv.Itoa(conns), "--order", order, "--quiet", "--input", file, "--output", os.DevNull)
	took, peak, err := run(cmd)
	if err != nil {
		return err
	}
	t.line("cm-replay", float64(n)/took.Seconds(), fmt.Sprintf("%d entries, %d MB", n, peak>>20))
	return nil
}

// run runs cmd and tells its time and the most memory that it had resident.
func run(cmd *exec.Cmd) (time.Duration, int64, error) {
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return time.Since(began), usage.Maxrss << 10, nil
}

// writeEntries writes n recorded GETs of 1 KB, of which conns at a time overlapped.
func writeEntries(file string, n, conns int) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	body := strings.Repeat("0123456789abcde\\n", 64)
	for i := range n {
		fmt.Fprintf(w, `{"id":"bench-%d","timestamp":"2026-01-02T03:04:05Z","service":"s3","action":"GetObject","region":"us-east-1","host":"s3.us-east-1.amazonaws.com","method":"GET","path":"/bench/key-%d","status_code":200,"latency_ms":%d,"offset_ms":%d,"request_headers":{"Accept":"*/*"},"response_headers":{"Content-Type":"text/plain"},"response_body":"%s"}`+"\n",
			i, i, conns, i, body)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// oneByOne is how the simplest replayer works.
func (b *bench) oneByOne(url string) (float64, error) {
	began, n := time.Now(), 0
	for ; time.Since(began) < b.duration; n++ {
		resp, err := http.Get(url + "/bench/key-" + strconv.Itoa(n))
		if err != nil {
			return 0, err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return 0, err
		}
		resp.Body.Close()
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

func (b *bench) vegeta(url string, conns int) (float64, error) {
	vegeta, err := moduleTool("vegeta")
	if err != nil {
		return 0, err
	}
	line := fmt.Sprintf(`echo "GET %s/bench/key" | "$0" attack -rate 0 -max-workers %d -connections %[2]d -duration %s | "$0" report -type json`, url, conns, b.duration)
	out, err := exec.CommandContext(b.ctx, "bash", "-c", line, vegeta).Output()
	if err != nil {
		return 0, err
	}
	var report struct{ Throughput float64 }
	err = json.Unmarshal(out, &report)
	return report.Throughput, err
}

func (b *bench) hey(url string, conns int) (float64, error) {
	hey, err := moduleTool("hey")
	if err != nil {
		return 0, err
	}
	out, err := exec.CommandContext(b.ctx, hey, "-z", b.duration.String(), "-c", strconv.Itoa(conns), url+"/bench/key").Output()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(out)) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "Requests/sec:"); ok {
			return strconv.ParseFloat(strings.TrimSpace(text), 64)
		}
	}
	return 0, fmt.Errorf("hey did not say how many requests it sent")
}
