package servertest

import "testing"

// A port is given out once, though nobody listens on it yet.
func TestFreePortIsGivenOnce(t *testing.T) {
	seen := map[int]bool{}
	for range 400 { // of 12,000: by chance alone some would come twice
		port, err := FreePort()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] {
			t.Fatalf("port %d was given twice", port)
		}
		seen[port] = true
	}
}
