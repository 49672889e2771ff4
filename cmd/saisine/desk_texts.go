package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/config/strictyaml"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/notice"
	"saisine.fr/saisine/ingest/store"
)

// deskTexts is desk.Texts: the texts in force, and their versions in the store.
type deskTexts struct{ h *house }

var _ desk.Texts = deskTexts{}

// maxText bounds a text, in bytes, as their loaders do.
const maxText = 1 << 20

// versionsShown is how many of the newest versions a text is shown with.
const versionsShown = 50

// keys lists the texts that there are.
func (d deskTexts) keys() []desk.TextKey {
	keys := []desk.TextKey{
		{Kind: ingest.TextCategories, Name: ingest.CategoriesName},
		{Kind: ingest.TextReplies, Name: ingest.RepliesName},
	}
	for _, name := range notice.TextNames() {
		keys = append(keys, desk.TextKey{Kind: ingest.TextLetter, Name: name})
	}
	return keys
}

// may refuses to those who do not administer, and what is no text.
func (d deskTexts) may(v ingest.Viewer, key desk.TextKey) error {
	if !v.May(ingest.RoleAdministrator) {
		return ingest.Refused("only administrators change texts")
	}
	if !slices.Contains(d.keys(), key) {
		return fmt.Errorf("%w: text %s %q", ingest.ErrNotFound, key.Kind, key.Name)
	}
	return nil
}

// List implements desk.Texts.
func (d deskTexts) List(ctx context.Context, v ingest.Viewer) ([]desk.TownText, error) {
	stored, err := d.h.store.TownTexts(ctx)
	if err != nil {
		return nil, err
	}
	var out []desk.TownText
	for _, key := range d.keys() {
		if err := d.may(v, key); err != nil {
			return nil, err
		}
		out = append(out, d.about(key, stored))
	}
	return out, nil
}

// about is a text without what is long.
func (d deskTexts) about(key desk.TextKey, stored []ingest.TownText) desk.TownText {
	t := desk.TownText{Key: key}
	for _, s := range stored {
		if s.Kind == key.Kind && s.Name == key.Name {
			t.Number, t.Own, t.ChangedAt, t.ChangedBy = s.Number, s.Content != "", s.At, s.AgentName
		}
	}
	if err := d.h.texts.now.Load().faults[textKey{key.Kind, key.Name}]; err != nil {
		t.Problems = textProblems(err)
	}
	return t
}

// Text implements desk.Texts.
func (d deskTexts) Text(ctx context.Context, v ingest.Viewer, key desk.TextKey) (desk.TownText, error) {
	if err := d.may(v, key); err != nil {
		return desk.TownText{}, err
	}
	stored, err := d.h.store.TownTexts(ctx)
	if err != nil {
		return desk.TownText{}, err
	}
	t := d.about(key, stored)
	if t.Original, t.File, err = d.original(key); err != nil {
		return t, err
	}
	t.Content = t.Original
	for _, s := range stored {
		if t.Own && s.Number == t.Number {
			t.Content = s.Content
		}
	}
	versions, err := d.h.store.TextVersions(ctx, key.Kind, key.Name, 0, versionsShown)
	for _, s := range versions {
		t.Versions = append(t.Versions, desk.TextVersion{Number: s.Number, At: s.At, By: s.AgentName, Note: s.Note})
	}
	return t, err
}

// original is what is in force where the desk has changed nothing, and the file that it comes
// from.
func (d deskTexts) original(key desk.TextKey) (content, file string, err error) {
	cfg := d.h.reloads.config()
	switch key.Kind {
	case ingest.TextCategories:
		_, content, err = configuredCategories(cfg)
		return content, cfg.Categories, err
	case ingest.TextReplies:
		return notice.BuiltinReplies(), "", nil
	}
	content, own, err := notice.File(cfg.Letters.Templates, key.Name)
	if own {
		file = cfg.Letters.Templates
	}
	return content, file, err
}

// Version implements desk.Texts.
func (d deskTexts) Version(ctx context.Context, v ingest.Viewer, key desk.TextKey, number int64) (desk.TextVersion, error) {
	if err := d.may(v, key); err != nil {
		return desk.TextVersion{}, err
	}
	s, err := d.h.store.TextVersion(ctx, key.Kind, key.Name, number)
	return desk.TextVersion{Number: s.Number, At: s.At, By: s.AgentName, Note: s.Note, Content: s.Content}, err
}

// tidyText is a text as it is kept: a browser sends the ends of lines as CRLF.
func tidyText(content string) string {
	return strings.ReplaceAll(strings.TrimPrefix(content, "\ufeff"), "\r\n", "\n")
}

// Check implements desk.Texts.
func (d deskTexts) Check(ctx context.Context, v ingest.Viewer, key desk.TextKey, content string) (desk.TextCheck, error) {
	if err := d.may(v, key); err != nil {
		return desk.TextCheck{}, err
	}
	content = tidyText(content)
	switch {
	case content == "":
		original, _, err := d.original(key)
		if err != nil {
			return desk.TextCheck{}, err
		}
		content = original
	case !utf8.ValidString(content) || strings.ContainsRune(content, 0):
		return broken("the text holds bytes that are no letters"), nil
	case len(content) > maxText:
		return broken("the text is longer than %d bytes", maxText), nil
	}
	switch key.Kind {
	case ingest.TextCategories:
		return d.checkCategories(ctx, v, content)
	case ingest.TextReplies:
		return d.checkReplies(content), nil
	}
	_, err := d.letters(key.Name, content)
	return desk.TextCheck{Problems: textProblems(err)}, nil
}

func broken(format string, args ...any) desk.TextCheck {
	return desk.TextCheck{Problems: []desk.TextProblem{{Format: format, Args: args}}}
}

// letters are those in force with one in another's place.
func (d deskTexts) letters(name, content string) (*notice.Templates, error) {
	now := d.h.texts.now.Load()
	with := map[string]string{}
	for key, s := range now.stored {
		if key.kind == ingest.TextLetter && now.faults[key] == nil {
			with[key.name] = s.Content
		}
	}
	with[name] = content
	return notice.LoadTemplatesWith(d.h.reloads.config().Letters.Templates, with)
}

func (d deskTexts) checkReplies(content string) desk.TextCheck {
	replies, err := notice.LoadReplies(ingest.RepliesName, []byte(content))
	check := desk.TextCheck{Problems: textProblems(err)}
	for i, r := range replies.Replies {
		for _, code := range r.Categories {
			if _, ok := d.h.rules.File().Category(code); !ok {
				check.Warnings = append(check.Warnings, desk.TextProblem{
					Path: fmt.Sprintf("replies[%d].categories", i), Format: "there is no category %s", Args: []any{code},
				})
			}
		}
	}
	return check
}

// templateFault is how the template packages tell of a mistake.
var templateFault = regexp.MustCompile(`template: ([\w.-]+):(\d+)(?::(\d+))?: (.*)`)

// textProblems are what is wrong with a text, from the error of its loader.
func textProblems(err error) []desk.TextProblem {
	if err == nil {
		return nil
	}
	if list, ok := errors.AsType[*strictyaml.Errors](err); ok {
		out := make([]desk.TextProblem, len(list.List))
		for i, p := range list.List {
			out[i] = problemOf(p)
		}
		return out
	}
	if omitted, ok := errors.AsType[*notice.OmittedError](err); ok {
		return []desk.TextProblem{{File: omitted.File, Format: "it does not show a mandatory mention (CRPA R112-11-1, R112-5): %s", Args: []any{omitted.Mention}}}
	}
	if m := templateFault.FindStringSubmatch(err.Error()); m != nil {
		p := desk.TextProblem{File: m[1], Format: "%s", Args: []any{m[4]}}
		p.Line, _ = strconv.Atoi(m[2]) // digits
		p.Column, _ = strconv.Atoi(m[3])
		return []desk.TextProblem{p}
	}
	return []desk.TextProblem{{Format: "%s", Args: []any{err.Error()}}}
}

// problemOf is a problem of a file; a sentence that is the one argument of its format is the
// format itself.
func problemOf(p strictyaml.Problem) desk.TextProblem {
	out := desk.TextProblem{Line: p.Line, Column: p.Column, Path: p.Path, Format: p.Format, Args: p.Args}
	switch {
	case p.Format == "":
		out.Format, out.Args = "%s", []any{p.Message}
	case p.Format == "%s" && len(p.Args) == 1:
		out.Format, out.Args = strings.ReplaceAll(fmt.Sprint(p.Args[0]), "%", "%%"), nil
	}
	return out
}

// Samples implements desk.Texts.
func (d deskTexts) Samples(key desk.TextKey) []string {
	switch key.Kind {
	case ingest.TextLetter:
		names, err := notice.Samples(key.Name)
		if err == nil {
			return names
		}
	case ingest.TextReplies:
		return []string{"Toutes les réponses types"}
	}
	return nil
}

// Preview implements desk.Texts.
func (d deskTexts) Preview(_ context.Context, v ingest.Viewer, key desk.TextKey, content string, sample int) (desk.TextPreview, error) {
	if err := d.may(v, key); err != nil {
		return desk.TextPreview{}, err
	}
	content = tidyText(content)
	switch key.Kind {
	case ingest.TextReplies:
		replies, err := notice.LoadReplies(ingest.RepliesName, []byte(content))
		if err != nil {
			return desk.TextPreview{}, &desk.TextError{Problems: textProblems(err)}
		}
		return showReplies(replies)
	case ingest.TextLetter:
	default:
		return desk.TextPreview{}, fmt.Errorf("%w: a preview of %s", ingest.ErrNotFound, key.Name)
	}
	if content == "" {
		original, _, err := d.original(key)
		if err != nil {
			return desk.TextPreview{}, err
		}
		content = original
	}
	texts, err := d.letters(key.Name, content)
	if err != nil {
		return desk.TextPreview{}, &desk.TextError{Problems: textProblems(err)}
	}
	p, err := texts.Preview(key.Name, sample)
	if errors.Is(err, notice.ErrNoText) {
		err = fmt.Errorf("%w: %w", ingest.ErrNotFound, err)
	}
	out := desk.TextPreview{Subject: p.Subject, Text: p.Text, PDF: p.PDF}
	if strings.HasSuffix(key.Name, ".html.tmpl") {
		out.HTML = p.HTML
	}
	return out, err
}

// repliesPage shows the replies one below the other.
var repliesPage = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="fr"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Réponses types</title>
<style>body{font:1rem/1.5 sans-serif;margin:1rem;max-width:45em}pre{white-space:pre-wrap;font:inherit}</style></head><body>
{{range .}}<h2>{{.Label}}</h2><p><strong>{{.Subject}}</strong></p><pre>{{.Body}}</pre>{{end}}
</body></html>
`))

func showReplies(r notice.Replies) (desk.TextPreview, error) {
	received, _ := notice.ParseDay("2026-04-23")
	today, _ := notice.ParseDay("2026-04-27")
	facts := notice.ReplyFields{
		Citizen: "Mme Dominique Citoyen", Reference: "2026-000123", Subject: "Un lampadaire en panne", Received: received, Today: today,
		Service: notice.Contact{Name: "Service de test", Phone: "01 99 00 00 01"}, Agent: "Camille Agent, responsable",
		Town: notice.Contact{Name: "Saint-Exemple", Phone: "01 99 00 00 00"}, FollowURL: "https://mairie.exemple.test/suivi/exemple",
	}
	type shown struct{ Label, Subject, Body string }
	var list []shown
	for _, t := range r.Replies {
		subject, body := t.Fill(facts)
		list = append(list, shown{t.Label, subject, body})
	}
	var b bytes.Buffer
	err := repliesPage.Execute(&b, list)
	return desk.TextPreview{HTML: b.String()}, err
}

// Save implements desk.Texts: the text is checked as Check does, stored, and in force when
// it returns.
func (d deskTexts) Save(ctx context.Context, v ingest.Viewer, c desk.TextChange) error {
	check, err := d.Check(ctx, v, c.Key, c.Content)
	if err != nil {
		return err
	}
	if len(check.Problems) > 0 {
		return &desk.TextError{Problems: check.Problems}
	}
	change := store.TextChange{Base: c.Base, Text: ingest.TownText{
		Kind: c.Key.Kind, Name: c.Key.Name, Content: tidyText(c.Content), Agent: v.Login, Note: oneLine(c.Note, 500),
	}}
	for _, x := range check.Categories {
		if x.Removed {
			change.Gone = append(change.Gone, x.Code)
		}
	}
	if _, err := d.h.store.SaveTownText(ctx, change); err != nil {
		return err
	}
	// It is stored: who has left the page meanwhile wants it in force all the same.
	return d.h.reload(context.WithoutCancel(ctx))
}

// Categories implements desk.Texts.
func (d deskTexts) Categories(_ context.Context, v ingest.Viewer) ([]desk.CategoryForm, error) {
	if err := d.may(v, desk.TextKey{Kind: ingest.TextCategories, Name: ingest.CategoriesName}); err != nil {
		return nil, err
	}
	var out []desk.CategoryForm
	for _, c := range d.h.rules.File().Categories {
		out = append(out, desk.CategoryForm{
			Code: c.Code, Label: c.Label, Service: c.Service.Name, Email: c.Service.Email, Phone: c.Service.Phone, Address: c.Service.Address,
			Mail: c.Service.Mail, Sealed: c.Service.Sealed, Public: c.Public, Quiet: c.Quiet,
			Sense: c.Silence.Sense, Months: c.Silence.Months, Note: c.Silence.Note,
		})
	}
	return out, nil
}

// EditCategory implements desk.Texts.
func (d deskTexts) EditCategory(ctx context.Context, v ingest.Viewer, f desk.CategoryForm, fresh bool) (string, error) {
	text, err := d.Text(ctx, v, desk.TextKey{Kind: ingest.TextCategories, Name: ingest.CategoriesName})
	if err != nil {
		return "", err
	}
	c := classify.Category{
		Code: f.Code, Label: f.Label, Public: f.Public, Quiet: f.Quiet,
		Service: classify.Service{Name: f.Service, Email: f.Email, Phone: f.Phone, Address: tidyText(f.Address), Mail: f.Mail, Sealed: f.Sealed},
		Silence: classify.Silence{Sense: f.Sense, Months: f.Months, Note: tidyText(f.Note)},
	}
	data := []byte(tidyText(text.Content))
	if fresh {
		data, err = classify.AddCategory(data, c)
	} else {
		data, err = classify.EditCategory(data, c, f.Everywhere)
	}
	switch {
	case errors.Is(err, strictyaml.ErrEdit):
		err = fmt.Errorf("%w: %w", desk.ErrByHand, err)
	case errors.Is(err, classify.ErrNoCategory):
		err = fmt.Errorf("%w: %w", ingest.ErrNotFound, err)
	}
	return string(data), err
}
