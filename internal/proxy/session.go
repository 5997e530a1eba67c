package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/neureaux/cloudmock/internal/capture"
)

// SessionOptions say where a recording listens, when it ends, and what runs in it.
type SessionOptions struct {
	Proxy   Options // Recorder, Broken and Logger are the session's
	Listen  string  // address without port; empty means 127.0.0.1
	Port    int     // 0 takes any
	HTTPS   int     // port of the https endpoint; negative means none
	Admin   string  // address of the admin endpoint; empty means none
	Output  Output
	Capture capture.Options // Emit is the session's
	Filter  func(line []byte) (bool, error)
	Mode    Mode // how the command is led here
	CA      CAOptions
	// Passthrough tunnels hosts that are not AWS's, unseen, instead of refusing them.
	Passthrough bool
	Serve       bool          // go on serving when the recording cannot be written
	Drain       time.Duration // how long calls in flight may take at the end
	Duration    time.Duration // ends the recording; 0 means never
	Max         int64         // entries that end it; 0 means no limit
	Command     []string
	Stdin       io.Reader
	Stdout      io.Writer // of the command
	Stderr      io.Writer
	Environ     []string
	Quiet       bool
	Verbose     bool
}

// A Session is one run of the recorder.
type Session struct {
	o        SessionOptions
	log      *slog.Logger
	out      *output
	recorder *capture.Recorder
	proxy    *Proxy
	forward  *forwarder
	address  string // host:port of the endpoint
	https    string
	servers  []*http.Server
	ca       func() (*CA, error)
	full     chan struct{} // closed when Max entries are written
	fullOnce sync.Once
	written  atomic.Int64
	filtered atomic.Int64
	beyond   atomic.Int64
	lost     atomic.Int64
	injected atomic.Int64
	serving  sync.WaitGroup
}

// Errors with which a session ends.
var (
	// ErrNothingRecorded says that a command ended and no call had arrived.
	ErrNothingRecorded = errors.New("no AWS call arrived")
)

// ChildError is the exit status of a command that did not succeed.
type ChildError struct{ Status int }

func (e *ChildError) Error() string { return fmt.Sprintf("exit status %d", e.Status) }

// Run records until something ends the recording. It returns nil when that was
// what the user asked for, a *ChildError with the command's status, or
// what went wrong.
func Run(ctx context.Context, o SessionOptions) (err error) {
	s := &Session{o: o, full: make(chan struct{})}
	s.log = slog.New(&lineHandler{w: o.Stderr, level: level(o.Quiet, o.Verbose)})
	// A closed pipe is a failure of the recording, not the end of the app's calls.
	// Notify, not Ignore: the command must not inherit it.
	pipes := make(chan os.Signal, 1)
	notifyPipe(pipes)

	if s.out, err = openOutput(o.Output, s.log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.finish()) }()
	c := o.Capture
	c.Emit = s.emit
	if s.recorder, err = capture.NewRecorder(c); err != nil {
		return err
	}
	s.out.o.Meta.ID = s.recordingID()
	po := o.Proxy
	po.Recorder, po.Logger = s.recorder, s.log
	if !o.Serve {
		po.Broken = s.out.err
	}
	if s.proxy, err = New(po); err != nil {
		return err
	}
	defer s.proxy.Close()
	s.ca = sync.OnceValues(func() (*CA, error) { return OpenCA(o.CA, time.Now()) })
	s.forward = newForwarder(s.proxy, s.ca, o.CA.Hosts, o.Passthrough)
	if len(o.Command) > 0 && o.Mode == ModeAuto {
		// The command's other traffic must go on as if we were not there.
		s.forward.passthrough, s.forward.private = true, true
	}
	if err := s.listen(ctx); err != nil {
		return err
	}
	s.introduce()
	identifying, cancel := context.WithCancel(ctx)
	defer cancel()
	go s.identify(identifying)
	return s.wait(ctx)
}

// recordingID names the recording, in the file and for the admin endpoint.
func (s *Session) recordingID() string { return "rec-" + s.recorder.Run() }

// emit takes a finished entry.
func (s *Session) emit(line []byte) error {
	if s.o.Filter != nil {
		keep, err := s.o.Filter(line)
		if err != nil {
			s.proxy.warned.once(s.log, "--filter: "+err.Error())
		} else if !keep {
			s.filtered.Add(1)
			return nil
		}
	}
	n := s.written.Add(1)
	if s.o.Max > 0 && n >= s.o.Max {
		defer s.fullOnce.Do(func() { close(s.full) })
		if n > s.o.Max {
			s.written.Add(-1)
			s.beyond.Add(1)
			return nil
		}
	}
	err := s.out.append(line)
	if err != nil {
		s.written.Add(-1)
		s.lost.Add(1)
	}
	return err
}

func (s *Session) listen(ctx context.Context) error {
	host := s.o.Listen
	if host == "" {
		host = "127.0.0.1"
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(s.o.Port)))
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("port %d is in use: another recorder may be running; --port chooses another one, --port 0 any", s.o.Port)
		}
		return err
	}
	s.address = dialable(l.Addr())
	s.serve(newListener(l), s.forward)
	if host == "127.0.0.1" {
		s.listenIPv6(l)
	}
	s.serving.Go(func() { s.forward.inner.Serve(s.forward.queue) }) // ends when the queue is closed
	if s.o.HTTPS >= 0 {
		if err := s.listenHTTPS(host); err != nil {
			return err
		}
	}
	if s.o.Admin != "" {
		if err := s.listenAdmin(s.o.Admin); err != nil {
			return err
		}
	}
	s.log.Info(fmt.Sprintf("recording calls to http://%s", s.address))
	if s.https != "" {
		s.log.Info("recording calls to https://" + s.https)
	}
	return nil
}

// listenIPv6 takes the same port of the other loopback address: "localhost" may lead to
// either, and nobody else should answer there.
func (s *Session) listenIPv6(l net.Listener) {
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return
	}
	l6, err := net.Listen("tcp", net.JoinHostPort("::1", port))
	switch {
	case err == nil:
		s.serve(newListener(l6), s.forward)
	case errors.Is(err, syscall.EADDRINUSE):
		s.log.Warn(fmt.Sprintf("another program listens on [::1]:%s: give clients http://127.0.0.1:%s, not localhost", port, port))
	default:
		s.log.Debug("no IPv6: " + err.Error())
	}
}

// serve answers on l until the session ends.
func (s *Session) serve(l net.Listener, h http.Handler) {
	server := newServer(h)
	s.servers = append(s.servers, server)
	s.serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error(fmt.Sprintf("listening on %s: %v", l.Addr(), err))
		}
	})
}

// wait returns when the recording is to end, and has ended in good order.
func (s *Session) wait(ctx context.Context) error {
	var timer <-chan time.Time
	if s.o.Duration > 0 {
		t := time.NewTimer(s.o.Duration)
		defer t.Stop()
		timer = t.C
	}
	var child *child
	var ended <-chan error
	if len(s.o.Command) > 0 {
		var err error
		if child, err = s.start(ctx); err != nil {
			s.shutdown()
			return err
		}
		ended = child.ended
	}
	failed := s.out.failed()
	var grace <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			err := child.stop(s.o.Drain)
			s.shutdown()
			return err
		case <-timer:
			child.stop(s.o.Drain) // how the command ends is our doing
			s.shutdown()
			return nil
		case <-s.full:
			child.stop(s.o.Drain) // how the command ends is our doing
			s.shutdown()
			return nil
		case err := <-ended:
			s.shutdown()
			if s.proxy.counts.Forwarded.Load() > 0 || s.proxy.counts.Refused.Load() > 0 {
				return err
			}
			if err != nil {
				s.log.Warn(s.nothingArrived().Error())
				return err
			}
			return s.nothingArrived()
		case <-failed:
			failed = nil
			s.log.Error(s.out.err().Error())
			if s.o.Serve {
				s.log.Warn("calls go on being served and are not recorded")
				continue
			}
			s.log.Error("new calls are answered with 503")
			if child == nil {
				// Long enough for the app to be told, and no longer: a pipeline waits for us.
				wait := s.o.Drain
				if errors.Is(s.out.err(), syscall.EPIPE) {
					wait = min(wait, time.Second)
				}
				grace = time.After(wait)
			}
		case <-grace:
			s.shutdown()
			return nil // finish returns the failure
		}
	}
}

// shutdown lets calls in flight end, for a time, and breaks off the others, which
// are recorded as such.
func (s *Session) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), s.o.Drain)
	defer cancel()
	var wg sync.WaitGroup
	for _, server := range s.servers {
		wg.Go(func() {
			if server.Shutdown(ctx) != nil {
				s.proxy.Stopping()
				server.Close() // its error is that of a connection we drop
			}
		})
	}
	wg.Go(func() { s.forward.shutdown(ctx) })
	wg.Wait()
	s.serving.Wait()
	s.settle()
}

// settle waits for the entries of calls that were broken off.
func (s *Session) settle() {
	deadline := time.NewTimer(2 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for s.proxy.counts.Active.Load() > 0 {
		select {
		case <-deadline.C:
			s.log.Warn(fmt.Sprintf("%d calls did not end", s.proxy.counts.Active.Load()))
			return
		case <-tick.C:
		}
	}
}

// finish closes the output and sums up.
func (s *Session) finish() error {
	err := s.out.close()
	if s.recorder != nil {
		err = errors.Join(err, s.recorder.BodyError())
	}
	if s.o.Serve && s.out.err() != nil {
		err = nil // told already, and it was the user's choice
	}
	if s.proxy == nil || s.address == "" {
		return err
	}
	n := max(0, s.written.Load()-s.proxy.counts.Noted.Load())
	line := fmt.Sprintf("recorded %d %s", n, plural(n, "call", "calls"))
	for _, part := range []struct {
		n    int64
		what string
	}{
		{s.proxy.counts.Refused.Load(), "refused"}, {s.proxy.counts.Failed.Load(), "without a complete answer"},
		{s.filtered.Load(), "filtered out"}, {s.beyond.Load(), "beyond --max-entries"}, {s.lost.Load(), "not recorded"},
	} {
		if part.n > 0 {
			line += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	s.log.Info(line)
	return err
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// newServer has the limits that keep slow and greedy clients from harming
// others. There is no limit on a whole request or answer: they may be long.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,

		DisableGeneralOptionsHandler: true,                                                    // OPTIONS * is not ours to answer
		ErrorLog:                     slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // what clients do wrong is theirs
		ConnContext:                  withConn,
	}
}

// lineHandler prints messages as the other tools do: one line, after the tool's
// name.
type lineHandler struct {
	mu    sync.Mutex
	w     io.Writer
	level slog.Level
}

func level(quiet, verbose bool) slog.Level {
	switch {
	case quiet:
		return slog.LevelWarn
	case verbose:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level
}

func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := fmt.Fprintf(h.w, "cm-record: %s\n", printable(r.Message))
	return err
}

func (h *lineHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *lineHandler) WithGroup(string) slog.Handler      { return h }

// printable escapes what could make a terminal do something: messages quote
// what clients and servers sent.
func printable(s string) string {
	clean := true
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfffd {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	q := strconv.QuoteToASCII(s)
	return q[1 : len(q)-1]
}
