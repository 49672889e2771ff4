package main

import "time"

// clock is by what this program dates what comes in, and knows the hour, the day and the
// deadline. It is the system's: only the tests, which have weeks go by in minutes, put another
// one in its place, before anything runs. Time-outs and pauses go by the system's in any case.
var clock = time.Now

// Tests whose hours are short make these shorter too: how often the ledger is looked through for
// what the queue lacks (0 leaves that to the queue), by what the pauses between the tries of what
// failed are divided, and how long the mail server may take.
var (
	sweepEvery  time.Duration
	shortPauses = 1
	smtpTimeout time.Duration // of one step; 0: deliver's
)
