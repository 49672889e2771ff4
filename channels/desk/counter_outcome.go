package desk

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"saisine.fr/saisine/ingest"
)

// lookMost is how often the page of a new request looks whether it is filed, once a second,
// before it says that this will take longer.
const lookMost = 10

// receiptDeadlines are those of the acknowledgement: at the counter it is the answer that is asked for.
var receiptDeadlines = map[string]bool{"aee": true, "are": true, "acknowledgement": true}

// outcomePage is what has become of a new request.
type outcomePage struct {
	CounterOutcome
	ID string
	// Look is the number of the next look; 0 when there is nothing left to wait for.
	Look int
	// Slow is set when it takes longer than usual.
	Slow bool
	Due  ingest.Deadline
	// Sure is set when category and service can be told to the citizen.
	Sure bool
}

func (a *Adapter) outcome(r *http.Request, v ingest.Viewer, look int) (outcomePage, error) {
	out := outcomePage{ID: r.PathValue("id")}
	var err error
	if out.CounterOutcome, err = a.opts.Counter.Outcome(r.Context(), v, out.ID); err != nil {
		return out, err
	}
	if out.Record.State == ingest.StateReceived {
		out.Look, out.Slow = look+1, look >= lookMost
		if out.Slow {
			out.Look = 0
		}
	}
	if q := out.Request; q != nil {
		out.Sure = q.Category != "" && !q.NeedsReview
		for _, d := range q.Deadlines {
			if !receiptDeadlines[d.Kind] && d.Who == "town" && d.DoneAt.IsZero() && !d.Due.IsZero() && (out.Due.Due.IsZero() || d.Due.Before(out.Due.Due)) {
				out.Due = d
			}
		}
	}
	return out, nil
}

func (a *Adapter) serveOutcome(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	out, err := a.outcome(r, v, 0)
	if err != nil {
		return err
	}
	return a.show(w, r, v, http.StatusOK, "nouvelle_suite", page{Title: "Demande enregistrée", Section: "nouvelle", Body: out})
}

// serveOutcomeState answers the page's own look.
func (a *Adapter) serveOutcomeState(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	look, err := strconv.Atoi(r.URL.Query().Get("n"))
	if err != nil || look < 0 {
		look = lookMost
	}
	out, err := a.outcome(r, v, look)
	if err != nil {
		return err
	}
	return a.fragment(w, v, "nouvelle_suite", "etat", out)
}

func (a *Adapter) serveReceipt(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	f, err := a.opts.Counter.Receipt(r.Context(), v, r.PathValue("id"))
	if err != nil {
		return err
	}
	defer f.Body.Close()
	h := w.Header()
	h.Set("Content-Type", "application/pdf")
	// To be printed at once: it is ours, and holds nothing that runs.
	h.Set("Content-Disposition", `inline; filename="recepisse.pdf"`)
	if f.Size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(f.Size, 10))
	}
	_, _ = io.Copy(w, f.Body) // a reader that has gone needs nothing
	return nil
}

func (a *Adapter) serveReceiptMail(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	if err := a.opts.Counter.MailReceipt(r.Context(), v, r.PathValue("id")); err != nil {
		return err
	}
	setFlash(w, a.pages.tongue(v).T("Le récépissé part par courriel."))
	return redirect(w, r, fmt.Sprintf("/agent/nouvelle/%s", r.PathValue("id")))
}
