package scanfolder

import (
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// placed returns a desk with one scan taken in.
func placed(t *testing.T) (*desk, row) {
	t.Helper()
	d := newDesk(t)
	d.drop("a.pdf", pdf("a"))
	d.settle()
	return d, d.wantRows(1)[0]
}

func update(t *testing.T, d *desk, place string, n Note, want string) {
	t.Helper()
	got, err := UpdateNote(d.dir, place, n)
	if err != nil {
		t.Fatal(err)
	}
	if got = strings.Replace(got, d.month(), "MONTH", 1); got != want {
		t.Errorf("new place %q, want %q", got, want)
	}
}

func TestNoteOfAFiledScan(t *testing.T) {
	d, r := placed(t)
	at := time.Date(2026, 11, 25, 9, 5, 0, 0, time.FixedZone("CET", 3600))
	n := Note{ID: r.ID, State: ingest.StateFiled, Reference: "2026-000042", Category: "Voirie", Service: "Services techniques", ReceivedAt: at}
	for range 2 {
		update(t, d, r.Ack, n, "MONTH/a.pdf")
		d.wantFiles("MONTH/a.pdf", "MONTH/a.pdf.reçu.txt")
	}
	want := "Ce scan a bien été reçu.\n\nFichier\u00a0: a.pdf\nNuméro\u00a0: " + r.ID + "\nReçu le\u00a0: 25/11/2026 à 09\u00a0h\u00a005\n" +
		"État\u00a0: classé dans une demande\nDemande\u00a0: 2026-000042\nCatégorie\u00a0: Voirie\nService\u00a0: Services techniques\n"
	if got := d.read(r.Ack + ".reçu.txt"); got != want {
		t.Errorf("note:\n%s\nwant:\n%s", got, want)
	}
}

func TestNoteMovesTheScanToAndFro(t *testing.T) {
	d, r := placed(t)
	failed := Note{ID: r.ID, State: ingest.StateFailed, Reason: "illisible"}
	for range 2 { // the second time with the old place, as after a crash before the acknowledgement
		update(t, d, r.Ack, failed, "_échecs/a.pdf")
		d.wantFiles("_échecs/a.pdf", "_échecs/a.pdf.erreur.txt")
	}
	update(t, d, "_échecs/a.pdf", failed, "_échecs/a.pdf")
	update(t, d, "_échecs/a.pdf", Note{ID: r.ID, State: ingest.StateReceived}, "_échecs/a.pdf")

	filed := Note{ID: r.ID, State: ingest.StateFiled, Reference: "2026-000042", ReceivedAt: d.now}
	for _, place := range []string{"_échecs/a.pdf", "_échecs/a.pdf", r.Ack} {
		update(t, d, place, filed, "MONTH/a.pdf")
		d.wantFiles("MONTH/a.pdf", "MONTH/a.pdf.reçu.txt")
	}
}

// Every step of a relocation may be the last one before a power cut.
func TestNoteRelocationIsFinishedAfterACrash(t *testing.T) {
	for name, crash := range map[string]func(d *desk, r row, n Note) error{
		"after the note": func(d *desk, _ row, n Note) error {
			return d.a.tree.writeNote("_échecs/a.pdf"+suffixError, n.text("a.pdf"), true)
		},
		"after the move": func(d *desk, r row, n Note) error {
			if err := d.a.tree.writeNote("_échecs/a.pdf"+suffixError, n.text("a.pdf"), true); err != nil {
				return err
			}
			return d.a.tree.move(r.Ack, "_échecs/a.pdf")
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, r := placed(t)
			n := Note{ID: r.ID, State: ingest.StateFailed, Reason: "illisible"}
			if err := crash(d, r, n); err != nil {
				t.Fatal(err)
			}
			update(t, d, r.Ack, n, "_échecs/a.pdf")
			d.wantFiles("_échecs/a.pdf", "_échecs/a.pdf.erreur.txt")
		})
	}
}

func TestNoteNeverTakesAnothersPlace(t *testing.T) {
	d, r := placed(t)
	d.drop("_échecs/a.pdf", "another scan")
	d.drop("_échecs/a (2).pdf.erreur.txt", "note of another scan")
	update(t, d, r.Ack, Note{ID: r.ID, State: ingest.StateFailed}, "_échecs/a (3).pdf")
	if d.read("_échecs/a.pdf") != "another scan" || d.read("_échecs/a (2).pdf.erreur.txt") != "note of another scan" {
		t.Error("overwrote another's files")
	}

	d2, r2 := placed(t)
	_, err := UpdateNote(d2.dir, r2.Ack, Note{ID: "S000099", State: ingest.StateFiled})
	wantIs(t, err, ErrNotPlaced)
	d2.wantContains(r2.Ack+".reçu.txt", r2.ID)
}

func TestNoteBeforeTheMove(t *testing.T) {
	d := newDesk(t)
	n := Note{ID: "S000001", State: ingest.StateFiled}
	for _, place := range []string{"", d.month() + "/a.pdf", "_échecs/a.pdf"} {
		_, err := UpdateNote(d.dir, place, n)
		wantIs(t, err, ErrNotPlaced)
	}
	for _, place := range []string{"a.pdf", "../a.pdf", "_traités/../../a.pdf", "/etc/passwd"} {
		_, err := UpdateNote(d.dir, place, n)
		wantIs(t, err, errPlace)
	}
	if _, err := UpdateNote(d.dir, d.month()+"/a.pdf", Note{}); err == nil {
		t.Error("accepts a note without a number")
	}
	if _, err := UpdateNote(d.path("missing"), d.month()+"/a.pdf", n); err == nil {
		t.Error("accepts a folder that is not there")
	}
	d.wantFiles()
}

func TestNoteWhenThePersonTookTheScanAway(t *testing.T) {
	d, r := placed(t)
	d.rename(r.Ack, ".archives")
	update(t, d, r.Ack, Note{ID: r.ID, State: ingest.StateFailed, Reason: "illisible"}, "MONTH/a.pdf")
	d.wantContains(r.Ack+".reçu.txt", "illisible")
}

// The worker may be done before the first note is written.
func TestFirstNoteYieldsToALaterOne(t *testing.T) {
	for _, tc := range []struct {
		state ingest.State
		want  []string
	}{
		{ingest.StateFiled, []string{"MONTH/a.pdf", "MONTH/a.pdf.reçu.txt"}},
		{ingest.StateFailed, []string{"_échecs/a.pdf", "_échecs/a.pdf.erreur.txt"}},
	} {
		d, r := placed(t)
		if err := d.a.tree.removeNote(r.Ack+suffixReceipt, r.ID); err != nil {
			t.Fatal(err)
		}
		place, err := UpdateNote(d.dir, r.Ack, Note{ID: r.ID, State: tc.state, Reference: "2026-000042", Reason: "motif"})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.a.firstNote(owedNote{place: r.Ack, suffix: suffixReceipt, note: Note{ID: r.ID, State: ingest.StateReceived}}); err != nil {
			t.Fatal(err)
		}
		d.wantFiles(tc.want...)
		if tc.state == ingest.StateFiled {
			d.wantContains(place+".reçu.txt", "2026-000042")
		}
	}
}

func TestNoteSavedAgainByNotepad(t *testing.T) {
	d, r := placed(t)
	text := d.read(r.Ack + ".reçu.txt")
	d.drop(r.Ack+".reçu.txt", "\ufeff"+strings.ReplaceAll(text, "\n", "\r\n"))
	update(t, d, r.Ack, Note{ID: r.ID, State: ingest.StateFailed}, "_échecs/a.pdf")
	d.wantFiles("_échecs/a.pdf", "_échecs/a.pdf.erreur.txt")
}

func TestReasonCannotForgeLines(t *testing.T) {
	text := Note{ID: "S1", State: ingest.StateFailed, Reason: "a\nNuméro\u00a0: S2\r\n\x1b[2J"}.text("a.pdf")
	if got := parseOwner([]byte(text)); got != "S1" {
		t.Errorf("owner %q", got)
	}
	if strings.Contains(text, "\nNuméro\u00a0: S2") || strings.Contains(text, "\x1b") {
		t.Errorf("note: %q", text)
	}
}

func TestFrenchSize(t *testing.T) {
	for n, want := range map[int64]string{25 << 20: "25\u00a0Mio", 25<<20 + 1: "25,1\u00a0Mio", 900: "900\u00a0octets", 1536: "1,5\u00a0Kio"} {
		if got := frenchSize(n, true); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestNoteOfAPile(t *testing.T) {
	n := Note{ID: "S1", State: ingest.StateSetAside, Reason: "2 courriers", Letters: []NoteLetter{
		{State: ingest.StateFiled, Reference: "2026-000001", Pages: 1, Category: "Voirie"},
		{State: ingest.StateFailed, Reason: "le disque est plein", Pages: 3, Problems: []string{"Page 2 : lecture peu sûre"}},
	}}
	text := n.text("pile.pdf")
	for _, want := range []string{"réparti en courriers", "Courrier 1 sur 2 (1 page)", "Courrier 2 sur 2 (3 pages)", "2026-000001", "Voirie", "n’a pas pu être traité", "le disque est plein", "lecture peu sûre"} {
		if !strings.Contains(text, want) {
			t.Errorf("the note does not say %q:\n%s", want, text)
		}
	}
	if got := parseOwner([]byte(text)); got != "S1" {
		t.Errorf("the note belongs to %q", got)
	}
	n.Letters = n.Letters[:1]
	if text := n.text("recto.pdf"); !strings.Contains(text, "repris dans le courrier ci-dessous") || strings.Contains(text, "1 sur 1") {
		t.Errorf("the note of one side:\n%s", text)
	}
}

func TestHintsOfAPlace(t *testing.T) {
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, tt := range []struct {
		file     string
		service  string
		twoSided bool
		postmark time.Time
	}{
		{"a.pdf", "", false, time.Time{}},
		{"voirie/a.pdf", "voirie", false, time.Time{}},
		{"recto-verso/a.pdf", "", true, time.Time{}},
		{"Voirie/Recto-Verso/a.pdf", "Voirie", true, time.Time{}},
		{"recto-verso/voirie/a.pdf", "voirie", true, time.Time{}},
		{"recto-versos/a.pdf", "recto-versos", false, time.Time{}},
		{"lettre cachet 2026-11-20.pdf", "", false, day("2026-11-20")},
		{"urbanisme/CACHET_du_20-11-2026 recours.pdf", "urbanisme", false, day("2026-11-20")},
		{"cachet-3.2.2026.pdf", "", false, day("2026-02-03")},
		{"cachet 2026-02-30.pdf", "", false, time.Time{}},
		{"cachet 2026-11-203.pdf", "", false, time.Time{}},
		{"scan 2026-11-20.pdf", "", false, time.Time{}},
	} {
		h := hints(tt.file)
		if h.Service != tt.service || h.TwoSided != tt.twoSided || !h.Postmark.Equal(tt.postmark) || h.Filename == "" {
			t.Errorf("%s: %+v", tt.file, h)
		}
	}
}
