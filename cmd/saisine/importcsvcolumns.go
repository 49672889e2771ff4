package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// csvField is what a column may be.
type csvField string

// The fields, as --columns names them.
const (
	csvID        csvField = "id"
	csvAt        csvField = "at"
	csvChannel   csvField = "channel"
	csvName      csvField = "name"
	csvFirstName csvField = "first_name"
	csvEmail     csvField = "email"
	csvPhone     csvField = "phone"
	csvAddress   csvField = "address"
	csvPostcode  csvField = "postcode"
	csvCity      csvField = "city"
	csvCategory  csvField = "category"
	csvSubject   csvField = "subject"
	csvText      csvField = "text"
	csvPlace     csvField = "place"
	csvStatus    csvField = "status"
	csvClosedAt  csvField = "closed_at"
	csvLatitude  csvField = "latitude"
	csvLongitude csvField = "longitude"
	csvIgnored   csvField = "-"
)

// csvNames are the headings under which other programs have the fields, folded (see fold).
var csvNames = map[csvField][]string{
	csvID:        {"id", "identifiant", "numero", "n", "no", "num", "numero de demande", "numero demande", "reference", "ref", "number", "ticket", "numero de dossier", "dossier"},
	csvAt:        {"at", "date", "date de reception", "date reception", "recu le", "date de creation", "date creation", "cree le", "date de depot", "date depot", "date de la demande", "date demande", "date d arrivee", "received", "received at", "received on", "created", "created at", "opened at", "date received"},
	csvChannel:   {"channel", "canal", "voie", "origine", "source", "mode de contact", "mode de reception", "moyen"},
	csvName:      {"name", "nom", "nom du demandeur", "demandeur", "usager", "nom de l usager", "nom usager", "contact", "citizen", "last name", "lastname", "surname", "full name", "nom complet", "nom et prenom", "nom prenom", "expediteur", "administre"},
	csvFirstName: {"first name", "firstname", "prenom", "prenom du demandeur", "prenom de l usager", "given name"},
	csvEmail:     {"email", "e mail", "mail", "courriel", "adresse email", "adresse e mail", "adresse mail", "adresse electronique", "adresse courriel", "email address"},
	csvPhone:     {"phone", "telephone", "tel", "numero de telephone", "portable", "mobile", "telephone portable", "phone number"},
	csvAddress:   {"address", "adresse", "adresse postale", "adresse du demandeur", "adresse de l usager", "rue", "street"},
	csvPostcode:  {"postcode", "code postal", "cp", "zip", "postal code"},
	csvCity:      {"city", "ville", "commune", "town"},
	csvCategory:  {"category", "categorie", "type", "type de demande", "theme", "thematique", "nature", "nature de la demande", "motif"},
	csvSubject:   {"subject", "objet", "sujet", "titre", "title", "intitule", "objet de la demande"},
	csvText:      {"text", "texte", "message", "description", "body", "contenu", "demande", "texte de la demande", "detail", "details", "commentaire du demandeur", "content"},
	csvPlace:     {"place", "lieu", "location", "localisation", "lieu de l intervention", "adresse de l intervention", "emplacement", "lieu concerne"},
	csvStatus:    {"status", "statut", "etat", "state", "avancement"},
	csvClosedAt:  {"closed at", "closed", "date de cloture", "date cloture", "cloture le", "date de reponse", "date reponse", "repondu le", "date de fin", "date de traitement", "traite le", "answered at", "resolved at"},
	csvLatitude:  {"latitude", "lat"},
	csvLongitude: {"longitude", "long", "lon", "lng"},
}

// fold makes names alike that differ in case, accents and signs only.
func fold(s string) string {
	var b strings.Builder
	space := false
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(unicode.ToLower(r))
		default:
			space = true
		}
	}
	return b.String()
}

// csvColumns says which column is what.
type csvColumns struct {
	titles []string   // of the columns, each once
	of     []csvField // "" where a column is kept only
	at     map[csvField]int
}

// readColumns finds out what the columns are: first as a person says, then by their titles.
// Of several that fit, the first one is taken.
func readColumns(header []string, chosen map[string]string) (csvColumns, error) {
	c := csvColumns{titles: titlesOf(header), of: make([]csvField, len(header)), at: map[csvField]int{}}
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		field, title := csvField(name), chosen[name]
		if _, known := csvNames[field]; !known {
			return c, usageError{fmt.Errorf("--columns: there is no field %q; the fields are %s", name, joinFields())}
		}
		if title == "" || title == string(csvIgnored) {
			c.at[field] = -1 // none of them
			continue
		}
		i := slices.IndexFunc(c.titles, func(t string) bool { return fold(t) == fold(title) })
		if i < 0 {
			return c, usageError{fmt.Errorf("--columns: there is no column %q; the columns are %s", title, quoted(c.titles))}
		}
		c.of[i], c.at[field] = field, i
	}
	for i, title := range c.titles {
		field := fieldNamed(fold(title))
		if _, taken := c.at[field]; field == "" || taken || c.of[i] != "" {
			continue
		}
		c.of[i], c.at[field] = field, i
	}
	return c, c.complete()
}

func (c csvColumns) complete() error {
	if !c.has(csvText) && !c.has(csvSubject) {
		return usageError{fmt.Errorf("no column is the text or the subject; say which with --columns text=TITLE. The columns are %s", quoted(c.titles))}
	}
	if !c.has(csvAt) {
		return usageError{fmt.Errorf("no column is the date of reception; say which with --columns at=TITLE. The columns are %s", quoted(c.titles))}
	}
	return nil
}

func (c csvColumns) has(f csvField) bool {
	i, ok := c.at[f]
	return ok && i >= 0
}

// unknown lists the columns that are kept only.
func (c csvColumns) unknown() []string {
	var out []string
	for i, f := range c.of {
		if f == "" {
			out = append(out, c.titles[i])
		}
	}
	return out
}

// cell is the value of a field in a record, "" where there is none.
func (c csvColumns) cell(cells []string, f csvField) string {
	if i, ok := c.at[f]; ok && i >= 0 && i < len(cells) {
		return strings.TrimSpace(cells[i])
	}
	return ""
}

func fieldNamed(folded string) csvField {
	for field, names := range csvNames {
		if slices.Contains(names, folded) {
			return field
		}
	}
	return ""
}

// titlesOf names each column, and each differently.
func titlesOf(header []string) []string {
	out := make([]string, len(header))
	seen := map[string]int{}
	for i, title := range header {
		title = strings.TrimSpace(strings.TrimPrefix(title, "\ufeff"))
		if title == "" {
			title = fmt.Sprintf("column %d", i+1)
		}
		if seen[title]++; seen[title] > 1 {
			title = fmt.Sprintf("%s (%d)", title, seen[title])
		}
		out[i] = title
	}
	return out
}

func joinFields() string {
	var names []string
	for f := range csvNames {
		names = append(names, string(f))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(out, ", ")
}
