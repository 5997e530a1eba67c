//go:build unix

package proxy

import (
	"net"
	"syscall"
)

// alive reports whether an idle connection still stands: the peer has neither
// closed it nor sent anything. It does not block.
func alive(conn net.Conn) bool {
	waiting, ok := peek(conn)
	return !ok || !waiting
}

// readable reports whether a read of the connection would return at once, with bytes or an
// error.
func readable(conn net.Conn) bool {
	waiting, ok := peek(conn)
	return ok && waiting
}

// peek reports whether anything waits to be read, be it the end; ok is false when the
// connection is none that can tell.
func peek(conn net.Conn) (waiting, ok bool) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true, true
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	})
	return err != nil || !quiet, true
}
