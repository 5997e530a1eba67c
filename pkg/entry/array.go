package entry

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// first reads the object that the input begins with: the first entry of a
// stream, or a Recording, whose entries are not held in memory all at once.
func (r *Reader) first() (*Line, error) {
	number := r.number
	r.buf = r.buf[:0]
	var members []byte
	isEntry, isRecording := false, false
	for {
		key, err := r.memberName()
		if err != nil {
			return r.notRecording(number)
		}
		if key == nil {
			break
		}
		name := string(key)
		if format := foreign[name]; format != "" && !isEntry && len(members) == 0 {
			if c, err := r.peekValue(); err == nil && (c == '{' || c == '[') {
				return nil, r.stop(fmt.Errorf("not entries but %s: cm-convert --from %s reads it", strings.ToUpper(format), format))
			}
		}
		if name == `"entries"` && !isEntry {
			if c, err := r.peekValue(); err == nil && c == '[' {
				r.br.Discard(1)
				if err := r.describe(members); err != nil {
					return nil, err
				}
				return r.enterArray()
			}
		}
		start := len(r.buf)
		if err := r.readValue(); err != nil {
			return r.notRecording(number)
		}
		members = appendMember(members, name, r.buf[start:])
		switch name {
		case `"method"`, `"path"`, `"status_code"`:
			isEntry = true
		case `"entries"`, `"entry_count"`:
			isRecording = true
		}
	}
	if isRecording && !isEntry { // a Recording without entries may leave the list out
		if err := r.describe(members); err != nil {
			return nil, err
		}
		return r.afterAll()
	}
	return r.notRecording(number)
}

// foreign has the members that files of other programs begin with.
var foreign = map[string]string{`"log"`: "har", `"http_interactions"`: "vcr", `"interactions"`: "vcr"}

// notRecording reads what was read of the first object again, as lines.
func (r *Reader) notRecording(number int) (*Line, error) {
	again := io.MultiReader(bytes.NewReader(bytes.Clone(r.buf)), r.br)
	r.br, r.number = bufio.NewReaderSize(again, bufferSize), number
	r.state = (*Reader).nextLine
	return r.nextLine()
}

func appendMember(dst []byte, key string, val []byte) []byte {
	if len(dst) > 0 {
		dst = append(dst, ',')
	}
	dst = append(dst, key...)
	dst = append(dst, ':')
	return append(dst, bytes.TrimSpace(val)...)
}

// describe fills the Recording from its members.
func (r *Reader) describe(members []byte) error {
	if r.head == nil {
		r.head = &Recording{}
	}
	if err := json.Unmarshal(fmt.Appendf(nil, "{%s}", members), r.head); err != nil {
		return r.stop(fmt.Errorf("not a Recording: %w", err))
	}
	return nil
}

// stop ends reading for good: what follows cannot be made sense of.
func (r *Reader) stop(err error) error {
	if err == io.EOF {
		err = errors.New("truncated: the input ends inside a list of entries")
	}
	err = fmt.Errorf("%s:%d: %w", r.name, r.number, err)
	r.state = func(*Reader) (*Line, error) { return nil, err }
	return err
}

func (r *Reader) enterArray() (*Line, error) {
	r.state = (*Reader).nextElement
	if c, err := r.skipSpace(); err != nil {
		return nil, r.stop(err)
	} else if c == ']' {
		r.br.Discard(1)
		return r.leaveArray()
	}
	return r.nextElement()
}

// nextElement is the state in which each element of an array is an entry.
func (r *Reader) nextElement() (*Line, error) {
	if r.element > 0 {
		c, err := r.skipSpace()
		if err != nil {
			return nil, r.stop(err)
		}
		r.br.Discard(1)
		if c == ']' {
			return r.leaveArray()
		}
		if c != ',' {
			return nil, r.stop(fmt.Errorf("invalid character %s after entry %d", printable(c), r.element))
		}
		if _, err := r.skipSpace(); err != nil {
			return nil, r.stop(err)
		}
	}
	r.element++
	number := r.number
	r.buf = r.buf[:0]
	if err := r.readValue(); err != nil {
		return nil, r.stop(err)
	}
	lines := bytes.Count(r.buf, []byte{'\n'})
	r.number += lines
	if lines > 0 {
		r.buf = compact(r.buf)
	}
	l, err := r.parse(r.buf, number)
	if err != nil {
		return nil, err
	}
	if err := l.fromRecording(); err != nil {
		return nil, &LineError{Name: r.name, Number: number, Entry: r.element, Err: err}
	}
	return l, nil
}

// leaveArray reads what a Recording says behind its entries.
func (r *Reader) leaveArray() (*Line, error) {
	if r.head == nil {
		return r.afterAll()
	}
	r.buf = append(r.buf[:0], '{', '"', '"') // as if the list had been a member just read
	var members []byte
	for {
		key, err := r.memberName()
		if err != nil {
			return nil, r.stop(err)
		}
		if key == nil {
			if err := r.describe(members); err != nil {
				return nil, err
			}
			return r.afterAll()
		}
		name := string(key)
		start := len(r.buf)
		if err := r.readValue(); err != nil {
			return nil, r.stop(err)
		}
		members = appendMember(members, name, r.buf[start:])
	}
}

// afterAll refuses anything behind the array or Recording.
func (r *Reader) afterAll() (*Line, error) {
	c, err := r.skipSpace()
	if err != nil {
		return nil, err // io.EOF, as it should be
	}
	return nil, r.stop(fmt.Errorf("invalid character %s after the end of the list of entries", printable(c)))
}

// memberName reads, behind an opening brace or a value, up to the next
// member's value, and returns the quoted name; nil at the closing brace. What
// it read is added to r.buf.
func (r *Reader) memberName() ([]byte, error) {
	if len(r.buf) == 0 {
		if err := r.expect('{'); err != nil {
			return nil, err
		}
	} else {
		c, err := r.peekValue()
		if err != nil {
			return nil, err
		}
		if c == '}' {
			return nil, r.expect('}')
		}
		if err := r.expect(','); err != nil {
			return nil, err
		}
	}
	c, err := r.peekValue()
	if err != nil {
		return nil, err
	}
	if c == '}' && len(bytes.TrimSpace(r.buf)) == 1 { // an empty object
		return nil, r.expect('}')
	}
	if c != '"' {
		return nil, fmt.Errorf("invalid character %s looking for a member's name", printable(c))
	}
	start := len(r.buf)
	if err := r.readValue(); err != nil {
		return nil, err
	}
	key := r.buf[start:]
	if _, err := r.peekValue(); err != nil {
		return nil, err
	}
	if err := r.expect(':'); err != nil {
		return nil, err
	}
	_, err = r.peekValue()
	return key, err
}

// expect moves one byte from the input to r.buf.
func (r *Reader) expect(want byte) error {
	c, err := r.br.ReadByte()
	if err != nil {
		return err
	}
	r.buf = append(r.buf, c)
	if c != want {
		return fmt.Errorf("invalid character %s looking for %c", printable(c), want)
	}
	return nil
}

// peekValue moves white space to r.buf and returns the byte behind it.
func (r *Reader) peekValue() (byte, error) {
	for {
		c, err := r.br.ReadByte()
		if err != nil {
			return 0, err
		}
		if !isSpace(c) {
			return c, r.br.UnreadByte()
		}
		r.buf = append(r.buf, c)
	}
}

// readValue moves one JSON value to r.buf. It finds the end only; whether the
// value is well formed is for Parse to say.
func (r *Reader) readValue() error {
	depth, inString, escaped := 0, false, false
	for {
		if r.br.Buffered() == 0 {
			if _, err := r.br.Peek(1); err != nil {
				return err
			}
		}
		b, _ := r.br.Peek(r.br.Buffered()) // what is buffered can be had
		end := -1
	scan:
		for i := 0; i < len(b); i++ {
			c := b[i]
			switch {
			case inString:
				switch {
				case escaped:
					escaped = false
				case c == '\\':
					escaped = true
				case c == '"':
					inString = false
					if depth == 0 {
						end = i + 1
						break scan
					}
				}
			case c == '"':
				inString = true
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				if depth == 0 { // it closes what holds the value
					end = i
					break scan
				}
				if depth--; depth == 0 {
					end = i + 1
					break scan
				}
			case depth == 0 && (c == ',' || isSpace(c)):
				end = i
				break scan
			}
		}
		n := end
		if end < 0 {
			n = len(b)
		}
		r.buf = append(r.buf, b[:n]...)
		r.br.Discard(n)
		if len(r.buf) > r.maxLine() {
			return fmt.Errorf("longer than %d bytes", r.maxLine())
		}
		if end >= 0 {
			return nil
		}
	}
}

// compact takes the white space between the tokens of b out, in place.
func compact(b []byte) []byte {
	out := b[:0]
	for i := 0; i < len(b); {
		if b[i] == '"' {
			end, err := skipString(b, i)
			if err != nil {
				end = len(b)
			}
			out = append(out, b[i:end]...)
			i = end
			continue
		}
		if !isSpace(b[i]) {
			out = append(out, b[i])
		}
		i++
	}
	return out
}
