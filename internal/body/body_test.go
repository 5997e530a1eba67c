package body

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
)

// flat renders a tree as "path kind text" lines, nested documents included.
func flat(t *Tree) []string {
	var out []string
	for n := range t.Scalars {
		out = append(out, fmt.Sprintf("%s %s %q", t.AppendPath(nil, n), t.Kind(n), t.Text(n)))
	}
	return out
}

func TestParse(t *testing.T) {
	tests := []struct {
		name string
		body string
		opt  Options
		want []string
	}{
		{"an empty body has no nodes", "", Options{}, nil},
		{"numbers keep their spelling", `{"a":9007199254740993,"b":-1.50e+3}`, Options{},
			[]string{`$.a number "9007199254740993"`, `$.b number "-1.50e+3"`}},
		{"duplicate members are both there", `{"a":1,"a":2}`, Options{}, []string{`$.a number "1"`, `$.a number "2"`}},
		{"escapes are resolved in keys and values", `{"\u0061\n":"\ud83d\ude00\/\t"}`, Options{},
			[]string{`$["a\n"] string "😀/\t"`}},
		{"a lone surrogate keeps its identity", `["\ud800","\udfff"]`, Options{},
			[]string{`$[0] string "\xed\xa0\x80"`, `$[1] string "\xed\xbf\xbf"`}},
		{"literals and empty containers", ` [ null , true,false,{},[ ] ] `, Options{},
			[]string{`$[0] null "null"`, `$[1] boolean "true"`, `$[2] boolean "false"`}},
		{"a document in a string is read when asked for", `{"p":"{\"a\":[\"x\"]}"}`, Options{Nested: true},
			[]string{`$.p.a[0] string "x"`}},
		{"a document in a string stays a string otherwise", `{"p":"{}"}`, Options{}, []string{`$.p string "{}"`}},
		{"documents nest within documents", `{"m":"{\"n\":\"[1]\"}"}`, Options{Nested: true}, []string{`$.m.n[0] number "1"`}},
		{"what only begins like a document is a string", `{"p":"{x}"}`, Options{Nested: true}, []string{`$.p string "{x}"`}},
		{"a URL-encoded policy is a document", `<r><d>%7B%22a%22%3A%22b%20c%22%7D</d></r>`, Options{Nested: true},
			[]string{`$.d.a string "b c"`}},
		{"base64 is looked into when asked for", `{"t":"eyJhIjoxfQ=="}`, Options{Nested: true, Base64: true},
			[]string{`$.t.a number "1"`}},
		{"a body of broken JSON is text", `{"a":1,}`, Options{}, []string{`$ string "{\"a\":1,}"`}},
		{"a JSON body that lies is XML", `<a>1</a>`, Options{ContentType: "application/json"}, []string{`$ string "1"`}},
		{"XML prefixes, declarations, comments and white space are left out",
			"<?xml version=\"1.0\"?>\n<!-- c --><s:a xmlns=\"u\" xmlns:s=\"v\">\n <s:b>1</s:b> <c/>\n</s:a>\n", Options{},
			[]string{`$.b string "1"`, `$.c string ""`}},
		{"XML attributes are members", `<a><g x:type='User' n="a&amp;b">t</g></a>`, Options{},
			[]string{`$.g.@type string "User"`, `$.g.@n string "a&b"`, `$.g.#text string "t"`}},
		{"XML elements that repeat are numbered", `<a><b>1</b><c>x</c><b>2</b></a>`, Options{},
			[]string{`$.b[0] string "1"`, `$.c string "x"`, `$.b[1] string "2"`}},
		{"XML references and CDATA make one text", `<a>1 &lt; <![CDATA[<2>]]>&#x41;&#66;</a>`, Options{},
			[]string{`$ string "1 < <2>AB"`}},
		{"white space in an XML value counts", `<a><b>  </b></a>`, Options{}, []string{`$.b string "  "`}},
		{"text beside elements is kept", `<a>x<b>1</b>y</a>`, Options{},
			[]string{`$.#text[0] string "x"`, `$.b string "1"`, `$.#text[1] string "y"`}},
		{"a DTD makes a body opaque", `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, Options{},
			[]string{`$ string "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"`}},
		{"an unknown entity makes a body opaque", `<a>&nbsp;</a>`, Options{}, []string{`$ string "<a>&nbsp;</a>"`}},
		{"elements must match", `<a><b></a></b>`, Options{}, []string{`$ string "<a><b></a></b>"`}},
		{"a form's fields are decoded", `Action=Send&Body=a+b%26c&Empty=&Flag`, Options{Format: Form},
			[]string{`$.Action string "Send"`, `$.Body string "a b&c"`, `$.Empty string ""`, `$.Flag string ""`}},
		{"text is one string", "hello\n", Options{}, []string{`$ string "hello\n"`}},
		{"what is no text is bytes", "\xff\x00\x01", Options{}, []string{`$ bytes "\xff\x00\x01"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tree Tree
			_ = tree.Parse([]byte(tt.body), tt.opt) // the tree says what came of it
			if d := cmp.Diff(tt.want, flat(&tree)); d != "" {
				t.Errorf("scalars (-want +got):\n%s", d)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	deep := func(open, close string, n int) string { return strings.Repeat(open, n) + strings.Repeat(close, n) }
	tests := []struct {
		name, body, want string
		opt              Options
	}{
		{"10,000 levels of JSON", deep("[", "]", 10000), "nested too deeply", Options{}},
		{"10,000 levels of XML", deep("<a>", "</a>", 10000), "nested too deeply", Options{}},
		{"10,000 levels of CBOR", strings.Repeat("\x81", 10000) + "\x00", "nested too deeply", Options{Format: CBOR}},
		{"10,000 CBOR tags", strings.Repeat("\xc5", 10000) + "\x00", "nested too deeply", Options{Format: CBOR}},
		{"a body beyond the size limit", "[1,2]", "larger than the limit", Options{MaxSize: 4}},
		{"more values than the limit", "[1,2,3]", "too many values", Options{MaxNodes: 3}},
		{"a CBOR array of 2^60", "\x9b\x10\x00\x00\x00\x00\x00\x00\x00", "longer than the body", Options{Format: CBOR}},
		{"a CBOR text of 2^63", "\x7b\x80\x00\x00\x00\x00\x00\x00\x00", "longer than the body", Options{Format: CBOR}},
		{"a second document", "{}{}", "more after the end", Options{}},
		{"an XML entity bomb", `<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><l>&b;</l>`, "document type declarations are refused", Options{}},
		{"a control character in JSON", "[\"a\nb\"]", "string does not end or holds a control character", Options{}},
		{"a number with a leading zero", "[01]", "expected , or ]", Options{}},
		{"an event stream that is none", "\x00\x00\x00\x10\x00\x00\x00\x00aaaabbbb", "prelude checksum is wrong", Options{Format: EventStream}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tree Tree
			err := tree.Parse([]byte(tt.body), tt.opt)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want an *Error", err)
			}
			if d := cmp.Diff(tt.want, e.Reason); d != "" {
				t.Errorf("reason (-want +got):\n%s", d)
			}
			if tree.Size() != 1 || !bytes.Equal(tree.Text(0), []byte(tt.body)) {
				t.Errorf("the body is not one opaque scalar")
			}
		})
	}
}

// frame writes an event stream's frame the way the specification says.
func frame(headers map[string]string, payload string) []byte {
	var h []byte
	for _, k := range []string{":event-type", ":content-type", ":message-type"} {
		if v, ok := headers[k]; ok {
			h = append(append(h, byte(len(k))), k...)
			h = append(binary.BigEndian.AppendUint16(append(h, 7), uint16(len(v))), v...)
		}
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(16+len(h)+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(h)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, h...), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func twoFrames() []byte {
	return append(frame(map[string]string{":event-type": "Records", ":content-type": "application/octet-stream"}, "a,b\n"),
		frame(map[string]string{":event-type": "Stats", ":content-type": "application/json"}, `{"n":[1,"x"]}`)...)
}

func TestEventStream(t *testing.T) {
	var tree Tree
	if err := tree.Parse(twoFrames(), Options{}); err != nil {
		t.Fatal(err)
	}
	want := []string{`$[0].:event-type string "Records"`, `$[0].:content-type string "application/octet-stream"`, `$[0].payload string "a,b\n"`,
		`$[1].:event-type string "Stats"`, `$[1].:content-type string "application/json"`, `$[1].payload.n[0] number "1"`, `$[1].payload.n[1] string "x"`}
	if d := cmp.Diff(want, flat(&tree)); d != "" {
		t.Errorf("scalars (-want +got):\n%s", d)
	}
}

func TestEdit(t *testing.T) {
	cborBody, err := cbor.Marshal(map[string]any{"Name": "old", "Blob": []byte("old"), "N": 7})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, body string
		opt        Options
		old, new   string
		want       string
	}{
		{"JSON escapes", `{ "a" : "old", "b":["old"] }`, Options{}, "old", "x\"\n\\é", `{ "a" : "x\"\n\\é", "b":["x\"\n\\é"] }`},
		{"JSON numbers", `[12,3]`, Options{}, "12", "1.5", `[1.5,3]`},
		{"JSON in a JSON string", `{"p":"{\"k\": \"old\"}"}`, Options{Nested: true}, "old", `"`, `{"p":"{\"k\": \"\\\"\"}"}`},
		{"two documents deep", `{"m":"{\"n\":\"[\\\"old\\\"]\"}"}`, Options{Nested: true}, "old", "new", `{"m":"{\"n\":\"[\\\"new\\\"]\"}"}`},
		{"XML text", `<a><b>old</b>  <c>old</c></a>`, Options{}, "old", "<&>", `<a><b>&lt;&amp;&gt;</b>  <c>&lt;&amp;&gt;</c></a>`},
		{"XML attributes", `<a n='old'><b/></a>`, Options{}, "old", `'"`, `<a n='&apos;&quot;'><b/></a>`},
		{"CDATA stays CDATA", `<a><![CDATA[old]]></a>`, Options{}, "old", "<x>", `<a><![CDATA[<x>]]></a>`},
		{"an empty element opens", `<a><b x="1" /><c/></a>`, Options{}, "", "v", `<a><b x="1" /><c>v</c></a>`},
		{"form values", `A=old&B=1`, Options{Format: Form}, "old", "a b&c", `A=a%20b%26c&B=1`},
		{"a document in a form", `P=%7B%22a%22%3A%22old%22%7D`, Options{Format: Form, Nested: true}, "old", "new", `P=%7B%22a%22%3A%22new%22%7D`},
		{"a URL-encoded document in XML", `<a><p>%7B%22a%22:%22old%22%7D</p></a>`, Options{Nested: true}, "old", "n",
			`<a><p>%7B%22a%22%3A%22n%22%7D</p></a>`},
		{"base64", `{"d":"eyJhIjoib2xkIn0="}`, Options{Nested: true, Base64: true}, "old", "older", `{"d":"eyJhIjoib2xkZXIifQ=="}`},
		{"CBOR lengths", string(cborBody), Options{Format: CBOR}, "old", strings.Repeat("n", 300), ""},
		{"text", "old", Options{}, "old", "new", "new"},
		{"frames", string(twoFrames()), Options{}, "x", "longer", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tree, after Tree
			if err := tree.Parse([]byte(tt.body), tt.opt); err != nil {
				t.Fatal(err)
			}
			var edits []Edit
			for n := range tree.Scalars {
				if string(tree.Text(n)) == tt.old {
					edits = append(edits, Edit{Node: n, Text: []byte(tt.new)})
				}
			}
			if len(edits) == 0 {
				t.Fatalf("%q is not in the body", tt.old)
			}
			got, err := tree.AppendEdited(nil, edits)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, string(got)); d != "" && tt.want != "" {
				t.Errorf("edited body (-want +got):\n%s", d)
			}
			if err := after.Parse(got, tt.opt); err != nil {
				t.Fatalf("edited body does not parse: %v", err)
			}
			want := flat(&tree)
			for i := range want {
				if s, ok := strings.CutSuffix(want[i], fmt.Sprintf("%q", tt.old)); ok {
					want[i] = s + fmt.Sprintf("%q", tt.new)
				}
			}
			if d := cmp.Diff(want, flat(&after)); d != "" {
				t.Errorf("scalars after the edit (-want +got):\n%s", d)
			}
		})
	}
}

func TestEditKeys(t *testing.T) {
	c, err := cbor.Marshal(map[string]any{"old": 1})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, body, want string }{
		{"JSON", `{"old": {"old":1}}`, `{"n\"": {"n\"":1}}`},
		{"a form", `old=1&b=2`, `n%22=1&b=2`},
		{"CBOR", string(c), "\xa1\x62n\"\x01"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tree Tree
			o := Options{ContentType: map[string]string{"a form": "application/x-www-form-urlencoded", "CBOR": "application/cbor"}[tt.name]}
			if err := tree.Parse([]byte(tt.body), o); err != nil {
				t.Fatal(err)
			}
			var edits []Edit
			for n := range Node(tree.Size()) {
				if string(tree.Key(n)) == "old" && tree.EditableKey(n) {
					edits = append(edits, Edit{Node: n, Key: true, Text: []byte(`n"`)})
				}
			}
			got, err := tree.AppendEdited(nil, edits)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, string(got)); d != "" {
				t.Errorf("edited body (-want +got):\n%s", d)
			}
		})
	}
}

// value turns a node into what the standard decoders make of it.
func value(t *Tree, n Node) any {
	switch t.Kind(n) {
	case Null:
		return nil
	case Bool:
		return string(t.Text(n)) == "true"
	case Number, Time:
		return json.Number(t.Text(n))
	case Array:
		out := []any{}
		for c := t.First(n); c != None; c = t.Next(c) {
			out = append(out, value(t, c))
		}
		return out
	case Object:
		out := map[string]any{}
		for c := t.First(n); c != None; c = t.Next(c) {
			out[string(t.Key(c))] = value(t, c)
		}
		return out
	case Binary:
		return bytes.Clone(t.Text(n))
	}
	return string(t.Text(n))
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x\u00e9",null,true,{}]}`, `"\ud83d\ude00"`, `[[],[[]]]`, "{\"a\" : \t-0}", `["\ud800"]`, `{"s":"{\"a\":1}"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var tree Tree
		err := tree.Parse(data, Options{Format: JSON})
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var want any
		wantErr := d.Decode(&want)
		if wantErr == nil {
			if _, err := d.Token(); err == nil || err.Error() != "EOF" {
				wantErr = errors.New("more after the end")
			}
		}
		if err == nil && wantErr != nil && !bytes.HasPrefix(data, []byte("\xEF\xBB\xBF")) && len(data) > 0 {
			t.Fatalf("accepted %q: encoding/json says %v", data, wantErr)
		}
		if wantErr == nil && err != nil && err.(*Error).Reason != "nested too deeply" {
			t.Fatalf("refused %q: %v", data, err)
		}
		// encoding/json replaces what is no UTF-8; we keep it.
		if err == nil && wantErr == nil && tree.Root() != None && !bytes.ContainsAny(data, "\\") && utf8Valid(data) {
			if got := value(&tree, 0); !reflect.DeepEqual(got, want) {
				t.Fatalf("(-want +got):\n%s", cmp.Diff(want, got))
			}
		}
		checkEdits(t, data, Options{Format: JSON, Nested: true, Base64: true})
	})
}

func utf8Valid(b []byte) bool { return bytes.Equal(bytes.ToValidUTF8(b, nil), b) }

func FuzzXML(f *testing.F) {
	for _, s := range []string{`<a b="c">x<d/>&amp;<![CDATA[e]]></a>`, "<?xml version='1.0'?><r>\n<i>1</i><i>2</i></r>", `<a><!-- --><b>%7B%22a%22%3A1%7D</b></a>`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkEdits(t, data, Options{Format: XML, Nested: true}) })
}

func FuzzForm(f *testing.F) {
	f.Add([]byte("Action=A&B=%7B%22a%22%3A1%7D&C=+"))
	f.Fuzz(func(t *testing.T, data []byte) { checkEdits(t, data, Options{Format: Form, Nested: true}) })
}

func FuzzCBOR(f *testing.F) {
	for _, v := range []any{map[string]any{"a": []any{1, -2, 3.5, "x", []byte("y"), nil, true}}, cbor.Tag{Number: 1, Content: 1.5e9}} {
		b, err := cbor.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("\xbf\x61a\x9f\x01\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var tree Tree
		if err := tree.Parse(data, Options{Format: CBOR}); err == nil && len(data) > 0 {
			// What we take for CBOR is well-formed for others, too.
			if err := cbor.Wellformed(data); err != nil && !strings.Contains(err.Error(), "exceeded max") {
				t.Fatalf("accepted %x: %v", data, err)
			}
		}
		checkEdits(t, data, Options{Format: CBOR, Nested: true})
	})
}

func FuzzEventStream(f *testing.F) {
	f.Add(twoFrames())
	f.Fuzz(func(t *testing.T, data []byte) { checkEdits(t, data, Options{Format: EventStream, Nested: true}) })
}

// checkEdits replaces every scalar by itself, which must leave the same values,
// and nothing at all, which must leave the same bytes.
func checkEdits(t *testing.T, data []byte, o Options) {
	var tree, after Tree
	if err := tree.Parse(data, o); err != nil || len(data) == 0 {
		return
	}
	same, err := tree.AppendEdited(nil, nil)
	if err != nil || !bytes.Equal(same, data) {
		t.Fatalf("no edit made %q of %q (%v)", same, data, err)
	}
	var edits []Edit
	for n := range tree.Scalars {
		if tree.Editable(n) {
			edits = append(edits, Edit{Node: n, Text: bytes.Clone(tree.Text(n))})
		}
	}
	got, err := tree.AppendEdited(nil, edits)
	if err != nil {
		if strings.Contains(err.Error(), "is no number") {
			return // NaN and infinities of CBOR have a text but no decimal
		}
		t.Fatal(err)
	}
	if err := after.Parse(got, o); err != nil {
		t.Fatalf("%q became %q: %v", data, got, err)
	}
	if d := cmp.Diff(flat(&tree), flat(&after)); d != "" {
		t.Fatalf("%q became %q (-before +after):\n%s", data, got, d)
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	for name, data := range samples(t) {
		var tree Tree
		o := Options{Nested: true, ContentType: name}
		if err := tree.Parse(data, o); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(10, func() { _ = tree.Parse(data, o) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func samples(tb testing.TB) map[string][]byte {
	item := `{"Id":{"S":"4f9c0a1e-5b1d-4b6c-9a50-3d5f4f7d1f0a"},"Count":{"N":"12"},"Name":{"S":"a plain name, with some words in it"},"Flag":{"BOOL":true}}`
	j := `{"Items":[` + strings.Repeat(item+",", 60) + item + `],"Count":61,"ScannedCount":61}`
	content := "<Contents><Key>photos/2026/image.jpg</Key><LastModified>2026-06-02T18:30:44.000Z</LastModified><ETag>&quot;ed076287532e86365e841e92bfc50d8c&quot;</ETag><Size>12</Size><StorageClass>STANDARD</StorageClass></Contents>\n"
	x := `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>` + strings.Repeat(content, 50) + `</ListBucketResult>`
	var v any
	if err := json.Unmarshal([]byte(j), &v); err != nil {
		tb.Fatal(err)
	}
	c, err := cbor.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return map[string][]byte{"application/json": []byte(j), "application/xml": []byte(x), "application/cbor": c}
}

func BenchmarkParse(b *testing.B) {
	for name, data := range samples(b) {
		b.Run(strings.TrimPrefix(name, "application/"), func(b *testing.B) {
			var tree Tree
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := tree.Parse(data, Options{Nested: true, ContentType: name}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
