package ingest

import "time"

// TextKind is a kind of text that a town may change at the desk. It is stored.
type TextKind string

// The kinds of texts.
const (
	// TextCategories is the categories file (package classify); its name is CategoriesName.
	TextCategories TextKind = "categories"
	// TextLetter is a text of a letter (package notice); its name is that of the template.
	TextLetter TextKind = "letter"
	// TextReplies are the replies that agents start from; its name is RepliesName.
	TextReplies TextKind = "replies"
)

// The names of the texts of which there is one of a kind.
const (
	CategoriesName = "categories.yaml"
	RepliesName    = "replies.yaml"
)

// TownText is a version of a text that was changed at the desk. The newest of a kind and
// name is in force; an empty one gives way to the configured file or the built-in text.
type TownText struct {
	// Number names the version; it grows over all texts.
	Number  int64
	Kind    TextKind
	Name    string
	Content string
	// Agent is the login of who wrote it, AgentName their name, Note why.
	Agent, AgentName, Note string
	At                     time.Time
}

// CategoryUse is how many requests have a category.
type CategoryUse struct {
	// Open are neither answered nor closed; All includes them.
	Open, All int
}
