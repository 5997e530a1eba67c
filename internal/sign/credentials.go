package sign

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Static hands out the same credentials for ever.
type Static Credentials

// Credentials implements Source.
func (s Static) Credentials(context.Context) (Credentials, error) { return Credentials(s), nil }

// A Chain is the default credential chain of the AWS SDK: environment, shared
// files, SSO, web identity, container and instance. It caches, and renews what runs out.
type Chain struct {
	provider aws.CredentialsProvider
	// Region is the region that environment or profile name; it may be empty.
	Region string
}

// LoadChain reads the configuration of a profile; an empty name means the
// default one. It asks no service: the first call of Credentials does.
func LoadChain(ctx context.Context, profile string) (*Chain, error) {
	var options []func(*config.LoadOptions) error
	if profile != "" {
		options = append(options, config.WithSharedConfigProfile(profile))
	}
	// AWS_ENDPOINT_URL may name the very recorder that asks, whose STS and SSO
	// calls would then wait for themselves.
	c, err := config.LoadDefaultConfig(ctx, append(options, config.WithBaseEndpoint(""))...)
	if err != nil {
		return nil, fmt.Errorf("reading the AWS configuration: %w", err)
	}
	return &Chain{provider: c.Credentials, Region: c.Region}, nil
}

// Credentials implements Source.
func (c *Chain) Credentials(ctx context.Context) (Credentials, error) {
	got, err := c.provider.Retrieve(ctx)
	if err != nil {
		return Credentials{}, fmt.Errorf("finding AWS credentials: %w", err)
	}
	return Credentials{KeyID: got.AccessKeyID, Secret: got.SecretAccessKey, Token: got.SessionToken}, nil
}
