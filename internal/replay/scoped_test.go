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

// Ids that services number, and ids of letters alone, are carried over where
// their name says what they are, and nowhere else.
func TestShortIdsAreCarriedOverByName(t *testing.T) {
	answers := map[string]string{
		"POST /b/k?uploads=": `<InitiateMultipartUploadResult><UploadId>2</UploadId></InitiateMultipartUploadResult>`,
		"POST /":             `{"NextToken":"ba"}`,
		"POST /apis":         `{"id":"pdihgans","name":"shop"}`,
	}
	var mu sync.Mutex
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // a request that broke off shows below
		mu.Lock()
		got = append(got, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(b)))
		mu.Unlock()
		io.WriteString(w, answers[r.Method+" "+r.URL.RequestURI()])
	}))
	defer s.Close()
	var recording strings.Builder
	for i, e := range []string{
		`"service":"s3","method":"POST","path":"/b/k","query":"uploads=","response_body":"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"`,
		`"service":"s3","method":"PUT","path":"/b/k","query":"partNumber=1&uploadId=1","request_body":"1"`,
		`"service":"s3","method":"PUT","path":"/b/1","query":"x=1&max-keys=1"`,
		`"service":"dynamodb","method":"POST","path":"/","request_body":"{\"Limit\":1}","response_body":"{\"NextToken\":\"ab\"}"`,
		`"service":"dynamodb","method":"POST","path":"/x","request_body":"{\"NextToken\":\"ab\",\"Name\":\"ab\"}"`,
		`"service":"apigateway","method":"POST","path":"/apis","response_body":"{\"id\":\"qcorscnw\",\"name\":\"shop\"}"`,
		`"service":"apigateway","method":"GET","path":"/apis/qcorscnw/routes","query":"of=qcorscnw&name=shop"`,
	} {
		fmt.Fprintf(&recording, `{"id":"e%d","host":"localhost","region":"us-east-1","status_code":200,"latency_ms":1,"offset_ms":%d,%s}`+"\n", i, 10*i, e)
	}
	if _, err := replayText(t, Options{Endpoints: []Endpoint{{URL: s.URL}}, Order: Serial}, recording.String()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"POST /b/k?uploads=",
		"PUT /b/k?partNumber=1&uploadId=2 1",
		"PUT /b/1?x=1&max-keys=1",
		`POST / {"Limit":1}`,
		`POST /x {"NextToken":"ba","Name":"ab"}`,
		"POST /apis",
		"GET /apis/pdihgans/routes?of=pdihgans&name=shop",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
