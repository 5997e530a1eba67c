// Minio uses S3 through minio-go, which signs every chunk of a body when the endpoint is plain http, and prints what
// it saw. Endpoint and credentials come from AWS's environment variables.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const bucket = "minio-bucket"

func main() {
	log.SetFlags(0)
	if err := use(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func use(ctx context.Context) error {
	endpoint, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL"))
	if err != nil {
		return err
	}
	transport, err := transport()
	if err != nil {
		return err
	}
	c, err := minio.New(endpoint.Host, &minio.Options{
		Creds: credentials.NewEnvAWS(), Secure: endpoint.Scheme == "https", Region: os.Getenv("AWS_REGION"),
		Transport: transport, BucketLookup: minio.BucketLookupPath, TrailingHeaders: os.Getenv("TRAILERS") != "",
	})
	if err != nil {
		return err
	}
	a := &app{c, &http.Client{Transport: transport}}
	steps := []struct {
		name string
		do   func(context.Context) (string, error)
	}{
		{"create", a.create},
		{"put", a.put},
		{"stream", a.stream},
		{"copy", a.copy},
		{"compose", a.compose},
		{"list", a.list},
		{"presigned", a.presigned},
		{"errors", a.errors},
		{"delete", a.delete},
	}
	for _, step := range steps {
		saw, err := step.do(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Printf("%s: %s\n", step.name, saw)
	}
	return nil
}

// transport trusts what AWS_CA_BUNDLE names, as AWS's own SDKs do.
func transport() (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if bundle := os.Getenv("AWS_CA_BUNDLE"); bundle != "" {
		pem, err := os.ReadFile(bundle)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		t.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return t, nil
}

type app struct {
	s3   *minio.Client
	http *http.Client
}

func (a *app) create(ctx context.Context) (string, error) {
	if err := a.s3.MakeBucket(ctx, bucket, minio.MakeBucketOptions{}); err != nil {
		return "", err
	}
	exists, err := a.s3.BucketExists(ctx, bucket)
	return fmt.Sprint(exists), err
}

// put sends bodies around the sizes at which the framing of signed chunks changes.
func (a *app) put(ctx context.Context) (string, error) {
	var saw strings.Builder
	for _, size := range []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 3 << 20} {
		name := fmt.Sprintf("sizes/a b+%d", size)
		up, err := a.s3.PutObject(ctx, bucket, name, bytes.NewReader(noise(size)), int64(size), minio.PutObjectOptions{
			ContentType: "application/x-noise", UserMetadata: map[string]string{"size": fmt.Sprint(size)},
		})
		if err != nil {
			return "", err
		}
		digest, err := a.digest(ctx, name)
		if err != nil {
			return "", err
		}
		stat, err := a.s3.StatObject(ctx, bucket, name, minio.StatObjectOptions{})
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&saw, "%s %s %s; ", up.ETag, digest, stat.UserMetadata["Size"])
	}
	return saw.String(), nil
}

// stream uploads what has no known size, in parts.
func (a *app) stream(ctx context.Context) (string, error) {
	up, err := a.s3.PutObject(ctx, bucket, "stream", struct{ io.Reader }{bytes.NewReader(noise(20 << 20))}, -1, minio.PutObjectOptions{PartSize: 5 << 20})
	if err != nil {
		return "", err
	}
	digest, err := a.digest(ctx, "stream")
	return up.ETag + " " + digest, err
}

func (a *app) copy(ctx context.Context) (string, error) {
	_, err := a.s3.CopyObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "copied é"}, minio.CopySrcOptions{Bucket: bucket, Object: "sizes/a b+1"})
	if err != nil {
		return "", err
	}
	return a.digest(ctx, "copied é")
}

// compose makes an object of two others, with UploadPartCopy.
func (a *app) compose(ctx context.Context) (string, error) {
	up, err := a.s3.ComposeObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "composed"},
		minio.CopySrcOptions{Bucket: bucket, Object: "stream"}, minio.CopySrcOptions{Bucket: bucket, Object: "sizes/a b+1"})
	if err != nil {
		return "", err
	}
	digest, err := a.digest(ctx, "composed")
	return up.ETag + " " + digest, err
}

func (a *app) list(ctx context.Context) (string, error) {
	var saw strings.Builder
	for o := range a.s3.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true, MaxKeys: 4}) {
		if o.Err != nil {
			return "", o.Err
		}
		fmt.Fprintf(&saw, "%q %d %s; ", o.Key, o.Size, o.ETag)
	}
	return saw.String(), nil
}

func (a *app) presigned(ctx context.Context) (string, error) {
	u, err := a.s3.PresignedGetObject(ctx, bucket, "sizes/a b+1", time.Hour, url.Values{"response-content-type": {"text/x; a=b"}})
	if err != nil {
		return "", err
	}
	resp, err := a.http.Get(u.String())
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %q %x", resp.StatusCode, resp.Header.Get("Content-Type"), data), err
}

func (a *app) errors(ctx context.Context) (string, error) {
	_, missing := a.s3.StatObject(ctx, bucket, "missing", minio.StatObjectOptions{})
	_, bucketless := a.digest(ctx, "missing")
	return minio.ToErrorResponse(missing).Code + " " + minio.ToErrorResponse(bucketless).Code, nil
}

func (a *app) delete(ctx context.Context) (string, error) {
	deleted := 0
	for o := range a.s3.RemoveObjectsWithResult(ctx, bucket, a.s3.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}), minio.RemoveObjectsOptions{}) {
		if o.Err != nil {
			return "", o.Err
		}
		deleted++
	}
	return fmt.Sprint(deleted), a.s3.RemoveBucket(ctx, bucket)
}

func (a *app) digest(ctx context.Context, key string) (string, error) {
	o, err := a.s3.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return "", err
	}
	defer o.Close()
	h := sha256.New()
	n, err := io.Copy(h, o)
	return fmt.Sprintf("%d:%x", n, h.Sum(nil)[:8]), err
}

// noise is n bytes that do not compress, the same in every run.
func noise(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{'e', '2', 'e'}).Read(data)
	return data
}
