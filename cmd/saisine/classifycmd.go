package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
)

func newClassify(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "classify", Short: "Dry run: show what a text would be about, and why",
		Long: `Reads a text from standard input and shows its likeliest categories, the service that
would get it, and what decided. A first line "Objet: …" or "Subject: …" is the subject.
Stores nothing and needs no server; the town's own model is used where there is one.`,
		Example: `  echo "Le lampadaire devant le 12 rue Foch est éteint" | saisine classify
  saisine read --json lettre.pdf | jq -r .text | saisine classify --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := a.begin(false)
			if err != nil {
				return err
			}
			text, err := io.ReadAll(io.LimitReader(a.stdin, int64(cfg.Limits.Message)+1))
			if err != nil {
				return fmt.Errorf("read standard input: %w", err)
			}
			if len(text) > int(cfg.Limits.Message) {
				return errors.New("the text is longer than limits.message")
			}
			u, err := openUnderstanding(cmd.Context(), cfg, log)
			if err != nil {
				return err
			}
			var reading ingest.Reading
			reading.Kind = ingest.KindText
			reading.Subject, reading.Text = subjectOf(string(text))
			c := u.classifier.Classify(cmd.Context(), ingest.Record{Channel: ingest.ChannelMailbox}, reading)
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(viewClassification(c, u.classifier.Now().Rules().File()))
			}
			return printClassification(a.stdout, viewClassification(c, u.classifier.Now().Rules().File()))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// subjectLine is how a text may begin.
var subjectLine = regexp.MustCompile(`(?i)^\s*(?:objet|subject|sujet)\s*:\s*(.*)$`)

// subjectOf parts a text from its subject.
func subjectOf(text string) (subject, rest string) {
	first, rest, _ := strings.Cut(strings.TrimPrefix(text, "\ufeff"), "\n")
	if m := subjectLine.FindStringSubmatch(strings.TrimRight(first, "\r")); m != nil {
		return strings.TrimSpace(m[1]), rest
	}
	return "", text
}

// classifiedJSON is the answer of `saisine classify --json`.
type classifiedJSON struct {
	Categories  []rankedJSON `json:"categories"`
	Service     string       `json:"service"`
	Confidence  float64      `json:"confidence"`
	NeedsReview bool         `json:"needs_review"`
	Reasons     []string     `json:"reasons"`
	Second      string       `json:"second_category"`
	Urgent      []string     `json:"urgent"`
	Aside       string       `json:"aside"`
}

type rankedJSON struct {
	Category   string  `json:"category"`
	Label      string  `json:"label"`
	Confidence float64 `json:"confidence"`
}

func viewClassification(c ingest.Classification, f *classify.File) classifiedJSON {
	out := classifiedJSON{
		Categories: []rankedJSON{}, Service: c.Service, Confidence: c.Confidence, NeedsReview: c.NeedsReview,
		Reasons: append([]string{}, c.Reasons...), Second: c.Second, Urgent: append([]string{}, c.Urgent...), Aside: c.Aside,
	}
	for _, r := range c.Top {
		category, _ := f.Category(r.Category)
		out.Categories = append(out.Categories, rankedJSON{Category: r.Category, Label: category.Label, Confidence: r.Score})
	}
	return out
}

func printClassification(w io.Writer, c classifiedJSON) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, r := range c.Categories {
		// Never more sure than it is: 99.6 % is not certain.
		fmt.Fprintf(t, "%.0f\u00a0%%\t%s\t%s\n", math.Floor(100*r.Confidence), r.Category, r.Label)
	}
	if len(c.Categories) > 0 {
		fmt.Fprintln(t)
	}
	fmt.Fprintf(t, "service\t%s\n", c.Service)
	fmt.Fprintf(t, "needs review\t%s\n", yesNo(c.NeedsReview))
	if c.Second != "" {
		fmt.Fprintf(t, "second category\t%s\n", c.Second)
	}
	if len(c.Urgent) > 0 {
		fmt.Fprintf(t, "urgent\t%s\n", strings.Join(c.Urgent, ", "))
	}
	if c.Aside != "" {
		fmt.Fprintf(t, "set aside\t%s\n", c.Aside)
	}
	for i, r := range c.Reasons {
		name := ""
		if i == 0 {
			name = "reasons"
		}
		fmt.Fprintf(t, "%s\t%s\n", name, r)
	}
	return t.Flush()
}
