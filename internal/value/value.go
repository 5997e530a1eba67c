// Package value tells what kind of thing a scalar of an AWS call is: a
// timestamp and in which format, an id that the service made up, an ARN, a
// digest, an account. The comparison lets two values of one kind pass where they
// vary by nature, and the replay binds and rewrites only what a service made.
//
// All functions look at the bytes alone, allocate nothing and take time linear
// in the length of the value; what the name of a member says of its value is in
// name.go.
package value

import "bytes"

// Kind is what a value is by its looks.
type Kind uint8

// The kinds. A value whose looks say nothing certain is Other.
const (
	Other      Kind = iota
	Number          // a decimal number
	Timestamp       // a point in time, written as text; see Class.Time
	UUID            // 8-4-4-4-12 hexadecimal digits
	ResourceID      // prefix-hex, as in i-0123456789abcdef0
	UniqueID        // an IAM id, as in AIDAJQABLZS4A3QDU576Q
	ARN             // arn:partition:service:region:account:resource
	URL             // http:// or https://
	Account         // twelve digits
	Address         // an IPv4 address or its name in EC2's DNS, or a MAC address
	Trace           // an X-Ray id: 1-8hex-24hex
	Digest          // 32, 40, 64, 96 or 128 hexadecimal digits, with a part count in ETags of multipart uploads
)

var kindNames = [...]string{"text", "number", "timestamp", "uuid", "resource id", "unique id", "arn", "url", "account", "address", "trace id", "digest"}

// String returns the name that explanations use.
func (k Kind) String() string { return kindNames[k] }

// Generated reports whether only a service makes up values of this kind: no
// two of them are equal by chance.
func (k Kind) Generated() bool {
	return k == UUID || k == ResourceID || k == UniqueID || k == Trace
}

// Class is the kind of a value and what else two values of that kind share
// when one can stand for the other.
type Class struct {
	Kind   Kind
	Time   TimeFormat // of a Timestamp
	Prefix int        // bytes before the random part of a ResourceID or UniqueID
	Size   int        // digits of the random part; for a UUID 1 if it is in upper case
}

// Classify returns the class of s. Surrounding quotes, as of an ETag, are not
// looked through.
func Classify(s []byte) Class {
	if len(s) == 0 {
		return Class{}
	}
	switch c := s[0]; {
	case c-'0' <= 9 || c == '-':
		return classifyDigits(s)
	case c == 'a' && bytes.HasPrefix(s, []byte("arn:")) && bytes.Count(s, []byte{':'}) >= 5:
		return Class{Kind: ARN}
	case c == 'h' && (bytes.HasPrefix(s, []byte("http://")) || bytes.HasPrefix(s, []byte("https://"))):
		return Class{Kind: URL}
	}
	if len(s) == 36 && isUUID(s) {
		return uuid(s)
	}
	if f := textTime(s); f != NoTime {
		return Class{Kind: Timestamp, Time: f}
	}
	if n := uniqueID(s); n > 0 {
		return Class{Kind: UniqueID, Prefix: 4, Size: n}
	}
	if p, n := resourceID(s); p > 0 {
		return Class{Kind: ResourceID, Prefix: p, Size: n}
	}
	if bytes.HasPrefix(s, []byte("ip-")) && isAddress(s[3:], '-') {
		return Class{Kind: Address, Prefix: 3}
	}
	if bytes.HasPrefix(s, []byte("ec2-")) && isAddress(s[4:], '-') {
		return Class{Kind: Address, Prefix: 4}
	}
	if isMAC(s) {
		return Class{Kind: Address, Size: 6}
	}
	if bytes.HasPrefix(s, []byte("ns-")) && bytes.Contains(s, []byte(".awsdns-")) {
		return Class{Kind: Address, Prefix: 3, Size: 53} // a name server of Route 53
	}
	if n := digest(s); n > 0 {
		return Class{Kind: Digest, Size: n}
	}
	return Class{}
}

func classifyDigits(s []byte) Class {
	if len(s) == 36 && isUUID(s) {
		return uuid(s)
	}
	if f := textTime(s); f != NoTime {
		return Class{Kind: Timestamp, Time: f}
	}
	if len(s) == 12 && digits(s) == 12 {
		return Class{Kind: Account}
	}
	if isAddress(s, '.') {
		return Class{Kind: Address}
	}
	if isMAC(s) {
		return Class{Kind: Address, Size: 6}
	}
	if isTrace(s) {
		return Class{Kind: Trace}
	}
	if n := digest(s); n > 0 && !isNumber(s) {
		return Class{Kind: Digest, Size: n}
	}
	if isNumber(s) {
		return Class{Kind: Number}
	}
	return Class{}
}

// ClassifyPair classifies two values that stand at the same place. An id whose
// letters happen to be all digits is known by the other one.
func ClassifyPair(a, b []byte) (c, d Class) {
	c, d = Classify(a), Classify(b)
	switch {
	case c.Kind == d.Kind:
	case c.Kind == ResourceID && like(a, b, c):
		d = c
	case d.Kind == ResourceID && like(b, a, d):
		c = d
	case c.Kind == Digest && d.Kind == Number && len(a) == len(b) && digits(b) == len(b):
		d = c
	case d.Kind == Digest && c.Kind == Number && len(a) == len(b) && digits(a) == len(a):
		c = d
	}
	return c, d
}

// like reports whether b has the prefix of a, a resource id, and as many
// hexadecimal digits behind it.
func like(a, b []byte, c Class) bool {
	if len(a) != len(b) || !bytes.Equal(a[:c.Prefix], b[:c.Prefix]) {
		return false
	}
	for _, x := range b[c.Prefix:] {
		if !isHex(x) {
			return false
		}
	}
	return true
}

// Same reports whether a and b, which are of the classes c and d, are of one
// kind and format: one could stand for the other in the answer of another run.
func Same(a, b []byte, c, d Class) bool {
	if c.Kind != d.Kind || c.Time != d.Time || c.Prefix != d.Prefix || c.Size != d.Size {
		return false
	}
	return bytes.Equal(a[:c.Prefix], b[:d.Prefix])
}

func uuid(s []byte) Class {
	for _, c := range s {
		if c-'A' <= 5 {
			return Class{Kind: UUID, Size: 1}
		}
	}
	return Class{Kind: UUID}
}

func isUUID(s []byte) bool {
	for i, c := range s {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !isHex(c) {
			return false
		}
	}
	return true
}

// Hex reports whether s is hexadecimal digits, the letters in lower case.
func Hex(s []byte) bool {
	for _, c := range s {
		if c-'0' > 9 && c-'a' > 5 {
			return false
		}
	}
	return len(s) > 0
}

func isHex(c byte) bool { return c-'0' <= 9 || (c|0x20)-'a' <= 5 }

func isAlnum(c byte) bool { return c-'0' <= 9 || (c|0x20)-'a' < 26 }

// digits returns how many decimal digits s begins with.
func digits(s []byte) int {
	for i, c := range s {
		if c-'0' > 9 {
			return i
		}
	}
	return len(s)
}

// resourceID returns the length of the prefix with its last "-" and of the hex
// part: 8 or 17 digits as EC2 makes them, or 32 as KMS.
func resourceID(s []byte) (prefix, size int) {
	i := bytes.LastIndexByte(s, '-')
	if i < 1 || i > 24 {
		return 0, 0
	}
	hex := s[i+1:]
	if len(hex) != 8 && len(hex) != 17 && len(hex) != 32 {
		return 0, 0
	}
	num := false
	for _, c := range hex {
		if c-'0' > 9 && c-'a' > 5 {
			return 0, 0
		}
		num = num || c-'0' <= 9
	}
	if !num { // "my-deadbeef" reads like a word
		return 0, 0
	}
	for _, c := range s[:i] {
		if c-'a' >= 26 && c != '-' {
			return 0, 0
		}
	}
	if len(hex) == 8 && digits(hex) == 8 { // "backup-20260602" is a name
		return 0, 0
	}
	return i + 1, len(hex)
}

// uniqueID returns the length of the random part of an IAM id.
func uniqueID(s []byte) int {
	if len(s) < 16 || len(s) > 128 || s[0] != 'A' {
		return 0
	}
	switch string(s[:4]) {
	case "ABIA", "ACCA", "AGPA", "AIDA", "AIPA", "AKIA", "ANPA", "ANVA", "APKA", "AROA", "ASCA", "ASIA":
	default:
		return 0
	}
	for _, c := range s[4:] {
		if c-'A' >= 26 && c-'0' > 9 {
			return 0
		}
	}
	return len(s) - 4
}

// isAddress reports whether s is an IPv4 address with sep between its numbers,
// perhaps with the rest of a DNS name.
func isAddress(s []byte, sep byte) bool {
	for part := range 4 {
		n := digits(s[:min(len(s), 4)])
		if n == 0 || n > 3 {
			return false
		}
		s = s[n:]
		if part < 3 {
			if len(s) == 0 || s[0] != sep {
				return false
			}
			s = s[1:]
		}
	}
	return len(s) == 0 || sep == '-' && s[0] == '.'
}

func isMAC(s []byte) bool {
	if len(s) != 17 {
		return false
	}
	for i, c := range s {
		if i%3 == 2 && c != ':' || i%3 != 2 && !isHex(c) {
			return false
		}
	}
	return true
}

func isTrace(s []byte) bool {
	if len(s) != 35 || s[0] != '1' || s[1] != '-' || s[10] != '-' {
		return false
	}
	for _, c := range s[2:10] {
		if !isHex(c) {
			return false
		}
	}
	for _, c := range s[11:] {
		if !isHex(c) {
			return false
		}
	}
	return true
}

// digest returns the number of hexadecimal digits of s if a digest has as many.
func digest(s []byte) int {
	n := 0
	for n < len(s) && isHex(s[n]) {
		n++
	}
	switch n {
	case 32:
		if rest := s[n:]; len(rest) > 1 && len(rest) < 7 && rest[0] == '-' && digits(rest[1:]) == len(rest)-1 {
			return n // an ETag of a multipart upload
		}
	case 40, 64, 96, 128:
	default:
		return 0
	}
	if n != len(s) {
		return 0
	}
	return n
}

// SplitARN returns the parts of an ARN.
func SplitARN(s []byte) (parts [6][]byte, ok bool) {
	if !bytes.HasPrefix(s, []byte("arn:")) {
		return parts, false
	}
	for i := range 5 {
		j := bytes.IndexByte(s, ':')
		if j < 0 {
			return parts, false
		}
		parts[i], s = s[:j], s[j+1:]
	}
	parts[5] = s
	return parts, true
}

// isULID reports whether s is a time and a random number as ULIDs spell them:
// 26 digits of Crockford's base 32, the first of which is at most 7.
func isULID(s []byte) bool {
	if len(s) != 26 || s[0] > '7' {
		return false
	}
	numbers := 0
	for _, c := range s {
		switch {
		case c-'0' <= 9:
			numbers++
		case c-'A' >= 26, c == 'I', c == 'L', c == 'O', c == 'U':
			return false
		}
	}
	return numbers >= 3
}

// Random reports whether s looks drawn at random rather than chosen by a
// person: at least ten letters and digits (besides - _ + / = : . %) that change
// between upper case, lower case and digits as often as no name does.
func Random(s []byte) bool {
	if len(s) < 10 {
		return false
	}
	if isULID(s) {
		return true
	}
	var seen [256]bool
	distinct := 0
	var count [3]int
	turns, n, last := 0, 0, -1
	run, longest := 0, 0 // of consonants in a row
	for _, c := range s {
		class := 0
		switch {
		case c-'0' <= 9:
			class = 2
		case c-'A' < 26:
			class = 1
		case c-'a' < 26:
		case c == '-' || c == '_' || c == '+' || c == '/' || c == '=' || c == ':' || c == '.' || c == '%':
			last, run = -1, 0
			continue
		default:
			return false
		}
		if !seen[c] {
			seen[c] = true
			distinct++
		}
		count[class]++
		n++
		if last >= 0 && class != last {
			turns++
		}
		last = class
		if class < 2 && bytes.IndexByte([]byte("aeiouyAEIOUY"), c) < 0 {
			if run++; run > longest {
				longest = run
			}
		} else {
			run = 0
		}
	}
	switch {
	case n < 10 || distinct < 5:
		return false
	case count[2] == n: // sequence numbers and other long numbers
		return n >= 18
	case count[2] == 0 && (count[0] == 0 || count[1] == 0):
		return n >= 16 && longest >= 5
	}
	// A random base64 text turns at 6 of 10 letters, hexadecimal at 5, and
	// upper case with digits at 4. CamelCase with a number turns at 2.
	if turns*100 >= 28*n {
		return true
	}
	return n >= 13 && longest >= 5 && count[2] > 0
}
