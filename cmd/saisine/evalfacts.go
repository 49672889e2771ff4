package main

import "saisine.fr/saisine/ingest"

// evalSender is the sender of a labelled text: what its channel states of it.
func evalSender(l streamLine) ingest.Person { return l.Sender }

// evalPlace is the place of the matter of a labelled text: what its channel states of it.
func evalPlace(streamLine) string { return "" }
