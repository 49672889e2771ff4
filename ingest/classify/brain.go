package classify

import (
	"slices"
	"time"

	"saisine.fr/saisine/ingest/classify/model"
)

// brain is a trained model with all that was fitted to it. It is immutable and safe for
// concurrent use.
type brain struct {
	model  *model.Model
	labels []string // of the model, sorted
	fit    fit
	about  Version
	// lessons names the town's requests that it has learned from, sorted.
	lessons []uint64
}

// fit is what was fitted on predictions for texts that the model had not seen.
type fit struct {
	// Weights are those of the model and of the phrases.
	Weights weights `json:"weights"`
	// Sure is the confidence at and above which 95 of 100 categories were right.
	Sure float64 `json:"sure"`
	// Unwanted is the probability of an unwanted message above which no citizen's was.
	Unwanted float64 `json:"unwanted"`
}

// Version says what a trained model is.
type Version struct {
	// Name is that of its file, without the ending.
	Name string `json:"version"`
	// Hash is the SHA-256 of the model.
	Hash string `json:"hash"`
	// Source is SourceBuiltin or SourceTown.
	Source    string    `json:"source"`
	TrainedAt time.Time `json:"trained_at"`
	// Examples is how many texts it has learned from, Town how many of them are the
	// town's own requests.
	Examples int `json:"examples"`
	Town     int `json:"town_examples"`
	// Figures are those on texts held out of the training: of the built-in texts one
	// author at a time.
	Figures Figures `json:"figures"`
	// TownFigures are those on the town's requests alone.
	TownFigures *Figures `json:"town_figures,omitempty"`
	// Rules is the hash of the codes and phrases to which it was fitted. With others its
	// confidence is not to be trusted.
	Rules string `json:"rules,omitempty"`
}

// The sources of models.
const (
	SourceBuiltin = "builtin"
	SourceTown    = "town"
)

// newBrain joins a model with its fit.
func newBrain(m *model.Model, f fit, about Version, lessons []uint64) *brain {
	return &brain{model: m, labels: m.Labels(), fit: f, about: about, lessons: lessons}
}

// learned reports whether the model has learned from a request what s says of it.
func (b *brain) learned(s Settled) bool { return among(b.lessons, s) }

// among reports whether what s says of its request is one of these lessons, which are sorted.
func among(lessons []uint64, s Settled) bool {
	_, ok := slices.BinarySearch(lessons, s.lesson())
	return ok
}

// outdated reports whether the model was trained on the town's requests with other codes or
// phrases than those of this hash.
func (b *brain) outdated(rules string) bool {
	return b.about.Source == SourceTown && b.about.Rules != rules
}

// knows reports whether the model has learned a category.
func (b *brain) knows(code string) bool {
	_, ok := slices.BinarySearch(b.labels, code)
	return ok
}
