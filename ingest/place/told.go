package place

import "strings"

// tellingVerbs say that the place behind them is told in passing: of a promise, of a life. They are folded beginnings
// of words.
var tellingVerbs = [...]string{"promis", "promett", "promesse", "rencontr", "grandi"}

// bygone are words about a place as it once was: "cité des Mineurs à l'époque".
var bygone = set("epoque autrefois jadis")

// givingVerbs are beginnings of verbs that make a museum or a library the one who receives.
var givingVerbs = [...]string{"donne", "offr", "legu", "confi", "remett", "cede"}

// receivers are institutions that collect.
var receivers = set("musee mediatheque bibliotheque conservatoire ludotheque")

// papers are documents and sums about a place. Who asks for one has no matter at the place.
var papers = set("proces-verbal pv deliberation deliberations compte-rendu comptes-rendus rapport garantie cession attributaire")

// workVerbs are beginnings of words behind which a public place is an employer, or the church of a christening.
var workVerbs = [...]string{"travaill", "employe", "enseign", "exerc", "embauch", "baptis", "professeur", "infirmi", "aide-soign"}

// schoolKinds are landmarks in which people learn.
var schoolKinds = set("ecole college lycee conservatoire maternelle")

// maxTold is the number of tokens that are looked at before a name, so that a sentence without end costs no more.
const maxTold = 40

// passing says whether the text names the place only in passing: where somebody was born, what was promised there, the
// minutes about its sale, the school of who looks for a training course.
func (c *candidate) passing(m mood) bool {
	d := c.doc
	if d.title || c.number != "" {
		return false
	}
	for j := c.to; j < c.to+4 && j < len(d.tokens); j++ {
		if bygone[d.tokens[j].fold] {
			return true
		}
	}
	given := c.kind == kindLandmark && c.prep == 1 && receivers[foldAt(d, c.from)]
	papersOnly := c.kind == kindLandmark && c.prep == 1 && (m.admin > 0 || m.physical == 0)
	school := papersOnly && schoolKinds[foldAt(d, c.from)]
	for j := c.numberAt - 1; j >= 0 && j > c.numberAt-maxTold && d.tokens[j].sentence == d.tokens[c.from].sentence; j-- {
		t := d.tokens[j]
		near := c.numberAt-j < 16
		switch {
		case near && !schoolKinds[foldAt(d, c.from)] && !c.schooled && (t.fold == "nee" || (t.fold == "ne" || t.fold == "nes") && strings.Contains(d.text[t.start:t.end], "é")):
			return true // "né", unlike the "ne" of a denial
		case near && begins(t.fold, tellingVerbs[:]), given && begins(t.fold, givingVerbs[:]), papersOnly && near && begins(t.fold, workVerbs[:]):
			return true
		case c.kind == kindLandmark && near && (papers[t.fold] || t.fold == "rendus" && d.is(j-1, "comptes")):
			return true
		case papersOnly && near && d.is(j, "maries", "mariees") && d.is(j-1, "sommes", "etaient", "sont"):
			return true
		case c.kind == kindLandmark && c.from-j < 3 && strings.HasPrefix(t.fold, "quitt"):
			return true // the school that a child leaves
		case school && t.fold == "suis" && d.is(j-1, "je"):
			return true
		}
	}
	return false
}

// begins says whether a word has one of the beginnings.
func begins(w string, beginnings []string) bool {
	for _, b := range beginnings {
		if strings.HasPrefix(w, b) {
			return true
		}
	}
	return false
}
