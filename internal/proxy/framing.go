package proxy

import (
	"bytes"
	"net/http"
	"strings"
)

// framing refuses a request that two parsers could take for different ones: that is how requests are smuggled
// past whoever looks at them (RFC 9112, 11.2). net/http takes several of them: it drops a Content-Length that stands
// beside Transfer-Encoding or twice, joins folded lines, and takes a lone line feed for the end of a line. No client of AWS
// sends any of these. head is what was read before the request, or nothing if that came together with an earlier one.
func framing(head []byte, r *http.Request) *failure {
	i := 0
	if !begins(head, r.RequestURI) { // the rest of another request's body may stand before it
		i = bytes.Index(head, []byte(" "+r.RequestURI+" HTTP/1."))
	}
	if i < 0 {
		if len(r.TransferEncoding) > 0 {
			return misframed("its Transfer-Encoding came together with another request")
		}
		return nil
	}
	first, rest, _ := bytes.Cut(head[i:], []byte("\n"))
	lengths, codings, whole := 0, 0, bytes.HasSuffix(first, []byte("\r"))
	for whole {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if len(line) == 0 || line[len(line)-1] != '\r' {
			whole = len(head) == maxHead // the end of a long head is not seen
			break
		}
		if len(line) == 1 {
			break
		}
		switch {
		case line[0] == ' ' || line[0] == '\t':
			return misframed("a line of its head is folded")
		case hasName(line, "content-length"):
			lengths++
		case hasName(line, "transfer-encoding"):
			codings++
		}
	}
	switch {
	case !whole:
		return misframed("a line of its head does not end with CRLF")
	case lengths > 0 && codings > 0:
		return misframed("it has both Transfer-Encoding and Content-Length")
	case lengths > 1:
		return misframed("it has more than one Content-Length")
	case codings > 1:
		return misframed("it has more than one Transfer-Encoding")
	case codings > 0 && r.ProtoMinor == 0:
		return misframed("it has a Transfer-Encoding, which HTTP/1.0 does not know")
	}
	return nil
}

// begins reports whether a head has its request line, with that target, at its start.
func begins(head []byte, target string) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	end := len(bytes.TrimSuffix(line, []byte("\r"))) - len(" HTTP/1.1")
	start := end - len(target)
	return start > 0 && line[start-1] == ' ' && string(line[start:end]) == target
}

func misframed(why string) *failure {
	return refusal("%s", why).as(http.StatusBadRequest)
}

// hasName reports whether a line is a field of that name.
func hasName(line []byte, name string) bool {
	return len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(string(line[:len(name)]), name)
}
