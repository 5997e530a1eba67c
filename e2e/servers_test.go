package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Credentials of every server that checks them.
const (
	accessKey = "AKIAE2E0VERSITY00001"
	secretKey = "e2e/secret+of/the/gateway/0123456789abcd"
)

// login is the environment of a client, or a tool, that acts as the servers' only user.
func login() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1"}
}

// A server is an emulator, or another server that speaks AWS's language.
type server struct {
	*process
	url string
}

func (s *server) address() string { return strings.TrimPrefix(s.url, "http://") }

// startVersitygw starts a fresh S3 server that refuses whatever is not signed right, down to the chunks of a body.
func startVersitygw(t testing.TB) *server {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"data", "versions"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	address := freeAddress(t)
	cmd := exec.Command(moduleTool(t, "versitygw"), "--port", address, "--quiet", "--virtual-domain", awsHost,
		"posix", "--versioning-dir", filepath.Join(dir, "versions"), filepath.Join(dir, "data"))
	cmd.Env = []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey}
	p := start(t, cmd)
	p.await(t, "listening at "+address, func() bool { return listening(address) })
	return &server{p, "http://" + address}
}

// startEmulator starts a fresh emulator from npm: one that clients/serve.mjs knows.
func startEmulator(t testing.TB, name string) *server {
	t.Helper()
	if _, err := os.Stat("clients/node_modules"); err != nil {
		t.Fatal("JavaScript clients and emulators are missing: run ./install")
	}
	p := start(t, exec.Command("node", "clients/serve.mjs", name, t.TempDir()))
	var url string
	p.await(t, "a URL from "+name, func() bool {
		for line := range strings.Lines(p.stdout.String()) {
			if strings.HasPrefix(line, "http://") && strings.HasSuffix(line, "\n") {
				url = strings.TrimSpace(line)
			}
		}
		return url != ""
	})
	return &server{p, url}
}

// awsCLI is the AWS CLI of the distribution, which speaks to url.
func awsCLI(t testing.TB, url string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "/usr/bin/aws", args...)
	cmd.Env = append(login(), "AWS_ENDPOINT_URL="+url, "AWS_PAGER=")
	cmd.Args = append(cmd.Args, "--endpoint-url", url) // releases before 2.13 do not know the variable
	return cmd
}

// The servers are what the other tests stand on: each answers a client without any of our tools in between.
func TestServersAnswerWithoutTheTools(t *testing.T) {
	tests := []struct {
		name  string
		start func(testing.TB) *server
		call  []string
	}{
		{"versitygw", startVersitygw, []string{"s3api", "list-buckets"}},
		{"s3rver", emulator("s3rver"), []string{"s3api", "list-buckets"}},
		{"dynalite", emulator("dynalite"), []string{"dynamodb", "list-tables"}},
		{"kinesalite", emulator("kinesalite"), []string{"kinesis", "list-streams"}},
		{"kinesis-local", emulator("kinesis-local"), []string{"kinesis", "list-streams"}},
		{"sqslite", emulator("sqslite"), []string{"sqs", "list-queues"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.start(t)
			call := awsCLI(t, s.url, tt.call...)
			if tt.name == "s3rver" { // it knows one user
				call.Env = append(call.Env, "AWS_ACCESS_KEY_ID=S3RVER", "AWS_SECRET_ACCESS_KEY=S3RVER")
			}
			must(t, call)
		})
	}
}

func emulator(name string) func(testing.TB) *server {
	return func(t testing.TB) *server { return startEmulator(t, name) }
}
