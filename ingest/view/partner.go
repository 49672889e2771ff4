package view

import (
	"time"

	"saisine.fr/saisine/ingest"
)

// Item is a request as a list shows it.
type Item struct {
	Reference   string         `json:"reference"`
	Status      ingest.Status  `json:"status"`
	Category    string         `json:"category"`
	Service     string         `json:"service"`
	Confidence  float64        `json:"confidence"`
	NeedsReview bool           `json:"needs_review"`
	Subject     string         `json:"subject"`
	Sender      string         `json:"sender"`
	Place       string         `json:"place"`
	Channel     ingest.Channel `json:"channel"`
	OpenedAt    string         `json:"opened_at"`
	Urgent      bool           `json:"urgent"`
	Late        bool           `json:"late"`
	// Due is the next open deadline of the town, Day the same by its calendar; "" when there is none.
	Due string `json:"due"`
	Day string `json:"day"`
	// Pieces is the number of submissions in it.
	Pieces  int    `json:"pieces"`
	Excerpt string `json:"excerpt"`
}

// OfItem is an item of a list.
func OfItem(i ingest.ListItem, zone *time.Location) Item {
	return Item{
		Reference: i.Reference, Status: i.Status, Category: i.Category, Service: i.Service, Confidence: i.Confidence,
		NeedsReview: i.NeedsReview, Subject: i.Subject, Sender: i.Sender, Place: i.Place, Channel: i.Channel,
		OpenedAt: Time(i.OpenedAt, zone), Urgent: i.Urgent, Late: i.Late, Due: Time(i.Due, zone), Day: i.Day,
		Pieces: i.Pieces, Excerpt: i.Excerpt,
	}
}

// PublicEvent is something that happened to a request, as other programs are told of it. The
// names are those of the webhooks.
type PublicEvent struct {
	Seq        int64         `json:"seq"`
	Type       string        `json:"type"`
	Timestamp  string        `json:"timestamp"`
	Request    string        `json:"request"`
	Submission string        `json:"submission"`
	Category   string        `json:"category"`
	Service    string        `json:"service"`
	Status     ingest.Status `json:"status"`
	OldStatus  ingest.Status `json:"old_status"`
}

// OfPublicEvent is an event for other programs.
func OfPublicEvent(e ingest.PublicEvent, zone *time.Location) PublicEvent {
	return PublicEvent{
		Seq: e.Seq, Type: e.Kind, Timestamp: Time(e.At, zone), Request: e.Request, Submission: e.Submission,
		Category: e.Category, Service: e.Service, Status: e.Status, OldStatus: e.OldStatus,
	}
}

// Handover is a request at the town's other software.
type Handover struct {
	Request   string `json:"request"`
	Connector string `json:"connector"`
	// State and Reason are those of its delivery.
	State     ingest.OutboxState `json:"state"`
	Reason    string             `json:"reason"`
	RemoteID  string             `json:"remote_id"`
	RemoteURL string             `json:"remote_url"`
	// RemoteStatus is the other side's own word, as of CheckedAt; Trouble is why it could not be
	// asked then.
	RemoteStatus string `json:"remote_status"`
	CreatedAt    string `json:"created_at"`
	HandedAt     string `json:"handed_at"`
	CheckedAt    string `json:"checked_at"`
	Trouble      string `json:"trouble"`
}

// OfHandover is a hand-over.
func OfHandover(h ingest.Handover, zone *time.Location) Handover {
	return Handover{
		Request: h.Request, Connector: h.Connector, State: h.State, Reason: h.Reason, RemoteID: h.RemoteID, RemoteURL: h.RemoteURL, RemoteStatus: h.RemoteStatus,
		CreatedAt: Time(h.CreatedAt, zone), HandedAt: Time(h.HandedAt, zone), CheckedAt: Time(h.CheckedAt, zone), Trouble: h.Trouble,
	}
}
