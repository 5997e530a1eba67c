package sign

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net/url"
	"testing"
	"time"
)

// The examples of the S3 User Guide, "Signing and authenticating REST requests".
func TestVersion2Examples(t *testing.T) {
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	for _, tt := range []struct {
		name, method, path, query, bucket string
		header                            []string
		signature                         string
	}{
		{"object GET", "GET", "/photos/puppy.jpg", "", "johnsmith", []string{"Date", "Tue, 27 Mar 2007 19:36:42 +0000"}, "bWq2s1WEIj+Ydj0vQ697zp+IXMU="},
		{"object PUT", "PUT", "/photos/puppy.jpg", "", "johnsmith", []string{"Content-Type", "image/jpeg", "Content-Length", "94328", "Date", "Tue, 27 Mar 2007 21:15:45 +0000"}, "MyyxeRY7whkBe+bq8fHCL/2kKUg="},
		{"list", "GET", "/", "prefix=photos&max-keys=50&marker=puppy", "johnsmith", []string{"User-Agent", "Mozilla/5.0", "Date", "Tue, 27 Mar 2007 19:42:41 +0000"}, "htDYFYduRNen8P9ZfE/s9SuKy0U="},
		{"fetch", "GET", "/", "acl", "johnsmith", []string{"Date", "Tue, 27 Mar 2007 19:44:46 +0000"}, "c2WLPFtWHVgbEmeEG93a4cG37dM="},
		{"delete, path style", "DELETE", "/johnsmith/photos/puppy.jpg", "", "", []string{"Date", "Tue, 27 Mar 2007 21:20:26 +0000"}, "lx3byBScXR6KzyMaifNkardMwNk="},
		{"delete, dated by x-amz-date", "DELETE", "/johnsmith/photos/puppy.jpg", "", "", []string{"Date", "Tue, 27 Mar 2007 21:20:27 +0000", "x-amz-date", "Tue, 27 Mar 2007 21:20:26 +0000"}, "R4dJ53KECjStyBO5iTBJZ4XVOaI="},
		{"upload", "PUT", "/db-backup.dat.gz", "", "static.johnsmith.net", []string{"User-Agent", "curl/7.15.5", "Date", "Tue, 27 Mar 2007 21:06:08 +0000",
			"x-amz-acl", "public-read", "content-type", "application/x-download", "Content-MD5", "4gJE4saaMU4BqNR0kLY+lw==", "X-Amz-Meta-ReviewedBy", "joe@johnsmith.net",
			"X-Amz-Meta-ReviewedBy", "jane@johnsmith.net", "X-Amz-Meta-FileChecksum", "0x02661779", "X-Amz-Meta-ChecksumAlgorithm", "crc32",
			"Content-Disposition", "attachment; filename=database.dat", "Content-Encoding", "gzip", "Content-Length", "5913339"}, "ilyl83RwaSoYIEdixDQcA4OnAnc="},
		{"list all my buckets", "GET", "/", "", "", []string{"Date", "Wed, 28 Mar 2007 01:29:59 +0000"}, "qGdzdERIC03wnaRNKh6OqZehG9s="},
		{"Unicode keys", "GET", "/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re", "", "", []string{"Date", "Wed, 28 Mar 2007 01:49:49 +0000"}, "DNEZGsoieTZ92F3bUfSPQcbGmlM="},
		{"in the query", "GET", "/photos/puppy.jpg", "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1175139620&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D", "johnsmith", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &Request{Method: tt.method, Path: tt.path, RawQuery: tt.query}
			for i := 0; i+1 < len(tt.header); i += 2 {
				r.Add(tt.header[i], tt.header[i+1])
			}
			if tt.signature != "" {
				r.Add("Authorization", "AWS AKIAIOSFODNN7EXAMPLE:"+tt.signature)
			}
			c, err := ParseV2(r)
			if err != nil || c.KeyID != "AKIAIOSFODNN7EXAMPLE" {
				t.Fatalf("%+v %v", c, err)
			}
			if err := c.Verify(r, secret, tt.bucket); err != nil {
				t.Error(err)
			}
			for what, change := range map[string]func(r *Request){
				"method": func(r *Request) { r.Method = "POST" },
				"path":   func(r *Request) { r.Path += "x" },
				"query":  func(r *Request) { r.RawQuery += "&versionId=1" },
				"field":  func(r *Request) { r.Add("X-Amz-Acl", "public-read-write") },
			} {
				changed := *r
				changed.Header = append([]Field(nil), r.Header...)
				change(&changed)
				if err := c.Verify(&changed, secret, tt.bucket); err == nil {
					t.Errorf("verifies with another %s", what)
				}
			}
			if c.Verify(r, "another", tt.bucket) == nil {
				t.Error("verifies with another secret")
			}
		})
	}
}

func TestVersion2IsRenewedUntilItExpires(t *testing.T) {
	now := time.Unix(1_700_000_000, 500_000_000)
	r := &Request{Method: "GET", Host: "b.s3.amazonaws.com", Path: "/k", RawQuery: "versionId=1&AWSAccessKeyId=AK&Expires=1700000060&x-amz-security-token=T&Signature=c2ln"}
	r.Add("x-amz-meta-a", "1")
	c, err := ParseV2(r)
	if err != nil {
		t.Fatal(err)
	}
	if c.CheckTime(now) != nil || c.CheckTime(now.Add(time.Hour)) == nil {
		t.Error("Expires does not count")
	}
	claim := c.Renew(r, "eu-west-1", now)
	var s Signer
	creds := Credentials{KeyID: "REAL", Secret: "s"}
	if err := s.SignQuery(r, creds, &claim, Options{Service: "s3", Region: "eu-west-1", Payload: UnsignedPayload}); err != nil {
		t.Fatal(err)
	}
	const want = "versionId=1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=REAL%2F20231114%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20231114T221320Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-amz-meta-a&X-Amz-Signature="
	if got := r.RawQuery; len(got) != len(want)+64 || got[:len(want)] != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	again, scheme, err := Parse(r)
	if err != nil || scheme != V4 || again.CheckTime(now, 0) != nil {
		t.Errorf("%v %v", scheme, err)
	}
	if _, err := s.Verify(r, &again, "s", ""); err != nil {
		t.Error(err)
	}
}

// Version 4 signs the whole query, so what version 2 left unsigned must not be handed to it.
func TestVersion2CoversWhatIsSignedAnew(t *testing.T) {
	const secret, fine = "secret", ""
	for _, tt := range []struct {
		name          string
		query, signed string // signed: of the query, as it stands in the resource
		fields        string // signed: as they stand before the resource
		header        []string
		inHeader      bool   // header-signed
		refused       string // the parameter, "mismatch", or fine
	}{
		{"a sub-resource of version 2", "acl", "?acl", "", nil, false, fine},
		{"overrides of the response's header", "response-content-type=a%2Fb", "?response-content-type=a/b", "", nil, false, fine},
		{"parameters of a list", "list-type=2&prefix=a%2F&max-keys=3", "", "", nil, false, fine},
		{"what S3 ignores and the client has for itself", "x-id=GetObject&x-trace=1", "", "", nil, false, fine},
		{"a field in the query", "x-amz-acl=private", "", "x-amz-acl:private\n", nil, false, fine},
		{"a field in the query and in the header", "x-amz-acl=private", "", "x-amz-acl:private\n", []string{"X-Amz-Acl", "private"}, false, fine},
		{"a field in the query, header-signed", "x-amz-acl=private", "", "x-amz-acl:private\n", nil, true, fine},

		{"a field added to the query", "x-amz-acl=public-read", "", "", nil, false, "mismatch"},
		{"a field added to the query, header-signed", "X-Amz-Acl=public-read", "", "", nil, true, "mismatch"},
		{"a field added to the query, escaped", "x%2Damz%2Dacl=public-read", "", "", nil, false, "mismatch"},
		{"a field added to the header", "", "", "", []string{"x-amz-acl", "public-read"}, false, "mismatch"},
		{"a field changed in the header", "x-amz-acl=private", "", "x-amz-acl:private\n", []string{"x-amz-acl", "public-read"}, false, "mismatch"},
		{"a sub-resource that version 2 does not know", "encryption", "", "", nil, false, "encryption"},
		{"another", "prefix=a&publicAccessBlock=", "", "", nil, false, "publicAccessBlock"},
		{"one that is escaped", "%65ncryption", "", "", nil, false, "encryption"},
		{"one of a header-signed request", "ownershipControls", "", "", nil, true, "ownershipControls"},
		{"one that nobody knows", "brandNew=1", "", "", nil, false, "brandNew"},
		{"parameters of a presigned request in a header-signed one", "Expires=1", "", "", nil, true, "Expires"},
		{"a media type beside that of the header", "content-type=text%2Fhtml", "", "", []string{"Content-Type", "text/plain"}, false, "content-type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &Request{Method: "PUT", Path: "/b/k", RawQuery: tt.query}
			media := ""
			for i := 0; i+1 < len(tt.header); i += 2 {
				r.Add(tt.header[i], tt.header[i+1])
				if tt.header[i] == "Content-Type" {
					media = tt.header[i+1]
				}
			}
			date := "1999999999"
			if tt.inHeader {
				date = "Tue, 27 Mar 2007 19:36:42 +0000"
				r.Add("Date", date)
			}
			mac := hmac.New(sha1.New, []byte(secret))
			mac.Write([]byte("PUT\n\n" + media + "\n" + date + "\n" + tt.fields + "/b/k" + tt.signed))
			signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
			if tt.inHeader {
				r.Add("Authorization", "AWS AK:"+signature)
			} else {
				r.RawQuery += "&AWSAccessKeyId=AK&Expires=" + date + "&Signature=" + url.QueryEscape(signature)
			}
			c, err := ParseV2(r)
			if err != nil {
				t.Fatal(err)
			}
			got := fine
			if err := c.Verify(r, secret, ""); errors.Is(err, ErrMismatch) {
				got = "mismatch"
			} else if unsigned, ok := errors.AsType[*UnsignedError](err); ok {
				got = unsigned.Parameter
			} else if err != nil {
				t.Fatal(err)
			}
			if got != tt.refused {
				t.Errorf("refused for %q, want %q", got, tt.refused)
			}
		})
	}
}
