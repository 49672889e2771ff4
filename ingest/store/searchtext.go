package store

import (
	"strings"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
)

// maxSearched is how many bytes of a submission are indexed, and of its attachments: some
// 300 pages, and as many again.
const maxSearched = 1 << 20

// searchText returns the words of a reading as the index takes them, parted by spaces. Of 200
// pages that takes a while, so it is done before the work that holds the writer.
func searchText(r ingest.Reading) string {
	fields := []string{r.Subject, r.From.Name, r.From.Email, r.From.Phone, inPairs(r.From.Phone), r.From.Address, r.Place, message.Cut(r.Text, maxSearched)}
	room := maxSearched
	for _, a := range r.Attachments {
		text := message.Cut(a.Text, room)
		room -= len(text)
		fields = append(fields, a.Name, text)
	}
	return indexed(fields...)
}

// indexed returns the words of texts, and the telephone numbers in them, as the index takes
// them.
func indexed(texts ...string) string {
	var b strings.Builder
	withTokenizer(func(k *tokenizer) {
		for _, text := range texts {
			k.words(text, func(w searchWord) bool {
				if !w.common {
					b.WriteString(w.text)
					b.WriteByte(' ')
				}
				return true
			})
		}
	})
	// Last, so that they part no words that stand beside each other.
	for _, text := range texts {
		phones(text, func(w searchWord) {
			b.WriteString(w.text)
			b.WriteByte(' ')
		})
	}
	return b.String()
}
