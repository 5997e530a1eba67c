package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A recording that somebody else made must not send the replay anywhere but to the endpoint, nor one request more than
// it has entries.
func TestHostileRecordingReachesOnlyTheEndpoint(t *testing.T) {
	var mu sync.Mutex
	var arrived []string
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // whatever it is
		mu.Lock()
		defer mu.Unlock()
		arrived = append(arrived, r.Method+" "+r.RequestURI+" "+r.Header.Get("X-Cloudmock-Replay"))
	}))
	defer endpoint.Close()
	elsewhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	reached := make(chan string, 100)
	go func() {
		for {
			c, err := elsewhere.Accept()
			if err != nil {
				close(reached)
				return
			}
			reached <- c.RemoteAddr().String()
			c.Close()
		}
	}()
	evil := elsewhere.Addr().String()
	smuggled := " HTTP/1.1\r\nHost: x\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	hostile := []map[string]any{
		{"path": "http://" + evil + "/absolute"},
		{"path": "//" + evil + "/authority"},
		{"path": "@" + evil + "/userinfo"},
		{"path": ":80@" + evil},
		{"path": "/%0d%0a/../../../etc"},
		{"path": "/path" + smuggled},
		{"path": "/query", "query": "a=b" + smuggled},
		{"path": "*"},
		{"path": ""},
		{"path": evil, "method": "CONNECT"},
		{"path": "/method", "method": "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\nPUT"},
		{"path": "/host", "host": evil},
		{"path": "/host", "host": "b.s3.amazonaws.com\r\nX: y\r\n\r\nGET /smuggled HTTP/1.1"},
		{"path": "/host", "host": "user@" + evil + "/#.s3.us-east-1.amazonaws.com"},
		{"path": "/region", "region": evil + "/#"},
		{"path": "/service", "service": "../" + evil},
		{"path": "/header", "request_headers": map[string]any{"Host": evil, "X-Forwarded-Host": evil, "Proxy-Authorization": "x"}},
		{"path": "/header", "request_headers": map[string]any{"X": "a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"}},
		{"path": "/header", "request_headers": map[string]any{"X: y\r\n\r\nGET /smuggled HTTP/1.1\r\nY": "z"}},
		{"path": "/length", "method": "PUT", "request_headers": map[string]any{"Content-Length": "0"}, "request_body": "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"path": "/chunked", "method": "PUT", "request_headers": map[string]any{"Transfer-Encoding": "chunked"}, "request_body": "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"path": "/upgrade", "request_headers": map[string]any{"Connection": "Upgrade", "Upgrade": "h2c"}},
		{"path": "/expect", "method": "PUT", "request_headers": map[string]any{"Expect": "100-continue"}, "request_body": "x"},
		{"path": "/giant", "request_headers": map[string]any{"X-Giant": strings.Repeat("x", 4<<20)}},
	}
	var stream bytes.Buffer
	for i, e := range hostile {
		for name, value := range map[string]any{"id": "hostile-" + string(rune('a'+i)), "method": "GET", "status_code": 200, "service": "s3", "host": "b.s3.us-east-1.amazonaws.com", "request_headers": map[string]any{}, "offset_ms": i, "latency_ms": 0.5} {
			if _, ok := e[name]; !ok {
				e[name] = value
			}
		}
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		stream.Write(append(line, '\n'))
	}
	cmd := tool(t, "cm-replay", "--endpoint", endpoint.URL, "--timeout", "10s")
	cmd.Stdin = &stream
	r := output(t, cmd)
	if r.status != 0 {
		t.Errorf("exit status %d\n%s", r.status, tail(r.stderr))
	}
	all := read(t, r.stdout)
	if len(all) != len(hostile) {
		t.Errorf("%d entries came out, want %d", len(all), len(hostile))
	}
	for _, e := range all {
		if e.Replay == nil || e.Replay.StatusCode == 0 && e.Replay.Error == "" {
			t.Errorf("%s (%.40s) was neither sent nor refused", e.ID, e.Path)
		}
	}
	elsewhere.Close()
	for from := range reached {
		t.Errorf("a connection from %s reached another host", from)
	}
	if len(arrived) > len(hostile) {
		t.Errorf("%d requests arrived of %d entries", len(arrived), len(hostile))
	}
	for _, a := range arrived {
		if strings.Contains(a, "/smuggled ") && !strings.Contains(a, "%20") {
			t.Errorf("a smuggled request arrived: %s", a)
		}
		if strings.HasSuffix(a, " ") {
			t.Errorf("a request arrived without the mark of a replay: %s", a)
		}
	}
}
