package proxy

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
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
// already, and killed when it does not listen. It returns how the command ended.
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
		case err := <-c.ended:
			return err
		case <-time.After(step.wait):
			step.do() // fails when the command has just ended
		}
	}
	return <-c.ended
}

// dialable is addr as a client on this machine dials it: one that listens on every
// address is reached on loopback.
func dialable(addr net.Addr) string {
	if ap, err := netip.ParseAddrPort(addr.String()); err == nil && ap.Addr().IsUnspecified() {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), ap.Port()).String()
	}
	return addr.String()
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

// Mode is how a command is led to the recorder.
type Mode uint8

// The modes.
const (
	ModeAuto     Mode = iota // endpoint, and forward for the clients that do not look at AWS_ENDPOINT_URL
	ModeEndpoint             // AWS_ENDPOINT_URL
	ModeForward              // HTTPS_PROXY
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mode) UnmarshalText(text []byte) error {
	switch string(text) {
	case "auto":
		*m = ModeAuto
	case "endpoint", "reverse":
		*m = ModeEndpoint
	case "forward":
		*m = ModeForward
	default:
		return fmt.Errorf("%q is not auto, endpoint or forward", text)
	}
	return nil
}

// environment is the caller's, changed so that the AWS SDKs in the command come here.
func (s *Session) environment() ([]string, error) {
	o := &s.o
	set := map[string]string{}
	var drop []string
	if o.Mode != ModeEndpoint {
		forward, err := s.forward.environment(s.address, o.Environ, o.Mode == ModeForward)
		switch {
		case err == nil:
			set = forward
			drop = append(drop, "http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy")
		case o.Mode == ModeForward:
			return nil, err
		default:
			s.log.Warn(fmt.Sprintf("clients that do not look at AWS_ENDPOINT_URL will not be recorded: %v", err))
		}
	}
	if o.Mode == ModeForward {
		drop = append(drop, "AWS_ENDPOINT_URL")
	} else {
		minted := Mint()
		as := o.Proxy.Own
		if as == nil || o.Proxy.Upstream != nil {
			as = sign.Fallback{First: as, Then: minted} // an emulator takes any credentials
		}
		o.Proxy.Keyring.Add(sign.Key{Credentials: minted, Identity: "the command", As: as}, time.Now())
		set["AWS_ENDPOINT_URL"] = "http://" + s.address
		set["AWS_ACCESS_KEY_ID"], set["AWS_SECRET_ACCESS_KEY"] = minted.KeyID, minted.Secret
		// SDKs put data- or sync- before the endpoint's name otherwise, which resolves to nothing.
		set["AWS_DISABLE_HOST_PREFIX_INJECTION"] = "true"
		for _, name := range [...]string{"NO_PROXY", "no_proxy"} {
			if set[name] == "" {
				set[name] = join(value(o.Environ, name), "127.0.0.1,localhost")
			}
		}
		drop = append(drop, "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
			"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
	}
	region := o.Proxy.Region
	if region == "" {
		region = "us-east-1" // an SDK without a region does not even try
		s.log.Debug("no region is configured: the command gets AWS_REGION=us-east-1")
	}
	for _, name := range [...]string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if value(o.Environ, name) == "" {
			set[name] = region
		}
	}
	env := make([]string, 0, len(o.Environ)+len(set))
	for _, kv := range o.Environ {
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

// nothingArrived explains a recording that is empty, which is never a success.
func (s *Session) nothingArrived() error {
	var why string
	switch s.o.Mode {
	case ModeEndpoint:
		why = "its client may ignore AWS_ENDPOINT_URL, as rclone, restic, s3cmd and AWS CLIs before 2.13 do; --mode auto leads them here, too"
	case ModeForward:
		why = "its client may ignore HTTPS_PROXY, as the SDK for JavaScript and s3cmd do; --mode auto leads them here, too"
	default:
		why = "its client looks neither at AWS_ENDPOINT_URL nor at HTTPS_PROXY"
	}
	advice := fmt.Sprintf("the command ended and %v: %s; or give the client the endpoint http://%s itself (docs/clients.md has a recipe for each)", ErrNothingRecorded, why, s.address)
	return &nothing{advice}
}

type nothing struct{ advice string }

func (n *nothing) Error() string { return n.advice }
func (n *nothing) Unwrap() error { return ErrNothingRecorded }
