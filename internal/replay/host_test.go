package replay

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a host names is carried over as anything else: a bucket that the
// service named, the id of an API, the URL of a function.
func TestIdsInHostsAreCarriedOver(t *testing.T) {
	var mu sync.Mutex
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Host+r.URL.Path)
		io.WriteString(w, map[string]string{
			"/stack":     `{"Outputs":[{"OutputKey":"B","OutputValue":"stack-bucket-zzzz11112222"}]}`,
			"/v2/apis":   `{"apiId":"pdihgans","apiEndpoint":"https://pdihgans.execute-api.us-east-1.amazonaws.com"}`,
			"/functions": `{"FunctionUrl":"http://newfunction1234.lambda-url.us-east-1.localhost:4566/"}`,
		}[r.URL.Path])
	}))
	defer s.Close()
	var recording strings.Builder
	for i, e := range []string{
		`"service":"cloudformation","method":"POST","path":"/stack","response_body":"{\"Outputs\":[{\"OutputKey\":\"B\",\"OutputValue\":\"stack-bucket-1q2w3e4r5t6z\"}]}"`,
		`"method":"GET","host":"stack-bucket-1q2w3e4r5t6z.s3.us-east-1.amazonaws.com","path":"/k"`,
		`"method":"POST","path":"/v2/apis","response_body":"{\"apiId\":\"qcorscnw\",\"apiEndpoint\":\"https://qcorscnw.execute-api.us-east-1.amazonaws.com\"}"`,
		`"method":"GET","host":"qcorscnw.execute-api.us-east-1.amazonaws.com","path":"/prod/x"`,
		`"method":"POST","path":"/functions","response_body":"{\"FunctionUrl\":\"https://oldfunction9876.lambda-url.us-east-1.on.aws/\"}"`,
		`"method":"GET","host":"oldfunction9876.lambda-url.us-east-1.on.aws","path":"/f"`,
		`"method":"GET","host":"other.lambda-url.us-east-1.on.aws","path":"/f"`,
	} {
		fmt.Fprintf(&recording, `{"id":"e%d","status_code":200,"latency_ms":1,"offset_ms":%d,%s}`+"\n", i, 10*i, e)
	}
	entries, err := replayText(t, Options{Endpoints: []Endpoint{{URL: s.URL}, {Name: "again", URL: s.URL}}, Order: Serial, Concurrency: 1}, recording.String())
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(s.URL, "http://")
	want := []string{
		host + "/stack", host + "/stack-bucket-zzzz11112222/k",
		host + "/v2/apis", "pdihgans.execute-api." + host + "/prod/x",
		host + "/functions", "newfunction1234.lambda-url.us-east-1.localhost:4566/f",
		"other.lambda-url." + host + "/f",
	}
	count := make(map[string]int)
	for _, g := range got {
		count[g]++
	}
	for _, w := range want {
		if count[w] != 2 {
			t.Errorf("%s was asked for %d times, want 2 (-want +got):\n%s", w, count[w], cmp.Diff(want, got))
		}
	}
	if x := entries[2].Replay.Rewrites; len(x) != 1 || x[0].Where != "host" {
		t.Errorf("rewrites %v", x)
	}
}
