package notice

import (
	"time"

	"saisine.fr/saisine/ingest"
)

// LetterKind says what is written to whom. The words are stored and name the files of
// the texts, so they never change.
type LetterKind string

// The kinds of letters.
const (
	// LetterAEE is the accusé d’enregistrement électronique (CRPA R112-11-2).
	LetterAEE LetterKind = "aee"
	// LetterARE is the accusé de réception électronique (CRPA R112-11-1).
	LetterARE LetterKind = "are"
	// LetterJoined acknowledges a follow-up or a duplicate that joined a known request.
	LetterJoined LetterKind = "joined"
	// LetterStatus says that the request has moved on.
	LetterStatus LetterKind = "status"
	// LetterPieces asks for missing pieces (CRPA L114-5, R112-11-4).
	LetterPieces LetterKind = "pieces"
	// LetterPiecesReminder says that they are still missing.
	LetterPiecesReminder LetterKind = "pieces_reminder"
	// LetterService tells a service that a new request is its own.
	LetterService LetterKind = "service"
	// LetterDigest lists the new requests of the last hour for a service.
	LetterDigest LetterKind = "digest"
	// LetterMorning lists what is late, due today and due soon for a service.
	LetterMorning LetterKind = "morning"
	// LetterEscalation lists what is late for a manager.
	LetterEscalation LetterKind = "escalation"
	// LetterPaper is the acknowledgement on paper (CRPA L112-3, R112-5).
	LetterPaper LetterKind = "paper"
	// LetterReply is an agent's answer by mail, LetterReplyPaper the same as a letter to be
	// printed (CRPA L111-2).
	LetterReply      LetterKind = "reply"
	LetterReplyPaper LetterKind = "reply_paper"
	// LetterCounterReceipt is the receipt of what was said at the counter or on the phone.
	LetterCounterReceipt LetterKind = "counter_receipt"
)

// LetterKinds lists the kinds in the order above.
func LetterKinds() []LetterKind {
	return []LetterKind{
		LetterAEE, LetterARE, LetterJoined, LetterStatus, LetterPieces, LetterPiecesReminder,
		LetterService, LetterDigest, LetterMorning, LetterEscalation, LetterPaper,
		LetterReply, LetterReplyPaper, LetterCounterReceipt,
	}
}

// StatusReopened is the Status of a letter about a request that a follow-up opened again.
// The others are those of ingest.Status.
const StatusReopened = "reopened"

// StatusTransmitted is the Status of a letter about a request that was passed on to the
// administration that is competent for it (CRPA L114-2); Note names it.
const StatusTransmitted = "transmitted"

// Contact is how a person or a service is reached. Address is postal; its lines end with
// a line feed, or with a comma when it is all in one line.
type Contact struct{ Name, Email, Phone, Address string }

// Item is a request as a digest lists it.
type Item struct {
	Reference, Subject, Sender, Category string
	// URL is the page of the request at the desk.
	URL string
	Due Day
	// Rule is what is due, in a few French words.
	Rule string
	// Late is how many working days it is late; 0 = it is not.
	Late int
}

// Letter holds the facts of one letter. All of it may be foreign text: what is shown is
// cleaned of control characters and bounded in length.
type Letter struct {
	Kind LetterKind
	// Town is the town hall; its Name may be that of the commune alone.
	Town    Contact
	TownURL string
	Service Contact
	// Officer is the agent in charge, with the quality in Name (CRPA L111-2); may be empty.
	Officer Contact
	// Citizen is who wrote: the name for the salutation, the postal address for paper.
	Citizen                      Contact
	Reference, Subject, Category string
	Channel                      ingest.Channel
	// Received is when the town got it.
	Received time.Time
	Postmark Day
	// Status is, for LetterStatus, an ingest.Status or StatusReopened.
	Status string
	// Note is an agent's own words to the citizen, all of them in an answer; to a service, the
	// words of the request.
	Note string
	// Object is the subject of an answer, in the agent's words, and Number that of the register
	// of outgoing mail.
	Object, Number string
	// FollowURL is the page on which the reader follows the request: the citizen's own, or
	// that of the desk in what a service gets.
	FollowURL string
	// Plan are the deadlines of the request, as Calendar.Plan made them.
	Plan        Plan
	Pieces      []string
	PiecesUntil Day
	Items       []Item
	// Today is the date of the letter.
	Today Day
}

// Rendered is a letter as text. Subject is one line; Text has lines of 76 characters at
// most, longer ones only for a link; HTML is a whole page without anything remote.
type Rendered struct{ Subject, Text, HTML string }
