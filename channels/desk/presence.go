package desk

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// presenceFor is how long somebody counts as looking at a request after their browser last
// said so; it says so every presenceEvery.
const (
	presenceFor   = 50 * time.Second
	presenceEvery = 20 * time.Second
)

// presence remembers who has which request open. It is a courtesy, kept in memory: nothing
// depends on it. It is safe for concurrent use.
type presence struct {
	now  func() time.Time
	mu   sync.Mutex
	open map[string]map[string]seen // by reference and login
}

type seen struct {
	name string
	at   time.Time
}

func newPresence(now func() time.Time) *presence {
	return &presence{now: now, open: map[string]map[string]seen{}}
}

// look notes that somebody looks at a request, and returns the names of the others who do.
func (p *presence) look(reference, login, name string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for ref, people := range p.open {
		for who, s := range people {
			if now.Sub(s.at) > presenceFor {
				delete(people, who)
			}
		}
		if len(people) == 0 {
			delete(p.open, ref)
		}
	}
	people := p.open[reference]
	if people == nil {
		people = map[string]seen{}
		p.open[reference] = people
	}
	people[login] = seen{name, now}
	var others []string
	for who, s := range people {
		if who != login {
			others = append(others, s.name)
		}
	}
	slices.SortFunc(others, strings.Compare)
	return others
}
