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
		"POST /acl":          `{"NextLockToken":"c4","publicIp":"198.51.100.7"}`,
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
		`"service":"wafv2","method":"POST","path":"/acl","response_body":"{\"NextLockToken\":\"a1\",\"publicIp\":\"192.0.2.1\"}"`,
		`"service":"wafv2","method":"POST","path":"/x","request_body":"{\"LockToken\":\"a1\",\"Name\":\"a1\",\"Address\":\"192.0.2.1\"}"`,
		`"service":"ec2","method":"POST","path":"/x","request_headers":{"Content-Type":"application/x-www-form-urlencoded"},"request_body":"Action=X&PublicIp.1=192.0.2.1&Filter.1.Name=public-ip&Filter.1.Value.1=192.0.2.1&Filter.2.Value.1=192.0.2.1&Filter.2.Name=public-ip&Filter.3.Value.1=192.0.2.1&Ip=192.0.2.1"`,
		`"service":"efs","method":"POST","path":"/x","request_body":"{\"Filters\":[{\"Name\":\"public-ip\",\"Values\":[\"192.0.2.1\"]},{\"Name\":\"ip\",\"Values\":[\"192.0.2.1\"]}]}"`,
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
		"POST /acl",
		`POST /x {"LockToken":"c4","Name":"a1","Address":"192.0.2.1"}`,
		"POST /x Action=X&PublicIp.1=198.51.100.7&Filter.1.Name=public-ip&Filter.1.Value.1=198.51.100.7&Filter.2.Value.1=198.51.100.7&Filter.2.Name=public-ip&Filter.3.Value.1=192.0.2.1&Ip=192.0.2.1",
		`POST /x {"Filters":[{"Name":"public-ip","Values":["198.51.100.7"]},{"Name":"ip","Values":["192.0.2.1"]}]}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
