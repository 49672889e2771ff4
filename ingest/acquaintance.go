package ingest

import "time"

// Acquaintance is somebody who has written or called before, as one of their requests names
// them. It is no record of a person: two requests of one citizen are two acquaintances, and
// nothing joins them (there is no file of the population).
type Acquaintance struct {
	Reference, Subject string
	Status             Status
	OpenedAt           time.Time
	Sender             Person
	// Opening is the submission that opened the request; "" where it was not asked for.
	Opening string
}
