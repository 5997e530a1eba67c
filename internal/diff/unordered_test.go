package diff

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Elements that only generated ids tell apart are tried each with each, as long
// as they are few and small.
func TestManyLookAlikesGoTogetherInOrder(t *testing.T) {
	tests := []struct {
		name     string
		elements int
		padding  int
	}{
		{"few and small ones are tried with each other", 20, 10},
		{"many large ones are not", 200, 1000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := func(digit int) answer {
				var b strings.Builder
				b.WriteString(`<DescribeVolumesResponse><volumeSet>`)
				for i := range tt.elements {
					fmt.Fprintf(&b, `<item><volumeId>vol-%d%07x%09x</volumeId><size>8</size><note>%s</note></item>`, digit, 7919*(i+digit), 104729*(i+3*digit), strings.Repeat("x", tt.padding))
				}
				b.WriteString(`</volumeSet></DescribeVolumesResponse>`)
				return answer{Status: 200, Headers: map[string]string{"Content-Type": "text/xml"}, Body: b.String()}
			}
			d := New(Options{Strict: true})
			x := exchange{Service: "ec2", Action: "DescribeVolumes", Original: list(1), Replay: list(2)}
			if diff := cmp.Diff([]string{}, compareWith(t, d, x.line(t)).short()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if tried := d.job.likening > maxLikening; tried != (tt.elements == 200) {
				t.Errorf("looked at %d bytes for what is alike", d.job.likening)
			}
		})
	}
}
