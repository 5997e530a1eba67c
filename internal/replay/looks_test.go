package replay

import "testing"

func TestDrawn(t *testing.T) {
	tests := []struct {
		name, original, replay string
		want                   bool
	}{
		{"letters alone", "qcorscnw", "pdihgans", true},
		{"six letters and digits", "40uiuw", "ua75ek", true},
		{"letters of both cases behind a region", "eu-west-1_zNUwBIThp", "eu-west-1_GBsTeDS76", true},
		{"names that count", "rule01", "rule02", false},
		{"words", "default", "primary", false},
		{"letters behind another id", "ou-6lgo-htrrrrkk", "ou-i0p8-o8izz6ek", true},
		{"a word behind another id", "ou-6lgo-platform", "ou-i0p8-planform", false},
		{"lengths that differ", "qcorscnw", "pdihgansx", false},
		{"numbers", "123456", "987321", false},
		{"short ones", "xq1z", "wk7v", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := drawn([]byte(tt.original), []byte(tt.replay)); got != tt.want {
				t.Errorf("drawn(%q, %q) = %v", tt.original, tt.replay, got)
			}
		})
	}
}
