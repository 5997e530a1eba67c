package proxy

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/neureaux/cloudmock/internal/sign"
)

// A child is the command that a session runs.
type child struct {
	cmd   *exec.Cmd
	ended chan error
}

// start runs the command with an environment that leads its SDKs here.
func (s *Session) start(ctx context.Context) (*child, error) {
	o := &s.o
	cmd := exec.Command(o.Command[0], o.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = o.Stdin, o.Stdout, o.Stderr
	var err error
	if cmd.Env, err = s.environment(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the command: %w", err)
	}
	c := &child{cmd: cmd, ended: make(chan error, 1)}
	go func() { c.ended <- status(cmd.Wait()) }()
	return c, nil
}

// status turns the end of a command into a session's error.
func status(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return &ChildError{Status: 128 + int(ws.Signal())}
	}
	return &ChildError{Status: exit.ExitCode()}
}

// stop ends the command: it is asked first, in case that the terminal has not
// already, and killed when it does not listen.
func (c *child) stop(patience time.Duration) error {
	if c == nil {
		return nil
	}
	for _, step := range []struct {
		wait time.Duration
		do   func()
	}{
		{500 * time.Millisecond, func() { c.cmd.Process.Signal(syscall.SIGTERM) }},
		{patience, func() { c.cmd.Process.Kill() }},
	} {
		select {
		case <-c.ended:
			return nil
		case <-time.After(step.wait):
			step.do() // fails when the command has just ended
		}
	}
	<-c.ended
	return nil
}

// Mint makes a pair of credentials that nothing but this recorder knows.
func Mint() sign.Credentials {
	var id, secret [20]byte
	rand.Read(id[:]) // never fails
	rand.Read(secret[:])
	return sign.Credentials{
		KeyID:  "AKIA" + base32.StdEncoding.EncodeToString(id[:10]),
		Secret: hex.EncodeToString(secret[:]),
	}
}

// environment is the caller's, changed so that the AWS SDKs in the command come here.
func (s *Session) environment() ([]string, error) {
	set := map[string]string{}
	var drop []string
	region := s.o.Proxy.Region
	if s.o.Forward {
		var err error
		if set, err = s.forward.environment(s.address, s.o.Environ); err != nil {
			return nil, err
		}
		drop = append(drop, "AWS_ENDPOINT_URL", "http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy")
	} else {
		minted := Mint()
		s.o.Proxy.Keyring.Add(sign.Key{Credentials: minted, Identity: "the command", As: &mintedSource{own: s.o.Proxy.Own, self: minted, custom: s.o.Proxy.Upstream != nil}}, time.Now())
		set["AWS_ENDPOINT_URL"] = "http://" + s.address
		set["AWS_ACCESS_KEY_ID"], set["AWS_SECRET_ACCESS_KEY"] = minted.KeyID, minted.Secret
		// SDKs put data- or sync- before the endpoint's name otherwise, which resolves to nothing.
		set["AWS_DISABLE_HOST_PREFIX_INJECTION"] = "true"
		set["NO_PROXY"] = join(value(s.o.Environ, "NO_PROXY"), "127.0.0.1,localhost")
		set["no_proxy"] = join(value(s.o.Environ, "no_proxy"), "127.0.0.1,localhost")
		drop = append(drop, "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
			"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
	}
	if region != "" && value(s.o.Environ, "AWS_REGION") == "" {
		set["AWS_REGION"] = region
	}
	if region != "" && value(s.o.Environ, "AWS_DEFAULT_REGION") == "" {
		set["AWS_DEFAULT_REGION"] = region
	}
	env := make([]string, 0, len(s.o.Environ)+len(set))
	for _, kv := range s.o.Environ {
		name, _, _ := strings.Cut(kv, "=")
		if _, replaced := set[name]; replaced || slices.Contains(drop, name) || strings.HasPrefix(name, "AWS_ENDPOINT_URL_") {
			continue
		}
		env = append(env, kv)
	}
	for name, v := range set {
		env = append(env, name+"="+v)
	}
	slices.Sort(env)
	return env, nil
}

func value(environ []string, name string) string {
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

func join(have, more string) string {
	if have == "" {
		return more
	}
	return have + "," + more
}

// mintedSource signs the command's calls with the recorder's own credentials. Where
// there are none, and the upstream is not AWS, with the command's: an emulator takes any.
type mintedSource struct {
	own    sign.Source
	self   sign.Credentials
	custom bool
}

func (m *mintedSource) Credentials(ctx context.Context) (sign.Credentials, error) {
	if m.own != nil {
		c, err := m.own.Credentials(ctx)
		if err == nil || !m.custom {
			return c, err
		}
	}
	if m.custom {
		return m.self, nil
	}
	return sign.Credentials{}, errors.New("the recorder has no AWS credentials to sign with")
}

// nothingArrived explains a recording that is empty, which is never a success.
func (s *Session) nothingArrived() error {
	how := "AWS_ENDPOINT_URL"
	other := "--mode forward"
	if s.o.Forward {
		how, other = "HTTPS_PROXY", "--mode reverse"
	}
	advice := fmt.Sprintf("the command ended and %v: its client may ignore %s (rclone, restic and s3cmd ignore AWS_ENDPOINT_URL, the SDK for JavaScript ignores HTTPS_PROXY); try %s, or give the client the endpoint http://%s itself",
		ErrNothingRecorded, how, other, s.address)
	return &nothing{advice}
}

type nothing struct{ advice string }

func (n *nothing) Error() string { return n.advice }
func (n *nothing) Unwrap() error { return ErrNothingRecorded }
