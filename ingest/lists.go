package ingest

import "time"

// Filter says which requests a list shows. Zero fields choose nothing.
type Filter struct {
	Channel  Channel // by which the opening came
	Service  string
	Category string
	Status   Status
	// Settled includes what is answered or closed; without it, and without Status, a list
	// shows what is open.
	Settled bool
	// Late is what the town should have done before now.
	Late bool
	// Review is what a person must look at; Duplicates what may be the same as another one.
	Review, Duplicates bool
	// Mine is what is assigned to the viewer or, assigned to nobody, belongs to their services.
	Mine   bool
	Urgent bool
	// Words are searched in all that was written: each must stand in one submission of the
	// request, whatever its ending and accents. "quoted words" stand beside each other.
	Words string
	// From and To are days by the town's calendar, as 2026-04-23, both included.
	From, To string
	// Order is OrderNewest or OrderDue; "" is OrderNewest.
	Order Order
	// After is the ListPage.Next of the page before.
	After string
	// Beside is a request: the list begins behind it, or with Back before it and in the
	// reverse order. Total is not counted then.
	Beside string
	Back   bool
	// Limit is the number of items of a page; 0 means 50.
	Limit int
}

// Order is the order of a list.
type Order string

// The orders.
const (
	OrderNewest Order = "newest"
	OrderDue    Order = "due"
)

// ListItem is a request as a list shows it.
type ListItem struct {
	Reference   string
	Subject     string
	Sender      string
	Place       string
	Channel     Channel
	Category    string
	Service     string
	Status      Status
	NeedsReview bool
	Confidence  float64
	Urgent      bool
	// Duplicates is set when another request may be about the same.
	Duplicates bool
	Assignee   string // login, or ""
	OpenedAt   time.Time
	// Due is the next open deadline of the town; zero when there is none. Day, Rule and
	// Article say which it is.
	Due                time.Time
	Day, Rule, Article string
	Late               bool
	Pieces             int // submissions in it
	// Excerpt is the place in its texts where the words were found, or its beginning;
	// Passage is the same in pieces, with the words marked.
	Excerpt string
	Passage []Piece
}

// Piece is a part of a text.
type Piece struct {
	Text string
	// Found is set for a word that was searched for.
	Found bool
}

// ListPage is a page of a list.
type ListPage struct {
	Items []ListItem
	// Next asks for the page after this one; "" when this is the last.
	Next string
	// Total is how many there are in all, counted up to ListCounted; beyond it More is set.
	Total int
	More  bool
	// Ignored are words of the query that were not searched for: so common that they say
	// nothing, when there are no others, or beyond the number of words that are taken.
	Ignored []string
}

// ListCounted is how far a list counts: an agent needs to know that there are many, not how
// many.
const ListCounted = 10_000

// TabCounts are the figures on the tabs of the desk. Each respects what the viewer sees.
type TabCounts struct {
	Open, Review, Duplicates, Late, Mine, Urgent int
}

// MaxViewName is how many letters the name of a saved view has at most.
const MaxViewName = 60

// SavedView is a filter that an agent keeps under a name.
type SavedView struct {
	Name  string
	Query string // of the address of the list, without "?"
}
