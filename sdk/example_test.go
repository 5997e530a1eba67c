package sdk_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	cmsdk "github.com/neureaux/cloudmock/sdk"
)

func Example() {
	ctx := context.Background()

	recorder := cmsdk.NewRecorder()
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(&http.Client{Transport: recorder}))
	if err != nil {
		log.Fatal(err)
	}

	client := s3.NewFromConfig(cfg)
	if _, err := client.ListBuckets(ctx, &s3.ListBucketsInput{}); err != nil {
		log.Fatal(err)
	}

	if err := recorder.SaveToFile("recording.json"); err != nil {
		log.Fatal(err)
	}
	fmt.Println("recorded", len(recorder.Entries()), "entries")
}
