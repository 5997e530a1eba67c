package diff

import (
	"bytes"
	"strings"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/internal/value"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// scopeText is the scope of ids inside texts, where no name says whose they are.
const scopeText = 0

// scopeHost is the scope of hosts: of AWS's one stands for each of the endpoint's.
const scopeHost = 1

// scalar compares two scalars.
func (j *job) scalar(p place, ka, kb body.Kind) {
	pr := j.pairs[p.pair]
	a, b := pr.a.Text(p.a), pr.b.Text(p.b)
	if ka == kb && bytes.Equal(a, b) {
		if ka == body.String && len(a) > 12 && string(a[:4]) == "arn:" && !j.d.opt.Exact {
			if arn, ok := value.SplitARN(a); ok {
				j.noteSame(p, arn[3], false)
				j.noteSame(p, arn[4], false)
			}
		}
		return
	}
	if ka == body.Number && kb == body.Number && value.EqualNumbers(a, b) {
		return
	}
	if ka == body.String && kb == body.String && j.sameBlob(p, a, b) {
		j.add(event{place: p, kind: KindFormat, a: a, b: b})
		return
	}
	name := memberName(&pr.a, p.a)
	if ka != kb {
		j.otherKind(p, name, ka, kb, a, b)
		return
	}
	if ka == body.Null {
		return
	}
	if ka == body.String && j.document(p, a, b) {
		return
	}
	if j.ignoredByName(p) {
		j.add(event{place: p, mode: modeAllow, rule: ruleName, a: a, b: b})
		return
	}
	if j.errorPart(p, name, a, b) {
		return
	}
	j.values(p, name, ka, a, b)
}

// otherKind compares a number with a string, or the like.
func (j *job) otherKind(p place, name []byte, ka, kb body.Kind, a, b []byte) {
	if j.ignoredByName(p) {
		j.add(event{place: p, mode: modeAllow, rule: ruleName, a: a, b: b})
		return
	}
	kind := KindType
	if j.isTime(p, name) && ka != body.Null && kb != body.Null {
		_, fa := value.Time(a, true)
		_, fb := value.Time(b, true)
		if fa != value.NoTime && fb != value.NoTime {
			kind = KindFormat
		}
	}
	j.add(event{place: p, kind: kind, a: a, b: b})
}

// values decides on two texts of one kind that are not equal. It is used for
// headers, too.
func (j *job) values(p place, name []byte, k body.Kind, a, b []byte) {
	e := event{place: p, kind: KindValue, a: a, b: b, scope: scopeOf(name)}
	role := value.RoleOf(name)
	if p.pair >= 0 && j.ownerPart(p, name) {
		role = value.OwnerRole
	}
	if len(j.rewrites) > 0 {
		want, changed := j.rewritten(a)
		if changed && bytes.Equal(want, b) || (role == value.TokenRole || role == value.IDRole) && j.rewroteWhole(a, b) {
			e.mode, e.rule = modeAllow, ruleRewritten
			j.add(e)
			return
		}
	}
	a, b, done := j.redactedValue(p, name, k, a, b)
	if done {
		return
	}
	e.a, e.b = a, b
	if j.d.opt.Exact {
		if x, fa := value.Time(a, j.isTime(p, name)); fa != value.NoTime && k == body.Number {
			if y, fb := value.Time(b, true); fb == fa && x.Equal(y) {
				return
			}
		}
		j.add(e)
		return
	}
	if j.userData(p, k, a, b) {
		return
	}
	ca, cb := value.ClassifyPair(a, b)
	switch {
	case role == value.TokenRole && k == body.String && opaqueToken(name, a, b), isPEM(a) && isPEM(b) && pemAlike(a, b), j.drawn(name) && len(a) == len(b):
		e.mode, e.rule = modeMeet, ruleToken
		e.weak = !value.Random(a) && !ca.Kind.Generated() || len(a) < minStrong
	case role == value.LagRole && (k == body.Number || ca.Kind == value.Number) && cb.Kind == value.Number:
		e.mode, e.rule = modeAllow, ruleLag
	case k == body.Time, k == body.Number || ca.Kind == value.Number && cb.Kind == value.Number,
		isEpochText(a, b) && (role == value.TimeRole || ca.Kind != value.Account || cb.Kind != value.Account):
		j.numbers(e, name, k, a, b)
		return
	case role == value.TimeRole && j.datesOf(a, b):
		e.mode, e.rule = modeAllow, ruleTimestamp
		j.hold(&e)
	case ca.Kind == value.Timestamp || cb.Kind == value.Timestamp:
		j.timestamps(e, name, a, b)
		return
	case role == value.DigestRole:
		j.digests(e, a, b)
		return
	case ca.Kind.Generated() && value.Same(a, b, ca, cb):
		e.mode, e.rule = modeMeet, ruleID
		if flawed(a, b) {
			e.mode = modeAgree
		}
	case role == value.OwnerRole && ownerAlike(a, b, ca, cb, p.pair >= 0 && j.ownerPart(p, name)):
		e.mode, e.rule = modeMeet, ruleOwner
	case ca.Kind == value.Account && cb.Kind == value.Account:
		e.mode, e.rule = modeMeet, ruleAccount
	case ca.Kind == value.Address && value.Same(a, b, ca, cb) && j.namesAddress(p):
		e.mode, e.rule = modeMeet, ruleID
	case role == value.IDRole && (madeUp(a, b, true) || value.Random(a) && value.Random(b) && !flawed(a, b) && (len(a) == len(b) || len(a) > 30)):
		e.mode, e.rule = modeMeet, ruleID
	case k != body.Binary && j.text(p, a, b, role == value.IDRole || role == value.ARNRole || role == value.URLRole || bytes.Contains(a, []byte(".amazonaws.com"))):
		return
	default:
		e.mode, e.rule = modeAgree, ruleBound
	}
	if e.mode == modeMeet {
		j.hold(&e)
	}
	j.add(e)
}

// hold asks more of a pair that could meet: what the request said must be bound
// already, since the answer repeats it.
func (j *job) hold(e *event) {
	if !j.determined(e.a) {
		return
	}
	e.mode = modeAgree
	if j.otherRequest() && (e.rule == ruleTimestamp || unlike(e.a, e.b)) {
		e.mode = modeSuppose
	}
}

// unlike reports whether two ids have, behind a prefix, no more in common than chance gives them.
func unlike(a, b []byte) bool {
	n := commonPrefix(a, b)
	for n > 0 && (isAlnum(a[n-1]) || a[n-1] >= 0x80) {
		n--
	}
	return len(a)-n >= minBound-1 && apart(a[n:], b[n:])*2 > len(a)-n
}

func isAlnum(c byte) bool { return c-'0' <= 9 || (c|0x20)-'a' < 26 }

// otherRequest reports whether nothing tells what the replay's request said: it
// is no replay, but the same call in another recording. What the request
// determined may meet there, if nothing speaks against it.
func (j *job) otherRequest() bool {
	return !j.replay.Has(entry.FieldEndpoint) && len(j.rewrites) == 0
}

// isPEM reports whether s is a key or certificate as text.
func isPEM(s []byte) bool { return bytes.HasPrefix(s, []byte("-----BEGIN ")) }

// pemAlike reports whether two PEM texts are of one kind and whole, and not one with a flaw.
func pemAlike(a, b []byte) bool {
	first := func(s []byte) []byte { l, _, _ := bytes.Cut(s, []byte("\n")); return l }
	last := func(s []byte) []byte { return s[max(0, bytes.LastIndex(s, []byte("-----END "))):] }
	return bytes.Equal(first(a), first(b)) && bytes.Equal(last(a), last(b)) && commonPrefix(a, b)+commonSuffix(a, b) < min(len(a), len(b))-8
}

// drawn reports whether the value is one that the operation is there to draw.
func (j *job) drawn(name []byte) bool {
	if string(name) != "Plaintext" {
		return false
	}
	j.identify()
	return j.service == "kms" && strings.HasPrefix(j.action, "Generate")
}

// opaqueToken reports whether a and b, of a member whose name says that its
// values are opaque, are that: anything but S3's markers, which are keys of
// objects as often, and its "null" version.
func opaqueToken(name, a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 || string(a) == "null" || string(b) == "null" || bytes.IndexByte(b, ' ') >= 0 && bytes.IndexByte(a, ' ') < 0 {
		return false
	}
	switch string(name) {
	case "SecretAccessKey", "RandomPassword", "ClientSecret":
		return len(a) == len(b) // of a length that the service promises, or the request asked for
	}
	if n := len(name); n >= 9 && bytes.EqualFold(name[n-9:], []byte("versionid")) && (len(a) < minStrong || len(b) < minStrong) {
		return false // "$LATEST", "v2", 3
	}
	if n := len(name); n >= 6 && bytes.EqualFold(name[n-6:], []byte("marker")) {
		return value.Random(a) || value.Classify(a).Kind.Generated()
	}
	return true
}

// rewroteWhole reports whether the replayed request had b in place of a as a
// whole value.
func (j *job) rewroteWhole(a, b []byte) bool {
	for _, r := range j.rewrites {
		if bytes.Equal(a, r.original) && bytes.Equal(b, r.replay) {
			return true
		}
	}
	return false
}

// numbers decides on two numbers that differ.
func (j *job) numbers(e event, name []byte, k body.Kind, a, b []byte) {
	fa, fb := value.Epoch(a), value.Epoch(b)
	role := value.RoleOf(name)
	switch {
	case k == body.Time || fa != value.NoTime && j.isTime(e.place, name):
		if fa != fb {
			e.kind = KindFormat
			if fb == value.NoTime {
				e.kind = KindValue
			}
		} else if j.plausible(a, b) && !j.determined(a) {
			e.mode, e.rule = modeAllow, ruleTimestamp
		}
	case role == value.OwnerRole && len(a) == 12 && len(b) == 12:
		e.mode, e.rule = modeMeet, ruleAccount
	case role == value.IDRole && value.Random(a) && value.Random(b):
		e.mode, e.rule = modeMeet, ruleID
		j.hold(&e)
	case fa != value.NoTime && fa == fb && j.fresh(a, b) && !j.determined(a):
		e.mode, e.rule = modeAllow, ruleTimestamp
	case j.dynamoNumber(e.place, name) && value.EqualNumbers(a, b):
		return
	case k == body.String && len(a) >= 10:
		e.mode, e.rule = modeAgree, ruleBound
	}
	j.add(e)
}

// ownerAlike reports whether two values can both name an owner; a person's name
// is one only where named says so.
func ownerAlike(a, b []byte, ca, cb value.Class, named bool) bool {
	if ca.Kind == cb.Kind && ca.Size == cb.Size {
		return ca.Kind == value.Account || ca.Kind == value.Digest || ca.Kind == value.UniqueID || ca.Kind == value.UUID ||
			ca.Kind == value.Other && (named || madeUp(a, b, true)) && len(b) > 0 && !bytes.ContainsAny(a, " ")
	}
	return ca.Kind == value.Digest && cb.Kind != value.Timestamp && len(b) > 0
}

// flawed reports whether b is the id a with a letter or two changed: no two ids
// are that much alike by chance, unless they count.
func flawed(a, b []byte) bool {
	return len(a) == len(b) && apart(a, b) < 3 && unique(a)
}

// ownerPart reports whether the place is a part of an owner: of S3's Owner,
// Initiator and Grantee.
func (j *job) ownerPart(p place, name []byte) bool {
	switch string(name) {
	case "ID", "DisplayName":
	default:
		return false
	}
	pr := j.pairs[p.pair]
	up := pr.a.Parent(p.a)
	if up == body.None {
		return false
	}
	switch string(pr.a.Key(up)) {
	case "Owner", "Initiator", "Grantee":
		return true
	}
	return false
}

// document compares two strings as the JSON documents that they hold; false if
// one holds none.
func (j *job) document(p place, a, b []byte) bool {
	if p.pair < 0 || j.used > 64 || !maybeDocument(a) || !maybeDocument(b) {
		return false
	}
	pr, pi := j.newPair()
	// The string itself is the root, and the document its only descendant.
	o := body.Options{Format: body.Text, Nested: true}
	if pr.a.Parse(a, o) != nil || pr.b.Parse(b, o) != nil {
		j.used--
		return false
	}
	x, y := pr.a.Nested(pr.a.Root()), pr.b.Nested(pr.b.Root())
	if x == body.None || y == body.None {
		j.used--
		return false
	}
	pr.nested, pr.up = true, p
	j.walk(pi, x, y)
	return true
}

// maybeDocument reports whether s begins like a JSON document, also URL-encoded.
func maybeDocument(s []byte) bool {
	if len(s) < 2 {
		return false
	}
	switch c := s[0]; {
	case c == '{', c == '[':
		return true
	case c == '%':
		return len(s) > 5 && (s[1] == '7' || s[1] == '5') && s[2]|0x20 == 'b'
	case c <= ' ':
		t := bytes.TrimLeft(s, " \t\r\n")
		return len(t) > 1 && (t[0] == '{' || t[0] == '[')
	}
	return false
}

// memberName returns the name that says what a value is: its own, that of the
// list it is in, or in a list of names and values the text of the name.
func memberName(t *body.Tree, n body.Node) []byte {
	key := t.Key(n)
	up := t.Parent(n)
	for up != body.None && (len(key) == 0 && t.Kind(up) == body.Array || string(key) == "member" || string(key) == "item" || string(key) == "#text") {
		key, n = t.Key(up), up
		up = t.Parent(up)
	}
	if up != body.None && (string(key) == "Value" || string(key) == "value") {
		for c := t.First(up); c != body.None; c = t.Next(c) {
			switch string(t.Key(c)) {
			case "Name", "name", "Key", "key", "field":
				if t.Kind(c) == body.String {
					return t.Text(c)
				}
			}
		}
	}
	return key
}

// scopeOf hashes a member's name, so that one id may stand for two things of
// different names, but not for two of one name.
func scopeOf(name []byte) uint64 {
	h := uint64(fnvOffset)
	for _, c := range name {
		if c-'A' < 26 {
			c |= 0x20
		}
		if c-'a' < 26 || c-'0' <= 9 {
			h = (h ^ uint64(c)) * fnvPrime
		}
	}
	return mix(h)
}

// ignoredByName reports whether the name of the place, or of anything around
// it, says that it means nothing. An attribute of a DynamoDB item can have any name.
func (j *job) ignoredByName(p place) bool {
	if j.d.opt.Exact || j.own {
		return false
	}
	for p.pair >= 0 {
		pr := j.pairs[p.pair]
		t, n := &pr.a, p.a
		if n == body.None {
			t, n = &pr.b, p.b
		}
		for ; n != body.None; n = t.Parent(n) {
			if value.RoleOf(t.Key(n)) == value.Ignored && !j.typedAttribute(t, n) {
				return true
			}
		}
		if !pr.nested {
			return false
		}
		p = pr.up
	}
	return value.RoleOf([]byte(p.header)) == value.Ignored
}

// typedAttribute reports whether n is a DynamoDB attribute value, whose only
// member names its type.
func (j *job) typedAttribute(t *body.Tree, n body.Node) bool {
	if t.Kind(n) != body.Object || t.Len(n) != 1 {
		return false
	}
	return dynamoType(t.Key(t.First(n)))
}

func dynamoType(key []byte) bool {
	switch string(key) {
	case "S", "N", "B", "M", "L", "SS", "NS", "BS", "BOOL", "NULL":
		return true
	}
	return false
}

// dynamoNumber reports whether the place is a number of a DynamoDB item, which
// travels as text.
func (j *job) dynamoNumber(p place, name []byte) bool {
	return p.pair >= 0 && (string(name) == "N" || string(name) == "NS")
}

// userData handles what the user put there and the service only keeps: items,
// secrets, messages, tags. They differ only where the replay's request differed,
// or where they hold a value that is bound. It reports whether the place is such.
func (j *job) userData(p place, k body.Kind, a, b []byte) bool {
	e := event{place: p, kind: KindValue, a: a, b: b, mode: modeAgree, rule: ruleBound}
	if p.pair < 0 {
		meta := len(p.header) > 19 && strings.EqualFold(p.header[:19], "headers.x-amz-meta-")
		if meta {
			j.add(e)
		}
		return meta
	}
	if !j.own && !j.isUserData(p) {
		return false
	}
	pr := j.pairs[p.pair]
	if key := pr.a.Key(p.a); string(key) == "N" && value.EqualNumbers(a, b) {
		return true
	}
	if k == body.String && !(value.Random(a) && bytes.IndexAny(a, " :,{") < 0) {
		// Token by token, but of each only what is bound.
		mark := len(j.events)
		if j.text(p, a, b, false) {
			for i := mark; i < len(j.events); i++ {
				if j.events[i].rule != ruleHost {
					j.events[i].mode, j.events[i].rule = modeAgree, ruleBound
				}
			}
			return true
		}
	}
	if value.Random(a) && value.Random(b) {
		if e.mode = modeMeet; !j.determined(a) {
			e.mode = modeAgree
		} else {
			j.hold(&e) // perhaps an id that the other request said, too
		}
	}
	j.add(e)
	return true
}

func (j *job) isUserData(p place) bool {
	j.identify()
	for {
		pr := j.pairs[p.pair]
		t := &pr.a
		for n := p.a; n != body.None; n = t.Parent(n) {
			key := t.Key(n)
			switch string(key) {
			case "SecretString", "SecretBinary", "PartitionKey", "Tags", "TagSet", "tagSet", "TagList", "tags":
				return true
			case "Plaintext":
				return !j.drawn(key)
			case "Body":
				return !pr.nested && j.service == "sqs" && !envelope(t, n)
			case "Data":
				return j.service == "kinesis"
			case "Value":
				return j.service == "ssm"
			}
			if j.service == "dynamodb" && dynamoType(key) && t.Parent(n) != body.None && t.Len(t.Parent(n)) == 1 {
				return true
			}
		}
		if !pr.nested {
			return false
		}
		p = pr.up
	}
}

// envelope reports whether a message's text is one that a service wrote around
// another: SNS, S3's and EventBridge's notifications.
func envelope(t *body.Tree, n body.Node) bool {
	s := t.Text(n)
	return bytes.HasPrefix(s, []byte("{")) && (bytes.Contains(s, []byte(`"TopicArn"`)) || bytes.Contains(s, []byte(`"eventSource"`)) || bytes.Contains(s, []byte(`"detail-type"`)))
}
