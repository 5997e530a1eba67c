package diff

import (
	"bytes"
	"strings"

	"github.com/neureaux/cloudmock/internal/value"
)

// A token is a piece of a text between punctuation: a word, a number, an id, a
// timestamp, or the scheme and authority of a URL.
type token struct {
	text []byte
	host bool // scheme://authority
	date bool // in another form than timestamps have
}

// nextToken splits s into what stands before its first token, the token, and
// the rest. UUIDs, timestamps and ids with dashes are one token each.
func nextToken(s []byte) (before []byte, t token, rest []byte) {
	i := 0
	for i < len(s) && !wordByte(s[i]) {
		i++
	}
	before, s = s[:i], s[i:]
	if len(s) == 0 {
		return before, t, nil
	}
	if s[0] == 'h' {
		if n := authority(s); n > 0 {
			return before, token{text: s[:n], host: true}, s[n:]
		}
	}
	if s[0]-'0' <= 9 {
		// The longest piece that is a timestamp, its colons and dots included.
		n := 0
		for n < len(s) && n < 35 && (s[n]-'0' <= 9 || bytes.IndexByte([]byte("-:.+TZ"), s[n]) >= 0 || s[n] == ' ' && n == 10) {
			n++
		}
		for ; n >= 16; n-- {
			if value.Classify(s[:n]).Kind == value.Timestamp {
				return before, token{text: s[:n]}, s[n:]
			}
		}
	}
	if len(s) >= 29 && s[3] == ',' && value.Classify(s[:29]).Kind == value.Timestamp {
		return before, token{text: s[:29]}, s[29:]
	}
	if _, _, n, _ := value.Date(s); n > 0 && (len(s) == n || !wordByte(s[n])) && !(len(s) >= 36 && value.Classify(s[:36]).Kind == value.UUID) {
		return before, token{text: s[:n], date: true}, s[n:]
	}
	n := 0
	for n < len(s) && (wordByte(s[n]) || s[n] == '-' && n+1 < len(s) && wordByte(s[n+1]) && !dateEnds(s[n+1:])) {
		n++
	}
	return before, token{text: s[:n]}, s[n:]
}

// dateEnds reports whether s is a date and nothing else of its word: what a
// service puts behind the name of what it makes from time to time.
func dateEnds(s []byte) bool {
	if len(s) < 8 || s[0] != '1' && s[0] != '2' {
		return false
	}
	_, _, n, _ := value.Date(s)
	return n > 0 && (len(s) == n || !wordByte(s[n]) && (s[n] != '-' || n >= len("2006-01-02-15-04")))
}

func wordByte(c byte) bool {
	return c-'0' <= 9 || (c|0x20)-'a' < 26 || c == '_' || c == '+' || c >= 0x80
}

// authority returns the length of "scheme://host:port" at the start of s.
func authority(s []byte) int {
	n := 0
	switch {
	case bytes.HasPrefix(s, []byte("http://")):
		n = 7
	case bytes.HasPrefix(s, []byte("https://")):
		n = 8
	default:
		return 0
	}
	start := n
	for n < len(s) && (s[n]-'0' <= 9 || (s[n]|0x20)-'a' < 26 || bytes.IndexByte([]byte("-._:[]"), s[n]) >= 0) {
		n++
	}
	if n == start {
		return 0
	}
	return n
}

// awsHost reports whether an authority belongs to AWS.
func awsHost(s []byte) bool {
	host := hostOf(s)
	return bytes.HasSuffix(host, []byte(".amazonaws.com")) || bytes.HasSuffix(host, []byte(".amazonaws.com.cn")) ||
		bytes.HasSuffix(host, []byte(".api.aws")) || bytes.HasSuffix(host, []byte(".on.aws"))
}

// hostOf cuts scheme and port off an authority.
func hostOf(s []byte) []byte {
	if i := bytes.Index(s, []byte("://")); i >= 0 {
		s = s[i+3:]
	}
	if i := bytes.LastIndexByte(s, ':'); i >= 0 && bytes.IndexByte(s[i:], ']') < 0 {
		s = s[:i]
	}
	return s
}

// isRegion reports whether s looks like us-east-1 or ap-southeast-2.
func isRegion(s []byte) bool {
	if len(s) < 9 || len(s) > 16 || s[2] != '-' || s[len(s)-1]-'0' > 9 || s[len(s)-2] != '-' {
		return false
	}
	place := s[3 : len(s)-2]
	if i := bytes.IndexByte(place, '-'); i >= 0 { // us-gov-west-1, us-iso-east-1
		place = place[i+1:]
	}
	switch string(place) {
	case "north", "south", "east", "west", "central", "northeast", "northwest", "southeast", "southwest":
		return true
	}
	return false
}

// text compares two texts token by token and adds an event for each pair that
// varies by nature. It reports false, and adds nothing, if any pair does not.
//
// With id, the name says that the text holds ids.
func (j *job) text(p place, a, b []byte, id bool) bool {
	mark := len(j.events)
	x, y := a, b
	if bytes.HasPrefix(a, []byte("http")) {
		// The bucket may stand in the host on one side and in the path on the other.
		x, y = j.pathStyle(a), j.pathStyle(b)
	}
	fixed := 0 // tokens of an ARN to come that never vary: partition and service
	secret := bytes.HasPrefix(a, []byte("arn:")) && bytes.Contains(a, []byte(":secretsmanager:"))
	for len(x) > 0 || len(y) > 0 {
		sepA, ta, restA := nextToken(x)
		sepB, tb, restB := nextToken(y)
		if !bytes.Equal(sepA, sepB) || ta.host != tb.host {
			j.events = j.events[:mark]
			return j.randomTail(p, a, b)
		}
		x, y = restA, restB
		fixed--
		if bytes.Equal(ta.text, tb.text) {
			if string(ta.text) == "arn" {
				fixed = 3
			}
			j.noteSame(p, ta.text, true)
			continue
		}
		if fixed > 0 {
			j.events = j.events[:mark]
			return false
		}
		e := event{place: p, a: ta.text, b: tb.text, mode: modeMeet, scope: scopeText, part: true}
		id := id || j.otherRequest() && j.said(ta.text) // an id, since the other request said another
		ca, cb := value.ClassifyPair(ta.text, tb.text)
		switch {
		case ta.host && awsHost(ta.text) && awsHost(tb.text):
			if !j.labels(p, ta.text, tb.text) {
				j.events = j.events[:mark]
				return false
			}
			continue
		case ta.host:
			e.rule, e.weak, e.scope = ruleHost, true, scopeHost
			if !j.emulatorHost(ta.text, tb.text) {
				e.rule, e.mode = ruleBound, modeAgree
			}
		case ca.Kind == value.Account && cb.Kind == value.Account:
			e.rule = ruleAccount
		case isRegion(ta.text) && isRegion(tb.text) && j.isRegion(ta.text) && (len(a) > len(ta.text) || j.namesRegion(p)):
			e.rule = ruleRegion
		case ca.Kind == value.Timestamp && value.Same(ta.text, tb.text, ca, cb):
			e.rule, e.mode, e.soft = ruleTimestamp, modeAllow, true
			j.hold(&e)
		case ta.date && tb.date && j.dated(ta.text, tb.text),
			value.Epoch(ta.text) != value.NoTime && value.Epoch(ta.text) == value.Epoch(tb.text) && j.fresh(ta.text, tb.text):
			e.rule, e.mode, e.soft = ruleTimestamp, modeAllow, true
			j.hold(&e)
		case ca.Kind == value.Address && value.Same(ta.text, tb.text, ca, cb) && j.namesAddress(p):
			e.rule = ruleID
		case ca.Kind.Generated() && value.Same(ta.text, tb.text, ca, cb):
			e.rule = ruleID
			if flawed(ta.text, tb.text) {
				e.mode = modeAgree
			}
		case secret && len(x) == 0 && len(y) == 0 && secretSuffix(ta.text, tb.text):
			e.rule = ruleID
		case madeUp(ta.text, tb.text, id):
			e.rule = ruleID
		case j.pieces(p, ta.text, tb.text, id):
			continue
		default:
			if j.randomTail(p, a, b) {
				j.events = append(j.events[:mark], j.events[len(j.events)-1])
				return true
			}
			e.rule, e.mode = ruleBound, modeAgree
			if len(ta.text) < minBound { // nothing that short is ever bound
				j.events = j.events[:mark]
				return false
			}
		}
		j.meetToken(e)
	}
	if len(j.events) == mark {
		return true // equal but for the host's style
	}
	j.events[len(j.events)-1].part = false
	return true
}

// noteSame notes an account or a region that is the same on both sides: it
// stands for itself, and for no other. Once an entry is enough. With part, more
// events follow for the same value.
func (j *job) noteSame(p place, s []byte, part bool) {
	switch {
	case isRegion(s):
		if !j.sameRegion && j.isRegion(s) {
			j.sameRegion = true
			j.add(event{place: p, a: s, b: s, mode: modeSame, rule: ruleRegion, part: part})
		}
	case len(s) == 12 && !j.sameAccount && value.Classify(s).Kind == value.Account:
		j.sameAccount = true
		j.add(event{place: p, a: s, b: s, mode: modeSame, rule: ruleAccount, part: part})
	}
}

// randomTail adds an event for two texts that are random behind what they have
// in common: keys and tokens in base64, whose letters are punctuation elsewhere.
func (j *job) randomTail(p place, a, b []byte) bool {
	n := commonPrefix(a, b)
	i := n
	for i > 0 && isBase64(a[i-1]) {
		i--
	}
	x, y := a[i:], b[i:]
	if len(x) < 16 || len(x) != len(y) || !value.Random(x) || !value.Random(y) || !sameLetters(x, y) || bytes.ContainsAny(x, ":.%") {
		return false
	}
	if d := apart(a[n:], b[n:]); d < 10 || d*2 < len(a)-n || bytes.EqualFold(x, y) {
		return false // a flaw, not another one
	}
	e := event{place: p, a: x, b: y, mode: modeMeet, rule: ruleToken, scope: scopeText}
	j.hold(&e)
	j.add(e)
	return true
}

func isBase64(c byte) bool {
	return c-'0' <= 9 || (c|0x20)-'a' < 26 || c == '+' || c == '/' || c == '-' || c == '_'
}

// labels compares two of AWS's own hosts label by label: account, region and
// what the service drew may differ.
func (j *job) labels(p place, a, b []byte) bool {
	mark := len(j.events)
	if bytes.Count(a, []byte{'.'}) != bytes.Count(b, []byte{'.'}) {
		return false
	}
	drawn := false // a label before was, which vouches for a short one
	for len(a) > 0 {
		var x, y []byte
		x, a, _ = bytes.Cut(a, []byte{'.'})
		y, b, _ = bytes.Cut(b, []byte{'.'})
		if bytes.Equal(x, y) {
			continue
		}
		x, y = x[bytes.LastIndexByte(x, '/')+1:], y[bytes.LastIndexByte(y, '/')+1:]
		e := event{place: p, a: x, b: y, mode: modeMeet, rule: ruleID, scope: scopeText, part: true}
		cx, cy := value.ClassifyPair(x, y)
		switch {
		case cx.Kind == value.Account && cy.Kind == value.Account:
			e.rule = ruleAccount
		case isRegion(x) && isRegion(y) && j.isRegion(x):
			e.rule = ruleRegion
		case madeUp(x, y, true):
			drawn = drawn || len(x) >= minStrong
		case j.pieces(p, x, y, true):
			drawn = true
			continue
		case drawn && len(x) == 3 && len(y) == 3:
			e.weak = true
		default:
			j.events = j.events[:mark]
			return false
		}
		j.meetToken(e)
	}
	return true
}

// namesAddress reports whether the service gives addresses out, or the name of
// the place speaks of one.
func (j *job) namesAddress(p place) bool {
	j.identify()
	switch j.service {
	case "ec2", "ecs", "rds", "elasticache", "eks", "elasticloadbalancing", "route53":
		return true
	}
	name := p.header
	if p.pair >= 0 {
		name = string(memberName(&j.pairs[p.pair].a, p.a))
	}
	name = strings.ToLower(name)
	for _, word := range []string{"address", "ip", "dns", "endpoint", "host", "mac", "nameserver"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// namesRegion reports whether the name of the place speaks of regions.
func (j *job) namesRegion(p place) bool {
	name := p.header
	if p.pair >= 0 {
		name = string(memberName(&j.pairs[p.pair].a, p.a))
	}
	return strings.Contains(strings.ToLower(name), "region") || strings.HasSuffix(strings.ToLower(name), "location") || strings.HasSuffix(name, "LocationConstraint")
}

// meetToken adds the event of a token. What the request said must be what the
// replay's request said, or bound.
func (j *job) meetToken(e event) {
	if e.mode == modeMeet && e.rule == ruleID {
		j.hold(&e)
	}
	if e.mode == modeAgree && len(j.rewrites) > 0 {
		if want, changed := j.rewritten(e.a); changed && bytes.Equal(want, e.b) || j.rewroteWhole(e.a, e.b) {
			e.mode, e.rule = modeAllow, ruleRewritten
		}
	}
	j.events = append(j.events, e)
}

// pieces compares two words part by part between their dashes, as in
// "stack-bucket-1q2w3e4r5t6z".
func (j *job) pieces(p place, a, b []byte, id bool) bool {
	if bytes.IndexByte(a, '-') < 0 || bytes.Count(a, []byte{'-'}) != bytes.Count(b, []byte{'-'}) {
		return false
	}
	mark := len(j.events)
	if len(a) > 36 && len(a) == len(b) && bytes.Equal(a[36:], b[36:]) && value.Classify(a[:36]).Kind == value.UUID && value.Classify(b[:36]).Kind == value.UUID {
		j.meetToken(event{place: p, a: a[:36], b: b[:36], mode: modeMeet, rule: ruleID, scope: scopeText, part: true})
		return true
	}
	if n, m := len(a)-36, len(b)-36; n > 0 && m > 0 && value.Classify(a[n:]).Kind == value.UUID && value.Same(a[n:], b[m:], value.Classify(a[n:]), value.Classify(b[m:])) {
		if !bytes.Equal(a[:n], b[:m]) && !j.pieces(p, bytes.TrimSuffix(a[:n], []byte{'-'}), bytes.TrimSuffix(b[:m], []byte{'-'}), id) {
			return false
		}
		j.meetToken(event{place: p, a: a[n:], b: b[m:], mode: modeMeet, rule: ruleID, scope: scopeText, part: true})
		return true
	}
	// One long piece that is made up vouches for the short ones beside it.
	long := false
	for x, y := a, b; len(x) > 0; {
		var p, q []byte
		p, x, _ = bytes.Cut(x, []byte{'-'})
		q, y, _ = bytes.Cut(y, []byte{'-'})
		long = long || len(p) >= minStrong && madeUp(p, q, id)
	}
	for len(a) > 0 {
		var x, y []byte
		x, a, _ = bytes.Cut(a, []byte{'-'})
		y, b, _ = bytes.Cut(b, []byte{'-'})
		if bytes.Equal(x, y) {
			continue
		}
		e := event{place: p, a: x, b: y, mode: modeMeet, rule: ruleID, scope: scopeText, part: true}
		zx, zy := bytes.TrimLeft(x, "0"), bytes.TrimLeft(y, "0")
		switch f := value.Epoch(zx); {
		case f != value.NoTime && f == value.Epoch(zy):
			e.mode, e.rule, e.soft = modeAllow, ruleTimestamp, true
		case madeUp(x, y, id):
		case long && id && len(x) == len(y) && len(x) >= 3 && sameLetters(x, y):
			e.weak = true
		default:
			j.events = j.events[:mark]
			return false
		}
		j.meetToken(e)
	}
	return len(j.events) > mark
}

// madeUp reports whether two words of one length look as if they were drawn at
// random from one alphabet. Where the name says that they are ids, less is asked:
// that they have no more in common than chance gives them. A flaw in an id, or
// another number at the end of a name, leaves most letters as they were.
func madeUp(a, b []byte, id bool) bool {
	if longNumbers(a, b) {
		return true
	}
	// What both have before an underscore is the kind of the id, or a region.
	kind := bytes.LastIndexByte(a[:commonPrefix(a, b)], '_') + 1
	a, b = a[kind:], b[kind:]
	if len(a) != len(b) || len(a) < 4 || !sameLetters(a, b) {
		return false
	}
	for i := range a {
		if !wordByte(a[i]) || !wordByte(b[i]) {
			return false
		}
	}
	apart := apart(a, b)
	if apart < 3 || bytes.EqualFold(a, b) {
		return false
	}
	ra, rb := value.Random(a), value.Random(b)
	if ra && rb {
		return true
	}
	da, db := hasDigit(a), hasDigit(b)
	if id {
		return apart*2 >= len(a) && da && db || apart*10 >= 6*len(a) && (da || db || len(a) >= 6 || !hasVowel(a) || !hasVowel(b))
	}
	return apart*10 >= 7*len(a) && (len(a) >= 10 && (ra || rb) || len(a) == 8 && (da || db) && value.Hex(a) && value.Hex(b))
}

// longNumbers reports whether a and b are numbers too long to count anything,
// of about one length: ids drawn from 64 bits lack their leading zeros.
func longNumbers(a, b []byte) bool {
	const least = 15
	if len(a) < least || len(b) < least || max(len(a)-len(b), len(b)-len(a)) > 2 || len(a) == len(b) && apart(a, b) < 3 {
		return false
	}
	return wholeDigits(a) && wholeDigits(b)
}

func wholeDigits(s []byte) bool {
	for _, c := range s {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}

// apart counts the places at which two texts differ, as far as both go.
func apart(a, b []byte) (n int) {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

func hasVowel(s []byte) bool { return bytes.ContainsAny(s, "aeiouyAEIOUY") }

func hasDigit(s []byte) bool {
	for _, c := range s {
		if c-'0' <= 9 {
			return true
		}
	}
	return false
}

// secretSuffix reports whether a and b are one name with Secrets Manager's six
// random letters behind it.
func secretSuffix(a, b []byte) bool {
	if len(a) != len(b) || len(a) < 8 || a[len(a)-7] != '-' {
		return false
	}
	return bytes.Equal(a[:len(a)-6], b[:len(b)-6])
}

// sameLetters reports whether a and b can be drawn from one alphabet: upper
// case, lower case, hexadecimal, or all. A short text can lack a letter by chance.
func sameLetters(a, b []byte) bool {
	const upper, lower, hex = 1, 2, 4
	letters := func(s []byte) (set int) {
		for _, c := range s {
			switch {
			case c-'A' < 26:
				set |= upper
			case c-'g' < 20:
				set |= lower
			case c-'a' < 6:
				set |= hex
			}
		}
		return set
	}
	x, y := letters(a), letters(b)
	switch {
	case x&upper != y&upper:
		mixed := x | y
		return len(a) < 16 && mixed&(lower|hex) != 0 && (x&upper == 0 || x != upper) && (y&upper == 0 || y != upper)
	case x&upper != 0 || len(a) < 16:
		return true
	}
	return x&lower == y&lower
}

// pathStyle moves the bucket of a virtual-hosted S3 URL into its path.
func (j *job) pathStyle(s []byte) []byte {
	n := authority(s)
	host := hostOf(s[:n])
	if !awsHost(s[:n]) {
		return s
	}
	i := bytes.Index(host, []byte(".s3."))
	if i < 0 {
		if i = bytes.Index(host, []byte(".s3-")); i < 0 {
			return s
		}
	}
	start := len(j.scratch)
	k := bytes.Index(s, []byte("://")) + 3
	j.scratch = append(j.scratch, s[:k]...)
	j.scratch = append(j.scratch, s[k+i+1:n]...)
	j.scratch = append(append(j.scratch, '/'), host[:i]...)
	j.scratch = append(j.scratch, s[n:]...)
	return j.scratch[start:]
}

// emulatorHost reports whether the two authorities are those of the two sides:
// AWS's or the recorded call's on one, any that is not AWS's, or the call's, on the other.
func (j *job) emulatorHost(a, b []byte) bool {
	if awsHost(a) {
		return !bytes.Contains(hostOf(b), []byte("amazonaws.")) // a flaw
	}
	if h := j.hostName(); len(h) > 0 && bytes.Contains(hostOf(a), hostOf(h)) {
		return true
	}
	local := func(s []byte) bool {
		h := hostOf(s)
		return string(h) == "localhost" || string(h) == "127.0.0.1" || bytes.HasSuffix(h, []byte(".localhost")) || bytes.HasSuffix(h, []byte(".localstack.cloud"))
	}
	return local(a) && (local(b) || awsHost(b))
}
