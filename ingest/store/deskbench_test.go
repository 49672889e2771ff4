package store

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
)

// The measurement of `make bench-desk`. `make test` runs it with these small numbers, to keep
// it working, and holds it to nothing but the answers.
var (
	benchRequests = flag.Int("bench.requests", 2000, "stored requests of the measurement of lists")
	benchAsked    = flag.Int("bench.asked", 5, "how often each kind of list is asked for")
	benchDir      = flag.String("bench.dir", "", "where the store of the measurement of lists is kept, and taken from when it is there; \"\" for none")
	benchOpen     = flag.Float64("bench.open", 0.1, "share of the requests that are open")
)

// wantedP95 is what any list or search may take.
const wantedP95 = 150 * time.Millisecond

var (
	deskServices = []string{"Voirie", "État civil", "Urbanisme", "Propreté", "Espaces verts", "Scolaire", "Sports", "Culture", "Eau", "Élections", "Accueil", "Police", "CCAS", "RH"}
	deskChannels = []ingest.Channel{ingest.ChannelMailbox, ingest.ChannelMailbox, ingest.ChannelMailbox, ingest.ChannelWebform, ingest.ChannelWebform, ingest.ChannelScan, ingest.ChannelScan, ingest.ChannelCounter, ingest.ChannelPhone}
)

// deskTown invents a town's requests: words and names as often as in life, few of them common.
type deskTown struct {
	r         *rand.Rand
	sentences []string
	sentence  *rand.Zipf
	names     *rand.Zipf
	at        time.Time
	step      time.Duration
}

func newDeskTown(n int) *deskTown {
	d := &deskTown{r: rand.New(rand.NewPCG(11, 1)), at: day.AddDate(-5, 0, 0)}
	d.step = day.Sub(d.at) / time.Duration(n)
	for _, text := range benchPool() {
		for s := range strings.SplitSeq(text, ".") {
			if s = strings.TrimSpace(s); len(s) > 20 && len(s) < 400 {
				d.sentences = append(d.sentences, s)
			}
		}
	}
	d.r.Shuffle(len(d.sentences), func(i, j int) { d.sentences[i], d.sentences[j] = d.sentences[j], d.sentences[i] })
	d.sentence = rand.NewZipf(d.r, 1.03, 40, uint64(len(d.sentences)-1))
	d.names = rand.NewZipf(d.r, 1.1, 10, 60_000)
	return d
}

// name invents a name: the nth is the same each time, and no word of the texts.
func deskName(n uint64) string {
	syllables := []string{"bra", "chou", "del", "fon", "gui", "jac", "kerm", "lan", "mor", "nel", "ora", "pru", "quen", "ros", "sau", "tra", "vig", "wen", "yvo", "zel"}
	var b strings.Builder
	for i := 0; i < 3 || n > 0; i++ {
		b.WriteString(syllables[n%20])
		n /= 20
	}
	return strings.ToUpper(b.String()[:1]) + b.String()[1:]
}

func (d *deskTown) reading() ingest.Reading {
	name := deskName(d.names.Uint64()) + " " + deskName(d.names.Uint64())
	var b strings.Builder
	b.WriteString([]string{"Bonjour,\n\n", "Madame, Monsieur,\n\n", "Bonjour Madame,\n\n", "Monsieur le Maire,\n\n", ""}[d.r.IntN(5)])
	for range 2 + d.r.IntN(7) {
		b.WriteString(d.sentences[d.sentence.Uint64()] + ". ")
	}
	fmt.Fprintf(&b, "\n\nJ’habite au %d rue %s.\n\nCordialement,\n%s", 1+d.r.IntN(120), deskName(d.names.Uint64()), name)
	r := ingest.Reading{
		Kind: "mail", Subject: firstWords(d.sentences[d.sentence.Uint64()], 60), Text: b.String(), Place: "rue " + deskName(d.names.Uint64()),
		From: ingest.Person{Name: name, Email: fmt.Sprintf("%s.%d@exemple.fr", strings.ToLower(name[:5]), d.r.IntN(9999)), Phone: fmt.Sprintf("06%08d", d.r.IntN(99999999))},
	}
	if d.r.IntN(5) == 0 {
		r.Attachments = []ingest.Attachment{{Name: fmt.Sprintf("IMG_%04d.jpg", d.r.IntN(9999))}}
	}
	return r
}

func firstWords(s string, n int) string {
	s = message.Cut(s, n)
	if i := strings.LastIndexByte(s, ' '); i > 0 {
		return s[:i]
	}
	return s
}

// fill adds n requests by the store's own SQL where there is some.
func (d *deskTown) fill(t *testing.T, s *Store, n int) {
	t.Helper()
	ctx := t.Context()
	const group = 500
	for done := 0; done < n; done += group {
		if err := s.do(ctx, func(ctx context.Context, tx *tx) error {
			if done == 0 {
				if err := tx.exec(ctx, `INSERT INTO originals (sha256, size, content) VALUES ('one', 3, 'one')`); err != nil {
					return err
				}
			}
			for i := done; i < min(done+group, n); i++ {
				if err := d.request(ctx, s, tx, i, i >= n-int(*benchOpen*float64(n))); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *deskTown) request(ctx context.Context, s *Store, tx *tx, i int, open bool) error {
	r := d.r
	d.at = d.at.Add(d.step)
	service := r.IntN(len(deskServices))
	service = min(service, r.IntN(len(deskServices)))
	f := ingest.Filing{Reading: d.reading(), Classification: ingest.Classification{
		Service: deskServices[service], Category: fmt.Sprintf("categorie.%d.%d", service, r.IntN(4)), Confidence: r.Float64(), NeedsReview: open && r.IntN(20) == 0, Reasons: []string{"mots du texte"},
	}}
	if r.IntN(100) == 0 {
		f.Classification.Urgent = []string{"danger"}
	}
	row := ledgerRow{channel: deskChannels[r.IntN(len(deskChannels))], receivedAt: d.at}
	id, _, err := s.open(ctx, tx, row, f)
	if err != nil {
		return err
	}
	for k := range 1 + r.IntN(6)/5 {
		link, reading := "opens", f.Reading
		if k > 0 {
			link, reading = "follow_up", d.reading()
		}
		if err := d.submission(ctx, s, tx, fmt.Sprintf("%d-%d", i, k), row, id, link, reading); err != nil {
			return err
		}
	}
	if open {
		return d.openRequest(ctx, tx, id)
	}
	// An answer was written, and the request closed.
	if err := tx.exec(ctx, `UPDATE requests SET status = $1 WHERE id = $2`, []string{"answered", "closed"}[r.IntN(2)], id); err != nil {
		return err
	}
	return (sqlite{}).index(ctx, tx, -id, indexed("Bonjour Madame, nous avons bien reçu votre demande. "+d.sentences[d.sentence.Uint64()]))
}

func (d *deskTown) submission(ctx context.Context, s *Store, tx *tx, key string, row ledgerRow, request int64, link string, reading ingest.Reading) error {
	var seq int64
	id := uuid.NewSHA1(uuid.Nil, []byte(key)).String()
	if err := tx.row(ctx, `INSERT INTO submissions (id, channel, account, source_key, epoch, received_at, recorded_at, sha256, size, media_type, hints, state, request_id, link)
		VALUES ($1, $2, 'sve', $3, '', $4, $5, 'one', 3, 'message/rfc822', '{}', 'filed', $6, $7) RETURNING seq`,
		id, string(row.channel), key, micros(row.receivedAt), micros(row.receivedAt), request, link).Scan(&seq); err != nil {
		return err
	}
	saved, err := encode(reading)
	if err != nil {
		return err
	}
	if err := s.saveReading(ctx, tx, id, saved, ""); err != nil {
		return err
	}
	return (sqlite{}).index(ctx, tx, seq, searchText(reading))
}

// openRequest gives an open request what lists look at.
func (d *deskTown) openRequest(ctx context.Context, tx *tx, id int64) error {
	r := d.r
	due := int64(0)
	if r.IntN(10) > 0 {
		due = micros(day.AddDate(0, 0, r.IntN(60)-3))
	}
	login := ""
	if r.IntN(2) == 0 {
		login = fmt.Sprintf("agent%d", r.IntN(30))
	}
	if err := tx.exec(ctx, `UPDATE requests SET status = $1, assignee = $2, next_due = $3, next_rule = 'accusé de réception' WHERE id = $4`,
		[]string{"new", "assigned", "in_progress", "waiting_citizen"}[r.IntN(4)], login, due, id); err != nil {
		return err
	}
	if id < 100 || r.IntN(20) > 0 {
		return nil
	}
	other := id - 1 - r.Int64N(50)
	if err := tx.exec(ctx, `INSERT INTO twins (request_id, other_id) VALUES ($1, $2), ($2, $1) ON CONFLICT DO NOTHING`, id, other); err != nil {
		return err
	}
	return tx.exec(ctx, `UPDATE requests SET twins = 1 WHERE id IN ($1, $2)`, id, other)
}

// deskKind is a kind of list; each time it is asked for something else.
type deskKind struct {
	name   string
	filter func(d *deskTown) ingest.Filter
	second bool // its second page
}

func deskKinds() []deskKind {
	service := func(d *deskTown) string { return deskServices[d.r.IntN(len(deskServices))] }
	words := func(s ...string) func(d *deskTown) ingest.Filter {
		return func(d *deskTown) ingest.Filter { return ingest.Filter{Settled: true, Words: s[d.r.IntN(len(s))]} }
	}
	with := func(f func(d *deskTown) ingest.Filter, change func(d *deskTown, f *ingest.Filter)) func(d *deskTown) ingest.Filter {
		return func(d *deskTown) ingest.Filter {
			out := f(d)
			change(d, &out)
			return out
		}
	}
	list := func(f ingest.Filter) func(d *deskTown) ingest.Filter {
		return func(*deskTown) ingest.Filter { return f }
	}
	due := func(_ *deskTown, f *ingest.Filter) { f.Order = ingest.OrderDue }
	common := words("bonjour", "madame", "rue", "merci", "demande")
	rare := func(d *deskTown) ingest.Filter {
		return ingest.Filter{Settled: true, Words: deskName(uint64(1000 + d.r.IntN(50_000)))}
	}
	return []deskKind{
		{name: "tab: open", filter: list(ingest.Filter{})},
		{name: "tab: review", filter: list(ingest.Filter{Review: true})},
		{name: "tab: duplicates", filter: list(ingest.Filter{Duplicates: true})},
		{name: "tab: late", filter: list(ingest.Filter{Late: true})},
		{name: "tab: mine", filter: list(ingest.Filter{Mine: true})},
		{name: "tab: urgent", filter: list(ingest.Filter{Urgent: true})},
		{name: "all, closed ones too", filter: list(ingest.Filter{Settled: true})},
		{name: "service", filter: func(d *deskTown) ingest.Filter { return ingest.Filter{Service: service(d)} }},
		{name: "service, by due date", filter: func(d *deskTown) ingest.Filter { return ingest.Filter{Service: service(d), Order: ingest.OrderDue} }},
		{name: "service, closed ones too, 2nd page", second: true, filter: func(d *deskTown) ingest.Filter { return ingest.Filter{Service: service(d), Settled: true} }},
		{name: "category, closed ones too", filter: func(d *deskTown) ingest.Filter {
			return ingest.Filter{Category: fmt.Sprintf("categorie.%d.%d", d.r.IntN(14), d.r.IntN(4)), Settled: true}
		}},
		{name: "channel and status", filter: list(ingest.Filter{Channel: ingest.ChannelPhone, Status: ingest.StatusWaitingCitizen})},
		{name: "late, mine, by due date", filter: list(ingest.Filter{Late: true, Mine: true, Order: ingest.OrderDue})},
		{name: "days", filter: func(d *deskTown) ingest.Filter {
			from := day.AddDate(0, 0, -d.r.IntN(1500))
			return ingest.Filter{Settled: true, From: from.Format(time.DateOnly), To: from.AddDate(0, 0, 7).Format(time.DateOnly)}
		}},
		{name: "nothing at all (no such category)", filter: list(ingest.Filter{Category: "none", Settled: true})},
		{name: "common word", filter: common},
		{name: "common word, 2nd page", filter: common, second: true},
		{name: "common word, open, by due date", filter: with(common, func(_ *deskTown, f *ingest.Filter) { f.Settled, f.Order = false, ingest.OrderDue })},
		{name: "common word, all by due date", filter: with(common, due)},
		{name: "common word, service and category", filter: with(common, func(_ *deskTown, f *ingest.Filter) { f.Service, f.Category = "Sports", "categorie.6.1" })},
		{name: "common word, no such category", filter: with(common, func(_ *deskTown, f *ingest.Filter) { f.Category = "none" })},
		{name: "two common words", filter: words("bonjour rue", "madame merci", "demande bonjour madame")},
		{name: "two common words, to review", filter: with(words("bonjour rue", "madame merci"), func(_ *deskTown, f *ingest.Filter) { f.Review = true })},
		{name: "ordinary word", filter: words("poubelle", "cantine", "trottoir", "lampadaire", "inscription", "bruit")},
		{name: "ordinary word, service, due date", filter: with(words("poubelle", "cantine", "trottoir"), func(d *deskTown, f *ingest.Filter) {
			f.Service, f.Order, f.Settled = service(d), ingest.OrderDue, false
		})},
		{name: "rare name", filter: rare},
		{name: "rare name and common word", filter: with(rare, func(_ *deskTown, f *ingest.Filter) { f.Words += " bonjour" })},
		{name: "name and street", filter: func(d *deskTown) ingest.Filter {
			return ingest.Filter{Settled: true, Words: deskName(d.names.Uint64()) + " rue " + deskName(d.names.Uint64())}
		}},
		{name: "phrase", filter: words(`"bien reçu votre demande"`, `"monsieur le maire"`, `"dans ma rue"`)},
		{name: "words of answers only, open", filter: with(words("nous avons bien reçu votre demande"), func(_ *deskTown, f *ingest.Filter) { f.Settled = false })},
		{name: "beginning of a word", filter: words("bon*", "poub*", "con*", "dema*", "inscri*", "reparati*")},
		{name: "beginning, open", filter: with(words("bon*", "con*", "rep*"), func(_ *deskTown, f *ingest.Filter) { f.Settled = false })},
		{name: "telephone", filter: func(d *deskTown) ingest.Filter {
			return ingest.Filter{Settled: true, Words: inPairs(fmt.Sprintf("06%08d", d.r.IntN(99999999)))}
		}},
		{name: "reference", filter: func(d *deskTown) ingest.Filter {
			return ingest.Filter{Words: fmt.Sprintf("%d-%06d", 2022+d.r.IntN(4), 1+d.r.IntN(*benchRequests/6+1))}
		}},
	}
}

func TestBenchDesk(t *testing.T) {
	onlySQLite(t)
	dir := *benchDir
	if dir == "" {
		dir = t.TempDir()
	}
	s := benchOpenStore(t, dir)
	d := newDeskTown(*benchRequests)
	begun := time.Now()
	if n, err := s.TabCounts(t.Context(), ingest.Viewer{}); err != nil {
		t.Fatal(err)
	} else if n.Open == 0 {
		d.fill(t, s, *benchRequests)
	}
	t.Logf("%d requests in %s; %d cores; Go %s; %d different sentences", *benchRequests, time.Since(begun).Round(time.Second), runtime.NumCPU(), runtime.Version(), len(d.sentences))
	measureIndexing(t, s, d)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	logSizes(t, dir)
	s = benchOpenStore(t, dir)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	viewers := []ingest.Viewer{
		{Login: "agent1", Role: ingest.RoleAgent, Services: []string{"Voirie", "Eau"}, Hidden: []string{"CCAS", "Police", "RH"}},
		{Login: "agent2", Role: ingest.RoleManager, Services: []string{"CCAS"}, Hidden: []string{"Police", "RH"}},
		{Login: "agent3", Role: ingest.RoleAdministrator},
	}
	var all []time.Duration
	measure := func(name string, f func(v ingest.Viewer) string) {
		var times []time.Duration
		found := ""
		for i := range *benchAsked {
			begun := time.Now()
			found = f(viewers[i%len(viewers)])
			times = append(times, time.Since(begun))
		}
		all = append(all, times...)
		logTimes(t, name, times, found)
	}
	for _, k := range deskKinds() {
		measure(k.name, func(v ingest.Viewer) string {
			f := k.filter(d)
			p, err := s.List(t.Context(), v, f)
			if err == nil && k.second && p.Next != "" {
				f.After = p.Next
				p, err = s.List(t.Context(), v, f)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range p.Items {
				if !v.Sees(q.Service) {
					t.Errorf("%s shows what is hidden: %+v", k.name, q)
				}
			}
			return fmt.Sprintf("%d", p.Total)
		})
	}
	measure("figures of the tabs", func(v ingest.Viewer) string {
		n, err := s.TabCounts(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(n)
		return string(text)
	})
	logTimes(t, "ALL", all, "")
}

func benchOpenStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: dir, Database: databaseOf(t, dir), Zone: time.UTC, Now: func() time.Time { return day }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func logTimes(t *testing.T, name string, times []time.Duration, found string) {
	t.Helper()
	slices.Sort(times)
	p := func(share float64) time.Duration {
		return times[int(share*float64(len(times)-1))].Round(10 * time.Microsecond)
	}
	verdict := "meets"
	if p(0.95) > wantedP95 {
		verdict = "MISSES"
	}
	t.Logf("%-36s p50 %9s  p95 %9s  p99 %9s  max %9s  (%s %s)  %s", name, p(0.5), p(0.95), p(0.99), p(1), verdict, wantedP95, found)
}

// measureIndexing says what the index costs whoever files.
func measureIndexing(t *testing.T, s *Store, d *deskTown) {
	t.Helper()
	var made, written, with, without []time.Duration
	for i := range 20 * *benchAsked {
		r := d.reading()
		begun := time.Now()
		words := searchText(r)
		made = append(made, time.Since(begun))
		begun = time.Now()
		if err := s.do(t.Context(), func(ctx context.Context, tx *tx) error {
			if err := tx.exec(ctx, `UPDATE settings SET value = $1 WHERE name = 'none'`, "x"); err != nil || i%2 == 1 {
				return err
			}
			at := time.Now()
			err := (sqlite{}).index(ctx, tx, int64(10_000_000+i), words)
			written = append(written, time.Since(at))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 {
			without = append(without, time.Since(begun))
		} else {
			with = append(with, time.Since(begun))
		}
	}
	logTimes(t, "words of a letter", made, "before the writer's work")
	logTimes(t, "its row of the index", written, "in the writer's work")
	logTimes(t, "a commit with it", with, "")
	logTimes(t, "a commit without anything", without, "")
}

func logSizes(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "saisine.db*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d MiB", filepath.Base(name), info.Size()>>20)
	}
}
