package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
)

const sealedTown = `
categories:
  - code: voirie
    label: Voirie
    service: {name: Voirie, email: voirie@ville.test, phone: 01 23 45 67 88, mail: hourly}
    public: true
    phrases: [{weight: 3, any: [nid de poule]}]
  - code: action-sociale
    label: Action sociale
    service: {name: CCAS, email: ccas@ville.test, phone: 01 23 45 67 89, sealed: true}
    folders: [ccas]
    phrases: [{weight: 3, any: [secours]}]
`

// The words that stand in sealed files only.
var sealedWords = []string{"Zorglubine", "Trismegiste", "cent-secrets", "zorg.test"}

// fillTown files what everybody sees and then, if wanted, what is sealed: matters of each
// channel, one that repeats an open one, a file that failed in the sealed folder, and mails.
// It returns the references and submissions that are sealed.
func fillTown(h *deskHouse, sealed bool) (open, hidden []string, ids []string) {
	file := func(n int, category, who, text string) ingest.Record {
		raw := fmt.Appendf(nil, "From: %[1]s <%[2]s>\r\nTo: sve@ville.test\r\nSubject: %[3]s\r\nMessage-ID: <m%[4]d@%[2]s>\r\nMIME-Version: 1.0\r\n"+
			"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>%[3]s</p>\r\n--x\r\n"+
			"Content-Type: text/plain; name=%[5]q\r\nContent-Disposition: attachment; filename=%[5]q\r\n\r\npiece %[1]s\r\n--x--\r\n",
			who, strings.ToLower(strings.Fields(who)[0])+"@"+map[bool]string{true: "zorg.test", false: "citoyen.test"}[category == "action-sociale"],
			text, n, "piece-"+strings.ToLower(strings.Fields(who)[0])+".txt")
		rec := h.submit(ingest.ChannelMailbox, raw, ingest.MediaMail, ingest.Hints{})
		if rec.Request == "" {
			h.t.Fatal(rec.State, rec.Reason)
		}
		c, _ := h.rules.File().Category(category)
		if err := h.store.Categorize(h.t.Context(), rec.Request, category, c.Service.Name, "test"); err != nil {
			h.t.Fatal(err)
		}
		return rec
	}
	for i, who := range []string{"Amélie Durand", "Bruno Petit", "Chantal Moreau"} {
		rec := file(i, "voirie", who, fmt.Sprintf("Un nid de poule devant le %d rue des Acacias, merci de le boucher.", 10+7*i))
		open = append(open, rec.Request)
	}
	if !sealed {
		return open, nil, nil
	}
	for i, who := range []string{"Zorglubine Trismegiste", "Amélie Durand"} {
		text := "Je demande un secours pour cent-secrets, signé Zorglubine."
		if i == 1 {
			// The same person about the same place: it would be suggested for the open one.
			text = "Un nid de poule devant le 10 rue des Acacias, merci de le boucher, et un secours cent-secrets."
		}
		rec := file(10+i, "action-sociale", who, text)
		hidden, ids = append(hidden, rec.Request), append(ids, rec.ID)
	}
	failed, err := h.intake.Submit(h.t.Context(), ingest.Submission{
		Channel: ingest.ChannelScan, Account: "test", SourceKey: "scan", ReceivedAt: h.now, Original: ingest.NewBlob([]byte("%PDF-1.4 Zorglubine")),
		MediaType: ingest.MediaPDF, Hints: ingest.Hints{Service: "ccas", Filename: "cent-secrets.pdf"},
	})
	if err == nil {
		err = h.store.Fail(h.t.Context(), failed.ID, "illisible")
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return open, hidden, append(ids, failed.ID)
}

var (
	anyUUID  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	anyToken = regexp.MustCompile(`/suivi/[A-Za-z0-9_.-]+`)
	anyKey   = regexp.MustCompile(`name="(cle|key|idempotency|jeton)" value="[^"]*"`)
	urlHole  = regexp.MustCompile(`\{([a-z]+)(\.\.\.)?\}`)
)

// sameForAll leaves out of a page what differs between two towns that are the same.
func sameForAll(body string) string {
	body = anyUUID.ReplaceAllString(body, "UUID")
	body = anyToken.ReplaceAllString(body, "/suivi/TOKEN")
	return anyKey.ReplaceAllString(body, "KEY")
}

// TestNothingSealedLeaks looks at every page of the desk with every role, inside and outside
// of a sealed service. To who is outside, a town with sealed files looks, letter by letter,
// like the same town without them: on every page, in every list, search, count and figure.
// What is named directly is not found, for reading and for acting alike.
func TestNothingSealedLeaks(t *testing.T) {
	t.Parallel()
	with, without := newDeskHouse(t, "2026-11-23 10:00", sealedTown), newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	open, hidden, ids := fillTown(with, true)
	fillTown(without, false)
	for _, h := range []*deskHouse{with, without} {
		for _, role := range ingest.Roles() {
			h.agent("dehors-"+string(role), role, "Voirie")
			h.agent("dedans-"+string(role), role, "CCAS")
		}
	}
	rights := rightsOf(t, with)
	before := everything(t, with)
	for _, role := range ingest.Roles() {
		t.Run(string(role), func(t *testing.T) {
			outside, other := with.as("dehors-"+string(role)), without.as("dehors-"+string(role))
			inside := with.as("dedans-" + string(role))
			without.as("dedans-" + string(role)) // the access log of both has it
			outside.t, other.t, inside.t = t, t, t
			for _, pattern := range slices.Sorted(maps.Keys(rights)) {
				method, path, _ := strings.Cut(pattern, " ")
				if path == "" || rights[pattern] == "" {
					continue // what is for everybody knows nobody
				}
				may := ingest.Viewer{Role: role}.May(rights[pattern])
				for _, p := range pathsOf(path, open[0], hidden, ids) {
					switch {
					case method == http.MethodPost && p.sealed:
						status, _ := outside.post(p.path, url.Values{"id": ids, "reference": {hidden[0]}, "into": {hidden[0]}, "from": {open[0]}})
						if may && status != http.StatusNotFound || !may && status != http.StatusForbidden {
							t.Errorf("%s %s answers %d to who may not know of it", method, p.path, status)
						}
					case method == http.MethodPost && may && strings.HasPrefix(path, "/agent/nouvelle/") && !strings.Contains(path, "{"):
						for _, typed := range []url.Values{
							{"nom": {"Zorglubine"}},
							{"nom": {"Durand"}},
							{"texte": {"Je demande un secours pour cent-secrets, signé Zorglubine."}},
							{"nom": {"Amélie Durand"}, "texte": {"Un nid de poule devant le 10 rue des Acacias, merci de le boucher."}},
						} {
							_, b1 := outside.post(p.path, typed)
							_, b2 := other.post(p.path, typed)
							checkSecrets(t, p.path, b1)
							if sameForAll(b1) != sameForAll(b2) {
								t.Errorf("%s differs for %q where there are sealed files\n%s", p.path, typed, firstDifference(sameForAll(b1), sameForAll(b2)))
							}
						}
					case method != http.MethodGet || aboutAgents(path):
					case !may:
						if status, body := outside.get(p.path); status != http.StatusForbidden {
							t.Errorf("%s answers %d to a %s", p.path, status, role)
						} else {
							checkSecrets(t, p.path, body)
						}
					case p.sealed:
						if status, body := outside.get(p.path); status != http.StatusNotFound {
							t.Errorf("%s answers %d to who may not know of it", p.path, status)
						} else {
							checkSecrets(t, p.path, body)
						}
					default:
						for _, query := range queries(path) {
							s1, b1 := outside.get(p.path + query)
							s2, b2 := other.get(p.path + query)
							checkSecrets(t, p.path+query, b1)
							if strings.HasSuffix(p.path, ".pdf") || path == "/agent/administration/machine" {
								// The one says when it was made, the other how much the machine has to do,
								// for all services together.
								continue
							}
							if s1 != s2 || sameForAll(b1) != sameForAll(b2) {
								t.Errorf("%s%s differs where there are sealed files: %d and %d\n%s", p.path, query, s1, s2, firstDifference(sameForAll(b1), sameForAll(b2)))
							}
						}
					}
				}
			}
			// The test must be able to see what it looks for.
			for _, path := range []string{"/agent/demandes/" + hidden[0], "/agent/?q=Zorglubine"} {
				if status, body := inside.get(path); status != http.StatusOK || !strings.Contains(body, "Zorglubine") {
					t.Errorf("%s answers %d to a member, without what they look for", path, status)
				}
			}
		})
	}
	if after := everything(t, with); after != before {
		t.Errorf("who is outside has changed something:\n%s", firstDifference(before, after))
	}
}

// rightsOf returns the patterns of the desk with the least role that each needs.
func rightsOf(t *testing.T, h *deskHouse) map[string]ingest.Role {
	t.Helper()
	d, err := h.newDesk(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d.Rights()
}

// everything is the state of all requests, as text.
func everything(t *testing.T, h *deskHouse) string {
	t.Helper()
	var b strings.Builder
	err := h.store.Requests(t.Context(), func(q ingest.Request) error {
		text, err := json.Marshal(q)
		b.Write(append(text, '\n'))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

type deskPath struct {
	path   string
	sealed bool
}

// pathsOf fills a pattern in: with what is open, and with what is sealed.
func pathsOf(pattern, open string, hidden, ids []string) []deskPath {
	pattern = strings.TrimSuffix(pattern, "{$}")
	fill := func(ref, id string) string {
		return urlHole.ReplaceAllStringFunc(pattern, func(name string) string {
			switch strings.Trim(name, "{}.") {
			case "ref", "reference":
				return ref
			case "other", "autre":
				return open
			case "id":
				return id
			case "n", "page":
				return "1"
			}
			return "x"
		})
	}
	if !urlHole.MatchString(pattern) {
		return []deskPath{{pattern, false}}
	}
	var out []deskPath
	if strings.Contains(pattern, "{ref}") {
		out = append(out, deskPath{fill(open, "00000000-0000-0000-0000-000000000000"), false})
		for _, ref := range hidden {
			out = append(out, deskPath{fill(ref, ids[0]), true})
		}
	}
	if strings.Contains(pattern, "{id}") {
		for _, id := range ids {
			out = append(out, deskPath{fill(open, id), true})
		}
	}
	return out
}

// aboutAgents reports whether a page shows agents' own keys and times, in which two towns
// differ, and nothing of what citizens wrote.
func aboutAgents(path string) bool {
	return strings.HasPrefix(path, "/agent/compte") || strings.HasPrefix(path, "/agent/administration/agents")
}

// queries are those with which a page is asked.
func queries(pattern string) []string {
	out := []string{""}
	switch strings.TrimSuffix(pattern, "{$}") {
	case "/agent/":
		out = append(out, "?q=Zorglubine", "?q=cent-secrets", "?q=secours", "?service=CCAS", "?categorie=action-sociale", "?statut=new", "?doublons=1", "?retard=1", "?revue=1", "?miennes=1", "?ordre=due", "?canal=mailbox")
	case "/agent/courrier/registre", "/agent/courrier/registre.csv":
		out = append(out, "?du=2026-01-01&au=2026-12-31", "?du=2026-01-01&au=2026-12-31&sens=depart")
	case "/agent/echecs":
		out = append(out, "?liste=envois", "?liste=livraisons", "?liste=courriers", "?liste=ecartes")
	case "/agent/chiffres":
		out = append(out, "?du=2026-01-01&au=2026-12-31")
	}
	return out
}

func checkSecrets(t *testing.T, path, body string) {
	t.Helper()
	for _, word := range sealedWords {
		if query, err := url.QueryUnescape(path); err == nil && strings.Contains(query, word) {
			continue // the page repeats what was asked for
		}
		if i := strings.Index(body, word); i >= 0 {
			t.Errorf("%s says %q: …%s…", path, word, message.Cut(body[max(0, i-80):], 200))
		}
	}
}

// firstDifference is where two texts part.
func firstDifference(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return fmt.Sprintf("…%s\n…%s", message.Cut(a[max(0, i-100):], 300), message.Cut(b[max(0, i-100):], 300))
}
