package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// diff compares cm-diff with jq on lines of 15 KB, a DynamoDB page each, and with a program of jq that compares bodies.
func (b *bench) diff() error {
	equal, differing := b.path("equal.ndjson"), b.path("differing.ndjson")
	const n = 10_000
	if err := writePages(equal, n, false); err != nil {
		return err
	}
	if err := writePages(differing, n, true); err != nil {
		return err
	}
	compared := b.path("compared.ndjson")
	if err := b.tool("cm-diff", "--strict", "--input", differing, "--output", compared).Run(); err != nil {
		return err
	}
	t := newTable(fmt.Sprintf("diff: %d lines of 15 KB, %d processors", n, runtime.NumCPU()), "MB/s")
	const compare = `.match = ((.response_body | fromjson) == (.replay.response_body | fromjson))`
	for _, s := range []struct {
		name, file string
		copies     int // at the same time
		cmd        []string
	}{
		{"jq -c .", equal, 1, []string{"jq", "-c", "."}},
		{"jq, comparing bodies that differ", differing, 1, []string{"jq", "-c", compare}},
		{"cm-diff", equal, 1, []string{b.path("cm-diff")}},
		{"cm-diff --strict, equal", equal, 1, []string{b.path("cm-diff"), "--strict"}},
		{"cm-diff --strict, differing, all processors", differing, 1, []string{b.path("cm-diff"), "--strict"}},
		{"the same, one processor", differing, 1, []string{"env", "GOMAXPROCS=1", b.path("cm-diff"), "--strict"}},
		{"that on each: what the machine can do", differing, runtime.NumCPU(), []string{"env", "GOMAXPROCS=1", b.path("cm-diff"), "--strict"}},
		{"cm-report", compared, 1, []string{"sh", "-c", `"$0" --format json || [ $? = 1 ]`, b.path("cm-report")}},
	} {
		if err := b.throughput(t, s.name, s.file, s.copies, s.cmd); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// throughput runs copies of a program that reads the file, side by side.
func (b *bench) throughput(t *table, name, file string, copies int, args []string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	errs := make([]error, copies)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range errs {
		wg.Go(func() { errs[i] = b.filter(file, args) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	t.line(name, float64(copies)*float64(info.Size())/1e6/time.Since(began).Seconds(), "")
	return nil
}

// filter runs a program on a file.
func (b *bench) filter(file string, args []string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	cmd := exec.CommandContext(b.ctx, args[0], args[1:]...)
	cmd.Stdin = in
	_, _, err = run(cmd)
	return err
}

// writePages writes n scans whose replay is equal byte for byte, or differs in one item, in the order of keys and in
// what varies by nature.
func writePages(file string, n int, differing bool) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for i := range n {
		original := page(i, 0)
		replay := original
		if differing {
			replay = page(i, 1)
		}
		fmt.Fprintf(w, `{"id":"bench-%d","timestamp":"2026-01-02T03:04:05Z","service":"dynamodb","action":"Scan","region":"us-east-1","method":"POST","path":"/","status_code":200,"latency_ms":5,"offset_ms":%d,"request_headers":{"Content-Type":"application/x-amz-json-1.0","X-Amz-Target":"DynamoDB_20120810.Scan"},"request_body":"{\"TableName\":\"bench\"}","response_headers":{"Content-Type":"application/x-amz-json-1.0","X-Amzn-Requestid":"%032d"},"response_body":%s,"replay":{"status_code":200,"latency_ms":1,"response_headers":{"Content-Type":"application/x-amz-json-1.0","X-Amzn-Requestid":"%032d"},"response_body":%s}}`+"\n",
			i, i*10, i, original, i+1, replay)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// page is a JSON string with a page of about 7 KB; variant 1 differs in one price.
func page(i, variant int) string {
	type item map[string]map[string]any
	items := make([]item, 30)
	for k := range items {
		price := k
		if k == 17 {
			price += variant
		}
		items[k] = item{
			"id":      {"S": fmt.Sprintf("6f1c2f3e-%04d-4b7e-9c57-%012d", k, i)},
			"price":   {"N": fmt.Sprint(price)},
			"title":   {"S": "An item with a \"quoted\" title, a line\nand ünicode"},
			"updated": {"S": "2026-01-02T03:04:05.678Z"},
			"tags":    {"SS": []string{"red", "green", "blue"}},
		}
	}
	body, err := json.Marshal(map[string]any{"Count": len(items), "ScannedCount": len(items), "Items": items})
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(string(body))
	if err != nil {
		panic(err)
	}
	return string(text)
}
