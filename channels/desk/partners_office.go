package desk

import (
	"context"
	"time"

	"saisine.fr/saisine/ingest"
)

// Partners are the other programs: those that take requests over, those that are told of what
// happens, and those that ask by a key.
type Partners interface {
	PartnerConnectors
	PartnerWebhooks
	PartnerKeys
}

// PartnerConnectors are the town's other software that takes requests over.
type PartnerConnectors interface {
	// Connectors are those of the configuration, in its order.
	Connectors(ctx context.Context, v ingest.Viewer) ([]ConnectorState, error)
	// TestConnector logs in and looks whether what the configuration names is there. It changes
	// nothing, and ends within 20 s. What is wrong is no error.
	TestConnector(ctx context.Context, name string) (PartnerTest, error)
}

// PartnerWebhooks are the programs that are told of events.
type PartnerWebhooks interface {
	// Webhooks are those of the configuration, in its order.
	Webhooks(ctx context.Context, v ingest.Viewer) ([]WebhookState, error)
	// TestWebhook sends an event of the kind webhook.test, once, within 20 s. What is wrong is no
	// error.
	TestWebhook(ctx context.Context, name string) (PartnerTest, error)
	// EnableWebhook tells an endpoint again that had said that it is gone.
	EnableWebhook(ctx context.Context, v ingest.Viewer, name string) error
}

// PartnerKeys are the keys by which programs ask.
type PartnerKeys interface {
	// Keys lists all, those that are revoked too, by name.
	Keys(ctx context.Context) ([]ingest.APIKey, error)
	// AddKey returns the secret, which is kept nowhere. It is refused for a service to which the
	// viewer does not belong: a key must not read what who makes it may not.
	AddKey(ctx context.Context, v ingest.Viewer, k ingest.APIKey) (secret string, err error)
	RevokeKey(ctx context.Context, v ingest.Viewer, name string) error
}

// ConnectorState is a connector and how it fares. The numbers are totals of the machine, sealed
// requests among them, as those of its queues are: whoever runs it must see that something is
// stuck. What the other side said of a single case is not among that.
type ConnectorState struct {
	Name, Type string
	// Experimental is set for what was never tried on the real program.
	Experimental bool
	// Address is without secrets; Categories are codes.
	Address    string
	Categories []string
	// Waiting are hand-overs that are under way, Failed those that were given up, Cases what is at
	// the other side.
	Waiting, Failed, Cases int
	// CheckedAt is the last look at where a case stands, zero when there was none; Trouble why it
	// failed, or "". Withheld is set when the viewer may not read why.
	CheckedAt time.Time
	Trouble   string
	Withheld  bool
}

// WebhookState is a webhook and how it fares; of its numbers the same is true as of a connector's.
type WebhookState struct {
	Name, Address string
	// Events are kinds, none meaning all; Categories codes, none meaning all that are not sealed.
	Events, Categories []string
	// Off says why it is told nothing any more, or "".
	Off             string
	Waiting, Failed int
	// Last is the last try, zero when there was none. Withheld is set when the viewer may not read
	// what the other side said.
	Last     ingest.Try
	Withheld bool
}

// PartnerTest is what a test found.
type PartnerTest struct {
	// Trouble is what is wrong, in the words of the program, or "".
	Trouble string
	// Line is what was found, or what the other side answered.
	Line string
	// Status is the HTTP status of the answer to a webhook, 0 without one, and Took how long it
	// took.
	Status int
	Took   time.Duration
}
