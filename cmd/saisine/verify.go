package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/channels/mailbox"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/queue"
)

// Codes of findings that need more than the store.
const (
	findingNotQueued   = "waiting_without_task"
	findingDoneUnknown = "mail_without_row"
	findingDoneUnread  = "done_folder_unreadable"
)

type findingJSON struct {
	Code    string `json:"code"`
	Subject string `json:"subject"`
	Detail  string `json:"detail"`
}

type verifySummary struct {
	OK           bool             `json:"ok"`
	Broken       int              `json:"broken"`
	Submissions  map[string]int64 `json:"submissions"`
	Requests     int64            `json:"requests"`
	Originals    int64            `json:"originals"`
	Bytes        int64            `json:"bytes"`
	Unreferenced int64            `json:"unreferenced_files"`
	DoneMails    int64            `json:"done_mails"`
}

func newVerify(a *app) *cobra.Command {
	var asJSON, offline bool
	cmd := &cobra.Command{
		Use: "verify", Short: "Prove the promises over the whole store",
		Long: `Reads the whole store again and proves: every original hashes to its ledger row,
every submission is in one end state or in the queue, every request has its opening
submission, every mail in a done folder has a ledger row, and the database file is
sound. One line for each broken promise; exit code 1 when there is one.

It can be run beside the daemon.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load(!offline)
			if err != nil {
				return err
			}
			log, err := a.logger()
			if err != nil {
				return err
			}
			s, err := a.openStore(cmd.Context(), cfg, log)
			if err != nil {
				return err
			}
			defer func() { _ = s.Close() }()
			v := &verifier{app: a, cfg: cfg, store: s, json: asJSON, offline: offline}
			return v.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line: the broken promises, then {\"summary\":…}")
	cmd.Flags().BoolVar(&offline, "offline", false, "do not look into the mailboxes' done folders, nor into the queue")
	return cmd
}

// verifier is one verification.
type verifier struct {
	app     *app
	cfg     config.Config
	store   *store.Store
	json    bool
	offline bool
	broken  int
	err     error // of writing the report
}

func (v *verifier) found(code, subject, detail string) {
	v.broken++
	var err error
	if v.json {
		err = newJSONLines(v.app.stdout).print(findingJSON{code, subject, detail})
	} else {
		_, err = fmt.Fprintf(v.app.stdout, "%s %s: %s\n", code, subject, oneLine(detail, 300))
	}
	if v.err == nil {
		v.err = err
	}
}

func (v *verifier) run(ctx context.Context) error {
	rep, err := v.store.Verify(ctx, func(f store.Finding) { v.found(f.Code, f.Subject, f.Detail) }, nil)
	if err != nil {
		return err
	}
	var mails int64
	if !v.offline {
		if err := v.waiting(ctx); err != nil {
			return err
		}
		for _, c := range v.cfg.Channels.Mailbox {
			n, err := v.doneFolder(ctx, c)
			if err != nil {
				v.found(findingDoneUnread, c.Name+"/"+c.DoneFolder, err.Error())
			}
			mails += n
		}
	}
	if v.err != nil {
		return v.err
	}
	sum := verifySummary{
		OK: v.broken == 0, Broken: v.broken, Submissions: map[string]int64{}, Requests: rep.Requests,
		Originals: rep.Originals, Bytes: rep.Bytes, Unreferenced: rep.Unreferenced, DoneMails: mails,
	}
	for state, n := range rep.Submissions {
		sum.Submissions[string(state)] = n
	}
	return v.summarise(sum)
}

func (v *verifier) summarise(sum verifySummary) error {
	if v.json {
		if err := newJSONLines(v.app.stdout).print(map[string]verifySummary{"summary": sum}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(v.app.stdout, "%d submissions: %d filed, %d set aside, %d failed, %d waiting\n",
			sum.Submissions["filed"]+sum.Submissions["set_aside"]+sum.Submissions["failed"]+sum.Submissions["received"],
			sum.Submissions["filed"], sum.Submissions["set_aside"], sum.Submissions["failed"], sum.Submissions["received"])
		fmt.Fprintf(v.app.stdout, "%d requests; %d originals with %d bytes; %d mails in done folders\n", sum.Requests, sum.Originals, sum.Bytes, sum.DoneMails)
		if sum.Unreferenced > 0 {
			fmt.Fprintf(v.app.stdout, "%d files belong to no ledger row (left by an interrupted intake; their source still had them)\n", sum.Unreferenced)
		}
		if sum.OK {
			fmt.Fprintln(v.app.stdout, "every promise holds")
		} else {
			fmt.Fprintf(v.app.stdout, "%d broken promises\n", sum.Broken)
		}
	}
	if !sum.OK {
		return errReported
	}
	return nil
}

// waiting checks that what is not ended is in the queue. Without a daemon there is no
// queue to look into: its next start takes up every waiting row.
func (v *verifier) waiting(ctx context.Context) error {
	log, err := v.app.logger()
	if err != nil {
		return err
	}
	conn, err := queue.Existing(redisDir(v.cfg))
	if v.cfg.Redis != "" {
		conn, err = queue.Connect(v.cfg.Redis)
	}
	if err != nil {
		return nil
	}
	client := queue.NewClient(conn, nil, log)
	defer func() { _ = client.Close() }()
	ask, cancel := context.WithTimeout(ctx, wakeTime)
	defer cancel()
	if _, err := client.Depths(ask); err != nil {
		return nil
	}
	after := int64(0)
	for {
		rows, err := v.store.Waiting(ctx, after, 500)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, w := range rows {
			after = w.Seq
			if err := v.waitingRow(ctx, client, w); err != nil {
				return err
			}
		}
	}
}

func (v *verifier) waitingRow(ctx context.Context, client *queue.Client, w store.Waiting) error {
	for _, lane := range []ingest.Lane{ingest.LaneMail, ingest.LaneOCR} {
		known, err := client.Has(ctx, jobOf(w.ID, w.Attempt, lane))
		if err != nil {
			return fmt.Errorf("verify: queue: %w", err)
		}
		if known {
			return nil
		}
	}
	// Between the two looks a worker may have ended it, or the sweeper is about to
	// enqueue it: only a row that is still there and that nobody knows is a finding.
	rec, err := v.store.Submission(ctx, w.ID)
	if err != nil {
		return err
	}
	if rec.State == ingest.StateReceived {
		v.found(findingNotQueued, w.ID, "received, but no worker was told; the daemon's sweeper takes it up within a minute")
	}
	return nil
}

// doneFolder checks that every mail in a done folder is in the ledger, by its bytes.
func (v *verifier) doneFolder(ctx context.Context, c config.Mailbox) (int64, error) {
	var n int64
	err := mailbox.WalkFolder(ctx, c, c.DoneFolder, func(uid uint32, raw io.Reader) error {
		n++
		h := sha256.New()
		if _, err := io.Copy(h, raw); err != nil {
			return err
		}
		sum := hex.EncodeToString(h.Sum(nil))
		known, err := v.store.KnownHash(ctx, ingest.ChannelMailbox, c.Name, sum)
		if err != nil {
			return err
		}
		if !known {
			v.found(findingDoneUnknown, fmt.Sprintf("%s/%s UID %d", c.Name, c.DoneFolder, uid),
				"no ledger row has these bytes (sha256 "+sum+"); was it put there by hand? Move it back into "+c.Folder)
		}
		return nil
	})
	return n, err
}
