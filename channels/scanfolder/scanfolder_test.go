package scanfolder

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/text/unicode/norm"

	"saisine.fr/saisine/ingest"
)

func TestScanIsTakenAndMovedWithItsReceipt(t *testing.T) {
	for _, tc := range []struct{ name, content, media, service, moved string }{
		{"lettre.pdf", pdf("a"), ingest.MediaPDF, "", "lettre.pdf"},
		{"sans extension", "\r\n" + pdf("a"), ingest.MediaPDF, "", "sans extension"},
		{"urbanisme/plan.tif", tiffBytes, ingest.MediaTIFF, "urbanisme", "plan.tif"},
		{"état civil/2026/photo.JPG", jpegBytes, ingest.MediaJPEG, "état civil", "photo.JPG"},
		{"trompeur.pdf", pngBytes, ingest.MediaPNG, "", "trompeur.pdf"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDesk(t)
			d.drop(tc.name, tc.content)
			d.settle()
			d.wantFiles("MONTH/"+tc.moved, "MONTH/"+tc.moved+".reçu.txt")
			r := d.wantRows(1)[0]
			if string(r.Content) != tc.content || r.Sub.MediaType != tc.media || r.Sub.Hints.Service != tc.service ||
				r.Sub.Hints.Filename != filepath.Base(tc.name) || r.Sub.Channel != ingest.ChannelScan || r.Sub.Account != "courrier" {
				t.Errorf("submission: %+v", r.Sub)
			}
			if want := d.month() + "/" + tc.moved; r.Ack != want {
				t.Errorf("acknowledged place %q, want %q", r.Ack, want)
			}
			if d.read(d.month()+"/"+tc.moved) != tc.content {
				t.Error("the moved scan has other bytes")
			}
			d.wantContains(r.Ack+".reçu.txt", "Fichier\u00a0: "+tc.moved+"\n", "Numéro\u00a0: "+r.ID+"\n", "enregistré, en attente de lecture")
			d.wantHealthy()
		})
	}
}

func TestNothingIsTakenBeforeItIsStable(t *testing.T) {
	d := newDesk(t)
	d.drop("a.pdf", pdf("a"))
	d.look() // the first look after a start may not take it either
	d.wait(stable - time.Millisecond)
	d.look()
	d.wantRows(0)

	d.drop("a.pdf", pdf("a, second page")) // it grew
	d.look()
	d.wait(stable - time.Millisecond)
	d.look()
	d.wantRows(0)

	later := time.Now().Add(time.Minute) // same size, written again
	if err := os.Chtimes(d.path("a.pdf"), later, later); err != nil {
		t.Fatal(err)
	}
	d.look()
	d.wait(stable - time.Millisecond)
	d.look()
	d.wantRows(0)
	d.wait(time.Millisecond)
	d.look()
	if r := d.wantRows(1)[0]; string(r.Content) != pdf("a, second page") {
		t.Errorf("took %q", r.Content)
	}
}

func TestHalfWrittenFilesWaitButNotForEver(t *testing.T) {
	for name, content := range map[string]string{
		"a.pdf":  "%PDF-1.7\nfirst page",
		"a.jpg":  "\xff\xd8\xff\xe0 half",
		"a.png":  "\x89PNG\r\n\x1a\n half",
		"a.tif":  "II*\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"0s.pdf": strings.Repeat("\x00", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.drop(name, content)
			d.look()
			for range patience - 1 {
				d.wait(stable)
				d.look()
			}
			d.wantRows(0)
			d.wantFiles(name)
			d.wantHealthy()
			d.wait(stable)
			d.look()
			d.wantRows(1)
		})
	}
}

func TestFileOpenForWritingWaits(t *testing.T) {
	d := newDesk(t)
	d.drop("a.pdf", pdf("a"))
	f, err := os.OpenFile(d.path("a.pdf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var st unix.Statfs_t
	if err := unix.Statfs(d.dir, &st); err != nil || !local(st.Type) {
		t.Skipf("no leases on this file system (type %#x)", st.Type)
	}
	d.settle()
	d.wait(time.Hour)
	d.look()
	d.wantRows(0)
	d.wantFiles("a.pdf")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	d.wait(stable)
	d.look()
	d.wantRows(1)
}

func TestWhatIsNoScanIsNotTouched(t *testing.T) {
	d := newDesk(t)
	names := []string{
		".caché.pdf", "~$lettre.pdf", "a.pdf.part", "a.TMP", "a.crdownload", "Thumbs.db", "desktop.ini",
		"@eaDir/a.pdf", "__MACOSX/a.pdf", ".hidden/a.pdf", "sous/.caché.pdf", "vieux.pdf.erreur.txt", norm.NFD.String("vieux.pdf.reçu.txt"),
		"sous/_traités/a.pdf",
	}
	for _, n := range names {
		d.drop(n, pdf(n))
	}
	d.drop("vide.pdf", "")
	outside := filepath.Join(t.TempDir(), "secret.pdf")
	if err := os.WriteFile(outside, []byte(pdf("secret")), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"lien.pdf": outside, "interne.pdf": ".caché.pdf", "dossier": filepath.Dir(outside), "boucle": "."} {
		if err := os.Symlink(to, d.path(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(d.path("tube.pdf"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := d.files()
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.settle()
		d.wait(time.Hour)
		d.look()
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("hangs on a FIFO")
	}
	d.wantRows(0)
	d.wantFiles(before...)
	d.wantHealthy()
}

// Between the listing and the opening a file may be swapped for anything.
func TestOpenRefusesWhatWasSwappedIn(t *testing.T) {
	d := newDesk(t)
	d.drop("vrai.pdf", pdf("a"))
	if err := os.Symlink("vrai.pdf", d.path("lien.pdf")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(d.path("tube"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lien.pdf", "tube", "."} {
		_, _, err := d.a.tree.open(name)
		wantIs(t, err, errNotRegular)
	}
	if _, _, err := d.a.tree.open("vrai.pdf"); err != nil {
		t.Error(err)
	}
}

func TestSwappedFileIsNeverRead(t *testing.T) {
	d := newDesk(t)
	d.drop(".caché", "secret")
	d.drop(".vrai", "scan")
	stop := make(chan struct{})
	swapped := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			select {
			case <-stop:
				swapped <- nil
				return
			default:
			}
			if err = os.Symlink(".caché", d.path(".lien")); err == nil {
				err = os.Rename(d.path(".lien"), d.path("a.pdf"))
			}
			if err == nil {
				err = os.Link(d.path(".vrai"), d.path(".copie"))
			}
			if err == nil {
				err = os.Rename(d.path(".copie"), d.path("a.pdf"))
			}
		}
		swapped <- err
	}()
	read := 0
	for deadline := time.Now().Add(500 * time.Millisecond); time.Now().Before(deadline); {
		f, _, err := d.a.tree.open("a.pdf")
		if err != nil {
			continue
		}
		b, err := io.ReadAll(f)
		_ = f.Close()
		if err != nil || string(b) != "scan" {
			t.Fatalf("read %q through a link that was swapped in (%v)", b, err)
		}
		read++
	}
	close(stop)
	if err := <-swapped; err != nil {
		t.Fatal(err)
	}
	if read == 0 {
		t.Error("never read anything: the test tests nothing")
	}
}

func TestNamesNeverOverwriteEachOther(t *testing.T) {
	d := newDesk(t)
	for i := range 3 {
		d.drop("scan.pdf", pdf(fmt.Sprint(i)))
		d.drop("urbanisme/scan.pdf", pdf(fmt.Sprint("u", i)))
		d.settle()
	}
	want := []string{"MONTH/scan.pdf", "MONTH/scan.pdf.reçu.txt"}
	for n := 2; n <= 6; n++ {
		want = append(want, fmt.Sprintf("MONTH/scan (%d).pdf", n), fmt.Sprintf("MONTH/scan (%d).pdf.reçu.txt", n))
	}
	d.wantFiles(want...)
	for _, r := range d.wantRows(6) {
		if d.read(r.Ack) != string(r.Content) {
			t.Errorf("%s does not hold the bytes of its row", r.Ack)
		}
		d.wantContains(r.Ack+".reçu.txt", "Numéro\u00a0: "+r.ID+"\n")
	}
}

func TestOddNames(t *testing.T) {
	for _, name := range []string{
		"a\nÉtat : classé.pdf", `"l'avis" d'imposition.pdf`, "a\x1b[31mrouge.pdf", "latin1 \xe9t\xe9.pdf", "-rf.pdf", "a\\b.pdf",
		strings.Repeat("x", 251) + ".pdf", strings.Repeat("é", 125) + ".pdf", strings.Repeat("y", 255), "\u202efdp.exe.pdf", norm.NFD.String("été.pdf"), "100 %.pdf",
	} {
		t.Run(fmt.Sprintf("%.20q", name), func(t *testing.T) {
			d := newDesk(t)
			for i := range 2 {
				d.drop(name, pdf(fmt.Sprint(name, i)))
				d.settle()
			}
			d.wantHealthy()
			for _, r := range d.wantRows(2) {
				if d.read(r.Ack) != string(r.Content) {
					t.Errorf("%q does not hold the bytes of its row", r.Ack)
				}
				for _, s := range []string{r.Ack, r.Sub.Hints.Filename, r.Sub.Hints.SourceRef} {
					if s != cleanText(s) {
						t.Errorf("unclean text leaves the channel: %q", s)
					}
				}
				note := d.read(r.Ack + ".reçu.txt")
				if n := strings.Count(note, "\n"); n != 6 {
					t.Errorf("the name forged lines of the note: %q", note)
				}
				for state, suffix := range map[ingest.State]string{ingest.StateFailed: ".erreur.txt", ingest.StateFiled: ".reçu.txt"} {
					place, err := UpdateNote(d.dir, r.Ack, Note{ID: r.ID, State: state})
					if err != nil {
						t.Fatal(err)
					}
					d.wantContains(place+suffix, r.ID)
					r.Ack = place
				}
			}
		})
	}
}

func TestSecondCopyGoesToDuplicates(t *testing.T) {
	d := newDesk(t)
	d.drop("a.pdf", pdf("a"))
	d.settle()
	first := d.wantRows(1)[0]
	d.ledger.set(t, first.ID, func(r *row) { r.State, r.Request = ingest.StateFiled, "2026-000042" })

	d.drop("a.pdf", pdf("a"))
	d.drop("urbanisme/autre nom.pdf", pdf("a"))
	d.settle()
	d.wantRows(1)
	d.wantFiles("MONTH/a.pdf", "MONTH/a.pdf.reçu.txt", "_doublons/a.pdf", "_doublons/a.pdf.doublon.txt",
		"_doublons/autre nom.pdf", "_doublons/autre nom.pdf.doublon.txt")
	d.wantContains("_doublons/a.pdf.doublon.txt", first.ID, "2026-000042")
	if r := d.wantRows(1)[0]; r.Ack != first.Ack || r.Retries != 0 {
		t.Errorf("the first one's row changed: %+v", r)
	}

	// A copy that keeps name, size and date has the reference of the first.
	b, err := os.Stat(d.path(first.Ack))
	if err != nil {
		t.Fatal(err)
	}
	d.drop("a.pdf", pdf("a"))
	if err := os.Chtimes(d.path("a.pdf"), b.ModTime(), b.ModTime()); err != nil {
		t.Fatal(err)
	}
	d.settle()
	d.wantContains("_doublons/a (2).pdf.doublon.txt", first.ID)

	// So has the first itself, when it is taken out of `_traités` and dropped again.
	d.rename(first.Ack, "a.pdf")
	d.settle()
	d.wantContains("_doublons/a (3).pdf.doublon.txt", first.ID)
	d.wantHealthy()
}

func TestTwoCopiesAtOnceAreOneSubmission(t *testing.T) {
	d := newDesk(t)
	d.drop("a.pdf", pdf("a"))
	d.drop("b.pdf", pdf("a"))
	d.settle()
	d.wantRows(1)
	d.wantFiles("MONTH/a.pdf", "MONTH/a.pdf.reçu.txt", "_doublons/b.pdf", "_doublons/b.pdf.doublon.txt")
}

func TestWhatIsNoScanInsideFailsWithItsReason(t *testing.T) {
	d := newDesk(t)
	d.drop("compte rendu.docx", "PK\x03\x04 …")
	d.settle()
	r := d.wantRows(1)[0]
	if r.State != ingest.StateFailed || r.Reason == "" || r.Sub.MediaType != "application/octet-stream" || r.Ack != "_échecs/compte rendu.docx" {
		t.Errorf("row: %+v", r)
	}
	d.wantFiles("_échecs/compte rendu.docx", "_échecs/compte rendu.docx.erreur.txt")
	d.wantContains("_échecs/compte rendu.docx.erreur.txt", r.ID, "ni un PDF ni une image", "Que faire\u00a0?")

	d.rename("_échecs/compte rendu.docx", "compte rendu.docx")
	d.settle()
	if r := d.wantRows(1)[0]; r.State != ingest.StateReceived || r.Retries != 1 {
		t.Errorf("dropping it back is no retry: %+v", r)
	}
	d.wantFiles("MONTH/compte rendu.docx", "MONTH/compte rendu.docx.reçu.txt")
}

func TestFileOverTheLimitIsPutAside(t *testing.T) {
	d := newDesk(t)
	d.max = 1 << 20
	d.restart()
	exact := pdf("") + strings.Repeat(" ", 1<<20-len(pdf("")))
	d.drop("juste.pdf", exact[:len(exact)-10]+"%%EOF     ")
	d.drop("gros.pdf", pdf(strings.Repeat("x", 1<<20)))
	d.settle()
	for _, r := range d.wantRows(2) {
		large := r.Sub.Hints.Filename == "gros.pdf"
		if large != (r.State == ingest.StateFailed) || large != r.Sub.Hints.Partial || large != strings.Contains(r.Reason, "1,1\u00a0Mio") {
			t.Errorf("row: %+v", r)
		}
	}
	d.wantFiles("MONTH/juste.pdf", "MONTH/juste.pdf.reçu.txt", "_échecs/gros.pdf", "_échecs/gros.pdf.erreur.txt")
	d.wantContains("_échecs/gros.pdf.erreur.txt", "Limite\u00a0: 1\u00a0Mio\n", "Taille\u00a0: 1,1\u00a0Mio\n", "«\u00a0limits.file\u00a0»")

	d.max = 2 << 20
	d.restart()
	d.rename("_échecs/gros.pdf", "gros.pdf")
	d.settle()
	d.wantRows(3) // now it is taken itself
}

func TestDroppingAFailedScanBackIsARetry(t *testing.T) {
	d := newDesk(t)
	d.drop("a.pdf", pdf("a"))
	d.settle()
	r := d.wantRows(1)[0]
	d.ledger.set(t, r.ID, func(r *row) { r.State, r.Reason = ingest.StateFailed, "Le PDF est protégé par un mot de passe." })
	r = d.wantRows(1)[0]
	place, err := UpdateNote(d.dir, r.Ack, Note{ID: r.ID, State: r.State, Reason: r.Reason})
	if err != nil {
		t.Fatal(err)
	}
	d.ledger.set(t, r.ID, func(r *row) { r.Ack = place })
	d.wantFiles("_échecs/a.pdf", "_échecs/a.pdf.erreur.txt")
	d.wantContains("_échecs/a.pdf.erreur.txt", "Le PDF est protégé par un mot de passe.", r.ID)

	d.drop("urbanisme/x", "") // any sub-folder will do
	d.rename("_échecs/a.pdf", "urbanisme/a.pdf")
	d.settle()
	d.wantFiles("MONTH/a.pdf", "MONTH/a.pdf.reçu.txt", "urbanisme/x")
	r = d.wantRows(1)[0]
	if r.State != ingest.StateReceived || r.Retries != 1 || r.Ack != d.month()+"/a.pdf" {
		t.Errorf("row after the retry: %+v", r)
	}
	if strings.Contains(d.read(r.Ack+".reçu.txt"), "mot de passe") {
		t.Error("the receipt shows the old failure")
	}
}

func TestUnavailableHouseLeavesEverythingInPlace(t *testing.T) {
	d := newDesk(t)
	d.drop("a.pdf", pdf("a"))
	d.drop("b/b.pdf", pdf("b"))
	d.drop("c.pdf", pdf("c"))
	d.ledger.down = fmt.Errorf("disk full: %w", ingest.ErrUnavailable)
	good := d.now
	d.settle()
	for range 5 {
		d.wait(10 * time.Second)
		d.look()
	}
	d.wantFiles("a.pdf", "b/b.pdf", "c.pdf")
	s := d.health.Status()
	wantIs(t, s.Err, ingest.ErrUnavailable)
	if !s.LastGood.Equal(good) {
		t.Error("health counts a look that could take nothing in as good")
	}
	d.ledger.down = nil
	d.wait(10 * time.Second)
	d.look() // the very next poll
	d.wantRows(3)
	d.wantHealthy()
}

func TestFaultOfTheSpoolIsTheHouses(t *testing.T) {
	d := newDesk(t)
	d.a.opts.Spool.Dir = filepath.Join(t.TempDir(), "missing")
	d.drop("gros.pdf", pdf(strings.Repeat("x", ingest.InlineMax)))
	d.settle()
	wantIs(t, d.health.Status().Err, ingest.ErrUnavailable)
	d.wantFiles("gros.pdf")
}

func TestTroubleWithOneFileLetsTheOthersPass(t *testing.T) {
	d := newDesk(t)
	d.drop("a.pdf", pdf("a"))
	d.drop("interdit/z.pdf", pdf("z"))
	d.drop("b.pdf", pdf("b"))
	for _, p := range []string{"a.pdf", "interdit"} {
		if err := os.Chmod(d.path(p), 0); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		// The rights of files do not bind root; another file-system uid does, and
		// it belongs to the thread. The thread dies with the goroutine.
		for _, p := range []string{d.dir, d.path("b.pdf"), d.path(dirDone), d.path(dirDuplicate), d.path(dirFailed), filepath.Dir(d.ledger.path)} {
			if err := os.Chown(p, 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Dir(d.dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			_ = unix.Setfsuid(65534)
		}
		d.settle()
	}()
	<-done
	r := d.wantRows(1)[0]
	if r.Sub.Hints.Filename != "b.pdf" {
		t.Errorf("took %q", r.Sub.Hints.Filename)
	}
	s := d.health.Status()
	if s.Err != nil || s.Alarms[alarmKey("a.pdf")] == "" || s.Alarms[alarmKey("interdit")] == "" || len(s.Alarms) != 2 {
		t.Errorf("health: %+v", s)
	}
	for _, p := range []string{"a.pdf", "interdit"} {
		if err := os.Chmod(d.path(p), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d.wait(maxRetryPause)
	d.settle()
	d.wantRows(3)
	d.wantHealthy()
}

func TestTroubleIsRetriedEverMoreSeldom(t *testing.T) {
	d := newDesk(t)
	d.drop("a.pdf", pdf("a"))
	calls := 0
	d.ledger.onAcknowledge = func(string, string) { calls++ }
	d.ledger.down = errors.New("not well formed")
	d.ledger.rows = append(d.ledger.rows, &row{})
	d.look()
	submits := 0
	for range 360 { // an hour of polls
		d.wait(10 * time.Second)
		before := d.a.seen["a.pdf"].failures
		d.look()
		submits += d.a.seen["a.pdf"].failures - before
	}
	if submits < 5 || submits > 20 {
		t.Errorf("%d tries in an hour, want a handful", submits)
	}
	d.wantFiles("a.pdf")
	if calls != 0 {
		t.Error("acknowledged what was not submitted")
	}
}

func TestFileChangedAfterItWasReadIsNotMoved(t *testing.T) {
	for name, change := range map[string]func(d *desk){
		"written": func(d *desk) {
			d.drop("a.pdf", pdf("another letter"))
		},
		"replaced": func(d *desk) {
			d.drop(".x", pdf("another letter"))
			d.rename(".x", "a.pdf")
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.drop("a.pdf", pdf("a"))
			once := false
			d.ledger.onAcknowledge = func(string, string) {
				if !once {
					once = true
					change(d)
				}
			}
			d.settle()
			d.wantFiles("a.pdf")
			d.wait(stable)
			d.settle()
			rows := d.wantRows(2)
			if string(rows[1].Content) != pdf("another letter") {
				t.Errorf("second row holds %q", rows[1].Content)
			}
			d.wantContains(rows[1].Ack, "another letter")
		})
	}
}

// The note comes before the move, and with it the last instant for a change.
func TestDuplicateChangedBeforeItsMoveIsNotLost(t *testing.T) {
	d := newDesk(t)
	d.drop("a.pdf", pdf("a"))
	info, err := os.Lstat(d.path("a.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.a.moveNoted("a.pdf", info, dirDuplicate, "S1", suffixDuplicate, func(string) string {
		d.drop("a.pdf", pdf("another letter"))
		return labelNumber + "S1\n"
	})
	wantIs(t, err, errLater)
	d.wantFiles("a.pdf")
	d.wantContains("a.pdf", "another letter")
}

func TestPlaceTakenInBetweenIsNotOverwritten(t *testing.T) {
	d := newDesk(t)
	d.drop("a.pdf", pdf("a"))
	once := false
	d.ledger.onAcknowledge = func(_, place string) {
		if !once {
			once = true
			d.drop(place, "put there by somebody else")
		}
	}
	d.settle()
	r := d.wantRows(1)[0]
	if r.Ack != d.month()+"/a (2).pdf" || d.read(r.Ack) != pdf("a") {
		t.Errorf("acknowledged %q", r.Ack)
	}
	if got := d.read(d.month() + "/a.pdf"); got != "put there by somebody else" {
		t.Errorf("the other file now holds %q", got)
	}
}

func TestFolderThatVanishesIsAnError(t *testing.T) {
	d := newDesk(t)
	d.drop("a.pdf", pdf("a"))
	d.look()
	aside := d.dir + ".aside"
	if err := os.Rename(d.dir, aside); err != nil {
		t.Fatal(err)
	}
	_, err := d.a.pass(t.Context(), d.ledger)
	wantIs(t, err, ErrFolderGone)

	// What an unmounted share leaves behind: an empty folder.
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = d.a.pass(t.Context(), d.ledger)
	wantIs(t, err, ErrFolderGone)
	err = d.a.Run(t.Context(), d.ledger)
	wantIs(t, err, ErrFolderGone)
	wantIs(t, d.health.Status().Err, ErrFolderGone)
	d.wantFiles()

	if err := os.Remove(d.dir); err != nil {
		t.Fatal(err)
	}
	err = d.a.Run(t.Context(), d.ledger)
	wantIs(t, err, ErrFolderGone)
	if err := os.Rename(aside, d.dir); err != nil {
		t.Fatal(err)
	}
	if err := d.a.open(); err != nil {
		t.Fatal(err)
	}
	d.settle()
	d.wantRows(1)
}

func TestOwnFoldersInDecomposedForm(t *testing.T) {
	d := newDesk(t)
	for _, own := range []string{dirDone, dirFailed} {
		d.rename(own, norm.NFD.String(own))
	}
	d.restart()
	d.drop("a.pdf", pdf("a"))
	d.drop("b.doc", "no scan")
	d.settle()
	rows := d.wantRows(2)
	if rows[0].Ack != d.month()+"/a.pdf" || rows[1].Ack != "_échecs/b.doc" {
		t.Errorf("places %q, %q", rows[0].Ack, rows[1].Ack)
	}
	d.wantContains(norm.NFD.String(d.month()) + "/a.pdf")
	d.wantContains(norm.NFD.String("_échecs") + "/b.doc.erreur.txt")
	for _, own := range []string{dirDone, dirFailed} {
		if _, err := os.Lstat(d.path(own)); err == nil {
			t.Errorf("a second %s was made", own)
		}
	}
	d.wait(stable)
	d.settle()
	d.wantRows(2)
	if _, err := UpdateNote(d.dir, rows[0].Ack, Note{ID: rows[0].ID, State: ingest.StateFiled, Reference: "2026-000001"}); err != nil {
		t.Error(err)
	}
	d.wantContains(norm.NFD.String(d.month())+"/a.pdf.reçu.txt", "2026-000001")
}

func TestOwnFolderMustBeAFolder(t *testing.T) {
	d := newDesk(t)
	if err := os.Remove(d.path(dirDone)); err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	if err := os.Symlink(elsewhere, d.path(dirDone)); err != nil {
		t.Fatal(err)
	}
	wantIs(t, d.a.open(), errOwnDir)
	wantIs(t, Check(d.a.cfg), errOwnDir)
	d.drop("a.pdf", pdf("a"))
	d.settle()
	d.wantContains("a.pdf", "a")
	if left, err := os.ReadDir(elsewhere); err != nil || len(left) > 0 {
		t.Errorf("followed a link out of the folder: %v, %v", left, err)
	}
}

func TestOwnFoldersHaveTheRightsOfTheWatchedOne(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o775|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	d := newDeskIn(t, dir)
	d.drop("a.pdf", pdf("a"))
	d.settle()
	for _, own := range []string{dirFailed, d.month()} {
		info, err := os.Stat(d.path(own))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != os.ModeDir|os.ModeSetgid|0o775 {
			t.Errorf("%s has mode %v", own, info.Mode())
		}
	}
}

func TestTooDeepFoldersRaiseAnAlarm(t *testing.T) {
	d := newDesk(t)
	d.drop("1/2/3/4/5/a.pdf", pdf("a"))
	d.drop("1/2/3/4/5/6/b.pdf", pdf("b"))
	d.settle()
	if r := d.wantRows(1)[0]; r.Sub.Hints.Service != "1" {
		t.Errorf("service %q", r.Sub.Hints.Service)
	}
	if d.health.Status().Alarms[alarmKey("1/2/3/4/5/6")] == "" {
		t.Error("scans that are too deep wait in silence")
	}
	if err := os.RemoveAll(d.path("1")); err != nil {
		t.Fatal(err)
	}
	d.look()
	d.wantHealthy()
}

func TestReceivedAt(t *testing.T) {
	seen := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct{ modified, want time.Time }{
		"before the weekend":   {seen.AddDate(0, 0, -3), seen.AddDate(0, 0, -3)},
		"copier without clock": {time.Unix(0, 0), seen},
		"copier ahead":         {seen.Add(time.Hour), seen},
	} {
		if got := receivedAt(tc.modified, seen); !got.Equal(tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestCheck(t *testing.T) {
	d := newDesk(t)
	if err := Check(d.a.cfg); err != nil {
		t.Error(err)
	}
	d.wantFiles()
	cfg := d.a.cfg
	for _, dir := range []string{filepath.Join(d.dir, "missing"), "/proc/self/status", "/proc/self"} {
		cfg.Dir = dir
		if err := Check(cfg); err == nil {
			t.Errorf("%s passes", dir)
		}
	}
}
