package replay

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// A world is a server that makes up its own ids, account and host, and knows
// only those: what was recorded in one world fails in another unless the ids
// are carried over.
type world struct {
	*httptest.Server
	mu      sync.Mutex
	rnd     *rand.Rand
	account string
	known   map[string]bool // every id that the world gave out
	queues  map[string]string
	wrong   []string
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{rnd: rand.New(rand.NewPCG(seed, 0)), known: make(map[string]bool), queues: make(map[string]string)}
	w.account = fmt.Sprintf("%012d", 100_000_000_000+w.rnd.Int64N(800_000_000_000))
	w.mu.Lock()
	w.Server = httptest.NewServer(http.HandlerFunc(w.serve))
	w.mu.Unlock()
	t.Cleanup(w.Close)
	return w
}

func (w *world) text(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[w.rnd.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	hexDigits = "0123456789abcdef"
	base62    = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

func (w *world) give(id string) string { w.known[id] = true; return id }

func (w *world) uuid() string {
	h := w.text(hexDigits, 32)
	return w.give(h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:])
}
func (w *world) handle() string {
	return w.give("AQEB" + w.text(base62+"+/", 120) + "==")
}
func (w *world) resource(prefix string) string { return w.give(prefix + "-" + w.text(hexDigits, 17)) }

// want fails the request unless the world gave out every one of the ids.
func (w *world) want(ids ...string) {
	for _, id := range ids {
		if !w.known[id] {
			panic(fmt.Sprintf("unknown id %q", id))
		}
	}
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, _ := io.ReadAll(r.Body) // a short body shows as a wrong digest
	defer func() {
		if why := recover(); why != nil {
			w.wrong = append(w.wrong, fmt.Sprintf("%s %s %s: %v", r.Method, r.RequestURI, r.Header.Get("X-Amz-Target"), why))
			rw.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(rw, `{"__type":"NotFound","message":%q}`, why)
		}
	}()
	if sum := r.Header.Get("Content-Md5"); sum != "" {
		if got := md5.Sum(b); base64.StdEncoding.EncodeToString(got[:]) != sum {
			panic("BadDigest")
		}
	}
	rw.Header().Set("X-Amzn-Requestid", w.uuid())
	contentType := r.Header.Get("Content-Type")
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		var in map[string]any
		if err := json.Unmarshal(b, &in); err != nil {
			panic(err)
		}
		rw.Header().Set("Content-Type", "application/x-amz-json-1.0")
		json.NewEncoder(rw).Encode(w.json(r.Header.Get("X-Amz-Target"), in))
	case contentType == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(b))
		if err != nil {
			panic(err)
		}
		rw.Header().Set("Content-Type", "text/xml")
		io.WriteString(rw, w.query(form))
	case contentType == "application/cbor":
		var in map[string]any
		if err := cbor.Unmarshal(b, &in); err != nil {
			panic(err)
		}
		out, err := cbor.Marshal(w.cbor(r.URL.Path, in))
		if err != nil {
			panic(err)
		}
		rw.Header().Set("Content-Type", "application/cbor")
		rw.Write(out)
	case strings.HasPrefix(r.URL.Path, "/2015-03-31/"):
		w.rest(rw, r, b)
	default:
		w.s3(rw, r, b)
	}
}

func (w *world) queueARN(name string) string {
	return "arn:aws:sqs:us-east-1:" + w.account + ":" + name
}

func (w *world) json(target string, in map[string]any) map[string]any {
	str := func(k string) string { s, _ := in[k].(string); return s }
	queue := func() string {
		name, ok := w.queues[str("QueueUrl")]
		if !ok {
			panic("no queue " + str("QueueUrl"))
		}
		return name
	}
	switch target {
	case "AmazonSQS.CreateQueue":
		u := w.URL + "/" + w.account + "/" + str("QueueName")
		w.queues[u] = str("QueueName")
		return map[string]any{"QueueUrl": u}
	case "AmazonSQS.GetQueueAttributes":
		return map[string]any{"Attributes": map[string]any{"QueueArn": w.queueARN(queue()), "CreatedTimestamp": fmt.Sprint(w.rnd.IntN(1e9))}}
	case "AmazonSQS.SetQueueAttributes":
		var policy struct {
			Statement []struct {
				Resource  string
				Principal map[string]string
			}
		}
		attributes := in["Attributes"].(map[string]any)
		if err := json.Unmarshal([]byte(attributes["Policy"].(string)), &policy); err != nil {
			panic(err)
		}
		if got, want := policy.Statement[0].Resource, w.queueARN(queue()); got != want {
			panic("policy of " + got)
		}
		if got := policy.Statement[0].Principal["AWS"]; got != w.account {
			panic("policy for " + got)
		}
		return map[string]any{}
	case "AmazonSQS.SendMessage":
		queue()
		return map[string]any{"MessageId": w.uuid(), "MD5OfMessageBody": fmt.Sprintf("%x", md5.Sum([]byte(str("MessageBody"))))}
	case "AmazonSQS.ReceiveMessage":
		queue()
		var messages []any
		for n := range 3 {
			messages = append(messages, map[string]any{"Body": fmt.Sprint("message ", n), "ReceiptHandle": w.handle(), "MessageId": w.uuid()})
		}
		w.rnd.Shuffle(3, func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
		return map[string]any{"Messages": messages}
	case "AmazonSQS.DeleteMessageBatch":
		queue()
		for _, e := range in["Entries"].([]any) {
			w.want(e.(map[string]any)["ReceiptHandle"].(string))
		}
		return map[string]any{}
	case "Kinesis_20131202.ListShards":
		page := 0
		if token := str("NextToken"); token != "" {
			w.want(token)
			page = len(w.queues[token])
		}
		out := map[string]any{"Shards": []any{map[string]any{"ShardId": fmt.Sprintf("shardId-%012d", page)}}}
		if page < 3 {
			token := w.handle()
			w.queues[token] = strings.Repeat("p", page+1)
			out["NextToken"] = token
		}
		return out
	case "TrentService.CreateKey":
		id := w.uuid()
		return map[string]any{"KeyMetadata": map[string]any{"KeyId": id, "Arn": "arn:aws:kms:us-east-1:" + w.account + ":key/" + id, "AWSAccountId": w.account}}
	case "TrentService.DescribeKey":
		id := strings.TrimPrefix(str("KeyId"), "arn:aws:kms:us-east-1:"+w.account+":key/")
		w.want(id)
		return map[string]any{"KeyMetadata": map[string]any{"KeyId": id}}
	case "AWSEvents.PutEvents":
		detail := in["Entries"].([]any)[0].(map[string]any)["Detail"].(string)
		plain, err := base64.StdEncoding.DecodeString(detail)
		if err != nil {
			panic(err)
		}
		_, id, _ := strings.Cut(string(plain), "key=")
		w.want(id)
		return map[string]any{}
	}
	panic("no target " + target)
}

func (w *world) query(form url.Values) string {
	switch form.Get("Action") {
	case "RunInstances":
		var b strings.Builder
		fmt.Fprintf(&b, "<RunInstancesResponse><reservationId>%s</reservationId><instancesSet>", w.resource("r"))
		for n := range 3 {
			fmt.Fprintf(&b, "<item><instanceId>%s</instanceId><amiLaunchIndex>%d</amiLaunchIndex><privateIpAddress>10.0.0.%d</privateIpAddress></item>", w.resource("i"), n, w.rnd.IntN(250))
		}
		return b.String() + "</instancesSet></RunInstancesResponse>"
	case "DescribeInstances", "TerminateInstances":
		var items []string
		for n := 1; form.Has(fmt.Sprint("InstanceId.", n)); n++ {
			id := form.Get(fmt.Sprint("InstanceId.", n))
			w.want(id)
			items = append(items, "<item><instanceId>"+id+"</instanceId></item>")
		}
		w.rnd.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		return "<X><reservationSet>" + strings.Join(items, "") + "</reservationSet></X>"
	case "DescribeSubnets": // there from the beginning, in any order and number
		var items []string
		for n := range 3 + w.rnd.IntN(3) {
			id := w.resource("subnet")
			if n < 3 {
				items = append(items, fmt.Sprintf("<item><subnetId>%s</subnetId><availabilityZone>us-east-1%c</availabilityZone></item>", id, 'a'+n))
				w.queues[fmt.Sprintf("us-east-1%c", 'a'+n)] = id
			} else {
				items = append(items, fmt.Sprintf("<item><subnetId>%s</subnetId><availabilityZone>us-west-9%c</availabilityZone></item>", id, 'a'+n))
			}
		}
		w.rnd.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		return "<X><subnetSet>" + strings.Join(items, "") + "</subnetSet></X>"
	case "CreateNatGateway":
		if w.queues["us-east-1b"] != form.Get("SubnetId") {
			panic("not the subnet in zone b")
		}
		return "<X><natGatewayId>" + w.resource("nat") + "</natGatewayId></X>"
	}
	panic("no action " + form.Get("Action"))
}

func (w *world) cbor(path string, in map[string]any) map[string]any {
	switch {
	case strings.HasSuffix(path, "/CreateThing"):
		return map[string]any{"thingId": w.uuid(), "count": uint64(w.rnd.IntN(100)), "at": cbor.Tag{Number: 1, Content: 1.5e9}}
	case strings.HasSuffix(path, "/GetThing"):
		w.want(in["thingId"].(string))
		for _, m := range in["more"].([]any) {
			w.want(m.(string))
		}
		return map[string]any{"ok": true}
	}
	panic("no operation " + path)
}

func (w *world) rest(rw http.ResponseWriter, r *http.Request, b []byte) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/2015-03-31/functions")
	if path == "" {
		arn := w.give("arn:aws:lambda:us-east-1:" + w.account + ":function:f:" + w.text(hexDigits, 8))
		rw.Header().Set("Content-Type", "application/json")
		json.NewEncoder(rw).Encode(map[string]any{"FunctionArn": arn, "RevisionId": w.uuid(), "Runtime": "go1.x"})
		return
	}
	name, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	if err != nil {
		panic(err)
	}
	w.want(name, r.URL.Query().Get("RevisionId"))
	fmt.Fprint(rw, "{}")
}

func (w *world) s3(rw http.ResponseWriter, r *http.Request, b []byte) {
	q := r.URL.Query()
	switch {
	case r.Method == "POST" && q.Has("uploads"):
		fmt.Fprintf(rw, "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>%s</UploadId></InitiateMultipartUploadResult>", w.give(w.text(base62+"._-", 64)))
	case r.Method == "PUT" && q.Has("partNumber"):
		w.want(q.Get("uploadId"))
		rw.Header().Set("ETag", `"`+w.give(w.text(hexDigits, 32))+`"`)
	case r.Method == "POST" && q.Has("uploadId"):
		w.want(q.Get("uploadId"))
		var parts struct{ Part []struct{ ETag string } }
		if err := xml.Unmarshal(b, &parts); err != nil || len(parts.Part) != 2 {
			panic(fmt.Sprint("parts ", err))
		}
		for _, p := range parts.Part {
			w.want(strings.Trim(p.ETag, `"`))
		}
		rw.Header().Set("X-Amz-Version-Id", w.give(w.text(base62+"._", 32)))
		fmt.Fprintf(rw, "<CompleteMultipartUploadResult><Location>%s/b/k</Location></CompleteMultipartUploadResult>", w.URL)
	case r.Method == "PUT" && r.Header.Get("X-Amz-Copy-Source") != "":
		source, err := url.PathUnescape(r.Header.Get("X-Amz-Copy-Source"))
		if err != nil {
			panic(err)
		}
		_, version, _ := strings.Cut(source, "?versionId=")
		w.want(version)
		fmt.Fprint(rw, "<CopyObjectResult/>")
	case r.Method == "PUT":
		rw.Header().Set("X-Amz-Version-Id", w.give(w.text(base62+"._", 32)))
		rw.Header().Set("ETag", fmt.Sprintf(`"%x"`, md5.Sum(b)))
	case r.Method == "POST" && q.Has("delete"):
		var in struct{ Object []struct{ VersionId string } }
		if err := xml.Unmarshal(b, &in); err != nil {
			panic(err)
		}
		for _, o := range in.Object {
			w.want(o.VersionId)
		}
		fmt.Fprint(rw, "<DeleteResult/>")
	default:
		w.want(q.Get("versionId"))
		fmt.Fprint(rw, "content")
	}
}

// An app calls a world and writes a recording of it, as cm-record would.
type app struct {
	t     *testing.T
	w     *world
	out   bytes.Buffer
	n     int
	start time.Time
}

func (a *app) call(method, target string, header map[string]string, reqBody string) (http.Header, []byte) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, a.w.URL+target, strings.NewReader(reqBody))
	if err != nil {
		a.t.Fatal(err)
	}
	e := entry.Entry{ID: fmt.Sprint("app-", a.n), Timestamp: a.start.Add(time.Duration(a.n) * 10 * time.Millisecond), Offset: time.Duration(a.n) * 10 * time.Millisecond,
		Latency: 5 * time.Millisecond, Method: method, Host: strings.TrimPrefix(a.w.URL, "http://"), RequestBody: entry.Body{Data: []byte(reqBody)}}
	a.n++
	e.Path, e.Query, _ = strings.Cut(target, "?")
	for k, v := range header {
		req.Header[k] = []string{v}
	}
	e.RequestHeaders = entry.NewHeader(req.Header)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		a.t.Fatalf("%s %s: %d %s", method, target, resp.StatusCode, b)
	}
	e.StatusCode, e.ResponseHeaders, e.ResponseBody = 200, entry.NewHeader(resp.Header), entry.Body{Data: b}
	a.out.Write(append(e.AppendJSON(nil), '\n'))
	return resp.Header, b
}

func (a *app) json(target string, in any) map[string]any {
	a.t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		a.t.Fatal(err)
	}
	_, got := a.call("POST", "/", map[string]string{"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}, string(b))
	var out map[string]any
	if err := json.Unmarshal(got, &out); err != nil {
		a.t.Fatal(err)
	}
	return out
}

type m = map[string]any

// workload does what an app does with ids: it puts them into paths, queries,
// headers, forms, JSON, XML, CBOR, policies, ARNs, URLs and base64.
func (a *app) workload() {
	form := func(values ...string) string {
		v := url.Values{}
		for i := 0; i < len(values); i += 2 {
			v.Set(values[i], values[i+1])
		}
		_, b := a.call("POST", "/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, v.Encode())
		return string(b)
	}
	between := func(s, from, to string) (all []string) {
		for {
			_, rest, ok := strings.Cut(s, from)
			if !ok {
				return all
			}
			var one string
			one, s, _ = strings.Cut(rest, to)
			all = append(all, one)
		}
	}
	// SQS
	queue := a.json("AmazonSQS.CreateQueue", m{"QueueName": "orders"})["QueueUrl"].(string)
	arn := a.json("AmazonSQS.GetQueueAttributes", m{"QueueUrl": queue})["Attributes"].(m)["QueueArn"].(string)
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},"Resource":%q}]}`, strings.Split(arn, ":")[4], arn)
	a.json("AmazonSQS.SetQueueAttributes", m{"QueueUrl": queue, "Attributes": m{"Policy": policy}})
	for n := range 3 {
		a.json("AmazonSQS.SendMessage", m{"QueueUrl": queue, "MessageBody": fmt.Sprint("message ", n)})
	}
	var entries []m
	for i, msg := range a.json("AmazonSQS.ReceiveMessage", m{"QueueUrl": queue})["Messages"].([]any) {
		entries = append(entries, m{"Id": fmt.Sprint(i), "ReceiptHandle": msg.(m)["ReceiptHandle"]})
	}
	a.json("AmazonSQS.DeleteMessageBatch", m{"QueueUrl": queue, "Entries": entries})
	// a queue whose URL the app builds itself
	other := strings.TrimSuffix(queue, "orders") + "events"
	a.json("AmazonSQS.CreateQueue", m{"QueueName": "events"})
	a.json("AmazonSQS.SendMessage", m{"QueueUrl": other, "MessageBody": "x"})
	// a chain of pages
	page := a.json("Kinesis_20131202.ListShards", m{"StreamName": "s"})
	for page["NextToken"] != nil {
		page = a.json("Kinesis_20131202.ListShards", m{"NextToken": page["NextToken"]})
	}
	// KMS: a key by id, by ARN, and in base64
	key := a.json("TrentService.CreateKey", m{})["KeyMetadata"].(m)
	a.json("TrentService.DescribeKey", m{"KeyId": key["KeyId"]})
	a.json("TrentService.DescribeKey", m{"KeyId": key["Arn"]})
	a.json("AWSEvents.PutEvents", m{"Entries": []m{{"Detail": base64.StdEncoding.EncodeToString([]byte("use key=" + key["KeyId"].(string)))}}})
	// EC2
	ids := between(form("Action", "RunInstances", "MinCount", "3"), "<instanceId>", "<")
	slices.Reverse(ids)
	form("Action", "DescribeInstances", "InstanceId.1", ids[0], "InstanceId.2", ids[1], "InstanceId.3", ids[2])
	form("Action", "TerminateInstances", "InstanceId.1", ids[1])
	subnets := form("Action", "DescribeSubnets")
	for _, item := range between(subnets, "<item>", "</item>") {
		if strings.Contains(item, "us-east-1b") {
			form("Action", "CreateNatGateway", "SubnetId", between(item, "<subnetId>", "<")[0])
		}
	}
	// Lambda: an ARN in the path, escaped
	_, b := a.call("POST", "/2015-03-31/functions", map[string]string{"Content-Type": "application/json"}, `{"FunctionName":"f"}`)
	var fn struct{ FunctionArn, RevisionId string }
	if err := json.Unmarshal(b, &fn); err != nil {
		a.t.Fatal(err)
	}
	a.call("PUT", "/2015-03-31/functions/"+url.PathEscape(fn.FunctionArn)+"?RevisionId="+fn.RevisionId, map[string]string{"Content-Type": "application/json"}, `{"Memory":128}`)
	a.call("PUT", "/2015-03-31/functions/"+strings.ReplaceAll(fn.FunctionArn, ":", "%3A")+"?RevisionId="+fn.RevisionId, map[string]string{"Content-Type": "application/json"}, `{}`)
	// S3
	plain := map[string]string{"Content-Type": "application/octet-stream"}
	h, _ := a.call("PUT", "/b/k", plain, "one")
	v1 := h.Get("X-Amz-Version-Id")
	h, _ = a.call("PUT", "/b/k", plain, "two")
	v2 := h.Get("X-Amz-Version-Id")
	a.call("GET", "/b/k?versionId="+v1, nil, "")
	a.call("PUT", "/b/copy", map[string]string{"X-Amz-Copy-Source": "/b/k?versionId=" + v1}, "")
	a.call("PUT", "/b/copy", map[string]string{"X-Amz-Copy-Source": url.QueryEscape("b/k?versionId=" + v2)}, "")
	_, b = a.call("POST", "/b/k?uploads", nil, "")
	upload := url.QueryEscape(between(string(b), "<UploadId>", "<")[0])
	var parts string
	for n := 1; n <= 2; n++ {
		h, _ := a.call("PUT", fmt.Sprintf("/b/k?partNumber=%d&uploadId=%s", n, upload), plain, "part")
		parts += fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>&quot;%s&quot;</ETag></Part>", n, strings.Trim(h.Get("ETag"), `"`))
	}
	h, _ = a.call("POST", "/b/k?uploadId="+upload, plain, "<CompleteMultipartUpload>"+parts+"</CompleteMultipartUpload>")
	del := fmt.Sprintf("<Delete><Object><Key>k</Key><VersionId>%s</VersionId></Object><Object><Key>k</Key><VersionId>%s</VersionId></Object></Delete>", h.Get("X-Amz-Version-Id"), v1)
	sum := md5.Sum([]byte(del))
	a.call("POST", "/b?delete", map[string]string{"Content-Md5": base64.StdEncoding.EncodeToString(sum[:])}, del)
	// CBOR
	rpc := func(operation string, in m) (out m) {
		b, err := cbor.Marshal(in)
		if err != nil {
			a.t.Fatal(err)
		}
		_, b = a.call("POST", "/service/Things/operation/"+operation, map[string]string{"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"}, string(b))
		if err := cbor.Unmarshal(b, &out); err != nil {
			a.t.Fatal(err)
		}
		return out
	}
	one, two := rpc("CreateThing", m{})["thingId"], rpc("CreateThing", m{})["thingId"]
	rpc("GetThing", m{"thingId": one, "more": []any{two, one}})
}

// record runs the workload in a world and returns the recording.
func record(t *testing.T, seed uint64) string {
	a := &app{t: t, w: newWorld(t, seed), start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	a.workload()
	return a.out.String()
}

func TestIdsAreCarriedOver(t *testing.T) {
	for seed := range uint64(10) {
		recording := record(t, 2*seed+1)
		w := newWorld(t, 2*seed+2)
		got, err := replayText(t, Options{Endpoints: []Endpoint{{URL: w.URL}}}, recording)
		if err != nil {
			t.Fatal(err)
		}
		rewrites := 0
		for _, e := range got {
			if e.Replay.StatusCode != e.StatusCode {
				t.Errorf("seed %d: %s %s %s: %d, recorded %d: %s %s", seed, e.ID, e.Method, e.Path, e.Replay.StatusCode, e.StatusCode, e.Replay.Error, e.Replay.ResponseBody.Data)
			}
			rewrites += len(e.Replay.Rewrites)
		}
		if rewrites < 20 {
			t.Errorf("seed %d: only %d rewrites are told", seed, rewrites)
		}
	}
}

func TestWithoutCorrelationTheSameReplayFails(t *testing.T) {
	w := newWorld(t, 2)
	got, err := replayText(t, Options{Endpoints: []Endpoint{{URL: w.URL}}, NoCorrelate: true}, record(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, e := range got {
		if e.Replay.StatusCode != e.StatusCode {
			failed++
		}
		if len(e.Replay.Rewrites) > 0 {
			t.Errorf("%s was rewritten: %v", e.ID, e.Replay.Rewrites)
		}
	}
	if failed < 15 {
		t.Errorf("only %d of %d fail", failed, len(got))
	}
}

func TestTheSameWorldNeedsNoRewrites(t *testing.T) {
	w := newWorld(t, 7)
	a := &app{t: t, w: w, start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	a.call("PUT", "/b/k", nil, "one")
	got, err := replayText(t, Options{Endpoints: []Endpoint{{URL: w.URL}}}, a.out.String())
	if err != nil || len(got[0].Replay.Rewrites) > 0 {
		t.Errorf("%v %v", err, got[0].Replay.Rewrites)
	}
}
