package proxy

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// A statusLine is the upstream's, where net/http would write another: it has reasons of its own (503 is
// Slow Down for S3), and leaves out fields of answers that have no body.
type statusLine struct {
	status int
	reason string // what follows the status, with the space
	fields []byte // lines that are to follow
}

func (l *statusLine) add(name, value string) {
	l.fields = append(l.fields, name+": "+value+"\r\n"...)
}

// plain reports whether net/http would write the same.
func (l *statusLine) plain() bool {
	if strings.ContainsAny(l.reason, "\r\x00") {
		l.reason = " "
	}
	text := http.StatusText(l.status)
	return len(l.fields) == 0 && text != "" && len(l.reason) == len(text)+1 && l.reason[1:] == text
}

// begins reports whether p is the beginning of the answer, and not of an interim one.
func (l *statusLine) begins(p []byte) bool {
	const version = "HTTP/1.1 "
	return len(p) > len(version)+3 && bytes.HasPrefix(p, []byte("HTTP/1.")) && string(p[len(version):len(version)+3]) == strconv.Itoa(l.status)
}

// rewrite puts the line in the place of the one that p begins with.
func (l *statusLine) rewrite(p []byte) []byte {
	_, rest, _ := bytes.Cut(p, []byte("\n"))
	b := make([]byte, 0, len(p)+len(l.reason)+len(l.fields))
	b = append(b, p[:len("HTTP/1.1 200")]...)
	b = append(b, l.reason...)
	b = append(b, "\r\n"...)
	b = append(b, l.fields...)
	return append(b, rest...)
}

// knownToServer reports whether net/http looks for a field that a handler has set, by its canonical name.
func knownToServer(name string) bool {
	switch name {
	case "Content-Length", "Content-Type", "Content-Encoding", "Date", "Trailer":
		return true
	}
	return false
}
