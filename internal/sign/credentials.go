package sign

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
)

// Static hands out the same credentials for ever.
type Static Credentials

// Credentials implements Source.
func (s Static) Credentials(context.Context) (Credentials, error) { return Credentials(s), nil }

// String, GoString and MarshalText hide the secret, as those of Credentials.
func (s Static) String() string { return Credentials(s).String() }

// GoString is String.
func (s Static) GoString() string { return s.String() }

// MarshalText is String.
func (s Static) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Fallback signs with First, and where it has nothing, with Then.
type Fallback struct {
	First Source // may be nil
	Then  Credentials
}

// Credentials implements Source.
func (f Fallback) Credentials(ctx context.Context) (Credentials, error) {
	if f.First != nil {
		if c, err := f.First.Credentials(ctx); err == nil {
			return c, nil
		}
	}
	return f.Then, nil
}

// A Chain is the default credential chain of the AWS SDK: environment, shared
// files, SSO, web identity, container and instance. It caches, and renews what runs out.
type Chain struct {
	provider aws.CredentialsProvider
	// Region is the region that environment or profile name; it may be empty.
	Region string

	profile string

	mu     sync.Mutex
	failed error
	until  time.Time // failed is repeated until then
}

// retryAfter is how long a failure to find credentials is believed: looking for them
// can take seconds, where a machine has no metadata service.
const retryAfter = 15 * time.Second

// LoadChain reads the configuration of a profile; an empty name means the
// default one. It asks no service: the first call of Credentials does.
func LoadChain(ctx context.Context, profile string) (*Chain, error) {
	var options []func(*config.LoadOptions) error
	if profile != "" {
		options = append(options, config.WithSharedConfigProfile(profile))
	}
	// AWS_ENDPOINT_URL may name the very recorder that asks, whose STS and SSO
	// calls would then wait for themselves.
	// What the SDK would print of its search for credentials is not for the user of a
	// recorder; that there are none is said when a call needs them.
	options = append(options, config.WithBaseEndpoint(""), config.WithLogger(logging.Nop{}))
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("reading the AWS configuration: %w", err)
	}
	return &Chain{provider: c.Credentials, Region: c.Region, profile: cmp.Or(profile, os.Getenv("AWS_PROFILE"), "default")}, nil
}

// AddClients lets clients sign with further keys: text is ID:SECRET, or names a file
// in the form of ~/.aws/credentials, all of whose keys are taken. Their requests are forwarded
// with the credentials of as; where there are none, with the clients' own.
func AddClients(k *Keyring, text string, as Source) error {
	add := func(id, secret string) {
		own := Credentials{KeyID: id, Secret: secret}
		k.Add(Key{Credentials: own, As: Fallback{as, own}}, time.Time{})
	}
	if id, secret, ok := strings.Cut(text, ":"); ok && id != "" && secret != "" && !strings.ContainsAny(id, "/\\.") {
		add(id, secret)
		return nil
	}
	data, err := os.ReadFile(text)
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("neither ID:SECRET nor the name of a credentials file")
	}
	if err != nil {
		return err
	}
	var id, secret string
	found := false
	for line := range strings.Lines(string(data) + "\n[]\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			if id != "" && secret != "" {
				add(id, secret)
				found = true
			}
			id, secret = "", ""
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(name) {
		case "aws_access_key_id":
			id = strings.TrimSpace(value)
		case "aws_secret_access_key":
			secret = strings.TrimSpace(value)
		}
	}
	if !found {
		return fmt.Errorf("%s holds no aws_access_key_id with its aws_secret_access_key", text)
	}
	return nil
}

// Credentials implements Source.
func (c *Chain) Credentials(ctx context.Context) (Credentials, error) {
	c.mu.Lock()
	failed, until := c.failed, c.until
	c.mu.Unlock()
	if failed != nil && time.Now().Before(until) {
		return Credentials{}, failed
	}
	got, err := c.provider.Retrieve(ctx)
	if err != nil {
		err = fmt.Errorf("finding AWS credentials: %w", err)
		if ctx.Err() == nil {
			c.mu.Lock()
			c.failed, c.until = err, time.Now().Add(retryAfter)
			c.mu.Unlock()
		}
		return Credentials{}, err
	}
	return Credentials{KeyID: got.AccessKeyID, Secret: got.SecretAccessKey, Token: got.SessionToken}, nil
}

// Where says in which part of the configuration the credentials are found.
func (c *Chain) Where(ctx context.Context) string {
	got, err := c.provider.Retrieve(ctx) // from its cache
	if err != nil {
		return "nowhere"
	}
	source := got.Source
	name, file, _ := strings.Cut(source, ": ")
	switch name {
	case config.CredentialsSourceName: // of the environment
		return "the environment"
	case "SharedConfigCredentials":
		return "profile " + c.profile + " in " + file
	}
	if source == "" || strings.ContainsAny(source, " \t") {
		return "profile " + c.profile
	}
	return "profile " + c.profile + " (" + source + ")"
}
