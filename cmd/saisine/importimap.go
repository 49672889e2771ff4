package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"saisine.fr/saisine/channels/mailbox"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

// imapImport is an import of the folders of a mailbox.
type imapImport struct {
	mailbox       string
	folders       []string
	all           bool
	since, before string
}

// lister checks what was asked for. The folders are read one after the other.
func (i *imapImport) lister(cfg config.Config, log *slog.Logger, s *store.Store) (lister, error) {
	box, err := i.configured(cfg)
	if err != nil {
		return nil, err
	}
	window, err := i.window()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, in importInput, _ []string, yield func(item) error) error {
		a := mailbox.NewArchive(box, mailbox.Options{Spool: in.spool, MaxMessage: int64(in.limits.Message), Log: log})
		defer a.Close()
		folders, err := i.chosen(ctx, a, box)
		if err != nil {
			return err
		}
		t := &imapTaker{store: s, progress: in.progress, yield: yield}
		for _, folder := range folders {
			if err := a.Read(ctx, folder, window, t); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func (i *imapImport) configured(cfg config.Config) (config.Mailbox, error) {
	var names []string
	for _, box := range cfg.Channels.Mailbox {
		if box.Name == i.mailbox || i.mailbox == "" && len(cfg.Channels.Mailbox) == 1 {
			return box, nil
		}
		names = append(names, box.Name)
	}
	switch {
	case len(names) == 0:
		return config.Mailbox{}, usageError{errors.New("the configuration has no mailbox (channels.mailbox)")}
	case i.mailbox == "":
		return config.Mailbox{}, usageError{fmt.Errorf("say with --mailbox which one: %s", strings.Join(names, ", "))}
	}
	return config.Mailbox{}, usageError{fmt.Errorf("--mailbox %q: the configuration has %s", i.mailbox, strings.Join(names, ", "))}
}

// chosen are the folders to read. Those where saisine keeps mails that it cannot treat are not
// among all of them: what lies there is in the ledger.
func (i *imapImport) chosen(ctx context.Context, a *mailbox.Archive, box config.Mailbox) ([]string, error) {
	switch {
	case i.all && len(i.folders) > 0:
		return nil, usageError{errors.New("--folder and --all-folders contradict each other")}
	case len(i.folders) > 0:
		return i.folders, nil
	case !i.all:
		return []string{box.Folder}, nil
	}
	names, err := a.Folders(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		if name != box.FailedFolder {
			out = append(out, name)
		}
	}
	return out, nil
}

func (i *imapImport) window() (mailbox.Window, error) {
	var w mailbox.Window
	for _, f := range []struct {
		name, text string
		day        *time.Time
	}{{"--since", i.since, &w.Since}, {"--before", i.before, &w.Before}} {
		if f.text == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, f.text)
		if err != nil {
			return w, usageError{fmt.Errorf("%s %q is no day; write it as 2016-04-23", f.name, f.text)}
		}
		*f.day = day
	}
	if !w.Before.IsZero() && !w.Since.Before(w.Before) {
		return w, usageError{errors.New("--before must be later than --since")}
	}
	return w, nil
}

// imapTaker is mailbox.Taker.
type imapTaker struct {
	store    *store.Store
	progress *importProgress
	yield    func(item) error
}

// Known implements mailbox.Taker.
func (t *imapTaker) Known(ctx context.Context, account string, keys []string) (map[string]bool, error) {
	return t.store.KnownSources(ctx, ingest.ChannelMailbox, account, keys)
}

// Expect implements mailbox.Taker.
func (t *imapTaker) Expect(n int) { t.progress.expect(int64(n), false) }

// Passed implements mailbox.Taker.
func (t *imapTaker) Passed(n int) {
	for range n {
		_ = t.yield(item{size: 1, passed: true})
	}
}

// Take implements mailbox.Taker.
func (t *imapTaker) Take(source string, sub ingest.Submission) error {
	return t.yield(item{
		source: source, size: 1, drop: func() { _ = sub.Original.Close() },
		open: func() (ingest.Submission, error) { return sub, nil },
	})
}

// Lost implements mailbox.Taker.
func (t *imapTaker) Lost(source string, err error) error {
	it := failedItem(source, err)
	it.size = 1
	return t.yield(it)
}
