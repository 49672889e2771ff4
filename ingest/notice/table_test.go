package notice

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

func registerTable(rows func(f func([]string) error) error) Table {
	return Table{
		Town: "Arles", Title: "Registre du courrier arrivée", Period: "du 1er au 30 novembre 2026", Printed: "Édité le 1er décembre 2026 à 9 h 05", Empty: "Aucun courrier dans cette période.",
		Columns: []TableColumn{{"Numéro", 28}, {"Reçu le", 20}, {"Expéditeur", 52}, {"Objet", 86}, {"Service", 40}, {"Voie", 23}, {"Demande", 24}},
		Rows:    rows,
	}
}

func registerRows(n int) func(f func([]string) error) error {
	return func(f func([]string) error) error {
		for i := 1; i <= n; i++ {
			object := fmt.Sprintf("Nid-de-poule n° %d à l’angle de la rue des Écoles", i)
			if i%7 == 0 {
				object = "Réclamation " + strings.Repeat("très détaillée ", 12)
			}
			err := f([]string{fmt.Sprintf("A-2026-%06d", i), "25/11/2026", "Zoé Lefèvre-Œuvrard", object, "Service éclairage public", "Courrier papier", fmt.Sprintf("2026-%06d", i)})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// The head is on every page, the pages are counted, French is whole, and nothing stands outside
// the page.
func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := registerTable(registerRows(120)).WritePDF(&b); err != nil {
		t.Fatal(err)
	}
	list := words(t, b.Bytes())
	pages := list[len(list)-1].page
	text := flat(pdfText(t, b.Bytes()))
	if pages < 3 || strings.Count(text, "Expéditeur") != pages || strings.Count(text, "Mairie d’Arles – Registre du courrier arrivée") != pages {
		t.Errorf("%d pages, %d heads", pages, strings.Count(text, "Expéditeur"))
	}
	for _, want := range []string{fmt.Sprintf("page %d/%d", pages, pages), "page 1/", "Zoé Lefèvre-Œuvrard", "A-2026-000120", "n° 118 à l’angle", "Édité le 1er décembre 2026 à 9 h 05"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(text, "?") || strings.Contains(text, totalPages) {
		t.Error("a character was lost, or the number of pages")
	}
	for _, w := range list {
		if w.left < tableMargin-0.5 || w.right > tableWidth-tableMargin+0.5 || w.top < 8 || w.base > tableHeight-5 {
			t.Errorf("%.20q at %.0f–%.0f × %.0f–%.0f is outside the page", w.text, w.left, w.right, w.top, w.base)
		}
	}
	var again bytes.Buffer
	if err := registerTable(registerRows(120)).WritePDF(&again); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Errorf("the same rows give other bytes: %v", err)
	}
}

func TestTableWithHostileCells(t *testing.T) {
	for _, s := range hostile {
		var b bytes.Buffer
		err := registerTable(func(f func([]string) error) error {
			for range 3 {
				if err := f([]string{s, s, s, s, s, s, s, s}); err != nil {
					return err
				}
			}
			return f([]string{s})
		}).WritePDF(&b)
		if err != nil {
			t.Fatalf("%.20q: %v", s, err)
		}
		for _, w := range words(t, b.Bytes()) {
			if w.page > 1 || w.right > tableWidth-tableMargin+0.5 || w.base > tableHeight-5 {
				t.Errorf("%.20q: %.20q on page %d at %.0f, %.0f", s, w.text, w.page, w.right, w.base)
			}
		}
	}
}

func TestTableEnds(t *testing.T) {
	var b bytes.Buffer
	if err := registerTable(registerRows(0)).WritePDF(&b); err != nil || !strings.Contains(pdfText(t, b.Bytes()), "Aucun courrier dans cette période.") {
		t.Errorf("an empty register: %v", err)
	}
	b.Reset()
	if err := registerTable(registerRows(MaxTableRows + 1)).WritePDF(&b); !errors.Is(err, ErrTableTooLong) || b.Len() > 0 {
		t.Errorf("too many rows: %v, %d bytes", err, b.Len())
	}
	gone := errors.New("gone")
	if err := registerTable(func(func([]string) error) error { return gone }).WritePDF(&b); !errors.Is(err, gone) || b.Len() > 0 {
		t.Errorf("rows that fail: %v, %d bytes", err, b.Len())
	}
}

// 10,000 lines are printed within seconds, in little memory.
func TestTableOfTenThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	var b bytes.Buffer
	if err := registerTable(registerRows(10_000)).WritePDF(&b); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	heap := int64(after.HeapSys) - int64(before.HeapSys) // it may have shrunk
	t.Logf("10,000 lines: %s, %d kB, heap %d MB", took, b.Len()>>10, heap>>20)
	if took > 10*time.Second || b.Len() > 8<<20 || heap > 100<<20 {
		t.Errorf("%s, %d bytes, heap %d MB", took, b.Len(), heap>>20)
	}
}
