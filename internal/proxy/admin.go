package proxy

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// listenHTTPS adds an https endpoint: SDKs choose other payload modes over plain
// http than in production.
func (s *Session) listenHTTPS(host string) error {
	if _, err := s.ca(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(s.o.HTTPS)))
	if err != nil {
		return err
	}
	s.https = l.Addr().String()
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			name := strings.ToLower(hello.ServerName)
			if name == "" {
				name, _, _ = net.SplitHostPort(hello.Conn.LocalAddr().String())
			}
			if _, ok := s.proxy.gate.label(name); !ok {
				return nil, fmt.Errorf("%s is not a name of the recorder", clip(name))
			}
			ca, err := s.ca()
			if err != nil {
				return nil, err
			}
			return ca.Certificate(name, time.Now())
		},
	}
	s.serve(newTLSListener(newListener(l), config), s.forward)
	return nil
}

// listenAdmin serves the endpoint for tools: entries that another program captured, health
// and counters.
func (s *Session) listenAdmin(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	if !loopback(host) {
		return fmt.Errorf("--admin %s: only an address of this machine (127.0.0.1) can be used", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/traffic/entries", s.inject)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /metrics", s.metrics)
	s.serve(newListener(l), s.local(mux))
	s.log.Info("admin endpoint on http://" + l.Addr().String())
	return nil
}

// local lets in only what the gate lets in: a web page must not write entries.
func (s *Session) local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := s.proxy.gate.check(r); f != nil {
			s.proxy.counts.Refused.Add(1)
			s.proxy.warned.once(s.log, f.message)
			f.write(w, r, "", awsapi.RestJSON1)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// maxInjected is the largest request that injects entries.
const maxInjected = 64 << 20

// inject adds entries to the stream: one, an array of them, NDJSON or a Recording. Either all of
// them are taken or none.
func (s *Session) inject(w http.ResponseWriter, r *http.Request) {
	if err := s.out.err(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	reader := entry.NewReader(http.MaxBytesReader(w, r.Body, maxInjected), "request body")
	var lines [][]byte
	for {
		l, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			status := http.StatusBadRequest
			if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
				status = http.StatusRequestEntityTooLarge
			}
			http.Error(w, err.Error(), status)
			return
		}
		if err := s.recorder.Redact(&l.Object); err != nil {
			http.Error(w, l.Errorf("%v", err).Error(), http.StatusBadRequest)
			return
		}
		lines = append(lines, s.complete(l))
	}
	for _, line := range lines {
		if err := s.emit(line); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(struct { // a client that is gone needs no answer
		RecordingID string `json:"recording_id"`
		EntryCount  int64  `json:"entry_count"`
	}{s.recordingID(), s.written.Load()})
}

// complete gives an injected entry what every entry has: a time, and an id.
func (s *Session) complete(l *entry.Line) []byte {
	if !l.Has(entry.FieldID) {
		l.Set(entry.FieldID, entry.AppendString(nil, fmt.Sprintf("%s-injected-%d", s.recorder.Run(), s.injected.Add(1))))
	}
	if !l.Has(entry.FieldTimestamp) {
		l.Set(entry.FieldTimestamp, entry.AppendString(nil, time.Now().UTC().Format(time.RFC3339Nano)))
	}
	return append(append([]byte(nil), l.Raw()...), '\n')
}

func (s *Session) health(w http.ResponseWriter, _ *http.Request) {
	if err := s.out.err(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ok\n") // a client that is gone needs no answer
}

// metrics prints the counters in the text format of Prometheus.
func (s *Session) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	c := &s.proxy.counts
	for _, m := range []struct {
		name, help, kind string
		value            int64
	}{
		{"entries_total", "Entries written.", "counter", s.written.Load()},
		{"entries_lost_total", "Entries that could not be written.", "counter", s.lost.Load()},
		{"entries_filtered_total", "Entries that --filter left out.", "counter", s.filtered.Load()},
		{"calls_forwarded_total", "Calls sent upstream.", "counter", c.Forwarded.Load()},
		{"calls_signed_total", "Calls that were signed anew.", "counter", c.Signed.Load()},
		{"calls_failed_total", "Calls without a complete answer.", "counter", c.Failed.Load()},
		{"requests_refused_total", "Requests that were not let in.", "counter", c.Refused.Load()},
		{"keys_learned_total", "Credentials that joined the keyring.", "counter", c.Learned.Load()},
		{"calls_active", "Calls in flight.", "gauge", c.Active.Load()},
	} {
		fmt.Fprintf(w, "# HELP cm_record_%s %s\n# TYPE cm_record_%s %s\ncm_record_%s %d\n", m.name, m.help, m.name, m.kind, m.name, m.value)
	}
}
