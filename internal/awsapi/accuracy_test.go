package awsapi

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A sample is one request that an SDK made, and what it is; see testset.
type sample struct {
	SDK       string         `json:"sdk"`
	Service   string         `json:"service"`
	ServiceID string         `json:"service_id"`
	Action    string         `json:"action"`
	Method    string         `json:"method"`
	URL       string         `json:"url"`
	Headers   map[string]any `json:"headers"`
	Body      []byte         `json:"body"`
}

func (s *sample) request() *Request {
	_, rest, _ := strings.Cut(s.URL, "://")
	rest, query, _ := strings.Cut(rest, "?")
	host, path := rest, "/"
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	header := http.Header{}
	for k, v := range s.Headers {
		header.Set(k, fmt.Sprint(v))
	}
	if h := header.Get("Host"); h != "" {
		host = h
	}
	return &Request{Method: s.Method, Host: host, Path: path, RawQuery: query, Header: header.Get, Body: s.Body}
}

func readSamples(tb testing.TB, file string) []*sample {
	tb.Helper()
	f, err := os.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = bufio.NewReader(f)
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			tb.Fatal(err)
		}
	}
	var out []*sample
	for dec := json.NewDecoder(r); ; {
		s := &sample{}
		if err := dec.Decode(s); err == io.EOF {
			return out
		} else if err != nil {
			tb.Fatalf("%s: %v", file, err)
		}
		out = append(out, s)
	}
}

// TestAccuracy identifies requests that real SDKs made: the committed sample,
// or with AWSAPI_REQUESTS=DIR every *.ndjson in DIR (see testset/README.md).
func TestAccuracy(t *testing.T) {
	files := []string{filepath.Join("testdata", "requests.ndjson.gz")}
	if dir := os.Getenv("AWSAPI_REQUESTS"); dir != "" {
		files, _ = filepath.Glob(filepath.Join(dir, "*.ndjson"))
	}
	if len(files) == 0 {
		t.Fatal("AWSAPI_REQUESTS names a folder without requests")
	}
	variants := []struct {
		name string
		bar  float64 // share that must be right
		edit func(*Request) bool
	}{
		{"as sent", 99.9, func(*Request) bool { return true }},
		{"unsigned, to AWS", 99.5, func(r *Request) bool {
			dropHeader(r, "Authorization")
			_, ok := ParseHost(r.Host)
			return ok
		}},
	}
	for _, file := range files {
		samples := readSamples(t, file)
		for _, v := range variants {
			wrongAction, wrongService, n := 0, 0, 0
			classes := map[string]int{}
			for _, s := range samples {
				r := s.request()
				if !v.edit(r) {
					continue
				}
				n++
				c := Identify(r)
				if c.Action != s.Action {
					wrongAction++
					classes[fmt.Sprintf("%s %s: action %q", s.ServiceID, s.Action, c.Action)]++
				}
				// Without a scope, the name is the service's today.
				if unsigned := r.Header("Authorization") == ""; c.Service != strings.ToLower(s.Service) && !(unsigned && c.ServiceID == s.ServiceID) {
					wrongService++
					classes[fmt.Sprintf("%s %s: service %q, not %q", s.ServiceID, s.Action, c.Service, s.Service)]++
				}
			}
			if n == 0 {
				continue
			}
			share := func(wrong int) float64 { return 100 * float64(n-wrong) / float64(n) }
			t.Logf("%s, %s: %d requests, action %.3f %%, service %.3f %%", filepath.Base(file), v.name, n, share(wrongAction), share(wrongService))
			if share(wrongAction) < v.bar || share(wrongService) < v.bar || testing.Verbose() {
				for i, class := range slices.Sorted(maps.Keys(classes)) {
					if i == 100 {
						t.Log("...")
						break
					}
					t.Logf("%4d %s", classes[class], class)
				}
			}
			if share(wrongAction) < v.bar || share(wrongService) < v.bar {
				t.Errorf("%s, %s: below %.1f %%", filepath.Base(file), v.name, v.bar)
			}
		}
	}
}

func dropHeader(r *Request, name string) {
	header := r.Header
	r.Header = func(n string) string {
		if n == name {
			return ""
		}
		return header(n)
	}
}
