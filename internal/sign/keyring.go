package sign

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// ErrUnknownKey says that a request names an access key that nobody vouched for.
var ErrUnknownKey = errors.New("unknown access key")

// ErrKeyExpired says that the credentials behind an access key are no longer valid.
var ErrKeyExpired = errors.New("the credentials have expired")

// A Source hands out credentials that may change over time; it must be quick when they
// did not.
type Source interface {
	Credentials(context.Context) (Credentials, error)
}

// Key is one access key that clients may sign with.
type Key struct {
	Credentials
	Expires  time.Time // zero: never
	Identity string    // ARN of whom it belongs to; "" if that is not known
	Own      bool      // it is the recorder's own
	// As signs the forwarded request; nil signs with the key itself.
	As Source
}

// Keyring maps access key ids to their keys. It is safe for concurrent use, lives in
// memory only, and has no default: what it does not know is refused.
type Keyring struct {
	mu   sync.RWMutex
	keys map[string]Key
	self Source
}

// maxKeyring bounds the keys that answers can add; expired ones go first.
const maxKeyring = 4096

// NewKeyring returns a keyring that knows the credentials of self, which may be nil.
func NewKeyring(self Source) *Keyring {
	return &Keyring{keys: make(map[string]Key), self: self}
}

// Add makes a key known. A key without id or secret is ignored.
func (k *Keyring) Add(key Key, now time.Time) {
	if key.KeyID == "" || key.Secret == "" {
		return
	}
	key.KeyID = strings.Clone(key.KeyID)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.keys) >= maxKeyring {
		var soonest string
		for id, old := range k.keys {
			if old.Expires.IsZero() {
				continue
			}
			if old.Expires.Before(now) {
				delete(k.keys, id)
			} else if soonest == "" || old.Expires.Before(k.keys[soonest].Expires) {
				soonest = id
			}
		}
		if len(k.keys) >= maxKeyring {
			delete(k.keys, soonest)
		}
	}
	k.keys[key.KeyID] = key
}

// Learn makes a key known that an answer handed out. It takes the place of no key that
// was known from the start: one answer must not lock out the clients that sign with it.
func (k *Keyring) Learn(ctx context.Context, key Key, now time.Time) {
	k.mu.RLock()
	had, ok := k.keys[key.KeyID]
	k.mu.RUnlock()
	if ok && had.As != nil {
		return
	}
	if k.self != nil {
		if own, err := k.self.Credentials(ctx); err == nil && own.KeyID == key.KeyID {
			return
		}
	}
	k.Add(key, now)
}

// String says how many keys there are, and shows none.
func (k *Keyring) String() string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return fmt.Sprintf("keyring of %d", len(k.keys))
}

// GoString is String.
func (k *Keyring) GoString() string { return k.String() }

// Lookup returns the key with the given id. The credentials of the recorder itself
// are asked for each time, because they may have been renewed.
func (k *Keyring) Lookup(ctx context.Context, id string, now time.Time) (Key, error) {
	k.mu.RLock()
	key, ok := k.keys[id]
	k.mu.RUnlock()
	if ok {
		if !key.Expires.IsZero() && now.After(key.Expires) {
			return Key{}, ErrKeyExpired
		}
		return key, nil
	}
	if k.self != nil {
		c, err := k.self.Credentials(ctx)
		if err == nil && c.KeyID == id {
			return Key{Credentials: c, Own: true}, nil
		}
	}
	return Key{}, ErrUnknownKey
}

// Outbound returns the credentials that a request of key is forwarded with.
func (k Key) Outbound(ctx context.Context) (Credentials, error) {
	if k.As == nil {
		return k.Credentials, nil
	}
	return k.As.Credentials(ctx)
}
