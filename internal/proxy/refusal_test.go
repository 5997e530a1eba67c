package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// isRefusal checks the entry of a call that was refused: who sent it proved nothing, so nothing
// but the head is kept, without credentials.
func (r *rig) isRefusal(t *testing.T, code string, secrets ...string) {
	t.Helper()
	entries := r.entries()
	if len(entries) != 1 {
		t.Fatalf("%d entries", len(entries))
	}
	e := entries[0]
	if e.Origin != entry.OriginProxy || e.StatusCode != 0 || !strings.HasPrefix(e.Error, "refused: "+code+": ") || e.Method == "" || len(e.ResponseHeaders) > 0 {
		t.Errorf("%+v", e)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range append(secrets, clientKey.KeyID, "AKIDOTHER", clientKey.Secret, realKey.Token, realKey.KeyID) {
		if s != "" && strings.Contains(r.lines[0], s) {
			t.Errorf("the entry has %s: %s", s, r.lines[0])
		}
	}
	if len(e.RequestBody.Data) > 0 || e.RequestBody.Size > 0 {
		t.Errorf("the entry has the body %q", e.RequestBody.Data)
	}
}

func TestRefusalsThatAreOnlyCounted(t *testing.T) {
	bad := sign.Credentials{KeyID: "AKIDOTHER", Secret: "x"}
	for _, tt := range []struct {
		name    string
		request func(r *rig) *http.Request
	}{
		{"a web page's", func(r *rig) *http.Request {
			return r.request("GET", "/bkt/k", "", bad, "s3", "Origin", "https://evil.example")
		}},
		{"a preflight", func(r *rig) *http.Request {
			return r.request("OPTIONS", "/bkt/k", "", sign.Credentials{}, "s3", "Access-Control-Request-Method", "PUT")
		}},
		{"for another host", func(r *rig) *http.Request { return r.request("GET", "/bkt/k", "", bad, "s3", "Host", "evil.example") }},
		{"larger than calls of AWS clients are", func(r *rig) *http.Request {
			return r.request("GET", "/bkt/"+strings.Repeat("k", maxRefusedHead), "", bad, "s3")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, nil)
			if status, body, _ := r.do(tt.request(r)); status != http.StatusForbidden {
				t.Errorf("%d %s", status, body)
			}
			if n := r.proxy.counts.Refused.Load(); n != 1 {
				t.Errorf("%d were counted", n)
			}
			if e := r.entries(); len(e) > 0 {
				t.Errorf("recorded: %+v", e)
			}
		})
	}
}

// An unsigned request that is no call of AWS is nothing to record: any program may look whether
// the port answers.
func TestNoCallIsOnlyCounted(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Upstream = nil })
	if status, body, _ := r.do(r.request("GET", "/favicon.ico", "", sign.Credentials{}, "")); status != http.StatusBadRequest {
		t.Errorf("%d %s", status, body)
	}
	if e := r.entries(); len(e) > 0 {
		t.Errorf("recorded: %+v", e)
	}
}

func TestACallThatHasNoEndpointIsRecordedAsRefused(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Upstream = nil })
	if status, body, _ := r.do(r.request("POST", "/prod/pets", "secret body", clientKey, "execute-api")); status != http.StatusBadRequest || !strings.Contains(body, "forward mode") {
		t.Errorf("%d %s", status, body)
	}
	r.isRefusal(t, "InvalidRequest", "secret body")
}

// Who is refused for ever does not fill the disk.
func TestRefusalsAreBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	var q quota
	taken := 0
	for range 1000 {
		if q.take("SignatureDoesNotMatch", now) {
			taken++
		}
	}
	if taken != refusalsPerSecond {
		t.Errorf("%d in one second", taken)
	}
	if !q.take("InvalidAccessKeyId", now) {
		t.Error("another reason is not recorded")
	}
	for i := range 10 * refusalsPerRun {
		if q.take(fmt.Sprint("code", i%3), now.Add(time.Duration(i)*100*time.Millisecond)) {
			taken++
		}
	}
	if taken+1 != refusalsPerRun {
		t.Errorf("%d in all", taken+1)
	}
}

func TestAnAnswerOfTheRecordersOwnIsMarked(t *testing.T) {
	r := newRig(t, nil)
	r.upstream.Close()
	if status, body, _ := r.do(r.request("GET", "/bkt/k", "", clientKey, "s3")); status != http.StatusBadGateway {
		t.Errorf("%d %s", status, body)
	}
	e := r.entries()
	if len(e) != 1 || e[0].Origin != entry.OriginProxy || e[0].Error == "" || e[0].StatusCode != 0 {
		t.Errorf("%+v", e)
	}
}
