package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/queue"
)

func newRetry(a *app) *cobra.Command {
	var failed bool
	cmd := &cobra.Command{
		Use: "retry [ID...]", Short: "Take up again what has failed, or was set aside",
		Long: `Takes submissions and deliveries up again that have failed. A submission that was set aside
(as advertising, an automatic answer, empty) is taken up again when it is named, and then
becomes a request whatever it looks like.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if failed == (len(args) > 0) {
				return usageError{errors.New("name the submissions or deliveries, or give --failed for all that have failed")}
			}
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				return a.retry(ctx, cfg, s, args)
			})
		},
	}
	cmd.Flags().BoolVar(&failed, "failed", false, "all that have failed")
	return cmd
}

// retry takes up the ids given, or everything that has failed.
func (a *app) retry(ctx context.Context, cfg config.Config, s *store.Store, ids []string) error {
	if len(ids) == 0 {
		var err error
		if ids, err = failedIDs(ctx, s); err != nil {
			return err
		}
		if len(ids) == 0 {
			fmt.Fprintln(a.stdout, "nothing has failed")
			return nil
		}
	}
	bad := 0
	for _, id := range ids {
		taken, err := s.RetryAny(ctx, id, actor())
		switch {
		case errors.Is(err, ingest.ErrNotFound):
			fmt.Fprintf(a.stderr, "saisine: there is no submission, delivery or mail %q\n", id)
			bad++
		case errors.Is(err, store.ErrPartial):
			fmt.Fprintf(a.stdout, "%s cannot be treated again: the thing itself is not in the ledger. Its reason (submissions show %[1]s) says where it lies; put it back into its channel once the cause is gone\n", id)
		case err != nil:
			return err
		case taken:
			fmt.Fprintf(a.stdout, "%s taken up again\n", id)
		default:
			fmt.Fprintf(a.stdout, "%s has neither failed nor been set aside or withheld; left alone\n", id)
		}
	}
	a.wake(ctx, cfg, s, ids)
	if bad > 0 {
		return errReported
	}
	return nil
}

func failedIDs(ctx context.Context, s *store.Store) ([]string, error) {
	var ids []string
	if err := s.Submissions(ctx, ingest.StateFailed, func(r ingest.Record) error {
		ids = append(ids, r.ID)
		return nil
	}); err != nil {
		return nil, err
	}
	err := s.Deliveries(ctx, ingest.OutboxFailed, func(o ingest.OutboxItem) error {
		ids = append(ids, o.ID)
		return nil
	})
	return ids, err
}

// wakeTime bounds what a command waits for the daemon's queue.
const wakeTime = 3 * time.Second

// wake tells a running daemon's workers at once. When none runs, or Redis does not
// answer, the sweeper finds the rows by itself.
func (a *app) wake(ctx context.Context, cfg config.Config, s *store.Store, ids []string) {
	conn, err := daemonQueue(cfg)
	if err == nil {
		log, lerr := a.logger()
		if lerr != nil {
			return
		}
		client := queue.NewClient(conn, nil, log)
		defer func() { _ = client.Close() }()
		ctx, cancel := context.WithTimeout(ctx, wakeTime)
		defer cancel()
		for _, id := range ids {
			if err = enqueueRow(ctx, client, s, id); err != nil {
				break
			}
		}
	}
	if err != nil {
		fmt.Fprintln(a.stderr, "The daemon's queue does not answer; the daemon will take this up by itself, at its start or within a minute.")
	}
}

func enqueueRow(ctx context.Context, client *queue.Client, s *store.Store, id string) error {
	rec, err := s.Submission(ctx, id)
	if errors.Is(err, ingest.ErrNotFound) {
		o, oerr := s.Outbox(ctx, id)
		if oerr != nil || o.State != ingest.OutboxPending {
			return nil //nolint:nilerr // an unknown id was reported before
		}
		return client.Enqueue(ctx, outboxJob(o.Kind, id, o.Attempt))
	}
	if err != nil || rec.State != ingest.StateReceived {
		return err
	}
	return client.Enqueue(ctx, jobOf(rec.ID, rec.Attempt, ingest.LaneOf(rec.MediaType)))
}
