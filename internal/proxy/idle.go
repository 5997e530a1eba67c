package proxy

import (
	"strconv"
	"strings"
	"time"

	"github.com/neureaux/cloudmock/internal/sign"
)

const (
	maxIdlePerHost = 256
	maxPools       = 1024             // addresses that are remembered without an idle connection
	keepIdle       = 50 * time.Second // below the shortest keep-alive of AWS's load balancers

	probation   = 20 * time.Millisecond // idle time after which a server that closes at once has been seen to
	leastIdle   = time.Millisecond      // a server that keeps its connections for less is not worth it
	distrustFor = time.Minute           // until a longer idle time is tried again
)

// An idlePool keeps the connections to one address between requests. A request that meets a server as it closes
// the connection is lost, for nothing is sent twice here; so the pool learns how long the server's connections
// live, and uses none that is near its end.
type idlePool struct {
	conns   []*upstreamConn // the latest last
	limit   time.Duration   // connections that were idle for longer are not used
	learned time.Time       // when limit was lowered, or raised again
	proven  bool            // a connection was used again, and had not been closed
}

func newIdlePool(proven bool) *idlePool { return &idlePool{limit: keepIdle, proven: proven} }

// take returns a connection to use again and how long it was idle; nil if there is none that can be
// trusted. It may have been closed.
func (p *idlePool) take(now time.Time) (conn *upstreamConn, idle time.Duration) {
	if p.limit < keepIdle && now.Sub(p.learned) > distrustFor {
		p.limit, p.learned, p.proven = min(max(2*p.limit, 2*leastIdle), keepIdle), now, p.limit >= leastIdle
	}
	for len(p.conns) > 0 {
		n := len(p.conns) - 1
		if !p.proven { // the oldest: if it still stands, the server keeps them
			if now.Sub(p.conns[0].used) < min(probation, p.limit/2) {
				return nil, 0
			}
			p.conns[0], p.conns[n] = p.conns[n], p.conns[0]
		}
		conn = p.conns[n]
		p.conns[n] = nil
		p.conns = p.conns[:n]
		if idle = now.Sub(conn.used); idle < p.limit && (conn.promised == 0 || idle < conn.promised) {
			return conn, idle
		}
		conn.Close()
	}
	return nil, 0
}

// put keeps a connection, or reports that it is not kept.
func (p *idlePool) put(conn *upstreamConn) bool {
	if p.limit < leastIdle || len(p.conns) >= maxIdlePerHost {
		return false
	}
	// The oldest ones go when they have been idle for too long.
	for len(p.conns) > 0 && conn.used.Sub(p.conns[0].used) > p.limit {
		p.conns[0].Close()
		p.conns = append(p.conns[:0], p.conns[1:]...)
	}
	p.conns = append(p.conns, conn)
	return true
}

// closedAfter says that the server has closed a connection that was idle for at most so long.
func (p *idlePool) closedAfter(idle time.Duration, now time.Time) {
	if half := idle / 2; half < p.limit {
		p.limit, p.learned = half, now
	}
}

// promised is the idle time that a Keep-Alive field announces (RFC 2068, 19.7.1.1), less a second for the way; 0 if
// it announces none.
func promised(header []sign.Field) time.Duration {
	for i := range header {
		if f := &header[i]; len(f.Name) == len("Keep-Alive") && strings.EqualFold(f.Name, "Keep-Alive") {
			for part := range strings.SplitSeq(f.Value, ",") {
				name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
				if n, err := strconv.Atoi(value); err == nil && n > 0 && strings.EqualFold(name, "timeout") {
					return max(time.Duration(min(n, 3600))*time.Second-time.Second, 500*time.Millisecond)
				}
			}
		}
	}
	return 0
}
