package entry

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, raw string) *Object {
	t.Helper()
	o := new(Object)
	if err := o.Parse([]byte(raw)); err != nil {
		t.Fatalf("Parse(%s): %v", raw, err)
	}
	return o
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, raw, want string }{
		{"an empty line", ``, "unexpected end of JSON"},
		{"an array", `[1]`, "not an entry: invalid character '[' looking for {"},
		{"text behind the object", `{"id":"a"} x`, "invalid character 'x' after the entry"},
		{"two objects", `{"id":"a"}{"id":"b"}`, "invalid character '{' after the entry"},
		{"a missing comma", `{"id":"a" "path":"/"}`, `invalid character '"' after a field`},
		{"a missing comma deep inside", `{"x":{"a":[1 2]}}`, "invalid character '2' after value"},
		{"brackets that do not match", `{"x":[1}}`, "invalid character '}' after value"},
		{"a trailing comma", `{"id":"a",}`, "invalid character '}' looking for a member's name"},
		{"a bare word", `{"id":nul}`, "invalid literal, expecting null"},
		{"a leading zero", `{"id":01}`, "invalid number"},
		{"a number that ends in a point", `{"id":1.}`, "invalid number"},
		{"a string that does not end", `{"id":"abc`, "unexpected end of JSON"},
		{"a string that ends in a backslash", `{"id":"abc\`, "unexpected end of JSON"},
		{"a field that stands twice", `{"id":"a","id":"b"}`, `duplicate field "id"`},
		{"a field that stands twice, once escaped", `{"id":"a","\u0069d":"b"}`, `duplicate field "id"`},
		{"nesting without end", strings.Repeat(`{"x":`, 2000), "nested deeper than 512 levels"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := new(Object).Parse([]byte(tt.raw))
			if err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFieldsDifferByCase(t *testing.T) {
	o := parse(t, `{"Method":"DELETE","method":"GET"}`)
	if got := o.Text(FieldMethod); got != "GET" {
		t.Errorf("method = %q, want GET", got)
	}
}

func TestSetSplices(t *testing.T) {
	tests := []struct {
		name, raw string
		edit      func(*Object)
		want      string
	}{
		{"a new field goes behind the last", `{"id":"a"}`, func(o *Object) { o.Set(FieldMatch, []byte("true")) }, `{"id":"a","match":true}`},
		{"a field of an empty object has no comma", `{ }`, func(o *Object) { o.SetText(FieldID, "x") }, `{ "id":"x"}`},
		{"a field is replaced in place", `{"id": "a" , "path":"/"}`, func(o *Object) { o.SetText(FieldID, "longer") }, `{"id": "longer" , "path":"/"}`},
		{"a shorter value moves the rest up", `{"id":"aaaa","path":"/p"}`, func(o *Object) { o.SetText(FieldID, ""); o.SetText(FieldPath, "/q") }, `{"id":"","path":"/q"}`},
		{"several edits see each other", `{"path":"/p","x":1.50}`, func(o *Object) {
			o.SetText(FieldPath, "/long/path")
			o.Set(FieldMatch, []byte("false"))
			o.Set(FieldMatch, []byte("true"))
			o.SetText(FieldPath, "/")
		}, `{"path":"/","x":1.50,"match":true}`},
		{"the first field is deleted with its comma", `{"id":"a", "path":"/"}`, func(o *Object) { o.Delete(FieldID) }, `{"path":"/"}`},
		{"the last field is deleted with its comma", `{"path":"/", "id":"a" }`, func(o *Object) { o.Delete(FieldID) }, `{"path":"/" }`},
		{"the only field is deleted", `{"id":"a"}`, func(o *Object) { o.Delete(FieldID) }, `{}`},
		{"a deleted field can be set again", `{"id":"a","path":"/"}`, func(o *Object) { o.Delete(FieldID); o.SetText(FieldID, "b") }, `{"path":"/","id":"b"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := []byte(tt.raw)
			var o Object
			if err := o.Parse(in); err != nil {
				t.Fatal(err)
			}
			tt.edit(&o)
			if diff := cmp.Diff(tt.want, string(o.Raw())); diff != "" {
				t.Errorf("object (-want +got):\n%s", diff)
			}
			if string(in) != tt.raw {
				t.Errorf("the bytes that were parsed changed to %s", in)
			}
			var again Object
			if err := again.Parse([]byte(tt.want)); err != nil {
				t.Fatal(err)
			}
			for f := range numFields {
				if diff := cmp.Diff(string(again.Get(f)), string(o.Get(f))); diff != "" {
					t.Errorf("field %s (-want +got):\n%s", f, diff)
				}
			}
		})
	}
}

func TestEveryFieldIsFoundByItsName(t *testing.T) {
	for f := range numFields {
		if got, ok := lookup([]byte(f.String())); !ok || got != f {
			t.Errorf("lookup(%q) = %d, %v; want %d", f, got, ok, f)
		}
	}
}

func TestText(t *testing.T) {
	tests := []struct{ name, raw, want string }{
		{"escapes are decoded", `"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`, "a\"\\/\b\f\n\r\té😀"},
		{"bytes that are no UTF-8 stay", "\"\xff\xfe\"", "\xff\xfe"},
		{"null is the empty string", `null`, ""},
		{"U+0000 stays", `"\u0000"`, "\x00"},
		{"a byte that is no UTF-8 is spelled as a low surrogate", `"caf\udce9\udcff"`, "caf\xe9\xff"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse(t, `{"id":`+tt.raw+`}`).AppendText(nil, FieldID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, bad := range []string{`"\ud800"`, `"\ud800\u0041"`, `"\u12g4"`, `"\x"`, `12`} {
		if got, err := parse(t, `{"id":`+bad+`}`).AppendText(nil, FieldID); err == nil {
			t.Errorf("AppendText(%s) = %q, want an error", bad, got)
		}
	}
}

func TestNumbers(t *testing.T) {
	o := parse(t, `{"status_code":200,"request_body_size":9007199254740993,"response_body_size":2e2,"latency_ms":0.25,"offset_ms":"x"}`)
	if n, err := o.Status(); n != 200 || err != nil {
		t.Errorf("Status() = %d, %v", n, err)
	}
	if n, err := o.Int(FieldRequestBodySize); n != 9007199254740993 || err != nil {
		t.Errorf("a 64-bit size = %d, %v", n, err)
	}
	if n, err := o.Int(FieldResponseBodySize); n != 200 || err != nil {
		t.Errorf("2e2 = %d, %v", n, err)
	}
	if x, err := o.Float(FieldLatencyMs); x != 0.25 || err != nil {
		t.Errorf("latency = %v, %v", x, err)
	}
	if _, err := o.Float(FieldOffsetMs); err == nil {
		t.Error("a string as a number is accepted")
	}
}

func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"id":"a\u00e9","x":[1,{"y":null}],"status_code":200,"request_headers":{"A":["b","c"],"D":"e"}}`))
	f.Add([]byte(`{"path":"/p?q","query":"q"}`))
	f.Add([]byte(`{"status_code":200,"response_body":"{\"a\":\"0123456789012345678901234567890123456789\"}","replay":{"response_body":"{\"a\":\"01234567890123456789x12345678901234567890123456789\"}"}}`))
	f.Add([]byte(`{"id":"a","replay": { "status_code":200,"x":[{}],"response_body":"b","replay":{"id":1}} ,"match":true}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var o Object
		if o.Parse(raw) != nil {
			return
		}
		// What we accept, another decoder accepts, but for what it is stricter about.
		if utf8.Valid(raw) && !strings.ContainsFunc(string(raw), func(r rune) bool { return r < 0x20 }) && !json.Valid(raw) && !strings.Contains(string(raw), `\`) {
			t.Fatalf("accepted invalid JSON %q", raw)
		}
		o.Decode() // must not panic
		if v := o.Get(FieldReplay); len(v) > 0 && v[0] == '{' {
			var indexed, parsed Object
			if err := o.Replay(&indexed); err != nil {
				t.Fatal(err)
			}
			if err := parsed.Parse(v); err != nil {
				t.Fatal(err)
			}
			for f := range numFields {
				if string(indexed.Get(f)) != string(parsed.Get(f)) {
					t.Fatalf("replay's %s: indexed %q, parsed %q", f, indexed.Get(f), parsed.Get(f))
				}
			}
		}
		o.Set(FieldMatch, []byte("true"))
		o.SetText(FieldPath, "/a\"b")
		o.Delete(FieldID)
		var again Object
		if err := again.Parse(o.Raw()); err != nil {
			t.Fatalf("edited %q into %q: %v", raw, o.Raw(), err)
		}
		for f := range numFields {
			if string(o.Get(f)) != string(again.Get(f)) {
				t.Fatalf("field %s of %q: %q, parsed again %q", f, o.Raw(), o.Get(f), again.Get(f))
			}
		}
	})
}

// slowSkip is skipString byte by byte.
func slowSkip(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

func FuzzSkipString(f *testing.F) {
	f.Add(`\\\"\\\\"`)
	f.Add(`aaaaaaa\"bbbbbb\\`)
	f.Fuzz(func(t *testing.T, s string) {
		b := []byte(`"` + s + `"`)
		got, err := skipString(b, 0)
		if want := slowSkip(b); err == nil && got != want || err != nil && want >= 0 {
			t.Fatalf("skipString(%q) = %d, %v; want %d", b, got, err, want)
		}
	})
}

func FuzzSkipAlike(f *testing.F) {
	long := strings.Repeat(`{\"id\":\"a\\\\\"},`, 20)
	f.Add(long+`0`+long, long+`1`+long)
	f.Add(long+`\\`+long, long+`1\`+long)
	f.Add(long+long, long+`99`+long)
	f.Add(long, long+long)
	f.Add(long+`\n`+long, long+`\"`+long)
	f.Fuzz(func(t *testing.T, s, like string) {
		other := []byte(`"` + like + `"`)
		if end := slowSkip(other); end >= 0 {
			b := []byte(`"` + s + `"`)
			got, err := skipAlike(b, 0, other[:end])
			if want := slowSkip(b); err == nil && got != want || err != nil && want >= 0 {
				t.Fatalf("skipAlike(%q, %q) = %d, %v; want %d", b, other[:end], got, err, want)
			}
		}
	})
}

func FuzzAppendUnescaped(f *testing.F) {
	f.Add(`a\"b\\\"c\/\n\t12345678\"\"\"\"\"1234567\"`)
	f.Add(`\\\\\\\\\\\\1234567\n\u00e9\"1234567\\`)
	f.Fuzz(func(t *testing.T, s string) {
		quoted := []byte(`"` + s + `"`)
		if slowSkip(quoted) != len(quoted) || strings.Contains(s, `\u`) || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
			return
		}
		var want string
		wantErr := json.Unmarshal(quoted, &want)
		got, err := AppendUnescaped([]byte("before"), []byte(s))
		if (err == nil) != (wantErr == nil) || err == nil && string(got) != "before"+want {
			t.Fatalf("AppendUnescaped(%q) = %q, %v; encoding/json has %q, %v", s, got, err, want, wantErr)
		}
	})
}

func FuzzAppendString(f *testing.F) {
	f.Add("a\"b\\c\x00\x1f\x7f é \u202e \u2028 \u0085 😀 <>&")
	f.Fuzz(func(t *testing.T, s string) {
		q := AppendString(nil, s)
		back, err := appendUnquoted(nil, q)
		if err != nil || string(back) != s {
			t.Fatalf("%q became %q and then %q, %v", s, q, back, err)
		}
		if utf8.ValidString(s) {
			var std string
			if err := json.Unmarshal(q, &std); err != nil || std != s {
				t.Fatalf("encoding/json reads %q of %q, %v", std, q, err)
			}
		}
		if !utf8.Valid(q) || !json.Valid(q) {
			t.Fatalf("%q became %q, which is no JSON", s, q)
		}
		for _, r := range string(q) {
			if r < 0x20 || r == 0x7f || 0x80 <= r && r <= 0x9f || r == 0x202e {
				t.Fatalf("%q holds a control character", q)
			}
		}
	})
}
