package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// app is an application as users have them: it knows nothing of a recorder. The
// environment says where AWS is.
func app(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithDefaultRegion("us-east-1"))
	if err != nil {
		return err
	}
	client := s3.NewFromConfig(cfg)
	bucket := aws.String("demo-reports")
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		return err
	}
	for _, name := range []string{"2026/01/sales & returns.csv", "2026/02/säles.csv", "logo.png", "empty"} {
		content := name + "\x00\xff\n"
		if name == "empty" {
			content = ""
		}
		_, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: bucket, Key: aws.String(name), Body: strings.NewReader(content),
			ContentType: aws.String("text/csv"), Metadata: map[string]string{"author": "demo"},
		})
		if err != nil {
			return err
		}
		if err := readBack(ctx, client, bucket, name, content); err != nil {
			return err
		}
	}
	if err := upload(ctx, client, bucket, "archive.tar"); err != nil {
		return err
	}
	if _, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String("2026/")}); err != nil {
		return err
	}
	if _, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("logo.png")}); err != nil {
		return err
	}
	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("nothing-here")})
	if _, missing := errors.AsType[*types.NoSuchKey](err); !missing {
		return fmt.Errorf("a key that is not there: %w", err)
	}
	_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("empty")})
	return err
}

func readBack(ctx context.Context, client *s3.Client, bucket *string, name, content string) error {
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String(name)})
	if err != nil {
		return err
	}
	defer out.Body.Close()
	got, err := io.ReadAll(out.Body)
	if err != nil {
		return err
	}
	if string(got) != content {
		return fmt.Errorf("%s came back as %q", name, got)
	}
	return nil
}

// upload sends an object in parts: the later calls carry an id that the
// service made in the first one.
func upload(ctx context.Context, client *s3.Client, bucket *string, name string) error {
	key := aws.String(name)
	created, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	if err != nil {
		return err
	}
	var parts []types.CompletedPart
	for n := range int32(2) {
		part, err := client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: bucket, Key: key, UploadId: created.UploadId, PartNumber: aws.Int32(n + 1),
			Body: bytes.NewReader(bytes.Repeat([]byte{'a' + byte(n)}, 4<<10)),
		})
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{ETag: part.ETag, PartNumber: aws.Int32(n + 1)})
	}
	_, err = client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: key, UploadId: created.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}
