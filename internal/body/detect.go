package body

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"unicode/utf8"
)

// Detect tells what data is written in. The content has the last word: a
// content type is believed where the content allows it, since error pages come
// as application/json and JSON as text/plain. A form is taken for one only
// where the content type says so: any text could be a form.
func Detect(contentType string, data []byte) Format {
	if len(data) == 0 {
		return Empty
	}
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	if isFrame(data) {
		return EventStream
	}
	if strings.Contains(media, "cbor") {
		return CBOR
	}
	switch text := bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF")), " \t\r\n"); {
	case len(text) == 0:
		return Text
	case text[0] == '{', text[0] == '[':
		return JSON
	case text[0] == '<':
		return XML
	case media == "application/x-www-form-urlencoded":
		return Form
	case strings.Contains(media, "json") && (text[0] == '"' || text[0] == '-' || text[0]-'0' <= 9 ||
		text[0] == 't' || text[0] == 'f' || text[0] == 'n'):
		return JSON
	}
	if utf8.Valid(data) {
		return Text
	}
	if data[0] == 0xBF || data[0]>>5 == 5 && data[0] != 0xBF && len(data) > 1 && data[1]>>5 == 3 {
		return CBOR // a map whose first key is a text; Parse falls back to bytes
	}
	return Bytes
}

// isFrame reports whether data begins with the prelude of an event stream,
// whose checksum makes a mistake all but impossible.
func isFrame(data []byte) bool {
	return len(data) >= minFrame &&
		binary.BigEndian.Uint32(data[8:]) == crc32.ChecksumIEEE(data[:8]) &&
		binary.BigEndian.Uint32(data) >= minFrame
}
