package desk

import (
	"strings"

	"saisine.fr/saisine/ingest"
)

// virusWords tells what the virus scan said of a submission. What nobody has looked at is never
// called clean.
func virusWords(t tongue, v ingest.Verdict) string {
	var out string
	switch v.State {
	case ingest.VirusUnknown:
		return t.T("non analysé")
	case ingest.VirusPending:
		return t.T("en attente d’analyse")
	case ingest.VirusClean:
		return t.T("aucun virus connu, d’après %s", v.Scanner)
	case ingest.VirusInfected:
		out = t.T("virus trouvé\u00a0: %s", v.Signature)
	case ingest.VirusUnscannable:
		out = t.T("pas analysé en entier\u00a0: %s", v.Signature)
	default:
		return t.T("résultat inconnu de cette version")
	}
	if v.File != "" {
		out += " " + t.T("(dans «\u00a0%s\u00a0»)", v.File)
	}
	if v.ReleasedBy != "" {
		_, who, _ := strings.Cut(v.ReleasedBy, ":")
		out += " " + t.T("— libéré par %s", who)
	}
	return out
}
