package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/store/postgrestest"
	"saisine.fr/saisine/ingest/store/s3test"
	"saisine.fr/saisine/ingest/view"
)

// withoutMail is a town with a form and scans only.
func withoutMail(extra string) townOption {
	return func(s *townSetup) { s.noMail, s.extra = true, extra }
}

// noise is n bytes that no compression shortens, as a photo is.
func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// hashes are the hashes of the originals by submission.
func hashes(all []view.Submission) map[string]string {
	out := make(map[string]string)
	for _, s := range all {
		out[s.ID] = s.SHA256
	}
	return out
}

// originalsMatch reads every original of a town.
func (tw *town) originalsMatch() {
	tw.t.Helper()
	cfg, err := (&app{configPath: tw.config}).load(true)
	if err != nil {
		tw.t.Fatal(err)
	}
	s, err := openConfigured(tw.t.Context(), cfg, store.Options{NoMigration: true})
	if err != nil {
		tw.t.Fatal(err)
	}
	defer s.Close()
	for id, sum := range hashes(tw.submissions()) {
		r, err := fetchOriginal(tw.t.Context(), s, ingest.Record{ID: id, SHA256: sum})
		if err != nil {
			tw.t.Errorf("%s: %v", id, err)
			continue
		}
		content, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || ingest.NewBlob(content).SHA256() != sum {
			tw.t.Errorf("the original of %s is another one: %v", id, err)
		}
	}
}

// TestBackupWhileLoadComesIn makes backups of a town into which forms and mails come all the
// time, and restores one elsewhere: everything that it had is there, to the letter, and the
// daemon goes on with it.
func TestBackupWhileLoadComesIn(t *testing.T) {
	t.Parallel()
	tw := newTown(t)
	d := tw.start()
	status, link, _, err := tw.post(form("premier"), map[string][]byte{"photo.jpg": noise(1, 400_000)})
	if err != nil || status != http.StatusSeeOther {
		t.Fatalf("%d %v", status, err)
	}
	tw.settled(1, 60*time.Second)
	before := hashes(tw.submissions())

	stop := make(chan struct{})
	var posts sync.WaitGroup
	for w := range 2 {
		posts.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				files := map[string][]byte{}
				if i%5 == 0 {
					files["photo.jpg"] = noise(byte(10+w*100+i), 300_000)
				}
				if status, _, _, err := tw.post(form(fmt.Sprintf("w%di%d", w, i)), files); err != nil || status != http.StatusSeeOther {
					t.Errorf("post: %d %v", status, err)
					return
				}
			}
		})
	}
	posts.Go(func() {
		for i := range 20 {
			tw.deliver(fmt.Sprintf("mail%d", i))
		}
	})
	folder := filepath.Join(tw.dir, "sauvegardes") + "/"
	archive := filepath.Join(tw.dir, "ville.tar.zst")
	for _, args := range [][]string{{"backup", folder}, {"backup", archive}, {"backup", folder, "--keep", "2"}} {
		if out, code := tw.saisine(args...); code != 0 {
			t.Errorf("%v: exit %d: %s", args, code, out)
		} else {
			t.Log(strings.TrimSpace(out))
		}
	}
	close(stop)
	posts.Wait()
	for _, dest := range []string{folder, archive} {
		if out, code := tw.saisine("backup", "--check", dest); code != 0 {
			t.Errorf("check: exit %d: %s", code, out)
		}
	}
	if out, code := tw.saisine("backup", "--list", folder); code != 0 || strings.Count(out, "\n") != 2 {
		t.Errorf("list: exit %d: %s", code, out)
	}
	// A restore over what is there is refused, with the daemon and without.
	if _, errOut, code := tw.output("restore", folder); code != 1 || !strings.Contains(errOut, "the daemon runs") {
		t.Errorf("restore beside the daemon: exit %d: %s", code, errOut)
	}
	d.stop()
	all := hashes(tw.submissions())
	if _, errOut, code := tw.output("restore", folder); code != 1 || !strings.Contains(errOut, "not empty") {
		t.Errorf("restore into a full store: exit %d: %s", code, errOut)
	}
	tw.verify()

	other := newTown(t, withoutMail(""))
	if _, errOut, code := other.output("restore", folder); code != 0 {
		t.Fatalf("restore: exit %d: %s", code, errOut)
	}
	got := hashes(other.submissions())
	for id, sum := range got {
		if all[id] != sum {
			t.Errorf("%s is %s in the backup, and %q in the town", id, sum, all[id])
		}
	}
	for id := range before {
		if got[id] == "" {
			t.Errorf("%s was there before the backup, and is not in it", id)
		}
	}
	other.originalsMatch()
	references := map[string]bool{}
	for _, q := range other.requests() {
		references[q.Reference] = true
	}
	t.Logf("%d submissions in the town, %d in the backup", len(all), len(got))

	// The daemon goes on: what was waiting is treated, links of before are good, numbers go on.
	d2 := other.start()
	other.settled(len(got), 120*time.Second)
	if code := statusOf(t, "http://"+other.public+link); code != http.StatusOK {
		t.Errorf("the follow-up page of before: %d", code)
	}
	known := len(other.requests())
	if status, _, _, err := other.post(form("suivant"), nil); err != nil || status != http.StatusSeeOther {
		t.Fatalf("%d %v", status, err)
	}
	other.settled(len(got)+1, 60*time.Second)
	requests := other.requests()
	if len(requests) != known+1 {
		t.Errorf("%d requests, want %d", len(requests), known+1)
	}
	numbers := map[string]bool{}
	for _, q := range requests {
		numbers[q.Reference] = true
	}
	if len(numbers) != len(requests) {
		t.Errorf("%d numbers for %d requests", len(numbers), len(requests))
	}
	d2.stop()
	other.verify()

	// And the archive, elsewhere again.
	third := newTown(t, withoutMail(""))
	if _, errOut, code := third.output("restore", archive); code != 0 {
		t.Fatalf("restore of the archive: exit %d: %s", code, errOut)
	}
	third.originalsMatch()
}

func statusOf(t *testing.T, url string) int {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// TestMigrateCommand moves a town to PostgreSQL and S3, and back.
func TestMigrateCommand(t *testing.T) {
	t.Parallel()
	if onPostgres {
		t.Skip("about a town that begins with SQLite")
	}
	database := postgrestest.Start(t).Database(t)
	bucket := s3test.Start(t)
	secret := filepath.Join(t.TempDir(), "s3.secret")
	if err := os.WriteFile(secret, []byte(s3test.SecretKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tw := newTown(t, withoutMail(""))
	d := tw.start()
	_, link, _, err := tw.post(form("un"), map[string][]byte{"photo.jpg": noise(1, 400_000)})
	if err != nil {
		t.Fatal(err)
	}
	tw.settled(1, 60*time.Second)
	args := []string{"migrate", "--to-database", database, "--to-originals", bucket.URL(), "--to-originals-access-key", s3test.AccessKey, "--to-originals-secret-key-file", secret}
	if _, errOut, code := tw.output(args...); code != 1 || !strings.Contains(errOut, "the daemon runs") {
		t.Errorf("beside the daemon: exit %d: %s", code, errOut)
	}
	d.stop()
	want := hashes(tw.submissions())
	out, errOut, code := tw.output(args...)
	if code != 0 || !strings.Contains(out, "originals_secret_key_file: "+secret) || strings.Contains(out+errOut, s3test.SecretKey) {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	t.Log(out)
	// The old place is closed.
	if _, errOut, code := tw.output("serve"); code != 1 || !strings.Contains(errOut, "was moved") {
		t.Errorf("the daemon starts on what the town left: exit %d: %s", code, errOut)
	}
	config, err := os.ReadFile(tw.config)
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.Replace(string(config), "database: \"\"\n", fmt.Sprintf("database: %q\noriginals: %q\noriginals_access_key: %q\noriginals_secret_key_file: %q\n", database, bucket.URL(), s3test.AccessKey, secret), 1)
	if err := os.WriteFile(tw.config, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	d = tw.start()
	if code := statusOf(t, "http://"+tw.public+link); code != http.StatusOK {
		t.Errorf("the follow-up page of before: %d", code)
	}
	if _, _, _, err := tw.post(form("deux"), map[string][]byte{"photo.jpg": noise(2, 400_000)}); err != nil {
		t.Fatal(err)
	}
	tw.settled(2, 60*time.Second)
	tw.originalsMatch()
	if out, code := tw.saisine("doctor"); !strings.Contains(out, "written, read and removed") {
		t.Errorf("doctor: exit %d: %s", code, out)
	}
	// From another machine, which has a data folder of its own.
	own, elsewhere := tw.config, filepath.Join(tw.dir, "ailleurs.yaml")
	if err := os.WriteFile(elsewhere, []byte(strings.Replace(moved, fmt.Sprintf("data_dir: %q", tw.data), fmt.Sprintf("data_dir: %q", filepath.Join(tw.dir, "ailleurs")), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	tw.config = elsewhere
	if _, errOut, code := tw.output("migrate", "--to-database", "sqlite", "--to-originals", "files"); code != 1 || !strings.Contains(errOut, "runs on this database") {
		t.Errorf("beside a node of another machine: exit %d: %s", code, errOut)
	}
	tw.config = own
	d.stop()
	tw.verify()

	back := filepath.Join(tw.dir, "retour")
	if out, errOut, code := tw.output("migrate", "--to-database", "sqlite", "--to-originals", "files", "--to-data-dir", back); code != 0 {
		t.Fatalf("back: exit %d: %s%s", code, out, errOut)
	}
	if err := os.WriteFile(tw.config, []byte(strings.Replace(string(config), fmt.Sprintf("data_dir: %q", tw.data), fmt.Sprintf("data_dir: %q", back), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	tw.data = back
	got := hashes(tw.submissions())
	if len(got) != 2 {
		t.Errorf("%d submissions came back", len(got))
	}
	maps.DeleteFunc(got, func(id, _ string) bool { return want[id] == "" })
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	tw.originalsMatch()
	d = tw.start()
	d.stop()
	tw.verify()
}

// TestTownOnS3 keeps originals in a bucket while the daemon is killed, and the bucket goes away.
func TestTownOnS3(t *testing.T) {
	t.Parallel()
	bucket := s3test.Start(t)
	extra := fmt.Sprintf("originals: %q\noriginals_access_key: %q\noriginals_secret_key: %q\n", bucket.URL(), s3test.AccessKey, s3test.SecretKey)
	tw := newTown(t, func(s *townSetup) { s.extra = extra })
	big := func(mark string, seed byte) []byte {
		return plainMail(mark, fmt.Sprintf("%x\r\n", noise(seed, 200_000)))
	}
	// Killed when the store has the original and the ledger has not.
	tw.dovecot.Deliver(townUser, big("un", 1))
	d := tw.launch("SAISINE_CRASH_AT=store.original_sent")
	if !d.dieBy(60 * time.Second) {
		t.Fatalf("the point was not reached:\n%s", d.log.tail(20))
	}
	d = tw.start()
	tw.settled(1, 60*time.Second)
	// The bucket is gone: large mails stay where they are, small ones come in.
	bucket.Kill()
	tw.dovecot.Deliver(townUser, big("deux", 2))
	if status, _, _, err := tw.post(form("petit"), nil); err != nil || status != http.StatusSeeOther {
		t.Errorf("a small post without the bucket: %d %v", status, err)
	}
	if status, _, _, err := tw.post(form("grand"), map[string][]byte{"photo.jpg": noise(3, 400_000)}); err == nil && status != http.StatusServiceUnavailable {
		t.Errorf("a large post without the bucket: %d", status)
	}
	tw.settled(2, 60*time.Second)
	tw.eventually(60*time.Second, "the mail is refused", func() bool { return strings.Contains(d.log.String(), "storage unavailable") })
	if n := tw.inbox(); n != 1 {
		t.Errorf("%d mails in the inbox, want the large one", n)
	}
	if r := tw.readiness(); !names(r.Problems, "originals", "") {
		t.Errorf("readyz does not name the bucket: %+v", r)
	}
	bucket.Run()
	tw.eventually(120*time.Second, "the large mail is taken in", func() bool { return tw.inbox() == 0 })
	tw.settled(3, 60*time.Second)
	if r := tw.readiness(); names(r.Problems, "originals", "") {
		t.Errorf("readyz still names the bucket: %+v", r)
	}
	tw.originalsMatch()
	d.stop()
	tw.verify()
}

// TestBackupAndRestoreKilled kills both at moments that nobody chose: what a backup leaves is no
// backup or a whole one, what a restore leaves is closed to the daemon, and both end well when
// they are run again.
func TestBackupAndRestoreKilled(t *testing.T) {
	t.Parallel()
	tw := newTown(t, withoutMail(""))
	s := openStoreOf(t, tw)
	want := map[string]bool{}
	for i := range 60 {
		n := 20_000
		if i%3 == 0 {
			n = 500_000
		}
		b, err := s.Spool().Read(bytes.NewReader(noise(byte(i), n)), 0)
		if err != nil {
			t.Fatal(err)
		}
		want[b.SHA256()] = true
		if _, err := s.Record(t.Context(), ingest.Submission{
			Channel: ingest.ChannelMailbox, Account: "sve", SourceKey: fmt.Sprint(i), ReceivedAt: time.Now(), Original: b, MediaType: ingest.MediaText,
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(tw.dir, "sauvegardes") + "/"
	// killed runs a command and kills it after a while; it reports whether that was in time.
	killed := func(tw *town, after time.Duration, args ...string) bool {
		cmd := exec.Command(tw.cli, append(args, "--config", tw.config)...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		return cmd.Wait() != nil
	}
	began := time.Now()
	if _, errOut, code := tw.output("backup", filepath.Join(tw.dir, "mesure")+"/"); code != 0 {
		t.Fatal(errOut)
	}
	whole := time.Since(began)
	n := 0
	for i := range 8 {
		if killed(tw, whole*time.Duration(i+2)/11, "backup", folder) {
			n++
		}
		if _, err := os.Stat(folder); err != nil {
			continue
		}
		if list, errOut, code := tw.output("backup", "--list", folder); code != 0 || errOut != "" {
			t.Errorf("list after a kill: exit %d: %s%s", code, list, errOut)
		} else if list != "" {
			if _, errOut, code := tw.output("backup", "--check", folder); code != 0 {
				t.Errorf("a backup that is there is not whole: %s", errOut)
			}
		}
	}
	if out, errOut, code := tw.output("backup", folder, "--keep", "1"); code != 0 {
		t.Fatalf("backup after the kills: exit %d: %s%s", code, out, errOut)
	}
	t.Logf("%d of 8 backups killed within %s", n, whole)

	began = time.Now()
	other := newTown(t, withoutMail(""))
	if _, errOut, code := other.output("restore", folder); code != 0 {
		t.Fatal(errOut)
	}
	whole = time.Since(began)
	n = 0
	for i := range 6 {
		other := newTown(t, withoutMail(""))
		if killed(other, whole*time.Duration(i+2)/9, "restore", folder) {
			n++
			// Begun and not ended, or not begun at all; or it has ended just so, and what opens is whole.
			if _, _, code := other.output("verify", "--offline"); code != 0 {
				if out, errOut, code := other.output("restore", folder); code != 0 {
					t.Fatalf("restore after a kill: exit %d: %s%s", code, out, errOut)
				}
			}
		}
		got := other.submissions()
		for _, s := range got {
			if !want[s.SHA256] {
				t.Errorf("%s was never there", s.SHA256)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d submissions, want %d", len(got), len(want))
		}
		other.verify()
	}
	t.Logf("%d of 6 restores killed within %s", n, whole)
	if n == 0 {
		t.Error("none was killed in time")
	}
}
