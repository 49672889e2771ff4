package place

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const testList = "\uFEFFid;id_fantoir;numero;rep;nom_voie;code_postal;code_insee;nom_commune;code_insee_ancienne_commune;nom_ancienne_commune;x;y;lon;lat\n" +
	"99100_0010_00001;;1;;Rue des Acacias;99100;99100;Ville;;;1;2;2.5;48.5\n" +
	"99100_0010_00012_bis;;12;bis;Rue des Acacias;99100;99100;Ville;;;1;2;2.51;48.51\n" +
	"99100_0020_00003;;3;;\"Avenue de la Gare\";99100;99100;Ville;;;1;2;2.6;48.6\n" +
	"99100_0030_00003;;3;;Place de la Gare;99100;99100;Ville;;;1;2;2.7;48.7\n" +
	"99100_0040_00005;;5;;Rue Jean Jaurès;99100;99100;Ville;;;1;2;2.8;48.8\n" +
	"99100_0050_00005;;5;;Rue du 8 Mai 1945;99100;99100;Ville;;;1;2;2.8;48.8\n" +
	"99100_0060_00005;;5;;Boulevard du Maréchal Foch;99100;99100;Ville;;;1;2;2.8;48.8\n" +
	"99100_0070_00005;;5;;Chemin de l'Étang du Moulin;99100;99100;Ville;;;1;2;2.8;48.8\n" +
	"99100_0080_00005;;5;;Rue des Tanneurs;99100;99100;Ville;;;1;2;2.8;48.8\n" +
	"99100_0090_00005;;5;;Rue des Vanneurs;99100;99100;Ville;;;1;2;2.8;48.8\n" +
	"99100_0100_00005;;5;;Impasse des Cerisiers;99100;99100;Ville;;;1;2;2.8;48.8\n" +
	"99100_0110_00005;;5;;Rue Saint-Étienne;99100;99100;Ville;;;1;2;2.8;48.8\n" +
	"99100_0130_00005;;5;;Rue des Mimosas;99100;99100;Ville;;;1;2;2.8;48.8\n" +
	"99100_0140_00005;;5;;Allée des Mimosas;99100;99100;Ville;;;1;2;2.8;48.8\n" +
	"99100_0120_99999;;99999;;Le Haut-Plessis;99100;99100;Ville;;;1;2;2.9;48.9\n"

func testStreets(t testing.TB) *Streets {
	t.Helper()
	s, err := LoadStreets(strings.NewReader(testList))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLoadStreets(t *testing.T) {
	s := testStreets(t)
	if s.Len() != 14 {
		t.Errorf("%d streets, want 14", s.Len())
	}
	if p, ok := s.Number("Rue des Acacias", "12 bis"); !ok || p != (Point{2.51, 48.51}) {
		t.Errorf("12 bis: %v %v", p, ok)
	}
	if _, ok := s.Number("Rue des Acacias", "12"); ok {
		t.Error("12 is not there, only 12 bis")
	}
	if _, ok := s.Number("Rue de Nulle-Part", "1"); ok {
		t.Error("a street that is not there has a number")
	}
	places, err := LoadStreets(strings.NewReader("\uFEFFnom_lieu_dit,code_postal,lat,lon\nLes Essarts,99100,48.1,2.1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if name, _, ok := places.Match("les essarts"); !ok || name != "Les Essarts" {
		t.Errorf("lieu-dit: %q %v", name, ok)
	}
}

// TestLoadStreetsErrors holds that a bad list is refused with the line and column.
func TestLoadStreetsErrors(t *testing.T) {
	tests := map[string]struct {
		list string
		is   error
		says string
	}{
		"empty":         {"", ErrColumn, "line 1"},
		"no name":       {"numero;rep\n1;\n", ErrColumn, "line 1: nom_voie"},
		"twice":         {"nom_voie;nom_voie\na;b\n", ErrColumn, "column 2"},
		"lon alone":     {"nom_voie;lon\na;1\n", ErrColumn, "lon and lat"},
		"rep alone":     {"nom_voie;rep\na;b\n", ErrColumn, "numero"},
		"short row":     {"nom_voie;numero\nRue A;1\nRue B\n", ErrRow, "line 3, column 2"},
		"bad number":    {"nom_voie;numero\nRue A;x\n", ErrRow, "line 2, column 2"},
		"bad latitude":  {"nom_voie;lon;lat\nRue A;2;91\n", ErrRow, "line 2, column 3"},
		"not a number":  {"nom_voie;lon;lat\nRue A;NaN;1\n", ErrRow, "line 2, column 2"},
		"empty name":    {"nom_voie;numero\n;1\n", ErrRow, "line 2, column 1"},
		"open quote":    {"nom_voie;numero\n\"Rue A;1\n", ErrRow, "line"},
		"endless name":  {"nom_voie\n" + strings.Repeat("a", 2000) + "\n", ErrRow, "1024"},
		"too many rows": {"nom_voie\n" + strings.Repeat("R1\n", maxListRows+1), ErrTooLarge, "rows"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := LoadStreets(strings.NewReader(tt.list))
			if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %v with %q", err, tt.is, tt.says)
			}
		})
	}
}

// endless gives rows without end.
type endless struct{ row string }

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e.row) <= len(p) {
		n += copy(p[n:], e.row)
	}
	return n, nil
}

// TestLoadStreetsEndless holds that a list without end ends with an error.
func TestLoadStreetsEndless(t *testing.T) {
	for _, e := range []endless{{"nom_voie\n"}, {"\"\n"}, {";;;;;;;;"}, {"nom_voie;"}, {"nom_voie\"x"}} {
		if _, err := loadStreets(e, 1<<20, maxListRows); err == nil {
			t.Errorf("%q: no error", e.row)
		}
	}
}

func TestMatch(t *testing.T) {
	s := testStreets(t)
	tests := []struct {
		street, want string
		exact        bool
	}{
		{"rue des acacias", "Rue des Acacias", true},
		{"R. DES ACACIAS", "Rue des Acacias", true},
		{"rue acacias", "Rue des Acacias", true},
		{"rue des Accacias", "Rue des Acacias", false},
		{"rue des Acaicas", "Rue des Acacias", false}, // two letters that changed places
		{"les Acacias", "Rue des Acacias", false},
		{"av. de la gare", "Avenue de la Gare", true},
		{"gare", "", false}, // avenue or place?
		{"rue de la Gare", "", false},
		{"rue Jaurès", "Rue Jean Jaurès", false},
		{"rue jean-jaures", "Rue Jean Jaurès", true},
		{"rue du huit mai 1945", "Rue du 8 Mai 1945", true},
		{"rue du 9 mai 1945", "", false},
		{"bd Mal Foch", "Boulevard du Maréchal Foch", true},
		{"chemin de l'Etang du Moulln", "Chemin de l'Étang du Moulin", false},
		{"rue des Tanneurs", "Rue des Tanneurs", true},
		{"rue des Panneurs", "", false}, // as near to Tanneurs as to Vanneurs
		{"imp. des Cerisiers", "Impasse des Cerisiers", true},
		{"rue des Cerisiers", "", false}, // another type of way is another street
		{"rue St Etienne", "Rue Saint-Étienne", true},
		{"rue de Nulle-Part", "", false},
		{"", "", false},
		{"rue", "", false},
	}
	for _, tt := range tests {
		name, score, ok := s.Match(tt.street)
		if name != tt.want || ok != (tt.want != "") || ok && (score == 1) != tt.exact || ok && score < 0.7 {
			t.Errorf("%q: %q %.2f %v, want %q", tt.street, name, score, ok, tt.want)
		}
	}
}

// TestFindWithStreets holds what the list adds: the name, the point, streets without their type.
func TestFindWithStreets(t *testing.T) {
	opts := Options{Streets: testStreets(t)}
	tests := []struct {
		text, street, number string
		known, point         bool
	}{
		{"Lampadaire en panne devant le 12 bis r. des acacias", "Rue des Acacias", "12 bis", true, true},
		{"La rue des Acacias est défoncée. J'ai crevé devant le 12 bis.", "Rue des Acacias", "12 bis", true, true},
		{"Lampadaire en panne devant le 99 rue des Acacias", "Rue des Acacias", "99", true, false},
		{"Les poubelles débordent aux Acacias depuis mardi.", "Rue des Acacias", "", true, false},
		{"Trou chemin de l'etang du moulin ce matin on passe plus", "Chemin de l'Étang du Moulin", "", true, false},
		{"Trou dans la chaussée rue des Accacias", "Rue des Acacias", "", true, false},
		{"Trou dans la chaussée rue Inconnue", "rue Inconnue", "", false, false},
		{"Plus d'eau au haut plessis", "Le Haut-Plessis", "", true, true},
	}
	for _, tt := range tests {
		p, ok := Find(tt.text, "", opts)
		if !ok || p.Street != tt.street || p.Number != tt.number || p.Known != tt.known || (p.Point != nil) != tt.point {
			t.Errorf("%q: %+v %v, want %+v", tt.text, p, ok, tt)
		}
	}
}

// TestFindAmbiguous holds that a name that two streets have is not given to one of them.
func TestFindAmbiguous(t *testing.T) {
	p, ok := Find("Les poubelles débordent aux Mimosas depuis mardi.", "", Options{Streets: testStreets(t)})
	if !ok || p.Known || p.Street != "" || p.Landmark != "Les Mimosas" {
		t.Errorf("%+v %v", p, ok)
	}
}

// TestDistance checks the distance against its definition.
func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"acacias", "acacias", 0}, {"acacias", "acaicas", 1}, {"acacias", "accacias", 1}, {"ca", "abc", 3}, {"lilas", "lila", 1}} {
		if got := distance(tt.a, tt.b, 10); got != tt.want {
			t.Errorf("%q to %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

// FuzzLoadStreets holds that no bytes make it panic, and that what it took it finds again.
func FuzzLoadStreets(f *testing.F) {
	f.Add([]byte(testList))
	f.Add([]byte("nom_lieu_dit,lat,lon\nLes Essarts,1,2\n"))
	f.Add([]byte("\uFEFF\"nom_voie\";numero\n\"a\"\"b\";1\n"))
	f.Add([]byte("nom_voie\n\xff\xfe\n"))
	f.Fuzz(func(t *testing.T, list []byte) {
		s, err := LoadStreets(strings.NewReader(string(list)))
		if err != nil {
			return
		}
		for _, street := range s.all {
			if name, score, ok := s.Match(street.name); !ok || score != 1 || name != street.name {
				t.Errorf("%q matches %q %.2f %v", street.name, name, score, ok)
			}
		}
	})
}

// largeList makes a list of n addresses in n/25 streets.
func largeList(n int) string {
	rng := rand.New(rand.NewPCG(1, 2))
	syllables := strings.Fields("ba ker lan mon ti gou sau ve rou che val for pré del mar lin cha tou ris pen quer bo sel zac")
	types := []string{"Rue", "Avenue", "Chemin", "Impasse", "Allée"}
	var b strings.Builder
	b.WriteString("id;numero;rep;nom_voie;lon;lat\n")
	for i := range n / 25 {
		name := types[rng.IntN(len(types))] + " de "
		for range 3 + rng.IntN(3) {
			name += syllables[rng.IntN(len(syllables))]
		}
		for k := range 25 {
			fmt.Fprintf(&b, "%d_%d;%d;;%s;2.5;48.5\n", i, k, k+1, name)
		}
	}
	return b.String()
}

// longText makes a text of about n characters with places in it.
func longText(n int) string {
	const piece = "Bonjour, le trottoir de la rue du Moulin-Brûlé est défoncé devant le 27, et le lampadaire du chemin de Kerlanval ne marche plus. " +
		"Je vous écris pour la troisième fois et personne ne me répond, alors que nos enfants passent par là matin et soir. "
	return strings.Repeat(piece, n/len(piece)+1)[:n]
}

// TestSpeed holds the bounds on time, with room for a busy machine and the race detector.
func TestSpeed(t *testing.T) {
	list := largeList(50_000)
	start := time.Now()
	streets, err := LoadStreets(strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("50,000 addresses loaded in %v", time.Since(start))
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("loading took %v", d)
	}
	text := longText(5000)
	for _, opts := range []Options{{}, {Streets: streets}} {
		start := time.Now()
		for range 20 {
			Find(text, "", opts)
		}
		d := time.Since(start) / 20
		t.Logf("5,000 characters with list %v: %v", opts.Streets != nil, d)
		if d > 30*time.Millisecond {
			t.Errorf("finding took %v", d)
		}
	}
}

// TestHostile holds that texts made to be slow take a bounded time: all that a rule may look ahead is bounded, too.
func TestHostile(t *testing.T) {
	streets, err := LoadStreets(strings.NewReader(largeList(50_000)))
	if err != nil {
		t.Fatal(err)
	}
	var distinct strings.Builder
	for i := 0; distinct.Len() < MaxText; i++ {
		fmt.Fprintf(&distinct, "rue de Kerlanvalmonti%dgou, ", i)
	}
	texts := []string{distinct.String()}
	for _, piece := range []string{"rue de la ", "12 ", "devant le 12, ", "« ", "parking de la gare ", "au Mont ", "Rue X\n", "n° ", "(", "l'", "é", "j'habite ", "a.b."} {
		texts = append(texts, strings.Repeat(piece, MaxText/len(piece)))
	}
	for _, text := range texts {
		start := time.Now()
		Find(text, text, Options{Streets: streets})
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%.20q: %v", text, d)
		} else {
			t.Logf("%.20q: %v", text, d)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	streets, err := LoadStreets(strings.NewReader(largeList(50_000)))
	if err != nil {
		b.Fatal(err)
	}
	for name, opts := range map[string]Options{"alone": {}, "list": {Streets: streets}} {
		for _, n := range []int{5000, 50000} {
			text := longText(n)
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				for b.Loop() {
					Find(text, "", opts)
				}
			})
		}
	}
}

func BenchmarkLoadStreets(b *testing.B) {
	list := largeList(50_000)
	for b.Loop() {
		if _, err := LoadStreets(strings.NewReader(list)); err != nil {
			b.Fatal(err)
		}
	}
}
