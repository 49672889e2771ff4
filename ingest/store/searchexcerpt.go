package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

const (
	// passageLength is about how many bytes of a text a list shows, passageBefore how many of
	// them before the first word that was found.
	passageLength, passageBefore = 220, 60
	// maxPassages bounds the texts in which the words of a page are looked for, in characters
	// of each and in bytes of all together: of long scans a list shows the beginning.
	maxPassageText, maxPassages = 100_000, 3 << 20
)

// beginning is the first words of a text.
func beginning(text string) []ingest.Piece { return piecesOf(text, 0, nil) }

// mark is a word of a text that was searched for.
type mark struct{ start, end, term int }

// finder finds the words of a query in texts.
type finder struct {
	exact    map[string]int // the term
	prefixes []prefixTerm
}

type prefixTerm struct {
	text string
	term int
}

func newFinder(q searchQuery) *finder {
	f := &finder{exact: map[string]int{}}
	for i, term := range q.terms {
		for _, form := range term {
			for j, w := range form.words {
				if form.prefix && j == len(form.words)-1 {
					f.prefixes = append(f.prefixes, prefixTerm{w, i})
				} else {
					f.exact[w] = i
				}
			}
		}
	}
	return f
}

// marks returns where the words stand in a text.
func (f *finder) marks(text string) []mark {
	var out []mark
	look := func(w searchWord) bool {
		term, ok := f.exact[w.text]
		for _, p := range f.prefixes {
			if !ok && strings.HasPrefix(w.text, p.text) {
				term, ok = p.term, true
			}
		}
		if ok {
			out = append(out, mark{w.start, w.end, term})
		}
		return true
	}
	withTokenizer(func(k *tokenizer) { k.words(text, look) })
	phones(text, func(w searchWord) { look(w) })
	slices.SortFunc(out, func(a, b mark) int { return a.start - b.start })
	return out
}

// passage is the part of a text in which the most of the words stand; nil where none does.
func (f *finder) passage(text string) []ingest.Piece {
	marks := f.marks(text)
	if len(marks) == 0 {
		return nil
	}
	best, most := 0, 0
	for i := range marks {
		terms := map[int]bool{}
		for j := i; j < len(marks) && marks[j].end < marks[i].start+passageLength-passageBefore; j++ {
			terms[marks[j].term] = true
		}
		if len(terms) > most {
			best, most = i, len(terms)
		}
	}
	return piecesOf(text, max(0, marks[best].start-passageBefore), marks)
}

// piecesOf cuts a passage out of a text, between words, and marks words in it. What it leaves
// out is shown by an ellipsis. White space becomes single spaces.
func piecesOf(text string, start int, marks []mark) []ingest.Piece {
	if start > 0 {
		if i := strings.IndexFunc(text[start:], unicode.IsSpace); i >= 0 && i < passageBefore {
			start += i
		} else {
			for !utf8.RuneStart(text[start]) {
				start++
			}
		}
	}
	end := len(text)
	if end-start > passageLength {
		end = start + passageLength
		if i := strings.LastIndexFunc(text[start:end], unicode.IsSpace); i > passageLength/2 {
			end = start + i
		}
		for !utf8.RuneStart(text[end]) {
			end--
		}
	}
	var out []ingest.Piece
	add := func(s string, found bool) {
		if s != "" {
			out = append(out, ingest.Piece{Text: s, Found: found})
		}
	}
	if strings.TrimSpace(text[:start]) != "" {
		add("… ", false)
	}
	at := start
	for _, m := range marks {
		if m.start < at || m.end > end {
			continue
		}
		add(squeeze(text[at:m.start], at == start), false)
		add(squeeze(text[m.start:m.end], true), true)
		at = m.end
	}
	rest := squeeze(text[at:end], at == start)
	if strings.TrimSpace(text[end:]) != "" {
		rest = strings.TrimRight(rest, " ") + " …"
	}
	add(strings.TrimRight(rest, " "), false)
	return out
}

// squeeze makes runs of white space one space, and takes those at the beginning away.
func squeeze(s string, first bool) string {
	var b strings.Builder
	space := first
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}

// foundPassages returns, for the requests of a page (a JSON list), where the words were found:
// in the newest submission that has them, or in what people wrote in the request. Those of
// which that cannot be said are left out.
func foundPassages(ctx context.Context, run snapshot, h *hits, q searchQuery, list string) (map[int64][]ingest.Piece, error) {
	newest := map[int64]int64{} // by request
	if err := run.rows(ctx, `SELECT request_id, seq FROM submissions`+ofRequest+` WHERE request_id IN (SELECT value FROM json_each($1))`, []any{list}, func(row rowScanner) error {
		var id, seq int64
		err := row.Scan(&id, &seq)
		if h.submissions.has(seq) && seq > newest[id] {
			newest[id] = seq
		}
		return err
	}); err != nil {
		return nil, err
	}
	f, room := newFinder(q), maxPassages
	out := make(map[int64][]ingest.Piece, len(newest))
	for id, seq := range newest {
		if room <= 0 {
			break
		}
		texts, err := textsOf(ctx, run, seq)
		if err != nil {
			return nil, err
		}
		for _, text := range texts {
			room -= len(text)
			if p := f.passage(text); p != nil {
				out[id] = p
				break
			}
		}
	}
	return out, noted(ctx, run, h, f, list, out)
}

// textsOf returns the text of a submission, and those of its attachments with their names.
func textsOf(ctx context.Context, run snapshot, seq int64) ([]string, error) {
	var body string
	var attached sql.NullString
	err := run.row(ctx, `SELECT substr(d.body, 1, `+strconv.Itoa(maxPassageText)+`),
		(SELECT group_concat((a.value ->> '$.name') || ' : ' || coalesce(substr(a.value ->> '$.text', 1, `+strconv.Itoa(maxPassageText)+`), ''), char(10))
			FROM json_each(d.detail, '$.attachments') a)
		FROM submissions s JOIN readings d ON d.submission_id = s.id WHERE s.seq = $1`, seq).Scan(&body, &attached)
	return []string{body, attached.String}, err
}

// noted adds the passages from what people wrote in requests.
func noted(ctx context.Context, run snapshot, h *hits, f *finder, list string, out map[int64][]ingest.Piece) error {
	var ids []int64
	if err := run.rows(ctx, `SELECT value FROM json_each($1)`, []any{list}, func(row rowScanner) error {
		var id int64
		err := row.Scan(&id)
		if h.requests.has(id) && out[id] == nil {
			ids = append(ids, id)
		}
		return err
	}); err != nil {
		return err
	}
	for _, id := range ids {
		text, err := requestNotes(ctx, run, id)
		if err != nil {
			return err
		}
		if p := f.passage(cutBytes(text, maxNotes)); p != nil {
			out[id] = p
		}
	}
	return nil
}
