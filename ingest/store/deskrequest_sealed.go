package store

import (
	"context"
	"encoding/json"
	"fmt"

	"saisine.fr/saisine/ingest"
)

// Requests of a sealed service are seen by its members only. A move must not show them to
// others, nor may it be an oversight that does: only choosing another category does.

// sealedPair looks up the services of two requests, and whether that of the first is sealed.
func sealedPair(ctx context.Context, tx *tx, a, b requestKey) (first, second string, sealed bool, err error) {
	var n int
	err = tx.row(ctx, `SELECT a.service, b.service, (SELECT count(*) FROM sealed_services WHERE name = a.service)
		FROM requests a, requests b WHERE a.id = $1 AND b.id = $2`, a.id, b.id).Scan(&first, &second, &n)
	return first, second, n > 0, err
}

// keepSealed refuses to move pieces of a request of a sealed service into one of another
// service, where others would read them.
func keepSealed(ctx context.Context, tx *tx, from, to requestKey) error {
	service, other, sealed, err := sealedPair(ctx, tx, from, to)
	if err == nil && sealed && service != other {
		err = refused("%s belongs to the sealed service %s; choose another category for it first", from.reference, service)
	}
	return err
}

// staySealed keeps what was taken out of a request of a sealed service in that service,
// whatever it was or would be classified as, until somebody chooses its category.
func (s *Store) staySealed(ctx context.Context, tx *tx, from, to requestKey) error {
	service, other, sealed, err := sealedPair(ctx, tx, from, to)
	if err != nil || !sealed || service == other {
		return err
	}
	var before, after Choice
	if err := tx.row(ctx, `SELECT a.category, a.service, b.category, b.service, b.category_by, b.confidence FROM requests a, requests b
		WHERE a.id = $1 AND b.id = $2`, from.id, to.id).Scan(&after.Category, &after.Service, &before.Category, &before.Service, &before.By, &before.Confidence); err != nil {
		return err
	}
	after.NeedsReview = true
	reasons, err := json.Marshal([]string{"séparée d’une demande d’un service protégé\u00a0: la catégorie est à vérifier"})
	if err != nil {
		return fmt.Errorf("store: reasons: %w", err)
	}
	if err := tx.exec(ctx, `UPDATE requests SET category = $1, service = $2, category_by = '', confidence = 0, needs_review = 1, reasons = $3 WHERE id = $4`,
		after.Category, after.Service, string(reasons), to.id); err != nil {
		return err
	}
	return s.event(ctx, tx, eventCategorized, actorSystem, "", to.id, map[string]any{"old": before, "new": after})
}

// unassignBlind takes a request from an agent who does not see its service.
func (s *Store) unassignBlind(ctx context.Context, tx *tx, requestID int64) error {
	var service, login string
	if err := tx.row(ctx, `SELECT service, assignee FROM requests WHERE id = $1`, requestID).Scan(&service, &login); err != nil || login == "" {
		return err
	}
	seeing, err := s.agentsFor(ctx, tx, service)
	if err != nil || hasAgent(seeing, login) {
		return err
	}
	if err := tx.exec(ctx, `UPDATE requests SET assignee = '' WHERE id = $1`, requestID); err != nil {
		return err
	}
	return s.event(ctx, tx, eventAssignedTo, actorSystem, "", requestID, map[string]any{"agent": "", "from": login})
}

// hiddenReferences returns those of the references that lead to a request which the viewer
// does not see.
func (s *Store) hiddenReferences(ctx context.Context, v ingest.Viewer, references []string) (map[string]bool, error) {
	hidden := map[string]bool{}
	if len(v.Hidden) == 0 {
		return hidden, nil
	}
	for _, reference := range references {
		if _, known := hidden[reference]; known || reference == "" {
			continue
		}
		// By its own service and by that of the request into which it was merged: either
		// would tell of something sealed.
		var own, live string
		err := s.read.QueryRowContext(ctx, `SELECT m.service, r.service FROM requests m JOIN requests r ON r.id = coalesce(m.merged_into, m.id)
			WHERE m.reference = $1`, reference).Scan(&own, &live)
		if err != nil {
			return nil, unavailable(err)
		}
		hidden[reference] = !v.Sees(own) || !v.Sees(live)
	}
	return hidden, nil
}
