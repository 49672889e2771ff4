package classify

import (
	"regexp"
	"strings"

	"saisine.fr/saisine/ingest"
)

// A message is set aside as unwanted only where nothing at all says that a citizen may
// want something of the town. A doubt costs a person's look; an error, a citizen.

// leastUnwantedWords is how many words a message needs to be set aside: of a few words too
// little is known.
const leastUnwantedWords = 15

// ourReference is a request's reference, as in ingest/match.
var ourReference = regexp.MustCompile(`\b20\d{2}-\d{6}\b`)

// ownMatter is what people write who have a matter of their own with their town, and what
// those who sell or cheat hardly do. Small words count here, which is why it is no list of
// phrases as those of the categories file are.
var ownMatter = regexp.MustCompile(`(?i)(?:^|[^\pL])(?:` + strings.Join([]string{
	`je (?:vous |me permets de vous |tiens à )?(?:signale|sollicite|conteste|réclame)r?`, `nous (?:vous )?(?:signalons|sollicitons|contestons)`,
	`j['’]habite (?:au|à|rue|la commune|le bourg)`, `nous habitons`, `riveraine?s?`, `domiciliée?s?`, `(?:devant|derrière|à côté de|en face de) chez (?:moi|nous)`,
	`(?:ma|notre) (?:rue|route|maison|résidence|voisine|demande|réclamation|fille|femme|mère|grand-mère|association|poubelle|concession|carte)`,
	`(?:mon|notre) (?:quartier|hameau|lotissement|logement|appartement|immeuble|voisin|fils|enfant|mari|père|dossier|courrier|passeport|trottoir)`,
	`(?:mes|nos) (?:enfants|voisins|parents|papiers)`,
	`(?:je voudrais|je souhaiterais|j['’]aimerais) savoir`, `pou(?:vez|rriez)[- ]vous (?:me|m['’]\pL+)`, `comment (?:faire|dois-je|puis-je)`,
	`à qui (?:dois-je|puis-je|faut-il|m['’]adresser)`,
}, "|") + `)(?:[^\pL]|$)`)

// mayBeUnwanted reports whether a message may be set aside as unwanted if its words say
// so. What a clerk wrote down or a scanner took in was in somebody's hands already; who
// answers us, names a request, chose a category or sends a scan may want something.
func mayBeUnwanted(rec ingest.Record, reading ingest.Reading, named []evidence) bool {
	switch rec.Channel {
	case ingest.ChannelMailbox, ingest.ChannelWebform, ingest.ChannelAPI:
	default:
		return false
	}
	if len(reading.InReplyTo) > 0 || len(reading.References) > 0 || len(reading.Pages) > 0 || reading.Category != "" || rec.Hints.Category != "" {
		return false
	}
	for _, a := range reading.Attachments {
		if strings.HasPrefix(a.Type, "image/") || a.Type == ingest.MediaPDF {
			return false
		}
	}
	for _, e := range named {
		if e.score > 0 {
			return false
		}
	}
	text := reading.Subject + "\n" + reading.Text
	if len(strings.Fields(text)) < leastUnwantedWords {
		return false
	}
	return !ourReference.MatchString(text) && !ownMatter.MatchString(text[:min(len(text), maxText)])
}
