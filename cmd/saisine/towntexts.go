package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/config/strictyaml"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/notice"
	"saisine.fr/saisine/ingest/store"
)

// The texts in force are those that were changed at the desk, else those of the files that
// the configuration names, else the built-in ones. Everything that needs rules or letters
// gets them here: the daemon by way of townTexts, whose content a reload replaces, a command
// once at its start.

// ruleBook is the categories file in force. What it returns must not be kept: the next call
// may return another one.
type ruleBook interface{ File() *classify.File }

// letterTexts write the letters of the town.
type letterTexts interface {
	Render(c notice.Calendar, l notice.Letter) (notice.Rendered, error)
	PaperPDF(c notice.Calendar, l notice.Letter) ([]byte, error)
}

// texts are those in force at one time. They never change.
type texts struct {
	rules     *classify.Rules
	templates *notice.Templates
	replies   notice.Replies
	// stored are those that were changed at the desk, by kind and name.
	stored map[textKey]ingest.TownText
	newest int64 // version of a text of the desk
	// faults are those of stored that cannot be used as they are, with the reason.
	faults map[textKey]error
}

type textKey struct {
	kind ingest.TextKind
	name string
}

func (k textKey) String() string { return string(k.kind) + " " + k.name }

// readTexts reads the texts in force from the store and the configured files.
func readTexts(ctx context.Context, cfg config.Config) (*texts, error) {
	stored, err := store.TownTexts(ctx, store.Options{Dir: cfg.DataDir, Database: cfg.Database})
	if err != nil {
		return nil, fmt.Errorf("the texts that were changed at the desk cannot be read: %w", err)
	}
	return newTexts(cfg, stored)
}

// newTexts joins what was changed at the desk with the configured files. The error is about
// a configured file. What comes from the desk was checked before it was stored; should a
// newer program find a fault in it, it is no reason not to start (the page on which it is
// mended would be away as well): faults has it, a letter gives way to the file or built-in
// text, and so do the replies; of the categories all counts that can be understood. They must not give way:
// requests would go to services that do not exist, and past the seal of those that do.
func newTexts(cfg config.Config, stored []ingest.TownText) (*texts, error) {
	t := &texts{stored: map[textKey]ingest.TownText{}, faults: map[textKey]error{}}
	letters := map[string]string{}
	for _, s := range stored {
		t.newest = max(t.newest, s.Number)
		if s.Content == "" {
			continue
		}
		t.stored[textKey{s.Kind, s.Name}] = s
		if s.Kind == ingest.TextLetter {
			letters[s.Name] = s.Content
		}
	}
	if err := t.loadRules(cfg); err != nil {
		return nil, asUsage(err)
	}
	if err := t.loadLetters(cfg, letters); err != nil {
		return nil, usageError{fmt.Errorf("letters.templates: %w", err)}
	}
	return t, t.loadReplies()
}

func (t *texts) loadRules(cfg config.Config) error {
	key := textKey{ingest.TextCategories, ingest.CategoriesName}
	own, ok := t.stored[key]
	if !ok {
		rules, err := classify.Load(cfg.Categories)
		t.rules = rules
		return err
	}
	file, err := classify.Parse(textName(own), []byte(own.Content))
	if err != nil {
		t.faults[key] = err
	}
	t.rules = classify.New(file)
	return nil
}

// textName is how problems name a text of the desk.
func textName(s ingest.TownText) string { return fmt.Sprintf("%s (changed at the desk)", s.Name) }

// loadLetters leaves those texts out that the others cannot be used with.
func (t *texts) loadLetters(cfg config.Config, letters map[string]string) (err error) {
	if t.templates, err = notice.LoadTemplatesWith(cfg.Letters.Templates, letters); err == nil || len(letters) == 0 {
		return err
	}
	good := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(letters)) {
		good[name] = letters[name]
		if _, err := notice.LoadTemplatesWith(cfg.Letters.Templates, good); err != nil {
			t.faults[textKey{ingest.TextLetter, name}] = err
			delete(good, name)
		}
	}
	t.templates, err = notice.LoadTemplatesWith(cfg.Letters.Templates, good)
	return err
}

// loadReplies loads those of the desk or, without such or with faults in them, the built-in
// ones.
func (t *texts) loadReplies() (err error) {
	key := textKey{ingest.TextReplies, ingest.RepliesName}
	own := t.stored[key]
	if t.replies, err = notice.LoadReplies(textName(own), []byte(own.Content)); err == nil || own.Content == "" {
		return err
	}
	t.faults[key] = err
	t.replies, err = notice.LoadReplies("", nil)
	return err
}

// warn logs what cannot be used as it is.
func (t *texts) warn(ctx context.Context, log *slog.Logger) {
	for key, err := range t.faults {
		log.LogAttrs(ctx, slog.LevelError, "a text that was changed at the desk has faults for this version; correct it at the desk",
			slog.String("text", key.String()), slog.Any("err", err))
	}
}

// check reports what is wrong with the texts in force, for check-config: with those of the desk
// that a newer program cannot use as they are, and what acknowledgements would lack.
func (t *texts) check(cfg config.Config) error {
	var errs strictyaml.Errors
	for _, key := range t.keys() {
		err := t.faults[key]
		if list, ok := errors.AsType[*strictyaml.Errors](err); ok {
			errs.List = append(errs.List, list.List...)
		} else if err != nil {
			errs.Add(strictyaml.Problem{File: textName(t.stored[key]), Message: err.Error()})
		}
	}
	own, stored := t.stored[textKey{ingest.TextCategories, ingest.CategoriesName}]
	// The built-in file has no telephone numbers: whoever sends nothing need not fill them in.
	if stored || cfg.Categories != "" || cfg.SMTP.Host != "" {
		name, content := textName(own), own.Content
		if !stored {
			var err error
			if name, content, err = configuredCategories(cfg); err != nil {
				return err
			}
		}
		for _, lack := range classify.Lacks(name, []byte(content), townService(cfg)) {
			errs.Add(lack.Problem)
		}
	}
	return errs.Err()
}

// configuredCategories returns the categories file that the configuration names, or the
// built-in one.
func configuredCategories(cfg config.Config) (name, content string, err error) {
	if cfg.Categories == "" {
		return classify.BuiltinName, classify.Builtin(), nil
	}
	data, err := os.ReadFile(cfg.Categories)
	return cfg.Categories, string(data), err
}

// townService is how the town hall is reached, where a service says nothing of its own.
func townService(cfg config.Config) classify.Service {
	town := townContact(cfg)
	return classify.Service{Email: town.Email, Phone: town.Phone, Address: town.Address}
}

// keys lists the texts of the desk, in order.
func (t *texts) keys() []textKey {
	return slices.SortedFunc(maps.Keys(t.stored), func(a, b textKey) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	})
}

// tell says which texts of the desk are in force instead of what the configuration names.
func (t *texts) tell(w io.Writer, zone *time.Location) {
	for _, key := range t.keys() {
		s := t.stored[key]
		fmt.Fprintf(w, "%s: the text of the desk is in force (version %d, %s by %s), not the file or the built-in text\n",
			s.Name, s.Number, s.At.In(zone).Format("2006-01-02 15:04"), s.AgentName)
	}
}

// townTexts are the texts in force in a house. They are replaced as a whole. It is safe for
// concurrent use.
type townTexts struct{ now atomic.Pointer[texts] }

var (
	_ ruleBook    = (*townTexts)(nil)
	_ letterTexts = (*townTexts)(nil)
)

// File implements ruleBook.
func (t *townTexts) File() *classify.File { return t.now.Load().rules.File() }

// Render implements letterTexts.
func (t *townTexts) Render(c notice.Calendar, l notice.Letter) (notice.Rendered, error) {
	return t.now.Load().templates.Render(c, l)
}

// PaperPDF implements letterTexts.
func (t *townTexts) PaperPDF(c notice.Calendar, l notice.Letter) ([]byte, error) {
	return t.now.Load().templates.PaperPDF(c, l)
}
