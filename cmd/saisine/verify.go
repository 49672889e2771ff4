package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

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
	findingQueueUnread = "queue_unreadable"
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
submission, every mail in a done folder has a ledger row, the registers of mail have every
number once, and the database file is sound. One line for each broken promise; exit code 1 when there is one.

It can be run beside the daemon.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := a.begin(!offline)
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
	// queueUnseen: no daemon runs, so that there was no queue to look into.
	queueUnseen bool
	err         error // of writing the report
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
		if v.queueUnseen && sum.Submissions["received"] > 0 {
			fmt.Fprintln(v.app.stdout, "no daemon runs; its next start takes up what waits")
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

// settleTime is how long a row may be in no queue: on its way from the commit to the
// queue, between two lanes, or until the sweeper's next look.
const settleTime = 90 * time.Second

// waiting checks that what is not ended is in the queue. Without a daemon there is no
// private queue to look into: its next start takes up every waiting row.
func (v *verifier) waiting(ctx context.Context) error {
	log, err := v.app.logger()
	if err != nil {
		return err
	}
	conn, err := daemonQueue(v.cfg)
	if err != nil {
		return v.unreadable(err)
	}
	client := queue.NewClient(conn, nil, log)
	defer func() { _ = client.Close() }()
	// First the rows, then the tasks, then the rows again: what was ended or enqueued
	// meanwhile is no finding.
	var old []store.Waiting
	for after := int64(0); ; {
		rows, err := v.store.Waiting(ctx, after, 500)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for _, w := range rows {
			after = w.Seq
			if time.Since(w.Since) > settleTime {
				old = append(old, w)
			}
		}
	}
	ask, cancel := context.WithTimeout(ctx, 10*wakeTime)
	defer cancel()
	has, err := client.Tasks(ask)
	if err != nil {
		return v.unreadable(err)
	}
	for _, w := range old {
		if has(jobOf(w.ID, w.Attempt, ingest.LaneMail)) || has(jobOf(w.ID, w.Attempt, ingest.LaneOCR)) {
			continue
		}
		rec, err := v.store.Submission(ctx, w.ID)
		if err != nil {
			return err
		}
		if rec.State == ingest.StateReceived && rec.Attempt == w.Attempt {
			v.found(findingNotQueued, w.ID, "received, but no worker was told; the daemon's sweeper takes it up within a minute")
		}
	}
	return nil
}

// unreadable says that the queue could not be looked into. That is a finding where
// there must be one: with a Redis of the town's own.
func (v *verifier) unreadable(err error) error {
	if v.cfg.Redis != "" {
		v.found(findingQueueUnread, "redis", err.Error())
		return nil
	}
	v.queueUnseen = true
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
