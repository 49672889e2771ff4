package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
)

const (
	// passageLength is about how many bytes of a text a list shows, passageBefore how many of
	// them before the first word that was found.
	passageLength, passageBefore = 220, 60
	// They bound the texts in which the words of a page are looked for, in characters
	// of each and in bytes of all together: of long scans a list shows the beginning.
	maxPassageText = "100000"
	maxPassages    = 3 << 20
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
func foundPassages(ctx context.Context, e engine, run snapshot, h *hits, q searchQuery, list string) (map[int64][]ingest.Piece, error) {
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
	f := newFinder(q)
	out := make(map[int64][]ingest.Piece, len(newest))
	if err := f.inTexts(ctx, run, `substr(d.body, 1, `+maxPassageText+`)`, newest, out); err != nil {
		return nil, err
	}
	if err := f.inTexts(ctx, run, e.attachedTexts(), newest, out); err != nil {
		return nil, err
	}
	return out, noted(ctx, run, h, f, list, out)
}

// inTexts adds the passages from a text of submissions (their own, or what their files say),
// which are given by the request, and takes out those that it found.
func (f *finder) inTexts(ctx context.Context, run snapshot, column string, newest map[int64]int64, out map[int64][]ingest.Piece) error {
	if len(newest) == 0 {
		return nil
	}
	requests := make(map[int64]int64, len(newest))
	for id, seq := range newest {
		requests[seq] = id
	}
	list, err := json.Marshal(slices.Sorted(maps.Keys(requests)))
	if err != nil {
		return fmt.Errorf("store: passages: %w", err)
	}
	room := maxPassages
	return run.rows(ctx, `SELECT s.seq, `+column+` FROM submissions s JOIN readings d ON d.submission_id = s.id
		WHERE s.seq IN (SELECT value FROM json_each($1))`, []any{string(list)}, func(row rowScanner) error {
		var seq int64
		var text sql.NullString
		if err := row.Scan(&seq, &text); err != nil || room <= 0 {
			return err
		}
		room -= len(text.String)
		if p := f.passage(text.String); p != nil {
			out[requests[seq]] = p
			delete(newest, requests[seq])
		}
		return nil
	})
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
		if p := f.passage(message.Cut(text, maxNotes)); p != nil {
			out[id] = p
		}
	}
	return nil
}
