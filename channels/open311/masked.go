package open311

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

const (
	// maxMasked bounds how many masked texts are kept: a list and a half of the longest, and some
	// megabytes of usual ones.
	maxMasked = 4096
	// maskMargin is how many characters beyond what is shown are masked with it, so that a number
	// that is cut in two is not taken for a short one.
	maskMargin = 200
)

// maskedTexts keeps what masking made of reports, since lists of hundreds are asked for again and
// again, by anybody. The zero value is empty. It is safe for concurrent use.
type maskedTexts struct {
	mu    sync.Mutex
	texts map[[sha256.Size]byte]masked
}

// masked is what may be shown of a report's words.
type masked struct{ description, address string }

// of returns the words of a report without what tells who somebody is.
func (t *maskedTexts) of(r Report) masked {
	key := r.words()
	t.mu.Lock()
	out, ok := t.texts[key]
	t.mu.Unlock()
	if ok {
		return out
	}
	// Answers to attributes are told to nobody: what an app asks, and calls it, is not known here.
	text := ingest.Open311Description(r.Text)
	whole := utf8.RuneCountInString(text) <= maxDescription
	if !whole {
		text = string([]rune(text)[:min(maxDescription+maskMargin, utf8.RuneCountInString(text))])
	}
	place := cut(r.Place, maxLine+maskMargin)
	m := newMask(r.Sender, text)
	out.description = m.hide(text)
	if !whole { // the end may hold half a number
		runes := []rune(out.description)
		out.description = string(runes[:min(max(len(runes)-maskMargin, 0), maxDescription-1)]) + "…"
	}
	out.description = cut(out.description, maxDescription)
	out.address = cut(m.hide(place), maxLine)

	t.mu.Lock()
	defer t.mu.Unlock()
	if t.texts == nil {
		t.texts = make(map[[sha256.Size]byte]masked)
	}
	for old := range t.texts {
		if len(t.texts) < maxMasked {
			break
		}
		delete(t.texts, old)
	}
	t.texts[key] = out
	return out
}

// words identifies all that masking goes by.
func (r Report) words() [sha256.Size]byte {
	var buf []byte
	for _, s := range []string{r.Text, r.Place, r.Sender.Name, r.Sender.Email, r.Sender.Phone, r.Sender.Address} {
		buf = append(binary.AppendUvarint(buf, uint64(len(s))), s...)
	}
	return sha256.Sum256(buf)
}
