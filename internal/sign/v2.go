package sign

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"iter"
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

// UnsignedError names a parameter of a query that S3 acts on and version 2 does not sign. One of version 4 signs it, so a
// request that has it must not get one: whoever holds a presigned URL could make more of it than was given.
type UnsignedError struct{ Parameter string }

func (e *UnsignedError) Error() string {
	return fmt.Sprintf("a signature of version 2 does not cover the parameter %q, and one of version 4 would", clip(e.Parameter))
}

// Verify checks the claim with the secret that belongs to its key, and that the request asks for nothing that version 2 leaves
// unsigned (*UnsignedError). bucket is the one that the host names, "" for a path that begins with it.
//
// The resource of /bucket is tried as it stands, as S3 documents it and s3cmd, curl and the SDK for Java sign it, and as
// /bucket/, which botocore signs whatever it sends. Both are the same bucket.
func (c *ClaimV2) Verify(r *Request, secret, bucket string) error {
	path := r.Path
	if bucket != "" {
		path = "/" + bucket + path
	}
	resources := []string{path}
	if strings.LastIndexByte(path, '/') == 0 && path != "/" {
		resources = append(resources, path+"/")
	}
	fields := signedFields(r)
	for _, resource := range resources {
		h := hmac.New(sha1.New, []byte(secret))
		h.Write(c.toSign(r.Method, resource+subresources(r.RawQuery), fields))
		want := base64.StdEncoding.EncodeToString(h.Sum(nil))
		if subtle.ConstantTimeCompare([]byte(want), []byte(c.Signature)) == 1 {
			return c.checkQuery(r)
		}
	}
	return ErrMismatch
}

// checkQuery refuses what of a query neither is signed nor may go unsigned.
func (c *ClaimV2) checkQuery(r *Request) error {
	for name, value := range pairs(r.RawQuery) {
		switch low := lower(name); {
		case slices.Contains(signedParameters, name), slices.Contains(unsignedParameters, name), strings.HasPrefix(low, "x-"):
		case c.Query && isOldParameter(name):
		case isField(low) && cmp.Or(r.Get(name), value) == value: // what stands in the header is signed in its place
		default:
			return &UnsignedError{Parameter: name}
		}
	}
	return nil
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

// signedFields are the header of a request and what stands for it in the query: botocore moves the fields of a presigned
// request there, the SDKs for Java and JavaScript the session token alone. A field that stands in both is signed once.
func signedFields(r *Request) []Field {
	fields := r.Header[:len(r.Header):len(r.Header)]
	for name, value := range pairs(r.RawQuery) {
		if low := lower(name); (isField(low) || strings.HasPrefix(low, "x-amz-")) && !slices.ContainsFunc(r.Header, func(f Field) bool { return lower(f.Name) == low && f.Value == value }) {
			fields = append(fields, Field{Name: name, Value: value})
		}
	}
	return fields
}

// isField reports whether a parameter stands for a header field that is signed by its place.
func isField(low string) bool { return low == "content-type" || low == "content-md5" }

// signedParameters are those of a query that the resource of version 2 has: those of botocore, more than any other client
// signs. A name that is missing here is refused, not left unsigned.
var signedParameters = strings.Fields(`accelerate acl analytics cors defaultObjectAcl delete inventory lifecycle location logging metrics
	notification object-lock partNumber policy replication requestPayment response-cache-control response-content-disposition response-content-encoding
	response-content-language response-content-type response-expires restore select select-type storageClass tagging torrent uploadId uploads versionId
	versioning versions website`)

// unsignedParameters say what of a list is wanted (S3 API reference: the URI request parameters of ListBuckets, ListObjects,
// ListObjectsV2, ListObjectVersions, ListMultipartUploads, ListParts and the lists of configurations). Version 2 never
// signed them and S3 heeds them all the same. Besides them S3 ignores what begins with x- and not with x-amz- ("Customizing
// access logs"), which is signed as a field.
var unsignedParameters = strings.Fields(`bucket-region continuation-token delimiter encoding-type fetch-owner id key-marker list-type marker max-buckets
	max-keys max-parts max-uploads part-number-marker prefix start-after upload-id-marker version-id-marker`)

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
func pairs(query string) iter.Seq2[string, string] {
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
