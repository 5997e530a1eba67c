package diff

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// A world is one run of a workload: its account, its endpoint, its clock, and
// the values that its services made up, by the name that a script gives them.
type world struct {
	rng     *rand.Rand
	values  map[string]string
	account string
	host    string // what stands before the path in URLs; "" for AWS's own hosts
	now     time.Time
}

func newWorld(seed uint64, account, host string, now time.Time) *world {
	return &world{rng: rand.New(rand.NewPCG(seed, 1)), values: map[string]string{}, account: account, host: host, now: now}
}

const (
	hexAlphabet    = "0123456789abcdef"
	upperAlphabet  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	lowerAlphabet  = "abcdefghijklmnopqrstuvwxyz0123456789"
	base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	alnumAlphabet  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

func (w *world) text(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[w.rng.IntN(len(alphabet))]
	}
	return string(b)
}

// placeholder is <kind name> or <kind>, where a name makes the value the same
// wherever it stands.
var placeholder = regexp.MustCompile(`<<(\w+)(?: ([^>]*))?>>`)

// value makes the value of a placeholder.
func (w *world) value(kind, arg string) string {
	key := kind + " " + arg
	if v, ok := w.values[key]; ok && arg != "" {
		return v
	}
	v := ""
	switch kind {
	case "uuid":
		h := w.text(hexAlphabet, 32)
		v = h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
	case "res": // <<res i-#1>>
		prefix, _, _ := strings.Cut(arg, "#")
		v = prefix + w.text(hexAlphabet, 16) + "0"
	case "tok":
		v = w.text(base64Alphabet, 56)
	case "ver":
		v = w.text(alnumAlphabet, 32)
	case "alnum10":
		v = w.text(lowerAlphabet, 10)
	case "letters6":
		v = w.text(alnumAlphabet, 6)
	case "upper":
		v = w.text(upperAlphabet, 17)
	case "reqid":
		v = w.text(upperAlphabet, 52)
	case "hex32":
		v = w.text(hexAlphabet, 32)
	case "hex64":
		v = w.text(hexAlphabet, 64)
	case "seq":
		v = "4959" + w.text("0123456789", 52)
	case "seq20":
		v = "18" + w.text("0123456789", 18)
	case "sec":
		v = w.text(base64Alphabet, 40)
	case "ver9":
		v = w.text(alnumAlphabet, 9)
	case "cfn":
		v = w.text(lowerAlphabet, 12)
	case "alnum12":
		v = w.text(lowerAlphabet, 12)
	case "num64": // as many digits as it happens to have
		v = strconv.FormatUint(w.rng.Uint64()>>1|1<<55, 10)
	case "hex8":
		v = w.text(hexAlphabet, 8)
	case "hex6":
		v = w.text(hexAlphabet, 5) + w.text(hexAlphabet[:10], 1)
	case "low8":
		v = w.text(lowerAlphabet[:26], 8)
	case "b64url":
		v = w.text(alnumAlphabet+"-_", 43)
	case "hex16":
		v = w.text(hexAlphabet, 16)
	case "upper26":
		v = w.text(upperAlphabet[:26], 26)
	case "dig":
		v = w.text("123456789", 9)
	case "lag":
		v = strconv.Itoa(w.rng.IntN(3000))
	case "dash":
		v = strings.ReplaceAll(w.value("ip", arg), ".", "-")
	case "ip":
		v = fmt.Sprintf("10.%d.%d.%d", w.rng.IntN(250), w.rng.IntN(250), 1+w.rng.IntN(250))
	case "acct":
		return w.account
	case "url":
		if w.host != "" {
			return w.host
		}
		return "https://" + arg + ".us-east-1.amazonaws.com"
	case "s3url":
		if w.host != "" {
			return w.host + "/" + arg
		}
		return "https://" + arg + ".s3.us-east-1.amazonaws.com"
	case "iso", "isoms", "isoz4", "http", "epoch", "epochf", "epochms", "basic", "dashes", "digits", "british":
		v = w.time(kind, arg)
	case "var": // any text that the service makes of another value
		v = w.text(alnumAlphabet, 12)
	default:
		panic("unknown placeholder " + kind)
	}
	w.values[key] = v
	return v
}

func (w *world) time(kind, arg string) string {
	off, _ := strconv.Atoi(strings.Fields(arg + " 0")[0])
	t := w.now.Add(time.Duration(off)*time.Second + time.Duration(w.rng.IntN(1e9)))
	switch kind {
	case "iso":
		return t.Format("2006-01-02T15:04:05Z")
	case "isoms":
		return t.Format("2006-01-02T15:04:05.000Z")
	case "isoz4":
		return t.Format("2006-01-02T15:04:05.000+0000")
	case "http":
		return t.Format("Mon, 02 Jan 2006 15:04:05 GMT")
	case "epoch":
		return strconv.FormatInt(t.Unix(), 10)
	case "epochf":
		return fmt.Sprintf("%d.%03d", t.Unix(), t.Nanosecond()/1e6)
	case "dashes":
		return t.Format("2006-01-02-15-04")
	case "digits":
		return t.Format("20060102150405")
	case "british":
		return t.Format("02/01/2006, 15:04:05")
	case "epochms":
		return strconv.FormatInt(t.UnixMilli(), 10)
	}
	return t.Format("20060102T150405Z")
}

// expand fills a template; used collects what the service made up in it.
func (w *world) expand(s string, used func(kind, arg string)) string {
	return placeholder.ReplaceAllStringFunc(s, func(m string) string {
		p := placeholder.FindStringSubmatch(m)
		if used != nil {
			used(p[1], p[2])
		}
		return w.value(p[1], p[2])
	})
}

// A call is one exchange of a script, with placeholders.
type call struct {
	service, action, method, host, path, query string
	contentType                                string // of the answer; "" for the service's usual one
	headers                                    string // of the answer, "name: value" in lines
	request, answer                            string
	status                                     int
	cbor                                       bool // the answer is written as CBOR
}

var md5Of = regexp.MustCompile(`MD5\(([^()]*)\)`)

// honest makes two runs of the script: entries as cm-replay leaves them.
func honest(tb testing.TB, script []call, repeat int, seed uint64) []*entry.Line {
	var lines []*entry.Line
	a := newWorld(seed, "456752665576", "", time.Date(2026, 3, 19, 15, 30, 0, 0, time.UTC))
	b := newWorld(seed+1000, "000000000000", "http://localhost:4566", time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC))
	for round := range repeat {
		for i, c := range script {
			a.now, b.now = a.now.Add(time.Second), b.now.Add(100*time.Millisecond)
			local := func(s string) string { return strings.ReplaceAll(s, "%R", strconv.Itoa(round)) }
			var rewrites []entry.Rewrite
			learn := func(kind, arg string) {
				x, y := a.value(kind, arg), b.value(kind, arg)
				if x != y {
					rewrites = append(rewrites, entry.Rewrite{Original: x, Replay: y, Where: "body"})
				}
			}
			e := entry.Entry{ID: fmt.Sprintf("honest-%d-%d", round, i), Timestamp: a.now, Service: c.service, Action: c.action, Region: "us-east-1",
				Method: or(c.method, "POST"), Host: or(c.host, c.service+".us-east-1.amazonaws.com"), Path: a.expand(local(or(c.path, "/")), learn), Query: a.expand(local(c.query), learn),
				RequestBody: entry.Body{Data: []byte(a.expand(local(c.request), learn))}, StatusCode: c.status}
			if e.StatusCode == 0 {
				e.StatusCode = 200
			}
			e.ResponseHeaders, e.ResponseBody = answerOf(tb, a, c, local)
			e.Replay = &entry.Replay{StatusCode: e.StatusCode, Rewrites: rewrites}
			e.Replay.ResponseHeaders, e.Replay.ResponseBody = answerOf(tb, b, c, local)
			l := &entry.Line{Name: "honest", Number: len(lines) + 1}
			if err := l.Parse(e.AppendJSON(nil)); err != nil {
				tb.Fatal(err)
			}
			lines = append(lines, l)
		}
	}
	return lines
}

func answerOf(tb testing.TB, w *world, c call, local func(string) string) (entry.Header, entry.Body) {
	body := w.expand(local(c.answer), nil)
	body = md5Of.ReplaceAllStringFunc(body, func(m string) string {
		sum := md5.Sum([]byte(strings.ReplaceAll(m[4:len(m)-1], `\"`, `"`)))
		return hex.EncodeToString(sum[:])
	})
	media := c.contentType
	if media == "" {
		media = "application/x-amz-json-1.1"
		if strings.HasPrefix(body, "<") {
			media = "text/xml"
		}
	}
	h := entry.Header{{Name: "Date", Value: w.now.Format("Mon, 02 Jan 2006 15:04:05 GMT")}, {Name: "x-amzn-RequestId", Value: w.value("uuid", "")}}
	if body != "" {
		h = append(h, entry.HeaderField{Name: "Content-Type", Value: media}, entry.HeaderField{Name: "Content-Length", Value: strconv.Itoa(len(body))})
	}
	for line := range strings.SplitSeq(w.expand(local(c.headers), nil), "\n") {
		if name, v, ok := strings.Cut(line, ": "); ok {
			h = append(h, entry.HeaderField{Name: name, Value: v})
		}
	}
	data := []byte(body)
	if c.cbor {
		data = toCBOR(tb, body)
	}
	return h, entry.Body{Data: data}
}

// toCBOR writes JSON text as CBOR; numbers of members called …Timestamp become
// times.
func toCBOR(tb testing.TB, text string) []byte {
	var v any
	d := jsonDecoder(text)
	if err := d.Decode(&v); err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	var walk func(name string, v any) any
	walk = func(name string, v any) any {
		switch v := v.(type) {
		case map[string]any:
			for k := range v {
				v[k] = walk(k, v[k])
			}
		case []any:
			for i := range v {
				v[i] = walk(name, v[i])
			}
		case fmt.Stringer:
			f, _ := strconv.ParseFloat(v.String(), 64)
			if strings.HasSuffix(name, "Timestamp") {
				return cbor.Tag{Number: 1, Content: f}
			}
			if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
				return n
			}
			return f
		}
		return v
	}
	out, err := cbor.Marshal(walk("", v))
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// TestHonestRunsMatch is the false-alarm rate: two honest runs of one workload
// on two instances differ in nothing.
func TestHonestRunsMatch(t *testing.T) {
	lines := honest(t, script, 20, 1)
	d := New(Options{Strict: true})
	wrong, shown := 0, 0
	for i, l := range lines {
		r := compareWith(t, d, l)
		if r.Match {
			continue
		}
		wrong++
		if shown < 12 {
			shown++
			t.Logf("%s.%s: %+v", script[i%len(script)].service, script[i%len(script)].action, r.Diffs)
		}
	}
	t.Logf("false alarms: %d of %d entries (%.2f %%)", wrong, len(lines), 100*float64(wrong)/float64(len(lines)))
	if wrong > 0 {
		t.Fail()
	}
}
