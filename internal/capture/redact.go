package capture

import (
	"strconv"
	"strings"
	"sync"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A redactor replaces the secrets of an entry. It works on the entry alone: the
// traffic has passed by when it starts.
//
// Three layers say what is secret: the AWS models, with the overlay that awsapi
// keeps of what they forget; names, where no model speaks; and the forms of
// secrets, in any text. Credentials and signatures go always.
type redactor struct {
	names           *pseudonymizer
	credentialsOnly bool // leave bodies, and what only the models call sensitive
	paths           []redactPath
	walkers         sync.Pool // of *walker
	secrets         sync.Map  // *awsapi.Operation → operationSecrets
	said            sayings   // by requests
	derived         digestMap // of bodies that were changed
}

// operationSecrets says where an operation has sensitive members, and the names
// of its blobs as they stand in a body: in base64, no secret shows its form.
type operationSecrets struct {
	request, response, path     bool
	requestBlobs, responseBlobs [][]byte
}

// redact replaces the secrets of a finished exchange, and reports which of its
// bodies had any.
func (r *redactor) redact(e *entry.Entry, call *awsapi.Call) (asked, answered bool) {
	request, response := r.documents(e, call)
	ask := side{r: r, request: true, places: e.Redacted.Request}
	answer := side{r: r, places: e.Redacted.Response}
	request.side, response.side = &ask, &answer
	var in, out awsapi.Shape
	if op := call.Operation(); op != nil {
		in, out = op.Input(call.Protocol), op.Output(call.Protocol)
	}
	if chunked(e.RequestHeaders) {
		wipeSignatures(e.RequestBody.Data)
	}
	if !r.credentialsOnly {
		before := [2][]byte{e.RequestBody.Data, e.ResponseBody.Data}
		asked = r.body(&e.RequestBody, e.RequestHeaders, &request)
		objects := call.Service == "s3" || call.Service == "s3express"
		if asked && objects {
			r.derived.learn(before[0], &e.RequestBody, chunked(e.RequestHeaders))
			if call.Action == "CompleteMultipartUpload" {
				r.derived.learnParts(before[0], e.RequestBody.Data)
			}
		}
		if e.StatusCode >= 400 {
			response.known = append(r.credentials(e), ask.known...)
		}
		answered = r.body(&e.ResponseBody, e.ResponseHeaders, &response)
		if (asked || answered) && call.Service == "sqs" {
			r.messageDigests(e, before)
		}
		if answered && objects {
			r.derived.learn(before[1], &e.ResponseBody, false)
		}
		if asked {
			r.digests(e.RequestHeaders, &e.RequestBody, &ask)
		}
		if asked || answered {
			r.digests(e.ResponseHeaders, &e.ResponseBody, &answer)
		}
	}
	e.Query = r.query(e.Query, in, request.form, &ask)
	if op := call.Operation(); op != nil && !r.credentialsOnly && r.secretsOf(op, call.Protocol).path {
		e.Path = r.labels(e.Path, op.URI, in, &ask)
	}
	e.Path = r.freeText(e.Path)
	e.Error = r.freeText(e.Error)
	if r.derived.any() {
		r.derived.replace(e.RequestHeaders)
		r.derived.replace(e.ResponseHeaders)
	}
	keys := r.headers(e.RequestHeaders, in, &ask)
	r.headers(e.ResponseHeaders, out, &answer)
	if keys {
		encryptionKeyDigests(e)
	}
	e.Redacted.Request, e.Redacted.Response = ask.places, answer.places
	return asked, answered
}

// documents returns what is known of both bodies.
func (r *redactor) documents(e *entry.Entry, call *awsapi.Call) (request, response document) {
	op := call.Operation()
	if op == nil {
		secret := secretAction(actionOf(e, call))
		return document{unknown: true}, document{unknown: true, all: secret, sensitive: secret}
	}
	p := call.Protocol
	secrets := r.secretsOf(op, p)
	request = document{shape: op.RequestBody(p), sensitive: secrets.request, searched: secrets.response, blobs: secrets.requestBlobs}
	if p == awsapi.AWSQuery || p == awsapi.EC2Query {
		request.form = op.Input(p)
	}
	response = document{sensitive: secrets.response && e.StatusCode < 400, blobs: secrets.responseBlobs}
	if e.StatusCode < 400 {
		response.shape = op.ResponseBody(p)
	} else {
		response.unknown = true // errors have shapes of their own
	}
	// A payload of bytes has no members: what else is sensitive stands in the
	// head, and an object that cannot be read as a document is kept.
	for _, d := range []*document{&request, &response} {
		if d.shape.Kind() == awsapi.Blob {
			d.sensitive = d.shape.Sensitive()
		}
	}
	return request, response
}

// actionOf returns the operation's name as the request gives it.
func actionOf(e *entry.Entry, call *awsapi.Call) string {
	if call.Action != "" {
		return call.Action
	}
	target := e.RequestHeaders.Get("X-Amz-Target")
	if action := target[strings.LastIndexByte(target, '.')+1:]; action != "" {
		return action
	}
	for _, s := range []string{e.Query, string(e.RequestBody.Data[:min(len(e.RequestBody.Data), 4096)])} {
		for param := range strings.SplitSeq(s, "&") {
			if action, ok := strings.CutPrefix(param, "Action="); ok {
				return action
			}
		}
	}
	return ""
}

// secretAction reports whether an operation that no model knows hands out
// secrets, going by its name.
func secretAction(action string) bool {
	return strings.HasPrefix(action, "Get") && strings.HasSuffix(action, "Token") ||
		strings.Contains(action, "Credential") || strings.Contains(action, "Password") ||
		strings.Contains(action, "Secret") && !strings.HasPrefix(action, "List") ||
		action == "Decrypt" || strings.HasPrefix(action, "GenerateDataKey") || strings.HasPrefix(action, "AssumeRole")
}

// secretsOf finds out once for each operation whether it has secrets.
func (r *redactor) secretsOf(op *awsapi.Operation, p awsapi.Protocol) operationSecrets {
	if s, ok := r.secrets.Load(op); ok {
		return s.(operationSecrets)
	}
	var s operationSecrets
	var request, response shapeSearch
	request.visit(op.Input(p))
	response.visit(op.Output(p))
	s.request, s.requestBlobs = request.sensitive, request.blobs
	s.path = strings.Contains(op.URI, "{") && request.path
	s.response, s.responseBlobs = response.sensitive, response.blobs
	r.secrets.Store(op, s)
	return s
}

// A shapeSearch finds what is sensitive in a body, among all that can be
// reached from a shape. Members that travel elsewhere, such as the encryption
// key in a header of GetObject, make no secret of it.
type shapeSearch struct {
	seen      map[awsapi.Shape]bool
	sensitive bool
	path      bool // in the path
	blobs     [][]byte
}

func (f *shapeSearch) visit(s awsapi.Shape) {
	if !s.Valid() || f.seen[s] {
		return
	}
	if f.seen == nil {
		f.seen = map[awsapi.Shape]bool{}
	}
	f.seen[s] = true
	f.sensitive = f.sensitive || s.Sensitive()
	switch s.Kind() {
	case awsapi.Structure, awsapi.Union:
		for name, m := range s.Members() {
			switch m.Location() {
			case awsapi.InBody, awsapi.InPayload:
				f.visit(m)
			case awsapi.InPath:
				f.path = f.path || m.Sensitive()
			}
			if m.Kind() == awsapi.Blob && m.Location() == awsapi.InBody || m.Kind() == awsapi.List && m.Elem().Kind() == awsapi.Blob {
				f.blobs = append(f.blobs, []byte(`"`+name+`"`), []byte("<"+name+">"))
			}
		}
	case awsapi.List:
		f.visit(s.Elem())
	case awsapi.Map:
		f.visit(s.Elem())
		f.visit(s.Key())
	}
}

// credentials returns the key id, token and signature that a request came with.
func (r *redactor) credentials(e *entry.Entry) []knownSecret {
	var known []knownSecret
	add := func(s string) {
		if len(s) >= minEcho {
			known = append(known, knownSecret{s, r.names.cached(s)})
		}
	}
	for _, f := range e.RequestHeaders {
		switch kindOf(f.Name) {
		case headerAuthorization:
			if s, ok := awsapi.ParseAuthorization(f.Value); ok && s.AccessKeyID != "" {
				add(s.AccessKeyID)
				add(s.Signature)
			} else if _, token, ok := strings.Cut(f.Value, " "); ok {
				add(token)
			}
		case headerSecret:
			add(f.Value)
		}
	}
	if s, ok := awsapi.ParseQueryAuthorization(e.Query); ok {
		add(s.AccessKeyID)
		add(s.Signature)
	}
	return known
}

// digests replaces what follows from a body that was changed: it would be wrong
// in a replay, and a way to find the secret by trying.
func (r *redactor) digests(h entry.Header, b *entry.Body, s *side) {
	for i := range h {
		f := &h[i]
		before := f.Value
		switch kindOf(f.Name) {
		case headerDigest:
			switch {
			case strings.EqualFold(f.Name, "ETag"): // see headers
			case strings.HasPrefix(f.Value, "STREAMING-"), f.Value == "UNSIGNED-PAYLOAD":
			case strings.EqualFold(f.Name, "X-Amz-Checksum-Type"), strings.EqualFold(f.Name, "X-Amz-Checksum-Algorithm"), strings.EqualFold(f.Name, "X-Amz-Checksum-Mode"):
			default:
				if now, ok := r.derived.get(f.Value); ok {
					f.Value = now
					continue
				}
				f.Value = redacted
			}
		case headerPlain:
			if strings.EqualFold(f.Name, "Content-Length") && !b.Truncated && len(b.Data) > 0 {
				f.Value = strconv.Itoa(len(b.Data))
			}
			continue
		}
		if f.Value != before && !s.request {
			s.add("headers." + f.Name)
		}
	}
}
