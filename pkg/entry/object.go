package entry

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

type span struct{ start, end uint32 }

// An Object is a JSON object kept as the bytes it was read from, with the
// places of the fields that the tools know. Reading a field decodes that field
// alone; setting one splices it in. Every other byte stays as it was.
//
// The zero Object is empty; Parse makes it usable. An Object is reused without
// allocation by parsing into it again. It is not safe for concurrent use.
type Object struct {
	raw []byte
	pos [numFields]span // of the value; end is 0 when absent
	own []byte          // backs raw once the object is changed

	changed bool // raw is own

	// The places of the replay part's fields, relative to raw, found in passing
	// while its end was looked for.
	replay   [numFields]span
	replayed bool // replay is filled in and still true
}

// Parse checks that raw is one JSON object and finds its fields. The object
// keeps raw, without changing it, until it is parsed again or first changed.
func (o *Object) Parse(raw []byte) error {
	o.raw, o.changed = raw, false
	return o.index()
}

func (o *Object) index() error {
	o.pos, o.replayed = [numFields]span{}, false
	b := o.raw
	if uint64(len(b)) > 1<<32-1 {
		return errors.New("longer than 4 GiB")
	}
	i := skipSpace(b, 0)
	if i >= len(b) {
		return errEnd
	}
	if b[i] != '{' {
		return fmt.Errorf("not an entry: invalid character %s looking for {", printable(b[i]))
	}
	end, err := o.members(b, i, &o.pos, true)
	if err != nil {
		return err
	}
	if i := skipSpace(b, end); i < len(b) {
		return fmt.Errorf("invalid character %s after the entry", printable(b[i]))
	}
	o.raw = b[:end]
	return nil
}

// members notes the places of the values in the object at b[i], and returns the
// index behind it.
func (o *Object) members(b []byte, i int, pos *[numFields]span, top bool) (int, error) {
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		key := i
		start, err := skipKey(b, key)
		if err != nil {
			return start, err
		}
		f, known, err := fieldAt(b, key)
		if err != nil {
			return key, err
		}
		var end int
		switch {
		case known && f == FieldReplay && top && start < len(b) && b[start] == '{':
			o.replay = [numFields]span{}
			o.replayed = true
			end, err = o.members(b, start, &o.replay, false)
		case known && !top && o.pos[f].end != 0 && start < len(b) && b[start] == '"' && b[o.pos[f].start] == '"':
			end, err = skipAlike(b, start, b[o.pos[f].start:o.pos[f].end])
		default:
			end, err = skipValue(b, start, 1)
		}
		if err != nil {
			return end, err
		}
		if known {
			if pos[f].end != 0 {
				return key, fmt.Errorf("duplicate field %q", f)
			}
			pos[f] = span{uint32(start), uint32(end)}
		}
		i = skipSpace(b, end)
		if i >= len(b) {
			return i, errEnd
		}
		switch b[i] {
		case ',':
			i = skipSpace(b, i+1)
		case '}':
			return i + 1, nil
		default:
			return i, fmt.Errorf("invalid character %s after a field", printable(b[i]))
		}
	}
}

// fieldAt looks up the member's name that starts at b[i].
func fieldAt(b []byte, i int) (Field, bool, error) {
	end, err := skipString(b, i)
	if err != nil {
		return 0, false, err
	}
	name := b[i+1 : end-1]
	if f, ok := lookup(name); ok {
		return f, true, nil
	}
	for _, c := range name {
		if c == '\\' { // rare: a name spelled with escapes
			decoded, err := appendUnquoted(nil, b[i:end])
			if err != nil {
				return 0, false, err
			}
			f, ok := lookup(decoded)
			return f, ok, nil
		}
	}
	return 0, false, nil
}

// CopyFrom makes o a copy of src, in memory of its own that is reused.
func (o *Object) CopyFrom(src *Object) {
	o.own = append(o.own[:0], src.raw...)
	o.raw, o.pos, o.changed = o.own, src.pos, true
	o.replay, o.replayed = src.replay, src.replayed
}

// Raw returns the object's bytes, from brace to brace. They belong to the
// object and are valid until it is parsed again or changed.
func (o *Object) Raw() []byte { return o.raw }

// Get returns the raw JSON value of a field, nil when it is absent. The bytes
// belong to the object.
func (o *Object) Get(f Field) []byte {
	p := o.pos[f]
	if p.end == 0 {
		return nil
	}
	return o.raw[p.start:p.end:p.end]
}

// Has reports whether the field is there and not null.
func (o *Object) Has(f Field) bool {
	v := o.Get(f)
	return v != nil && v[0] != 'n'
}

// AppendText appends the decoded string of a field to dst. A field that is
// absent or null adds nothing; one that is no string, or names half a
// surrogate pair, is an error.
func (o *Object) AppendText(dst []byte, f Field) ([]byte, error) {
	v := o.Get(f)
	if v == nil || v[0] == 'n' {
		return dst, nil
	}
	if v[0] != '"' {
		return dst, fmt.Errorf("%s is not a string", f)
	}
	out, err := appendUnquoted(dst, v)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", f, err)
	}
	return out, nil
}

// Bytes returns the decoded string of a field without copying where the
// string has no escapes; else it is decoded into *scratch, which grows as
// needed. The result is valid until the object or *scratch is used again.
func (o *Object) Bytes(f Field, scratch *[]byte) ([]byte, error) {
	v := o.Get(f)
	if v == nil || v[0] == 'n' {
		return nil, nil
	}
	if v[0] != '"' {
		return nil, fmt.Errorf("%s is not a string", f)
	}
	if !hasEscape(v) {
		return v[1 : len(v)-1], nil
	}
	out, err := appendUnquoted((*scratch)[:0], v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f, err)
	}
	*scratch = out
	return out, nil
}

// Text returns the decoded string of a field, "" when it is absent or not a
// string.
func (o *Object) Text(f Field) string {
	v := o.Get(f)
	if len(v) < 2 || v[0] != '"' {
		return ""
	}
	if !hasEscape(v) {
		return string(v[1 : len(v)-1])
	}
	b, err := appendUnquoted(nil, v)
	if err != nil {
		return ""
	}
	return string(b)
}

// Int returns the integer value of a field: 0 when it is absent or null, an
// error when it is no integer.
func (o *Object) Int(f Field) (int64, error) {
	v := o.Get(f)
	if v == nil || v[0] == 'n' {
		return 0, nil
	}
	var n int64
	for i, c := range v {
		if c < '0' || c > '9' || i > 17 {
			return o.slowInt(f, v)
		}
		n = n*10 + int64(c-'0')
	}
	return n, nil
}

func (o *Object) slowInt(f Field, v []byte) (int64, error) {
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
		return n, nil
	}
	// Programs that keep every number as a float write 200.0 or 2e2.
	x, err := strconv.ParseFloat(string(v), 64)
	if err != nil || x != float64(int64(x)) {
		return 0, fmt.Errorf("%s is not an integer: %.40s", f, v)
	}
	return int64(x), nil
}

// Status returns status_code, 0 when there was no answer.
func (o *Object) Status() (int, error) {
	n, err := o.Int(FieldStatusCode)
	if err == nil && (n < 0 || n > 999) {
		return 0, fmt.Errorf("status_code is not an HTTP status: %d", n)
	}
	return int(n), err
}

// Float returns the number in a field: 0 when it is absent or null, an error
// when it is no number.
func (o *Object) Float(f Field) (float64, error) {
	v := o.Get(f)
	if v == nil || v[0] == 'n' {
		return 0, nil
	}
	x, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not a number: %.40s", f, v)
	}
	return x, nil
}

// Bool returns the value of a field and whether it is there as true or false.
func (o *Object) Bool(f Field) (value, ok bool) {
	switch string(o.Get(f)) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// PathQuery returns the escaped path and the raw query. Where path holds the
// query too, as recordings of other programs have it, they are told apart.
func (o *Object) PathQuery() (path, query string) {
	path, query = o.Text(FieldPath), o.Text(FieldQuery)
	if p, q, found := strings.Cut(path, "?"); found {
		if query == "" {
			query = q
		}
		path = p
	}
	return path, query
}

// Set puts raw, a JSON value, in place of the field's value, or adds the field
// behind the last one.
func (o *Object) Set(f Field, raw []byte) {
	if p := o.pos[f]; p.end != 0 {
		o.splice(int(p.start), int(p.end), raw)
		return
	}
	o.adopt(len(raw) + len(f.String()) + 4)
	b := o.raw[:len(o.raw)-1] // up to the closing brace
	i := len(b)
	for isSpace(b[i-1]) {
		i--
	}
	if b[i-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, f.String()...)
	b = append(b, '"', ':')
	start := len(b)
	b = append(b, raw...)
	o.pos[f] = span{uint32(start), uint32(len(b))}
	o.own = append(b, '}')
	o.raw = o.own
}

// SetText sets a field to a string.
func (o *Object) SetText(f Field, s string) {
	o.Set(f, AppendString(nil, s))
}

// Delete takes a field out, with its comma.
func (o *Object) Delete(f Field) {
	p := o.pos[f]
	if p.end == 0 {
		return
	}
	// Find the member that holds the value, and the comma that goes with it.
	b := o.raw
	comma := -1
	for i := skipSpace(b, 1); ; {
		start, _ := skipKey(b, i) // indexed before, so it is valid
		if start == int(p.start) {
			end := skipSpace(b, int(p.end))
			switch {
			case comma >= 0:
				i, end = comma, int(p.end)
			case b[end] == ',':
				end = skipSpace(b, end+1)
			}
			o.pos[f] = span{}
			o.splice(i, end, nil)
			return
		}
		end, _ := skipValue(b, start, 1)
		comma = skipSpace(b, end)
		i = skipSpace(b, comma+1)
	}
}

// splice replaces raw[start:end] and moves the places behind it.
func (o *Object) splice(start, end int, with []byte) {
	o.replayed = false
	delta := len(with) - (end - start)
	o.adopt(max(delta, 0))
	n := len(o.raw)
	if delta > 0 {
		o.raw = o.raw[:n+delta]
	}
	copy(o.raw[end+delta:], o.raw[end:n])
	copy(o.raw[start:], with)
	o.raw = o.raw[:n+delta]
	o.own = o.raw
	for f := range o.pos {
		p := &o.pos[f]
		if p.end == 0 {
			continue
		}
		if int(p.start) >= end {
			p.start = uint32(int(p.start) + delta)
			p.end = uint32(int(p.end) + delta)
		} else if int(p.start) <= start && int(p.end) >= end {
			p.end = uint32(int(p.end) + delta)
		}
	}
}

// adopt makes raw the object's own, with room for more bytes.
func (o *Object) adopt(more int) {
	need := len(o.raw) + more
	switch {
	case o.changed && cap(o.raw) >= need:
	case !o.changed && cap(o.own) >= need:
		o.raw = append(o.own[:0], o.raw...)
	default:
		o.raw = append(make([]byte, 0, need+need/4), o.raw...)
	}
	o.own, o.changed = o.raw, true
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
