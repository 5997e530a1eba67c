package proxy

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/neureaux/cloudmock/internal/awsapi"
	"github.com/neureaux/cloudmock/internal/sign"
)

const forwardAdvice = "; use the forward mode (HTTPS_PROXY, or cm-record --mode forward), in which the client's own signature stays valid"

func denied(code, message string) *failure {
	return &failure{status: http.StatusForbidden, code: code, message: message}
}

// authenticate decides as whom the request is forwarded. Only a signature that verifies gets a
// new one; an unsigned request stays unsigned.
func (c *call) authenticate() *failure {
	var err error
	c.claim, c.scheme, err = sign.Parse(&c.in)
	if err != nil && c.p.o.NoVerify {
		c.scheme = sign.OtherAuth
	} else if err != nil {
		var scope *sign.ScopeError
		if errors.As(err, &scope) {
			return (&failure{code: "InvalidRequest", message: err.Error()}).as(http.StatusBadRequest)
		}
		return denied("IncompleteSignature", err.Error())
	}
	switch c.scheme {
	case sign.V4:
		return c.verify()
	case sign.V4A:
		return &failure{status: http.StatusNotImplemented, code: "NotImplemented", message: "the request is signed for several regions (SigV4A) and cannot be signed anew" + forwardAdvice}
	case sign.V2:
		return c.verifyV2()
	case sign.OtherAuth:
		if c.p.o.Upstream != nil {
			return nil // it is that server's business
		}
		return denied("IncompleteSignature", "the Authorization header is not one of AWS")
	}
	if c.scheme == sign.Unsigned && c.uploadForm() && !c.p.o.NoVerify {
		return c.verifyForm()
	}
	return nil // Unsigned and Bearer: forwarded as they are
}

func (c *call) verify() *failure {
	p, ctx := c.p, c.r.Context()
	switch c.claim.Payload {
	case sign.StreamingECDSA, sign.StreamingECDSATrailer:
		return &failure{status: http.StatusNotImplemented, code: "NotImplemented", message: "the body is signed for several regions (SigV4A) and cannot be signed anew" + forwardAdvice}
	case sign.StreamingEvents:
		return &failure{status: http.StatusNotImplemented, code: "NotImplemented", message: "the body is a stream of signed events and cannot be signed anew" + forwardAdvice}
	}
	key, err := p.o.Keyring.Lookup(ctx, c.claim.KeyID, p.o.Now())
	if err != nil {
		if p.o.NoVerify {
			return c.trust()
		}
		return c.noKey(err)
	}
	if err := c.claim.CheckTime(p.o.Now(), 0); err != nil {
		return badTime(err)
	}
	payload := ""
	if !c.claim.PayloadKnown() {
		if payload, err = c.hashBody(); err != nil {
			return c.bodyFailure(err)
		}
	}
	c.style, err = p.signer.Verify(&c.in, &c.claim, key.Secret, payload)
	if err != nil && !c.claim.PayloadKnown() {
		// Some operations are signed without their body, and do not say so in a header.
		if c.style, err = p.signer.Verify(&c.in, &c.claim, key.Secret, sign.UnsignedPayload); err == nil {
			c.body.payload = sign.UnsignedPayload
		}
	}
	if err != nil {
		if p.o.NoVerify {
			return c.trust()
		}
		return c.mismatch()
	}
	c.secret = key.Secret
	return c.signAs(key)
}

// verifyV2 is verify for S3's signatures of version 2. They are replaced by ones of version 4.
func (c *call) verifyV2() *failure {
	p, now := c.p, c.p.o.Now()
	if p.o.NoVerify {
		return nil
	}
	old, err := sign.ParseV2(&c.in)
	if err != nil {
		return denied("InvalidRequest", err.Error()+forwardAdvice)
	}
	c.claim = old.Renew(&c.in, c.hostRegion(), now)
	key, err := p.o.Keyring.Lookup(c.r.Context(), old.KeyID, now)
	if err != nil {
		return c.noKey(err)
	}
	if err := old.CheckTime(now); err != nil {
		return badTime(err)
	}
	if err := old.Verify(&c.in, key.Secret, c.hostBucket()); err != nil {
		if unsigned, ok := errors.AsType[*sign.UnsignedError](err); ok {
			return denied("AccessDenied", unsigned.Error()+": let the client sign with version 4 (boto3: Config(signature_version='s3v4'))")
		}
		return c.mismatch()
	}
	return c.signAs(key)
}

// hostBucket is the bucket that the host of a request to S3 begins with, "" if none.
func (c *call) hostBucket() string {
	name, _ := splitHost(c.in.Host)
	if c.transparent {
		host, _ := awsapi.ParseHost(name)
		return host.Prefix
	}
	label, _ := c.p.gate.label(name)
	return bucketOf(label)
}

// hostRegion is the region that the host names, or the one that calls belong to which name none.
func (c *call) hostRegion() string {
	if name, _ := splitHost(c.in.Host); c.transparent {
		if host, ok := awsapi.ParseHost(name); ok && host.Region != "" {
			return host.Region
		}
	}
	return c.p.region()
}

// region is the one that calls belong to which name none.
func (p *Proxy) region() string { return cmp.Or(p.o.Region, "us-east-1") }

// signAs takes the credentials that calls of a key are forwarded with.
func (c *call) signAs(key sign.Key) *failure {
	var err error
	if c.creds, err = key.Outbound(c.r.Context()); err != nil {
		return &failure{status: http.StatusForbidden, code: "ExpiredToken", message: err.Error()}
	}
	c.signedAs = key.Identity
	if self := c.p.self.Load(); self != nil && (c.creds.KeyID == self.keyID || key.Own) {
		c.signedAs = self.arn
	}
	return nil
}

func (c *call) noKey(err error) *failure {
	if errors.Is(err, sign.ErrKeyExpired) {
		return denied("ExpiredToken", "the credentials of access key "+clip(c.claim.KeyID)+" have expired")
	}
	return denied(c.unknownKeyCode(), "access key "+clip(c.claim.KeyID)+
		" is not known here: let the app use the same credentials as the recorder (same profile or environment), run it as cm-record -- COMMAND, or name its keys with --client-credentials")
}

func badTime(err error) *failure {
	if errors.Is(err, sign.ErrExpired) {
		return denied("AccessDenied", err.Error())
	}
	return denied("RequestTimeTooSkewed", err.Error())
}

func (c *call) mismatch() *failure {
	return denied("SignatureDoesNotMatch", "the signature of access key "+clip(c.claim.KeyID)+
		" does not match: the secret differs from the recorder's, or something between the client and the recorder changed the request")
}

// trust signs with the recorder's own credentials what nobody has verified; without any the
// request goes on as it came.
func (c *call) trust() *failure {
	c.style = 0
	if c.p.o.Own == nil {
		return nil
	}
	creds, err := c.p.o.Own.Credentials(c.r.Context())
	if err != nil {
		return nil // an upstream on this machine that needs credentials will say so
	}
	if _, signed, _ := sign.Streaming(c.claim.Payload); signed {
		return denied("InvalidRequest", "a body in signed chunks can be signed anew only when its own signature verifies")
	}
	if !c.claim.PayloadKnown() {
		if _, err := c.hashBody(); err != nil {
			return c.bodyFailure(err)
		}
	}
	c.creds = creds
	return nil
}

// unknownKeyCode is what AWS itself would say.
func (c *call) unknownKeyCode() string {
	if sign.IsS3(c.claim.Service) {
		return "InvalidAccessKeyId"
	}
	if c.claim.Service == "sts" || c.claim.Service == "iam" || c.claim.Service == "ec2" {
		return "InvalidClientTokenId"
	}
	return "UnrecognizedClientException"
}

// sign puts a new signature on the outbound request.
func (c *call) sign() error {
	o := sign.Options{
		Service: c.target.service, Region: c.target.region, Time: c.p.o.Now(),
		Signed: c.claim.Signed, Style: c.style, Payload: c.body.payload,
	}
	if c.claim.Query {
		return c.p.signer.SignQuery(&c.in, c.creds, &c.claim, o)
	}
	seed, err := c.p.signer.Sign(&c.in, c.creds, o)
	if err != nil {
		return err
	}
	if framed, signed, trailer := sign.Streaming(c.claim.Payload); framed && signed {
		client := c.p.signer.Seed(&c.claim, c.secret)
		length, err := sign.DecodedLength(c.in.Get("X-Amz-Decoded-Content-Length"))
		if err != nil {
			return err
		}
		c.out.body = sign.NewChunkResigner(c.body.reader, client, seed, sign.ChunkOptions{Length: length, Trailer: trailer})
	}
	return nil
}
