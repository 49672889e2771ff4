package child

import (
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"saisine.fr/saisine/ocr/wire"
)

const (
	// maxUnpacked bounds what is unpacked to look for the catalogue of a portfolio.
	maxUnpacked = 16 << 20
	// maxSearched bounds the size of a file that is searched for it.
	maxSearched = 128 << 20
	// maxNames is how many embedded files are named, maxName how many letters of each.
	maxNames = 10
	maxName  = 80
)

// portfolio reports a PDF that is only the cover of other files (ISO 32000-1, 12.3.5):
// its page says "open me in Acrobat", and the letter is one of the files. Files embedded
// in any other PDF (the data of an invoice, as a rule) go without saying.
func (s *server) portfolio(ctx context.Context, path string) (wire.Problem, bool, error) {
	if st, err := os.Stat(path); err != nil || st.Size() > maxSearched {
		return wire.Problem{}, false, nil //nolint:nilerr // a file that is gone shows at the next step
	}
	data, err := readFile(path)
	if err != nil {
		return wire.Problem{}, false, err
	}
	if !isCollection(data) {
		return wire.Problem{}, false, nil
	}
	names, err := s.pdf.Attachments(ctx, path)
	if err != nil || len(names) == 0 {
		if err != nil && machine(err) {
			return wire.Problem{}, false, err
		}
		return wire.Problem{}, false, nil
	}
	return portfolioProblem(names), true, nil
}

func portfolioProblem(names []string) wire.Problem {
	shown := make([]string, 0, maxNames+1)
	for _, n := range names[:min(len(names), maxNames)] {
		shown = append(shown, fileName(n))
	}
	if more := len(names) - maxNames; more > 0 {
		shown = append(shown, fmt.Sprintf("et %d de plus", more))
	}
	list := strings.Join(shown, ", ")
	if len(names) == 1 {
		return problem("portfolio", "Le PDF est un porte-documents : son fichier joint n’est pas lu : %s.", list)
	}
	return problem("portfolio", "Le PDF est un porte-documents : ses %d fichiers joints ne sont pas lus : %s.", len(names), list)
}

// fileName is a foreign name as it may be shown: without folders and control
// characters, and short.
func fileName(name string) string {
	name = filepath.Base(strings.ReplaceAll(name, `\`, "/"))
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name))
	if len(runes) > maxName {
		runes = append(runes[:maxName-1], '…')
	}
	return "« " + string(runes) + " »"
}

// isCollection looks for the key that makes a portfolio of a PDF: in the file as it lies,
// and in its object streams (7.5.7), in which Acrobat keeps the catalogue.
func isCollection(data []byte) bool {
	key := []byte("/Collection")
	if bytes.Contains(data, key) {
		return true
	}
	left := int64(maxUnpacked)
	for rest := data; left > 0; {
		at := bytes.Index(rest, []byte("/ObjStm"))
		if at < 0 {
			return false
		}
		rest = rest[at:]
		begin := bytes.Index(rest, []byte("stream"))
		if begin < 0 {
			return false
		}
		rest = bytes.TrimLeft(rest[begin+len("stream"):], "\r\n")
		unpacked := inflate(rest, left)
		left -= int64(len(unpacked)) + 1<<10 // each costs something, however short
		if bytes.Contains(unpacked, key) {
			return true
		}
	}
	return false
}

// inflate returns what can be unpacked, up to most bytes.
func inflate(data []byte, most int64) []byte {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	defer z.Close()
	out, _ := io.ReadAll(io.LimitReader(z, most)) // a damaged stream counts as far as it goes
	return out
}
