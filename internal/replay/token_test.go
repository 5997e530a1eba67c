package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// A ledger is a service that makes things and is idempotent: the same token
// with the same parameters gets the same answer, with others a refusal. A thing is
// known by its token, too, as a version of a secret is.
type ledger struct {
	*httptest.Server
	mu     sync.Mutex
	done   map[string][2]string // token → parameters, answer
	made   int
	tokens []string // in the order in which they came
	lookup []string // what was looked up and found
}

func newLedger(t *testing.T) *ledger {
	l := &ledger{done: make(map[string][2]string)}
	l.Server = httptest.NewServer(http.HandlerFunc(l.serve))
	t.Cleanup(l.Close)
	return l
}

func (l *ledger) serve(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, _ := io.ReadAll(r.Body) // a short body shows as an unknown token
	q := r.URL.Query()
	token, params := "", r.Method+r.URL.Path+string(b)
	in := make(map[string]any)
	switch contentType := r.Header.Get("Content-Type"); {
	case strings.HasSuffix(contentType, "x-www-form-urlencoded"):
		form, _ := url.ParseQuery(string(b))
		for k := range form {
			in[k] = form.Get(k)
		}
	case contentType == "application/cbor":
		_ = cbor.Unmarshal(b, &in)
	case strings.HasPrefix(contentType, "application/xml"):
		if m := regexp.MustCompile(`<ClientRequestToken>(.*)</ClientRequestToken>`).FindSubmatch(b); m != nil {
			token = string(m[1])
		}
	default:
		_ = json.Unmarshal(b, &in)
	}
	for _, name := range []string{"ClientRequestToken", "ClientToken", "CallerReference"} {
		if s, ok := in[name].(string); ok {
			token = s
		}
	}
	for _, s := range []string{q.Get("clientToken"), q.Get("ClientToken"), r.Header.Get("X-Amz-Client-Token")} {
		if s != "" {
			token = s
		}
	}
	for _, name := range []string{"VersionId", "MoveToVersionId", "Filter.1.Value.1", "CreationToken"} {
		if s, ok := in[name].(string); ok {
			if _, known := l.done[s]; !known {
				http.Error(w, `{"__type":"ResourceNotFoundException","message":"`+s+`"}`, 400)
				return
			}
			l.lookup = append(l.lookup, s)
		}
	}
	if token == "" {
		fmt.Fprint(w, `{}`)
		return
	}
	l.tokens = append(l.tokens, token)
	params = strings.ReplaceAll(params, token, "")
	done, known := l.done[token]
	switch {
	case known && done[0] != params:
		http.Error(w, `{"__type":"IdempotentParameterMismatch"}`, 400)
		return
	case !known:
		l.made++
		done = [2]string{params, fmt.Sprintf(`{"Number":%d,"VersionId":%q,"ClientRequestToken":%q}`, l.made, token, token)}
		l.done[token] = done
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, done[1])
}

// state returns what the ledger has made and been asked, and forgets the tokens.
func (l *ledger) state() (made int, tokens []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tokens, l.tokens = l.tokens, nil
	return l.made, tokens
}

// A tokenCall is a call to a ledger.
type tokenCall struct {
	host, method, target string
	header               [2]string // name, value
	body                 string
	status               int
}

func jsonCall(target, body string, status int) tokenCall {
	return tokenCall{"secretsmanager.us-east-1.amazonaws.com", "POST", "/", [2]string{"X-Amz-Target", "secretsmanager." + target}, body, status}
}

// recordLedger makes the calls, one after the other, and records them.
func recordLedger(t *testing.T, calls []tokenCall) string {
	l := newLedger(t)
	var out bytes.Buffer
	for i, c := range calls {
		req, err := http.NewRequestWithContext(t.Context(), c.method, l.URL+c.target, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.header[0] != "" {
			req.Header.Set(c.header[0], c.header[1])
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status {
			t.Fatalf("call %d: %d %s %v", i, resp.StatusCode, b, err)
		}
		e := entry.Entry{ID: fmt.Sprint(i), Method: c.method, Host: c.host, RequestHeaders: entry.NewHeader(req.Header), RequestBody: entry.Body{Data: []byte(c.body)},
			StatusCode: resp.StatusCode, ResponseHeaders: entry.NewHeader(resp.Header), ResponseBody: entry.Body{Data: b}}
		e.Path, e.Query, _ = strings.Cut(c.target, "?")
		out.Write(append(e.AppendJSON(nil), '\n'))
	}
	return out.String()
}

const (
	uuidToken   = "0f0e0d0c-1111-4222-8333-444455556666"
	chosenToken = "my-idempotency-key-of-2026-for-the-db"
)

func tokenCalls(t *testing.T) []tokenCall {
	pack := func(v any) string {
		b, err := cbor.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	form := [2]string{"Content-Type", "application/x-www-form-urlencoded"}
	const ec2 = "ec2.us-east-1.amazonaws.com"
	return []tokenCall{
		// A retry, and the same token for something else.
		jsonCall("CreateSecret", `{"Name":"a","ClientRequestToken":"`+uuidToken+`"}`, 200),
		jsonCall("CreateSecret", `{"Name":"a","ClientRequestToken":"`+uuidToken+`"}`, 200),
		jsonCall("CreateSecret", `{"Name":"b","ClientRequestToken":"`+uuidToken+`"}`, 400),
		// The token as an id.
		jsonCall("GetSecretValue", `{"SecretId":"a","VersionId":"`+uuidToken+`"}`, 200),
		jsonCall("PutSecretValue", `{"SecretId":"a","ClientRequestToken":"`+chosenToken+`"}`, 200),
		jsonCall("GetSecretValue", `{"SecretId":"a","VersionId":"`+chosenToken+`"}`, 200),
		jsonCall("UpdateSecretVersionStage", `{"SecretId":"a","MoveToVersionId":"`+chosenToken+`"}`, 200),
		// A form; a filter by token.
		{ec2, "POST", "/", form, "Action=RunInstances&Version=2016-11-15&ClientToken=c0ffee00-1111-4222-8333-444455556666", 200},
		{ec2, "POST", "/", form, "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=client-token&Filter.1.Value.1=c0ffee00-1111-4222-8333-444455556666", 200},
		{ec2, "POST", "/", form, "Action=RunInstances&Version=2016-11-15&ClientToken=token-1", 200},
		{ec2, "POST", "/", form, "Action=RunInstances&Version=2016-11-15&ClientToken=token-2", 200},
		{ec2, "POST", "/", form, "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=client-token&Filter.1.Value.1=token-2", 200},
		// CBOR, XML, a header, the query, a member that only the documents call a token.
		{"comprehendmedical.us-east-1.amazonaws.com", "POST", "/service/ComprehendMedical_20181030/operation/StartRxNormInferenceJob", [2]string{"Content-Type", "application/cbor"},
			pack(m{"ClientRequestToken": "cb0aee00-1111-4222-8333-444455556666", "JobName": "j"}), 200},
		{"123456789012.s3-control.us-east-1.amazonaws.com", "POST", "/v20180820/jobs", [2]string{"Content-Type", "application/xml"},
			`<CreateJobRequest xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><ClientRequestToken>abba0000-1111-4222-8333-444455556666</ClientRequestToken></CreateJobRequest>`, 200},
		{"bk.s3.us-east-1.amazonaws.com", "PUT", "/k?renameObject", [2]string{"X-Amz-Client-Token", "deadbeef-1111-4222-8333-444455556666"}, "", 200},
		{"iot.us-east-1.amazonaws.com", "DELETE", "/packages/p?clientToken=feed0000-1111-4222-8333-444455556666", [2]string{}, "", 200},
		{"ecs.us-east-1.amazonaws.com", "POST", "/", [2]string{"X-Amz-Target", "AmazonEC2ContainerServiceV20141113.CreateCapacityProvider"}, `{"name":"x"}`, 200},
	}
}

// Two passes to one endpoint make things twice, and each holds in itself.
func TestTokensAreFreshInEachPass(t *testing.T) {
	recording := recordLedger(t, tokenCalls(t))
	l := newLedger(t)
	var passes [2][]string
	for pass := range passes {
		before, _ := l.state()
		got, err := replayText(t, Options{Endpoints: []Endpoint{{URL: l.URL}}, Order: Serial}, recording)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range got {
			if e.Replay.StatusCode != e.StatusCode {
				t.Errorf("pass %d: %s %s %s: %d %s, recorded %d; rewrites %v", pass, e.ID, e.Host, e.RequestBody.Data, e.Replay.StatusCode, e.Replay.ResponseBody.Data, e.StatusCode, e.Replay.Rewrites)
			}
		}
		made, tokens := l.state()
		if made-before != 9 {
			t.Errorf("pass %d made %d things, want 9", pass, made-before)
		}
		if diff := got[0].Replay.Rewrites; len(diff) != 1 || diff[0].Original != uuidToken || diff[0].Where != "body" {
			t.Errorf("pass %d: CreateSecret tells %v of its token", pass, diff)
		}
		passes[pass] = tokens
	}
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-1?[0-9a-f]{3,4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for i, token := range passes[0] {
		if len(token) == 36 && !uuid.MatchString(token) {
			t.Errorf("token %d, %q, is no UUID", i, token)
		}
		if other := passes[1][i]; other == token {
			t.Errorf("token %d is %q in both passes", i, token)
		}
	}
}

func TestWithoutCorrelationTokensStay(t *testing.T) {
	l := newLedger(t)
	got, err := replayText(t, Options{Endpoints: []Endpoint{{URL: l.URL}}, NoCorrelate: true, Order: Serial}, recordLedger(t, tokenCalls(t)))
	if _, tokens := l.state(); err != nil || len(got[0].Replay.Rewrites) != 0 || tokens[0] != uuidToken {
		t.Errorf("%v %v %v", err, got[0].Replay.Rewrites, tokens)
	}
}

// What is a name elsewhere stays one.
func TestTokenThatIsAName(t *testing.T) {
	const name = "5eed0000-1111-4222-8333-444455556666"
	recording := recordLedger(t, []tokenCall{
		jsonCall("DescribeSecret", `{"SecretId":"`+name+`"}`, 200),
		jsonCall("CreateSecret", `{"Name":"`+name+`","ClientRequestToken":"`+name+`"}`, 200),
		jsonCall("DescribeSecret", `{"SecretId":"`+name+`"}`, 200),
		jsonCall("GetSecretValue", `{"SecretId":"`+name+`","VersionId":"`+name+`"}`, 200),
		jsonCall("CreateSecret", `{"Name":"orders","ClientRequestToken":"orders"}`, 200),
		jsonCall("DescribeSecret", `{"SecretId":"orders"}`, 200),
		jsonCall("GetSecretValue", `{"SecretId":"orders","VersionId":"orders"}`, 200),
	})
	l := newLedger(t)
	got, err := replayText(t, Options{Endpoints: []Endpoint{{URL: l.URL}}, Order: Serial}, recording)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range got {
		if e.Replay.StatusCode != e.StatusCode {
			t.Errorf("%s: %d %s", e.RequestBody.Data, e.Replay.StatusCode, e.Replay.ResponseBody.Data)
		}
		if strings.Contains(e.RequestHeaders.Get("X-Amz-Target"), "DescribeSecret") && len(e.Replay.Rewrites) > 0 {
			t.Errorf("the name in %s was rewritten: %v", e.RequestBody.Data, e.Replay.Rewrites)
		}
	}
	if _, tokens := l.state(); tokens[0] == name || tokens[1] == "orders" {
		t.Errorf("tokens %q were sent again", tokens)
	}
}

// Models mark ids that the service made, too: those are no tokens, whether the
// endpoint makes the same ones or others.
func TestMarkedIDsAreNotTokens(t *testing.T) {
	for _, id := range []string{"13f958f5-a59f-4710-9915-55a451bb0093", "56112f35-f781-4646-b818-3d2d8066f747"} {
		var asked []string
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body) // compared below
			asked = append(asked, string(b))
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "StartQueryExecution") {
				fmt.Fprintf(w, `{"QueryExecutionId":%q}`, id)
			}
		}))
		defer s.Close()
		var recording strings.Builder
		for i, e := range []string{
			`"request_headers":{"X-Amz-Target":"AmazonAthena.StartQueryExecution"},"request_body":"{}","response_body":"{\"QueryExecutionId\":\"13f958f5-a59f-4710-9915-55a451bb0093\"}"`,
			`"request_headers":{"X-Amz-Target":"AmazonAthena.StopQueryExecution"},"request_body":"{\"QueryExecutionId\":\"13f958f5-a59f-4710-9915-55a451bb0093\"}"`,
			`"request_headers":{"X-Amz-Target":"AmazonAthena.DeleteNamedQuery"},"request_body":"{\"NamedQueryId\":\"daily-report\"}"`,
		} {
			fmt.Fprintf(&recording, `{"id":"%d","service":"athena","host":"athena.us-east-1.amazonaws.com","method":"POST","path":"/","status_code":200,%s}`+"\n", i, e)
		}
		if _, err := replayText(t, Options{Endpoints: []Endpoint{{URL: s.URL}}, Order: Serial}, recording.String()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"{}", fmt.Sprintf(`{"QueryExecutionId":%q}`, id), `{"NamedQueryId":"daily-report"}`}, asked); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	}
}

// Endpoints that are replayed to in one run get tokens of their own.
func TestTokensDifferByEndpoint(t *testing.T) {
	a, b := newLedger(t), newLedger(t)
	_, err := replayText(t, Options{Endpoints: []Endpoint{{"a", a.URL}, {"b", b.URL}}}, recordLedger(t, tokenCalls(t)[:1]))
	_, x := a.state()
	_, y := b.state()
	if err != nil || len(x) != 1 || len(y) != 1 || x[0] == y[0] {
		t.Errorf("%v: %v, %v", err, x, y)
	}
}

// The attempts of one call keep one token.
func TestAttemptsKeepTheirToken(t *testing.T) {
	var mu sync.Mutex
	var tokens []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ ClientRequestToken string }
		_ = json.NewDecoder(r.Body).Decode(&in) // a body that is none has no token
		mu.Lock()
		defer mu.Unlock()
		if tokens = append(tokens, in.ClientRequestToken); len(tokens) == 1 {
			w.WriteHeader(503)
		}
	}))
	defer s.Close()
	var recording strings.Builder
	for i, status := range []int{503, 200} {
		fmt.Fprintf(&recording, `{"id":"%d","service":"secretsmanager","host":"secretsmanager.us-east-1.amazonaws.com","method":"POST","path":"/","status_code":%d,"offset_ms":%d,"latency_ms":1,`+
			`"request_headers":{"X-Amz-Target":"secretsmanager.CreateSecret","Amz-Sdk-Invocation-Id":"i","Amz-Sdk-Request":"attempt=%d; max=3"},"request_body":"{\"ClientRequestToken\":\"`+uuidToken+`\"}"}`+"\n", i, status, 10*i, i+1)
	}
	got, err := replayText(t, Options{Endpoints: []Endpoint{{URL: s.URL}}}, recording.String())
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(tokens) != 2 || tokens[0] != tokens[1] || tokens[0] == uuidToken || got[1].Replay.AttemptOf != "0" {
		t.Errorf("tokens %q, attempt of %q", tokens, got[1].Replay.AttemptOf)
	}
}
