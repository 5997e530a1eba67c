package entry

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
)

// A HeaderField is one line of an HTTP header section. Trailer fields follow
// the header fields.
type HeaderField struct{ Name, Value string }

// A Header is the fields of a request or response in the order they came. A
// name may repeat; names compare without regard to case.
type Header []HeaderField

// NewHeader returns the fields of h, names sorted, values in their order.
func NewHeader(h http.Header) Header {
	out := make(Header, 0, len(h))
	for name, values := range h {
		for _, v := range values {
			out = append(out, HeaderField{name, v})
		}
	}
	slices.SortStableFunc(out, func(a, b HeaderField) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Get returns the first value of the field, "" when it is absent.
func (h Header) Get(name string) string {
	for v := range h.Values(name) {
		return v
	}
	return ""
}

// Values yields the field's values in their order.
func (h Header) Values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, f := range h {
			if strings.EqualFold(f.Name, name) && !yield(f.Value) {
				return
			}
		}
	}
}

// HTTP returns the fields as an http.Header, names canonical.
func (h Header) HTTP() http.Header {
	out := make(http.Header, len(h))
	for _, f := range h {
		out.Add(f.Name, f.Value)
	}
	return out
}

// appendJSON appends the fields as name → value, or → array of values where a
// name came more than once.
func (h Header) appendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	comma := false
	for i, f := range h {
		if h.earlier(i) {
			continue
		}
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		dst = AppendString(dst, f.Name)
		dst = append(dst, ':')
		dst = h[i:].appendValues(dst)
	}
	return append(dst, '}')
}

func (h Header) earlier(i int) bool {
	for _, f := range h[:i] {
		if len(f.Name) == len(h[i].Name) && strings.EqualFold(f.Name, h[i].Name) {
			return true
		}
	}
	return false
}

// appendValues appends the values of the field that h starts with.
func (h Header) appendValues(dst []byte) []byte {
	start, n := len(dst), 0
	for _, f := range h {
		if len(f.Name) != len(h[0].Name) || !strings.EqualFold(f.Name, h[0].Name) {
			continue
		}
		if n == 1 { // a second value makes it an array
			dst = append(dst, 0)
			copy(dst[start+1:], dst[start:])
			dst[start] = '['
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, f.Value)
		n++
	}
	if n > 1 {
		dst = append(dst, ']')
	}
	return dst
}

// Headers decodes request_headers or response_headers; nil when absent.
func (o *Object) Headers(f Field) (Header, error) {
	return o.AppendHeaders(nil, f)
}

// AppendHeaders is Headers into a slice that is reused.
func (o *Object) AppendHeaders(dst Header, f Field) (Header, error) {
	err := o.EachHeader(f, func(name, value []byte) error {
		dst = append(dst, HeaderField{string(name), string(value)})
		return nil
	})
	return dst, err
}

// EachHeader calls fn with each name and value of a header object, in order.
// The bytes are valid during the call only. It returns fn's first error.
func (o *Object) EachHeader(f Field, fn func(name, value []byte) error) error {
	v := o.Get(f)
	if v == nil || v[0] == 'n' {
		return nil
	}
	if v[0] != '{' {
		return fmt.Errorf("%s is not an object", f)
	}
	var scratch [2][]byte
	err := eachMember(v, func(key, val []byte) error {
		name, err := unquoted(key, &scratch[0])
		if err != nil {
			return err
		}
		switch val[0] {
		case 'n':
			return nil
		case '[':
			return eachElement(val, func(el []byte) error {
				return headerValue(name, el, &scratch[1], fn)
			})
		}
		return headerValue(name, val, &scratch[1], fn)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", f, err)
	}
	return nil
}

func headerValue(name, v []byte, scratch *[]byte, fn func(name, value []byte) error) error {
	switch v[0] {
	case '"':
		text, err := unquoted(v, scratch)
		if err != nil {
			return err
		}
		return fn(name, text)
	case '{', '[', 'n':
		return errors.New("a header's value is neither a string nor an array of strings")
	}
	return fn(name, v) // a number or a boolean, as other programs write them
}

func unquoted(v []byte, scratch *[]byte) ([]byte, error) {
	if !hasEscape(v) {
		return v[1 : len(v)-1], nil
	}
	out, err := appendUnquoted((*scratch)[:0], v)
	*scratch = out
	return out, err
}

// eachMember walks a JSON object that skipValue has accepted.
func eachMember(b []byte, fn func(key, val []byte) error) error {
	i := skipSpace(b, 1)
	for b[i] != '}' {
		keyEnd, err := skipString(b, i)
		if err != nil {
			return err
		}
		start, err := skipKey(b, i)
		if err != nil {
			return err
		}
		end, err := skipValue(b, start, 1)
		if err != nil {
			return err
		}
		if err := fn(b[i:keyEnd], b[start:end]); err != nil {
			return err
		}
		if i = skipSpace(b, end); b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
	return nil
}

// eachElement walks a JSON array that skipValue has accepted.
func eachElement(b []byte, fn func(val []byte) error) error {
	i := skipSpace(b, 1)
	for b[i] != ']' {
		end, err := skipValue(b, i, 1)
		if err != nil {
			return err
		}
		if err := fn(b[i:end]); err != nil {
			return err
		}
		if i = skipSpace(b, end); b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
	return nil
}
