package capture

import (
	"strings"
	"testing"
)

// BenchmarkHostileText looks for secrets in texts that consist of the words that
// secrets are found by. The time per byte must not grow with the text: whoever
// can send one through the recorder could make it stand still.
func BenchmarkHostileText(b *testing.B) {
	const size = 1 << 20
	for _, bench := range []struct{ name, text string }{
		{"names", "password"},
		{"names of keys", "secret_access_key"},
		{"assignments that are code", "password=("},
		{"assignments without an end", "x_token=password="},
		{"parameters", "mytoken="},
		{"escaped parameters", "%26signature%3D"},
		{"key ids", "AKIAAAAAAAAAAAAAAAAA/"},
		{"keys without a begin", "PRIVATE KEY"},
		{"tokens within words", "xFwoGxghp_xAIzaxeyJa"},
		{"web tokens that are none", "-eyJa"},
		{"messages without a colon", "authorization failure message "},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := &redactor{names: newPseudonymizer()}
			text := strings.Repeat(bench.text, size/len(bench.text))
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				r.freeText(text)
			}
		})
	}
}
