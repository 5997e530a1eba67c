// Embedded is an application that records its own AWS calls. Its body is what the SDK's documentation promises, word by
// word; the endpoint comes from the environment.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	cmsdk "github.com/neureaux/cloudmock/sdk"
)

func main() {
	recorder := cmsdk.NewRecorder()
	cfg, err := config.LoadDefaultConfig(context.TODO(),
		config.WithHTTPClient(&http.Client{Transport: recorder}),
	)
	if err != nil {
		log.Fatal(err)
	}
	out, err := s3.NewFromConfig(cfg).ListBuckets(context.TODO(), &s3.ListBucketsInput{})
	if err != nil {
		log.Fatal(err)
	}
	if err := recorder.SaveToFile("recording.json"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(out.Buckets), "buckets,", len(recorder.Entries()), "calls recorded")
}
