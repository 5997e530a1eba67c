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
			return before, token{s[:n], true}, s[n:]
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
	n := 0
	for n < len(s) && (wordByte(s[n]) || s[n] == '-' && n+1 < len(s) && wordByte(s[n+1])) {
		n++
	}
	return before, token{text: s[:n]}, s[n:]
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
	for _, c := range s[:len(s)-1] {
		if c-'a' >= 26 && c != '-' {
			return false
		}
	}
	return bytes.Count(s, []byte{'-'}) >= 2
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
	secret := bytes.HasPrefix(a, []byte("arn:")) && bytes.Contains(a, []byte(":secretsmanager:"))
	for len(x) > 0 || len(y) > 0 {
		sepA, ta, restA := nextToken(x)
		sepB, tb, restB := nextToken(y)
		if !bytes.Equal(sepA, sepB) || ta.host != tb.host {
			j.events = j.events[:mark]
			return false
		}
		x, y = restA, restB
		if bytes.Equal(ta.text, tb.text) {
			continue
		}
		e := event{place: p, a: ta.text, b: tb.text, mode: modeMeet, scope: scopeText, part: true}
		ca, cb := value.ClassifyPair(ta.text, tb.text)
		switch {
		case ta.host && awsHost(ta.text) && awsHost(tb.text):
			if !j.labels(p, ta.text, tb.text) {
				j.events = j.events[:mark]
				return false
			}
			continue
		case ta.host:
			e.rule, e.mode = ruleHost, modeAllow
			if !j.emulatorHost(ta.text, tb.text) {
				e.rule, e.mode = ruleBound, modeAgree
			}
		case ca.Kind == value.Account && cb.Kind == value.Account:
			e.rule = ruleAccount
		case isRegion(ta.text) && isRegion(tb.text) && j.isRegion(ta.text) && (len(a) > len(ta.text) || j.namesRegion(p)):
			e.rule = ruleRegion
		case ca.Kind == value.Timestamp && value.Same(ta.text, tb.text, ca, cb):
			e.rule, e.mode, e.soft = ruleTimestamp, modeAllow, true
			if j.determined(ta.text) {
				e.rule, e.mode = ruleBound, modeAgree
			}
		case ca.Kind == value.Address && value.Same(ta.text, tb.text, ca, cb) && j.namesAddress(p):
			e.rule = ruleID
		case ca.Kind.Generated() && value.Same(ta.text, tb.text, ca, cb):
			e.rule = ruleID
		case secret && len(x) == 0 && len(y) == 0 && secretSuffix(ta.text, tb.text):
			e.rule = ruleID
		case madeUp(ta.text, tb.text, id):
			e.rule = ruleID
		case j.pieces(p, ta.text, tb.text, id):
			continue
		default:
			e.rule, e.mode = ruleBound, modeAgree
			if len(ta.text) < minStrong { // nothing that short is ever bound
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
		case madeUp(x, y, true) && !j.determined(x):
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
		j.events = append(j.events, e)
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
	if e.mode == modeMeet && e.rule == ruleID && j.determined(e.a) {
		e.mode = modeAgree
	}
	if e.mode == modeAgree && len(j.rewrites) > 0 {
		if want, changed := j.rewritten(e.a); changed && bytes.Equal(want, e.b) {
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
	if len(a) != len(b) || len(a) < 4 || !sameLetters(a, b) {
		return false
	}
	apart := 0
	for i := range a {
		if a[i] != b[i] {
			apart++
		}
		if !wordByte(a[i]) || !wordByte(b[i]) {
			return false
		}
	}
	if apart < 3 || bytes.EqualFold(a, b) {
		return false
	}
	ra, rb := value.Random(a), value.Random(b)
	if ra && rb {
		return true
	}
	da, db := hasDigit(a), hasDigit(b)
	if id {
		return apart*10 >= 6*len(a) && (da || db || len(a) >= 6)
	}
	return len(a) >= 10 && (ra || rb) && da && db
}

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

// sameLetters reports whether a and b are drawn from one alphabet: whether
// both, or neither, have upper case, lower case beyond hexadecimal, and dashes.
func sameLetters(a, b []byte) bool {
	// A short text can lack a letter by chance.
	letters := func(s []byte) (set int) {
		for _, c := range s {
			switch {
			case c-'A' < 26:
				set |= 1
			case c-'g' < 20 && len(s) >= 16:
				set |= 2
			}
		}
		return set
	}
	return letters(a) == letters(b)
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
		return true
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
