package classify

import (
	"embed"
	"encoding/json"
	"io/fs"
	"strings"
)

// The texts from which the built-in model learns. All were written for the project:
// people, places and matters are invented.
//
//go:embed texts/*.jsonl
var texts embed.FS

// Texts returns the words of the built-in texts.
func Texts() []string {
	var out []string
	entries, err := fs.ReadDir(texts, "texts")
	if err != nil {
		panic("classify: built-in texts: " + err.Error())
	}
	for _, e := range entries {
		data, err := texts.ReadFile("texts/" + e.Name())
		if err != nil {
			panic("classify: built-in texts: " + err.Error())
		}
		for line := range strings.Lines(string(data)) {
			var t struct{ Subject, Body string }
			if json.Unmarshal([]byte(line), &t) == nil {
				out = append(out, t.Subject+"\n"+t.Body)
			}
		}
	}
	return out
}
