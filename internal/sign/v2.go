package sign

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ClaimV2 is what a request says that is signed as S3 had it before version 4 (S3 User Guide, "Signing and authenticating
// REST requests"). boto3 still makes its presigned URLs like that where no region demands otherwise.
type ClaimV2 struct {
	KeyID     string
	Signature string    // base64
	Query     bool      // presigned
	Expires   time.Time // of a presigned request
	Time      time.Time // of any other
	stamp     string    // the date as it was signed
}

// ParseV2 reads the claim of a request of that Scheme.
func ParseV2(r *Request) (c ClaimV2, err error) {
	if authorization := r.Get(headerAuthorization); authorization != "" {
		_, rest, _ := strings.Cut(strings.TrimSpace(authorization), " ")
		c.KeyID, c.Signature, _ = strings.Cut(strings.TrimSpace(rest), ":")
		date := r.Get(headerDate)
		if date == "" {
			date = r.Get("Date")
			c.stamp = date
		}
		for _, layout := range [...]string{http.TimeFormat, time.RFC1123Z, time.RFC1123, amzDateFormat, time.RFC3339} {
			if c.Time, err = time.Parse(layout, date); err == nil {
				break
			}
		}
		if err != nil {
			return c, malformed("Date is missing or unreadable")
		}
	} else {
		c.Query = true
		for name, value := range pairs(r.RawQuery) {
			switch name {
			case "AWSAccessKeyId":
				c.KeyID = value
			case "Signature":
				c.Signature = value
			case "Expires":
				c.stamp = value
			case "SignatureVersion":
				return c, malformed("it is of version %s, which only version 4 takes the place of", clip(value))
			}
		}
		seconds, err := strconv.ParseInt(c.stamp, 10, 64)
		if err != nil {
			return c, malformed("Expires is no time")
		}
		c.Expires = time.Unix(seconds, 0)
	}
	if c.KeyID == "" || c.Signature == "" {
		return c, malformed("it names no key or has no signature")
	}
	return c, nil
}

// CheckTime is Claim.CheckTime.
func (c *ClaimV2) CheckTime(now time.Time) error {
	if c.Query {
		if now.After(c.Expires) {
			return ErrExpired
		}
		return nil
	}
	if off := now.Sub(c.Time).Abs(); off > defaultAllowedClockSkew {
		return ErrSkewed
	}
	return nil
}

// Verify checks the claim with the secret that belongs to its key. bucket is the one that the host names, "" for
// a path that begins with it.
func (c *ClaimV2) Verify(r *Request, secret, bucket string) error {
	path := r.Path
	if bucket != "" {
		path = "/" + bucket + path
	}
	resources := []string{path + subresources(r.RawQuery)}
	if strings.LastIndexByte(path, '/') == 0 && path != "/" { // to boto3 a bucket alone is /bucket/
		resources = append(resources, path+"/"+subresources(r.RawQuery))
	}
	sections := [][]Field{r.Header}
	if c.Query { // boto3 has the fields in the query
		sections = append(sections, append(amzParameters(r.RawQuery), r.Header...))
	}
	for _, resource := range resources {
		for _, fields := range sections {
			h := hmac.New(sha1.New, []byte(secret))
			h.Write(c.toSign(r.Method, resource, fields))
			want := base64.StdEncoding.EncodeToString(h.Sum(nil))
			if subtle.ConstantTimeCompare([]byte(want), []byte(c.Signature)) == 1 {
				return nil
			}
		}
	}
	return ErrMismatch
}

func (c *ClaimV2) toSign(method, resource string, fields []Field) []byte {
	get := (&Request{Header: fields}).Get
	b := []byte(method + "\n" + get("Content-Md5") + "\n" + get("Content-Type") + "\n" + c.stamp + "\n")
	var names []string
	for _, f := range fields {
		if name := lower(f.Name); strings.HasPrefix(name, "x-amz-") && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		b = append(b, name...)
		for i, sep := 0, ":"; i < len(fields); i++ {
			if lower(fields[i].Name) == name {
				b = append(b, sep+strings.TrimSpace(fields[i].Value)...)
				sep = ","
			}
		}
		b = append(b, '\n')
	}
	return append(b, resource...)
}

// amzParameters are the parameters of a query that stand for header fields.
func amzParameters(query string) (fields []Field) {
	for name, value := range pairs(query) {
		if low := lower(name); strings.HasPrefix(low, "x-amz-") || low == "content-type" || low == "content-md5" {
			fields = append(fields, Field{Name: name, Value: value})
		}
	}
	return fields
}

// signedParameters are those of a query that the resource of version 2 has.
var signedParameters = strings.Fields(`accelerate acl analytics cors defaultObjectAcl delete inventory lifecycle location logging metrics
	notification object-lock partNumber policy replication requestPayment response-cache-control response-content-disposition response-content-encoding
	response-content-language response-content-type response-expires restore select select-type storageClass tagging torrent uploadId uploads versionId
	versioning versions website`)

// subresources is the part of a query that is signed.
func subresources(query string) string {
	var kept []string
	for name, value := range pairs(query) {
		if !slices.Contains(signedParameters, name) {
			continue
		}
		if value != "" {
			name += "=" + value
		}
		kept = append(kept, name)
	}
	if len(kept) == 0 {
		return ""
	}
	slices.Sort(kept)
	return "?" + strings.Join(kept, "&")
}

// pairs walks the decoded parameters of a query.
func pairs(query string) func(func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for pair := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if name != "" && !yield(string(appendUnescaped(nil, name, true)), string(appendUnescaped(nil, value, true))) {
				return
			}
		}
	}
}

// Renew makes the claim of version 4 that takes the place of c, for a request in region.
func (c *ClaimV2) Renew(r *Request, region string, now time.Time) Claim {
	renewed := Claim{KeyID: c.KeyID, Service: "s3", Region: region, Query: c.Query, Payload: UnsignedPayload, Time: now.UTC(), AmzDate: now.UTC().Format(amzDateFormat), old: true}
	if c.Query {
		renewed.Expires = min(c.Expires.Sub(now).Truncate(time.Second)+time.Second, maxPresignExpiry)
		renewed.ExpiresText = strconv.Itoa(int(renewed.Expires / time.Second))
	}
	renewed.Date = renewed.AmzDate[:8]
	renewed.Signed = []string{"host"}
	for _, f := range r.Header {
		if name := lower(f.Name); strings.HasPrefix(name, "x-amz-") {
			renewed.Signed = append(renewed.Signed, name)
		}
	}
	return renewed
}
