package desk

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
	"saisine.fr/saisine/ingest/spreadsheet"
)

// registerForm says which part of which register is wanted.
type registerForm struct {
	RegisterQuery
	Channels []ingest.Channel
}

// Outgoing reports whether it is the register of departures.
func (f registerForm) Outgoing() bool { return f.Direction == ingest.Outgoing }

// Query is the form as the query of an address.
func (f registerForm) Query() string {
	v := url.Values{"sens": {"arrivee"}, "du": {f.From}, "au": {f.To}}
	if f.Outgoing() {
		v.Set("sens", "depart")
	}
	if f.Channel != "" {
		v.Set("voie", string(f.Channel))
	}
	return v.Encode()
}

// registerPage is what the page of a register shows.
type registerPage struct {
	Form   registerForm
	Page   RegisterPage
	Errors map[string]string
	// Next leads to the lines after these, or is "".
	Next string
	// First is set on the first page.
	First bool
}

var registerChannels = []ingest.Channel{
	ingest.ChannelScan, ingest.ChannelMailbox, ingest.ChannelWebform, ingest.ChannelCounter, ingest.ChannelPhone, ingest.ChannelApp, ingest.ChannelAPI,
}

// newRegisterForm is the register of arrivals of this month.
func (a *Adapter) newRegisterForm() registerForm {
	today := a.now().In(a.zone)
	first := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, a.zone)
	return registerForm{
		RegisterQuery: RegisterQuery{Direction: ingest.Incoming, From: first.Format(time.DateOnly), To: today.Format(time.DateOnly)},
		Channels:      registerChannels,
	}
}

// readRegister reads a form from an address, and says what is wrong with it, by field.
func (a *Adapter) readRegister(r *http.Request, t tongue) (registerForm, map[string]string) {
	f, q, wrong := a.newRegisterForm(), r.URL.Query(), map[string]string{}
	if q.Get("sens") == "depart" {
		f.Direction = ingest.Outgoing
	}
	for _, field := range []struct {
		name string
		day  *string
	}{{"du", &f.From}, {"au", &f.To}} {
		if !q.Has(field.name) {
			continue
		}
		*field.day = strings.TrimSpace(q.Get(field.name))
		if _, err := time.ParseInLocation(time.DateOnly, *field.day, a.zone); err != nil {
			wrong[field.name] = t.T("Indiquez un jour, comme 2026-04-23.")
		}
	}
	if len(wrong) == 0 && f.To < f.From {
		wrong["au"] = t.T("La période finit avant de commencer.")
	}
	if c := ingest.Channel(q.Get("voie")); slices.Contains(registerChannels, c) {
		f.Channel = c
	}
	return f, wrong
}

func (a *Adapter) serveRegister(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	t := a.pages.tongue(v)
	form, wrong := a.readRegister(r, t)
	p := registerPage{Form: form, Errors: wrong}
	title := registerTitle(t, form)
	if len(wrong) > 0 {
		return a.show(w, r, v, http.StatusUnprocessableEntity, "registre", page{Title: title, Section: "courrier", Wide: true, Body: p})
	}
	after := r.URL.Query().Get("apres")
	var err error
	if p.Page, err = a.opts.Paper.Register(r.Context(), v, form.RegisterQuery, after); err != nil {
		return err
	}
	p.First = after == ""
	if p.Page.Next != "" {
		p.Next = "/agent/courrier/registre?" + form.Query() + "&apres=" + url.QueryEscape(p.Page.Next)
	}
	return a.show(w, r, v, http.StatusOK, "registre", page{Title: title, Section: "courrier", Wide: true, Body: p})
}

func registerTitle(t tongue, f registerForm) string {
	if f.Outgoing() {
		return t.T("Registre du courrier départ")
	}
	return t.T("Registre du courrier arrivée")
}

// registerColumns are the columns of a register, and their widths in print.
func registerColumns(t tongue, f registerForm) []notice.TableColumn {
	if f.Outgoing() {
		return []notice.TableColumn{
			{Title: t.T("Numéro"), Width: 27},
			{Title: t.T("Date"), Width: 19},
			{Title: t.T("Destinataire"), Width: 46},
			{Title: t.T("Objet"), Width: 74},
			{Title: t.T("Service"), Width: 36},
			{Title: t.T("Voie"), Width: 23},
			{Title: t.T("Demande"), Width: 22},
			{Title: t.T("Agent"), Width: 26},
		}
	}
	return []notice.TableColumn{
		{Title: t.T("Numéro"), Width: 27},
		{Title: t.T("Date"), Width: 19},
		{Title: t.T("Expéditeur"), Width: 52},
		{Title: t.T("Objet"), Width: 88},
		{Title: t.T("Service"), Width: 40},
		{Title: t.T("Voie"), Width: 24},
		{Title: t.T("Demande"), Width: 23},
	}
}

// registerCells are the texts of a line, in the order of registerColumns.
func registerCells(t tongue, f registerForm, l ingest.RegisterLine) []string {
	cells := []string{l.Number, t.ShortDay(l.At), l.Who, l.Subject, l.Service, t.Channel(l.Channel), l.Request}
	if f.Outgoing() {
		cells = append(cells, l.By)
	}
	return cells
}

// registerFile is the name of a register as a file.
func registerFile(f registerForm, ending string) string {
	which := "arrivee"
	if f.Outgoing() {
		which = "depart"
	}
	return "registre-" + which + "-" + f.From + "-" + f.To + ending
}

// The files are in French whoever asks for them: a register is the town's, and what reads
// the spreadsheet's columns goes by their names.
func (a *Adapter) registerTongue() tongue { return a.pages.tongues[french] }

// exportedRegister reads the form of a file. Its error is a Refusal, since there is no form
// to show again.
func (a *Adapter) exportedRegister(r *http.Request) (registerForm, error) {
	form, wrong := a.readRegister(r, a.registerTongue())
	if len(wrong) > 0 {
		return form, ingest.Refused("the period is not right: from %s to %s", form.From, form.To)
	}
	return form, nil
}

// startedWriter sets the headers of a download when its first bytes are there: an error
// before them can still be shown as a page.
type startedWriter struct {
	w               http.ResponseWriter
	name, mediaType string
	started         bool
}

// Write implements io.Writer.
func (s *startedWriter) Write(p []byte) (int, error) {
	if !s.started {
		s.started = true
		h := s.w.Header()
		h.Set("Content-Security-Policy", filePolicy)
		h.Set("Content-Type", s.mediaType)
		h.Set("Content-Disposition", `attachment; filename="`+s.name+`"`)
		// A deadline of the connection is one of the real clock.
		_ = http.NewResponseController(s.w).SetWriteDeadline(time.Now().Add(downloadTime))
	}
	return s.w.Write(p)
}

// serveRegisterCSV is a register for a spreadsheet: UTF-8 with its mark, since Excel takes a
// file without one for windows-1252, semicolons as French spreadsheets have them, quoting
// and line ends of RFC 4180.
func (a *Adapter) serveRegisterCSV(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	form, err := a.exportedRegister(r)
	if err != nil {
		return err
	}
	out := &startedWriter{w: w, name: registerFile(form, ".csv"), mediaType: "text/csv; charset=utf-8"}
	err = a.writeRegisterCSV(out, r, v, form)
	if err != nil && out.started {
		// Half a file must not look like a whole one.
		panic(http.ErrAbortHandler)
	}
	return err
}

func (a *Adapter) writeRegisterCSV(out io.Writer, r *http.Request, v ingest.Viewer, form registerForm) error {
	return writeRegister(out, a.registerTongue(), form, spreadsheet.Semicolon, func(f func(ingest.RegisterLine) error) error {
		return a.opts.Paper.RegisterLines(r.Context(), v, form.RegisterQuery, f)
	})
}

// serveRegisterPDF is a register to be printed.
func (a *Adapter) serveRegisterPDF(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	form, err := a.exportedRegister(r)
	if err != nil {
		return err
	}
	t := a.registerTongue()
	out := &startedWriter{w: w, name: registerFile(form, ".pdf"), mediaType: ingest.MediaPDF}
	now := a.now().In(a.zone)
	period := t.T("du %s au %s", t.CalendarDay(form.From), t.CalendarDay(form.To))
	if form.Channel != "" {
		period += " – " + t.Channel(form.Channel)
	}
	err = notice.Table{
		Town: a.opts.Town.Name, Title: registerTitle(t, form), Period: period,
		Printed: t.T("Édité le %s", t.Time(now)), Date: now, Empty: t.T("Aucun courrier dans cette période."),
		Columns: registerColumns(t, form),
		Rows: func(f func([]string) error) error {
			return a.opts.Paper.RegisterLines(r.Context(), v, form.RegisterQuery, func(l ingest.RegisterLine) error {
				return f(registerCells(t, form, l))
			})
		},
	}.WritePDF(out)
	switch {
	case errors.Is(err, notice.ErrTableTooLong):
		return ingest.Refused("the period has more than %d lines: choose a shorter one, or the spreadsheet", notice.MaxTableRows)
	case err != nil && out.started:
		panic(http.ErrAbortHandler)
	}
	return err
}
