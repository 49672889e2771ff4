package child

import "testing"

// Which way up the content of a page puts its image (ISO 32000-1, 8.3.3).
func TestQuarters(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		content string
		want    int
		ok      bool
	}{
		"upright":         {"q 595 0 0 842 0 0 cm /I Do Q", 0, true},
		"half":            {"-595 0 0 -842 595 842 cm /I Do", 180, true},
		"clockwise":       {"0 -842 595 0 0 842 cm /I Do", 90, true},
		"anticlockwise":   {"0 842 -595 0 595 0 cm /I Do", 270, true},
		"half in steps":   {"q 0 1 -1 0 0 0 cm q 0 842 -595 0 0 0 cm /I Do Q Q", 180, true},
		"a hair askew":    {"595 2 -2 842 0 0 cm /I Do", 0, true},
		"askew":           {"595 30 -30 842 0 0 cm /I Do", 0, false},
		"mirrored":        {"-595 0 0 842 595 0 cm /I Do", 0, false},
		"mirrored across": {"0 842 595 0 0 0 cm /I Do", 0, false},
		"nothing":         {"0 0 0 0 0 0 cm /I Do", 0, false},
		"a line":          {"595 0 0 0 0 0 cm /I Do", 0, false},
	} {
		place, ok := placement([]byte(tc.content))
		if !ok {
			t.Errorf("%s: not placed", name)
		}
		if got, ok := place.quarters(); ok != tc.ok || got != tc.want {
			t.Errorf("%s: %d, %t, want %d, %t", name, got, ok, tc.want, tc.ok)
		}
	}
	if _, ok := (transform{}).quarters(); ok {
		t.Error("no matrix turns")
	}
}
