package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// acknowledged proves that whatever was acknowledged to its source is in the ledger at this
// moment, before the daemon runs again and could ask for it anew: forms whose citizen was
// shown a number, mails that are no longer in the inbox, scans that are no longer
// in the folder. It returns how many of each.
func (l *load) acknowledged(t *testing.T) (forms, mails, scans int) {
	t.Helper()
	// The ledger is read last: where the daemon still runs, it goes on acknowledging.
	told := l.toldNow()
	moved := l.tw.moved(t)
	taken := l.tw.taken(t)
	there := l.tw.ledgerMarks()
	for _, mark := range told {
		if there[mark] == 0 {
			t.Errorf("the citizen of form %s was shown a number, and the ledger does not have it", mark)
		}
	}
	for _, mark := range moved {
		if there[mark] == 0 {
			t.Errorf("mail %s was moved, and the ledger does not have it", mark)
		}
	}
	for _, mark := range taken {
		if there[mark] == 0 {
			t.Errorf("scan %s was moved, and the ledger does not have it", mark)
		}
	}
	return len(told), len(moved), len(taken)
}

// toldNow lists the marks of the forms whose citizen was shown a number.
func (l *load) toldNow() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.told))
}

// taken lists the marks of the scans that are no longer in the folder.
func (tw *town) taken(t *testing.T) []string {
	t.Helper()
	var found []string
	if err := filepath.WalkDir(tw.scans, func(path string, d fs.DirEntry, err error) error {
		mark := marks.FindString(filepath.Base(path))
		if err != nil || d.IsDir() || mark == "" || filepath.Dir(path) == tw.scans || !strings.HasSuffix(path, ".pdf") {
			return err
		}
		found = append(found, mark)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// ledgerMarks counts the rows of the ledger by their marks.
func (tw *town) ledgerMarks() map[string]int {
	tw.t.Helper()
	there := map[string]int{}
	for _, p := range tw.ledger() {
		there[p.mark]++
	}
	return there
}

// moved lists the marks of the mails in the folder for what is done, in Dovecot's own files.
func (tw *town) moved(t *testing.T) []string {
	t.Helper()
	var found []string
	files, err := filepath.Glob(filepath.Join(tw.dovecot.Dir, "mail", "sve", "Maildir", ".Saisine.Trait*", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if dir := filepath.Base(filepath.Dir(f)); dir != "new" && dir != "cur" {
			continue
		}
		raw, err := os.ReadFile(f)
		if os.IsNotExist(err) {
			continue // renamed just now; it is counted at the next look
		}
		if err != nil {
			t.Fatal(err)
		}
		if mark := string(marks.Find(raw)); mark != "" {
			found = append(found, mark)
		}
	}
	return found
}
