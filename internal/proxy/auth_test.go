package proxy

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/internal/sign"
)

// Whatever is not signed with a key of the keyring, now, for what was sent, does not
// reach the upstream, and is told why in the client's protocol.
func TestRefusedSignatures(t *testing.T) {
	json := []string{"X-Amz-Target", "DynamoDB_20120810.ListTables", "Content-Type", "application/x-amz-json-1.0"}
	tests := []struct {
		name       string
		request    func(r *rig) *http.Request
		status     int
		code, want string // code as the protocol's SDK finds it
	}{
		{"unknown key, JSON", func(r *rig) *http.Request {
			return r.request("POST", "/", "{}", sign.Credentials{KeyID: "AKIDOTHER", Secret: "x"}, "dynamodb", json...)
		}, 403, `"__type":"UnrecognizedClientException"`, "AKIDOTHER is not known here"},
		{"unknown key, S3", func(r *rig) *http.Request {
			return r.request("GET", "/bkt/k", "", sign.Credentials{KeyID: "AKIDOTHER", Secret: "x"}, "s3")
		}, 403, "<Error><Code>InvalidAccessKeyId</Code>", "--client-credentials"},
		{"unknown key, query", func(r *rig) *http.Request {
			return r.request("POST", "/", "Action=ListUsers&Version=2010-05-08", sign.Credentials{KeyID: "AKIDOTHER", Secret: "x"}, "iam", "Content-Type", "application/x-www-form-urlencoded")
		}, 403, "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code>", ""},
		{"wrong secret", func(r *rig) *http.Request {
			return r.request("POST", "/", "{}", sign.Credentials{KeyID: clientKey.KeyID, Secret: "wrong"}, "dynamodb", json...)
		}, 403, `"SignatureDoesNotMatch"`, "does not match"},
		{"the key id as its own secret", func(r *rig) *http.Request {
			return r.request("POST", "/", "{}", sign.Credentials{KeyID: clientKey.KeyID, Secret: clientKey.KeyID}, "dynamodb", json...)
		}, 403, `"SignatureDoesNotMatch"`, ""},
		{"a body that was changed", func(r *rig) *http.Request {
			req := r.request("POST", "/", "{}", clientKey, "dynamodb", json...)
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader("[]")), 2
			return req
		}, 403, `"SignatureDoesNotMatch"`, ""},
		{"a body that is not the one of x-amz-content-sha256", func(r *rig) *http.Request {
			req := r.request("PUT", "/bkt/k", "data", clientKey, "s3")
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader("DATA")), 4
			return req
		}, 400, "XAmzContentSHA256Mismatch", ""},
		{"a signed header that was changed", func(r *rig) *http.Request {
			req := r.request("POST", "/", "{}", clientKey, "dynamodb", json...)
			req.Header.Set("X-Amz-Target", "DynamoDB_20120810.DeleteTable")
			return req
		}, 403, `"SignatureDoesNotMatch"`, ""},
		{"signed for another host", func(r *rig) *http.Request {
			req := r.request("POST", "/", "{}", clientKey, "dynamodb", append(json, "Host", "dynamodb.us-east-1.amazonaws.com")...)
			req.Host = ""
			return req
		}, 403, `"SignatureDoesNotMatch"`, ""},
		{"an old request, replayed", func(r *rig) *http.Request {
			req := r.request("POST", "/", "{}", sign.Credentials{}, "dynamodb", json...)
			r.sign(req, "/", "{}", clientKey, "dynamodb", time.Now().Add(-20*time.Minute))
			return req
		}, 403, `"RequestTimeTooSkewed"`, " old"},
		{"a date in the future", func(r *rig) *http.Request {
			req := r.request("POST", "/", "{}", sign.Credentials{}, "dynamodb", json...)
			r.sign(req, "/", "{}", clientKey, "dynamodb", time.Now().Add(20*time.Minute))
			return req
		}, 403, `"RequestTimeTooSkewed"`, "ahead"},
		{"a forged scope: service", func(r *rig) *http.Request {
			req := r.request("GET", "/", "", clientKey, "s3")
			req.Header.Set("Authorization", strings.Replace(req.Header.Get("Authorization"), "/s3/", "/evil.com#/", 1))
			return req
		}, 400, "InvalidRequest", "cannot be right"},
		{"a forged scope: region", func(r *rig) *http.Request {
			req := r.request("GET", "/", "", clientKey, "s3")
			req.Header.Set("Authorization", strings.Replace(req.Header.Get("Authorization"), "us-east-1", "us-east-1.evil.com", 1))
			return req
		}, 400, "InvalidRequest", "cannot be right"},
		{"several regions", func(r *rig) *http.Request {
			req := r.request("GET", "/", "", clientKey, "s3")
			req.Header.Set("Authorization", "AWS4-ECDSA-P256-SHA256 Credential=AKIDCLIENT/20260101/s3/aws4_request, SignedHeaders=host, Signature=30")
			return req
		}, 501, "NotImplemented", "forward mode"},
		{"signed events", func(r *rig) *http.Request {
			return r.request("POST", "/stream-transcription", "", clientKey, "transcribe", "X-Amz-Content-Sha256", sign.StreamingEvents)
		}, 501, "NotImplemented", "forward mode"},
		{"signature version 2", func(r *rig) *http.Request {
			req := r.request("GET", "/bkt/k", "", sign.Credentials{}, "s3")
			req.Header.Set("Authorization", "AWS AKIDCLIENT:c2lnbmF0dXJl")
			req.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
			return req
		}, 403, "SignatureDoesNotMatch", ""},
		{"presigned with version 2", func(r *rig) *http.Request {
			return r.request("GET", "/bkt/k?AWSAccessKeyId=AKIDCLIENT&Expires=9999999999&Signature=c2ln", "", sign.Credentials{}, "s3")
		}, 403, "SignatureDoesNotMatch", ""},
		{"presigned with version 2 by an unknown key", func(r *rig) *http.Request {
			return r.request("GET", "/bkt/k?AWSAccessKeyId=AKIDOTHER&Expires=9999999999&Signature=c2ln", "", sign.Credentials{}, "s3")
		}, 403, "InvalidAccessKeyId", "--client-credentials"},
		{"presigned with version 2, expired", func(r *rig) *http.Request {
			return r.request("GET", "/bkt/k?AWSAccessKeyId=AKIDCLIENT&Expires=999999999&Signature=c2ln", "", sign.Credentials{}, "s3")
		}, 403, "AccessDenied", "expired"},
		{"version 2 of another service", func(r *rig) *http.Request {
			return r.request("GET", "/?AWSAccessKeyId=AKIDCLIENT&Action=ListDomains&SignatureVersion=2&SignatureMethod=HmacSHA256&Timestamp=2026-01-01T00%3A00%3A00&Signature=c2ln", "", sign.Credentials{}, "s3")
		}, 403, "InvalidRequest", "version 4"},
		{"presigned with a signature that is not ours", func(r *rig) *http.Request {
			return r.request("GET", "/?Action=CreateAccessKey&UserName=admin&Version=2010-05-08&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDCLIENT%2F"+time.Now().UTC().Format("20060102")+
				"%2Fus-east-1%2Fiam%2Faws4_request&X-Amz-Date="+time.Now().UTC().Format("20060102T150405Z")+"&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature="+strings.Repeat("a", 64), "", sign.Credentials{}, "iam")
		}, 403, "SignatureDoesNotMatch", ""},
		{"credentials in header and query", func(r *rig) *http.Request {
			return r.request("GET", "/bkt/k?X-Amz-Credential=a&X-Amz-Signature=b", "", clientKey, "s3")
		}, 403, "IncompleteSignature", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, nil)
			status, body, header := r.do(tt.request(r))
			if status != tt.status || !strings.Contains(body, tt.code) || !strings.Contains(body, tt.want) || header.Get("X-Cm-Proxy-Error") == "" {
				t.Errorf("%d %s", status, body)
			}
			if n := len(r.upstreamSaw()); n != 0 {
				t.Errorf("%d requests went upstream", n)
			}
			if n := r.proxy.counts.Signed.Load(); n != 0 {
				t.Errorf("%d were signed", n)
			}
			if r.messages() == "" {
				t.Error("nothing was said on stderr")
			}
			r.isRefusal(t, header.Get("X-Cm-Proxy-Error"), strings.Repeat("a", 64))
		})
	}
}

func TestCBORError(t *testing.T) {
	r := newRig(t, nil)
	_, body, header := r.do(r.request("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "\xa0", sign.Credentials{KeyID: "X", Secret: "x"}, "monitoring",
		"Smithy-Protocol", "rpc-v2-cbor", "Content-Type", "application/cbor"))
	if !strings.HasPrefix(body, "\xa2\x66__type\x78\x1bUnrecognizedClientException\x67message") || header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
		t.Errorf("%q %v", body, header)
	}
}

func TestSignedChunksAreSignedAnew(t *testing.T) {
	for _, trailer := range []string{"", "x-amz-checksum-crc32:AAAAAA=="} {
		for _, size := range []int{1, 8191, 65536, 300_000} {
			t.Run(fmt.Sprintf("chunks of %d, trailer %q", size, trailer), func(t *testing.T) {
				r := newRig(t, nil)
				payload := bytes.Repeat([]byte("payload "), max(1, min(3*size, 400_000)/8))
				mode := sign.StreamingSigned
				header := []string{"X-Amz-Decoded-Content-Length", fmt.Sprint(len(payload)), "Content-Encoding", "aws-chunked"}
				if trailer != "" {
					mode = sign.StreamingSignedTrailer
					header = append(header, "X-Amz-Trailer", "x-amz-checksum-crc32")
				}
				req := r.request("PUT", "/bkt/k", "", sign.Credentials{}, "s3", append(header, "X-Amz-Content-Sha256", mode)...)
				seed := r.sign(req, "/bkt/k", "", clientKey, "s3", time.Now())
				framed := frameSigned(payload, size, seed, trailer)
				req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(framed)), int64(len(framed))
				status, body, _ := r.do(req)
				saw := r.upstreamSaw()
				if status != 200 || len(saw) != 1 || saw[0].Signed != realKey.KeyID || saw[0].Length != int64(len(framed)) {
					t.Fatalf("%d %s: upstream saw %d requests, %s", status, body, len(saw), saw[0].Broken)
				}
				if saw[0].Body == string(framed) {
					t.Error("the client's chunk signatures were forwarded")
				}
				got, err := io.ReadAll(sign.NewChunkReader(strings.NewReader(saw[0].Body), nil, sign.ChunkOptions{Length: int64(len(payload)), Trailer: trailer != ""}))
				if err != nil || !bytes.Equal(got, payload) {
					t.Errorf("payload: %d bytes, %v", len(got), err)
				}
			})
		}
	}
}

// frameSigned frames as a client does, with nothing but the public parts of package sign.
func frameSigned(payload []byte, size int, seed sign.Seed, trailer string) []byte {
	var out bytes.Buffer
	for {
		n := min(size, len(payload))
		seed = seed.Chunk(sha256.Sum256(payload[:n]))
		fmt.Fprintf(&out, "%x;chunk-signature=%s\r\n", n, seed.Signature)
		if n == 0 {
			break
		}
		out.Write(payload[:n])
		out.WriteString("\r\n")
		payload = payload[n:]
	}
	if trailer != "" {
		fmt.Fprintf(&out, "%s\r\nx-amz-trailer-signature:%s\r\n", trailer, seed.Trailer(sha256.Sum256([]byte(trailer+"\n"))).Signature)
	}
	out.WriteString("\r\n")
	return out.Bytes()
}

func TestChunksThatDoNotVerify(t *testing.T) {
	r := newRig(t, nil)
	req := r.request("PUT", "/bkt/k", "", sign.Credentials{}, "s3", "X-Amz-Decoded-Content-Length", "8", "X-Amz-Content-Sha256", sign.StreamingSigned)
	seed := r.sign(req, "/bkt/k", "", clientKey, "s3", time.Now())
	framed := bytes.Replace(frameSigned([]byte("payload1"), 8, seed, ""), []byte("payload1"), []byte("payload2"), 1)
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(framed)), int64(len(framed))
	if status, body, _ := r.do(req); status != 400 {
		t.Errorf("%d %s", status, body)
	}
	for _, got := range r.upstreamSaw() {
		if strings.Contains(got.Body, "payload2") {
			t.Error("the upstream got the changed chunk")
		}
	}
}

func TestUnsignedTrailerPassesVerbatim(t *testing.T) {
	r := newRig(t, nil)
	const framed = "b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"
	header := []string{"X-Amz-Content-Sha256", sign.StreamingUnsigned, "X-Amz-Decoded-Content-Length", "11", "Content-Encoding", "gzip,aws-chunked", "X-Amz-Trailer", "x-amz-checksum-crc32"}
	req := r.request("PUT", "/bkt/k", "", clientKey, "s3", header...)
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(framed)), -1 // aws-chunked inside chunked, as boto3 over https
	status, _, _ := r.do(req)
	saw := r.upstreamSaw()
	if status != 200 || len(saw) != 1 || saw[0].Signed != realKey.KeyID || saw[0].Body != framed || saw[0].Length != -1 || saw[0].Header.Get("Content-Encoding") != "gzip,aws-chunked" {
		t.Fatalf("%d %+v", status, saw)
	}
	if e := r.entries()[0]; string(e.RequestBody.Data) != framed {
		t.Errorf("recorded %q", e.RequestBody.Data)
	}
	req = r.request("PUT", "/bkt/k", "", clientKey, "s3", header...)
	short := strings.Replace(framed, "b\r\nhello world", "5\r\nhello", 1)
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(short)), int64(len(short))
	if status, body, _ := r.do(req); status != 400 {
		t.Errorf("a payload of another length: %d %s", status, body)
	}
}

func TestPresigned(t *testing.T) {
	r := newRig(t, nil)
	target := r.presign("/bkt/a%20b?versionId=v+1", time.Now().Add(-time.Minute), 300)
	status, _, _ := r.do(r.request("GET", target, "", sign.Credentials{}, "s3"))
	saw := r.upstreamSaw()
	if status != 200 || len(saw) != 1 || saw[0].Signed != realKey.KeyID || !strings.HasPrefix(saw[0].Target, "/bkt/a%20b?versionId=v+1&") || strings.Contains(saw[0].Target, clientKey.KeyID) {
		t.Fatalf("%d %+v", status, saw)
	}
	was, _ := url.Parse(target)
	is, err := url.Parse(saw[0].Target)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Amz-Date", "X-Amz-Expires"} {
		if was.Query().Get(name) != is.Query().Get(name) {
			t.Errorf("%s was %s, is %s", name, was.Query().Get(name), is.Query().Get(name))
		}
	}
	status, body, _ := r.do(r.request("GET", r.presign("/bkt/k", time.Now().Add(-time.Hour), 60), "", sign.Credentials{}, "s3"))
	if status != 403 || !strings.Contains(body, "expired") {
		t.Errorf("an expired URL: %d %s", status, body)
	}
}

// presign returns a target that clientKey signed at the given time.
func (r *rig) presign(target string, at time.Time, expires int) string {
	r.t.Helper()
	in := sign.Request{Method: "GET", Host: r.server.Listener.Addr().String()}
	in.Path, in.RawQuery, _ = strings.Cut(target, "?")
	claim := sign.Claim{Signed: []string{"host"}, AmzDate: at.UTC().Format("20060102T150405Z"), ExpiresText: fmt.Sprint(expires)}
	var s sign.Signer
	if err := s.SignQuery(&in, clientKey, &claim, sign.Options{Service: "s3", Region: "us-east-1", Payload: sign.UnsignedPayload}); err != nil {
		r.t.Fatal(err)
	}
	return in.Path + "?" + in.RawQuery
}

// The app assumes a role through the recorder and signs with what it got: its calls go on
// as that role, not as the recorder.
func TestCredentialsOfAnswersAreLearned(t *testing.T) {
	const xml = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>` +
		`<SecretAccessKey>role/secret</SecretAccessKey><SessionToken>roletoken</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/app/s</Arn></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>`
	const role, self = "arn:aws:sts::123456789012:assumed-role/app/s", "arn:aws:iam::123456789012:user/me"
	tests := []struct{ name, identity, target, body, service, contentType, answer string }{
		{"STS", role, "/", "Action=AssumeRole&Version=2011-06-15&RoleArn=arn", "sts", "application/x-www-form-urlencoded", xml},
		{"Cognito", "", "/", `{"IdentityId":"x"}`, "", "application/x-amz-json-1.1", `{"Credentials":{"AccessKeyId":"ASIAROLE","SecretKey":"role/secret","SessionToken":"roletoken","Expiration":4.1e9},"IdentityId":"x"}`},
		{"S3 CreateSession", self, "/bkt--use1-az4--x-s3?session", "", "s3express", "", regexp.MustCompile("<AssumedRoleUser>.*</AssumedRoleUser>").ReplaceAllString(strings.ReplaceAll(strings.ReplaceAll(xml, "AssumeRoleResponse", "CreateSessionOutput"), "AssumeRoleResult", "x"), "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, nil)
			r.secrets["ASIAROLE"] = "role/secret"
			r.proxy.self.Store(&identity{realKey.KeyID, self})
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) { io.WriteString(w, tt.answer) }
			method, key, header := "POST", clientKey, []string{"Content-Type", tt.contentType}
			if tt.body == "" {
				method = "GET"
			}
			if tt.service == "" { // Cognito identity is asked without a signature
				key = sign.Credentials{}
				header = append(header, "X-Amz-Target", "AWSCognitoIdentityService.GetCredentialsForIdentity")
			}
			if status, body, _ := r.do(r.request(method, tt.target, tt.body, key, tt.service, header...)); status != 200 || body != tt.answer {
				t.Fatalf("%d %s", status, body)
			}
			role := sign.Credentials{KeyID: "ASIAROLE", Secret: "role/secret", Token: "roletoken"}
			status, body, _ := r.do(r.request("POST", "/", "{}", role, "dynamodb", "X-Amz-Target", "DynamoDB_20120810.ListTables"))
			saw := r.upstreamSaw()
			if status != 200 || saw[len(saw)-1].Signed != "ASIAROLE" || saw[len(saw)-1].Header.Get("X-Amz-Security-Token") != "roletoken" {
				t.Errorf("%d %s, upstream saw %+v", status, body, saw[len(saw)-1])
			}
			// Each entry says who it was.
			first := self
			if key.KeyID == "" {
				first = ""
			}
			if e := r.entries(); e[0].SignedAs != first || e[1].SignedAs != tt.identity {
				t.Errorf("signed as %q and %q, want %q and %q", e[0].SignedAs, e[1].SignedAs, first, tt.identity)
			}
		})
	}
	t.Run("an object that looks like credentials is not learned", func(t *testing.T) {
		r := newRig(t, nil)
		r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) { io.WriteString(w, xml) }
		r.do(r.request("GET", "/bkt/k", "", clientKey, "s3"))
		if n := r.proxy.counts.Learned.Load(); n != 0 {
			t.Errorf("%d keys learned", n)
		}
	})
}

type failingSource struct{}

func (failingSource) Credentials(context.Context) (sign.Credentials, error) {
	return sign.Credentials{}, fmt.Errorf("no credentials today")
}

func TestNoCredentialsToSignWith(t *testing.T) {
	r := newRig(t, nil)
	r.keys.Add(sign.Key{Credentials: sign.Credentials{KeyID: "AKIDNONE", Secret: "s"}, As: failingSource{}}, time.Now())
	status, body, _ := r.do(r.request("POST", "/", "{}", sign.Credentials{KeyID: "AKIDNONE", Secret: "s"}, "dynamodb", "X-Amz-Target", "DynamoDB_20120810.ListTables"))
	if status != 403 || !strings.Contains(body, "no credentials today") || len(r.upstreamSaw()) != 0 {
		t.Errorf("%d %s", status, body)
	}
}

func TestNoVerify(t *testing.T) {
	r := newRig(t, func(o *Options) { o.NoVerify, o.Own = true, sign.Static(realKey) })
	status, _, _ := r.do(r.request("POST", "/", "{}", sign.Credentials{KeyID: "ANY", Secret: "thing"}, "dynamodb", "X-Amz-Target", "DynamoDB_20120810.ListTables"))
	if saw := r.upstreamSaw(); status != 200 || saw[0].Signed != realKey.KeyID {
		t.Errorf("%d %+v", status, saw)
	}
	for _, upstream := range []*url.URL{nil, {Scheme: "https", Host: "storage.example"}, {Scheme: "http", Host: "127.0.0.1.evil.example"}} {
		if _, err := New(Options{Recorder: r.recorder, Keyring: r.keys, Upstream: upstream, NoVerify: true}); err == nil {
			t.Errorf("--no-verify is accepted for %v", upstream)
		}
	}
}

// boto3 presigns with version 2; AWS's newer regions and most emulators know version 4 alone.
func TestVersion2GivesNoMoreThanItSigns(t *testing.T) {
	for _, added := range []string{"encryption", "publicAccessBlock"} {
		r := newRig(t, nil)
		expires := time.Now().Add(time.Minute).Unix()
		mac := hmac.New(sha1.New, []byte(clientKey.Secret))
		fmt.Fprintf(mac, "PUT\n\n\n%d\n/bkt/k", expires)
		target := fmt.Sprintf("/bkt/k?%s&AWSAccessKeyId=%s&Expires=%d&Signature=%s", added, clientKey.KeyID, expires, url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil))))
		status, body, _ := r.do(r.request("PUT", target, "", sign.Credentials{}, "s3"))
		if saw := r.upstreamSaw(); status != 403 || len(saw) > 0 || !strings.Contains(body, "<Code>AccessDenied</Code>") || !strings.Contains(body, added) || !strings.Contains(body, "s3v4") {
			t.Errorf("%d %s, upstream saw %+v", status, body, saw)
		}
	}
}

func TestVersion2BecomesVersion4(t *testing.T) {
	r := newRig(t, nil)
	expires := time.Now().Add(time.Minute).Unix()
	for _, tt := range []struct{ host, path, resource string }{
		{"localhost", "/bkt/a%20b", "/bkt/a%20b"},
		{"bkt.localhost", "/a%20b", "/bkt/a%20b"},
		{"bkt.s3.localhost", "/a%20b", "/bkt/a%20b"},
		{"localhost", "/bkt", "/bkt/"},
	} {
		mac := hmac.New(sha1.New, []byte(clientKey.Secret))
		fmt.Fprintf(mac, "GET\n\n\n%d\n%s?versionId=7", expires, tt.resource)
		target := fmt.Sprintf("%s?versionId=7&x-id=GetObject&AWSAccessKeyId=%s&Expires=%d&Signature=%s", tt.path, clientKey.KeyID, expires, url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil))))
		status, body, _ := r.do(r.request("GET", target, "", sign.Credentials{}, "s3", "Host", tt.host))
		saw := r.upstreamSaw()
		if status != 200 || len(saw) == 0 {
			t.Fatalf("%s%s: %d %s", tt.host, tt.path, status, body)
		}
		last := saw[len(saw)-1]
		if last.Signed != realKey.KeyID || !strings.HasPrefix(last.Target, strings.TrimSuffix(tt.resource, "/")+"?versionId=7&x-id=GetObject&X-Amz-Algorithm=") || strings.Contains(last.Target, "AWSAccessKeyId") {
			t.Errorf("upstream saw %+v", last)
		}
		entries := r.entries()
		if e := entries[len(entries)-1]; e.Service != "s3" || strings.Contains(e.Query, clientKey.KeyID) || strings.Contains(e.Query, "X-Amz-Algorithm") || !strings.Contains(e.Query, "Expires=") {
			t.Errorf("entry: %+v", e)
		}
	}
}
