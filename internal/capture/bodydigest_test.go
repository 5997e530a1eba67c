package capture

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

func TestLargeBodyKeepsItsDigestUnlessItIsSecret(t *testing.T) {
	large := strings.Repeat("no secret in here\n", 10)
	sum := sha256.Sum256([]byte(large))
	plain := hex.EncodeToString(sum[:])
	const s3, secrets = "b.s3.us-east-1.amazonaws.com", "secretsmanager.us-east-1.amazonaws.com"
	get := []string{"X-Amz-Target", "secretsmanager.GetSecretValue", "Content-Type", "application/x-amz-json-1.1"}
	for _, tt := range []struct {
		name           string
		call           call
		field          string
		digest, stored bool
	}{
		{"object that is read", call{method: "GET", host: s3, path: "/k", status: 200, answer: large}, "response_body_sha256", true, true},
		{"object that is written", call{method: "PUT", host: s3, path: "/k", body: large, status: 200}, "request_body_sha256", true, true},
		{"part of an object", call{method: "PUT", host: s3, path: "/k", query: "partNumber=1&uploadId=u", body: large, status: 200}, "request_body_sha256", true, true},
		{"answer whose model has a secret", call{host: secrets, header: get, body: `{}`, status: 200, answer: large}, "response_body_sha256", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			line := record(t, Options{MaxBody: 64, BodyDir: dir}, tt.call)[0]
			if got := gjson.Get(line, tt.field).String() == plain; got != tt.digest {
				t.Errorf("the digest of the body is in the entry: %v, want %v\n%s", got, tt.digest, line)
			}
			_, err := os.Stat(filepath.Join(dir, plain))
			if got := err == nil; got != tt.stored {
				t.Errorf("the body is kept: %v, want %v", got, tt.stored)
			}
		})
	}
}
