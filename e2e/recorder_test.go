package e2e

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A recorder is a cm-record that listens, writes to a file, and holds the servers' credentials.
type recorder struct {
	*process
	url    string // where an http endpoint and a forward proxy listen
	https  string // where an https endpoint listens, if it does
	home   string // the recorder's home directory
	output string // the recording
}

// startRecorder starts cm-record before upstream with further arguments.
func startRecorder(t testing.TB, upstream string, args ...string) *recorder {
	t.Helper()
	return startRecorderAs(t, upstream, nil, args...)
}

// startRecorderAs does so with other credentials, or another environment.
func startRecorderAs(t testing.TB, upstream string, env []string, args ...string) *recorder {
	t.Helper()
	home := t.TempDir()
	r := &recorder{home: home, output: filepath.Join(home, "recording.ndjson")}
	if i := slices.Index(args, "--output"); i >= 0 {
		r.output = args[i+1]
		args = slices.Delete(slices.Clone(args), i, i+2)
	}
	_, port, _ := strings.Cut(freeAddress(t), ":")
	r.url = "http://127.0.0.1:" + port
	cmd := tool(t, "cm-record", append([]string{"--upstream", upstream, "--port", port, "--output", r.output}, args...)...)
	cmd.Env = append(append(login(), homeIs(home)...), env...)
	r.process = start(t, cmd)
	r.await(t, "listening at "+r.url, func() bool { return listening("127.0.0.1:" + port) })
	return r
}

// startRecorderTLS starts cm-record with an https endpoint as well.
func startRecorderTLS(t testing.TB, upstream string) *recorder {
	t.Helper()
	address := freeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	r := startRecorder(t, upstream, "--https-port", port)
	r.https = "https://" + address
	r.await(t, "listening at "+r.https, func() bool { return listening(address) })
	return r
}

func homeIs(dir string) []string {
	return []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_DATA_HOME=" + dir}
}

// ca is the bundle that a client must trust.
func (r *recorder) ca(t testing.TB) string {
	t.Helper()
	cmd := tool(t, "cm-record", "ca")
	cmd.Env = homeIs(r.home)
	for _, word := range strings.Fields(must(t, cmd)) {
		if _, err := os.Stat(word); err == nil {
			return word
		}
	}
	t.Fatal("cm-record ca names no file")
	return ""
}

// An exchange is what a test asks about an entry.
type exchange struct {
	ID, Service, Action, Region, Host, Method, Path, Query string
	StatusCode                                             int                        `json:"status_code"`
	RequestHeaders                                         map[string]json.RawMessage `json:"request_headers"`
	ResponseHeaders                                        map[string]json.RawMessage `json:"response_headers"`
	RequestBody                                            string                     `json:"request_body"`
	ResponseBody                                           string                     `json:"response_body"`
	ResponseBodyEncoding                                   string                     `json:"response_body_encoding"`
	ResponseBodyTruncated                                  bool                       `json:"response_body_truncated"`
	Error                                                  string
	Match                                                  *bool
	Severity                                               string
	Diffs                                                  []map[string]any
	Replay                                                 *struct {
		StatusCode int `json:"status_code"`
		Error      string
		Rewrites   []map[string]any
		AttemptOf  string `json:"attempt_of"`
	}
}

// call is the id of the first attempt of the call that e is an attempt of.
func (e *exchange) call() string {
	if e.Replay != nil && e.Replay.AttemptOf != "" {
		return e.Replay.AttemptOf
	}
	return e.ID
}

func (e *exchange) name() string { return e.Service + "." + e.Action }

// read returns the exchanges of a stream whose every line must be whole.
func read(t testing.TB, stream string) []exchange {
	t.Helper()
	var all []exchange
	for i, line := range lines(t, strings.NewReader(stream)) {
		var e exchange
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("line %d: %v: %.300q", i+1, err, line)
		}
		all = append(all, e)
	}
	return all
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A client is a real one: how to run it against an endpoint.
type client struct {
	name    string
	command func(t testing.TB) *exec.Cmd
	actions []string // some that its recording must hold
	modes   []mode
}

// A mode is one way through the recorder.
type mode string

const (
	reverse  mode = "reverse"            // AWS_ENDPOINT_URL, signed anew
	reverseS mode = "reverse over https" // the same with TLS: SDKs then send other payload modes
	forward  mode = "forward"            // HTTPS_PROXY, the client's own signature
	awsHost       = "s3.us-east-1.amazonaws.com"
)

func goClient(dir string, args ...string) func(testing.TB) *exec.Cmd {
	return func(t testing.TB) *exec.Cmd {
		binary := filepath.Join(workspace, filepath.Base(dir))
		must(t, exec.Command("go", "build", "-o", binary, dir))
		return exec.CommandContext(t.Context(), binary, args...)
	}
}

var clients = []client{
	{"AWS CLI", func(t testing.TB) *exec.Cmd {
		return exec.CommandContext(t.Context(), "clients/s3-cli.sh", t.TempDir())
	}, []string{"CreateBucket", "PutObject", "GetObject", "HeadObject", "ListObjectsV2", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "DeleteObject", "DeleteBucket"},
		[]mode{reverse, reverseS, forward}},
	{"aws-sdk-go-v2", goClient("./clients/gosdk"),
		[]string{"CreateBucket", "PutObject", "GetObject", "HeadObject", "ListObjectsV2", "UploadPart", "UploadPartCopy", "ListParts", "CopyObject", "CompleteMultipartUpload", "DeleteObjects", "DeleteBucket"},
		[]mode{reverse, reverseS, forward}},
	{"aws-sdk-go-v2, unseekable", goClient("./clients/gosdk", "-unseekable"),
		[]string{"PutObject", "UploadPart"}, []mode{reverseS, forward}},
	{"AWS SDK for JavaScript", func(t testing.TB) *exec.Cmd {
		return exec.CommandContext(t.Context(), "node", "--no-warnings", "clients/s3.mjs")
	}, []string{"CreateBucket", "PutObject", "GetObject", "HeadObject", "ListObjectsV2", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "CopyObject", "DeleteObjects", "DeleteBucket"},
		[]mode{reverse, reverseS}}, // it ignores HTTPS_PROXY
	{"minio-go", goClient("./clients/minio"),
		[]string{"CreateBucket", "PutObject", "GetObject", "HeadObject", "UploadPart", "UploadPartCopy", "CopyObject", "DeleteObjects", "DeleteBucket"},
		[]mode{reverse, reverseS, forward}},
	{"aws4fetch", script("node", "clients/s3-fetch.mjs"), []string{"CreateBucket", "PutObject", "GetObject", "ListObjectsV2", "DeleteObject", "DeleteBucket"}, []mode{reverse, reverseS}},
	{"AWS SDK for Ruby", script("ruby", "clients/s3.rb"),
		[]string{"CreateBucket", "PutBucketVersioning", "PutObject", "GetObject", "HeadObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "CopyObject", "ListObjectsV2", "ListObjectVersions", "DeleteObjects"},
		[]mode{reverse}},
	{"Net::Amazon::S3", script("/usr/bin/perl", "clients/s3.pl"), []string{"CreateBucket", "PutObject", "GetObject", "CopyObject", "ListObjects", "DeleteObject", "DeleteBucket"}, []mode{reverse}},
	{"rclone", other("rclone"), []string{"CreateBucket", "PutObject", "HeadObject", "GetObject", "CopyObject", "DeleteObject"}, []mode{reverse}},
	{"s3cmd", other("s3cmd"), []string{"CreateBucket", "PutObject", "UploadPart", "GetObject", "HeadObject", "CopyObject"}, []mode{reverse}},
	{"restic", other("restic"), []string{"PutObject", "GetObject", "HeadObject"}, []mode{reverse}},
	{"curl", other("curl"), []string{"CreateBucket", "PutObject", "GetObject", "HeadObject", "ListObjectsV2", "DeleteObject", "DeleteBucket"}, []mode{reverse}},
}

// script is a client that an interpreter runs.
func script(interpreter, file string) func(testing.TB) *exec.Cmd {
	return func(t testing.TB) *exec.Cmd { return exec.CommandContext(t.Context(), interpreter, file) }
}

// other is a client that is told the endpoint in a way of its own.
func other(name string) func(testing.TB) *exec.Cmd {
	return func(t testing.TB) *exec.Cmd {
		return exec.CommandContext(t.Context(), "clients/s3-others.sh", name, t.TempDir())
	}
}

// Every client does its work through the recorder, in every mode that it knows, and prints what it prints when it
// speaks to the server directly. The server verifies each signature; so nothing was signed wrong on the way.
func TestClientsSeeWhatTheySeeWithoutTheRecorder(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			want := direct(t, c)
			for _, m := range c.modes {
				t.Run(string(m), func(t *testing.T) {
					gateway := startVersitygw(t)
					r := startRecorderTLS(t, gateway.url)
					cmd := c.command(t)
					cmd.Env = append(cmd.Env, r.environment(t, c, m)...)
					got := must(t, cmd)
					if d := cmp.Diff(want, got); d != "" {
						t.Errorf("the client sees something else (-directly +recorded):\n%s\nrecorder: %s", d, r.stderr.tail())
					}
					if status := r.stop(t); status != 0 {
						t.Errorf("cm-record: exit status %d\n%s", status, r.stderr.tail())
					}
					checkRecording(t, readFile(t, r.output), c.actions)
				})
			}
		})
	}
}

// cm-record -- command leads the command's client to it, whichever way the client knows, and gives it credentials: the
// client sees what it sees without, and the exit status is the command's.
func TestCommandIsRecordedAsItIs(t *testing.T) {
	for _, c := range clients[1:5] { // the AWS CLI is in TestTheWholeLineRunsLive
		if strings.Contains(c.name, "unseekable") || c.name == "minio-go" { // minio-go is told its endpoint by hand
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			want := direct(t, c)
			home := t.TempDir()
			recording, transcript := filepath.Join(home, "recording.ndjson"), filepath.Join(home, "transcript")
			args := []string{"--port", "0", "--upstream", startVersitygw(t).url, "--output", recording, "--", "bash", "-c", `out=$1; shift; "$@" >"$out"; exit 7`, "e2e", transcript}
			cmd := tool(t, "cm-record", append(args, c.command(t).Args...)...)
			cmd.Env = append(login(), homeIs(home)...)
			r := output(t, cmd)
			if r.status != 7 {
				t.Errorf("exit status %d, want the command's\n%s", r.status, tail(r.stderr))
			}
			if d := cmp.Diff(want, readFile(t, transcript)); d != "" {
				t.Errorf("the client sees something else (-directly +recorded):\n%s", d)
			}
			checkRecording(t, readFile(t, recording), c.actions)
		})
	}
}

// direct is what the client prints without a recorder.
func direct(t *testing.T, c client) string {
	cmd := c.command(t)
	cmd.Args = slices.DeleteFunc(cmd.Args, func(arg string) bool { return arg == "-unseekable" }) // refused without TLS
	cmd.Env = append(cmd.Env, append(login(), "AWS_ENDPOINT_URL="+startVersitygw(t).url)...)
	return must(t, cmd)
}

// environment is what leads the client through the recorder.
func (r *recorder) environment(t testing.TB, c client, m mode) []string {
	env := login()
	switch m {
	case reverse:
		return append(env, "AWS_ENDPOINT_URL="+r.url)
	case reverseS:
		ca := r.ca(t)
		return append(env, "AWS_ENDPOINT_URL="+r.https, "AWS_CA_BUNDLE="+ca, "NODE_EXTRA_CA_CERTS="+ca)
	case forward:
		env = append(env, "HTTPS_PROXY="+r.url, "AWS_CA_BUNDLE="+r.ca(t))
		if c.name == "minio-go" {
			env = append(env, "AWS_ENDPOINT_URL=https://"+awsHost)
		}
		return env
	}
	t.Fatalf("unknown mode %q", m)
	return nil
}

var (
	signature = regexp.MustCompile(`(?i)(Signature=|X-Amz-Signature=|chunk-signature=|x-amz-trailer-signature:)[0-9a-f]{16,}`)
	keyID     = regexp.MustCompile(`AKIA[0-9A-Z]{16}`)
	blank     = regexp.MustCompile(`0{64}`) // in place of a chunk's signature
	pseudonym = regexp.MustCompile(`AKIA[0-9A-Z]{9}EXAMPLE`)
)

// checkRecording fails the test for a credential in the recording, an answer that says that a signature was wrong, an
// action that is missing or unknown, or a body that is not the one its ETag tells of.
func checkRecording(t *testing.T, recording string, actions []string) {
	t.Helper()
	checkNoCredentials(t, recording)
	seen := map[string]int{}
	for _, e := range read(t, recording) {
		seen[e.Action]++
		if e.Service != "s3" || e.Action == "" {
			t.Errorf("%s: %s %s?%s is %q", e.ID, e.Method, e.Path, e.Query, e.name())
		}
		if e.Error != "" || strings.Contains(e.ResponseBody, "SignatureDoesNotMatch") {
			t.Errorf("%s: %s: %d %s %s", e.ID, e.name(), e.StatusCode, e.Error, e.ResponseBody)
		}
		if e.Action == "GetObject" && e.StatusCode == 200 && !e.ResponseBodyTruncated {
			checkETag(t, &e)
		}
	}
	for _, action := range actions {
		if seen[action] == 0 {
			t.Errorf("no %s was recorded, of %v", action, seen)
		}
	}
}

func checkNoCredentials(t *testing.T, recording string) {
	t.Helper()
	// The server's name of a bucket's owner is the owner's key id: a plain member of its answers.
	recording = strings.ReplaceAll(recording, "<ID>"+accessKey+"</ID>", "<ID>owner</ID>")
	recording = pseudonym.ReplaceAllString(recording, "pseudonym")
	for name, secret := range map[string]string{
		"secret key": secretKey, "secret key, URL-encoded": url.QueryEscape(secretKey),
		"secret key in base64": base64.StdEncoding.EncodeToString([]byte(secretKey)), "secret key in hex": hex.EncodeToString([]byte(secretKey)),
		"access key id": accessKey,
	} {
		if i := strings.Index(recording, secret); i >= 0 {
			t.Errorf("the recording holds the %s: …%.300s", name, recording[max(0, i-100):])
		}
	}
	recording = blank.ReplaceAllString(recording, "blank")
	for _, re := range []*regexp.Regexp{signature, keyID} {
		if at := re.FindStringIndex(recording); at != nil {
			t.Errorf("the recording holds a credential: …%.300s", recording[max(0, at[0]-100):])
		}
	}
}

func checkETag(t *testing.T, e *exchange) {
	t.Helper()
	var etag string
	for name, value := range e.ResponseHeaders {
		if strings.EqualFold(name, "ETag") {
			if err := json.Unmarshal(value, &etag); err != nil {
				t.Fatal(err)
			}
		}
	}
	etag = strings.Trim(etag, `"`)
	if strings.Contains(etag, "-") {
		return // of parts
	}
	body := []byte(e.ResponseBody)
	if e.ResponseBodyEncoding == "base64" {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.ResponseBody); err != nil {
			t.Fatalf("%s: %v", e.ID, err)
		}
	}
	if sum := md5.Sum(body); !bytes.Equal([]byte(hex.EncodeToString(sum[:])), []byte(etag)) {
		t.Errorf("%s: %s: the recorded body has MD5 %x, its ETag is %s", e.ID, e.Path, sum, etag)
	}
}
