package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os/user"
	"slices"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/notice"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/view"
)

// threeMatters puts three matters of three people into the store of a town, which stays
// open as a daemon has it. It returns their references and submissions by a word.
func threeMatters(t *testing.T, tw *town) (refs, subs map[string]string) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: tw.data, Database: tw.database, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	refs, subs = map[string]string{}, map[string]string{}
	for i, word := range []string{"potelet", "acte", "cantine"} {
		receipt, err := s.Record(t.Context(), ingest.Submission{
			Channel: ingest.ChannelPhone, Account: "test", SourceKey: word, ReceivedAt: time.Date(2026, 3, 2, 8, i, 0, 0, time.UTC),
			Original: ingest.NewBlob([]byte(word)), MediaType: ingest.MediaText,
		})
		if err != nil {
			t.Fatal(err)
		}
		filed, err := s.File(t.Context(), receipt.ID, ingest.Filing{
			Reading:        ingest.Reading{Kind: ingest.KindText, Subject: word, Text: "Bonjour, " + word},
			Classification: ingest.Classification{Category: "voirie", Confidence: 0.4, NeedsReview: true},
			Match: func(context.Context, ingest.Candidates) (ingest.Match, error) {
				return ingest.Match{Link: ingest.LinkOpens}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		refs[word], subs[word] = filed.Request, receipt.ID
	}
	return refs, subs
}

// The acts beside a process that has the store open: each prints its line, stands in the
// history, and is taken back by another.
func TestRequestActs(t *testing.T) {
	t.Parallel()
	tw := quietTown(t, "")
	refs, subs := threeMatters(t, tw)
	potelet, acte, cantine := refs["potelet"], refs["acte"], refs["cantine"]

	// In this process, so that 30 commands do not start 30 programs.
	command := func(args ...string) (string, string, int) {
		var out, errOut bytes.Buffer
		code := run(t.Context(), append([]string{"requests", "--config", tw.config}, args...), nil, &out, &errOut)
		return out.String(), errOut.String(), code
	}
	show := func(ref string) (q view.Request) {
		t.Helper()
		out, errOut, code := command("show", ref, "--json")
		if err := json.Unmarshal([]byte(out), &q); err != nil || code != exitDone {
			t.Fatalf("show %s: exit %d, %s%s: %v", ref, code, out, errOut, err)
		}
		return q
	}
	act := func(want string, args ...string) {
		t.Helper()
		out, errOut, code := command(args...)
		if code != exitDone || !strings.Contains(out, want) || strings.Count(out, "\n") != 1 {
			t.Errorf("%v: exit %d, %q %s; want %q", args, code, out, errOut, want)
		}
	}
	listed := func(want ...string) {
		t.Helper()
		var got []string
		out, _, _ := command("list")
		for line := range strings.Lines(out) {
			if ref, _, _ := strings.Cut(line, " "); strings.HasPrefix(ref, "20") {
				got = append(got, ref)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("listed: %v, want %v", got, want)
		}
	}

	act(subs["acte"]+" is in "+potelet+" now, as follow_up", "link", subs["acte"], potelet, "--follow-up")
	listed(potelet, cantine)
	if q := show(acte); q.Reference != potelet || !slices.Equal(q.MergedFrom, []string{acte}) || len(q.Submissions) != 2 || q.Submissions[1].Link != ingest.LinkFollowUp {
		t.Errorf("the old reference shows %+v", q)
	}
	act(subs["acte"]+" opens "+acte+" now", "unlink", subs["acte"])
	listed(potelet, acte, cantine)
	act(cantine+" is merged into "+acte+" now", "merge", cantine, acte)
	listed(potelet, acte)
	act(cantine+" is merged into "+acte+" now", "merge", cantine, acte)
	act(cantine+" is split off "+acte+" now", "split", acte, subs["cantine"])
	listed(potelet, acte, cantine)
	act(potelet+" is about", "set-category", potelet, "domaine-public")

	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	who := "cli:" + me.Username
	q := show(potelet)
	if q.Category != "domaine-public" || q.Service == "" || q.CategoryBy != who || q.NeedsReview || q.Confidence != 1 || !slices.Equal(q.Reasons, []string{"choisi par " + who}) {
		t.Errorf("after set-category: %+v", q)
	}
	var kinds []string
	for _, e := range q.History {
		kinds = append(kinds, e.Kind)
		if at, err := time.Parse(time.RFC3339, e.At); err != nil || time.Since(at) > time.Hour || e.Detail == nil {
			t.Errorf("event: %+v %v", e, err)
		}
	}
	if want := []string{"request.opened", "request.linked", "request.unlinked", "request.categorized"}; !slices.Equal(kinds, want) {
		t.Errorf("history: %v, want %v", kinds, want)
	}
	text, _, _ := command("show", potelet)
	for _, want := range []string{
		who + " linked " + subs["acte"] + " from " + acte + " to " + potelet,
		who + " took " + subs["acte"] + " out of " + potelet + " into " + acte + ", which it was before",
		who + " changed the category", "confidence 1.00",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("show lacks %q:\n%s", want, text)
		}
	}

	// --json prints the request afterwards, lists never null.
	out, _, code := command("merge", cantine, potelet, "--json")
	var raw map[string]any
	if err := json.Unmarshal([]byte(out), &raw); err != nil || code != exitDone {
		t.Fatalf("exit %d, %s: %v", code, out, err)
	}
	if raw["reference"] != potelet || raw["urgent"] == nil || len(raw["merged_from"].([]any)) != 1 || raw["second_category"] == nil {
		t.Errorf("json: %s", out)
	}
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"link", subs["acte"]}, exitUsage, "2 arg"},
		{[]string{"link", "nobody", potelet}, exitFailed, "requests list"},
		{[]string{"link", subs["acte"], "2026-999999"}, exitFailed, "2026-999999"},
		{[]string{"unlink", subs["potelet"]}, exitFailed, "split the others off"},
		{[]string{"merge", potelet, potelet}, exitFailed, "into itself"},
		{[]string{"merge", potelet, cantine}, exitFailed, "circle"},
		{[]string{"split", potelet, subs["potelet"]}, exitFailed, "opens " + potelet},
		{[]string{"split", potelet}, exitUsage, "arg"},
		{[]string{"set-category", potelet, "vorie"}, exitUsage, "there are "},
		{[]string{"set-category", "2026-999999", "voirie"}, exitFailed, "2026-999999"},
	} {
		out, errOut, code := command(tt.args...)
		if code != tt.code || !strings.Contains(errOut, tt.want) || out != "" {
			t.Errorf("%v: exit %d, %q %q; want %d %q", tt.args, code, out, errOut, tt.code, tt.want)
		}
	}
	listed(potelet, acte)
	if out, code := tw.saisine("verify", "--offline"); code != exitDone {
		t.Errorf("verify: %s", out)
	}
}

// What an agent must see at once is marked, and each suggestion says what it is.
func TestShowMarksDangerAndSuggestions(t *testing.T) {
	q := ingest.Request{
		Reference: "2026-000003", Category: "voirie", SecondCategory: "proprete", Urgent: []string{"fuite de gaz"}, MergedFrom: []string{"2026-000001"},
		Suggestions: []ingest.Suggestion{
			{Reference: "2026-000004", Score: 0.7, Why: "même personne", Kind: ingest.SuggestSame},
			{Reference: "2026-000005", Score: 0.6, Why: "même lieu", Kind: ingest.SuggestNeighbour},
			{Reference: "2026-000006", Score: 0.5, Why: "mêmes mots", Kind: ingest.SuggestGroup},
		},
	}
	var b strings.Builder
	if err := printRequest(&b, q, nil, notice.Plan{}, time.UTC); err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for line := range strings.Lines(b.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			lines[name] = strings.TrimSpace(value)
		}
	}
	for name, want := range map[string]string{
		"!! URGENT": "fuite de gaz", "second category": "proprete", "merged into it": "2026-000001",
		"perhaps the same": "2026-000004 (0.70): même personne", "neighbouring report": "2026-000005 (0.60): même lieu",
		"same words from others (group)": "2026-000006 (0.50): mêmes mots",
	} {
		if lines[name] != want {
			t.Errorf("%q is %q, want %q", name, lines[name], want)
		}
	}
}
