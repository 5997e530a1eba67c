package replay

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/sign"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A worker sends one call after the other over its connection.
type worker struct {
	*engine
	client   *client
	resp     response
	head     []byte
	out      []byte
	rewrites []entry.Rewrite
	learner  learner
	rewriter rewriter
	polls    int  // how often the call was sent again until it was settled
	stands   bool // the answer is that to an earlier attempt: the call was not sent
}

// run sends a call and puts the answer into its line.
func (w *worker) run(ctx context.Context, c *call) {
	w.rewrites, w.polls = w.rewrites[:0], 0
	err := c.bad
	w.stands = err == nil && w.retried.take(c, &w.resp)
	if err == nil && !w.stands {
		err = w.send(ctx, c)
	}
	if err == nil && w.know != nil {
		w.learner.learn(w.know, c, &w.resp)
	}
	o := &c.line.Object
	original, _ := o.Status() // 0 where it is no status: cm-diff says so
	w.r.summary.count(c, original, w.resp.status, err)
	if w.stands {
		w.r.summary.notSent.Add(1)
	}
	if err != nil {
		w.failed(err)
	} else if c.attemptOf == "" {
		w.retried.keep(c, original, &w.resp)
	}
	w.out = w.appendReplay(w.out[:0], c, err)
	for _, f := range []entry.Field{entry.FieldMatch, entry.FieldSeverity, entry.FieldDiffs, entry.FieldAllowed} {
		o.Delete(f) // of an earlier comparison
	}
	o.Set(entry.FieldReplay, w.out)
	if cap(w.out) > keepCall {
		w.out = nil
	}
}

// send prepares the request for the endpoint and makes the exchange.
func (w *worker) send(ctx context.Context, c *call) error {
	r := &c.req
	if err := r.stored.open(w.r.bodies); err != nil {
		return err
	}
	defer r.stored.close()
	if r.stored.file != nil && r.isFormData() && isS3(r.api.Service) {
		if err := r.openForm(); err != nil {
			return err
		}
		if w.know != nil {
			r.findRuns(w.know.hasher, &w.rewriter.tree)
		}
	}
	changed := false
	if w.know != nil {
		var err error
		if w.rewrites, changed, err = w.rewriter.rewrite(w.know, w.rewrites, r); err != nil {
			return err
		}
		if r.api.Service == "cognito-idp" {
			var rehashed bool
			w.rewrites, rehashed = w.rewriter.rehash(w.know, w.rewrites, r)
			changed = changed || rehashed
		}
	}
	if err := w.address(r); err != nil {
		return err
	}
	if err := w.sign(ctx, c, changed); err != nil {
		return err
	}
	r.closeForm()
	w.head = r.appendHead(w.head[:0], w.t, c.id)
	if len(w.head) > maxHead {
		return refuse("request line and headers of %d bytes", len(w.head))
	}
	if err := w.exchange(ctx, c); err != nil {
		return err
	}
	var err error
	w.polls, err = w.settle(ctx, c)
	return err
}

// exchange sends the prepared request and takes the answer.
func (w *worker) exchange(ctx context.Context, c *call) error {
	r := &c.req
	for try := 0; ; try++ {
		err := w.client.do(ctx, r, w.head, &w.resp)
		if err == nil || try >= w.r.o.Retries || ctx.Err() != nil || !isConnectionError(err) {
			return err
		}
		// What does not listen yet may do so soon.
		pause := time.NewTimer(min(time.Second, 50*time.Millisecond<<min(try, 5)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

// isConnectionError reports an exchange that broke before any answer came, by
// the connection and not by time.
func isConnectionError(err error) bool {
	var notSent errNotSent
	var stale *staleError
	return !errors.Is(err, errAWS) && (errors.As(err, &notSent) || errors.As(err, &stale))
}

func isS3(service string) bool { return service == "" || sign.IsS3(service) }

// sign computes anew what depends on the bytes and proves who sends them.
func (w *worker) sign(ctx context.Context, c *call, changed bool) error {
	r := &c.req
	if op := r.api.Operation(); r.unsigned || op != nil && op.Unauthenticated() {
		return nil
	}
	creds, err := w.r.o.Credentials.Credentials(ctx)
	if err != nil {
		return err
	}
	o := sign.Options{Service: r.api.Service, Region: r.api.Region, Time: time.Now()}
	if !awsapi.PlainName(o.Region) {
		o.Region = w.r.o.Region
	}
	if !awsapi.PlainName(o.Service) {
		o.Service = "s3" // what is not recognised by target, action or host is most likely that
	}
	if isPresigned(r.RawQuery) {
		return w.presign(c, creds, o)
	}
	if r.isFormData() && isS3(r.api.Service) {
		if signed, err := w.signForm(c, creds, o.Time); signed || err != nil {
			return err
		}
	}
	given := r.Get("X-Amz-Content-Sha256")
	switch {
	case r.stored.skip > 0:
		o.Payload = sign.UnsignedPayload
	case given == sign.UnsignedPayload || r.framed || strings.HasPrefix(given, "STREAMING-"):
		o.Payload = given
	case len(given) == sha256.Size*2 && !changed:
		o.Payload = given // the client's own digest, right or wrong
	case r.stored.file != nil:
		o.Payload = r.stored.digest
	case len(r.body) > 0:
		sum := sha256.Sum256(r.body)
		o.Payload = hex.EncodeToString(sum[:])
	}
	seed, err := w.r.signer.Sign(&r.Request, creds, o)
	if _, signed, _ := sign.Streaming(given); err == nil && signed && r.stored.file == nil {
		// The recorded chunks are signed along another chain.
		if f, bad := readFrames(r); bad == nil {
			r.body = sign.AppendChunks(nil, f.payload, f.size, f.trailer, r.trailing(), &seed)
		}
	}
	return err
}

// isPresigned reports whether a URL carries its own proof, of either version.
func isPresigned(query string) bool {
	return strings.Contains(query, "X-Amz-Algorithm=") ||
		strings.Contains(query, "AWSAccessKeyId=") && strings.Contains(query, "Signature=") && strings.Contains(query, "Expires=")
}

// presign renews the signature of a presigned URL, always as version 4. Its
// date is now; that of one that had expired when it was used is as long ago.
func (w *worker) presign(c *call, creds sign.Credentials, o sign.Options) error {
	r := &c.req
	const layout = "20060102T150405Z"
	claim := sign.Claim{ExpiresText: "3600", Signed: []string{"host"}}
	var signed, ends time.Time
	var kept []string
	v2 := !strings.Contains(r.RawQuery, "X-Amz-Algorithm=")
	for pair := range strings.SplitSeq(r.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case v2 && (name == "AWSAccessKeyId" || name == "Signature"):
			continue
		case v2 && name == "Expires":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				ends = time.Unix(n, 0)
			}
			continue
		case strings.EqualFold(name, "X-Amz-Expires") && value != "" && len(value) < 7 && isDigits(value):
			claim.ExpiresText = value
		case strings.EqualFold(name, "X-Amz-Date"):
			signed, _ = time.Parse(layout, value) // zero if it is none
		case strings.EqualFold(name, "X-Amz-SignedHeaders") && value != "":
			claim.Signed = strings.Split(strings.ReplaceAll(strings.ReplaceAll(value, "%3B", ";"), "%3b", ";"), ";")
		}
		kept = append(kept, pair)
	}
	r.RawQuery = strings.Join(kept, "&")
	seconds, _ := strconv.Atoi(claim.ExpiresText) // digits
	valid := time.Duration(seconds) * time.Second
	if ends.IsZero() && !signed.IsZero() {
		ends = signed.Add(valid)
	}
	at := o.Time
	if used := c.recordedAt(); !ends.IsZero() && used.After(ends) {
		at = at.Add(-valid - used.Sub(ends))
	}
	claim.AmzDate = at.UTC().Format(layout)
	o.Payload = sign.UnsignedPayload
	if !sign.IsS3(o.Service) {
		sum := sha256.Sum256(r.body)
		o.Payload = hex.EncodeToString(sum[:])
	}
	return w.r.signer.SignQuery(&r.Request, creds, &claim, o)
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// appendReplay appends the value of the entry's replay field.
func (w *worker) appendReplay(dst []byte, c *call, err error) []byte {
	resp := &w.resp
	if err != nil {
		dst = append(dst, `{"status_code":0,"latency_ms":0,"error":`...)
		dst = entry.AppendString(dst, errorText(err))
	} else {
		dst = append(dst, `{"status_code":`...)
		dst = strconv.AppendInt(dst, int64(resp.status), 10)
		dst = append(dst, `,"latency_ms":`...)
		dst = strconv.AppendFloat(dst, float64(resp.latency.Microseconds())/1000, 'f', -1, 64)
		dst = append(dst, `,"response_headers":`...)
		dst = resp.appendHeaders(dst)
		dst = resp.appendBody(dst)
	}
	dst = append(dst, `,"endpoint":`...)
	dst = entry.AppendString(dst, w.t.name)
	for i, x := range w.rewrites {
		dst = append(dst, [2]string{`,"rewrites":[`, ","}[min(i, 1)]...)
		dst = append(dst, `{"original":`...)
		dst = entry.AppendString(dst, x.Original)
		dst = append(dst, `,"replay":`...)
		dst = entry.AppendString(dst, x.Replay)
		dst = append(dst, `,"where":`...)
		dst = entry.AppendString(dst, x.Where)
		dst = append(dst, '}')
	}
	if len(w.rewrites) > 0 {
		dst = append(dst, ']')
	}
	if c.attemptOf != "" {
		dst = append(dst, `,"attempt_of":`...)
		dst = entry.AppendString(dst, c.attemptOf)
	}
	if w.stands {
		dst = append(dst, `,"sent":false`...)
	}
	if w.polls > 0 {
		dst = append(dst, `,"polls":`...)
		dst = strconv.AppendInt(dst, int64(w.polls), 10)
	}
	return append(dst, '}')
}

// errorText is an error as one line of valid UTF-8.
func errorText(err error) string {
	return strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\n", "; "), "\uFFFD")
}

func (r *response) appendHeaders(dst []byte) []byte {
	dst = append(dst, '{')
	for i, f := range r.fields {
		name := r.name(f)
		if r.seen(i, name) {
			continue
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = entry.AppendString(dst, name)
		dst = append(dst, ':')
		at, n := len(dst), 0
		for _, g := range r.fields[i:] {
			if g.name.end-g.name.start != len(name) || n > 0 && !equalFold(r.name(g), string(name)) {
				continue
			}
			if n == 0 || equalFold(r.name(g), string(name)) {
				if n > 0 {
					dst = append(dst, ',')
				}
				dst = entry.AppendString(dst, r.value(g))
				n++
			}
		}
		if n > 1 {
			dst = append(dst, 0, ']')
			copy(dst[at+1:], dst[at:len(dst)-2])
			dst[at] = '['
			dst[len(dst)-1] = ']'
		}
	}
	return append(dst, '}')
}

// seen reports whether an earlier field has the name.
func (r *response) seen(i int, name []byte) bool {
	for _, f := range r.fields[:i] {
		if f.name.end-f.name.start == len(name) && equalFold(r.name(f), string(name)) {
			return true
		}
	}
	return false
}

func (r *response) appendBody(dst []byte) []byte {
	if r.truncated {
		dst = append(dst, `,"response_body_size":`...)
		dst = strconv.AppendInt(dst, r.size, 10)
		dst = append(dst, `,"response_body_sha256":"`...)
		dst = hex.AppendEncode(dst, r.sha256[:])
		return append(dst, `","response_body_truncated":true`...)
	}
	if len(r.body) == 0 {
		return dst
	}
	dst = append(dst, `,"response_body":`...)
	if utf8.Valid(r.body) {
		return entry.AppendString(dst, r.body)
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, r.body)
	return append(dst, `","response_body_encoding":"base64"`...)
}
