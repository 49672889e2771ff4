package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/antivirus"
	"saisine.fr/saisine/ingest/discreet"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/view"
)

// clamdClient is the client of the configured clamd; nil when there is none.
func clamdClient(a config.Antivirus) (*antivirus.Client, error) {
	network, address, err := a.Dial()
	if err != nil || network == "" {
		return nil, err
	}
	return &antivirus.Client{Network: network, Address: address, Timeout: a.Timeout, MaxSize: int64(a.MaxSize)}, nil
}

// openAntivirus begins to watch clamd where one is configured.
func (h *house) openAntivirus(ctx context.Context, workers bool) error {
	c, err := clamdClient(h.cfg.Antivirus)
	if err != nil || c == nil {
		return err
	}
	if workers {
		if err := h.store.AwaitScan(ctx); err != nil {
			return err
		}
	}
	h.antivirus = antivirus.NewWatch(c, h.log, 0)
	h.chores.begin(h.antivirus.Run)
	return nil
}

// examiner is what the workers' pipelines ask; nil where there is no virus scan.
func (h *house) examiner() ingest.Antivirus {
	if h.antivirus == nil {
		return nil
	}
	return &ingest.Examiner{Scanner: h.antivirus, Limits: h.cfg.Limits, Spool: h.store.Spool()}
}

// signaturesStale is the age from which signatures protect badly: freshclam(1) brings new ones
// several times a day.
const signaturesStale = 7 * 24 * time.Hour

// virusProblems says what is wrong with the virus scan, and what a person should see to.
func (h *house) virusProblems(ctx context.Context, r *findings) {
	counts, err := h.store.VirusCounts(ctx)
	if err == nil && counts.Held > 0 {
		r.warn("antivirus", fmt.Sprintf("%d held", counts.Held), "see the desk's page Échecs")
	}
	if h.antivirus == nil {
		return
	}
	version, since, down := h.antivirus.State()
	if down != nil {
		r.wrong("antivirus", fmt.Sprintf("clamd does not answer since %s; what comes in is kept, %d wait for their scan: %v", since.In(h.zone).Format(time.RFC3339), counts.Pending, discreet.Text(down)),
			"is clamav-daemon running?")
	} else if age := time.Since(version.Built); !version.Built.IsZero() && age > signaturesStale {
		r.warn("antivirus", fmt.Sprintf("the virus signatures are %d days old", int(age.Hours()/24)), "does freshclam run?")
	}
}

// eicar is the test file that every virus scanner knows (eicar.org). It is put together when it
// is needed, so that no scanner takes this program for it.
func eicar() []byte {
	return []byte(`X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-` + `ANTIVIRUS-TEST-FILE!$H+H*`)
}

// checkAntivirus tries clamd: whether it answers, how old its signatures are, whether it knows the
// test virus, and whether it finds that in a file as large as antivirus.max_size says.
func checkAntivirus(ctx context.Context, cfg config.Config) []checkJSON {
	c, err := clamdClient(cfg.Antivirus)
	if err != nil || c == nil {
		return []checkJSON{result("antivirus", "", err, "correct antivirus.clamd")}
	}
	v, err := c.Version(ctx)
	if err != nil {
		return []checkJSON{result("antivirus", "", err, "is clamav-daemon running, and may this user reach "+cfg.Antivirus.Clamd+"? What comes in waits until it is")}
	}
	out := []checkJSON{signatures(v, time.Now())}
	try := func(name, ok string, content io.Reader, size int64, fix string) {
		a, err := c.Scan(ctx, content, size)
		if err == nil && a.Verdict != antivirus.Infected {
			err = fmt.Errorf("the test virus is not found: %s %s", a.Verdict, a.Name)
		}
		out = append(out, result(name, ok+a.Name, err, fix))
	}
	raw := eicar()
	try("antivirus test", "clamd finds the test virus: ", bytes.NewReader(raw), int64(len(raw)), "are the signatures loaded? See clamd's log, and run freshclam")
	big, size := largeArchive(int64(cfg.Antivirus.MaxSize), raw)
	defer func() { _ = big.Close() }()
	try("antivirus max_size", fmt.Sprintf("clamd finds it in an archive of %d bytes: ", size), big, size,
		"clamd does not read files this large to their end: raise StreamMaxLength, MaxFileSize and MaxScanSize in clamd.conf, or lower antivirus.max_size")
	if cfg.Limits.Message > cfg.Antivirus.MaxSize {
		out = append(out, checkJSON{Check: "antivirus limits", OK: true, Detail: fmt.Sprintf(
			"mails between antivirus.max_size (%s) and limits.message (%s) are held for a person: clamd does not read them", cfg.Antivirus.MaxSize, cfg.Limits.Message)})
	}
	return out
}

func signatures(v antivirus.Version, now time.Time) checkJSON {
	switch age := now.Sub(v.Built); {
	case v.Database == "":
		return checkJSON{Check: "antivirus", OK: true, Detail: v.String() + ", with signatures of the town's own only: their age is not known"}
	case age > signaturesStale:
		return checkJSON{Check: "antivirus", Detail: fmt.Sprintf("%s: the signatures are %d days old", v, int(age.Hours()/24)), Fix: "does clamav-freshclam run, and does it reach its mirror?"}
	default:
		return checkJSON{Check: "antivirus", OK: true, Detail: fmt.Sprintf("%s: the signatures are %.0f hours old", v, age.Hours())}
	}
}

// largeArchive is a tar of size bytes, rounded down to its blocks, whose last file is content:
// who does not read it to its end does not find it. It is made while it is read.
func largeArchive(size int64, content []byte) (archive io.ReadCloser, length int64) {
	const block = 512 // and two of them end a tar (POSIX pax)
	blocks := (int64(len(content)) + block - 1) / block
	padding := max(size/block-blocks-4, 0) * block
	r, w := io.Pipe()
	go func() {
		t := tar.NewWriter(w)
		write := func(name string, size int64, from io.Reader) error {
			if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, Format: tar.FormatUSTAR}); err != nil {
				return err
			}
			_, err := io.CopyN(t, from, size)
			return err
		}
		err := errors.Join(write("padding", padding, zeros{}), write("eicar.com", int64(len(content)), bytes.NewReader(content)), t.Close())
		_ = w.CloseWithError(err)
	}()
	return r, padding + (blocks+4)*block
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// virusLine tells a verdict in a line.
func virusLine(v ingest.Verdict, zone *time.Location) string {
	a := view.OfVerdict(v, zone)
	line := strings.ReplaceAll(a.State, "_", " ")
	for _, part := range []string{a.Signature, a.File, a.Scanner, a.At} {
		if part != "" {
			line += ", " + part
		}
	}
	switch {
	case a.Held:
		line += "; held"
	case a.ReleasedBy != "":
		line += "; released by " + a.ReleasedBy + ", " + a.ReleasedAt
	}
	return line
}

func newRelease(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "release ID...", Short: "Let a submission go that the virus scan holds", Args: cobra.MinimumNArgs(1),
		Long: `Lets submissions go that the virus scan holds: they are treated as if nothing had been found,
and are not scanned again. The history says who did so. What a virus was found in can from
then on be downloaded at the desk, and with "saisine submissions original"; it is shown in no page, and no
other program gets it. To have one scanned again instead, use "saisine retry".`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(ctx context.Context, cfg config.Config, s *store.Store) error {
				bad := 0
				for _, id := range args {
					err := s.Release(ctx, id, actor())
					switch {
					case errors.Is(err, ingest.ErrNotFound), errors.Is(err, ingest.ErrRefused):
						fmt.Fprintf(a.stderr, "saisine: %s: %v\n", id, err)
						bad++
					case err != nil:
						return err
					default:
						fmt.Fprintf(a.stdout, "%s released\n", id)
					}
				}
				a.wake(ctx, cfg, s, args)
				if bad > 0 {
					return errReported
				}
				return nil
			})
		},
	}
}
