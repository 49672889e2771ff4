package notice

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"saisine.fr/saisine/config/strictyaml"
	"saisine.fr/saisine/ingest"
)

//go:embed replies.yaml
var builtinReplies []byte

// RepliesName is what problems call the built-in texts of answers.
const RepliesName = "replies.yaml (built in)"

// BuiltinReplies is the built-in file of texts for answers, to be copied and changed.
func BuiltinReplies() string { return string(builtinReplies) }

// Replies are the texts from which agents start an answer to a citizen. They never change
// after LoadReplies.
type Replies struct {
	Replies []ReplyText `yaml:"replies"`
}

// ReplyText is a text from which an answer can be started.
type ReplyText struct {
	// Code names it for good, Label is what the agent chooses from.
	Code  string `yaml:"code"`
	Label string `yaml:"label"`
	// Categories are those that it fits; none means all.
	Categories []string `yaml:"categories"`
	// Status is what the request is proposed to become, or "".
	Status ingest.Status `yaml:"status"`
	// Subject and Body hold fields as in {{reference}}, see ReplyFields.
	Subject string `yaml:"subject"`
	Body    string `yaml:"body"`
}

// ReplyFields are what is filled into a text. What is foreign is put in as it is: nothing in
// it is a field.
type ReplyFields struct {
	Citizen, Reference, Subject string
	Received, Today             Day
	// Service may be empty: then it is the town hall.
	Service Contact
	// Agent is the name of who writes, with their function.
	Agent     string
	Town      Contact
	FollowURL string
}

// named are the values of the fields by their names in the texts.
func (f ReplyFields) named() map[string]string {
	hall := TownHall(clean(f.Town.Name, maxName))
	service, phone := viewContact(f.Service), clean(f.Town.Phone, 40)
	if service.Name == "" {
		service.Name = hall
	}
	if service.Phone != "" {
		phone = service.Phone
	}
	return map[string]string{
		"civilite": Civility(f.Citizen), "nom": clean(f.Citizen, maxName), "reference": clean(f.Reference, 40), "objet": clean(f.Subject, maxSubject),
		"date_reception": f.Received.French(), "date": f.Today.French(), "service": service.Name, "telephone": phone,
		"agent": clean(f.Agent, 2*maxName), "mairie": hall, "suivi": cleanURL(f.FollowURL),
	}
}

var (
	replyField = regexp.MustCompile(`\{\{([^{}]*)\}\}`)
	replyCode  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	unfilled   = regexp.MustCompile(`(?i)\[\s*à\s+compléter[^\]\n]*\]`)
)

// LoadReplies reads a town's own texts; "" means the built-in ones. name is what problems call
// the content; with it the error is a *strictyaml.Errors with every problem and its line.
func LoadReplies(name string, content []byte) (Replies, error) {
	if len(content) == 0 {
		name, content = RepliesName, builtinReplies
	}
	var r Replies
	var errs strictyaml.Errors
	pos := strictyaml.Decode(name, content, &r, &errs)
	problem := func(path, format string, args ...any) {
		if !slices.ContainsFunc(errs.List, func(p strictyaml.Problem) bool { return p.Path == path }) {
			errs.Add(pos.Problemf(path, format, args...))
		}
	}
	if len(r.Replies) == 0 {
		problem("replies", "there must be at least one text")
	}
	known := slices.Sorted(maps.Keys(ReplyFields{}.named()))
	codes := map[string]bool{}
	for i, t := range r.Replies {
		path := fmt.Sprintf("replies[%d]", i)
		if !replyCode.MatchString(t.Code) {
			problem(path+".code", "a code is made of small letters, digits and single hyphens, as in prise-en-charge")
		} else if codes[t.Code] {
			problem(path+".code", "the code %q is there twice", t.Code)
		}
		codes[t.Code] = true
		if strings.TrimSpace(t.Label) == "" {
			problem(path+".label", "a text needs a label")
		}
		if t.Status != "" && !slices.Contains(replyStatuses, t.Status) {
			problem(path+".status", "there is no status %q for an answer; there are %s", t.Status, joinStatuses())
		}
		t.checkText(path+".subject", t.Subject, ingest.MaxAnswerSubject, known, problem)
		t.checkText(path+".body", t.Body, ingest.MaxAnswerBody, known, problem)
		if strings.Contains(strings.TrimSpace(t.Subject), "\n") {
			problem(path+".subject", "a subject is one line")
		}
	}
	return r, errs.Err()
}

var replyStatuses = []ingest.Status{ingest.StatusInProgress, ingest.StatusWaitingCitizen, ingest.StatusAnswered, ingest.StatusClosed}

func joinStatuses() string {
	var names []string
	for _, s := range replyStatuses {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

func (t ReplyText) checkText(path, text string, limit int, known []string, problem func(path, format string, args ...any)) {
	switch {
	case strings.TrimSpace(text) == "":
		problem(path, "it must not be empty")
	case utf8.RuneCountInString(text) > limit:
		problem(path, "it is longer than %d characters", limit)
	}
	for _, m := range replyField.FindAllStringSubmatch(text, -1) {
		if name := strings.TrimSpace(m[1]); !slices.Contains(known, name) {
			problem(path, "there is no field {{%s}}; there are %s", name, strings.Join(known, ", "))
		}
	}
	if rest := replyField.ReplaceAllString(text, ""); strings.Contains(rest, "{{") || strings.Contains(rest, "}}") {
		problem(path, "double braces that are not closed, as in {{reference}}")
	}
}

// Fits reports whether a text is meant for a category.
func (t ReplyText) Fits(category string) bool {
	return len(t.Categories) == 0 || slices.Contains(t.Categories, category)
}

// For returns the texts in the order in which they are offered for a category: those made for
// it, those for all, then the others.
func (r Replies) For(category string) []ReplyText {
	rank := func(t ReplyText) int {
		switch {
		case len(t.Categories) == 0:
			return 1
		case t.Fits(category):
			return 0
		}
		return 2
	}
	out := slices.Clone(r.Replies)
	slices.SortStableFunc(out, func(a, b ReplyText) int { return rank(a) - rank(b) })
	return out
}

// Fill puts the facts of a request into a text. What is not known is left to the agent (Gaps).
func (t ReplyText) Fill(f ReplyFields) (subject, body string) {
	values := f.named()
	fill := func(text string) string {
		// Each field of the text is looked at once: what is filled in is not looked at again.
		return replyField.ReplaceAllStringFunc(strings.TrimSpace(text), func(field string) string {
			name := strings.TrimSpace(field[2 : len(field)-2])
			if values[name] == "" {
				return "[à compléter\u00a0: " + name + "]"
			}
			return values[name]
		})
	}
	return clean(fill(t.Subject), ingest.MaxAnswerSubject), fill(t.Body)
}

// Gaps returns what a text still asks its author to fill in: [à compléter : …].
func Gaps(text string) []string { return unfilled.FindAllString(text, -1) }

var (
	madam  = regexp.MustCompile(`(?i)^(mme|madame|mlle|mademoiselle)\b`)
	sir    = regexp.MustCompile(`(?i)^(m\.|mr\.?\s|m\s|monsieur\b)`)
	couple = regexp.MustCompile(`(?i)^(m\.?|mr\.?|monsieur|mme|madame)\s*(et|&|ou)\s*(m\.?|mr\.?|monsieur|mme|madame)(\s|$)`)
)

// Civility is how a letter addresses somebody of that name: by what they call themselves, and
// as "Madame, Monsieur" where they do not say, since a first name says nothing for sure.
func Civility(name string) string {
	name = clean(name, maxName)
	switch {
	case couple.MatchString(name):
	case madam.MatchString(name):
		return "Madame"
	case sir.MatchString(name):
		return "Monsieur"
	}
	return "Madame, Monsieur"
}
