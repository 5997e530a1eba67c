package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/neureaux/cloudmock/internal/scripttest"
	"github.com/neureaux/cloudmock/internal/sign"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cm-record": main, "awscall": awscall, "http": httpCall})
}

// TestScripts runs the recorder before $UPSTREAM, a server that takes calls of the key
// in the environment alone. $PORT and $ADMIN are free ports.
func TestScripts(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(serve))
	t.Cleanup(server.Close) // the scripts run in parallel, after this function
	scripttest.Run(t, func(e *testscript.Env) error {
		for name, value := range map[string]string{
			"UPSTREAM": server.URL, "PORT": freePort(t), "ADMIN": freePort(t), "DEAD": "http://127.0.0.1:" + freePort(t),
			"AWS_ACCESS_KEY_ID": "AKIDREAL", "AWS_SECRET_ACCESS_KEY": "real", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
			"HOME": e.WorkDir, "XDG_CONFIG_HOME": e.WorkDir + "/config", "AWS_CA_BUNDLE": "", "TMPDIR": e.WorkDir,
		} {
			e.Setenv(name, value)
		}
		return nil
	})
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// serve verifies as AWS does.
func serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	in := sign.Request{Method: r.Method, Host: r.Host}
	in.Path, in.RawQuery, _ = strings.Cut(r.RequestURI, "?")
	for name, values := range r.Header {
		for _, v := range values {
			in.Add(name, v)
		}
	}
	claim, scheme, err := sign.Parse(&in)
	if scheme == sign.Unsigned {
		io.WriteString(w, "public\n")
		return
	}
	if err != nil || scheme != sign.V4 || claim.KeyID != "AKIDREAL" {
		http.Error(w, "not signed by AKIDREAL", http.StatusForbidden)
		return
	}
	var s sign.Signer
	if _, err := s.Verify(&in, &claim, "real", hexSHA(body)); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	w.Header()["Date"] = nil
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	fmt.Fprintf(w, `{"echo":%q}`, body)
}

func hexSHA(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// awscall ACTION [BODY] makes a DynamoDB call as an SDK does, led by the environment, and
// prints what came back. Its exit status is 3 when that is no success.
func awscall() {
	action, body := os.Args[1], "{}"
	if len(os.Args) > 2 {
		body = os.Args[2]
	}
	endpoint, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL"))
	if err != nil || endpoint.Host == "" {
		fmt.Println("no endpoint")
		os.Exit(4)
	}
	in := sign.Request{Method: "POST", Host: endpoint.Host, Path: "/", Header: []sign.Field{
		{Name: "Content-Type", Value: "application/x-amz-json-1.0"}, {Name: "X-Amz-Target", Value: "DynamoDB_20120810." + action}}}
	c := sign.Credentials{KeyID: os.Getenv("AWS_ACCESS_KEY_ID"), Secret: os.Getenv("AWS_SECRET_ACCESS_KEY")}
	var s sign.Signer
	if _, err := s.Sign(&in, c, sign.Options{Service: "dynamodb", Region: os.Getenv("AWS_REGION"), Time: time.Now(), Payload: hexSHA([]byte(body))}); err != nil {
		fmt.Println(err)
		os.Exit(4)
	}
	req, err := http.NewRequest("POST", endpoint.String()+"/", strings.NewReader(body))
	if err != nil {
		fmt.Println(err)
		os.Exit(4)
	}
	for _, f := range in.Header {
		req.Header.Add(f.Name, f.Value)
	}
	finish((&http.Transport{Proxy: nil}).RoundTrip(req))
}

// httpCall METHOD URL [FILE] sends a request, again and again while nothing listens there.
func httpCall() {
	for range 200 {
		var body io.Reader
		if len(os.Args) > 3 {
			data, err := os.ReadFile(os.Args[3])
			if err != nil {
				fmt.Println(err)
				os.Exit(4)
			}
			body = strings.NewReader(string(data))
		}
		req, err := http.NewRequest(os.Args[1], os.Args[2], body)
		if err != nil {
			fmt.Println(err)
			os.Exit(4)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			finish(resp, nil)
		}
		// Another process is starting; there is nothing to wait on.
		<-time.After(25 * time.Millisecond)
	}
	fmt.Println("nothing listens")
	os.Exit(4)
}

func finish(resp *http.Response, err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(5)
	}
	body, err := io.ReadAll(resp.Body)
	fmt.Printf("%d %s %v\n", resp.StatusCode, strings.TrimSpace(string(body)), err)
	if resp.StatusCode/100 != 2 {
		os.Exit(3)
	}
	os.Exit(0)
}
