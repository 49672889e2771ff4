package notice

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
)

// noon is a Monday in winter.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const alice = "alice@example.fr"

func newTestSecretary() *Secretary {
	service := Contact{Name: "Voirie", Email: "voirie@mairie.example", Phone: "01 99 00 00 01", Address: "1 place de la Mairie"}
	phoneless, mailless := service, service
	phoneless.Phone, mailless.Email = "", ""
	matters := map[string]Matter{
		"voirie":      {Service: service},
		"doubtful":    {Service: service, Doubtful: true},
		"phoneless":   {Service: phoneless},
		"mailless":    {Service: mailless},
		"serviceless": {},
		"hourly":      {Service: service, Hourly: true},
		"untold":      {Service: service, Untold: true},
		"silent":      {Service: service, Silent: []ingest.Status{ingest.StatusInProgress}},
		"elections":   {Service: service, Rule: Rule{Sense: None}},
	}
	return &Secretary{
		Town: Contact{Name: "Saint-Exemple"}, Own: []string{"sve@mairie.example"}, PerHour: 3,
		Matter: func(category string, p Procedure) (Matter, bool) {
			m, ok := matters[category]
			if p != Ordinary {
				m.Rule, m.Doubtful = Rule{Procedure: p}, false
			}
			return m, ok
		},
	}
}

func TestReceipts(t *testing.T) {
	type facts = ingest.ReceiptFacts
	unsure := func(f *facts) { f.NeedsReview = true }
	guess := func(f *facts) { f.Confidence = sureConfidence - 0.01 }
	category := func(c string) func(*facts) { return func(f *facts) { f.Category = c } }
	confirmed := func(f *facts) { f.Confirmed = true }
	sent := func(kinds ...ingest.MailKind) func(*facts) { return func(f *facts) { f.Sent = kinds } }
	link := func(l ingest.Link) func(*facts) { return func(f *facts) { f.Link = l } }
	channel := func(c ingest.Channel) func(*facts) { return func(f *facts) { f.Channel = c } }
	from := func(email string) func(*facts) { return func(f *facts) { f.From.Email = email } }
	logged := func(l ingest.MailLog) func(*facts) { return func(f *facts) { f.Log = l } }
	noReply := func(f *facts) { f.NoReply = "message d’une liste de diffusion" }
	imported := func(f *facts) { f.NoReceipt = true }
	living := func(f *facts) { f.From.Address = "3 rue Haute, 29000 Quimper" }
	muted := func(s *Secretary) { s.Muted = "aucun serveur d’envoi" }
	for _, tt := range []struct {
		name  string
		with  []func(*facts)
		house func(*Secretary)
		want  string // the mails, in any order: "kind" or "kind (part of why it is withheld)"
		idle  bool   // the request is given to nobody
	}{
		{name: "sure", want: "are, service"},
		{name: "sure, by form", with: []func(*facts){channel(ingest.ChannelWebform)}, want: "are, service"},
		{name: "sure, by the API", with: []func(*facts){channel(ingest.ChannelAPI)}, want: "are, service"},
		{name: "unsure", with: []func(*facts){unsure}, want: "aee", idle: true},
		{name: "sure enough to go without review, not to be named", with: []func(*facts){guess}, want: "aee, service"},
		{name: "the same, confirmed", with: []func(*facts){guess, confirmed, sent(ingest.MailAEE)}, want: "are, service"},
		{name: "the same on paper", with: []func(*facts){guess, channel(ingest.ChannelScan)}, want: "paper, service"},
		{name: "of no category", with: []func(*facts){category("")}, want: "aee", idle: true},
		{name: "of a category that is no more", with: []func(*facts){category("gone")}, want: "aee", idle: true},
		{name: "unsure, a second time", with: []func(*facts){unsure, sent(ingest.MailAEE)}, idle: true},
		{name: "confirmed after an AEE", with: []func(*facts){confirmed, sent(ingest.MailAEE)}, want: "are, service"},
		{name: "confirmed a second time", with: []func(*facts){confirmed, sent(ingest.MailAEE, ingest.MailARE)}, want: "service"},
		{name: "doubted after an ARE", with: []func(*facts){unsure, sent(ingest.MailARE)}, idle: true},
		{name: "kinds of files with rules of their own", with: []func(*facts){category("doubtful")}, want: "aee, service"},
		{name: "the same, confirmed", with: []func(*facts){category("doubtful"), confirmed, sent(ingest.MailAEE)}, want: "are, service"},
		{name: "the same, its kind named", with: []func(*facts){category("doubtful"), func(f *facts) { f.Procedure = string(PriorDeclaration) }}, want: "are, service"},
		{name: "a service without telephone", with: []func(*facts){category("phoneless")}, want: "aee, service"},
		{name: "no service", with: []func(*facts){category("serviceless")}, want: "aee", idle: true},
		{name: "a service that wants a list an hour", with: []func(*facts){category("hourly")}, want: "are"},
		// Who is told nothing has been handed nothing.
		{name: "a service that wants nothing", with: []func(*facts){category("untold")}, want: "are", idle: true},
		{name: "a service without mail", with: []func(*facts){category("mailless")}, want: "are", idle: true},
		{name: "silence is no decision", with: []func(*facts){category("elections")}, want: "are, service"},

		{name: "mail rules", with: []func(*facts){noReply}, want: "are (liste de diffusion (RFC 3834)), service"},
		{name: "mail rules, unsure", with: []func(*facts){noReply, unsure}, want: "aee (RFC 3834)", idle: true},
		{name: "the town's own address", with: []func(*facts){from(" SVE@Mairie.example")}, want: "are (celle de la mairie), service"},
		{name: "no address", with: []func(*facts){from("")}, want: "are (par courrier), service"},
		{name: "no mail server", house: muted, want: "are (aucun serveur)", idle: true},
		{name: "imported", with: []func(*facts){imported}, want: "are (reprise)", idle: true},
		{name: "imported paper", with: []func(*facts){imported, channel(ingest.ChannelScan)}, want: "paper (reprise)", idle: true},
		{name: "many, but not too many", with: []func(*facts){logged(ingest.MailLog{Receipts: 2, LastReceipt: noon, LastOther: noon})}, want: "are, service"},
		{name: "too many", with: []func(*facts){logged(ingest.MailLog{Receipts: 3})}, want: "are (CRPA L112-11), service"},
		{name: "too many, but a person has looked", with: []func(*facts){confirmed, logged(ingest.MailLog{Receipts: 3})}, want: "are, service"},
		{name: "as many as a house allows that says nothing", house: func(s *Secretary) { s.PerHour = 0 }, with: []func(*facts){logged(ingest.MailLog{Receipts: DefaultPerHour - 1})}, want: "are, service"},
		{name: "more than that", house: func(s *Secretary) { s.PerHour = 0 }, with: []func(*facts){logged(ingest.MailLog{Receipts: DefaultPerHour})}, want: "are (CRPA L112-11), service"},

		{name: "duplicate", with: []func(*facts){link(ingest.LinkDuplicate)}, want: "joined", idle: true},
		{name: "follow-up", with: []func(*facts){link(ingest.LinkFollowUp), unsure}, want: "joined", idle: true},
		{name: "follow-up, a second time", with: []func(*facts){link(ingest.LinkFollowUp), sent(ingest.MailJoined)}, idle: true},
		{name: "follow-up, within an hour of a receipt", with: []func(*facts){link(ingest.LinkFollowUp), logged(ingest.MailLog{LastReceipt: noon.Add(-59 * time.Minute)})}, want: "joined (moins d’une heure)", idle: true},
		{name: "follow-up, within an hour of another mail", with: []func(*facts){link(ingest.LinkFollowUp), logged(ingest.MailLog{LastOther: noon.Add(-59 * time.Minute)})}, want: "joined (moins d’une heure)", idle: true},
		{name: "follow-up, before a mail that waits", with: []func(*facts){link(ingest.LinkFollowUp), logged(ingest.MailLog{LastOther: noon.Add(time.Hour)})}, want: "joined (moins d’une heure)", idle: true},
		{name: "follow-up, an hour later", with: []func(*facts){link(ingest.LinkFollowUp), logged(ingest.MailLog{LastReceipt: noon.Add(-time.Hour), LastOther: noon.Add(-time.Hour)})}, want: "joined", idle: true},
		{name: "follow-up, after a clock that was a year ahead", with: []func(*facts){link(ingest.LinkFollowUp), logged(ingest.MailLog{LastOther: noon.AddDate(1, 0, 0)})}, want: "joined", idle: true},
		{name: "follow-up to a machine", with: []func(*facts){link(ingest.LinkFollowUp), noReply}, want: "joined (RFC 3834)", idle: true},

		{name: "scan", with: []func(*facts){channel(ingest.ChannelScan), from("")}, want: "paper, service"},
		{name: "counter", with: []func(*facts){channel(ingest.ChannelCounter), living}, want: "paper, service"},
		{name: "phone", with: []func(*facts){channel(ingest.ChannelPhone), noReply, living}, want: "paper, service"},
		{name: "counter, no postal address", with: []func(*facts){channel(ingest.ChannelCounter)}, want: "service"},
		{name: "phone, no postal address", with: []func(*facts){channel(ingest.ChannelPhone)}, want: "service"},
		{name: "scan, a house without mail", with: []func(*facts){channel(ingest.ChannelScan)}, house: muted, want: "paper", idle: true},
		{name: "scan, unsure", with: []func(*facts){channel(ingest.ChannelScan), unsure}, idle: true},
		{name: "scan, a second time", with: []func(*facts){channel(ingest.ChannelScan), sent(ingest.MailPaper)}, want: "service"},
		{name: "follow-up on paper", with: []func(*facts){channel(ingest.ChannelScan), link(ingest.LinkFollowUp)}, idle: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := facts{
				Now: noon, Channel: ingest.ChannelMailbox, ReceivedAt: noon.Add(-time.Minute), From: ingest.Person{Email: alice},
				Link: ingest.LinkOpens, Reference: "2026-000001", Category: "voirie", Confidence: sureConfidence,
			}
			for _, set := range tt.with {
				set(&f)
			}
			s := newTestSecretary()
			if tt.house != nil {
				tt.house(s)
			}
			got := s.Receipts(f)
			if assigned := got.Assigned == "Voirie"; assigned == tt.idle {
				t.Errorf("assigned to %q", got.Assigned)
			}
			for _, want := range strings.Split(tt.want, ", ") {
				kind, why, withheld := strings.Cut(want, " (")
				i := slices.IndexFunc(got.Mails, func(d ingest.MailDraft) bool { return string(d.Kind) == kind })
				if want == "" {
					continue
				}
				if i < 0 {
					t.Errorf("no %s: %+v", kind, got.Mails)
					continue
				}
				d := got.Mails[i]
				got.Mails = slices.Delete(got.Mails, i, i+1)
				if (d.Withheld != "") != withheld || !strings.Contains(d.Withheld, strings.TrimSuffix(why, ")")) {
					t.Errorf("%s is withheld: %q", kind, d.Withheld)
				}
				to := map[ingest.MailKind]string{ingest.MailPaper: "", ingest.MailService: "voirie@mairie.example"}
				if wantTo, ok := to[d.Kind]; ok && d.To != wantTo || !ok && d.To != f.From.Email || !d.NotBefore.IsZero() {
					t.Errorf("%s goes to %q, not before %s", kind, d.To, d.NotBefore)
				}
				if d.Kind == ingest.MailService && d.Detail.Service != "Voirie" {
					t.Errorf("detail %+v", d.Detail)
				}
			}
			if len(got.Mails) > 0 {
				t.Errorf("also written: %+v", got.Mails)
			}
		})
	}
}

func TestStatusChanged(t *testing.T) {
	for _, tt := range []struct {
		name     string
		category string
		status   ingest.Status
		other    time.Time // the last other mail
		noReply  string
		none     bool
		wait     time.Duration
		withheld string
	}{
		{name: "told at once", status: ingest.StatusAnswered},
		{name: "of no category", category: "gone", status: ingest.StatusAnswered},
		{name: "back to new", status: ingest.StatusNew, none: true},
		{name: "quiet", category: "silent", status: ingest.StatusInProgress, none: true},
		{name: "quiet of another status only", category: "silent", status: ingest.StatusClosed},
		{name: "half an hour after another mail", status: ingest.StatusClosed, other: noon.Add(-30 * time.Minute), wait: 30 * time.Minute},
		{name: "an hour after another mail", status: ingest.StatusClosed, other: noon.Add(-time.Hour)},
		{name: "behind one that waits", status: ingest.StatusClosed, other: noon.Add(time.Hour), wait: 2 * time.Hour},
		{name: "behind several that wait", status: ingest.StatusClosed, other: noon.Add(5 * time.Hour), wait: 6 * time.Hour},
		{name: "after a clock that was two days ahead", status: ingest.StatusClosed, other: noon.AddDate(0, 0, 2)},
		{name: "after a clock that was a year ahead", status: ingest.StatusClosed, other: noon.AddDate(1, 0, 0)},
		{name: "to a machine", status: ingest.StatusClosed, noReply: "adresse d’un automate", withheld: "automate (RFC 3834)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.category == "" {
				tt.category = "voirie"
			}
			got := newTestSecretary().StatusChanged(ingest.StatusFacts{
				Now: noon, Category: tt.category, Old: ingest.StatusAssigned, New: tt.status, Note: "fait", To: alice, NoReply: tt.noReply,
				Log: ingest.MailLog{LastReceipt: noon, LastOther: tt.other}, // a receipt makes no status wait
			})
			if tt.none {
				if len(got) != 0 {
					t.Errorf("%+v", got)
				}
				return
			}
			if len(got) != 1 {
				t.Fatalf("%+v", got)
			}
			d := got[0]
			if d.Kind != ingest.MailStatus || d.To != alice || d.Detail.Status != tt.status || d.Detail.Note != "fait" {
				t.Errorf("%+v", d)
			}
			if (d.Withheld != "") != (tt.withheld != "") || !strings.Contains(d.Withheld, tt.withheld) {
				t.Errorf("withheld: %q", d.Withheld)
			}
			var wait time.Duration
			if !d.NotBefore.IsZero() {
				wait = d.NotBefore.Sub(noon)
			}
			if wait != tt.wait {
				t.Errorf("waits %s, want %s", wait, tt.wait)
			}
		})
	}
}

// What the law asks for waits for nothing.
func TestPiecesAsked(t *testing.T) {
	f := ingest.PiecesFacts{Now: noon, Pieces: []string{"plan"}, Until: "2026-04-02", Note: "svp", To: alice}
	s := newTestSecretary()
	got := s.PiecesAsked(f)
	if len(got) != 1 || got[0].Kind != ingest.MailPieces || got[0].To != alice || got[0].Withheld != "" || !got[0].NotBefore.IsZero() ||
		!slices.Equal(got[0].Detail.Pieces, f.Pieces) || got[0].Detail.Until != f.Until || got[0].Detail.Note != "svp" {
		t.Errorf("%+v", got)
	}
	f.To = ""
	if got := s.PiecesAsked(f); len(got) != 1 || !strings.Contains(got[0].Withheld, "par courrier") {
		t.Errorf("without an address: %+v", got)
	}
}

// What the law asks for waits for nothing here either (L114-2).
func TestTransmitted(t *testing.T) {
	s := newTestSecretary()
	f := ingest.StatusFacts{Now: noon, Category: "voirie", To: alice, Log: ingest.MailLog{LastOther: noon}}
	got := s.Transmitted(f, "préfecture")
	if len(got) != 1 || got[0].Kind != ingest.MailStatus || got[0].To != alice || got[0].Withheld != "" || !got[0].NotBefore.IsZero() ||
		got[0].Detail.Status != StatusTransmitted || !strings.Contains(got[0].Detail.Note, "préfecture") {
		t.Errorf("%+v", got)
	}
	f.NoReply = "adresse d’un automate"
	if got := s.Transmitted(f, "préfecture"); len(got) != 1 || !strings.Contains(got[0].Withheld, "RFC 3834") {
		t.Errorf("to a machine: %+v", got)
	}
}

// Each deadline is done by what it asks for, and by nothing else.
func TestDeadlinesDone(t *testing.T) {
	at := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	receipts := func(list ...ingest.SentReceipt) func(*ingest.DeadlineFacts) {
		return func(f *ingest.DeadlineFacts) { f.Receipts = list }
	}
	paper := func(f *ingest.DeadlineFacts) { f.Channel = ingest.ChannelScan }
	answered := func(f *ingest.DeadlineFacts) { f.Answered = at(9) }
	aee, are := ingest.SentReceipt{Kind: ingest.MailAEE, At: at(1)}, ingest.SentReceipt{Kind: ingest.MailARE, At: at(2)}
	for _, tt := range []struct {
		name string
		with []func(*ingest.DeadlineFacts)
		want string // kinds, each with the hours after noon at which it was done
	}{
		{"nothing yet", nil, "aee are implicit"},
		{"an AEE", []func(*ingest.DeadlineFacts){receipts(aee)}, "aee:1 are implicit"},
		{"an ARE at once", []func(*ingest.DeadlineFacts){receipts(are)}, "aee:2 are:2 implicit"},
		{"both", []func(*ingest.DeadlineFacts){receipts(aee, are)}, "aee:1 are:2 implicit"},
		{"a letter where no mail gets through", []func(*ingest.DeadlineFacts){receipts(ingest.SentReceipt{Kind: ingest.MailPaper, At: at(3)})}, "aee:3 are:3 implicit"},
		{"what joined is no receipt of it", []func(*ingest.DeadlineFacts){receipts(ingest.SentReceipt{Kind: ingest.MailJoined, At: at(1)})}, "aee are implicit"},
		{"answered, but never acknowledged", []func(*ingest.DeadlineFacts){answered}, "aee are implicit:9"},
		{"paper", []func(*ingest.DeadlineFacts){paper}, "acknowledgement implicit"},
		{"paper, printed", []func(*ingest.DeadlineFacts){paper, receipts(ingest.SentReceipt{Kind: ingest.MailPaper, At: at(3)})}, "acknowledgement:3 implicit"},
		{"access to documents", []func(*ingest.DeadlineFacts){answered, func(f *ingest.DeadlineFacts) { f.Procedure = string(Documents) }}, "aee are cada:9"},
		{"data subject", []func(*ingest.DeadlineFacts){answered, func(f *ingest.DeadlineFacts) { f.Procedure = string(PersonalData) }}, "aee are gdpr:9"},
		{"urban planning", []func(*ingest.DeadlineFacts){answered, func(f *ingest.DeadlineFacts) { f.Procedure = string(House) }}, "aee are urbanisme:9"},
		{"silence is no decision", []func(*ingest.DeadlineFacts){func(f *ingest.DeadlineFacts) { f.Category = "elections" }}, "aee are"},
		{"of no category", []func(*ingest.DeadlineFacts){func(f *ingest.DeadlineFacts) { f.Category = "" }}, "aee are implicit"},
		{"imported a week later", []func(*ingest.DeadlineFacts){func(f *ingest.DeadlineFacts) { f.NoReceipt, f.Recorded = true, at(7*24) }}, "implicit"},
		{"imported years later", []func(*ingest.DeadlineFacts){func(f *ingest.DeadlineFacts) { f.NoReceipt, f.Recorded = true, at(1000*24) }}, ""},
		{"imported paper", []func(*ingest.DeadlineFacts){paper, func(f *ingest.DeadlineFacts) { f.NoReceipt, f.Recorded = true, at(7*24) }}, "implicit"},
		{"treated late", []func(*ingest.DeadlineFacts){func(f *ingest.DeadlineFacts) { f.Recorded = at(1000 * 24) }}, "aee are implicit"},
		{"pieces are awaited", []func(*ingest.DeadlineFacts){func(f *ingest.DeadlineFacts) {
			f.Asked = []ingest.AskedPieces{{At: at(4), Until: "2026-04-02", Pieces: []string{"plan"}}}
		}}, "aee are implicit pieces"},
		{"somebody else is competent", []func(*ingest.DeadlineFacts){func(f *ingest.DeadlineFacts) { f.Elsewhere = true }}, "aee are transmission implicit"},
		{"and has got it", []func(*ingest.DeadlineFacts){func(f *ingest.DeadlineFacts) { f.Elsewhere, f.Competent = true, at(5) }}, "aee are implicit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := ingest.DeadlineFacts{Category: "voirie", Channel: ingest.ChannelMailbox, Received: noon}
			for _, set := range tt.with {
				set(&f)
			}
			var got []string
			for _, d := range newTestSecretary().Deadlines(f) {
				text := d.Kind
				if !d.DoneAt.IsZero() {
					text += fmt.Sprintf(":%d", int(d.DoneAt.Sub(noon).Hours()))
				}
				got = append(got, text)
				if d.Rule == "" || d.Article == "" || d.Who == "" || (d.Day == "") != d.Due.IsZero() {
					t.Errorf("%+v", d)
				}
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %s, want %s", strings.Join(got, " "), tt.want)
			}
		})
	}
}

// A postmark has no hour: kept at midnight UTC it is of the same day overseas.
func TestPostmarkOverseas(t *testing.T) {
	zone, err := time.LoadLocation("America/Martinique")
	if err != nil {
		t.Fatal(err)
	}
	s := newTestSecretary()
	if s.Calendar, err = NewCalendar(zone, "martinique"); err != nil {
		t.Fatal(err)
	}
	plan, ok := s.Plan(ingest.DeadlineFacts{Category: "voirie", Channel: ingest.ChannelScan, Received: noon, Postmark: time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC)})
	if !ok || len(plan.Remarks) == 0 || !strings.Contains(plan.Remarks[0].Text, "27 février 2026") {
		t.Errorf("%v %+v", ok, plan.Remarks)
	}
}
