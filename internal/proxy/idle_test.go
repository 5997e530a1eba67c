package proxy

import (
	"bufio"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neureaux/cloudmock/internal/sign"
)

// Upstreams that close idle connections without a word: the proxy, which sends nothing twice, learns not to
// trust them.
func TestUpstreamsThatCloseSilently(t *testing.T) {
	for _, tt := range []struct {
		name   string
		closes time.Duration // after so much idle time; 0 at once
	}{
		{"at once after the answer", 0},
		{"after 2 ms", 2 * time.Millisecond},
		{"never", time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var dialled atomic.Int32
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					dialled.Add(1)
					go func() {
						defer c.Close()
						br := bufio.NewReader(c)
						for {
							for {
								line, err := br.ReadString('\n')
								if err != nil {
									return
								}
								if line == "\r\n" {
									break
								}
							}
							io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
							if tt.closes == 0 {
								return
							}
							c.SetReadDeadline(time.Now().Add(tt.closes))
						}
					}()
				}
			}()
			c := client{dial: (&net.Dialer{}).DialContext, timeout: 10 * time.Second}
			defer c.closeIdle()
			const calls = 300
			failed := 0
			for range calls {
				o := outbound{method: "GET", target: "/", host: "localhost", addr: l.Addr().String()}
				var a answer
				if err := c.roundTrip(context.Background(), &o, &a); err != nil {
					failed++
					continue
				}
				io.ReadAll(a.body)
				a.done(true)
				if rand.IntN(2) == 0 { // what the client does in between
					<-time.After(time.Duration(rand.IntN(4000)) * time.Microsecond)
				}
			}
			t.Logf("%d of %d calls failed, on %d connections", failed, calls, dialled.Load())
			if failed > calls/50 {
				t.Errorf("%d of %d calls failed", failed, calls)
			}
			if tt.closes == time.Hour && dialled.Load() > calls/4 {
				t.Errorf("%d connections for %d calls: they are not kept", dialled.Load(), calls)
			}
		})
	}
}

func TestIdlePool(t *testing.T) {
	start := time.Unix(1e9, 0)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	conn := func(used time.Time) *upstreamConn {
		c, _ := net.Pipe()
		return &upstreamConn{Conn: c, raw: c, used: used}
	}
	takes := func(p *idlePool, now time.Time) bool { c, _ := p.take(now); return c != nil }
	t.Run("a server that is not proven is given time to close", func(t *testing.T) {
		p := newIdlePool(false)
		p.put(conn(start))
		if takes(p, at(probation/2)) || !takes(p, at(probation)) {
			t.Error("not after the probation")
		}
	})
	t.Run("a connection near the end of its life is not used", func(t *testing.T) {
		p := newIdlePool(true)
		p.closedAfter(10*time.Second, start)
		p.put(conn(start))
		if takes(p, at(6*time.Second)) {
			t.Error("used after 6 s, though another one was closed within 10 s")
		}
		p.put(conn(start))
		if !takes(p, at(4*time.Second)) {
			t.Error("not used after 4 s")
		}
	})
	t.Run("a server that closes at once gets a connection for each call, for a time", func(t *testing.T) {
		p := newIdlePool(true)
		p.closedAfter(100*time.Microsecond, start)
		if p.put(conn(start)) {
			t.Error("kept")
		}
		p.take(at(distrustFor + 1))
		if !p.put(conn(start)) || p.proven {
			t.Error("not tried again")
		}
	})
	t.Run("what the server promises counts", func(t *testing.T) {
		p := newIdlePool(true)
		c := conn(start)
		c.promised = promised([]sign.Field{{Name: "keep-alive", Value: "max=100, timeout=5"}})
		p.put(c)
		if takes(p, at(4500*time.Millisecond)) {
			t.Error("used in the last half second")
		}
	})
}
