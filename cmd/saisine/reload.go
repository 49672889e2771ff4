package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"saisine.fr/saisine/channels/open311"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/config/strictyaml"
	"saisine.fr/saisine/ingest/classify"
)

// A reload puts other texts into force while the daemon runs: those that were changed at the
// desk, and the files that the configuration names. Nothing is stopped for it: whoever needs
// a text asks the house for the one in force, so that intake is never away, and what is
// under way ends with the text with which it began. What else stands in the configuration
// takes a restart.

// reloading is what a house keeps for its reloads.
type reloading struct {
	mu  sync.Mutex    // one reload at a time
	cfg config.Config // of the last reload
}

// config returns the configuration whose files are in force.
func (r *reloading) config() config.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cfg
}

// reload reads the texts anew and puts them into force; with an error all stays as it was. It
// returns when they are in force. What follows from them (a model for other phrases, other
// deadlines) is made afterwards in the background.
func (h *house) reload(ctx context.Context) error {
	h.reloads.mu.Lock()
	defer h.reloads.mu.Unlock()
	return h.reloadWith(ctx, h.reloads.cfg)
}

// reloadWith is reload with other files. reloads.mu is held.
func (h *house) reloadWith(ctx context.Context, cfg config.Config) error {
	h.notifyReloading(ctx)
	defer notify(context.WithoutCancel(ctx), h.log, daemon.SdNotifyReady)
	next, err := readTexts(ctx, cfg)
	if err != nil {
		return err
	}
	next.warn(ctx, h.log)
	// Before any request can be filed with a service that is sealed now.
	if err := h.seal(ctx, next.rules.File()); err != nil {
		return err
	}
	before := h.texts.now.Swap(next)
	h.reloads.cfg = cfg
	if h.form != nil {
		h.form.SetCategories(formCategories(h.texts))
	}
	if h.api != nil {
		h.api.SetCategories(apiCategories(h.texts))
	}
	if h.apps != nil {
		h.apps.SetCatalogue(open311.FromFile(*h.texts.File()))
	}
	if reflect.DeepEqual(before.rules.File(), next.rules.File()) {
		return nil
	}
	h.log.LogAttrs(ctx, slog.LevelInfo, "another categories file is in force")
	if h.understand == nil {
		return nil
	}
	if err := h.understand.follow(ctx, next.rules); err != nil {
		return fmt.Errorf("the classifier goes on by the categories file of before: %w", err)
	}
	h.prepareModel()
	h.chores.begin(h.replan)
	return nil
}

// seal has the store hide what belongs to the sealed services of a categories file.
func (h *house) seal(ctx context.Context, f *classify.File) error {
	all, sealed := f.Services()
	return h.store.SetSealed(ctx, all, sealed)
}

// notifyReloading tells systemd that a reload begins (sd_notify(3): READY follows).
func (h *house) notifyReloading(ctx context.Context) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return // there always is one
	}
	notify(ctx, h.log, fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000))
}

// reloadOnHangup reloads at each SIGHUP while the house is open, after reading the
// configuration anew. It returns at once.
func (h *house) reloadOnHangup(hangups <-chan os.Signal, read func() (config.Config, error)) {
	h.chores.begin(func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
			}
			if err := h.reloadConfig(ctx, read); err != nil {
				h.log.LogAttrs(ctx, slog.LevelError, "not reloaded; all goes on as before", slog.Any("err", err))
			}
		}
	})
}

// textsLook is how often a house looks whether the texts were changed at the desk of another
// process that has the same store.
const textsLook = 30 * time.Second

// watchTexts reloads when another process has changed a text, until the house closes.
func (h *house) watchTexts(every time.Duration) {
	h.chores.begin(func(ctx context.Context) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			newest, err := h.store.NewestText(ctx)
			if err == nil && newest != h.texts.now.Load().newest {
				err = h.reload(ctx)
			}
			if err != nil && ctx.Err() == nil {
				h.log.LogAttrs(ctx, slog.LevelError, "whether texts were changed is looked at again later", slog.Any("err", err))
			}
		}
	})
}

// reloadConfig reads the configuration anew and reloads the texts that it names.
func (h *house) reloadConfig(ctx context.Context, read func() (config.Config, error)) error {
	cfg, err := read()
	if err != nil {
		return err
	}
	h.reloads.mu.Lock()
	defer h.reloads.mu.Unlock()
	next := h.reloads.cfg
	next.Categories, next.Letters.Templates = cfg.Categories, cfg.Letters.Templates
	if keys := changedKeys(next, cfg); len(keys) > 0 {
		h.log.LogAttrs(ctx, slog.LevelWarn, "the configuration has other changes; they take a restart", slog.Any("keys", keys))
	}
	if err := h.reloadWith(ctx, next); err != nil {
		return err
	}
	h.log.LogAttrs(ctx, slog.LevelInfo, "reloaded")
	return nil
}

// changedKeys names the first keys of a configuration whose values differ in another one.
func changedKeys(a, b config.Config) []string {
	var keys []string
	left, right := reflect.ValueOf(a), reflect.ValueOf(b)
	for _, f := range strictyaml.Fields(left.Type()) {
		if !reflect.DeepEqual(left.Field(f.Index).Interface(), right.Field(f.Index).Interface()) {
			keys = append(keys, f.Name)
		}
	}
	return keys
}

// chores are what a house does in the background. They end with it.
type chores struct {
	ctx     context.Context //nolint:containedctx // of the house's life, which no caller has
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func newChores() *chores {
	c := &chores{}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// begin runs f in the background, with a context that ends when the house closes.
func (c *chores) begin(f func(context.Context)) { c.running.Go(func() { f(c.ctx) }) }

// end waits until all have ended.
func (c *chores) end() {
	c.cancel()
	c.running.Wait()
}
