package replay

import (
	"strings"
	"testing"
)

func TestSecretHashIsMadeAnew(t *testing.T) {
	s := newRawServer(t, func(r string) string {
		if strings.Contains(r, "CreateUserPoolClient") {
			return httpAnswer(200, `{"UserPoolClient":{"ClientId":"fab52120b8014b9c9a2eb319f6","ClientSecret":"s3cret"}}`)
		}
		return httpAnswer(200, "{}")
	})
	call := func(action, request, answer string) string {
		quote := strings.NewReplacer(`"`, `\"`).Replace
		return `{"id":"1","service":"cognito-idp","action":"` + action + `","method":"POST","host":"cognito-idp.us-east-1.amazonaws.com","path":"/","status_code":200,"request_headers":{"Content-Type":"application/x-amz-json-1.1","X-Amz-Target":"AWSCognitoIdentityProviderService.` + action +
			`"},"request_body":"` + quote(request) + `","response_headers":{"Content-Type":"application/x-amz-json-1.1"},"response_body":"` + quote(answer) + `"}` + "\n"
	}
	const old = "oaCC1lYpwP4E2Ib4U/q5uzPfkCExqnCF34+iiWa0UaY="
	const want = "q0l2FfkKSwGR49JKoJeNSqMmM0U2S1qXy9sP/eR9OgU="
	_, err := replayText(t, Options{Endpoints: endpoint(s.addr), Order: Serial},
		call("CreateUserPoolClient", `{"ClientName":"c"}`, `{"UserPoolClient":{"ClientId":"1e6521725cf2464cb768dd135a","ClientSecret":"pseudonym"}}`)+
			call("SignUp", `{"ClientId":"1e6521725cf2464cb768dd135a","SecretHash":"`+old+`","Username":"bob"}`, `{}`)+
			call("InitiateAuth", `{"ClientId":"1e6521725cf2464cb768dd135a","AuthParameters":{"USERNAME":"bob","SECRET_HASH":"`+old+`"}}`, `{}`)+
			call("InitiateAuth", `{"ClientId":"1e6521725cf2464cb768dd135a","AuthParameters":{"REFRESH_TOKEN":"t","SECRET_HASH":"`+old+`"}}`, `{}`)+
			call("SignUp", `{"ClientId":"another","SecretHash":"unknown","Username":"bob"}`, `{}`))
	if err != nil {
		t.Fatal(err)
	}
	requests := s.requests()
	for _, r := range requests[1:4] {
		if !strings.Contains(r, want) {
			t.Errorf("request without %s: %s", want, r)
		}
	}
	if !strings.Contains(requests[4], `"unknown"`) {
		t.Errorf("the hash of a client whose secret is not known: %s", requests[4])
	}
}
