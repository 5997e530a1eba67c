package diff

import (
	"encoding/json"
)

// A reason is why a pair of differing values was let pass; the report counts
// them by name.
type reason uint8

const (
	ruleNone reason = iota
	ruleName
	ruleTimestamp
	ruleID
	ruleToken
	ruleAccount
	ruleRegion
	ruleHost
	ruleOwner
	ruleDigest
	ruleBound
	ruleRewritten
	ruleLag
	ruleSpelling
	ruleRedacted
	ruleUser
)

var reasons = [...]struct{ name, why string }{
	ruleNone:      {"none", ""},
	ruleName:      {"name", "ignored by its name"},
	ruleTimestamp: {"timestamp", "both are timestamps of one format"},
	ruleID:        {"id", "both are generated ids of one form, and stand for each other"},
	ruleToken:     {"token", "both are opaque, and stand for each other"},
	ruleAccount:   {"account", "one account stands for the other"},
	ruleRegion:    {"region", "one region stands for the other"},
	ruleHost:      {"endpoint", "the host is the endpoint's own"},
	ruleOwner:     {"owner", "the owner of one side stands for that of the other"},
	ruleDigest:    {"digest", "each is the digest of its own side's content"},
	ruleBound:     {"bound", "the values are known to stand for each other"},
	ruleRewritten: {"rewritten", "the replayed request said so"},
	ruleLag:       {"lag", "a measured delay"},
	ruleSpelling:  {"spelling", "the same value spelled another way"},
	ruleRedacted:  {"redacted", "a pseudonym stands in the recording, and the replay has a value of its form"},
	ruleUser:      {"rule", "a rule says so"},
}

type rewriteJSON struct {
	Original string `json:"original"`
	Replay   string `json:"replay"`
}

// each decodes a JSON array of rewrites and calls fn for each; what is no such
// array has none.
func each(raw []byte, fn func(rewriteJSON)) {
	var all []rewriteJSON
	if json.Unmarshal(raw, &all) == nil {
		for _, v := range all {
			fn(v)
		}
	}
}
