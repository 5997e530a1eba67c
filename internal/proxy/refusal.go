package proxy

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/neureaux/cloudmock/internal/capture"
	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// Whoever reaches the port can be refused, as often as they like. These bound what that adds to
// the recording; every refusal is counted.
const (
	refusalsPerSecond = 10      // recorded with the same error code
	refusalsPerRun    = 1000    // recorded at all
	maxRefusedHead    = 8 << 10 // bytes of path, query and header fields; a longer request is only counted
)

// A quota tells which refusals are recorded.
type quota struct {
	mu     sync.Mutex
	total  int
	second int64
	codes  map[string]int // in this second
}

func (q *quota) take(code string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s := now.Unix(); s != q.second || q.codes == nil {
		q.second, q.codes = s, make(map[string]int)
	}
	if q.total >= refusalsPerRun || q.codes[code] >= refusalsPerSecond {
		return false
	}
	q.total++
	q.codes[code]++
	return true
}

// refuse answers without having sent anything upstream.
func (c *call) refuse(f *failure) {
	c.p.counts.Refused.Add(1)
	c.p.warned.once(c.p.o.Logger, f.message)
	service := c.api.Service
	if service == "" {
		service = c.claim.Service
	}
	f.write(c.w, c.r, service, c.api.Protocol)
}

// refuseCall refuses what a client of AWS sent, and records that. Requests that the gate keeps out
// are not a client's: web pages and other machines have no say in what a recording holds.
func (c *call) refuseCall(f *failure) {
	if f.status != statusBroken {
		c.recordRefusal(f)
	}
	c.refuse(f)
}

// recordRefusal makes an entry of a call that was not sent. Nobody has vouched for it: its
// body is left out.
func (c *call) recordRefusal(f *failure) {
	c.readHead() // as it came: a call that got far had its header changed
	c.body.read = true
	if c.api.Service == "" {
		name, _ := splitHost(c.in.Host)
		label, _ := c.p.gate.label(name)
		c.identify(label)
	}
	if c.scheme == sign.Unsigned && c.api.Service == "" {
		return // anything at all
	}
	size := len(c.in.Path) + len(c.in.RawQuery)
	for _, field := range c.in.Header {
		size += len(field.Name) + len(field.Value)
	}
	if size > maxRefusedHead || !c.p.refusals.take(f.code, c.p.o.Now()) {
		c.p.warned.once(c.p.o.Logger, fmt.Sprintf("refused calls that are larger than %d KiB, more than %d a second or more than %d are counted, and not recorded", maxRefusedHead>>10, refusalsPerSecond, refusalsPerRun))
		return
	}
	x := c.begin()
	if !c.transparent {
		x.Entry.Host = "" // it was the recorder's
	}
	message := f.message
	if c.claim.KeyID != "" {
		message = strings.ReplaceAll(message, clip(c.claim.KeyID), "(its id)")
	}
	x.Entry.Origin = entry.OriginProxy
	if x.Finish(fmt.Errorf("refused: %s: %s", f.code, message)) == nil { // its error is kept by the log, and Broken tells it
		c.p.counts.Noted.Add(1)
	}
}

// begin starts the exchange of a call, with the request as the client sent it.
func (c *call) begin() *capture.Exchange {
	x := c.p.o.Recorder.Begin()
	e := &x.Entry
	e.Method, e.Host, e.Path, e.Query = c.in.Method, c.in.Host, c.in.Path, c.in.RawQuery
	e.ClientScheme = "http"
	if overTLS(c.r) {
		e.ClientScheme = "https"
	}
	e.RequestHeaders = append(e.RequestHeaders, c.in.Header...)
	e.SignedAs = c.signedAs
	x.Call = c.api
	return x
}
