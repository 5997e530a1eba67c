package sign

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Policy signs the policy of a browser's upload to S3, in base64 as it stands
// in the form: its x-amz-signature. Scope is date/region/service/aws4_request,
// as in the form's x-amz-credential behind the key id.
func (s *Signer) Policy(policy, scope string, c Credentials) (string, error) {
	if c.KeyID == "" || c.Secret == "" {
		return "", errNoKey
	}
	parts := strings.Split(scope, "/")
	if len(parts) != 4 || !plainName(parts[1]) || !plainName(parts[2]) {
		return "", &ScopeError{}
	}
	key := s.keys.get(c.Secret, parts[0], parts[1], parts[2])
	sum := hmacSHA256(key[:], []byte(policy))
	return hex.EncodeToString(sum[:]), nil
}

// PolicyV2 signs a policy the old way: the form's signature beside its
// AWSAccessKeyId.
func PolicyV2(policy string, c Credentials) string {
	mac := hmac.New(sha1.New, []byte(c.Secret))
	mac.Write([]byte(policy))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
