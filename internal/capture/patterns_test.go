package capture

import (
	"strings"
	"testing"
)

// TestSecretsInText: SECRET is what must go, all else stays.
func TestSecretsInText(t *testing.T) {
	const alnum = upper + lower + digits
	for _, tt := range []struct {
		name, text, secret string
	}{
		{"a list of credentials", "Access key ID,Secret access key\nAKIAIOSFODNN7EXAMPLE,SECRET\n", random(t, 40, alnum)},
		{"a connection string", "Server=db;Database=x;User Id=sa;Password=SECRET;Encrypt=true", random(t, 12, alnum)},
		{"a short name in one", "Server=db;Uid=sa;Pwd=SECRET;", random(t, 12, alnum)},
		{"YAML", "db:\n  user: app\n  password: SECRET\n  host: h", random(t, 12, alnum)},
		{"an environment", "export DB_PASSWORD='SECRET'", random(t, 12, alnum)},
		{"a command", "mysql -u root --password SECRET -h db", random(t, 12, alnum)},
		{".netrc", "machine api.example.com login joe password SECRET", random(t, 12, alnum)},
		{"a log of Python's", "{'user': 'joe', 'password': 'SECRET'}", random(t, 12, alnum)},
		{"JSON in a text", `request: {"client_secret":"SECRET","grant":"x"}`, random(t, 32, alnum)},
		{"escaped JSON in a text", `request: {\"api_key\":\"SECRET\"}`, random(t, 32, alnum)},
		{"a header in a log", "> Authorization: Basic SECRET\n> Host: x", random(t, 24, alnum)},
		{"a bearer token in a log", `curl -H "Authorization: Bearer SECRET" https://x`, random(t, 40, alnum)},
		{"a URL's password without a user", "redis://:SECRET@cache:6379/0", random(t, 12, alnum)},
		{"a URL signed for Azure", "https://a.blob.core.windows.net/c/b?sv=2024-01-01&sig=SECRET&se=x", random(t, 40, alnum)},
		{"a presigned URL in escaped JSON", `see \"https://b.s3.amazonaws.com/k?a=b\u0026X-Amz-Security-Token=SECRET\u0026x=1\"`, random(t, 100, alnum)},
		{"a presigned URL as a parameter, in lower case", "https://x/?next=https%3a%2f%2fb.s3.amazonaws.com%2fk%3fX-Amz-Security-Token%3dSECRET%26x%3d1", random(t, 100, alnum)},
		{"a presigned URL as a parameter of a parameter", "https://x/?next=%2Flogin%3Fback%3Dhttps%253A%252F%252Fb.s3.amazonaws.com%252Fk%253FX-Amz-Security-Token%253DSECRET%2526x%253D1", random(t, 100, alnum)},
		{"a login to ECR", "docker login -u AWS -p eyJwYXlsb2FkSECRET 123456789012.dkr.ecr.us-east-1.amazonaws.com", random(t, 200, alnum)},
		{"a token of a provider", "GITHUB_TOKEN is ghp_SECRET.", random(t, 36, alnum)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &redactor{names: newPseudonymizer()}
			text := strings.Replace(tt.text, "SECRET", tt.secret, 1)
			got := r.freeText(text)
			before, after, _ := strings.Cut(tt.text, "SECRET")
			before = strings.TrimPrefix(before, "Access key ID,Secret access key\nAKIAIOSFODNN7EXAMPLE,") // the key id goes, too
			if strings.Contains(got, tt.secret) || !strings.Contains(got, before) || !strings.HasSuffix(got, after) {
				t.Errorf("%q became %q", text, got)
			}
		})
	}
}

// TestTextWithoutSecretsStays: what speaks of secrets is none.
func TestTextWithoutSecretsStays(t *testing.T) {
	r := &redactor{names: newPseudonymizer()}
	for _, text := range []string{
		"Password did not conform with policy: Password must have uppercase characters",
		"password = getpass.getpass()", "password: ${DB_PASSWORD}", "password={{ vault.db }}", `"password": {"type": "string"}`,
		"PasswordPolicy=strict", "--password-stdin", "api_key: string", "secret_key=null", "the password is stored elsewhere",
		"SecretArn: arn:aws:secretsmanager:us-east-1:123456789012:secret:db", "client_secret: arn:aws:secretsmanager:us-east-1:123456789012:secret:db",
		"NextToken=abc", "https://example.com/?page=2&sort=asc", "machine learning and password hygiene", "key-value pairs", "npm_config_cache=/tmp", "sk_live_ is a prefix",
	} {
		if got := r.freeText(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestNamesOfSecretsAreLookedFor(t *testing.T) {
	for _, name := range []string{"IdentityToken", "SAMLAssertion", "saml_assertion", "BEARER_TOKEN", "session-token", "authtoken", "Security-Token", "APIKey", "dbPassword", "AWS_SECRET_ACCESS_KEY"} {
		if !clearSecretName(name) {
			t.Errorf("%s is no name of a secret", name)
		}
		// A word is found from even places and odd ones.
		if !hints.has([]byte(`{"`+name+`":1}`), hintName) || !hints.has([]byte(`{ "`+name+`":1}`), hintName) {
			t.Errorf("a body with %s is not looked at", name)
		}
	}
}
