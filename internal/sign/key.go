package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync"
)

// hmacSHA256 computes HMAC-SHA256 (RFC 2104) without touching the heap for the
// short messages that signing has.
func hmacSHA256(key, message []byte) [32]byte {
	var block [64]byte
	var stack [512]byte
	if len(key) > len(block) || len(message) > len(stack)-len(block) {
		h := hmac.New(sha256.New, key)
		h.Write(message)
		return [32]byte(h.Sum(nil))
	}
	copy(block[:], key)
	for i := range block {
		stack[i] = block[i] ^ 0x36
	}
	n := copy(stack[len(block):], message)
	inner := sha256.Sum256(stack[:len(block)+n])
	for i := range block {
		stack[i] = block[i] ^ 0x5c
	}
	copy(stack[len(block):], inner[:])
	return sha256.Sum256(stack[:len(block)+len(inner)])
}

// deriveKey makes the key for one day, region and service out of a secret.
func deriveKey(secret, date, region, service string) [32]byte {
	k := hmacSHA256([]byte("AWS4"+secret), []byte(date))
	k = hmacSHA256(k[:], []byte(region))
	k = hmacSHA256(k[:], []byte(service))
	return hmacSHA256(k[:], []byte(terminator))
}

type keyScope struct{ secret, date, region, service string }

// keyCache remembers derived keys. It is emptied when it holds maxKeys of them,
// which a client that invents regions could otherwise make grow for ever.
type keyCache struct {
	mu   sync.RWMutex
	keys map[keyScope][32]byte
}

const maxKeys = 1024

func (c *keyCache) get(secret, date, region, service string) [32]byte {
	scope := keyScope{secret, date, region, service}
	c.mu.RLock()
	key, ok := c.keys[scope]
	c.mu.RUnlock()
	if ok {
		return key
	}
	key = deriveKey(secret, date, region, service)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil || len(c.keys) >= maxKeys {
		c.keys = make(map[keyScope][32]byte)
	}
	c.keys[scope] = key
	return key
}
