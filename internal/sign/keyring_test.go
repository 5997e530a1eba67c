package sign

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestKeyring(t *testing.T) {
	now := docsTime
	own := Static{KeyID: "OWN", Secret: "o"}
	k := NewKeyring(own)
	k.Add(Key{Credentials: Credentials{KeyID: "ROLE", Secret: "r", Token: "t"}, Expires: now.Add(time.Hour)}, now)
	k.Add(Key{Credentials: Credentials{KeyID: "CHILD", Secret: "c"}, As: own}, now)
	k.Add(Key{Credentials: Credentials{KeyID: "NOSECRET"}}, now)
	tests := []struct {
		name, id, outbound string
		at                 time.Time
		want               error
	}{
		{"the recorder's own key signs as itself", "OWN", "OWN", now, nil},
		{"a learned key signs as itself", "ROLE", "ROLE", now, nil},
		{"a minted key signs as the recorder", "CHILD", "OWN", now, nil},
		{"an expired key is refused", "ROLE", "", now.Add(2 * time.Hour), ErrKeyExpired},
		{"an unknown key has no default", "OTHER", "", now, ErrUnknownKey},
		{"the key id is not its own secret", "NOSECRET", "", now, ErrUnknownKey},
		{"no key at all", "", "", now, ErrUnknownKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key, err := k.Lookup(t.Context(), tt.id, tt.at)
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if err != nil {
				return
			}
			out, err := key.Outbound(t.Context())
			if err != nil || out.KeyID != tt.outbound {
				t.Errorf("signs as %s (%v), want %s", out.KeyID, err, tt.outbound)
			}
		})
	}
}

func TestKeyringIsBounded(t *testing.T) {
	k := NewKeyring(nil)
	k.Add(Key{Credentials: Credentials{KeyID: "KEEP", Secret: "s"}}, docsTime)
	for i := range 3 * maxKeyring {
		k.Add(Key{Credentials: Credentials{KeyID: strconv.Itoa(i), Secret: "s"}, Expires: docsTime.Add(time.Duration(i+1) * time.Second)}, docsTime)
	}
	if len(k.keys) > maxKeyring {
		t.Errorf("%d keys", len(k.keys))
	}
	if _, err := k.Lookup(t.Context(), "KEEP", docsTime); err != nil {
		t.Errorf("a key that never expires was dropped: %v", err)
	}
}

func TestChainReadsTheEnvironment(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AK")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	t.Setenv("AWS_SESSION_TOKEN", "t")
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	c, err := LoadChain(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Credentials(t.Context())
	if err != nil || got != (Credentials{"AK", "s", "t"}) || c.Region != "eu-west-1" {
		t.Errorf("got %v in %q, %v", got, c.Region, err)
	}
}

func TestLearnedKeyTakesNoOtherPlace(t *testing.T) {
	now := time.Now()
	k := NewKeyring(Static{KeyID: "OWN", Secret: "own"})
	k.Add(Key{Credentials: Credentials{KeyID: "MINTED", Secret: "minted"}, As: Static{}}, now)
	for _, tt := range []struct{ name, id, want string }{
		{"the recorder's own key stays", "OWN", "own"},
		{"a minted key stays", "MINTED", "minted"},
		{"a new key is known", "NEW", "learned"},
		{"a learned key is renewed", "NEW", "learned"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k.Learn(t.Context(), Key{Credentials: Credentials{KeyID: tt.id, Secret: "learned"}, Expires: now.Add(time.Hour)}, now)
			if key, err := k.Lookup(t.Context(), tt.id, now); err != nil || key.Secret != tt.want {
				t.Errorf("%q, %v; want %q", key.Secret, err, tt.want)
			}
		})
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	c := Credentials{KeyID: "AKID", Secret: "CANARY", Token: "CANARY"}
	for _, v := range []any{c, &c, Static(c), Key{Credentials: c, As: Static(c)}, Fallback{First: Static(c), Then: c}, struct{ Own Source }{Static(c)}, NewKeyring(Static(c))} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, "CANARY") {
				t.Errorf("%T with %s: %s", v, verb, s)
			}
		}
		if s, err := json.Marshal(v); err != nil || strings.Contains(string(s), "CANARY") {
			t.Errorf("%T as JSON: %s, %v", v, s, err)
		}
	}
}
