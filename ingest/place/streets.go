package place

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of a street list. The largest commune of the national address base, Paris, has about
// 150,000 addresses in some 50 MB.
const (
	maxListBytes = 128 << 20
	maxListRows  = 500_000
	maxCell      = 1 << 10
)

// Errors of LoadStreets, wrapped with line and column.
var (
	ErrColumn   = errors.New("place: street list lacks a column")
	ErrRow      = errors.New("place: street list has a bad row")
	ErrTooLarge = errors.New("place: street list is too large")
)

// listedStreet is one street or lieu-dit of the list.
type listedStreet struct {
	name string // as the list writes it: "Rue de l'Église"

	key     string // see streetKey
	core    string // key without the type
	compact string // core without spaces, for spelling
	way     string // type, folded; empty where the name has none
	numbers map[string]Point
	centre  *Point // of a lieu-dit
}

// point gives where a number is, "" being the lieu-dit itself.
func (s *listedStreet) point(number string) (Point, bool) {
	if number == "" {
		if s.centre != nil {
			return *s.centre, true
		}
		return Point{}, false
	}
	p, ok := s.numbers[numberKey(number)]
	return p, ok
}

func numberKey(number string) string { return strings.ReplaceAll(fold(number), " ", "") }

// Streets is a town's street list. It does not change once loaded, and may be used by many goroutines.
type Streets struct {
	all      []*listedStreet
	byKey    map[string]*listedStreet
	byCore   map[string][]*listedStreet
	byTail   map[string][]*listedStreet // by the last words of a core: "jaures" for "jean jaures"
	trigrams map[string][]int32
}

// LoadStreets reads a street list in the format of the national address base (Base Adresse Nationale, "CSV historique":
// one row per address, separated by semicolons, with a header), or its file of lieux-dits. The columns may have any
// order; a byte order mark, quoted cells and commas as separators are fine. Needed are nom_voie (or nom_lieu_dit);
// numero, rep, lon and lat are used where they are there. An error names the line and the column.
//
// At most 32 MiB and 500,000 rows are read; a longer list is an error.
func LoadStreets(r io.Reader) (*Streets, error) { return loadStreets(r, maxListBytes, maxListRows) }

func loadStreets(r io.Reader, maxBytes int64, maxRows int) (*Streets, error) {
	limited := &io.LimitedReader{R: r, N: maxBytes + 1}
	buffered := bufio.NewReaderSize(limited, 64<<10)
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\uFEFF" {
		_, _ = buffered.Discard(3)
	}
	rows := csv.NewReader(buffered)
	rows.Comma = separator(buffered)
	rows.ReuseRecord = true
	rows.FieldsPerRecord = -1
	header, err := rows.Read()
	if err != nil {
		return nil, listError(rows, limited, maxBytes, err)
	}
	cols, err := columnsOf(header)
	if err != nil {
		return nil, err
	}
	s := &Streets{byKey: map[string]*listedStreet{}, byCore: map[string][]*listedStreet{}, byTail: map[string][]*listedStreet{}, trigrams: map[string][]int32{}}
	byName := map[string]*listedStreet{}
	for n := 0; ; n++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, listError(rows, limited, maxBytes, err)
		}
		if n >= maxRows {
			return nil, fmt.Errorf("%w: more than %d rows", ErrTooLarge, maxRows)
		}
		if err := s.addRow(rows, row, len(header), cols, byName); err != nil {
			return nil, err
		}
	}
	if limited.N <= 0 {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxBytes)
	}
	s.index()
	return s, nil
}

// separator guesses the separator by the first line.
func separator(r *bufio.Reader) rune {
	head, _ := r.Peek(4 << 10)
	first, _, _ := strings.Cut(string(head), "\n")
	if !strings.Contains(first, ";") && strings.Contains(first, ",") {
		return ','
	}
	return ';'
}

// listError says what went wrong while reading a row.
func listError(rows *csv.Reader, limited *io.LimitedReader, maxBytes int64, err error) error {
	if limited.N <= 0 {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxBytes)
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: line 1: the file is empty, want a header with nom_voie", ErrColumn)
	}
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("%w: line %d, character %d: %w", ErrRow, parse.Line, parse.Column, parse.Err)
	}
	return fmt.Errorf("place: reading the street list behind byte %d: %w", rows.InputOffset(), err)
}

// columns are the positions of the cells that count, -1 where there is none.
type columns struct{ name, number, suffix, lon, lat int }

func columnsOf(header []string) (columns, error) {
	c := columns{-1, -1, -1, -1, -1}
	places := []struct {
		at    *int
		names string
	}{
		{&c.name, "nom_voie nom_lieu_dit voie_nom lieudit_nom"},
		{&c.number, "numero"},
		{&c.suffix, "rep suffixe"},
		{&c.lon, "lon long"},
		{&c.lat, "lat"},
	}
	for i, h := range header {
		h = strings.ToLower(strings.TrimSpace(h))
		for _, p := range places {
			for n := range set(p.names) {
				if n != h {
					continue
				}
				if *p.at >= 0 {
					return c, fmt.Errorf("%w: line 1, column %d: %q stands there a second time", ErrColumn, i+1, h)
				}
				*p.at = i
			}
		}
	}
	if c.name < 0 {
		return c, fmt.Errorf("%w: line 1: nom_voie or nom_lieu_dit", ErrColumn)
	}
	if (c.lon < 0) != (c.lat < 0) {
		return c, fmt.Errorf("%w: line 1: lon and lat come together", ErrColumn)
	}
	if c.suffix >= 0 && c.number < 0 {
		return c, fmt.Errorf("%w: line 1: numero, which rep belongs to", ErrColumn)
	}
	return c, nil
}

// addRow adds one address. A number 99999 is the base's sign for none.
func (s *Streets) addRow(rows *csv.Reader, row []string, width int, c columns, byName map[string]*listedStreet) error {
	bad := func(column int, what string) error {
		line, _ := rows.FieldPos(0)
		return fmt.Errorf("%w: line %d, column %d: %s", ErrRow, line, column+1, what)
	}
	if len(row) != width {
		return bad(min(len(row), width), fmt.Sprintf("%d cells, the header has %d", len(row), width))
	}
	name := strings.Join(strings.Fields(strings.ToValidUTF8(row[c.name], "\uFFFD")), " ")
	if len(name) > maxCell {
		return bad(c.name, "a name of more than 1024 bytes")
	}
	if name == "" {
		return bad(c.name, "no name")
	}
	street := byName[name]
	if street == nil {
		street = &listedStreet{name: strings.Clone(name), key: streetKey(name), numbers: map[string]Point{}}
		if street.key == "" {
			return bad(c.name, "a name without letters")
		}
		byName[street.name] = street
		if same := s.byKey[street.key]; same != nil {
			byName[street.name] = same // the same street, written otherwise
			street = same
		} else {
			s.all = append(s.all, street)
			s.byKey[street.key] = street
		}
	}
	var point Point
	if c.lon >= 0 && (row[c.lon] != "" || row[c.lat] != "") {
		var err error
		if point.Lon, err = degrees(row[c.lon], 180); err != nil {
			return bad(c.lon, err.Error())
		}
		if point.Lat, err = degrees(row[c.lat], 90); err != nil {
			return bad(c.lat, err.Error())
		}
	}
	if c.number < 0 || row[c.number] == "" || row[c.number] == "99999" {
		if street.centre == nil && point != (Point{}) {
			street.centre = &point
		}
		return nil
	}
	n, err := strconv.Atoi(row[c.number])
	if err != nil || n < 0 || n > 99999 {
		return bad(c.number, fmt.Sprintf("%q is no house number", shorten(row[c.number])))
	}
	number := strconv.Itoa(n)
	if c.suffix >= 0 {
		if len(row[c.suffix]) > maxCell {
			return bad(c.suffix, "more than 1024 bytes")
		}
		number += row[c.suffix]
	}
	street.numbers[numberKey(number)] = point
	return nil
}

// degrees reads an angle of at most limit degrees.
func degrees(s string, limit float64) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= -limit && v <= limit) {
		return 0, fmt.Errorf("%q is no angle in degrees", shorten(s))
	}
	return v, nil
}

func shorten(s string) string { return s[:min(len(s), 40)] }

// maxFirstNames is how many first words of a name people may leave out: "rue Leclerc" for "Rue du Général Philippe Leclerc".
const maxFirstNames = 3

// index builds what Match and Find look streets up by.
func (s *Streets) index() {
	for n, street := range s.all {
		street.core = street.key
		first, _, _ := strings.Cut(fold(street.name), " ")
		if w, ok := wayTypes[strings.Trim(first, ".")]; ok {
			street.way = w.name
			if rest, found := strings.CutPrefix(street.key, streetKey(w.name)+" "); found {
				street.core = rest
			}
		}
		street.compact = strings.ReplaceAll(street.core, " ", "")
		s.byCore[street.core] = append(s.byCore[street.core], street)
		tail := street.core
		for range maxFirstNames {
			_, rest, more := strings.Cut(tail, " ")
			if !more {
				break
			}
			tail = rest
			s.byTail[tail] = append(s.byTail[tail], street)
		}
		for _, g := range trigramsOf(street.compact) {
			s.trigrams[g] = append(s.trigrams[g], int32(n))
		}
	}
}

// Len is the number of streets.
func (s *Streets) Len() int { return len(s.all) }

// Number says whether a street, by its name in the list, has a number ("12", "12 bis"), and where it is.
func (s *Streets) Number(street, number string) (Point, bool) {
	found := s.byKey[streetKey(street)]
	if found == nil {
		return Point{}, false
	}
	return found.point(number)
}
