//go:build race

package office

// raceEnabled: the race detector makes all of this some ten times slower.
const raceEnabled = true
