package desk

import (
	"net/http"
	"time"

	"saisine.fr/saisine/ingest"
)

// machineRoutes are the pages of channels and queues, for administrators.
func (a *Adapter) machineRoutes(o *router) {
	if a.opts.Machine == nil {
		return
	}
	o.handle("GET "+machinePath, ingest.RoleAdministrator, a.serveMachine)
}

// machinePage is what the page of the machine shows.
type machinePage struct {
	MachineState
	Channels []ChannelState
	Now      time.Time
	// DiskLow is set when little of the disk is left.
	DiskLow bool
}

// diskLow is the share of free disk below which an administrator should act, and the bytes
// above which that share is no matter.
const (
	diskLow    = 0.05
	diskEnough = 50 << 30
)

func (a *Adapter) serveMachine(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	state, err := a.opts.Machine.State(r.Context())
	if err != nil {
		return err
	}
	body := machinePage{MachineState: state, Now: a.now()}
	body.DiskLow = state.DiskSize > 0 && state.DiskFree < diskEnough && float64(state.DiskFree) < diskLow*float64(state.DiskSize)
	if a.opts.Failures != nil {
		t := a.pages.tongue(v)
		body.Channels = a.opts.Failures.Channels(r.Context())
		for i, c := range body.Channels {
			body.Channels[i].Label = channelLabel(t, c.Name)
		}
	}
	return a.show(w, r, v, http.StatusOK, "machine", page{Title: "Machine", Section: "administration", Body: body})
}

// queueLabels name the lanes of the queue.
var queueLabels = map[string]string{
	"mail": "Courriels et formulaires", "ocr": "Lecture des scans", "outbound": "Courriers sortants", "copies": "Copies cherchables et apprentissage", "partners": "Autres logiciels", "notes": "Notes des dossiers de scans",
}

// queueName names a lane of the queue.
func (t tongue) queueName(name string) string {
	if label, ok := queueLabels[name]; ok {
		return t.T(label)
	}
	return name
}

// Span writes a length of time in its largest unit.
func (t tongue) Span(d time.Duration) string {
	switch {
	case d < time.Second:
		return t.T("moins d’une seconde")
	case d < 2*time.Minute:
		return t.T("%d secondes", int(d.Seconds()))
	case d < 2*time.Hour:
		return t.T("%d minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return t.T("%d heures", int(d.Hours()))
	}
	return t.T("%d jours", int(d.Hours()/24))
}
