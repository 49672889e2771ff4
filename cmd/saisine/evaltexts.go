package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"text/tabwriter"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
)

// evalText is a labelled text. What it is labelled with is only compared with.
type evalText struct {
	ID       string `json:"id"`
	Channel  string `json:"channel"`
	Subject  string `json:"subject"`
	Body     string `json:"body"`
	Category string `json:"category"`
	// Also lists categories that count as right too.
	Also []string `json:"also"`
	// Sender and Place are what the text states.
	Sender ingest.Person `json:"sender"`
	Place  string        `json:"place"`
}

// line is the text without its labels.
func (e evalText) line() streamLine {
	return streamLine{ID: e.ID, Channel: e.Channel, Subject: e.Subject, Body: e.Body}
}

// accepts reports whether a category is right for the text.
func (e evalText) accepts(category string) bool {
	return category == e.Category || category != "" && slices.Contains(e.Also, category)
}

// evalOutcome is a line of the answer.
type evalOutcome struct {
	ID          string        `json:"id"`
	Category    string        `json:"category"`
	Confidence  float64       `json:"confidence"`
	Top3        []string      `json:"top3"`
	NeedsReview bool          `json:"needs_review"`
	Sender      ingest.Person `json:"sender"`
	Place       string        `json:"place"`
	Second      string        `json:"second_category,omitempty"`
	Urgent      []string      `json:"urgent,omitempty"`
	Aside       string        `json:"aside,omitempty"`
}

// evaluateTexts classifies each text of r, calls each with the outcome, and returns the
// score. Nothing is learned from the texts.
func evaluateTexts(ctx context.Context, cfg config.Config, log *slog.Logger, r io.Reader, each func(evalText, evalOutcome) error) (*classify.Score, *factScore, error) {
	u, err := openUnderstanding(ctx, cfg, log)
	if err != nil {
		return nil, nil, err
	}
	reader, err := newEvalReader(cfg)
	if err != nil {
		return nil, nil, err
	}
	score, found := new(classify.Score), new(factScore)
	err = eachJSONLine(r, func(n int, raw []byte) error {
		var text evalText
		if err := json.Unmarshal(raw, &text); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if text.Category == "" {
			return fmt.Errorf("line %d: has no category to compare with", n)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, reading, err := reader.read(ctx, text)
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		found.add(text, reading)
		c := u.classifier.Classify(ctx, rec, reading)
		out := evalOutcome{
			ID: text.ID, Category: c.Category, Confidence: c.Confidence, Top3: []string{}, NeedsReview: c.NeedsReview,
			Sender: reading.From, Place: reading.Place, Second: c.Second, Urgent: c.Urgent, Aside: c.Aside,
		}
		for _, r := range c.Top {
			out.Top3 = append(out.Top3, r.Category)
		}
		score.Add(classify.Prediction{Ranked: out.Top3, Confidence: out.Confidence, NeedsReview: out.NeedsReview}, text.Category, text.Also)
		return each(text, out)
	})
	return score, found, err
}

// textSummary is the last line of the answer.
type textSummary struct {
	classify.Figures
	factFigures
}

// printEvaluation writes figures and categories as a table, and what was taken for what.
func printEvaluation(w io.Writer, s *classify.Score, found *factScore, wrong map[[2]string]int) error {
	f, facts := s.Figures(), found.figures()
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "texts\taccuracy\ttop 3\tmacro-F1\tcoverage\tprecision\tECE\t")
	fmt.Fprintf(t, "%d\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t\n\n", f.N, f.Accuracy, f.Top3, f.MacroF1, f.Coverage, f.Precision, f.ECE)
	fmt.Fprintln(t, "sender's fields\tplaces\tplaces invented\t")
	fmt.Fprintf(t, "%.3f\t%.3f\t%.3f\t\n\n", facts.Sender, facts.Place, facts.Invented)
	if err := t.Flush(); err != nil {
		return err
	}
	t = tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "category\ttexts\trecall\tprecision")
	for _, c := range s.Categories() {
		n, recall, precision := s.Category(c)
		fmt.Fprintf(t, "%s\t%d\t%.2f\t%.2f\n", c, n, recall, precision)
	}
	if len(wrong) > 0 {
		fmt.Fprintln(t, "\ntaken for\ttexts")
		pairs := make([][2]string, 0, len(wrong))
		for p := range wrong {
			pairs = append(pairs, p)
		}
		slices.SortFunc(pairs, func(a, b [2]string) int {
			return cmp.Or(cmp.Compare(wrong[b], wrong[a]), cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
		})
		for _, p := range pairs {
			fmt.Fprintf(t, "%s → %s\t%d\n", p[0], cmp.Or(p[1], "(none)"), wrong[p])
		}
	}
	return t.Flush()
}
