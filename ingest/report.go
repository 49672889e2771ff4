package ingest

import "time"

// Report is a request with what is needed to decide what of it is public. Nothing in it is by
// itself.
type Report struct {
	Reference string
	Status    Status
	Category  string // code
	Service   string // name of the service that has it now
	// Sealed is set when that service is sealed.
	Sealed bool
	// Confirmed is set when a person has chosen or confirmed the category.
	Confirmed bool
	OpenedAt  time.Time
	// UpdatedAt is when its status last changed; zero means OpenedAt.
	UpdatedAt time.Time
	// Channel is that of the submission that opened it. What follows is that submission's
	// reading, for ChannelApp; it is left empty for others.
	Channel  Channel
	Text     string // Reading.Text
	Place    string
	Position *Position
	Sender   Person
}

// ReportQuery says which requests are wanted. They are opened at or after From, and not after To.
type ReportQuery struct {
	From, To   time.Time
	Categories []string // codes; never empty
	// Open and Closed say which statuses: answered and closed are closed, all others open.
	Open, Closed bool
}
