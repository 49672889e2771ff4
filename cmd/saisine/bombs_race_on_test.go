//go:build race

package main

// raceEnabled: this binary takes several times the memory of the real one.
const raceEnabled = true
