package proxy

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/neureaux/cloudmock/internal/sign"
)

// Who starts the recorder is told as whom it signs.
func TestIdentityIsTold(t *testing.T) {
	answer := func(status int, body string) func(w http.ResponseWriter, r *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "sts.eu-west-1.amazonaws.com" || r.Header.Get("X-Amz-Security-Token") != realKey.Token || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/sts/aws4_request") {
				t.Errorf("%s %v", r.Host, r.Header)
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	for _, tt := range []struct {
		name, want string
		own        sign.Source
		handler    func(w http.ResponseWriter, r *http.Request)
	}{
		{"by its ARN", "signing as arn:aws:sts::123456789012:assumed-role/dev/me, with key AKID…\n", sign.Static(realKey),
			answer(200, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/dev/me</Arn><UserId>A</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)},
		{"by its key, where STS does not say", "signing with key AKID…\n", sign.Static(realKey), answer(403, `<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>`)},
		{"that there is none", "no credentials to sign with: no credentials today\n", failingSource{}, answer(500, "")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fr := newForwardRig(t, nil, func(o *Options) { o.Region, o.Own = "eu-west-1", tt.own })
			fr.upstreamHandler.Store(tt.handler)
			s := &Session{proxy: fr.proxy, log: fr.proxy.o.Logger}
			s.identify(context.Background())
			if got := fr.messages(); got != "cm-record: "+tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
