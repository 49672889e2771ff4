package place

import "strings"

// positionWords say where at a landmark, and are no part of its name.
var positionWords = set("devant derriere face pres apres avant sous sur entre debouche croisement coin bas haut angle arriere cote niveau hauteur jusqu n no")

// Agrees reports whether a place that was found is the stated one, for measuring: it holds
// every telling word and number of the statement, and names no street that the statement
// does not. How near the landmark beside a street is may differ.
func Agrees(found, stated string) bool {
	have, want := wordSet(found), wordSet(stated)
	for _, w := range essentials(stated) {
		if !have[w] {
			return false
		}
	}
	for p := range strings.SplitSeq(found, ",") {
		if !isWay(p) {
			continue
		}
		for _, w := range contentWords(p) {
			if !want[w] && !positionWords[w] && !strings.ContainsAny(w, "0123456789") {
				return false
			}
		}
	}
	return true
}

func wordSet(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range contentWords(s) {
		out[w] = true
	}
	return out
}

// isWay reports whether a comma part of a place names a way.
func isWay(part string) bool {
	first, _, _ := strings.Cut(fold(strings.TrimSpace(part)), " ")
	for _, w := range splitWords(fold(part)) {
		if t, ok := wayTypes[w]; ok && !t.short && w != "chaussee" && !positionWords[first] {
			return true
		}
	}
	return false
}

// essentials gives the content words of the street or landmark of a place as people write
// it, and its numbers. Where it names a way, only its comma parts with a way type or digits
// count ("rue X, devant la pharmacie" wants "rue X"); else all of it.
func essentials(label string) []string {
	parts := strings.Split(label, ",")
	var street []string
	for i, p := range parts {
		if isWay(p) || strings.ContainsAny(p, "0123456789") && (i == 0 || !strings.Contains(fold(p), "etage")) {
			street = append(street, p)
		}
	}
	if len(street) > 0 {
		parts = street
	}
	var out []string
	for _, p := range parts {
		for _, w := range contentWords(p) {
			if !positionWords[w] && !particles[w] {
				out = append(out, w)
			}
		}
	}
	return out
}
