package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A replay that runs beside its recording answers in the same second; two answers of one Date are not one answer.
func TestAnswersOfOneSecond(t *testing.T) {
	const format = `<SendMessageResponse><SendMessageResult><MessageId>%</MessageId></SendMessageResult><ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata></SendMessageResponse>`
	const first, second = "dc9fc9a2-221b-4f9c-8723-1a22de9222a0", "296bb5f6-8ffa-4400-be0d-381befb34021"
	tests := []struct {
		name    string
		headers map[string]string
		want    []string
	}{
		{"the same Date", map[string]string{"Date": "Sun, 22 Nov 2026 10:22:20 GMT"}, []string{}},
		{"the same Date and server", map[string]string{"Date": "Sun, 22 Nov 2026 10:22:20 GMT", "Server": "Werkzeug/3.1 Python/3.11"}, []string{}},
		{"the same request id: one answer that was changed", map[string]string{"x-amzn-RequestId": "9f1c0a62-61f2-4c3e-b5a7-1d0f1f7c2b44"}, []string{"identity $.SendMessageResult.MessageId"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			side := func(id string) answer {
				return answer{Status: 200, Headers: tt.headers, Body: strings.Replace(format, "%", id, 1)}
			}
			x := exchange{Service: "sqs", Action: "SendMessage", Original: side(first), Replay: side(second)}
			got := compareWith(t, New(Options{Strict: true}), x.line(t))
			if d := cmp.Diff(tt.want, got.short()); d != "" {
				t.Errorf("differences (-want +got):\n%s", d)
			}
		})
	}
}
