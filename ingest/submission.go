package ingest

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ocr"
)

// Channel names the way by which a submission came in.
type Channel string

// The channels of the interface; the names are part of the JSON that others script against.
const (
	ChannelMailbox Channel = "mailbox"
	ChannelWebform Channel = "webform"
	ChannelScan    Channel = "scan"
	ChannelCounter Channel = "counter"
	ChannelPhone   Channel = "phone"
	ChannelApp     Channel = "app"
	ChannelAPI     Channel = "api"
)

// Channels returns all channels, in the order in which people are shown them.
func Channels() []Channel {
	return []Channel{ChannelMailbox, ChannelWebform, ChannelScan, ChannelCounter, ChannelPhone, ChannelApp, ChannelAPI}
}

// State is where a submission stands in the ledger. Every submission leaves
// StateReceived for exactly one of the three others; only a retry by a person
// takes a failed one back to StateReceived.
type State string

// The states of the ledger.
const (
	StateReceived State = "received"
	StateFiled    State = "filed"
	StateSetAside State = "set_aside"
	StateFailed   State = "failed"
)

// Final reports whether the state is an end state.
func (s State) Final() bool { return s == StateFiled || s == StateSetAside || s == StateFailed }

// Link says how a filed submission belongs to its request.
type Link string

// The links between a submission and its request.
const (
	LinkOpens     Link = "opens"
	LinkDuplicate Link = "duplicate"
	LinkFollowUp  Link = "follow_up"
)

// Media types that saisine gives to originals which have none of their own.
const (
	// MediaMail is a mail as the server holds it (RFC 5322).
	MediaMail = "message/rfc822"
	// MediaForm is a post of the web form: a MIME entity whose header names the
	// multipart/form-data boundary and whose body is the post, byte for byte.
	MediaForm = "application/vnd.saisine.form"
	// MediaPDF, MediaTIFF, MediaJPEG and MediaPNG are scans.
	MediaPDF  = "application/pdf"
	MediaTIFF = "image/tiff"
	MediaJPEG = "image/jpeg"
	MediaPNG  = "image/png"
	// MediaText is plain text.
	MediaText = "text/plain"
	// MediaNote is a submission that somebody typed for a citizen, or that another
	// program hands over: a JSON object, see Note.
	MediaNote = "application/vnd.saisine.note+json"
	// MediaAPI is a submission that a program handed in as JSON, as it sent it.
	MediaAPI = "application/vnd.saisine.api+json"
	// MediaOpen311 is a service request of GeoReport v2, kept as MediaForm is.
	MediaOpen311 = "application/vnd.saisine.open311"
	// MediaCollation is a submission made of pages of scans in the ledger: a JSON
	// object, see Collation.
	MediaCollation = "application/vnd.saisine.collation+json"
	// MediaAbsent is what stands in the ledger for a thing that could not be taken (too
	// large, undeliverable): a text that says what it is and where it lies.
	MediaAbsent = "text/vnd.saisine.absent"
)

// Hints is what a channel knows about a submission beside its bytes. It is stored
// with the ledger row and never changes afterwards.
type Hints struct {
	// Service is a proposal by the channel (the scan folder's sub-folder), or "".
	Service string `json:"service,omitempty"`
	// Category is the citizen's own choice (the form), or "".
	Category string `json:"category,omitempty"`
	// Filename is the name of the file as the channel saw it, for people only.
	Filename string `json:"filename,omitempty"`
	// SourceRef identifies the concrete thing at the source (scan: path, size, mtime)
	// where SourceKey identifies its content, so that an interrupted
	// acknowledgement can be told from a second copy.
	SourceRef string `json:"source_ref,omitempty"`
	// Folder is the mail folder from which it was taken, or "".
	Folder string `json:"folder,omitempty"`
	// Partial is set when the original is not the thing itself: the header of a mail over
	// the limit, or a text (MediaAbsent) that says where the thing lies. There is nothing
	// to read then, and nothing to try again.
	Partial bool `json:"partial,omitempty"`
	// NoReceipt is set when the citizen must not be sent a receipt (bulk imports).
	NoReceipt bool `json:"no_receipt,omitempty"`
	// Batch names the upload at the desk with which a scan came, or "": there is no file
	// beside which a note could lie.
	Batch string `json:"batch,omitempty"`
	// TwoSided is set for a scan of one side of a stack: the fronts, or the backs in
	// reverse. It is joined with the other one.
	TwoSided bool `json:"two_sided,omitempty"`
	// Parents are the submissions that this one was made from: of a letter the scan that
	// it was in, of a stack its fronts and its backs.
	Parents []string `json:"parents,omitempty"`
	// Answers is the submission that this one answers, where the channel knows it for certain:
	// it was written on that one's follow-up page. "" elsewhere.
	Answers string `json:"answers,omitempty"`
	// Postmark is the day of the postmark as a clerk gave it, at midnight UTC, or zero. It
	// proves timely filing (CRPA L112-1), which the day of reception does not.
	Postmark time.Time `json:"postmark,omitzero"`
	// Digest is a hash of what was handed in under an idempotency key, fields and files, so
	// that the same key with something else in it is found out; "" elsewhere.
	Digest string `json:"digest,omitempty"`
	// ImportedAs is the status in which an imported request begins, and ImportedSince since when:
	// what was answered before saisine came is owed nothing.
	ImportedAs    Status    `json:"imported_as,omitempty"`
	ImportedSince time.Time `json:"imported_since,omitzero"`
	// Problems is what the channel already found wrong.
	Problems []Problem `json:"problems,omitempty"`
}

// Submission is one thing that one channel received at one time, on its way into
// the ledger. Once submitted it is evidence: nothing of it changes any more.
type Submission struct {
	Channel Channel
	// Account is the configured name of the mailbox, scan folder or form.
	Account string
	// SourceKey is unique within Channel and Account and stable over restarts, so
	// that handing the same thing in twice is a no-op.
	SourceKey string
	// Epoch names the source's numbering where the source can renumber itself
	// (mailbox: folder + UIDVALIDITY, RFC 3501 §2.3.1.1). When the same bytes come
	// under another epoch of the same account, they are the same submission.
	// "" means that the source never renumbers.
	Epoch string
	// ReceivedAt is when the town received it (mail: INTERNALDATE), not when saisine
	// got round to it. Zero means now.
	ReceivedAt time.Time
	// Original holds the bytes as received. Submit does not close it.
	Original  *Blob
	MediaType string
	Hints     Hints
	// Settled, when not "", puts the row into this end state at once, with Reason,
	// and nothing will be read: StateSetAside for a filled honeypot, StateFailed for
	// a mail over the size limit.
	Settled State
	Reason  string
}

// Receipt is the answer to a Submit that is durable.
type Receipt struct {
	// ID is the submission's identifier in the ledger.
	ID string
	// Replayed is true when the ledger held this submission before; the fields below
	// then describe the row as it stands.
	Replayed bool
	State    State
	Reason   string
	// Request is the reference of the request that it was filed in, or "".
	Request string
	// SourceRef is the Hints.SourceRef of the row.
	SourceRef string
	// Acknowledged is the place that the channel recorded with Acknowledge, or "".
	Acknowledged string
}

// Record is a row of the ledger, with what was read from the original so far.
type Record struct {
	Seq          int64 // place in the ledger
	ID           string
	Channel      Channel
	Account      string
	SourceKey    string
	ReceivedAt   time.Time
	RecordedAt   time.Time // when it came into the ledger
	SHA256       string
	Size         int64
	MediaType    string
	Hints        Hints
	State        State
	Reason       string
	Request      string // reference, or ""
	Link         Link   // or ""
	Attempt      int    // how often a person or the sweeper has taken it up anew
	Acknowledged string
	// Kept is set when a person has taken up what had been set aside.
	Kept    bool
	Verdict Verdict // of the virus scan
	// EliminatedAt is when it was eliminated, by the list with the number Elimination; zero for one
	// that is still there. Then its original and its reading are gone.
	EliminatedAt time.Time
	Elimination  int64
	Reading      *Reading // nil until it was read
}

// Person is somebody as they wrote themselves down.
type Person struct {
	Name    string `json:"name"`
	Email   string `json:"email"`
	Phone   string `json:"phone"`
	Address string `json:"address"`
}

// Problem is something wrong with a submission that did not keep it from being read.
type Problem struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Attachment is a file that came with a submission.
type Attachment struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Text   string `json:"text,omitempty"`
}

// Page is one page of a scan or PDF.
type Page struct {
	Number     int     `json:"number"`
	Text       string  `json:"text"`
	Source     string  `json:"source"` // text-layer, ocr, blank
	Confidence float64 `json:"confidence"`
	Rotation   int     `json:"rotation"`
	// Unsure is set when the page was recognised so badly that a person must look at it.
	Unsure bool `json:"unsure,omitempty"`
	// Separator is what the barcode of a separator sheet says; such a page belongs to no
	// letter.
	Separator string `json:"separator,omitempty"`
	// Layout says where the words of a recognised page stand. The ledger keeps it apart.
	Layout *ocr.Layout `json:"-"`
}

// LetterFacts is what a letter says of itself, beside sender, date and subject.
type LetterFacts struct {
	YourRef    string   `json:"your_ref,omitempty"`
	OurRef     string   `json:"our_ref,omitempty"`
	Signature  string   `json:"signature,omitempty"`
	Registered bool     `json:"registered,omitempty"` // lettre recommandée
	Enclosures []string `json:"enclosures,omitempty"`
}

// Reading is what a submission says: the outcome of the reading step, which can be
// made again from the original at any time.
type Reading struct {
	Kind       string // mail, pdf, tiff, image, text, form
	Subject    string
	From       Person
	To         []string
	Cc         []string
	Date       time.Time // the sender's own date, which proves nothing
	MessageID  string
	InReplyTo  []string
	References []string
	Automatic  string // why this is no citizen's message, or ""
	// NoReply says why mail rules forbid an automatic answer (RFC 3834), or "".
	NoReply string
	// Undelivered is set for a report that a mail could not be delivered (RFC 3464).
	Undelivered *Undelivered
	Text        string // the whole readable text, attachments not included
	OwnText     string // of a mail, the sender's own words: no quoted history, signature or footer
	Category    string // the citizen's choice, or ""
	Place       string
	Position    *Position // where it is in numbers; nil when nobody said so
	Attachments []Attachment
	Pages       []Page
	Total       int // pages in the file, those that were not read included
	Letter      LetterFacts
	Facts       Facts
	Problems    []Problem
}

// Undelivered is what a delivery report says of a mail that somebody here had sent.
type Undelivered struct {
	// MessageID is that of the mail, without angle brackets.
	MessageID string `json:"message_id"`
	Recipient string `json:"recipient,omitempty"`
	// Reason is the status (RFC 3463) and what the server said.
	Reason string `json:"reason,omitempty"`
}

// Recognised reports whether a page of it was recognised, so that its file has words that
// cannot be searched.
func (r Reading) Recognised() bool {
	return slices.ContainsFunc(r.Pages, func(p Page) bool { return p.Source == ocr.SourceOCR })
}

// sureness reports whether a page was read unsurely, and whether another one was read well.
func (r Reading) sureness() (unsure, sure bool) {
	for _, p := range r.Pages {
		switch {
		case p.Unsure:
			unsure = true
		case strings.TrimSpace(p.Text) != "" && p.Separator == "":
			sure = true
		}
	}
	return unsure, sure
}

// Words is what the sender wrote, as far as it can be told: the text to go by where a
// quoted history or a footer would mislead.
func (r Reading) Words() string {
	if r.OwnText != "" {
		return r.OwnText
	}
	return r.Text
}

// forwardSubject and forwardMark match a mail that passes another one on.
var (
	forwardSubject = regexp.MustCompile(`(?i)^\s*(?:tr|fw|fwd|transf|transféré|i)\s*:`)
	forwardMark    = regexp.MustCompile(`(?i)message\s+(?:d['’]origine|transféré|original)|forwarded\s+message|début\s+du\s+message`)
)

// Matter is what the submission is about, as far as words say it: the sender's own words,
// and of a mail that passes another one on ("pour traitement, svp") that one's too.
func (r Reading) Matter() string {
	if r.OwnText != "" && (forwardSubject.MatchString(r.Subject) || len(r.InReplyTo) == 0 && forwardMark.MatchString(r.Text)) {
		return r.Text
	}
	return r.Words()
}
