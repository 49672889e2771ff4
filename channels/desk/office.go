package desk

import (
	"context"
	"io"
	"time"

	"saisine.fr/saisine/ingest"
)

// This file is what the desk asks of the house. Each interface serves one group of pages,
// and is implemented outside. Errors wrap ingest.ErrNotFound for what is not there or hidden
// from the viewer, ingest.ErrRefused (mostly an *ingest.Refusal) for what makes no sense, and
// ingest.ErrUnavailable where the store cannot be reached. All are safe for concurrent use.

// Lists are the lists of requests.
type Lists interface {
	List(ctx context.Context, v ingest.Viewer, f ingest.Filter) (ingest.ListPage, error)
	TabCounts(ctx context.Context, v ingest.Viewer) (ingest.TabCounts, error)
	// Views are the viewer's saved views; SaveView replaces one of the same name, and
	// removes it where Query is "".
	Views(ctx context.Context, v ingest.Viewer) ([]ingest.SavedView, error)
	SaveView(ctx context.Context, v ingest.Viewer, view ingest.SavedView) error
}

// Requests shows one request.
type Requests interface {
	// Request returns a request as the viewer sees it: without suggestions, merged
	// references and mails that belong to what is hidden.
	Request(ctx context.Context, v ingest.Viewer, reference string) (ingest.Request, error)
	// Details are what its page shows beside it.
	Details(ctx context.Context, v ingest.Viewer, reference string) (Details, error)
	// Submission returns a piece with its reading.
	Submission(ctx context.Context, v ingest.Viewer, id string) (ingest.Record, error)
	// Suggested are the categories that may be meant, likeliest first, nine at most.
	Suggested(ctx context.Context, v ingest.Viewer, reference string) ([]ingest.Ranked, error)
}

// Details are what the page of a request shows beside the request.
type Details struct {
	History []ingest.Event
	// Why are, by the place of the deadline in Request.Deadlines, the reasons for its date.
	Why map[int][]string
	// Names are the agents' names by login, for histories and assignees.
	Names map[string]string
	// FollowURL is the citizen's page, LinkReasons why a piece was linked, by its id.
	FollowURL   string
	LinkReasons map[string][]string
	Assignee    string // login, or ""
}

// Acts are what an agent does to a request. Each is an event with the viewer as its actor.
type Acts interface {
	SetCategory(ctx context.Context, v ingest.Viewer, reference, code string) error
	SetStatus(ctx context.Context, v ingest.Viewer, reference string, status ingest.Status, note string) error
	// Correct changes what was read of who wrote, about what, and where.
	Correct(ctx context.Context, v ingest.Viewer, reference string, c Correction) error
	// Assign hands a request to an agent (login), or with "" to nobody.
	Assign(ctx context.Context, v ingest.Viewer, reference, login string) error
	// Reviewed confirms a request as it stands.
	Reviewed(ctx context.Context, v ingest.Viewer, reference string) error
	// Comment writes into the history what the citizen does not see.
	Comment(ctx context.Context, v ingest.Viewer, reference, text string) error

	Link(ctx context.Context, v ingest.Viewer, submission, reference string, link ingest.Link) error
	Unlink(ctx context.Context, v ingest.Viewer, submission string) (reference string, err error)
	Merge(ctx context.Context, v ingest.Viewer, from, into string) error
	Split(ctx context.Context, v ingest.Viewer, reference string, submissions []string) (newReference string, err error)
	// Apart says of two requests that they are different matters.
	Apart(ctx context.Context, v ingest.Viewer, a, b string) error

	AskPieces(ctx context.Context, v ingest.Viewer, reference string, pieces []string, until, note string) error
	PiecesCame(ctx context.Context, v ingest.Viewer, reference string, at time.Time) error
	Transmit(ctx context.Context, v ingest.Viewer, reference, to string, competent time.Time) error
	RevokeLinks(ctx context.Context, v ingest.Viewer, reference string) error
	// Assignable are the agents to whom a request can be handed, by name.
	Assignable(ctx context.Context, v ingest.Viewer, reference string) ([]ingest.Agent, error)
}

// Correction is what an agent corrects of a request. All fields are as they are to be.
type Correction struct {
	Subject string
	Sender  ingest.Person
	Place   string
}

// Files are the originals and what can be seen of them. What is read of a sealed service is
// noted with who read it.
type Files interface {
	// Original opens the bytes as they came in.
	Original(ctx context.Context, v ingest.Viewer, submission string) (File, error)
	// Attachment opens the nth attachment (from 0) of a mail or form.
	Attachment(ctx context.Context, v ingest.Viewer, submission string, n int) (File, error)
	// Copy opens the searchable copy of a scan.
	Copy(ctx context.Context, v ingest.Viewer, submission string) (File, error)
	// Mail opens a mail that the town wrote, as it was sent or printed.
	Mail(ctx context.Context, v ingest.Viewer, id string) (File, error)
	// HTML returns the HTML of a mail, sanitised, with its inline images as data: addresses;
	// "" for one that has none.
	HTML(ctx context.Context, v ingest.Viewer, submission string) (string, error)
	// Page returns the image of a page (from 1), upright, and where its words stand on it.
	Page(ctx context.Context, v ingest.Viewer, submission string, page int) (PageImage, error)
}

// File is something to be downloaded. Its reader must be closed.
type File struct {
	Name string // a proposal; the desk gives one of its own where it is not plain
	Type string
	Size int64 // -1 where it is not known
	Body io.ReadCloser
}

// PageImage is a page as a picture.
type PageImage struct {
	Type          string // image/jpeg or image/png
	Data          []byte
	Width, Height int // pixels
	Words         []PageWord
}

// PageWord is a word on a page.
type PageWord struct {
	Text       string
	Confidence float64 // 0–1
	// X, Y, W, H are its box in parts of the image's width and height (0–1).
	X, Y, W, H float64
}

// Replies are answers to citizens, and the register of outgoing mail.
type Replies interface {
	// Templates are the texts to start an answer from, those that fit the request first,
	// filled in for it.
	Templates(ctx context.Context, v ingest.Viewer, reference string) ([]ReplyTemplate, error)
	// Reply writes an answer: by mail, or as a letter to be printed. It returns the id of the
	// mail and its number in the register.
	Reply(ctx context.Context, v ingest.Viewer, reference string, r Reply) (mail, number string, err error)
	// Printed notes that a letter was printed and sent.
	Printed(ctx context.Context, v ingest.Viewer, mail string) error
}

// ReplyTemplate is a text to start an answer from.
type ReplyTemplate struct {
	Code, Label   string
	Subject, Body string
}

// Reply is an answer to a citizen.
type Reply struct {
	Subject, Body string
	// Paper is set for a letter to be printed.
	Paper bool
	// Status is what the request becomes, or "" to leave it.
	Status ingest.Status
}

// Counter helps to enter what is said at the counter and on the phone.
type Counter interface {
	// Known are earlier requests of a phone number or a name, newest first.
	Known(ctx context.Context, v ingest.Viewer, phone, name string) ([]Acquaintance, error)
	// Similar are requests that what is being typed may repeat.
	Similar(ctx context.Context, v ingest.Viewer, n ingest.Note) ([]ingest.Suggestion, []ingest.ListItem, error)
	// Outcome is what has become of a submission: its request, once there is one.
	Outcome(ctx context.Context, v ingest.Viewer, submission string) (ingest.Record, error)
	// Receipt is the printable receipt of a submission (PDF), which names its number, the
	// request when there is one, and the follow-up address.
	Receipt(ctx context.Context, v ingest.Viewer, submission string) (File, error)
}

// Acquaintance is a person who has written or called before, with one of their requests.
type Acquaintance struct {
	Person    ingest.Person
	Reference string
	Subject   string
	Status    ingest.Status
	OpenedAt  time.Time
}

// Paper is what the mail room needs: sheets, folders, registers.
type Paper interface {
	// Folders are the sub-folders of the scan folders, which name services.
	Folders(ctx context.Context) []string
	// Separators writes separator sheets (PDF).
	Separators(ctx context.Context, v ingest.Viewer) (File, error)
	// Register returns the lines of a register in a period (days by the town's calendar,
	// both included), oldest first.
	Register(ctx context.Context, v ingest.Viewer, q RegisterQuery) ([]ingest.RegisterLine, error)
	// RegisterPDF and RegisterCSV are the same to print and for a spreadsheet.
	RegisterPDF(ctx context.Context, v ingest.Viewer, q RegisterQuery) (File, error)
	RegisterCSV(ctx context.Context, v ingest.Viewer, q RegisterQuery) (File, error)
}

// RegisterQuery says which lines of which register.
type RegisterQuery struct {
	Outgoing bool
	From, To string // days as 2026-04-23
	Channel  ingest.Channel
}

// Failures are what went wrong and waits for a person.
type Failures interface {
	Failures(ctx context.Context, v ingest.Viewer, kind FailureKind, after string) (FailurePage, error)
	// FailureCount is for the tab.
	FailureCount(ctx context.Context, v ingest.Viewer) (int, error)
	// Retry takes up again what failed, was set aside or withheld; it returns how many were.
	Retry(ctx context.Context, v ingest.Viewer, ids []string) (int, error)
	// RetryAll takes up all that has failed of a kind.
	RetryAll(ctx context.Context, v ingest.Viewer, kind FailureKind) (int, error)
	// Channels are the ways in with their health.
	Channels(ctx context.Context) []ChannelState
}

// FailureKind is a list of the failures page.
type FailureKind string

// The lists of the failures page.
const (
	FailedSubmissions FailureKind = "envois"
	FailedDeliveries  FailureKind = "livraisons"
	FailedMails       FailureKind = "courriers"
	SetAside          FailureKind = "ecartes"
)

// FailurePage is a page of failures.
type FailurePage struct {
	Items []Failure
	Next  string
}

// Failure is one thing that went wrong.
type Failure struct {
	ID      string
	At      time.Time
	Channel ingest.Channel
	What    string // in plain French
	Reason  string
	// Next is the next step in plain French.
	Next string
	// Subject and From are what is known of it.
	Subject, From string
	Request       string // reference, or ""
	Submission    string // id, or ""
	CanRetry      bool
}

// ChannelState is how a way in fares.
type ChannelState struct {
	Name, Label string
	LastGood    time.Time // of the last poll that went well; zero while there was none
	// Stuck is set when there was none for 15 minutes.
	Stuck bool
	Error string
}

// Figures are counts over time.
type Figures interface {
	Figures(ctx context.Context, v ingest.Viewer, q FiguresQuery) (FigureSet, error)
}

// FiguresQuery says which period, by days of the town's calendar, both included.
type FiguresQuery struct{ From, To string }

// FigureSet is a set of tables, each with its chart.
type FigureSet struct{ Tables []FigureTable }

// FigureTable is a table, of which a chart can be drawn.
type FigureTable struct {
	Code, Title string
	// Note says how it was computed.
	Note    string
	Columns []string
	Rows    []FigureRow
	// Chart is bars, lines, or "" for none; Stacked adds the columns up.
	Chart   string
	Stacked bool
	Unit    string
}

// FigureRow is a row of a table. Values that are NaN are unknown.
type FigureRow struct {
	Label  string
	Values []float64
}

// Texts are what the town may change in the page: categories, letters, reply texts.
type Texts interface {
	List(ctx context.Context, v ingest.Viewer) ([]TownText, error)
	// Text returns the text in force, with its earlier versions.
	Text(ctx context.Context, v ingest.Viewer, kind, name string) (TownText, error)
	// Check says what is wrong with a text, by line, and gives a preview of it.
	Check(ctx context.Context, v ingest.Viewer, kind, name, content string) (TextCheck, error)
	// Save puts a text into force; "" goes back to the file or the built-in one.
	Save(ctx context.Context, v ingest.Viewer, kind, name, content, note string) error
}

// TownText is a text that the town may change.
type TownText struct {
	Kind, Name, Label string
	Content           string
	// Own is set when it was changed in the desk.
	Own       bool
	ChangedAt time.Time
	ChangedBy string
	Versions  []TextVersion
}

// TextVersion is an earlier version of a text.
type TextVersion struct {
	Number  int64
	At      time.Time
	By      string // name
	Note    string
	Content string
}

// TextCheck is what a text would do.
type TextCheck struct {
	Problems []string
	// Preview is a text; PreviewHTML, where there is one, is shown in a sandboxed frame.
	Preview     string
	PreviewHTML string
}

// Machine is the state of the program: queues and version.
type Machine interface {
	Queues(ctx context.Context) ([]QueueState, error)
	Version() string
}

// QueueState is a lane of the queue.
type QueueState struct {
	Name                              string
	Pending, Active, Scheduled, Retry int
	Archived, ProcessedToday          int
	FailedToday                       int
	Latency                           time.Duration
	Paused                            bool
}
