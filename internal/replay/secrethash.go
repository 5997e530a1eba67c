package replay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"sync"

	"github.com/neureaux/cloudmock/internal/body"
	"github.com/neureaux/cloudmock/pkg/entry"
)

// A client of a Cognito user pool that has a secret proves so in its calls by a
// SecretHash: HMAC-SHA256 of user name and client id under the secret, in base64.
// (Amazon Cognito developer guide, "Computing secret hash values".) The
// endpoint made both id and secret, and so needs another hash.

// clientSecrets are those that the endpoint answered, by client id, up to a
// number of them. It is safe for concurrent use.
type clientSecrets struct {
	mu      sync.RWMutex
	secrets map[string]string
}

const maxClientSecrets = 4096

// learn keeps the secret of an answer that describes a client.
func (s *clientSecrets) learn(t *body.Tree, answer []byte) {
	if t.Parse(answer, bodyOptions("application/json")) != nil {
		return
	}
	for n := range t.Scalars {
		if string(t.Key(n)) != "ClientSecret" {
			continue
		}
		if id := child(t, t.Parent(n), "ClientId"); id != body.None {
			s.mu.Lock()
			if s.secrets == nil {
				s.secrets = make(map[string]string)
			}
			if len(s.secrets) < maxClientSecrets {
				s.secrets[string(t.Text(id))] = string(t.Text(n))
			}
			s.mu.Unlock()
		}
	}
}

// rehash computes the secret hash of a rewritten request anew. Without the
// client's secret, or a user's name, it stays as it is.
func (w *rewriter) rehash(k *correlator, dst []entry.Rewrite, r *request) ([]entry.Rewrite, bool) {
	t := &w.tree
	if t.Parse(r.body, bodyOptions(r.Get("Content-Type"))) != nil {
		return dst, false
	}
	id := child(t, t.Root(), "ClientId")
	if id == body.None {
		return dst, false
	}
	k.secrets.mu.RLock()
	secret, ok := k.secrets.secrets[string(t.Text(id))]
	k.secrets.mu.RUnlock()
	if !ok {
		return dst, false
	}
	for n := range t.Scalars {
		if key := string(t.Key(n)); key != "SecretHash" && key != "SECRET_HASH" {
			continue
		}
		user := child(t, t.Parent(n), "USERNAME")
		if user == body.None {
			user = child(t, t.Root(), "Username")
		}
		if user == body.None {
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(t.Text(user))
		mac.Write(t.Text(id))
		old, hash := string(t.Text(n)), base64.StdEncoding.EncodeToString(mac.Sum(nil))
		out, err := t.AppendEdited(nil, []body.Edit{{Node: n, Text: []byte(hash)}})
		if err != nil || old == hash {
			continue
		}
		k.add([]byte(old), []byte(hash), bindValue, false) // where a token stands for the user
		r.body = out
		return append(dst, entry.Rewrite{Original: old, Replay: hash, Where: "body"}), true
	}
	return dst, false
}

// child returns the member of an object, None if it is not there.
func child(t *body.Tree, object body.Node, name string) body.Node {
	if object == body.None {
		return body.None
	}
	for c := t.First(object); c != body.None; c = t.Next(c) {
		if string(t.Key(c)) == name {
			return c
		}
	}
	return body.None
}
