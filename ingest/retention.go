package ingest

import (
	"fmt"
	"strings"
	"time"
)

// ErrEliminated means that what is asked for was eliminated, by a list that an administrator
// approved (code du patrimoine L212-2): it was there, and will not come back. It wraps ErrNotFound.
var ErrEliminated = fmt.Errorf("%w: eliminated", ErrNotFound)

// Fate is what becomes of a file when its time is over ("sort final").
type Fate string

// The fates. Only the first one is ever proposed for elimination.
const (
	FateDestroy Fate = "destroy"
	// FateKeep is handed over to the archives for good.
	FateKeep Fate = "keep"
	// FateSort is looked through by a person, who keeps some of it.
	FateSort Fate = "sort"
)

// Fates lists them in the order in which people are shown them.
func Fates() []Fate { return []Fate{FateDestroy, FateKeep, FateSort} }

// RetentionRule says how long a file is kept after it was closed ("durée d'utilité administrative"),
// and what becomes of it then. The zero one is no rule: nothing is ever proposed by it.
type RetentionRule struct {
	Years, Months int
	Fate          Fate
}

// IsZero reports whether there is no rule.
func (r RetentionRule) IsZero() bool { return r.Years == 0 && r.Months == 0 }

// Over is when the time is over of what was closed at a moment: the same day of the month, by the
// clock of the moment's zone. A day that the month does not have is its last one.
func (r RetentionRule) Over(closed time.Time) time.Time {
	months := 12*r.Years + r.Months
	over := closed.AddDate(0, months, 0)
	if over.Day() != closed.Day() {
		over = over.AddDate(0, 0, -over.Day()) // AddDate has gone on into the next month
	}
	return over
}

// String is the rule in a few French words.
func (r RetentionRule) String() string {
	var parts []string
	if r.Years > 0 {
		parts = append(parts, counted(r.Years, "an", "ans"))
	}
	if r.Months > 0 {
		parts = append(parts, fmt.Sprintf("%d mois", r.Months))
	}
	return strings.Join(parts, " et ")
}

// Retention is how long the town keeps what.
type Retention struct {
	// Categories has the rule of each category that the town has; one that is not in it has none.
	Categories map[string]RetentionRule
	// SetAside is for what is no citizen's message, Failed for what could not be read or filed;
	// both count from the reception.
	SetAside, Failed RetentionRule
}

// Eliminated is what stands for a request that was eliminated, for agents.
func Eliminated(at time.Time, list int64) string {
	return fmt.Sprintf("éliminée le %s par le bordereau n° %d", at.Format("02/01/2006"), list)
}
