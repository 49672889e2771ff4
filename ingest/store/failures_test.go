package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

// failing is a town hall in which one thing of each kind has gone wrong for the open service,
// and one for the sealed one. It returns the ids by the list and the service.
func failing(t *testing.T) (h *house, ids map[string]string) {
	t.Helper()
	h = newTownHall(t)
	ctx := t.Context()
	ids = map[string]string{}
	for _, service := range []string{"", ccas} {
		sub := mail("fail"+service, "a scan that cannot be read"+service)
		sub.Channel, sub.Account, sub.Hints.Service, sub.Hints.Filename = ingest.ChannelScan, "courrier", service, "lettre.pdf"
		ids["envois"+service] = record(t, h.s, sub).ID
		h.ok(h.s.Fail(ctx, ids["envois"+service], "illisible"))

		sub = mail("aside"+service, "advertising"+service)
		sub.Hints.Service = service
		ids["ecartes"+service] = record(t, h.s, sub).ID
		h.ok(h.s.SetAside(ctx, ids["ecartes"+service], ingest.Reading{Subject: "Promo"}, "spam: publicité"))

		of := map[string]string{"": "a", ccas: "s"}[service]
		reference := map[string]string{"": "1", ccas: "4"}[service]
		for kind, state := range map[string]string{"livraisons": ingest.OutboxScanCopy, "courriers": ingest.OutboxMail, "retenus": ""} {
			id := fmt.Sprintf("%s-%s", kind, of)
			ids[kind+service] = id
			if state != "" {
				h.s.fillBy(t, fmt.Sprintf(`INSERT INTO outbox (id, kind, submission_id, request_id, payload, state, reason, created_at)
					VALUES ('%s', '%s', '%s', (SELECT id FROM requests WHERE reference = '%s'), '{}', 'failed', 'panne', 1)`, id, state, h.ids[of], long(reference)))
			}
			if kind == "livraisons" {
				continue
			}
			mailState := map[string]string{"courriers": "failed", "retenus": "withheld"}[kind]
			h.s.fillBy(t, fmt.Sprintf(`INSERT INTO mails (id, kind, request_id, submission_id, recipient, detail, state, reason, created_at, not_before)
				VALUES ('%s', 'status', (SELECT id FROM requests WHERE reference = '%s'), '%s', 'a@example.fr', '{}', '%s', 'panne', 1, 0)`, id, long(reference), h.ids[of], mailState))
		}
	}
	return h, ids
}

func (h *house) failed(v ingest.Viewer, kind ingest.FailureKind) (ids []string) {
	h.t.Helper()
	page, err := h.s.Failures(h.t.Context(), v, kind, 0)
	h.ok(err)
	for _, f := range page.Items {
		ids = append(ids, f.ID)
	}
	return ids
}

// Each list shows what went wrong to whoever may see it, and nothing of what is hidden, not
// even in the count.
func TestFailuresRespectTheViewer(t *testing.T) {
	h, ids := failing(t)
	ctx := t.Context()
	all := ingest.Viewer{Login: "all", Role: ingest.RoleManager}
	for _, kind := range ingest.FailureKinds() {
		open, sealed := ids[string(kind)], ids[string(kind)+ccas]
		if got := h.failed(rene, kind); !slices.Contains(got, open) || slices.Contains(got, sealed) {
			t.Errorf("%s: rene sees %v, not %s alone", kind, got, open)
		}
		if got := h.failed(all, kind); !slices.Contains(got, open) || !slices.Contains(got, sealed) {
			t.Errorf("%s: who sees all sees %v", kind, got)
		}
		if _, err := h.s.Failure(ctx, rene, kind, sealed); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("%s: a hidden failure was found: %v", kind, err)
		}
		if err := h.s.DealtWith(ctx, rene, kind, sealed); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("%s: a hidden failure was dealt with: %v", kind, err)
		}
		f, err := h.s.Failure(ctx, rene, kind, open)
		if err != nil || f.Kind != kind || f.Reason == "" || !f.CanRetry() {
			t.Errorf("%s: %+v, %v", kind, f, err)
		}
	}
	for v, want := range map[string]int{"rene": 3, "all": 6} {
		n, err := h.s.FailureCount(ctx, map[string]ingest.Viewer{"rene": rene, "all": all}[v])
		if err != nil || n != want {
			t.Errorf("%s counts %d failures, want %d (%v)", v, n, want, err)
		}
	}
	if _, err := h.s.Failures(ctx, all, "autre", 0); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("a list that there is not: %v", err)
	}
}

// What hangs on a request that was merged is hidden with the one that it went into.
func TestFailuresOfAMergedRequest(t *testing.T) {
	h, ids := failing(t)
	h.ok(h.s.Merge(t.Context(), long("1"), long("4"), marie))
	for _, kind := range []ingest.FailureKind{ingest.FailedMails, ingest.WithheldMails, ingest.FailedDeliveries} {
		if got := h.failed(rene, kind); slices.Contains(got, ids[string(kind)]) {
			t.Errorf("%s: rene sees %v of a request that went into a hidden one", kind, got)
		}
	}
}

func TestDealtWith(t *testing.T) {
	h, ids := failing(t)
	ctx := t.Context()
	for _, kind := range ingest.FailureKinds() {
		id := ids[string(kind)]
		h.ok(h.s.DealtWith(ctx, rene, kind, id))
		if slices.Contains(h.failed(rene, kind), id) {
			t.Errorf("%s: what was dealt with is still listed", kind)
		}
		if err := h.s.DealtWith(ctx, rene, kind, id); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("%s: dealt with twice: %v", kind, err)
		}
	}
	if n, err := h.s.FailureCount(ctx, rene); n != 0 || err != nil {
		t.Errorf("%d failures are counted after all were dealt with (%v)", n, err)
	}
	if e := h.events("1", 1); e[0].Kind != eventDealt || e[0].Actor != "agent:rene" {
		t.Errorf("the history says %+v", e)
	}

	// Tried again and failed anew, it is news.
	id := ids["envois"]
	if taken, err := h.s.RetryAny(ctx, id, "agent:rene"); !taken || err != nil {
		t.Fatalf("not taken up: %v", err)
	}
	h.ok(h.s.Fail(ctx, id, "illisible encore"))
	if !slices.Contains(h.failed(rene, ingest.FailedSubmissions), id) {
		t.Error("what failed again is not listed")
	}
	if taken, err := h.s.RetryAny(ctx, ids["courriers"], "agent:rene"); !taken || err != nil {
		t.Fatalf("not taken up: %v", err)
	}
	if e := h.events("1", 1); e[0].Kind != eventDeliveryRetried || e[0].Actor != "agent:rene" {
		t.Errorf("the history says %+v", e)
	}
	h.ok(h.s.FailDelivery(ctx, ids["courriers"], "refusé encore"))
	if !slices.Contains(h.failed(rene, ingest.FailedMails), ids["courriers"]) {
		t.Error("a mail that failed again is not listed")
	}
}

// A scan that was divided into letters is no message that was set aside, and cannot be taken up.
func TestDividedScansAreNotListed(t *testing.T) {
	h := newHouse(t)
	for _, reason := range []string{ingest.ReasonSplit + ": 2 courriers", ingest.ReasonJoined + ": recto", "empty: 1 page blanche"} {
		id := record(t, h.s, mail(reason, reason)).ID
		h.ok(h.s.SetAside(t.Context(), id, ingest.Reading{}, reason))
	}
	page, err := h.s.Failures(t.Context(), ingest.Viewer{}, ingest.SetAside, 0)
	h.ok(err)
	if len(page.Items) != 1 || !strings.HasPrefix(page.Items[0].Reason, "empty") {
		t.Errorf("listed: %+v", page.Items)
	}
}

func TestFailurePages(t *testing.T) {
	h := newHouse(t)
	const n = failurePage + 7
	for i := range n {
		id := record(t, h.s, mail(fmt.Sprint("k", i), fmt.Sprint("mail ", i))).ID
		h.ok(h.s.Fail(t.Context(), id, "illisible"))
	}
	seen := map[string]bool{}
	after, pages := int64(0), 0
	for {
		page, err := h.s.Failures(t.Context(), ingest.Viewer{}, ingest.FailedSubmissions, after)
		h.ok(err)
		for _, f := range page.Items {
			if seen[f.ID] {
				t.Errorf("%s is on two pages", f.ID)
			}
			seen[f.ID] = true
		}
		pages++
		if after = page.Next; after == 0 {
			break
		}
	}
	if len(seen) != n || pages != 2 {
		t.Errorf("%d failures on %d pages", len(seen), pages)
	}
}

// The count is asked on every page: it must come from the partial indexes, whatever lies in
// the tables.
func TestFailureCountUsesIndexes(t *testing.T) {
	onlySQLite(t)
	h := newHouse(t)
	for _, kind := range ingest.FailureKinds() {
		l := failureLists[kind]
		where, args := l.condition(rene)
		var plan []string
		h.ok((reading{h.s.read}).rows(t.Context(), `EXPLAIN QUERY PLAN SELECT 1 FROM `+l.from+where, args, func(row rowScanner) error {
			var a, b, c int
			var text string
			err := row.Scan(&a, &b, &c, &text)
			plan = append(plan, text)
			return err
		}))
		if want := "USING INDEX"; !strings.Contains(plan[0], want) && !strings.Contains(plan[0], "COVERING INDEX") {
			t.Errorf("%s: %v", kind, plan)
		}
	}
}
