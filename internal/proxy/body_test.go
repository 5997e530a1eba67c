package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/internal/sign"
)

const formType = "application/x-www-form-urlencoded; charset=utf-8"

// In the query protocol the operation stands in the body alone, which nothing else may need to be read for.
func TestFormNamesTheOperation(t *testing.T) {
	const form = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=r"
	for _, tt := range []struct {
		name   string
		form   string
		key    sign.Credentials
		header []string
	}{
		{"without signature", form, sign.Credentials{}, nil},
		{"signed, the hash in the signature", form, clientKey, nil},
		{"signed, the hash in a header, as the SDK for JavaScript does", form, clientKey, []string{"X-Amz-Content-Sha256", hexSHA(form)}},
		{"the client waits to be asked for it", form, clientKey, []string{"X-Amz-Content-Sha256", hexSHA(form), "Expect", "100-continue"}},
		{"large", form + strings.Repeat("&A=b", smallBody/4), clientKey, []string{"X-Amz-Content-Sha256", hexSHA(form + strings.Repeat("&A=b", smallBody/4))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, func(o *Options) { o.Upstream = nil })
			r.proxy.client.dial = r.toUpstream
			req := r.request("POST", "/", tt.form, tt.key, "sts", append(tt.header, "Content-Type", formType)...)
			r.do(req) // the upstream speaks no TLS; the call is what matters
			e := r.entries()
			if len(e) != 1 || e[0].Host != "sts.us-east-1.amazonaws.com" || e[0].Action != "AssumeRoleWithWebIdentity" || string(e[0].RequestBody.Data) != tt.form {
				t.Errorf("entries: %+v", e)
			}
		})
	}
}

func TestForwardModeReadsTheOperationFromAForm(t *testing.T) {
	const form = "Action=GetCallerIdentity&Version=2011-06-15"
	fr := newForwardRig(t, nil, nil)
	req, err := http.NewRequest("POST", "https://sts.eu-west-1.amazonaws.com/", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", formType)
	fr.sign(req, "/", form, sign.Credentials{KeyID: "AKIDAPP", Secret: "appsecret"}, "sts", time.Now())
	client := fr.client(false)
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if e := fr.entries(); len(e) != 1 || e[0].Action != "GetCallerIdentity" || string(e[0].RequestBody.Data) != form {
		t.Errorf("entries: %+v", e)
	}
}

// One program of a command may assume a role through the proxy, and another use it at the endpoint.
func TestForwardModeLearnsKeys(t *testing.T) {
	for host, learned := range map[string]int64{"sts.eu-west-1.amazonaws.com": 1, "sts.localhost": 0} {
		fr := newForwardRig(t, []string{"sts.localhost"}, nil)
		fr.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			io.WriteString(w, "<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken></Credentials>")
		}
		const form = "Action=AssumeRole&Version=2011-06-15"
		req, err := http.NewRequest("POST", "https://"+host+"/", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", formType)
		fr.sign(req, "/", form, clientKey, "sts", time.Now())
		client := fr.client(false)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		client.CloseIdleConnections()
		if got := fr.proxy.Counts().Learned.Load(); got != learned {
			t.Errorf("%s: %d keys learned, want %d", host, got, learned)
		}
	}
}
