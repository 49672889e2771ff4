package classify

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"saisine.fr/saisine/config/strictyaml"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/lazy"
)

//go:embed categories.yaml
var builtin []byte

// BuiltinName is what problems and reports call the built-in categories file.
const BuiltinName = "categories.yaml (built in)"

// File is a categories file: which categories a town has, which service sees to each,
// what its silence means, and the rules by which a submission is given one.
type File struct {
	// Threshold is the confidence (0–1) below which a person looks at the category; 0 = the
	// one found in training, at which 95 of 100 categories are right.
	Threshold float64 `yaml:"threshold"`
	// Weights says how much each kind of evidence counts beside the phrases.
	Weights Weights `yaml:"weights"`
	// Urgent lists words of danger, for which a person looks at once.
	// A file without this key has those of the built-in one; an empty one, {}, has none.
	Urgent *Urgent `yaml:"urgent"`
	// Retention says how long what is kept, where a category does not say so itself.
	Retention FileRetention `yaml:"retention"`
	// Categories in the order in which the form offers them.
	Categories []Category `yaml:"categories"`
}

// FileRetention is how long the town keeps what. What has no rule is kept for ever.
type FileRetention struct {
	// Default is for the categories without a rule of their own.
	Default Retention `yaml:"default"`
	// SetAside is for what is no citizen's message (advertising, automatic answers), Failed for
	// what could not be read or filed; both count from the reception.
	SetAside Span `yaml:"set_aside"`
	Failed   Span `yaml:"failed"`
}

// Span is a time in years, months or both; nothing of it is no rule.
type Span struct {
	Years  int `yaml:"years"`
	Months int `yaml:"months"`
}

// Retention is how long the requests of a category are kept after they were closed ("durée
// d'utilité administrative"), and what becomes of them then.
type Retention struct {
	Years  int `yaml:"years"`
	Months int `yaml:"months"`
	// Fate is destroy, keep or sort. Only what is to be destroyed is ever proposed.
	Fate ingest.Fate `yaml:"fate"`
}

// rule is it as a rule; one without a fate has that of the default.
func (r Retention) rule(def Retention) ingest.RetentionRule {
	if r == (Retention{}) {
		r = def
	}
	return ingest.RetentionRule{Years: r.Years, Months: r.Months, Fate: r.Fate}
}

func (s Span) rule() ingest.RetentionRule {
	return ingest.RetentionRule{Years: s.Years, Months: s.Months, Fate: ingest.FateDestroy}
}

// Urgent lists words of danger, written as Phrases.Any. They never change a category.
type Urgent struct {
	// Any raises the flag.
	Any []string `yaml:"any"`
	// Except lists longer phrases of which a part stands in Any and that mean no danger.
	Except []string `yaml:"except"`
}

// Weights says how much each kind of evidence counts; a phrase counts its own weight.
type Weights struct {
	// Choice is for the category that the citizen chose on the form.
	Choice float64 `yaml:"choice"`
	// Recipient is for an alias to which a mail was addressed.
	Recipient float64 `yaml:"recipient"`
	// Folder is for the sub-folder of a scan; it is shared by the categories of a folder.
	Folder float64 `yaml:"folder"`
	// Sender is for the domain of the sender's address.
	Sender float64 `yaml:"sender"`
	// Subject multiplies the weight of a phrase that stands in the subject.
	Subject float64 `yaml:"subject"`
}

// Category is one entry of the file.
type Category struct {
	// Code names the category in the database and in JSON; it never changes.
	Code string `yaml:"code"`
	// Label is its name for people.
	Label string `yaml:"label"`
	// Service sees to it.
	Service Service `yaml:"service"`
	// Silence says what it means when the town does not answer.
	Silence Silence `yaml:"silence"`
	// Quiet lists the statuses of which citizens are not told.
	Quiet []ingest.Status `yaml:"quiet"`
	// Retention says how long its requests are kept; nothing = retention.default of the file.
	Retention Retention `yaml:"retention"`
	// Public is true when it is about public space, so that others may see it (Open311).
	Public bool `yaml:"public"`
	// Description says in a line what it is about, to the users of apps; "" = the label.
	Description string `yaml:"description"`
	// Attributes are what apps ask of whoever reports something of it, in this order.
	Attributes []Attribute `yaml:"attributes"`
	// Recipients are mail addresses, or their parts before the @, that mean it.
	Recipients []string `yaml:"recipients"`
	// Senders are domains whose mail is about it; their sub-domains count too.
	Senders []string `yaml:"senders"`
	// Folders are names of sub-folders of scans that mean it.
	Folders []string `yaml:"folders"`
	// Phrases are the words that speak for it.
	Phrases []Phrases `yaml:"phrases"`
}

// Service is who sees to a category, as CRPA R112-11-1 wants it in an acknowledgement.
type Service struct {
	Name    string `yaml:"name"`
	Email   string `yaml:"email"`
	Phone   string `yaml:"phone"`
	Address string `yaml:"address"`
	// Mail says how the service is told of new requests: each (by a mail of its own), hourly
	// (in one list) or none.
	Mail string `yaml:"mail"`
	// Sealed is true when the service's requests are shown to its own agents only. It is
	// the same in all categories of a service.
	Sealed bool `yaml:"sealed"`
}

// How a service is told of new requests.
const (
	MailEach   = "each"
	MailHourly = "hourly"
	MailNone   = "none"
)

// The senses of silence.
const (
	SenseAcceptance = "acceptance"
	SenseRejection  = "rejection"
	// SenseNone is for procedures with rules of their own.
	SenseNone = "none"
)

// Silence is what it means when the town does not answer (CRPA L231-1 to L231-4).
type Silence struct {
	// Sense is acceptance, rejection or none.
	Sense string `yaml:"sense"`
	// Months is after how many months.
	Months int `yaml:"months"`
	// Note is the exceptions, for people.
	Note string `yaml:"note"`
}

// Phrases are words and groups of words with one weight.
type Phrases struct {
	// Weight is how much each of them counts; below 0 it speaks against the category.
	Weight float64 `yaml:"weight"`
	// Any lists them. Case, accents, plurals, doubled letters and small words (le, de,
	// dans…) make no difference; a star stands for any ending; one other word may stand
	// between two words of a group.
	Any []string `yaml:"any"`
}

// SetDefaults makes c what an entry without keys means: the law's default is rejection
// after two months (CRPA L231-4).
func (c *Category) SetDefaults() {
	*c = Category{Silence: Silence{Sense: SenseRejection, Months: 2}, Service: Service{Mail: MailEach}}
}

// SetDefaults makes f what an empty file means.
func (f *File) SetDefaults() {
	*f = File{Weights: Weights{Choice: 8, Recipient: 5, Folder: 5, Sender: 2, Subject: 2}}
}

// LoadFile reads a categories file ("" = the built-in one). When something is wrong
// with its content the error is a *strictyaml.Errors with every problem and its place.
func LoadFile(path string) (File, error) {
	if path == "" {
		return Parse(BuiltinName, builtin)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return File{}, fmt.Errorf("classify: %w", err)
	}
	return Parse(path, data)
}

// Builtin returns the text of the built-in categories file, to start one's own from.
func Builtin() string { return string(builtin) }

func parseFile(name string, data []byte) (File, error) {
	var errs strictyaml.Errors
	var f File
	f.SetDefaults()
	pos := strictyaml.Decode(name, data, &f, &errs)
	f.check(func(path, format string, args ...any) {
		if !slices.ContainsFunc(errs.List, func(p strictyaml.Problem) bool { return p.Path == path }) {
			errs.Add(pos.Problemf(path, format, args...))
		}
	})
	return f, errs.Err()
}

// Category returns the category with this code.
func (f *File) Category(code string) (Category, bool) {
	i := slices.IndexFunc(f.Categories, func(c Category) bool { return c.Code == code })
	if i < 0 {
		return Category{}, false
	}
	return f.Categories[i], true
}

var codeForm = lazy.Regexp(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// danger returns the words of danger.
func (f *File) danger() Urgent {
	if f.Urgent == nil {
		return Urgent{}
	}
	return *f.Urgent
}

// check reports what is wrong with the content.
func (f *File) check(add func(path, format string, args ...any)) {
	if !(f.Threshold >= 0 && f.Threshold <= 1) {
		add("threshold", "must be between 0 and 1")
	}
	for name, list := range map[string][]string{"any": f.danger().Any, "except": f.danger().Except} {
		for i, phrase := range list {
			if err := checkPhrase(phrase); err != nil {
				add(fmt.Sprintf("urgent.%s[%d]", name, i), "%s", err)
			}
		}
	}
	for name, w := range map[string]float64{
		"choice": f.Weights.Choice, "recipient": f.Weights.Recipient, "folder": f.Weights.Folder, "sender": f.Weights.Sender, "subject": f.Weights.Subject,
	} {
		if w < 0 || w > 100 {
			add("weights."+name, "must be between 0 and 100")
		}
	}
	f.checkRetention(add)
	if len(f.Categories) == 0 {
		add("categories", "at least one category is required")
	}
	for i, c := range f.Categories {
		path := fmt.Sprintf("categories[%d]", i)
		if !codeForm().MatchString(c.Code) {
			add(path+".code", "must be small letters and digits with single dashes between, such as etat-civil")
		}
		if j := slices.IndexFunc(f.Categories[:i], func(o Category) bool { return o.Code == c.Code }); j >= 0 && c.Code != "" {
			add(path+".code", "%s is the code of categories[%d] already", c.Code, j)
		}
		c.check(path, add)
		// A request is hidden by the name of its service: one that is half sealed is not.
		if j := slices.IndexFunc(f.Categories[:i], func(o Category) bool { return o.Service.Name == c.Service.Name }); j >= 0 && f.Categories[j].Service.Sealed != c.Service.Sealed {
			add(path+".service.sealed", "must be the same in all categories of %s: categories[%d] has %t", c.Service.Name, j, f.Categories[j].Service.Sealed)
		}
	}
}

// maxRetention bounds a time, in years: more is a slip.
const maxRetention = 120

func (f *File) checkRetention(add func(path, format string, args ...any)) {
	checkRule("retention.default", f.Retention.Default, add)
	checkSpan("retention.set_aside", f.Retention.SetAside, add)
	checkSpan("retention.failed", f.Retention.Failed, add)
}

func checkRule(path string, r Retention, add func(path, format string, args ...any)) {
	if r == (Retention{}) {
		return
	}
	checkSpan(path, Span{r.Years, r.Months}, add)
	if r.Years == 0 && r.Months == 0 {
		add(path, "needs years, months or both; leave it out to keep everything")
	}
	if !slices.Contains(ingest.Fates(), r.Fate) {
		add(path+".fate", "must be one of %v", ingest.Fates())
	}
}

func checkSpan(path string, s Span, add func(path, format string, args ...any)) {
	if s.Years < 0 || s.Years > maxRetention {
		add(path+".years", "must be between 0 and %d", maxRetention)
	}
	if s.Months < 0 || s.Months > 11 {
		add(path+".months", "must be between 0 and 11; twelve months are a year")
	}
}

// Kept returns how long the town keeps what.
func (f *File) Kept() ingest.Retention {
	r := ingest.Retention{Categories: map[string]ingest.RetentionRule{}, SetAside: f.Retention.SetAside.rule(), Failed: f.Retention.Failed.rule()}
	for _, c := range f.Categories {
		r.Categories[c.Code] = c.Retention.rule(f.Retention.Default)
	}
	return r
}

// Services returns the names of the services in the order of the file, each once.
func (f *File) Services() (all, sealed []string) {
	for _, c := range f.Categories {
		if slices.Contains(all, c.Service.Name) {
			continue
		}
		all = append(all, c.Service.Name)
		if c.Service.Sealed {
			sealed = append(sealed, c.Service.Name)
		}
	}
	return all, sealed
}

// ServicesOf returns the services that a folder or separator sheet of this name means, in the
// order of the file; none for a name that the file does not know.
func (f *File) ServicesOf(name string) []string {
	var out []string
	name = key(name)
	same := func(other string) bool { return key(other) == name }
	for _, c := range f.Categories {
		if name != "" && !slices.Contains(out, c.Service.Name) && (same(c.Code) || same(c.Service.Name) || slices.ContainsFunc(c.Folders, same)) {
			out = append(out, c.Service.Name)
		}
	}
	return out
}

func (c Category) check(path string, add func(path, format string, args ...any)) {
	if strings.TrimSpace(c.Label) == "" {
		add(path+".label", "is required")
	}
	if strings.TrimSpace(c.Service.Name) == "" {
		add(path+".service.name", "is required")
	}
	if e := c.Service.Email; e != "" && (strings.Count(e, "@") != 1 || strings.ContainsAny(e, " <>")) {
		add(path+".service.email", "must be a mail address without a name")
	}
	if modes := []string{MailEach, MailHourly, MailNone}; !slices.Contains(modes, c.Service.Mail) {
		add(path+".service.mail", "must be one of %s", strings.Join(modes, ", "))
	}
	for i, q := range c.Quiet {
		if !slices.Contains(quietable, q) {
			add(fmt.Sprintf("%s.quiet[%d]", path, i), "must be one of %v", quietable)
		}
	}
	senses := []string{SenseAcceptance, SenseRejection, SenseNone}
	if !slices.Contains(senses, c.Silence.Sense) {
		add(path+".silence.sense", "must be one of %s", strings.Join(senses, ", "))
	}
	if c.Silence.Months < 1 && c.Silence.Sense != SenseNone || c.Silence.Months < 0 || c.Silence.Months > 24 {
		add(path+".silence.months", "must be between 1 and 24")
	}
	checkRule(path+".retention", c.Retention, add)
	c.checkAttributes(path, add)
	for i, d := range c.Senders {
		if strings.ContainsAny(d, "@ ") || !strings.Contains(d, ".") {
			add(fmt.Sprintf("%s.senders[%d]", path, i), "must be a domain, such as caf.fr")
		}
	}
	for name, list := range map[string][]string{"recipients": c.Recipients, "folders": c.Folders} {
		for i, s := range list {
			if err := checkName(s); err != nil {
				add(fmt.Sprintf("%s.%s[%d]", path, name, i), "%s", err)
			}
		}
	}
	for i, p := range c.Phrases {
		at := fmt.Sprintf("%s.phrases[%d]", path, i)
		if p.Weight == 0 || p.Weight < -100 || p.Weight > 100 {
			add(at+".weight", "must be between -100 and 100, and not 0")
		}
		for j, phrase := range p.Any {
			if err := checkPhrase(phrase); err != nil {
				add(fmt.Sprintf("%s.any[%d]", at, j), "%s", err)
			}
		}
	}
}

// quietable are the statuses of which citizens can be left untold.
var quietable = []ingest.Status{ingest.StatusAssigned, ingest.StatusInProgress, ingest.StatusWaitingCitizen, ingest.StatusAnswered, ingest.StatusClosed}

func checkName(s string) error {
	if strings.TrimSpace(s) != s || s == "" || strings.Count(s, "@") > 1 {
		return errors.New("must be a name or address without spaces around it")
	}
	return nil
}

func checkPhrase(phrase string) error {
	list := phraseWords(phrase)
	if len(list) == 0 {
		return errors.New("nothing is left of it without its small words (le, de, dans…)")
	}
	for _, w := range list {
		if w.prefix && len(w.text) < minPrefix {
			return errors.New("at least three letters must stand before a star")
		}
	}
	return nil
}
