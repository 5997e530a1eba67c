// Gosdk uses S3 through aws-sdk-go-v2 as an application would, and prints what it saw.
// The endpoint and the credentials come from the environment, as everywhere.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

const bucket = "gosdk-bucket"

func main() {
	log.SetFlags(0)
	unseekable := flag.Bool("unseekable", false, "send bodies that cannot be read twice, as a pipe's")
	versions := flag.Bool("versions", false, "use object versions, too; not every server has them")
	keep := flag.Bool("keep", false, "leave the objects; not every server deletes many at once reliably")
	tolerant := flag.Bool("tolerant", false, "go on after a step that the server cannot do")
	flag.Parse()
	if err := use(context.Background(), *unseekable, *versions, *keep, *tolerant); err != nil {
		log.Fatal(err)
	}
}

func use(ctx context.Context, unseekable, versions, keep, tolerant bool) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	a := &app{s3: s3.NewFromConfig(cfg), http: cfg.HTTPClient, unseekable: unseekable}
	if a.http == nil { // it is set for AWS_CA_BUNDLE
		a.http = http.DefaultClient
	}
	steps := []step{
		{"create", a.create},
		{"put", a.put},
		{"head", a.head},
		{"conditions", a.conditions},
		{"keys", a.keys},
		{"list", a.list},
		{"multipart", a.multipart},
		{"multipart copy", a.multipartCopy},
		{"copy", a.copy},
		{"presigned", a.presigned},
		{"errors", a.errors},
	}
	if !keep {
		steps = append(steps, step{"delete", a.delete})
	}
	if versions {
		steps = append(steps, step{"versions", a.versions})
	}
	for _, step := range steps {
		saw, err := step.do(ctx)
		if err != nil && !tolerant {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		if err != nil {
			saw += code(err)
		}
		fmt.Printf("%s: %s\n", step.name, saw)
	}
	return nil
}

type step struct {
	name string
	do   func(context.Context) (string, error)
}

type app struct {
	s3         *s3.Client
	http       aws.HTTPClient
	unseekable bool
}

func (a *app) create(ctx context.Context) (string, error) {
	_, err := a.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	return "created", err
}

// objects are put first; their sizes are those around which clients change how they send.
var objects = map[string]int{"empty": 0, "five": 5, "64k": 64 << 10, "8M+1": 8<<20 + 1}

func (a *app) put(ctx context.Context) (string, error) {
	var saw strings.Builder
	for _, name := range slices.Sorted(maps.Keys(objects)) {
		data := noise(objects[name])
		out, err := a.s3.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String("sizes/" + name), Body: a.body(data), ContentLength: aws.Int64(int64(len(data))),
			ContentType: aws.String("application/x-noise"), Metadata: map[string]string{"name": name, "quoted": `"a  b", c`},
		})
		if err != nil {
			return "", err
		}
		digest, err := a.digest(ctx, "sizes/"+name, nil)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&saw, "%s %s %s; ", name, aws.ToString(out.ETag), digest)
	}
	return saw.String(), nil
}

func (a *app) head(ctx context.Context) (string, error) {
	out, err := a.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("sizes/8M+1")})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %s %s %q", *out.ContentLength, *out.ContentType, *out.ETag, out.Metadata), nil
}

func (a *app) conditions(ctx context.Context) (string, error) {
	part, err := a.digest(ctx, "sizes/64k", aws.String("bytes=1000-1999"))
	if err != nil {
		return "", err
	}
	head, err := a.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("sizes/five")})
	if err != nil {
		return "", err
	}
	_, err = a.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("sizes/five"), IfNoneMatch: head.ETag})
	return part + " " + code(err), nil
}

func (a *app) keys(ctx context.Context) (string, error) {
	var saw strings.Builder
	for _, key := range []string{
		"a b", "c+d=é$@:!*()~", "%2F", "per%cent", "_$folder$", "semi;colon", "q?x=1&y", "ü/日本/€", "quote'\"", "tab\there", strings.Repeat("long/", 40) + "end",
	} {
		_, err := a.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("keys/" + key), Body: a.body([]byte(key)), ContentLength: aws.Int64(int64(len(key)))})
		if err != nil {
			return "", fmt.Errorf("%q: %w", key, err)
		}
		digest, err := a.digest(ctx, "keys/"+key, nil)
		if err != nil {
			return "", fmt.Errorf("%q: %w", key, err)
		}
		fmt.Fprintf(&saw, "%q %s; ", key, digest)
	}
	return saw.String(), nil
}

func (a *app) list(ctx context.Context) (string, error) {
	var saw strings.Builder
	pages := s3.NewListObjectsV2Paginator(a.s3, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), MaxKeys: aws.Int32(3), Prefix: aws.String("keys/"), Delimiter: aws.String("/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", err
		}
		for _, o := range page.Contents {
			fmt.Fprintf(&saw, "%q %d %s; ", *o.Key, *o.Size, *o.ETag)
		}
		for _, p := range page.CommonPrefixes {
			fmt.Fprintf(&saw, "%q; ", *p.Prefix)
		}
	}
	plus, err := a.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String("keys/c+d=é")})
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&saw, "%d with a plus", len(plus.Contents))
	return saw.String(), nil
}

const partSize = 5 << 20

func (a *app) multipart(ctx context.Context) (string, error) {
	up := manager.NewUploader(a.s3, func(u *manager.Uploader) { u.PartSize, u.Concurrency = partSize, 4 })
	out, err := up.Upload(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("big"), Body: a.body(noise(20 << 20))})
	if err != nil {
		return "", err
	}
	digest, err := a.digest(ctx, "big", nil)
	return *out.ETag + " " + digest, err
}

func (a *app) multipartCopy(ctx context.Context) (string, error) {
	up, err := a.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String("big copy")})
	if err != nil {
		return "", err
	}
	var parts []types.CompletedPart
	for n := range 4 {
		out, err := a.s3.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
			Bucket: aws.String(bucket), Key: aws.String("big copy"), UploadId: up.UploadId, PartNumber: aws.Int32(int32(n + 1)),
			CopySource: aws.String(bucket + "/big"), CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", n*partSize, (n+1)*partSize-1)),
		})
		if err != nil {
			return "", err
		}
		parts = append(parts, types.CompletedPart{ETag: out.CopyPartResult.ETag, PartNumber: aws.Int32(int32(n + 1))})
	}
	listed, err := a.s3.ListParts(ctx, &s3.ListPartsInput{Bucket: aws.String(bucket), Key: aws.String("big copy"), UploadId: up.UploadId})
	if err != nil {
		return "", err
	}
	out, err := a.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: aws.String(bucket), Key: aws.String("big copy"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if err != nil {
		return "", err
	}
	digest, err := a.digest(ctx, "big copy", nil)
	return fmt.Sprint(len(listed.Parts), " parts ", *out.ETag, " ", digest), err
}

func (a *app) copy(ctx context.Context) (string, error) {
	_, err := a.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String("copy"), CopySource: aws.String(bucket + "/keys/a%20b")})
	if err != nil {
		return "", err
	}
	return a.digest(ctx, "copy", nil)
}

func (a *app) presigned(ctx context.Context) (string, error) {
	sign := s3.NewPresignClient(a.s3)
	put, err := sign.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("pre signed"), ContentType: aws.String("text/plain")})
	if err != nil {
		return "", err
	}
	saw, err := a.send(put.Method, put.URL, put.SignedHeader, "presigned body")
	if err != nil {
		return "", err
	}
	get, err := sign.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("pre signed"), ResponseContentType: aws.String("text/x;a=b")})
	if err != nil {
		return "", err
	}
	got, err := a.send(get.Method, get.URL, get.SignedHeader, "")
	return saw + "; " + got, err
}

// send does what an HTTP client that knows nothing of AWS does with a presigned URL.
func (a *app) send(method, url string, header http.Header, body string) (string, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header = header.Clone()
	resp, err := a.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %q %q", resp.StatusCode, resp.Header.Get("Content-Type"), data), err
}

func (a *app) errors(ctx context.Context) (string, error) {
	_, missing := a.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("missing")})
	_, bucketless := a.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("no-such-bucket")})
	_, headless := a.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("missing")})
	return strings.Join([]string{code(missing), code(bucketless), code(headless)}, " "), nil
}

func (a *app) delete(ctx context.Context) (string, error) {
	pages := s3.NewListObjectsV2Paginator(a.s3, &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	deleted := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", err
		}
		var ids []types.ObjectIdentifier
		for _, o := range page.Contents {
			ids = append(ids, types.ObjectIdentifier{Key: o.Key})
		}
		out, err := a.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String(bucket), Delete: &types.Delete{Objects: ids}})
		if err != nil {
			return "", err
		}
		if len(out.Errors) > 0 {
			return "", fmt.Errorf("deleting %s: %s", *out.Errors[0].Key, *out.Errors[0].Message)
		}
		deleted += len(out.Deleted)
	}
	_, err := a.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String(bucket)})
	return fmt.Sprint(deleted), err
}

// versions writes over objects, reads what was there before, and removes it version by version.
func (a *app) versions(ctx context.Context) (string, error) {
	versioned := aws.String("gosdk-versioned")
	if _, err := a.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: versioned}); err != nil {
		return "", err
	}
	_, err := a.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: versioned, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		return "", err
	}
	var ids []*string
	for _, text := range []string{"first", "second", "third"} {
		out, err := a.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: versioned, Key: aws.String("doc"), Body: a.body([]byte(text)), ContentLength: aws.Int64(int64(len(text)))})
		if err != nil {
			return "", err
		}
		ids = append(ids, out.VersionId)
	}
	if _, err := a.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: versioned, Key: aws.String("doc")}); err != nil {
		return "", err
	}
	var saw strings.Builder
	for _, id := range ids {
		out, err := a.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: versioned, Key: aws.String("doc"), VersionId: id})
		if err != nil {
			return "", err
		}
		data, err := io.ReadAll(out.Body)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&saw, "%s; ", data)
	}
	list, err := a.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: versioned})
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&saw, "%d versions, %d markers", len(list.Versions), len(list.DeleteMarkers))
	for _, v := range list.Versions {
		if _, err := a.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: versioned, Key: v.Key, VersionId: v.VersionId}); err != nil {
			return "", err
		}
	}
	for _, m := range list.DeleteMarkers {
		if _, err := a.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: versioned, Key: m.Key, VersionId: m.VersionId}); err != nil {
			return "", err
		}
	}
	_, err = a.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: versioned})
	return saw.String(), err
}

// body is data as a file that can be sought or, to the SDK, as a stream of unknown origin.
func (a *app) body(data []byte) io.Reader {
	if a.unseekable {
		return struct{ io.Reader }{bytes.NewReader(data)}
	}
	return bytes.NewReader(data)
}

func (a *app) digest(ctx context.Context, key string, part *string) (string, error) {
	out, err := a.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Range: part})
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	h := sha256.New()
	n, err := io.Copy(h, out.Body)
	return fmt.Sprintf("%d:%x", n, h.Sum(nil)[:8]), err
}

// code is what an application would switch on.
func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

// noise is n bytes that do not compress, the same in every run.
func noise(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{'e', '2', 'e'}).Read(data)
	return data
}
