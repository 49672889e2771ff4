package accessibility

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/channels/webform"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
)

// follower knows one submission in several states, by token.
type follower map[string]webform.Status

func (f follower) Token(context.Context, string) (string, error) { return "recue", nil }

func (f follower) Follow(_ context.Context, token string) (webform.Status, error) {
	if token == "desactivee" {
		return webform.Status{}, fmt.Errorf("test: %w", webform.ErrRevoked)
	}
	s, ok := f[token]
	if !ok {
		return webform.Status{}, fmt.Errorf("test: %w", ingest.ErrNotFound)
	}
	return s, nil
}

func (f follower) Answering(ctx context.Context, token string) (string, error) {
	s, err := f.Follow(ctx, token)
	return s.ID, err
}

func (f follower) Receipt(context.Context, string, string) (webform.Download, error) {
	return webform.Download{}, fmt.Errorf("test: %w", ingest.ErrNotFound)
}

// sink takes everything.
type sink struct{}

func (sink) Submit(context.Context, ingest.Submission) (ingest.Receipt, error) {
	return ingest.Receipt{ID: "01JDEXAMPLE", State: ingest.StateReceived}, nil
}

// startTown serves the form on loopback and returns its address.
func startTown(t *testing.T) string {
	t.Helper()
	at := time.Date(2026, 11, 25, 9, 5, 0, 0, time.UTC)
	received := webform.Status{ID: "01JDFX7Q5T6Y8ZB3M4N5P6R7S8", ReceivedAt: at, State: ingest.StateReceived, CanAnswer: true}
	filed := received
	filed.State, filed.Link, filed.Reference, filed.Status, filed.Category = ingest.StateFiled, ingest.LinkOpens, "2026-000123", "in_progress", "Urbanisme et autorisations de travaux"
	filed.History = []webform.Event{
		{At: at, Text: "Votre demande est enregistrée."},
		{At: at.Add(time.Hour), Text: "Elle est confiée au service de l’urbanisme."},
	}
	filed.Receipts = []webform.ReceiptLine{
		{ID: "r1", Label: "Accusé d’enregistrement", At: at, State: "sent", Explain: "Envoyé à l’adresse que vous avez indiquée.", Downloadable: true},
		{ID: "r2", Label: "Accusé de réception", At: at.Add(time.Hour), State: "bounced", Explain: "Votre messagerie l’a refusé. La mairie vous l’envoie par courrier.", Downloadable: true},
		{ID: "r3", Label: "Accusé de réception par courrier", At: at.Add(2 * time.Hour), State: "to_print", Downloadable: true},
		{ID: "r4", Label: "Réponse automatique", State: "withheld", Explain: "Le message venait d’une liste de diffusion."},
		{ID: "r5", Label: "Demande de pièces", State: "queued"},
	}
	filed.Deadline = &webform.DeadlineLine{
		Label: "Réponse attendue avant le", Day: time.Date(2027, 1, 25, 0, 0, 0, 0, time.UTC),
		Explain: "Si la mairie ne vous a pas répondu à cette date, votre demande est considérée comme acceptée, sous réserve que le dossier soit complet.",
	}
	filed.Service = &webform.ServiceLine{Name: "Service urbanisme", Email: "urbanisme@saint-exemple.example", Phone: "01 02 03 04 05", Address: "1 place de la Mairie\n29000 Saint-Exemple"}
	waiting := filed
	waiting.Status = "waiting_citizen"
	waiting.Pieces = []string{"Le plan de masse du terrain", "Une photo de la façade", "piece_justificative_" + strings.Repeat("tres_longue_", 9) + "2026.pdf"}
	waiting.PiecesUntil = time.Date(2026, 12, 12, 0, 0, 0, 0, time.UTC)
	waiting.Category = strings.Repeat("Anticonstitutionnellement", 4)

	form := webform.New(webform.Options{
		Town: config.Town{Name: "Saint-Exemple", Timezone: "Europe/Paris"},
		Form: config.Webform{Enabled: true, MinFillTime: time.Hour}, // so that the confirmation can be seen
		Categories: []webform.Category{
			{Code: "voirie", Label: "Voirie, trottoirs", Group: "Cadre de vie"}, {Code: "autre", Label: "Autre"},
		},
		Follow:        follower{"recue": received, "enregistree": filed, "attente": waiting},
		Correspondent: follower{"recue": received, "enregistree": filed, "attente": waiting},
		Spool:         ingest.Spool{Dir: t.TempDir()},
		Log:           slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- form.Run(ctx, sink{}) }()
	server := httptest.NewServer(form.Handler())
	t.Cleanup(func() {
		server.Close()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
	return server.URL
}
