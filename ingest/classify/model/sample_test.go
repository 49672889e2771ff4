package model

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// matters are the words of the labels of the sample.
var matters = map[string]string{
	"voirie":    "chaussée trottoir nid-de-poule pavés goudron carrefour ralentisseur bordure signalisation ornière",
	"eclairage": "lampadaire réverbère ampoule éclairage éteint clignote obscurité candélabre lumière nuit",
	"dechets":   "poubelle benne ordures encombrants déchets collecte conteneur verre dépotoir sacs",
	"etat":      "acte naissance mariage copie livret passeport identité décès mention officier",
}

const filler = "bonjour madame monsieur merci depuis semaine devant chez nous maison voisin enfants matin demande signale problème rappeler possible votre réponse mairie rue avenue place"

// sample returns n texts of each label, of three authors, some with a subject. hard mixes
// in words of another label.
func sample(n int, hard bool) (out []Example) {
	rng := rand.New(rand.NewPCG(7, 7))
	labels := []string{"dechets", "eclairage", "etat", "voirie"}
	common := strings.Fields(filler)
	for i := range n {
		for l, label := range labels {
			words := strings.Fields(matters[label])
			other := strings.Fields(matters[labels[(l+1+i%3)%4]])
			var text []string
			for range 25 {
				text = append(text, common[rng.IntN(len(common))])
			}
			for range 2 {
				text = append(text, words[rng.IntN(len(words))])
			}
			if hard && rng.IntN(2) == 0 {
				text = append(text, other[rng.IntN(len(other))], other[rng.IntN(len(other))])
			}
			text = append(text, fmt.Sprint("Dupont", string(rune('a'+rng.IntN(26))), string(rune('a'+rng.IntN(26)))))
			rng.Shuffle(len(text), func(i, j int) { text[i], text[j] = text[j], text[i] })
			e := Example{Body: strings.Join(text, " "), Label: label, Group: fmt.Sprint("author", i%3)}
			if i%2 == 0 {
				e.Subject = words[rng.IntN(len(words))]
			}
			out = append(out, e)
		}
	}
	return out
}
