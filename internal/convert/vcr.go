package convert

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/neureaux/cloudmock/pkg/entry"
)

// parseVCR reads a cassette of VCR for Ruby (http_interactions), vcrpy, or go-vcr (interactions), in YAML or JSON. Cassettes
// say in which order the exchanges were, and mostly not when: each is taken to have begun when the one before had ended.
func parseVCR(data []byte) ([]exchange, error) {
	var doc struct {
		Ruby   []interaction `yaml:"http_interactions"`
		Others []interaction `yaml:"interactions"`
	}
	tokens := lexer.Tokenize(string(data))
	if deeper(tokens, maxDepth) {
		return nil, fmt.Errorf("not a VCR cassette: nested more than %d deep", maxDepth)
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, fmt.Errorf("not a VCR cassette: %w", err)
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, errors.New("not a VCR cassette: an empty document")
	}
	cassette := file.Docs[0].Body
	w := weight{anchors: make(map[string]int)}
	if ast.Walk(&w, cassette); w.nodes > maxNodes {
		return nil, fmt.Errorf("not a VCR cassette: its aliases stand for more than %d values", maxNodes)
	}
	if err := yaml.NewDecoder(bytes.NewReader(nil), yaml.UseOrderedMap()).DecodeFromNode(cassette, &doc); err != nil {
		return nil, fmt.Errorf("not a VCR cassette: %w", err)
	}
	all := append(doc.Ruby, doc.Others...)
	if doc.Ruby == nil && doc.Others == nil {
		return nil, errors.New("not a VCR cassette: neither http_interactions nor interactions")
	}
	out := make([]exchange, 0, len(all))
	var now time.Time
	for i := range all {
		x, err := all[i].exchange()
		if err != nil {
			return nil, fmt.Errorf("interaction %d: %w", i+1, err)
		}
		if x.started.Before(now) {
			x.started = now
		}
		now = x.started.Add(x.took + time.Millisecond)
		out = append(out, x)
	}
	return out, nil
}

// maxDepth bounds the nesting of a cassette: the parser's memory grows with its square.
const maxDepth = 100

// deeper reports whether brackets, or dashes on one line, nest deeper than limit. Nesting by
// indentation is bounded by the size of the document.
func deeper(tokens token.Tokens, limit int) bool {
	depth, dashes, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position != nil && t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		}
		if depth > limit || dashes > limit {
			return true
		}
	}
	return false
}

const maxNodes = 10_000_000

// A weight counts the nodes of a document as they are when every alias is replaced by what it stands for.
type weight struct {
	nodes   int
	anchors map[string]int
}

// Visit implements ast.Visitor. An anchor stands before its aliases.
func (w *weight) Visit(n ast.Node) ast.Visitor {
	if w.nodes > maxNodes {
		return nil
	}
	w.nodes++
	switch n := n.(type) {
	case *ast.AliasNode:
		w.nodes += w.anchors[n.Value.String()]
		return nil
	case *ast.AnchorNode:
		before := w.nodes
		ast.Walk(w, n.Value)
		w.anchors[n.Name.String()] = w.nodes - before
		return nil
	}
	return w
}

// An interaction has the members of all three; values whose type differs between them are any.
type interaction struct {
	Request struct {
		Method  string        `yaml:"method"`
		URI     string        `yaml:"uri"` // Ruby, vcrpy
		URL     string        `yaml:"url"` // go-vcr
		Body    any           `yaml:"body"`
		Headers yaml.MapSlice `yaml:"headers"`
	} `yaml:"request"`
	Response struct {
		Status   any           `yaml:"status"` // {code, message}; go-vcr: "200 OK"
		Code     int           `yaml:"code"`   // go-vcr
		Duration string        `yaml:"duration"`
		Body     any           `yaml:"body"`
		Headers  yaml.MapSlice `yaml:"headers"`
	} `yaml:"response"`
	RecordedAt string `yaml:"recorded_at"`
}

func (in *interaction) exchange() (x exchange, err error) {
	x.method, x.url, x.status = in.Request.Method, in.Request.URI, in.Response.Code
	if x.url == "" {
		x.url = in.Request.URL
	}
	if status, ok := in.Response.Status.(yaml.MapSlice); ok {
		for _, item := range status {
			if item.Key == "code" {
				if _, err := fmt.Sscan(fmt.Sprint(item.Value), &x.status); err != nil {
					return x, fmt.Errorf("status code %v is no number", item.Value)
				}
			}
		}
	}
	if in.Response.Duration != "" {
		if x.took, err = time.ParseDuration(in.Response.Duration); err != nil {
			return x, fmt.Errorf("duration: %w", err)
		}
	}
	if x.request.header, err = vcrHeader(in.Request.Headers); err != nil {
		return x, err
	}
	if x.response.header, err = vcrHeader(in.Response.Headers); err != nil {
		return x, err
	}
	if x.request.body.Data, err = vcrBody(in.Request.Body); err != nil {
		return x, err
	}
	if x.response.body.Data, err = vcrBody(in.Response.Body); err != nil {
		return x, err
	}
	for _, date := range []string{in.RecordedAt, x.response.header.Get("Date")} {
		if t, err := http.ParseTime(date); err == nil {
			x.started = t
			break
		}
	}
	return x, nil
}

func vcrHeader(headers yaml.MapSlice) (entry.Header, error) {
	var h entry.Header
	for _, item := range headers {
		name := fmt.Sprint(item.Key)
		switch v := item.Value.(type) {
		case []any:
			for _, one := range v {
				h = append(h, entry.HeaderField{Name: name, Value: vcrText(one)})
			}
		case nil:
		case yaml.MapSlice:
			return nil, fmt.Errorf("header %s is an object", name)
		default:
			h = append(h, entry.HeaderField{Name: name, Value: vcrText(v)})
		}
	}
	return h, nil
}

func vcrText(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case string:
		return v
	}
	return fmt.Sprint(v)
}

// vcrBody takes text, bytes, or an object with either in string or base64_string.
func vcrBody(v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case yaml.MapSlice:
		for _, item := range v {
			switch item.Key {
			case "string":
				return vcrBody(item.Value)
			case "base64_string":
				return decodeBase64(vcrText(item.Value))
			}
		}
		return nil, errors.New("a body without string or base64_string")
	case string, []byte:
		return []byte(vcrText(v)), nil
	}
	return nil, fmt.Errorf("a body that is %s", strings.TrimPrefix(fmt.Sprintf("%T", v), "*"))
}
