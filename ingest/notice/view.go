package notice

import (
	"fmt"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

// view is what the texts see of a letter: clean strings only, so that no text of the town
// can let foreign bytes through. Days and times are in French; "" is what is not known.
type view struct {
	Town                      contactView
	TownHall, TownURL         string
	Service, Officer, Citizen contactView
	Hello                     string
	Reference, Subject        string
	Category, Channel         string
	Received, ReceivedDay     string
	Postmark, Today           string
	Status, Note, FollowURL   string
	// Paragraphs is Note by its paragraphs and their lines: many mail programs know no other
	// way to keep them.
	Paragraphs                  [][]string
	Object, Number              string
	AREUntil                    string
	Silence                     silenceView
	Deadlines                   []deadlineView
	Pieces                      []string
	PiecesUntil                 string
	Items, Late, DueToday, Soon []itemView
	More                        int
}

type contactView struct {
	Name, Email, Phone string
	// Address is Lines in one line.
	Address string
	Lines   []string
}

type deadlineView struct{ Date, Rule, Article string }

type itemView struct {
	Reference, Subject, Sender, Category, URL, Due, Rule string
	// Late is "" or "3 jours ouvrés".
	Late string
}

// maxItems bounds a digest: after months without one, nobody reads more.
const maxItems = 100

func newView(c Calendar, l Letter) view {
	v := view{
		Town:        viewContact(l.Town),
		TownURL:     cleanURL(l.TownURL),
		Service:     viewContact(l.Service),
		Officer:     viewContact(l.Officer),
		Citizen:     viewContact(l.Citizen),
		Hello:       hello(l.Citizen.Name),
		Reference:   clean(l.Reference, 40),
		Subject:     clean(l.Subject, maxSubject),
		Category:    clean(l.Category, maxName),
		Channel:     channelWords[l.Channel],
		Postmark:    l.Postmark.French(),
		Today:       l.Today.French(),
		Status:      clean(l.Status, 40),
		Note:        cleanLines(l.Note, maxNote),
		FollowURL:   cleanURL(l.FollowURL),
		Object:      object(l),
		Number:      clean(l.Number, 40),
		Silence:     viewSilence(c, l.Plan),
		Pieces:      viewPieces(l.Pieces),
		PiecesUntil: l.PiecesUntil.French(),
		More:        max(0, len(l.Items)-maxItems),
	}
	v.TownHall = TownHall(v.Town.Name)
	for paragraph := range strings.SplitSeq(v.Note, "\n\n") {
		v.Paragraphs = append(v.Paragraphs, strings.Split(paragraph, "\n"))
	}
	if !l.Received.IsZero() {
		v.ReceivedDay = c.Day(l.Received).French()
		v.Received = v.ReceivedDay + " à " + clock24(l.Received.In(c.Zone()))
	}
	for _, d := range l.Plan.Deadlines {
		if d.Kind == KindARE {
			v.AREUntil = d.Day.French()
		}
		v.Deadlines = append(v.Deadlines, deadlineView{d.Day.French(), clean(d.Rule, maxSubject), clean(d.Article, maxName)})
	}
	for _, i := range l.Items[:len(l.Items)-v.More] {
		item := viewItem(i)
		v.Items = append(v.Items, item)
		switch {
		case i.Late > 0:
			v.Late = append(v.Late, item)
		case i.Due == l.Today && !i.Due.IsZero():
			v.DueToday = append(v.DueToday, item)
		default:
			v.Soon = append(v.Soon, item)
		}
	}
	return v
}

// object is the subject of an answer. It names the request, which an answer to it is then
// known by where its thread is lost.
func object(l Letter) string {
	subject, reference := clean(l.Object, maxSubject), clean(l.Reference, 40)
	if subject == "" || strings.Contains(subject, reference) {
		return subject
	}
	return clean(subject, maxSubject-50) + " (" + reference + ")"
}

// channelWords say how a request came.
var channelWords = map[ingest.Channel]string{
	ingest.ChannelMailbox: "par courriel",
	ingest.ChannelWebform: "par le formulaire en ligne",
	ingest.ChannelScan:    "par courrier",
	ingest.ChannelCounter: "au guichet",
	ingest.ChannelPhone:   "par téléphone",
	ingest.ChannelApp:     "par l’application",
	ingest.ChannelAPI:     "par un service en ligne",
}

// clock24 writes a time as French does: "9 h 05".
func clock24(t time.Time) string {
	return fmt.Sprintf("%d\u00a0h\u00a0%02d", t.Hour(), t.Minute())
}

func viewContact(c Contact) contactView {
	lines := addressLines(c.Address)
	return contactView{
		Name: clean(c.Name, maxName), Email: clean(c.Email, 254), Phone: clean(c.Phone, 40),
		Address: strings.Join(lines, ", "), Lines: lines,
	}
}

func viewPieces(pieces []string) []string {
	var list []string
	for _, p := range pieces {
		if p = clean(p, maxPiece); p != "" {
			list = append(list, p)
		}
	}
	return list
}

func viewItem(i Item) itemView {
	v := itemView{
		Reference: clean(i.Reference, 40), Subject: clean(i.Subject, maxSubject), Sender: clean(i.Sender, maxName),
		Category: clean(i.Category, maxName), URL: cleanURL(i.URL), Due: i.Due.French(), Rule: clean(i.Rule, maxSubject),
	}
	switch {
	case i.Late == 1:
		v.Late = "1 jour ouvré"
	case i.Late > 1:
		v.Late = fmt.Sprintf("%d jours ouvrés", i.Late)
	}
	return v
}
