package value

import (
	"bytes"
	"time"
)

// TimeFormat is how a point in time is written.
type TimeFormat uint8

// The formats. Two timestamps of different formats are a difference, even of
// one value: an SDK reads only the one that the model names.
const (
	NoTime     TimeFormat = iota
	DateTime              // 2026-06-02T18:30:44Z
	DateTimeMs            // the same with a fraction of any length
	DateOffset            // with a numeric offset instead of Z: +00:00 or +0000
	DateOffMs             // an offset and a fraction
	DateLocal             // no zone at all
	DateSpace             // a space for the T
	HTTPDate              // Tue, 02 Jun 2026 18:30:44 GMT
	BasicDate             // 20260602T183044Z
	EpochSec              // 1780425044 or 1780425044.123 or 1.780425044E9
	EpochMs               // 1780425044123
)

var timeNames = [...]string{"no timestamp", "date-time", "date-time with fraction", "date-time with offset", "date-time with fraction and offset",
	"date-time without zone", "date-time with a space", "http-date", "basic date-time", "epoch seconds", "epoch milliseconds"}

// String returns the name that differences use.
func (f TimeFormat) String() string { return timeNames[f] }

// textTime returns the format of s if it is a timestamp that no number looks like.
func textTime(s []byte) TimeFormat {
	switch {
	case len(s) < 16 || len(s) > 40:
		return NoTime
	case s[0]-'0' <= 9:
		_, f := parseDateTime(s)
		return f
	case len(s) == 29 && s[3] == ',':
		if _, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", string(s)); err == nil {
			return HTTPDate
		}
	}
	return NoTime
}

// num reads n digits at i.
func num(s []byte, i, n int) (v int, ok bool) {
	if i+n > len(s) {
		return 0, false
	}
	for _, c := range s[i : i+n] {
		if c-'0' > 9 {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v, true
}

func parseDateTime(s []byte) (t time.Time, f TimeFormat) {
	if len(s) == 16 && s[8] == 'T' && s[15] == 'Z' {
		t, err := time.Parse("20060102T150405Z", string(s))
		if err != nil {
			return t, NoTime
		}
		return t, BasicDate
	}
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || s[10] != 'T' && s[10] != ' ' || s[13] != ':' || s[16] != ':' {
		return t, NoTime
	}
	var v [6]int
	for i, at := range [6]int{0, 5, 8, 11, 14, 17} {
		n := 2
		if i == 0 {
			n = 4
		}
		x, ok := num(s, at, n)
		if !ok {
			return t, NoTime
		}
		v[i] = x
	}
	if v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31 || v[3] > 24 || v[4] > 59 || v[5] > 60 {
		return t, NoTime
	}
	rest, nanos, fraction := s[19:], 0, false
	if len(rest) > 1 && rest[0] == '.' {
		n := digits(rest[1:])
		if n == 0 || n > 12 {
			return t, NoTime
		}
		for i := range 9 {
			nanos *= 10
			if i < n {
				nanos += int(rest[1+i] - '0')
			}
		}
		rest, fraction = rest[1+n:], true
	}
	offset := 0
	switch {
	case len(rest) == 1 && rest[0] == 'Z':
		f = DateTime
	case len(rest) == 0:
		f = DateLocal
	case rest[0] == '+' || rest[0] == '-':
		h, ok := num(rest, 1, 2)
		m, tail := 0, rest[min(3, len(rest)):]
		if len(tail) > 0 && tail[0] == ':' {
			tail = tail[1:]
		}
		if ok && len(tail) == 2 {
			m, ok = num(tail, 0, 2)
		} else if len(tail) != 0 {
			ok = false
		}
		if !ok {
			return t, NoTime
		}
		if offset = h*3600 + m*60; rest[0] == '-' {
			offset = -offset
		}
		f = DateOffset
	default:
		return t, NoTime
	}
	if s[10] == ' ' {
		f = DateSpace
	} else if fraction && f != DateLocal {
		f++
	}
	return time.Date(v[0], time.Month(v[1]), v[2], v[3], v[4], v[5], nanos, time.UTC).Add(-time.Duration(offset) * time.Second), f
}

// Bounds of what a number must be to be taken for a time since 1970: 1980 to 2100.
const (
	minEpoch = 315532800
	maxEpoch = 4102444800
)

// Epoch returns the format of a number if it can be a point in time between
// 1980 and 2100. Whether it is one, its name or the model must say.
func Epoch(s []byte) TimeFormat {
	if len(s) == 0 || s[0]-'0' > 9 || !isNumber(s) {
		return NoTime
	}
	sec, _, ok := epochParts(s)
	switch {
	case !ok:
		return NoTime
	case sec >= minEpoch && sec <= maxEpoch:
		return EpochSec
	case sec >= minEpoch*1000 && sec <= maxEpoch*1000:
		return EpochMs
	}
	return NoTime
}

// epochParts splits a decimal number into its whole part and nanoths.
func epochParts(s []byte) (whole, nanos int64, ok bool) {
	d, ok := parseDecimal(s)
	if !ok || d.negative {
		return 0, 0, false
	}
	point := d.exp // digits before the point
	if point > 15 || point < -9 {
		return 0, 0, len(d.digits) == 0
	}
	at := func(i int) int64 {
		if i >= 0 && i < d.count() {
			return int64(d.at(i))
		}
		return 0
	}
	for i := range point {
		whole = whole*10 + at(i)
	}
	for i := point; i < point+9; i++ {
		nanos = nanos*10 + at(i)
	}
	return whole, nanos, true
}

// Time returns the point in time that s is. With epoch, a number is one too:
// seconds, or milliseconds where it is too big for seconds.
func Time(s []byte, epoch bool) (t time.Time, f TimeFormat) {
	if len(s) == 0 {
		return t, NoTime
	}
	if s[0]-'0' <= 9 {
		if t, f = parseDateTime(s); f != NoTime || !epoch {
			return t, f
		}
		f = Epoch(s)
		whole, nanos, ok := epochParts(s)
		switch {
		case !ok || !isNumber(s):
			return t, NoTime
		case f == EpochMs:
			return time.Unix(whole/1000, whole%1000*1e6+nanos/1000), f
		}
		return time.Unix(whole, nanos), EpochSec
	}
	if len(s) == 29 && s[3] == ',' && bytes.HasSuffix(s, []byte("GMT")) {
		t, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", string(s))
		if err == nil {
			return t, HTTPDate
		}
	}
	return time.Time{}, NoTime
}
