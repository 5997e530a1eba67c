package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBlobsCompareByBytes(t *testing.T) {
	tests := []struct {
		name, member, original, replay string
		want                           []string
	}{
		{"no padding is another format", "Plaintext", "aGVsbG8h+w==", "aGVsbG8h+w", []string{"format $.Plaintext"}},
		{"line breaks are another format", "Plaintext", "aGVsbG8haGVsbG8h", `aGVsbG8h\r\naGVsbG8h\n`, []string{"format $.Plaintext"}},
		{"the other alphabet is another format", "Plaintext", "aGVsbG8h+/8=", "aGVsbG8h-_8=", []string{"format $.Plaintext"}},
		{"other bytes are another value", "Plaintext", "aGVsbG8h+w==", "aGVsbG8i+w==", []string{"value $.Plaintext"}},
		{"fewer bytes are another value", "Plaintext", "aGVsbG8haGVs", "aGVsbG8h", []string{"value $.Plaintext"}},
		{"no bytes are another value", "Plaintext", "aGVs", "", []string{"value $.Plaintext"}},
		{"what is no blob has no padding", "EncryptionAlgorithm", "a+w==", "a+w", []string{"value $.EncryptionAlgorithm"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			side := func(s string) answer {
				return answer{Status: 200, Headers: map[string]string{"Content-Type": "application/x-amz-json-1.1"}, Body: `{"` + tt.member + `":"` + s + `"}`}
			}
			x := exchange{Service: "kms", Action: "Decrypt", Host: "kms.us-east-1.amazonaws.com", RequestHeaders: map[string]string{"X-Amz-Target": "TrentService.Decrypt", "Content-Type": "application/x-amz-json-1.1"},
				RequestBody: `{}`, Original: side(tt.original), Replay: side(tt.replay)}
			if diff := cmp.Diff(tt.want, compareWith(t, New(Options{Strict: true}), x.line(t)).short()); diff != "" {
				t.Errorf("(-want +got)\n%s", strings.TrimSpace(diff))
			}
		})
	}
}
