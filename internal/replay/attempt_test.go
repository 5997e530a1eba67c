package replay

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neureaux/cloudmock/pkg/entry"
)

func httpAnswer(status int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// describe is an entry of a DescribeTable, with the recorded answer.
func describe(id string, status int, answer string) string {
	return fmt.Sprintf(`{"id":%q,"method":"POST","host":"dynamodb.us-east-1.amazonaws.com","path":"/","status_code":%d,"request_headers":{"X-Amz-Target":"DynamoDB_20120810.DescribeTable"},"request_body":"{\"TableName\":\"t\"}","response_body":%q}`+"\n", id, status, answer)
}

func TestAnswerOnTheWayIsAskedForAgain(t *testing.T) {
	state := func(s string) string { return `{"Table":{"TableStatus":"` + s + `"}}` }
	tests := []struct {
		name    string
		status  int    // recorded
		answer  string // recorded
		answers []string
		want    int // requests
		last    string
	}{
		{"until it is what was recorded", 200, state("ACTIVE"), []string{httpAnswer(200, state("CREATING")), httpAnswer(200, state("CREATING")), httpAnswer(200, state("ACTIVE"))}, 3, "ACTIVE"},
		{"but not where the recording was on the way too", 200, state("CREATING"), []string{httpAnswer(200, state("CREATING"))}, 1, "CREATING"},
		{"nor where the answers are different for good", 200, state("ACTIVE"), []string{httpAnswer(200, state("ARCHIVED"))}, 1, "ARCHIVED"},
		{"until what was deleted is gone", 400, `{"__type":"ResourceNotFoundException"}`, []string{httpAnswer(200, state("DELETING")), httpAnswer(400, `{"__type":"x"}`)}, 2, "__type"},
		{"until what it acts on is ready", 200, state("ACTIVE"), []string{httpAnswer(400, `{"__type":"ResourceInUseException"}`), httpAnswer(200, state("ACTIVE"))}, 2, "ACTIVE"},
		{"not for what is there already", 200, state("CREATING"), []string{httpAnswer(400, `{"__type":"ResourceInUseException"}`)}, 1, "InUse"},
		{"a refusal stands where what was asked for is done after all", 200, "{}", []string{httpAnswer(400, `{"__type":"ResourceInUseException"}`), httpAnswer(400, `{"__type":"ResourceNotFoundException"}`)}, 2, "InUse"},
		{"other errors are answers", 200, state("ACTIVE"), []string{httpAnswer(400, `{"__type":"ValidationException"}`)}, 1, "Validation"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var n atomic.Int64
			s := newRawServer(t, func(string) string { return tt.answers[min(int(n.Add(1)), len(tt.answers))-1] })
			text := describe("a", tt.status, tt.answer)
			if strings.HasPrefix(tt.name, "not for") {
				text = strings.ReplaceAll(text, "DescribeTable", "CreateTable")
			} else if strings.HasPrefix(tt.name, "a refusal") {
				text = strings.ReplaceAll(text, "DescribeTable", "DeleteTable")
			}
			got, err := replayText(t, Options{Endpoints: endpoint(s.addr), Settle: 5 * time.Second}, text)
			if err != nil {
				t.Fatal(err)
			}
			if int(n.Load()) != tt.want || !strings.Contains(string(got[0].Replay.ResponseBody.Data), tt.last) {
				t.Errorf("%d requests, want %d; answer %s", n.Load(), tt.want, got[0].Replay.ResponseBody.Data)
			}
		})
	}
}

func TestEndpointThatNeverSettlesCostsTheWaitOnce(t *testing.T) {
	s := newRawServer(t, func(string) string { return httpAnswer(200, `{"S":"PENDING"}`) })
	began := time.Now()
	text := strings.Repeat(describe("a", 200, `{"S":"ACTIVE"}`), 50)
	got, err := replayText(t, Options{Endpoints: endpoint(s.addr), Settle: 200 * time.Millisecond, Order: Serial}, text)
	if err != nil || len(got) != 50 {
		t.Fatal(err, len(got))
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestAttemptsOfOneCall(t *testing.T) {
	put := func(id, invocation string, attempt, status int) string {
		return fmt.Sprintf(`{"id":%q,"method":"POST","host":"dynamodb.us-east-1.amazonaws.com","path":"/","status_code":%d,"request_headers":{"X-Amz-Target":"DynamoDB_20120810.PutItem","Amz-Sdk-Invocation-Id":%q,"amz-sdk-request":"ttl=1; attempt=%d; max=3"},"request_body":"{}","response_body":"{}"}`+"\n", id, status, invocation, attempt)
	}
	text := put("1", "A", 1, 503) + put("2", "A", 2, 200) + // failed at AWS, done here: sent once
		put("3", "B", 1, 200) + put("4", "CLEARED", 1, 200) + put("5", "CLEARED", 1, 200) + // three calls
		describe("6", 200, `{"TableStatus":"CREATING"}`) + describe("7", 200, `{"TableStatus":"CREATING"}`) + describe("8", 200, `{"TableStatus":"ACTIVE"}`) + // one waiter
		describe("9", 200, `{"TableStatus":"ACTIVE"}`)
	s := newRawServer(t, func(string) string { return httpAnswer(200, "{}") })
	r, err := New(Options{Endpoints: endpoint(s.addr), Order: Serial})
	if err != nil {
		t.Fatal(err)
	}
	var out lines
	if err := r.Run(t.Context(), entry.NewReader(strings.NewReader(text), "in"), &out); err != nil {
		t.Fatal(err)
	}
	attempts := make(map[string]string)
	for _, l := range out.got {
		var line entry.Line
		if err := line.Parse([]byte(l)); err != nil {
			t.Fatal(err)
		}
		e, err := line.Decode()
		if err != nil {
			t.Fatal(err)
		}
		if e.Replay.NotSent != (e.ID == "2") {
			t.Errorf("entry %s says that it was not sent: %v", e.ID, e.Replay.NotSent)
		}
		if e.Replay.StatusCode != 200 {
			t.Errorf("%s: %+v", e.ID, e.Replay)
		}
		if e.Replay.AttemptOf != "" {
			attempts[e.ID] = e.Replay.AttemptOf
		}
	}
	if diff := cmp.Diff(map[string]string{"2": "1", "7": "6", "8": "6"}, attempts); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	if n := len(s.requests()); n != 8 {
		t.Errorf("%d requests, want 8: the second attempt of a call that was done is not sent", n)
	}
	var summary strings.Builder
	if err := r.Summary().Print(&summary, ""); err != nil || !strings.Contains(summary.String(), "9 entries (1 not sent again: the first attempt was answered), ") {
		t.Errorf("summary %q (%v)", summary.String(), err)
	}
}

func TestEntryWaitsForTheValueItNeeds(t *testing.T) {
	// By their times the two overlapped; only the id says that one made what the other uses.
	text := `{"id":"1","method":"GET","path":"/make","status_code":200,"offset_ms":0,"latency_ms":100,"response_headers":{"Content-Type":"application/json"},"response_body":"{\"Id\":\"i-0123456789abcdef0\"}"}` + "\n" +
		`{"id":"2","method":"GET","path":"/use/i-0123456789abcdef0","status_code":200,"offset_ms":50,"latency_ms":100}` + "\n"
	for range 20 {
		release := make(chan struct{})
		s := newRawServer(t, func(r string) string {
			if strings.Contains(r, "/make") {
				select { // an early user would come in the meantime
				case <-release:
				case <-time.After(2 * time.Millisecond):
				}
				return httpAnswer(200, `{"Id":"i-fedcba98765432100"}`)
			}
			close(release)
			return httpAnswer(200, "{}")
		})
		if _, err := replayText(t, Options{Endpoints: endpoint(s.addr)}, text); err != nil {
			t.Fatal(err)
		}
		if r := s.requests(); len(r) != 2 || !strings.HasPrefix(r[1], "GET /use/i-fedcba98765432100 ") {
			t.Fatalf("requests %q", r)
		}
	}
}
