package capture

import (
	mathrand "math/rand/v2"
	"strings"
	"unicode/utf8"
)

// The form of a text is what a pseudonym keeps of it: where its characters can be
// replaced, and by what. A letter stays one of its case, a digit a digit, and within
// the text a UUID stays a UUID, a date a date, hexadecimal hexadecimal, an address of
// IPv4 one, a URL one of its scheme with the names in its query, an ARN one of its
// service, region and kind of resource. All
// else stays as it is. Replacing changes nothing of the form, so that it can be
// found from the pseudonym, too.
type formPlace struct {
	at    int32
	size  uint8 // of another rune, in bytes; of EXAMPLE, which letter it is
	class class
}

func (p formPlace) width() int32 {
	if p.class == otherRune {
		return int32(p.size)
	}
	return 1
}

// A class is what may stand in a place.
type class uint8

const (
	otherRune class = iota // another character of as many bytes
	anyUpper
	anyLower
	anyDigit
	notZero
	hexLower
	hexUpper
	base32Digit
	zero
	one
	upToFive
	example // a letter of EXAMPLE
)

// chars are the characters of each class; their place among these is random.
var chars = [...]string{
	anyUpper: upper, anyLower: lower, anyDigit: digits, notZero: digits[1:], hexLower: "abcdef", hexUpper: "ABCDEF", base32Digit: "234567",
	zero: "0", one: "1", upToFive: "012345",
}

const (
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
)

// A former finds the form of a text.
type former struct {
	s      []byte
	places []formPlace
}

// formOf returns the places of a text, in order.
func formOf(s []byte) []formPlace {
	f := former{s: s, places: make([]formPlace, 0, len(s))}
	query := false // within the query of a URL
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
			_, size := utf8.DecodeRune(s[i:])
			f.places = append(f.places, formPlace{int32(i), uint8(size), otherRune})
			i += size
			continue
		case c == '@':
			i++
			i += f.host(i, i+run(s[i:min(len(s), i+256)], &hostByte))
			continue
		case c <= ' ' || strings.IndexByte(`"'<>\`, c) >= 0:
			query = false
		case query && c == '&':
			i++
			i += run(s[i:min(len(s), i+128)], &nameByte)
			continue
		}
		if c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			i += 3 // an escape
			continue
		}
		if !isAlnum(c) {
			i++
			continue
		}
		if n := f.url(i); n > 0 {
			i += n
			// What follows is a path, and a query whose names stay.
			i = f.words(i, i+run(s[i:], &pathByte))
			if i < len(s) && s[i] == '?' {
				query = true
				i++
				i += run(s[i:min(len(s), i+128)], &nameByte)
			}
			continue
		}
		if n := f.arn(i); n > 0 {
			i += n
			continue
		}
		i = f.word(i)
	}
	return f.places
}

// words adds the words from one offset to another.
func (f *former) words(i, end int) int {
	for i < end {
		if c := f.s[i]; c == '%' && i+2 < end && isHex(f.s[i+1]) && isHex(f.s[i+2]) {
			i += 3 // an escape
			continue
		} else if c < utf8.RuneSelf && !isAlnum(c) {
			i++
			continue
		} else if c >= utf8.RuneSelf {
			_, size := utf8.DecodeRune(f.s[i:])
			f.places = append(f.places, formPlace{int32(i), uint8(size), otherRune})
			i += size
			continue
		}
		i = f.word(i)
	}
	return i
}

// word adds one word that begins at i, and returns where it ends.
func (f *former) word(i int) int {
	s := f.s[i:]
	if len(s) >= 36 && s[8] == '-' && s[13] == '-' && isUUID(string(s[:36])) && (len(s) == 36 || !isAlnum(s[36])) {
		for k, c := range s[:36] {
			if c != '-' && k != 14 && k != 19 { // version and variant
				f.add(i+k, hexClass(c))
			}
		}
		return i + 36
	}
	if n := f.date(i); n > 0 {
		return i + n
	}
	if n := f.ipv4(i); n > 0 {
		return i + n
	}
	if len(s) >= 20 && isKeyID(string(s[:20])) && (len(s) == 20 || !isAlnum(s[20])) {
		for k := 4; k < 13; k++ {
			f.add(i+k, anyUpper)
		}
		for k := range uint8(7) {
			f.places = append(f.places, formPlace{int32(i+13) + int32(k), k, example})
		}
		return i + 20
	}
	if n := idPrefix(s); n > 0 {
		return i + n
	}
	n := 0
	var has struct{ digit, upper, lower, beyondF, notBase32 bool }
	for n < len(s) && isAlnum(s[n]) {
		c := s[n]
		has.digit = has.digit || isDigit(c)
		has.upper = has.upper || 'A' <= c && c <= 'Z'
		has.lower = has.lower || 'a' <= c && c <= 'z'
		has.beyondF = has.beyondF || c|0x20 > 'f'
		has.notBase32 = has.notBase32 || 'a' <= c && c <= 'z' || c == '0' || c == '1' || c == '8' || c == '9'
		n++
	}
	hexadecimal := !has.beyondF && (n >= 4 && has.digit || n >= 8) && (has.upper || has.lower)
	base32 := n >= 16 && !has.notBase32 && has.digit
	for k, c := range s[:n] {
		switch {
		case hexadecimal:
			f.add(i+k, hexClass(c))
		case base32 && isDigit(c):
			f.add(i+k, base32Digit)
		case isDigit(c) && !base32 && (k == 0 || !isDigit(s[k-1])):
			// 007 is no number, 700 is: the first digit stays 0 or not 0.
			if c != '0' {
				f.add(i+k, notZero)
			}
		case isDigit(c):
			f.add(i+k, anyDigit)
		case 'A' <= c && c <= 'Z':
			f.add(i+k, anyUpper)
		default:
			f.add(i+k, anyLower)
		}
	}
	return i + n
}

// idPrefix returns the length of what a resource's id begins with, as subnet- and i-;
// 0 if s begins with none.
func idPrefix(s []byte) int {
	letters := run(s[:min(len(s), 12)], &lowerByte)
	if letters == 0 || letters+1 >= len(s) || s[letters] != '-' {
		return 0
	}
	id := s[letters+1:]
	n := run(id[:min(len(id), 18)], &lowerHexByte)
	if n != 8 && n != 17 || n < len(id) && (wordByte[id[n]] || id[n] == '-') {
		return 0
	}
	return letters + 1
}

var lowerByte = setOf(lower)

// ipv4 adds the places of an IPv4 address at i, and returns its length; 0 if there is
// none. A part of three digits begins with 1, so that it stays below 256.
func (f *former) ipv4(i int) int {
	s := f.s[i:min(len(f.s), i+16)]
	if !isDigit(s[0]) || i > 0 && f.s[i-1] == '.' {
		return 0
	}
	var ends [4]int // of its parts
	n := 0
	for part := range ends {
		if part > 0 {
			if n == len(s) || s[n] != '.' {
				return 0
			}
			n++
		}
		k := run(s[n:], &digitByte)
		if k == 0 || k > 3 || k == 3 && string(s[n:n+3]) > "255" {
			return 0
		}
		n += k
		ends[part] = n
	}
	if n < len(s) && (isAlnum(s[n]) || s[n] == '.') {
		return 0
	}
	from := 0
	for _, end := range ends {
		for k := from; k < end; k++ {
			switch {
			case k > from:
				f.add(i+k, anyDigit)
			case end-from == 3 && s[k] != '0':
				f.add(i+k, one)
			case s[k] != '0':
				f.add(i+k, notZero)
			}
		}
		from = end + 1
	}
	return n
}

var digitByte = setOf(digits)

func (f *former) add(at int, c class) {
	f.places = append(f.places, formPlace{int32(at), 1, c})
}

func hexClass(c byte) class {
	switch {
	case isDigit(c):
		return anyDigit
	case c < 'a':
		return hexUpper
	}
	return hexLower
}

// dateLayouts are the ways of writing a date and a time: a letter is a digit of
// that part. A date stays one of its century.
var dateLayouts = [...]string{"YYYY-MM-DDThh:mm:ss", "YYYY-MM-DD hh:mm:ss", "YYYY-MM-DD", "YYYYMMDDThhmmss", "YYYY/MM/DD"}

// date adds the places of a date at i, and returns its length; 0 if there is none.
func (f *former) date(i int) int {
	if s := f.s[i:]; len(s) < 10 || !isDigit(s[0]) {
		return 0
	}
	for _, layout := range dateLayouts {
		if !fitsDate(f.s[i:], layout) {
			continue
		}
		for k := 2; k < len(layout); k++ {
			c, first := layout[k], layout[k] != layout[k-1]
			switch {
			case c == 'Y':
				f.add(i+k, anyDigit)
			case c == 'M' && first:
				f.add(i+k, zero)
			case (c == 'D' || c == 'h') && first:
				f.add(i+k, one)
			case c == 'M':
				f.add(i+k, notZero)
			case (c == 'm' || c == 's') && first:
				f.add(i+k, upToFive)
			case strings.IndexByte("Dhms", c) >= 0:
				f.add(i+k, anyDigit)
			}
		}
		n := len(layout)
		if !strings.HasSuffix(layout, "s") {
			return n
		}
		s := f.s[i:]
		if n+1 < len(s) && s[n] == '.' && isDigit(s[n+1]) { // a fraction
			for n++; n < len(s) && isDigit(s[n]); n++ {
				f.add(i+n, anyDigit)
			}
		}
		if n < len(s) && s[n] == 'Z' {
			return n + 1
		}
		if n < len(s) && (s[n] == '+' || s[n] == '-') { // how far the zone is off
			n += 1 + run(s[n+1:min(len(s), n+6)], &zoneByte)
		}
		return n
	}
	return 0
}

var zoneByte = setOf(digits + ":")

func fitsDate(s []byte, layout string) bool {
	if len(s) < len(layout) || len(s) > len(layout) && isDigit(s[len(layout)]) {
		return false
	}
	for k := range layout {
		if strings.IndexByte("YMDhms", layout[k]) >= 0 {
			if !isDigit(s[k]) {
				return false
			}
		} else if s[k] != layout[k] {
			return false
		}
	}
	at := strings.IndexByte(layout, 'M')
	month := int(s[at]-'0')*10 + int(s[at+1]-'0')
	return (string(s[:2]) == "19" || string(s[:2]) == "20") && 1 <= month && month <= 12
}

// url adds the places of a URL's scheme and authority at i, and returns their
// length; 0 if there is none. The scheme stays, and a host of AWS's or of this machine.
func (f *former) url(i int) int {
	s := f.s[i:]
	n := run(s[:min(len(s), 32)], &schemeByte)
	if n == 0 || n > 16 || !strings.HasPrefix(string(s[n:min(len(s), n+3)]), "://") {
		return 0
	}
	n += 3
	end := n + run(s[n:min(len(s), n+512)], &authorityByte)
	if at := strings.LastIndexByte(string(s[n:end]), '@'); at >= 0 {
		f.words(i+n, i+n+at)
		n += at + 1
	}
	f.host(i+n, i+end)
	return end
}

// host adds the places of a host name, with its port, and returns its length. Its
// last label stays: mail services check it.
func (f *former) host(from, to int) int {
	name := string(f.s[from:to])
	name, _, _ = strings.Cut(name, ":")
	if ownHost(name) {
		return to - from
	}
	end := from + len(name)
	if dot := strings.LastIndexByte(strings.TrimSuffix(name, "."), '.'); dot >= 0 && !isDigit(name[dot+1]) {
		end = from + dot
	}
	f.words(from, end)
	return to - from
}

// ownHost reports whether a host name says nothing of the user's own network.
func ownHost(name string) bool {
	switch name {
	case "localhost", "127.0.0.1", "[::1]", "169.254.169.254":
		return true
	}
	for _, suffix := range [...]string{".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".aws", ".amazoncognito.com", ".cloudfront.net", ".awsapps.com",
		".amazonaws-us-gov.com", ".localhost", ".example.com", ".example.org"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// arn adds the places of an ARN's account at i, and returns the length of what it
// begins with: partition, service, region, account and kind of resource; 0 if there
// is none.
func (f *former) arn(i int) int {
	s := f.s[i:]
	n := arnPrefix(s)
	account := run(s[n:min(len(s), n+13)], &digitByte)
	if n == 0 || account != 12 || n+account >= len(s) || s[n+account] != ':' {
		return n
	}
	f.word(i + n)
	n += account + 1
	kind := run(s[n:min(len(s), n+40)], &kindByte)
	if end := n + kind; end < len(s) && (s[end] == '/' || s[end] == ':') {
		n = end
	}
	return n
}

var kindByte = setOf(lower + "-")

// arnPrefix returns the length of what an ARN begins with: partition, service and
// region.
func arnPrefix(s []byte) int {
	if len(s) < 12 || string(s[:7]) != "arn:aws" {
		return 0
	}
	n := 0
	for range 4 {
		k := strings.IndexByte(string(s[n:min(len(s), n+32)]), ':')
		if k < 0 {
			return 0
		}
		n += k + 1
	}
	return n
}

var (
	schemeByte = setOf(lower + digits + "+")
	hostByte   = setOf(upper + lower + digits + ".-:")
	pathByte   = allBut(`?"'<>\`)
)

func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

// fill writes random characters into places.
func fill(out []byte, places []formPlace, source interface{ Uint64() uint64 }) {
	var bits uint64
	for k, p := range places {
		if k%4 == 0 {
			bits = source.Uint64()
		}
		n := int(bits & 0xffff)
		bits >>= 16
		if p.class == example {
			out[p.at] = "EXAMPLE"[p.size]
			continue
		}
		if p.class != otherRune {
			set := chars[p.class]
			out[p.at] = set[n%len(set)]
			continue
		}
		var r rune
		switch p.size {
		case 1: // a byte that is no character
			continue
		case 2:
			r = 0xe0 + rune(n%23) // à to ö
		case 3:
			r = 0x4e00 + rune(n%0x5000) // Chinese
		default:
			r = 0x1f600 + rune(n%64) // faces
		}
		utf8.EncodeRune(out[p.at:p.at+int32(p.size)], r)
	}
}

// sections calls yield for the runs of places between punctuation: each has check
// characters of its own, so that a part of a pseudonym, such as a parameter of a URL,
// is known as one, too. A text of which none is long enough for that, or a huge one,
// is one section.
func sections(s []byte, places []formPlace, yield func([]formPlace)) {
	if len(places) > 1<<12 {
		yield(places)
		return
	}
	cuts := make([]int, 0, min(len(places), 256))
	long := false
	start := 0
	for k := range places {
		if k == len(places)-1 || divided(s[places[k].at+1:places[k+1].at]) {
			long = long || k+1-start >= 3
			cuts = append(cuts, k+1)
			start = k + 1
		}
	}
	if !long {
		yield(places)
		return
	}
	start = 0
	for _, cut := range cuts {
		yield(places[start:cut])
		start = cut
	}
}

// divided reports whether punctuation that ends a section stands in s, also as an
// escape of a URL's.
func divided(s []byte) bool {
	for i, c := range s {
		if c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
		}
		if dividerByte[c] {
			return true
		}
	}
	return false
}

var dividerByte = setOf(" \t\r\n\"'<>\\&=;,:@?#(){}[]|")

// checks returns the places of a section's check characters: the last third, 8 at
// most.
func checks(section []formPlace) []formPlace {
	return section[len(section)-min(len(section)/3, 8):]
}

// check writes the check characters, which follow from the characters before them
// in their section.
func check(out []byte, places []formPlace) {
	var head []byte
	var source mathrand.PCG
	sections(out, places, func(section []formPlace) {
		last := checks(section)
		if len(last) == 0 {
			return
		}
		head = head[:0]
		for _, p := range section[:len(section)-len(last)] {
			head = append(head, out[p.at:p.at+p.width()]...)
		}
		source.Seed(checkSum(head), uint64(len(head)))
		fill(out, last, &source)
	})
}

// isTextPseudonym reports whether a text's check characters follow from the rest.
func isTextPseudonym(value string) bool {
	again := []byte(value)
	places := formOf(again)
	if len(places) < 3 {
		return false
	}
	check(again, places)
	return string(again) == value
}
