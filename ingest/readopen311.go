package ingest

import (
	"context"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest/message"
)

// open311Joined is the line of a reading's text below which the answers to attributes and the
// media_url of a GeoReport request stand: they are for agents, and never published.
const open311Joined = "— Précisions envoyées par l’application —"

// Open311Description returns what the text of a GeoReport reading has of the description, without
// what the reader wrote below it. Of a description that has the parting line in it, what follows
// is not returned either.
func Open311Description(text string) string {
	end := 0
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == open311Joined {
			break
		}
		end += len(line)
	}
	return strings.TrimSpace(text[:end])
}

// readOpen311 reads a service request of GeoReport v2 (POST Service Request). The text is the
// description, and below it, parted by a line of their own, the answers to the attributes as
// "code : value": what a code asks stands in the categories file, which a reading does not go by.
func (d *DocumentReader) readOpen311(ctx context.Context, b *Blob) (Reading, error) {
	out := Reading{Kind: KindForm}
	files, err := d.withOriginal(ctx, b, func(r io.Reader, f *filesToRead) ([]message.Attachment, error) {
		form := message.ReadForm(r, d.messageOptions(f))
		out.open311(form.Fields)
		for _, p := range form.Problems {
			out.Problems = append(out.Problems, Problem(p))
		}
		return form.Files, form.Err
	})
	out.addFiles(files)
	return out, err
}

// open311 fills in what the fields of a GeoReport request say.
func (r *Reading) open311(fields map[string][]string) {
	// Of a repeated field the first that says something counts, as when it was taken in.
	field := func(name string) string {
		for _, v := range fields[name] {
			if v = strings.TrimSpace(v); v != "" {
				return v
			}
		}
		return ""
	}
	description := field("description")
	parts := []string{description}
	if lines := open311Lines(fields); len(lines) > 0 {
		parts = append(parts, open311Joined+"\n"+strings.Join(lines, "\n"))
	}
	r.Text = strings.TrimSpace(strings.Join(parts, "\n\n"))
	r.Category = field("service_code")
	// Some apps send nothing but a place and a service, and that is a report all the same.
	if r.Subject = firstLine(description); r.Subject == "" {
		r.Subject = clip(strings.TrimSpace("Signalement "+r.Category), subjectMax)
	}
	r.From = Person{
		Name:  strings.TrimSpace(field("first_name") + " " + field("last_name")),
		Email: strings.ToLower(field("email")), Phone: field("phone"),
	}
	r.Position = Open311Position(field("lat"), field("long"))
	switch {
	case field("address_string") != "":
		r.Place = field("address_string")
	case r.Position != nil:
		r.Place = degrees(r.Position.Lat) + ", " + degrees(r.Position.Long)
	case field("address_id") != "":
		r.Place = "adresse n° " + field("address_id")
	}
	r.Place = clip(strings.Join(strings.Fields(r.Place), " "), open311PlaceMax)
}

// open311Lines returns the answers to attributes, by their codes, and the addresses of media.
func open311Lines(fields map[string][]string) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		code, ok := Open311Attribute(name)
		if !ok {
			continue
		}
		for _, v := range fields[name] {
			if v = strings.TrimSpace(v); v != "" {
				lines = append(lines, code+" : "+v)
			}
		}
	}
	for _, v := range fields["media_url"] {
		if v = strings.Join(strings.Fields(v), " "); v != "" {
			lines = append(lines, "media_url : "+v)
		}
	}
	return lines
}

// Open311Attribute returns the code in the name of a field that answers an attribute:
// attribute[code], or attribute[code][] for one of several values (GeoReport v2, POST Service
// Request).
func Open311Attribute(field string) (code string, ok bool) {
	rest, ok := strings.CutPrefix(field, "attribute[")
	if !ok {
		return "", false
	}
	code, ok = strings.CutSuffix(strings.TrimSuffix(rest, "[]"), "]")
	return code, ok && code != "" && !strings.ContainsAny(code, "[]")
}

// Open311Position returns the position that lat and long give in degrees of WGS 84, or nil when
// they give none. Zero and zero is what devices say that do not know where they are. A decimal
// comma counts as a point: some apps write numbers as their user's language does.
func Open311Position(lat, long string) *Position {
	number := func(s string) (float64, error) {
		return strconv.ParseFloat(strings.Replace(strings.TrimSpace(s), ",", ".", 1), 64)
	}
	y, errY := number(lat)
	x, errX := number(long)
	if errY != nil || errX != nil || math.IsNaN(x) || math.IsNaN(y) || math.Abs(y) > 90 || math.Abs(x) > 180 || x == 0 && y == 0 {
		return nil
	}
	return &Position{Lat: y, Long: x}
}

// open311PlaceMax bounds a place in characters, as the form does.
const open311PlaceMax = 300

// degrees writes a coordinate to the 100 000th of a degree, which is about a metre.
func degrees(v float64) string { return strconv.FormatFloat(v, 'f', 5, 64) }
