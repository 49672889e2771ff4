package notice

import (
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

func TestPlanRefuses(t *testing.T) {
	c := calendarOf(t, "Europe/Paris", Metropole)
	at := func(s string) time.Time { return moment(t, s, c.Zone()) }
	ok := Case{Channel: ingest.ChannelMailbox, Received: at("2026-03-02T10:00")}
	if _, err := c.Plan(ok); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		why    string
		change func(*Case)
		want   string
	}{
		{"no reception", func(k *Case) { k.Received = time.Time{} }, "reception is missing"},
		{"a slip in the year", func(k *Case) { k.Received = at("0206-03-02T10:00") }, "the year 206"},
		{"a far year", func(k *Case) { k.Received = at("2206-03-02T10:00") }, "the year 2206"},
		{"channel", func(k *Case) { k.Channel = "pigeon" }, `"pigeon" is no channel`},
		{"sense", func(k *Case) { k.Rule.Sense = "oui" }, `"oui"`},
		{"months", func(k *Case) { k.Rule.Months = 25 }, "25 months"},
		{"procedure", func(k *Case) { k.Rule.Procedure = "x" }, "known are [reclamation"},
		{"first after us", func(k *Case) { k.First = at("2026-03-03T10:00") }, "first administration"},
		{"competent, but we are", func(k *Case) { k.Competent = at("2026-03-03T10:00") }, "the town is competent"},
		{"competent before us", func(k *Case) { k.Elsewhere, k.Competent = true, at("2026-03-01T10:00") }, "before the town"},
		{"asked before", func(k *Case) { k.Missing = []Asked{{At: at("2026-03-01T10:00"), Until: day(t, "2026-04-01")}} }, "before the request came"},
		{"not asked", func(k *Case) { k.Missing = []Asked{{Until: day(t, "2026-04-01")}} }, "time of asking is missing"},
		{"no time allowed", func(k *Case) { k.Missing = []Asked{{At: at("2026-03-03T10:00")}} }, "L114-5"},
		{"time allowed before", func(k *Case) { k.Missing = []Asked{{At: at("2026-03-03T10:00"), Until: day(t, "2026-03-02")}} }, "time allowed ends"},
		{"came before", func(k *Case) {
			k.Missing = []Asked{{At: at("2026-03-03T10:00"), Until: day(t, "2026-04-02"), CameAt: at("2026-03-02T11:00")}}
		}, "before they were asked for"},
		{"too many", func(k *Case) { k.Missing = make([]Asked, 101) }, "101 times"},
	} {
		k := ok
		tt.change(&k)
		if _, err := c.Plan(k); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.why, err)
		}
	}
}

// Who has to act decides who is reminded.
func TestWhoActs(t *testing.T) {
	for _, tt := range []struct {
		w    worked
		want map[Kind]Who
	}{
		{worked{received: "2026-03-02T10:00"}, map[Kind]Who{KindAEE: WhoTown, KindARE: WhoTown, KindImplicit: WhoTown}},
		{worked{received: "2026-03-02T10:00", elsewhere: true}, map[Kind]Who{KindAEE: WhoTown, KindARE: WhoOther, KindTransmission: WhoTown, KindImplicit: WhoOther}},
		{worked{received: "2026-03-02T10:00", missing: []string{"2026-03-03T10:00 2026-04-02 -"}}, map[Kind]Who{KindAEE: WhoTown, KindARE: WhoTown, KindImplicit: WhoTown, KindPieces: WhoCitizen}},
	} {
		c, k := tt.w.build(t, nil)
		plan, err := c.Plan(k)
		if err != nil {
			t.Fatal(err)
		}
		got := map[Kind]Who{}
		for _, d := range plan.Deadlines {
			got[d.Kind] = d.Who
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v, want %v", got, tt.want)
		}
	}
}

// What silence decides is born when its day begins; what must be done may be done until
// its day ends.
func TestDueMoments(t *testing.T) {
	w := worked{zone: "America/Martinique", region: Martinique, received: "2026-04-23T10:00"}
	c, k := w.build(t, nil)
	plan, err := c.Plan(k)
	if err != nil {
		t.Fatal(err)
	}
	want := map[Kind]string{KindAEE: "2026-04-24T23:59:59-04:00", KindARE: "2026-05-11T23:59:59-04:00", KindImplicit: "2026-06-23T00:00:00-04:00"}
	for _, d := range plan.Deadlines {
		if got := d.Due.Format(time.RFC3339); got != want[d.Kind] {
			t.Errorf("%s: %s, want %s", d.Kind, got, want[d.Kind])
		}
	}
	if d, ok := plan.Silence(); !ok || d.Kind != KindImplicit {
		t.Errorf("silence: %v %v", d, ok)
	}
	k.Rule.Sense = None
	if plan, err = c.Plan(k); err != nil {
		t.Fatal(err)
	}
	if d, ok := plan.Silence(); ok {
		t.Errorf("silence of none: %+v", d)
	}
	k.Rule = Rule{Procedure: PersonalData, Sense: Acceptance}
	if plan, err = c.Plan(k); err != nil {
		t.Fatal(err)
	}
	if d, ok := plan.Silence(); ok {
		t.Errorf("silence towards a data subject: %+v", d)
	}
	for _, d := range plan.Deadlines {
		if d.Kind == KindGDPR && d.Sense != None {
			t.Errorf("towards a data subject silence means %s", d.Sense)
		}
	}
}

// randomCase is any case that the rules allow.
func randomCase(rnd *rand.Rand, c Calendar) Case {
	k := Case{Channel: ingest.ChannelMailbox, Received: time.Date(2024+rnd.IntN(11), time.Month(1+rnd.IntN(12)), 1+rnd.IntN(31), rnd.IntN(24), rnd.IntN(60), 0, 0, c.Zone())}
	if rnd.IntN(3) == 0 {
		k.Channel = ingest.ChannelScan
	}
	if rnd.IntN(2) == 0 {
		k.Rule.Procedure = Procedures()[rnd.IntN(len(Procedures()))]
	} else {
		k.Rule = Rule{Sense: []Sense{"", Acceptance, Rejection, None}[rnd.IntN(4)], Months: rnd.IntN(25)}
	}
	hours := func(n int) time.Duration { return time.Duration(rnd.IntN(n)) * time.Hour }
	switch rnd.IntN(4) {
	case 0:
		k.First = k.Received.Add(-hours(400))
	case 1:
		k.Elsewhere = true
		if rnd.IntN(2) == 0 {
			k.Competent = k.Received.Add(hours(400))
		}
	}
	for range rnd.IntN(4) {
		a := Asked{At: k.Received.Add(hours(2500))}
		a.Until = c.Day(a.At).Add(rnd.IntN(60))
		if rnd.IntN(2) == 0 {
			a.CameAt = a.At.Add(hours(2000))
		}
		k.Missing = append(k.Missing, a)
	}
	return k
}

var (
	article  = regexp.MustCompile(`^(CRPA|RGPD|CESEDA|code|règlement) `)
	badSpace = regexp.MustCompile(`[^\x{a0}][:;?!»]|« `)
)

// Whatever the case: no date without rule, article and explanation; Due is of Day on the
// town's clock; no end before the request; sentences end with a full stop and keep their
// punctuation together.
func TestPlanOfAnyCase(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 9))
	zones := []string{"Europe/Paris", "Indian/Reunion", "America/Martinique", "America/Cayenne", "Indian/Mayotte", "Pacific/Noumea"}
	for range 2000 {
		c := calendarOf(t, zones[rnd.IntN(len(zones))], Regions()[rnd.IntN(len(Regions()))])
		k := randomCase(rnd, c)
		plan, err := c.Plan(k)
		if err != nil {
			t.Fatalf("%+v: %v", k, err)
		}
		for _, d := range plan.Deadlines {
			if d.Rule == "" || !article.MatchString(d.Article) || len(d.Explanation) == 0 || d.Who == "" {
				t.Fatalf("%+v: a deadline without its reasons: %+v", k, d)
			}
			if d.Day.IsZero() != d.Due.IsZero() || !d.Due.IsZero() && c.Day(d.Due) != d.Day {
				t.Fatalf("%s is due at %s", d.Day, d.Due)
			}
			if !d.Day.IsZero() && d.Kind != KindImplicit && d.Day.Before(c.Day(k.Received)) {
				t.Fatalf("%+v: due before reception: %+v", k, d)
			}
		}
		for s := range strings.Lines(told(plan)) {
			text, source, _ := strings.Cut(strings.TrimSpace(s), " [")
			if !strings.HasSuffix(text, ".") || strings.Contains(text, "%!") || badSpace.MatchString(text) || strings.Contains(text, "'") {
				t.Fatalf("badly written: %q", text)
			}
			if source != "]" && !article.MatchString(source) {
				t.Fatalf("%q is no article (%s)", source, text)
			}
		}
	}
}

// The hour of the day makes no difference, nor does the zone in which a moment is written.
func TestOnlyTheDayCounts(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 4))
	c := calendarOf(t, "Europe/Paris", AlsaceMoselle)
	for range 1000 {
		k := randomCase(rnd, c)
		k.First, k.Competent, k.Missing = time.Time{}, time.Time{}, nil
		whole, err := c.Plan(k)
		if err != nil {
			t.Fatal(err)
		}
		d := c.Day(k.Received)
		for _, at := range []time.Time{c.Start(d), c.End(d), c.Start(d).UTC(), c.End(d).In(time.FixedZone("", -11*3600))} {
			k.Received = at
			if again, err := c.Plan(k); err != nil || !reflect.DeepEqual(whole, again) {
				t.Fatalf("%s: %+v, at another hour %+v (%v)", d, whole, again, err)
			}
		}
	}
}

// More time for pieces never makes a rejection come sooner, and never changes a receipt.
func TestPiecesOnlyPutOff(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 8))
	c := calendarOf(t, "Europe/Paris", Metropole)
	for range 3000 {
		k := randomCase(rnd, c)
		if k.Rule.Procedure != Ordinary || len(k.Missing) == 0 || k.Rule.Sense == None {
			continue
		}
		k.Rule.Sense = Rejection
		with, err := c.Plan(k)
		if err != nil {
			t.Fatal(err)
		}
		bare := k
		bare.Missing = nil
		without, err := c.Plan(bare)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := with.Silence()
		b, _ := without.Silence()
		if a.Day.Before(b.Day) {
			t.Fatalf("%+v: %s, without pieces %s", k, a.Day, b.Day)
		}
		for i, d := range without.Deadlines {
			if d.Kind != KindImplicit && !reflect.DeepEqual(d, with.Deadlines[i]) {
				t.Fatalf("%s: %+v, without pieces %+v", d.Kind, with.Deadlines[i], d)
			}
		}
	}
}
