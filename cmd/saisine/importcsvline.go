package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
)

// csvProblemError is what is wrong with one cell.
type csvProblemError struct {
	column int // from 1; 0: the whole line
	title  string
	err    error
}

func (p *csvProblemError) Error() string {
	if p.column == 0 {
		return p.err.Error()
	}
	return fmt.Sprintf("column %d (%s): %v", p.column, p.title, p.err)
}

func (p *csvProblemError) Unwrap() error { return p.err }

// csvLines makes submissions of the records of one file. It is used by one goroutine.
type csvLines struct {
	columns    csvColumns
	zone       *time.Location
	now        time.Time
	statuses   map[string]ingest.Status // folded
	categories map[string]string        // folded codes and labels to codes
	path       string
	ids        map[[8]byte]linePlace // where an id stood, in all files of the import
	equal      map[[8]byte]int       // how many equal lines there were
}

// linePlace is a line of a file.
type linePlace struct {
	path string
	line int
}

// lines are those of one file. The ids are told apart over all files of the import, which
// have one account: of two lines with one id, the ledger would have the first only.
func (c *csvImport) lines(path string, columns csvColumns, in importInput) *csvLines {
	if c.ids == nil {
		c.ids = map[[8]byte]linePlace{}
	}
	return &csvLines{
		columns: columns, zone: in.zone, now: in.now(), statuses: c.known, categories: c.categories,
		path: path, ids: c.ids, equal: map[[8]byte]int{},
	}
}

// at makes a problem of a field.
func (l *csvLines) at(f csvField, format string, args ...any) error {
	i := l.columns.at[f]
	return &csvProblemError{column: i + 1, title: l.columns.titles[i], err: fmt.Errorf(format, args...)}
}

// submission makes one of a record. The error says what is wrong with which column.
func (l *csvLines) submission(line csvLine) (ingest.Submission, error) {
	note, err := l.note(line)
	if err != nil {
		return ingest.Submission{}, err
	}
	raw, err := json.Marshal(note)
	if err != nil {
		return ingest.Submission{}, err
	}
	sub := ingest.Submission{
		Channel: note.ChannelName(), ReceivedAt: note.At, Original: ingest.NewBlob(raw), MediaType: ingest.MediaNote,
		Hints: ingest.Hints{Category: note.Category},
	}
	if sub.SourceKey, err = l.key(line, note); err != nil {
		return sub, err
	}
	if status := ingest.Status(note.Status); status != "" && status != ingest.StatusNew {
		sub.Hints.ImportedAs = status
		if status == ingest.StatusAnswered || status == ingest.StatusClosed {
			sub.Hints.ImportedSince = note.ClosedAt
			if note.ClosedAt.IsZero() {
				sub.Hints.ImportedSince = note.At
			}
		}
	}
	return sub, nil
}

// key names a line: by the other program's id, else by what stands in it and how many equal
// ones came before.
func (l *csvLines) key(line csvLine, note ingest.Note) (string, error) {
	if note.ID != "" {
		sum := sha256.Sum256([]byte(note.ID))
		short := [8]byte(sum[:8])
		here := linePlace{l.path, line.number}
		before, ok := l.ids[short]
		switch {
		case ok && before.path != here.path:
			return "", l.at(csvID, "%q stands on line %d of %s already: files of several programs are imported one by one, each with an --account of its own", note.ID, before.line, before.path)
		case ok && before != here:
			return "", l.at(csvID, "%q stands on line %d already: is this column what tells the lines apart?", note.ID, before.line)
		}
		l.ids[short] = here
		return "id:" + note.ID, nil
	}
	sum := sha256.Sum256([]byte(strings.Join(line.cells, "\x1f")))
	short := [8]byte(sum[:8])
	n := l.equal[short]
	l.equal[short]++
	return "line:" + hex.EncodeToString(sum[:]) + ":" + strconv.Itoa(n), nil
}

func (l *csvLines) note(line csvLine) (ingest.Note, error) {
	cell := func(f csvField) string { return l.columns.cell(line.cells, f) }
	note := ingest.Note{
		ID: cell(csvID), Channel: string(channelNamed(cell(csvChannel))), Subject: cell(csvSubject), Body: cell(csvText), Place: cell(csvPlace),
		Category: l.categories[fold(cell(csvCategory))], Line: l.whole(line.cells),
		Sender: ingest.Person{
			Name:  strings.TrimSpace(cell(csvFirstName) + " " + cell(csvName)),
			Email: cell(csvEmail), Phone: cell(csvPhone),
			Address: strings.Join(nonEmpty(cell(csvAddress), strings.TrimSpace(cell(csvPostcode)+" "+cell(csvCity))), ", "),
		},
	}
	if note.Subject == "" && note.Body == "" {
		return note, &csvProblemError{err: errors.New("there is neither a text nor a subject in it")}
	}
	var err error
	if note.At, err = l.date(line.cells, csvAt); err != nil {
		return note, err
	}
	if note.At.IsZero() {
		return note, l.at(csvAt, "there is no date of reception")
	}
	if note.ClosedAt, err = l.date(line.cells, csvClosedAt); err != nil {
		return note, err
	}
	if note.Status, err = l.status(cell(csvStatus), note.ClosedAt); err != nil {
		return note, err
	}
	return note, l.position(line.cells, &note)
}

// whole is the line by the titles of its columns.
func (l *csvLines) whole(cells []string) map[string]string {
	out := make(map[string]string, len(l.columns.titles))
	for i, title := range l.columns.titles {
		if i < len(cells) && cells[i] != "" {
			out[title] = cells[i]
		}
	}
	return out
}

// csvDates are the ways in which programs and people write times, without a zone.
var csvDates = []string{
	"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
	"2/1/2006 15:04:05", "2/1/2006 15:04", "2/1/2006 15h04", "2/1/2006 à 15:04", "2/1/2006 à 15h04", "2/1/2006",
	"2-1-2006 15:04:05", "2-1-2006 15:04", "2-1-2006", "2.1.2006 15:04:05", "2.1.2006 15:04", "2.1.2006", "2006/01/02 15:04:05", "2006/01/02", "2/1/06 15:04", "2/1/06",
}

// date reads a time; the zero one where there is none.
func (l *csvLines) date(cells []string, f csvField) (time.Time, error) {
	text := l.columns.cell(cells, f)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	for i := 0; err != nil && i < len(csvDates); i++ {
		at, err = time.ParseInLocation(csvDates[i], text, l.zone)
	}
	switch {
	case err != nil:
		return at, l.at(f, "%q is no date; dates are written 2016-04-23 or 23/04/2016, with or without a time", cut(text))
	case at.After(l.now.AddDate(0, 0, 1)):
		return at, l.at(f, "%q lies in the future", cut(text))
	case at.Year() < 1900:
		return at, l.at(f, "%q lies before 1900", cut(text))
	}
	return at, nil
}

// cut shortens a cell for a message.
func cut(text string) string { return oneLine(text, 60) }

// status reads what the other program says of a request. Without a word, one that has a date
// of its end is closed.
func (l *csvLines) status(text string, closed time.Time) (string, error) {
	if text == "" {
		if !closed.IsZero() {
			return string(ingest.StatusClosed), nil
		}
		return "", nil
	}
	status, ok := l.statuses[fold(text)]
	if !ok {
		return "", l.at(csvStatus, "what the status %q means is not known; say it with --statuses %q", cut(text), cut(text)+"=closed")
	}
	return string(status), nil
}

func (l *csvLines) position(cells []string, note *ingest.Note) error {
	for _, f := range []struct {
		field csvField
		to    **float64
		most  float64
	}{{csvLatitude, &note.Latitude, 90}, {csvLongitude, &note.Longitude, 180}} {
		text := l.columns.cell(cells, f.field)
		if text == "" {
			continue
		}
		x, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
		if err != nil || math.IsNaN(x) || math.Abs(x) > f.most {
			return l.at(f.field, "%q is no %s in degrees, such as 48.8566", cut(text), f.field)
		}
		*f.to = &x
	}
	return nil
}

// csvChannels are the words for the channels, folded.
var csvChannels = map[string]ingest.Channel{
	"courriel": ingest.ChannelMailbox, "mail": ingest.ChannelMailbox, "email": ingest.ChannelMailbox, "e mail": ingest.ChannelMailbox, "mailbox": ingest.ChannelMailbox,
	"courrier": ingest.ChannelScan, "lettre": ingest.ChannelScan, "courrier papier": ingest.ChannelScan, "papier": ingest.ChannelScan, "letter": ingest.ChannelScan, "paper": ingest.ChannelScan, "scan": ingest.ChannelScan, "courrier postal": ingest.ChannelScan, "poste": ingest.ChannelScan,
	"formulaire": ingest.ChannelWebform, "web": ingest.ChannelWebform, "internet": ingest.ChannelWebform, "site": ingest.ChannelWebform, "site internet": ingest.ChannelWebform, "site web": ingest.ChannelWebform, "webform": ingest.ChannelWebform, "form": ingest.ChannelWebform, "portail": ingest.ChannelWebform, "formulaire web": ingest.ChannelWebform, "en ligne": ingest.ChannelWebform,
	"accueil": ingest.ChannelCounter, "guichet": ingest.ChannelCounter, "comptoir": ingest.ChannelCounter, "visite": ingest.ChannelCounter, "counter": ingest.ChannelCounter, "physique": ingest.ChannelCounter, "sur place": ingest.ChannelCounter,
	"telephone": ingest.ChannelPhone, "tel": ingest.ChannelPhone, "appel": ingest.ChannelPhone, "phone": ingest.ChannelPhone, "appel telephonique": ingest.ChannelPhone,
	"application": ingest.ChannelApp, "appli": ingest.ChannelApp, "app": ingest.ChannelApp, "mobile": ingest.ChannelApp, "application mobile": ingest.ChannelApp,
	"api": ingest.ChannelAPI, "logiciel": ingest.ChannelAPI,
}

// channelNamed is the channel that a word means. What is none came from another program.
func channelNamed(text string) ingest.Channel {
	return cmp.Or(csvChannels[fold(text)], ingest.ChannelAPI)
}

// csvStatuses are the words for the statuses.
func csvStatuses(chosen map[string]string) (map[string]ingest.Status, error) {
	out := map[string]ingest.Status{}
	for status, words := range map[ingest.Status]string{
		ingest.StatusNew:            "new,nouveau,nouvelle,open,ouvert,ouverte,recu,recue,a traiter,non traite,non traitee,enregistre,enregistree",
		ingest.StatusAssigned:       "assigned,confie,confiee,affecte,affectee,assigne,assignee,attribue,attribuee,transmis au service",
		ingest.StatusInProgress:     "in progress,en cours,en cours de traitement,en traitement,instruction,en instruction,pending",
		ingest.StatusWaitingCitizen: "waiting citizen,en attente,en attente du citoyen,en attente de pieces,en attente usager,waiting",
		ingest.StatusAnswered:       "answered,repondu,repondue,traite,traitee,resolu,resolue,resolved,done,fait,realise,realisee",
		ingest.StatusClosed:         "closed,close,clos,cloture,cloturee,ferme,fermee,termine,terminee,archive,archivee,classe,classee,sans suite,classe sans suite,classee sans suite,annule,annulee,refuse,refusee,rejete,rejetee,abandonne,abandonnee,cancelled,rejected",
	} {
		for word := range strings.SplitSeq(words, ",") {
			out[word] = status
		}
	}
	known := []ingest.Status{ingest.StatusNew, ingest.StatusAssigned, ingest.StatusInProgress, ingest.StatusWaitingCitizen, ingest.StatusAnswered, ingest.StatusClosed}
	for word, text := range chosen {
		status, ok := out[fold(text)]
		if !ok {
			return nil, usageError{fmt.Errorf("--statuses: there is no status %q; there are %s", text, joinNames(known))}
		}
		out[fold(word)] = status
	}
	return out, nil
}

// csvCategories are the town's categories by their codes and labels.
func csvCategories(file *classify.File) map[string]string {
	out := map[string]string{}
	for _, c := range file.Categories {
		out[fold(c.Label)] = c.Code
	}
	for _, c := range file.Categories {
		out[fold(c.Code)] = c.Code
	}
	return out
}
