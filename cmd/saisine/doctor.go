package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"saisine.fr/saisine/channels/mailbox"
	"saisine.fr/saisine/channels/scanfolder"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/deliver"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ocr"
	"saisine.fr/saisine/queue"
)

// checkJSON is one line of `saisine doctor --json`.
type checkJSON struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Fix    string `json:"fix"` // what to do, "" when OK
}

func newDoctor(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Try everything that saisine needs: programs, queue, database, mailboxes, folders, disk, clock",
		Long: "Tries everything that saisine needs and says what to do about what is missing. Exit code 1 when something is.\nIt moves no mail and no scan, and may be run beside the daemon.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := a.begin(true)
			if err != nil {
				return err
			}
			return a.doctor(cmd.Context(), cfg, log, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

// checkTime bounds a check that touches the network.
const checkTime = 20 * time.Second

func (a *app) doctor(ctx context.Context, cfg config.Config, log *slog.Logger, asJSON bool) error {
	bad := 0
	tell := func(c checkJSON) error {
		if !c.OK {
			bad++
		}
		if asJSON {
			return newJSONLines(a.stdout).print(c)
		}
		mark := map[bool]string{true: "ok  ", false: "FAIL"}[c.OK]
		_, err := fmt.Fprintf(a.stdout, "%s  %-24s %s\n", mark, c.Check, oneLine(c.Detail, 300))
		if err == nil && c.Fix != "" {
			_, err = fmt.Fprintf(a.stdout, "      %-24s -> %s\n", "", oneLine(c.Fix, 300))
		}
		return err
	}
	for _, check := range a.checks(cfg, log) {
		ctx, cancel := context.WithTimeout(ctx, checkTime)
		for _, c := range check(ctx) {
			if err := tell(c); err != nil {
				cancel()
				return err
			}
		}
		cancel()
	}
	if bad > 0 {
		return errReported
	}
	return nil
}

type check func(context.Context) []checkJSON

func (a *app) checks(cfg config.Config, log *slog.Logger) []check {
	list := []check{
		func(ctx context.Context) []checkJSON { return checkOCR(ctx, cfg) },
		func(ctx context.Context) []checkJSON { return []checkJSON{checkDataDir(cfg), checkDisk(cfg)} },
		func(ctx context.Context) []checkJSON { return []checkJSON{checkDatabase(ctx, cfg, log)} },
		func(ctx context.Context) []checkJSON { return checkOriginals(ctx, cfg) },
		func(ctx context.Context) []checkJSON { return checkRedis(ctx, cfg, log) },
		func(context.Context) []checkJSON { return []checkJSON{checkClock()} },
	}
	if !oneFolder(cfg) {
		list = append(list, func(ctx context.Context) []checkJSON {
			s, err := store.Open(ctx, store.Options{Dir: cfg.DataDir, Database: cfg.Database, Log: log, NoMigration: true})
			if err != nil {
				return nil // said above
			}
			defer func() { _ = s.Close() }()
			return checkNodes(ctx, cfg, s)
		})
	}
	for _, c := range cfg.Channels.Mailbox {
		list = append(list, func(ctx context.Context) []checkJSON {
			return []checkJSON{result("mailbox "+c.Name, c.Username+" on "+c.Host+": login and folders", mailbox.Check(ctx, c), "")}
		})
	}
	for _, c := range cfg.Channels.Scans {
		list = append(list, func(context.Context) []checkJSON {
			return []checkJSON{result("scans "+c.Name, c.Dir+": can be read and written", scanfolder.Check(c), "")}
		})
	}
	if cfg.Antivirus.Clamd != "" {
		list = append(list, func(ctx context.Context) []checkJSON { return checkAntivirus(ctx, cfg) })
	}
	if cfg.SMTP.Host != "" {
		list = append(list, func(ctx context.Context) []checkJSON {
			return []checkJSON{result("smtp", cfg.SMTP.Host+": login", checkSMTP(ctx, cfg.SMTP), "check host, port, tls, username and password under smtp:")}
		})
	}
	for _, c := range cfg.Connectors {
		list = append(list, func(ctx context.Context) []checkJSON {
			line, err := checkConnector(ctx, cfg, c)
			return []checkJSON{result("connector "+c.Name, line, err, "check this connector under connectors:, and the rights of its user there")}
		})
	}
	return list
}

func result(name, detail string, err error, fix string) checkJSON {
	if err != nil {
		return checkJSON{Check: name, Detail: err.Error(), Fix: fix}
	}
	return checkJSON{Check: name, OK: true, Detail: detail}
}

func checkOCR(ctx context.Context, cfg config.Config) []checkJSON {
	var out []checkJSON
	for _, c := range ocr.Doctor(ctx, ocr.Options{ChildArgs: []string{ocrChild}, Languages: cfg.OCR.Languages}) {
		out = append(out, checkJSON{Check: c.Name, OK: c.OK, Detail: c.Detail, Fix: c.Fix})
	}
	return out
}

func checkDataDir(cfg config.Config) checkJSON {
	name := "data folder"
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return checkJSON{Check: name, Detail: err.Error(), Fix: "create it and give it to the user that saisine runs as"}
	}
	f, err := os.CreateTemp(cfg.DataDir, ".doctor-*")
	if err != nil {
		return checkJSON{Check: name, Detail: err.Error(), Fix: "give the folder to the user that saisine runs as"}
	}
	err = errors.Join(f.Sync(), f.Close(), os.Remove(f.Name()))
	if err != nil {
		return checkJSON{Check: name, Detail: err.Error(), Fix: "is the disk full or read-only?"}
	}
	var st unix.Statfs_t
	if err := unix.Statfs(cfg.DataDir, &st); err != nil {
		return checkJSON{Check: name, Detail: err.Error(), Fix: "is the disk mounted?"}
	}
	if kind, ok := unfit[st.Type]; ok {
		return checkJSON{Check: name, Detail: cfg.DataDir + " lies on " + kind, Fix: "put data_dir on a local disk: " + kind + " does not keep what SQLite was promised"}
	}
	return checkJSON{Check: name, OK: true, Detail: cfg.DataDir + " can be written"}
}

// unfit are file systems on which a SQLite WAL database is not safe: without shared
// memory between processes (sqlite.org/wal.html, "does not work over a network
// filesystem"), or without a disk.
var unfit = map[int64]string{
	unix.NFS_SUPER_MAGIC:   "NFS",
	unix.SMB_SUPER_MAGIC:   "an SMB share",
	unix.CIFS_SUPER_MAGIC:  "an SMB share",
	unix.SMB2_SUPER_MAGIC:  "an SMB share",
	unix.TMPFS_MAGIC:       "tmpfs (memory)",
	unix.V9FS_MAGIC:        "a 9p share",
	unix.FUSE_SUPER_MAGIC:  "a FUSE file system",
	unix.CODA_SUPER_MAGIC:  "Coda",
	unix.AFS_SUPER_MAGIC:   "AFS",
	unix.RAMFS_MAGIC:       "ramfs (memory)",
	unix.MSDOS_SUPER_MAGIC: "FAT",
}

// diskLow is the free space below which the administrator should act: room for some
// days of scans and for SQLite's log.
const diskLow = 2 << 30

// diskSpace returns the free space of the file system of dir, for an ordinary user, and its size.
func diskSpace(dir string) (free, size int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize, nil
}

func checkDisk(cfg config.Config) checkJSON {
	free, _, err := diskSpace(cfg.DataDir)
	if err != nil {
		return checkJSON{Check: "disk", Detail: err.Error(), Fix: "is the disk mounted?"}
	}
	detail := fmt.Sprintf("%.1f GiB free under %s", float64(free)/(1<<30), cfg.DataDir)
	if free < diskLow {
		return checkJSON{Check: "disk", Detail: detail, Fix: "make room: below 2 GiB a few days of scans can fill it"}
	}
	return checkJSON{Check: "disk", OK: true, Detail: detail}
}

func checkDatabase(ctx context.Context, cfg config.Config, log *slog.Logger) checkJSON {
	const none = "none yet; the daemon makes it at its first start"
	good := "opens, journal_mode=WAL, synchronous=FULL"
	if cfg.Database != "" {
		good = "PostgreSQL answers, fsync=on, synchronous_commit=on"
	} else if _, err := os.Stat(filepath.Join(cfg.DataDir, "saisine.db")); errors.Is(err, os.ErrNotExist) {
		return checkJSON{Check: "database", OK: true, Detail: none}
	}
	s, err := openConfigured(ctx, cfg, store.Options{Log: log, NoMigration: true})
	if errors.Is(err, store.ErrEmpty) {
		return checkJSON{Check: "database", OK: true, Detail: none}
	}
	if err == nil {
		err = errors.Join(s.Ping(ctx), s.Close())
	}
	return result("database", good, err, "see docs/administration.md, \"The database does not open\"")
}

func checkRedis(ctx context.Context, cfg config.Config, log *slog.Logger) []checkJSON {
	conn, err := daemonQueue(cfg)
	if cfg.Redis == "" {
		path, lerr := exec.LookPath("redis-server")
		if lerr != nil {
			return []checkJSON{{Check: "redis-server", Detail: "not installed", Fix: "apt-get install redis-server"}}
		}
		if err != nil {
			return []checkJSON{{Check: "redis-server", OK: true, Detail: path + "; the daemon does not run"}}
		}
	} else if err != nil {
		return []checkJSON{{Check: "redis", Detail: err.Error(), Fix: "correct redis: in the configuration"}}
	}
	client := queue.NewClient(conn, nil, log)
	defer func() { _ = client.Close() }()
	rep, err := client.Check(ctx)
	switch {
	case err != nil && cfg.Redis == "":
		return []checkJSON{{Check: "redis-server", OK: true, Detail: "installed; the daemon does not run"}}
	case err != nil:
		return []checkJSON{{Check: "redis", Detail: err.Error(), Fix: "is it running, and are address and password right?"}}
	case len(rep.Problems) > 0:
		var out []checkJSON
		for _, p := range rep.Problems {
			out = append(out, checkJSON{Check: "redis", Detail: "version " + rep.Version, Fix: p})
		}
		return out
	}
	return []checkJSON{{Check: "redis", OK: true, Detail: "version " + rep.Version + ", maxmemory-policy " + rep.Policy + ", appendonly " + strconv.FormatBool(rep.AppendOnly)}}
}

// checkClock asks the kernel whether something keeps its clock right (adjtimex(2)):
// receipts and deadlines are only as good as it.
func checkClock() checkJSON {
	var tx unix.Timex
	state, err := unix.Adjtimex(&tx)
	if err != nil {
		return checkJSON{Check: "clock", OK: true, Detail: "cannot be asked here (" + err.Error() + ")"}
	}
	if state == unix.TIME_ERROR {
		return checkJSON{Check: "clock", Detail: "not synchronised", Fix: "apt-get install systemd-timesyncd (or chrony); dates of reception are the law's dates"}
	}
	return checkJSON{Check: "clock", OK: true, Detail: "synchronised"}
}

// checkSMTP connects and logs in; it sends no mail.
func checkSMTP(ctx context.Context, c config.SMTP) error {
	o, err := smtpOptions(c)
	if err != nil {
		return err
	}
	return deliver.NewSMTP(o).Check(ctx)
}
