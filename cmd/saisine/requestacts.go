package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
)

// The acts of a person on requests: what belongs together, and what it is about. Each is
// an event in the requests' histories, and another act takes it back.

// actor is who acts on the command line, as the histories name them.
func actor() string {
	if name := os.Getenv("SUDO_USER"); name != "" && os.Getuid() != 0 {
		return "cli:" + name // who has become the daemon's user by sudo
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "cli:" + u.Username
	}
	// A system user that is in no list of users, as in a container.
	return fmt.Sprintf("cli:uid %d", os.Getuid())
}

// actFunc does an act. It returns the reference of the request to show afterwards, and the
// line that tells what was done.
type actFunc func(ctx context.Context, o office, args []string) (reference, told string, err error)

// newAct is a command that does one act and prints one line, or the request afterwards.
func newAct(a *app, use, short, long string, args cobra.PositionalArgs, act actFunc) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: use, Short: short, Long: short + ".\n\n" + long, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withOffice(cmd.Context(), func(ctx context.Context, o office) error {
				reference, told, err := act(ctx, o, args)
				if err != nil {
					return actError(err)
				}
				if asJSON {
					return showRequest(ctx, a.stdout, o, reference, true)
				}
				_, err = fmt.Fprintln(a.stdout, told)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the request afterwards, as one JSON object")
	return cmd
}

// actError says where to look for what was not found.
func actError(err error) error {
	if errors.Is(err, ingest.ErrNotFound) {
		return fmt.Errorf("%w; \"saisine requests list\" and \"saisine submissions list\" show what there is", err)
	}
	return err
}

func newRequestActs(a *app) []*cobra.Command {
	var followUp bool
	acts := newStatusActs(a)
	link := newAct(a, "link SUBMISSION REF", "Move a submission into another request",
		`What answers the submission goes along. When it was the only one in its request, the
request is merged into the other one, and its reference leads there. "requests unlink"
takes it back.`, cobra.ExactArgs(2),
		func(ctx context.Context, o office, args []string) (string, string, error) {
			kind := ingest.LinkDuplicate
			if followUp {
				kind = ingest.LinkFollowUp
			}
			if err := o.store.Link(ctx, args[0], args[1], kind, actor()); err != nil {
				return "", "", err
			}
			rec, err := o.store.Submission(ctx, args[0]) // args[1] may have been merged
			return rec.Request, fmt.Sprintf("%s is in %s now, as %s", args[0], rec.Request, kind), err
		})
	link.Flags().BoolVar(&followUp, "follow-up", false, "link it as a follow-up and not as a duplicate")
	return append(acts,
		link,
		newAct(a, "unlink SUBMISSION", "Take a duplicate or follow-up out of its request",
			`What answers the submission goes along. It gets the request back that it opened
before, or else a new one. "requests link" takes it back.`, cobra.ExactArgs(1),
			func(ctx context.Context, o office, args []string) (string, string, error) {
				reference, err := o.store.Unlink(ctx, args[0], actor())
				return reference, fmt.Sprintf("%s opens %s now", args[0], reference), err
			}),
		newAct(a, "merge REF INTO-REF", "Move all submissions of a request into another one",
			`The reference of the first one stays good: it leads to the other one. "requests split"
takes it back.`, cobra.ExactArgs(2),
			func(ctx context.Context, o office, args []string) (string, string, error) {
				if err := o.store.Merge(ctx, args[0], args[1], actor()); err != nil {
					return "", "", err
				}
				q, err := o.store.Request(ctx, args[1]) // may have been merged
				return q.Reference, fmt.Sprintf("%s is merged into %s now", args[0], q.Reference), err
			}),
		newAct(a, "split REF SUBMISSION...", "Take submissions out of a request together, into one of their own",
			`What answers them goes along. They get the request back that one of them opened
before, or else a new one. "requests merge" takes it back.`, cobra.MinimumNArgs(2),
			func(ctx context.Context, o office, args []string) (string, string, error) {
				reference, err := o.store.Split(ctx, args[0], args[1:], actor())
				return reference, fmt.Sprintf("%s is split off %s now", reference, args[0]), err
			}),
		newAct(a, "set-category REF CODE", "Choose the category of a request, or confirm it",
			`CODE is one of the categories file; its service sees to the request from now on. The
request is no longer under review, the receipt that was held back for that is sent, and
the classifier may learn from it.`, cobra.ExactArgs(2), setCategory),
	)
}

func setCategory(ctx context.Context, o office, args []string) (string, string, error) {
	c, ok := o.rules.File().Category(args[1])
	if !ok {
		var codes []string
		for _, c := range o.rules.File().Categories {
			codes = append(codes, c.Code)
		}
		slices.Sort(codes)
		return "", "", usageError{fmt.Errorf("there is no category %q; there are %s", args[1], strings.Join(codes, ", "))}
	}
	err := o.store.Categorize(ctx, args[0], c.Code, c.Service.Name, actor())
	return args[0], fmt.Sprintf("%s is about %s now (%s)", args[0], c.Label, c.Service.Name), err
}

// told says what an act was, for the history that "requests show" prints; "" for events
// that are none: what saisine did by itself is told by the pieces.
func told(e store.Event) string {
	d := e.Detail
	var what string
	switch e.Kind {
	case "request.linked":
		what = fmt.Sprintf("linked %s from %s to %s", strings.Join(d.Submissions, ", "), d.From, d.To)
	case "request.unlinked", "request.split":
		what = fmt.Sprintf("took %s out of %s into %s", strings.Join(d.Submissions, ", "), d.From, d.To)
		if d.Restored {
			what += ", which it was before"
		}
	case "request.merged":
		what = fmt.Sprintf("merged %s into %s", d.From, d.To)
	case "request.categorized":
		if d.Old == nil || d.New == nil {
			return ""
		}
		if d.Old.Category == d.New.Category {
			what = "confirmed the category " + d.New.Category
		} else {
			what = "changed the category from " + orDash(d.Old.Category) + " to " + d.New.Category
		}
	default:
		if what = toldStatus(e); what == "" {
			return ""
		}
	}
	if e.Kind == "request.linked" && d.Opens != "" {
		what += "; " + d.Opens + " opens " + d.From + " since"
	}
	return e.Actor + " " + what
}

// suggestionLabels says for people what a suggested request is.
var suggestionLabels = map[ingest.SuggestionKind]string{
	ingest.SuggestSame:      "perhaps the same",
	ingest.SuggestNeighbour: "neighbouring report",
	ingest.SuggestGroup:     "same words from others (group)",
}
