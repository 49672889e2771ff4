package classify

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"saisine.fr/saisine/ingest/classify/model"
)

// The texts from which the built-in model learns. All were written for the project:
// people, places and matters are invented. Each file is by one author.
//
//go:embed texts/*.jsonl
var textFiles embed.FS

// unwanted is the label of texts that are no citizen's matter: advertising, fraud.
const unwanted = "indesirable"

// corpus is the built-in texts and the hash of their files.
type corpus struct {
	examples []model.Example
	hash     string
}

// builtinCorpus reads the texts once. The group of an example is its author, so that the
// figures of a training are those on texts of somebody who had no part in it.
var builtinCorpus = sync.OnceValue(func() corpus {
	c, err := readCorpus(textFiles)
	if err != nil {
		// The files are part of the program, and a test holds them.
		panic("classify: built-in texts: " + err.Error())
	}
	return c
})

func readCorpus(files fs.FS) (corpus, error) {
	var c corpus
	sum := sha256.New()
	names, err := fs.Glob(files, "texts/*.jsonl")
	if err != nil {
		return c, err
	}
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return c, err
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(data))
		sum.Write(data)
		n := 0
		for line := range strings.Lines(string(data)) {
			n++
			if strings.TrimSpace(line) == "" {
				continue
			}
			var t struct{ Category, Subject, Body string }
			if err := json.Unmarshal([]byte(line), &t); err != nil {
				return c, fmt.Errorf("%s:%d: %w", name, n, err)
			}
			if t.Category == "" {
				return c, fmt.Errorf("%s:%d: no category", name, n)
			}
			c.examples = append(c.examples, model.Example{
				Subject: t.Subject, Body: t.Body, Label: t.Category, Weight: 1, Group: strings.TrimSuffix(name, ".jsonl"),
			})
		}
	}
	c.hash = hex.EncodeToString(sum.Sum(nil))
	return c, nil
}

// Texts returns the words of the built-in texts.
func Texts() []string {
	var out []string
	for _, e := range builtinCorpus().examples {
		out = append(out, e.Subject+"\n"+e.Body)
	}
	return out
}
