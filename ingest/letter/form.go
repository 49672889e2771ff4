package letter

import (
	"strings"

	"saisine.fr/saisine/ingest/lazy"
)

// formField is a line of a printed form: a label, a colon, a value.
var formField = lazy.Regexp(`(?:^|  +| )(n[o0]m de famille|n[o0]m(?: d'usage| et pren[o0]m| prenom)?|pren[o0]ms?(?:\(s\))?|adresse(?: postale| complete)?|code postal(?: et (?:ville|commune))?|ville|commune|te[l1](?:ephone)?\.?|portable|mobile|courriel|e-?mail|adresse e-?mail|adresse mail|mel) ?: ?`)

// fromForm reads the sender from a form's own fields. It needs the name and one field
// more: a lone "Nom :" is a sentence's.
func fromForm(ls []line) (party, bool) {
	fields := map[string]string{}
	for i, l := range ls {
		if i > maxEdge/2 {
			break
		}
		marks := formField().FindAllStringSubmatchIndex(l.fold, 4)
		if len(marks) == 0 || marks[0][0] > 0 {
			continue
		}
		for n, m := range marks {
			to := len(l.fold)
			if n+1 < len(marks) {
				to = marks[n+1][0]
			}
			label := strings.NewReplacer("0", "o", "1", "l").Replace(l.fold[m[2]:m[3]])
			if value := strings.Trim(l.cut(m[1], max(m[1], to)), " ._,"); value != "" && fields[label] == "" {
				fields[label] = value
			}
		}
	}
	get := func(labels ...string) string {
		for _, l := range labels {
			if v := fields[l]; v != "" {
				return v
			}
		}
		return ""
	}
	full := get("nom et prenom", "nom prenom")
	last, first := get("nom de famille", "nom", "nom d'usage"), get("prenom", "prenoms", "prenom(s)", "prenoms(s)")
	if full == "" && last != "" {
		full = squeeze(first + " " + last)
	}
	if full == "" || len(fields) < 2 || len(full) > maxName {
		return party{}, false
	}
	q, ok := personOf(full, 1)
	if !ok {
		return party{}, false
	}
	p := party{person: q.name}
	if a := get("adresse", "adresse postale", "adresse complete"); a != "" {
		p.address = append(p.address, a)
	}
	code, town := get("code postal et ville", "code postal et commune", "code postal"), get("ville", "commune")
	if t := squeeze(code + " " + town); t != "" && len(p.address) > 0 {
		p.address = append(p.address, t)
	}
	for _, l := range []string{"telephone", "tel", "tel.", "portable", "mobile"} {
		if ph := phones(newLine("Tél. " + fields[l])); p.phone == "" && len(ph) > 0 {
			p.phone = ph[0]
		}
	}
	p.email = email(newLine(get("courriel", "email", "e-mail", "adresse e-mail", "adresse email", "adresse mail", "mel")))
	return p, true
}
