package match

import (
	"testing"

	"saisine.fr/saisine/ingest"
)

func TestKin(t *testing.T) {
	type p = ingest.Person
	tests := []struct {
		name    string
		a, b    ingest.Person
		certain bool
		related bool
	}{
		{"national and international", p{Phone: "06 12 34 56 78"}, p{Phone: "+33612345678"}, true, true},
		{"with 00", p{Phone: "06.12.34.56.78"}, p{Phone: "0033 6 12 34 56 78"}, true, true},
		{"no phone number", p{Phone: "17"}, p{Phone: "17"}, false, false},
		{"same mail", p{Email: " a@b.fr"}, p{Email: "A@b.fr"}, true, true},
		{"same name", p{Name: "Jean Martin"}, p{Name: "MARTIN Jean"}, false, true},
		{"same name, other contacts", p{Name: "Jean Martin", Email: "a@x.fr"}, p{Name: "Jean Martin", Email: "b@x.fr"}, false, true},
		{"same name and address, other contacts", p{Name: "Jérôme Élie", Address: "3, rue du Bac, 99100 Ville", Email: "a@x.fr"}, p{Name: "JEROME ELIE", Address: "3 rue du bac", Email: "b@x.fr"}, true, true},
		{"same household", p{Name: "Anne Petit", Address: "5 rue de la Fontaine"}, p{Name: "Luc Morel", Address: "5, rue de la fontaine, 99100 Ville"}, false, true},
		{"next door", p{Name: "Anne Petit", Address: "5 rue de la Fontaine"}, p{Name: "Luc Morel", Address: "7 rue de la Fontaine"}, false, false},
		{"an initial", p{Name: "G. Bonnefoy"}, p{Name: "Gérard Bonnefoy"}, false, true},
		{"a title only", p{Name: "M. Bonnefoy"}, p{Name: "Gérard Bonnefoy"}, false, true},
		{"a couple", p{Name: "Jacques et Simone RENAUD"}, p{Name: "Simone Renaud"}, false, true},
		{"surname only, both", p{Name: "Mme Guillou", Phone: "06 39 98 11 22"}, p{Name: "M. Guillou", Email: "v@x.fr"}, false, true},
		{"one letter", p{Name: "Jean Dupont", Address: "3 rue du Bac"}, p{Name: "Jean Dupond", Address: "3 rue du Bac"}, false, true},
		{"same street of another town", p{Name: "Jean Martin", Address: "3 rue du Bac, 99100 Ville"}, p{Name: "Jean Martin", Address: "3 rue du Bac, 99200 Autre"}, false, true},
		{"another first name", p{Name: "Nicolas Martin"}, p{Name: "Nicole Martin"}, false, false},
		{"father and son", p{Name: "Pierre Nguyen"}, p{Name: "Pierre-Louis Nguyen"}, false, false},
		{"another initial", p{Name: "L. Faucheux"}, p{Name: "Ginette Faucheux"}, false, false},
		{"nobody", p{}, p{}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, k := range []kinship{kin(partyOf(tt.a, ""), partyOf(tt.b, ""), false), kin(partyOf(tt.b, ""), partyOf(tt.a, ""), false)} {
				if k.certain() != tt.certain || k.related() != tt.related {
					t.Errorf("%+v", k)
				}
			}
		})
	}
}
