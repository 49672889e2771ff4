package desk

import (
	"context"
	"fmt"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// Texts are what an administrator may change in the page: the categories file, the texts of
// letters, the replies. Every act is refused to others. All are safe for concurrent use.
type Texts interface {
	// List returns all texts, without their contents and versions.
	List(ctx context.Context, v ingest.Viewer) ([]TownText, error)
	// Text returns a text as it is in force, with its newest versions.
	Text(ctx context.Context, v ingest.Viewer, key TextKey) (TownText, error)
	// Version returns one version with its content.
	Version(ctx context.Context, v ingest.Viewer, key TextKey, number int64) (TextVersion, error)
	// Check says what is wrong with a text, and what it would change.
	Check(ctx context.Context, v ingest.Viewer, key TextKey, content string) (TextCheck, error)
	// Samples names what Preview can show a text on; none for one that cannot be shown.
	Samples(key TextKey) []string
	// Preview shows a text on made-up facts; sample counts as Samples does. The error is a
	// *TextError where the text is broken.
	Preview(ctx context.Context, v ingest.Viewer, key TextKey, content string, sample int) (TextPreview, error)
	// Save puts a text into force. The error is a *TextError where it is broken, and a
	// refusal where somebody else has changed it since Base.
	Save(ctx context.Context, v ingest.Viewer, c TextChange) error

	// Categories are those of the file in force, as the form shows them.
	Categories(ctx context.Context, v ingest.Viewer) ([]CategoryForm, error)
	// EditCategory returns the categories file in force with this category changed, or added
	// with fresh; nothing is saved. The error wraps ErrByHand where the form cannot change
	// what it should.
	EditCategory(ctx context.Context, v ingest.Viewer, c CategoryForm, fresh bool) (content string, err error)
}

// ErrByHand says that the text has to be changed itself.
var ErrByHand = fmt.Errorf("%w: change the text itself", ingest.ErrRefused)

// TextKey names a text.
type TextKey struct {
	Kind ingest.TextKind
	Name string
}

// Path is the address of its page.
func (k TextKey) Path() string {
	return "/agent/administration/textes/" + string(k.Kind) + "/" + k.Name
}

// TownText is a text that the town may change.
type TownText struct {
	Key     TextKey
	Content string
	// Original is what is in force where the desk has changed nothing: that of the town's
	// file, whose path is File, or the built-in one.
	Original, File string
	// Number is that of the newest version; 0 when there is none.
	Number int64
	// Own is set when a version of the desk is in force.
	Own       bool
	ChangedAt time.Time
	ChangedBy string
	// Problems are those of the text in force that this program cannot do with.
	Problems []TextProblem
	Versions []TextVersion
}

// TextVersion is a version of a text. Content "" goes back to the original.
type TextVersion struct {
	Number  int64
	At      time.Time
	By      string
	Note    string
	Content string
}

// TextChange is a text to be put into force; Content "" goes back to the original.
type TextChange struct {
	Key           TextKey
	Content, Note string
	// Base is the number of the version that was changed.
	Base int64
}

// TextProblem is one thing that is wrong with a text.
type TextProblem struct {
	// File is the text in which it is, where that is another one; Line 0 is no line.
	File   string
	Line   int
	Column int
	// Path names the key, such as categories[2].label, or is "".
	Path string
	// Format and Args are the message: an English format, and its key in the catalogue.
	Format string
	Args   []any
}

// TextError says that a text is broken. Nothing was saved.
type TextError struct{ Problems []TextProblem }

// Error implements error.
func (e *TextError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("line %d: %s", p.Line, fmt.Sprintf(p.Format, p.Args...))
	}
	return "desk: the text is broken: " + strings.Join(lines, "; ")
}

// Unwrap makes it an ingest.ErrRefused.
func (e *TextError) Unwrap() error { return ingest.ErrRefused }

// TextCheck is what a text would do.
type TextCheck struct {
	// Problems forbid it, Warnings do not.
	Problems, Warnings []TextProblem
	// Categories are those that would change.
	Categories []CategoryChange
}

// CategoryChange is what a new categories file would do to one category.
type CategoryChange struct {
	Code, Label    string
	Added, Removed bool
	Fields         []FieldChange
	// Open and All are how many requests of the viewer have it.
	Open, All int
}

// FieldChange is a value of a category that would change; Key is that of the file. Of words
// and folders, which are long, From and To are "".
type FieldChange struct{ Key, From, To string }

// TextPreview is a text on made-up facts.
type TextPreview struct {
	Subject, Text string
	// HTML is a whole page, or "".
	HTML string
	// PDF is what is printed, or nil.
	PDF []byte
}

// CategoryForm is what the form changes of a category.
type CategoryForm struct {
	Code, Label                          string
	Service, Email, Phone, Address, Mail string
	Sealed, Public                       bool
	Quiet                                []ingest.Status
	Sense                                string
	Months                               int
	Note                                 string
	// Everywhere has the service change in its other categories too.
	Everywhere bool
}
