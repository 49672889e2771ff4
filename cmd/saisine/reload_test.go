package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
	"saisine.fr/saisine/queue"
)

// labelled is a categories file whose one category has this label.
func labelled(label string) string {
	return fmt.Sprintf(`categories:
  - code: rues
    label: %s
    service: {name: Voirie, email: voirie@ville.test, phone: 01 23 45 67 88}
    phrases: [{weight: 3, any: [repère]}]
`, label)
}

// Forms that are posted while the texts are reloaded again and again, by SIGHUP and by a save
// at the desk of another process: each is answered with a number, and each is in the ledger.
// Intake is never away.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	categories := filepath.Join(t.TempDir(), "categories.yaml")
	write := func(text string) {
		t.Helper()
		if err := writeWhole(categories, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	write(labelled("Début"))
	tw := quietTown(t, fmt.Sprintf("categories: %q", categories))
	d := tw.start()
	hangup := func(says string) {
		t.Helper()
		n := strings.Count(d.log.String(), says)
		if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		tw.eventually(20*time.Second, says, func() bool { return strings.Count(d.log.String(), says) > n })
	}

	const posters = 2
	var posted, slowest atomic.Int64
	done := make(chan struct{})
	var group sync.WaitGroup
	for p := range posters {
		group.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				begun := time.Now()
				status, _, body, err := tw.post(form(fmt.Sprintf("load-%d-%d", p, i)), nil)
				if err != nil || status != 303 {
					t.Errorf("post %d of poster %d: %d %v %.200s", i, p, status, err, body)
					return
				}
				posted.Add(1)
				for took := time.Since(begun).Nanoseconds(); ; {
					if was := slowest.Load(); took <= was || slowest.CompareAndSwap(was, took) {
						break
					}
				}
			}
		})
	}
	const reloads = 5
	for i := range reloads {
		write(labelled(fmt.Sprint("Libellé ", i)))
		hangup("msg=reloaded")
		if page := get(t, "http://"+tw.public+"/"); !strings.Contains(page, fmt.Sprint("Libellé ", i)) {
			t.Errorf("reload %d: the form does not offer it", i)
		}
	}
	// A file with a mistake, or a configuration with one, leaves all as it is.
	write("categories: [")
	hangup("not reloaded")
	write(labelled("Encore"))
	good, err := os.ReadFile(tw.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(tw.config, append(good, "\nnonsense: 1\n"...)); err != nil {
		t.Fatal(err)
	}
	hangup("not reloaded")
	if page := get(t, "http://"+tw.public+"/"); !strings.Contains(page, fmt.Sprint("Libellé ", reloads-1)) {
		t.Error("what could not be reloaded has changed something")
	}
	if err := writeWhole(tw.config, append(good, "\nocr: {workers: 1}\n"...)); err != nil {
		t.Fatal(err)
	}
	hangup("they take a restart\" keys=[ocr]")

	close(done)
	group.Wait()
	n := int(posted.Load())
	if n < posters {
		t.Fatalf("only %d posts", n)
	}
	t.Logf("%d posts during %d reloads, the slowest took %s", n, reloads+1, time.Duration(slowest.Load()).Round(time.Millisecond))
	if time.Duration(slowest.Load()) > 3*time.Second {
		t.Errorf("intake was away: a post took %s", time.Duration(slowest.Load()))
	}
	tw.settled(n, 120*time.Second)
	d.stop()
	tw.verify()
}

// A house with workers reloads while it classifies, writes and is asked, and ends without
// leaving anything running.
func TestReloadInTheHouse(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	cfg := config.Default()
	cfg.DataDir, cfg.Categories = filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "categories.yaml")
	if err := os.WriteFile(cfg.Categories, []byte(labelled("Début")), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	h, err := openHouse(ctx, cfg, slog.New(slog.DiscardHandler), houseOptions{workers: true, patient: true})
	if err != nil {
		t.Fatal(err)
	}
	d := deskTexts{h}
	admin := ingest.Viewer{Login: "chef", Role: ingest.RoleAdministrator}
	var group sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				c := h.understand.classifier.Classify(ctx, ingest.Record{Channel: ingest.ChannelMailbox}, ingest.Reading{Text: "un repère"})
				if c.Category != "rues" {
					t.Errorf("%+v", c)
					return
				}
				if m, ok := h.secretary.Matter(c.Category, notice.Ordinary); !ok || m.Label == "" {
					t.Error("no such matter")
					return
				}
			}
		})
	}
	key := categoriesKey
	for i := range 5 {
		text, err := d.Text(ctx, admin, key)
		if err != nil {
			t.Fatal(err)
		}
		changed := deskChange(key, labelled(fmt.Sprint("Libellé ", i)), text.Number)
		if i%2 == 1 { // other words: another classifier
			changed.Content = strings.Replace(changed.Content, "[repère]", "[repère, mot"+fmt.Sprint(i)+"]", 1)
		}
		if err := d.Save(ctx, admin, changed); err != nil {
			t.Fatal(err)
		}
		if got := h.rules.File().Categories[0].Label; got != fmt.Sprint("Libellé ", i) {
			t.Errorf("after save %d: %s", i, got)
		}
		if h.understand.classifier.Now().Rules().File() != h.rules.File() {
			t.Errorf("after save %d: the classifier goes by other rules", i)
		}
	}

	// Another process with the same store changes a text: this one follows.
	h.watchTexts(10 * time.Millisecond)
	number, err := h.store.NewestText(ctx)
	if err != nil {
		t.Fatal(err)
	}
	other := storeChange(ingest.TownText{Kind: key.Kind, Name: key.Name, Content: labelled("Ailleurs"), Agent: "jo"})
	other.Base = number
	if _, err := h.store.SaveTownText(ctx, other); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); h.rules.File().Categories[0].Label != "Ailleurs"; {
		if time.Now().After(deadline) {
			t.Fatal("it does not follow the other process")
		}
		time.Sleep(5 * time.Millisecond)
	}

	// What cannot be read changes nothing.
	before := h.texts.now.Load()
	if err := h.reloadConfig(ctx, func() (config.Config, error) { return config.Config{}, errors.New("broken") }); err == nil || h.texts.now.Load() != before {
		t.Errorf("with a broken configuration: %v", err)
	}
	close(done)
	group.Wait()
	state, err := deskMachine{h, time.Now()}.State(ctx)
	if err != nil || state.QueueError != "" || len(state.Queues) != len(queue.Queues()) || state.DiskSize == 0 || state.Database == 0 || state.Model.Making {
		t.Errorf("%+v %v", state, err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

// systemd is told when a reload begins and when it is over (sd_notify(3)).
func TestReloadTellsSystemd(t *testing.T) {
	socket, listener := notifySocket(t)
	h, _ := textHouse(t)
	t.Setenv("NOTIFY_SOCKET", socket)
	if err := h.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.cfg.Categories, []byte("categories: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.reload(t.Context()); err == nil {
		t.Error("a broken file was loaded")
	}
	began := regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=[1-9]\d+$`)
	for i := range 4 {
		if got := nextNotice(t, listener); i%2 == 0 && !began.MatchString(got) || i%2 == 1 && got != "READY=1" {
			t.Errorf("message %d: %q", i, got)
		}
	}
}
