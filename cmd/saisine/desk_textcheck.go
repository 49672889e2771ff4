package main

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
)

// checkCategories checks a categories file, alone and against the one in force: a category
// that open requests have cannot go, and no code is given another name, since it stands in
// the requests and in what others script. What its services lack for acknowledgements
// forbids it only where they did not lack it before, so that a town can mend one after
// another.
func (d deskTexts) checkCategories(ctx context.Context, v ingest.Viewer, content string) (desk.TextCheck, error) {
	var check desk.TextCheck
	next, err := classify.Parse(ingest.CategoriesName, []byte(content))
	if err != nil {
		check.Problems = textProblems(err)
		return check, nil
	}
	before := d.h.rules.File()
	d.lacks(&check, content)
	check.Categories = categoryChanges(before, &next)
	codes := make([]string, len(check.Categories))
	for i, c := range check.Categories {
		codes[i] = c.Code
	}
	use, err := d.h.store.CategoryUse(ctx, v, codes)
	if err != nil {
		return check, err
	}
	for i := range check.Categories {
		c := &check.Categories[i]
		c.Open, c.All = use[c.Code].Open, use[c.Code].All
		if c.Removed {
			checkRemoved(&check, v, before, &next, *c)
		}
	}
	checkSeals(&check, v, before, &next)
	return check, nil
}

// lacks notes what acknowledgements would lack.
func (d deskTexts) lacks(check *desk.TextCheck, content string) {
	town := townService(d.h.cfg)
	var known []classify.Lack
	if name, inForce, err := d.inForce(); err == nil {
		known = classify.Lacks(name, []byte(inForce), town)
	}
	for _, lack := range classify.Lacks(ingest.CategoriesName, []byte(content), town) {
		if slices.ContainsFunc(known, func(k classify.Lack) bool { return k.Category == lack.Category && k.Key == lack.Key }) {
			check.Warnings = append(check.Warnings, problemOf(lack.Problem))
		} else {
			check.Problems = append(check.Problems, problemOf(lack.Problem))
		}
	}
}

// inForce is the text of the categories in force.
func (d deskTexts) inForce() (name, content string, err error) {
	if own, ok := d.h.texts.now.Load().stored[textKey{ingest.TextCategories, ingest.CategoriesName}]; ok {
		return own.Name, own.Content, nil
	}
	return configuredCategories(d.h.reloads.config())
}

// checkRemoved looks at a category that goes.
func checkRemoved(check *desk.TextCheck, v ingest.Viewer, before, next *classify.File, c desk.CategoryChange) {
	problem := func(format string, args ...any) {
		check.Problems = append(check.Problems, desk.TextProblem{Format: format, Args: args})
	}
	was, _ := before.Category(c.Code)
	renamed := slices.IndexFunc(next.Categories, func(o classify.Category) bool {
		_, known := before.Category(o.Code)
		return !known && (o.Label == was.Label || len(o.Phrases) > 0 && reflect.DeepEqual(o.Phrases, was.Phrases))
	})
	switch {
	case !v.Sees(was.Service.Name):
		// Whether it has requests is not for this viewer to know.
		problem("the category %s belongs to a sealed service of which you are no member; it cannot go", c.Code)
	case c.Open > 0:
		problem("the category %s cannot go: open requests have it (%s)", c.Code, fmt.Sprint(c.Open))
	case c.All > 0 && renamed >= 0:
		problem("the code %s cannot become %s: requests have it (%s). Change the label instead", c.Code, next.Categories[renamed].Code, fmt.Sprint(c.All))
	case c.All > 0:
		check.Warnings = append(check.Warnings, desk.TextProblem{Format: "the category %s goes, and closed requests have it (%s): they keep its code", Args: []any{c.Code, fmt.Sprint(c.All)}})
	}
}

// checkSeals has nobody open a sealed service to whose members they do not belong. One that
// is named no more stays sealed.
func checkSeals(check *desk.TextCheck, v ingest.Viewer, before, next *classify.File) {
	_, sealed := before.Services()
	all, still := next.Services()
	for _, name := range sealed {
		switch {
		case slices.Contains(all, name) && !slices.Contains(still, name) && !v.Sees(name):
			check.Problems = append(check.Problems, desk.TextProblem{Format: "the service %s is sealed; only one of its members can open it to others", Args: []any{name}})
		case !slices.Contains(all, name):
			check.Warnings = append(check.Warnings, desk.TextProblem{Format: "the service %s is sealed and stays so: its requests are shown to its members only", Args: []any{name}})
		}
	}
}

// categoryChanges compares two files, in the order of the new one; those that go come last.
func categoryChanges(before, next *classify.File) []desk.CategoryChange {
	var out []desk.CategoryChange
	for _, c := range next.Categories {
		was, known := before.Category(c.Code)
		change := desk.CategoryChange{Code: c.Code, Label: c.Label, Added: !known}
		if known {
			change.Fields = fieldChanges(was, c)
		}
		if change.Added || len(change.Fields) > 0 {
			out = append(out, change)
		}
	}
	for _, c := range before.Categories {
		if _, stays := next.Category(c.Code); !stays {
			out = append(out, desk.CategoryChange{Code: c.Code, Label: c.Label, Removed: true})
		}
	}
	return out
}

func fieldChanges(was, is classify.Category) []desk.FieldChange {
	var out []desk.FieldChange
	text := func(key, was, is string) {
		if was != is {
			out = append(out, desk.FieldChange{Key: key, From: was, To: is})
		}
	}
	long := func(key string, was, is any) {
		if !reflect.DeepEqual(was, is) {
			out = append(out, desk.FieldChange{Key: key})
		}
	}
	text("label", was.Label, is.Label)
	text("service.name", was.Service.Name, is.Service.Name)
	text("service.email", was.Service.Email, is.Service.Email)
	text("service.phone", was.Service.Phone, is.Service.Phone)
	text("service.address", was.Service.Address, is.Service.Address)
	text("service.mail", was.Service.Mail, is.Service.Mail)
	text("service.sealed", fmt.Sprint(was.Service.Sealed), fmt.Sprint(is.Service.Sealed))
	text("silence.sense", was.Silence.Sense, is.Silence.Sense)
	text("silence.months", fmt.Sprint(was.Silence.Months), fmt.Sprint(is.Silence.Months))
	text("silence.note", was.Silence.Note, is.Silence.Note)
	text("quiet", statusList(was.Quiet), statusList(is.Quiet))
	text("retention", retentionText(was.Retention), retentionText(is.Retention))
	text("public", fmt.Sprint(was.Public), fmt.Sprint(is.Public))
	long("recipients", append([]string{}, was.Recipients...), append([]string{}, is.Recipients...))
	long("senders", append([]string{}, was.Senders...), append([]string{}, is.Senders...))
	long("folders", append([]string{}, was.Folders...), append([]string{}, is.Folders...))
	long("phrases", append([]classify.Phrases{}, was.Phrases...), append([]classify.Phrases{}, is.Phrases...))
	return out
}

// retentionText is a rule as the file has it; "" for none.
func retentionText(r classify.Retention) string {
	if r == (classify.Retention{}) {
		return ""
	}
	return fmt.Sprintf("{years: %d, months: %d, fate: %s}", r.Years, r.Months, r.Fate)
}

func statusList(list []ingest.Status) string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}
