package notice

import (
	"errors"
	"fmt"
	"strings"

	"saisine.fr/saisine/ingest"
)

// Mentions returns which facts are missing for the mentions that the law wants in an
// acknowledgement, in French; none when it is complete. A LetterPaper is checked against
// CRPA R112-5, everything else against R112-11-1. An incomplete acknowledgement starts no
// time limit against the citizen (L112-6, L112-12).
func Mentions(l Letter) []string {
	var missing []string
	need := func(there bool, what string) {
		if !there {
			missing = append(missing, what)
		}
	}
	service := viewContact(l.Service)
	need(!l.Received.IsZero(), "date de réception")
	need(service.Name != "", "nom du service")
	if l.Kind == LetterPaper {
		need(service.Address != "", "adresse postale du service")
	} else {
		need(service.Email != "" || service.Address != "", "adresse postale ou électronique du service")
	}
	need(service.Phone != "", "téléphone du service")
	pieces := len(viewPieces(l.Pieces)) > 0
	need(silenceKnown(l.Plan, pieces), "sens et date du silence")
	if pieces {
		need(!l.PiecesUntil.IsZero(), "délai pour envoyer les pièces manquantes")
	}
	return missing
}

// silenceKnown reports whether a plan says what silence means, and when. The date may be
// missing only while pieces are awaited: the letter then says from when it runs (R112-11-4).
func silenceKnown(p Plan, pieces bool) bool {
	d, ok := p.Silence()
	if !ok {
		return len(p.Deadlines) > 0 // a plan, in which silence is no decision
	}
	return !d.Day.IsZero() || pieces
}

// check reports what a letter lacks so that it must not be sent.
func (l Letter) check() error {
	switch l.Kind {
	case LetterARE, LetterPaper:
		if missing := Mentions(l); len(missing) > 0 {
			return fmt.Errorf("these mandatory mentions are missing: %s (CRPA R112-11-1, R112-5); complete the category’s service and rule of silence", strings.Join(missing, ", "))
		}
	case LetterAEE, LetterJoined, LetterCounterReceipt:
		if l.Received.IsZero() {
			return errors.New("the time of reception is missing (CRPA R112-11-1)")
		}
	case LetterPieces, LetterPiecesReminder:
		if len(viewPieces(l.Pieces)) == 0 || l.PiecesUntil.IsZero() {
			return errors.New("the missing pieces and the time allowed for them have to be named (CRPA L114-5)")
		}
	case LetterStatus:
		switch l.Status {
		case string(ingest.StatusAssigned), string(ingest.StatusInProgress), string(ingest.StatusWaitingCitizen), string(ingest.StatusAnswered), string(ingest.StatusClosed), StatusReopened, StatusTransmitted:
		default:
			return fmt.Errorf("no letter tells a citizen of the status %q", l.Status)
		}
	case LetterDigest, LetterMorning, LetterEscalation:
		if len(l.Items) == 0 {
			return errors.New("it has no items, so there is nothing to write")
		}
	case LetterReply, LetterReplyPaper:
		if clean(l.Object, maxSubject) == "" || cleanLines(l.Note, maxNote) == "" {
			return errors.New("an answer needs a subject and a text")
		}
		if clean(l.Officer.Name, maxName) == "" {
			return errors.New("an answer names the agent who writes it (CRPA L111-2)")
		}
	case LetterService:
	default:
		return fmt.Errorf("%q is no kind of letter; known are %v", l.Kind, LetterKinds())
	}
	return nil
}
