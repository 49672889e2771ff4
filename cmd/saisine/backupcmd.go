package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/store/backup"
)

// backupJSON is what saisine backup --json prints of one backup.
type backupJSON struct {
	Backup  string `json:"backup"`
	MadeAt  string `json:"made_at"`
	Version string `json:"version"`
	Schema  int64  `json:"schema"`
	Rows    int64  `json:"rows"`
	Objects int64  `json:"objects"` // large originals and searchable copies
	Bytes   int64  `json:"bytes"`   // of these
	New     int64  `json:"new"`     // originals and copies that this backup has added
	Written int64  `json:"written"` // bytes that it has added
	Missing int    `json:"missing"`
}

func backupView(name string, rep backup.Report) backupJSON {
	return backupJSON{
		Backup: name, MadeAt: rep.Header.MadeAt.Format("2006-01-02T15:04:05Z07:00"), Version: rep.Header.Version, Schema: rep.Header.Schema,
		Rows: rep.Rows, Objects: rep.End.Objects, Bytes: rep.End.Bytes, New: rep.New, Written: rep.Written, Missing: len(rep.End.Missing),
	}
}

// backuper is one call of saisine backup.
type backuper struct {
	app         *app
	keep        int
	list, check bool
	json        bool
}

func newBackup(a *app) *cobra.Command {
	b := &backuper{app: a}
	cmd := &cobra.Command{
		Use: "backup DEST", Short: "A consistent copy of everything, beside the running daemon",
		Long: `Copies the ledger, the requests and all originals as they are at one moment. The daemon may
run. DEST is one of:

  FILE.tar, FILE.tar.zst  one archive, replaced when it is there
  FOLDER/                 a folder of backups, in which each original lies once: the second
                          backup only adds what is new
  -                       an archive on standard output, to be encrypted or sent on:
                          saisine backup - | age -r age1… > saisine.tar.age

What was written is read again and hashed before the backup appears under its name. A backup
holds all that the town has, the keys of its links included: files are made readable for
their owner only, and are not encrypted. Redis is not in it: what it holds is made
again from the ledger. See docs/backup.md.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return b.run(cmd.Context(), args[0]) },
	}
	f := cmd.Flags()
	f.IntVar(&b.keep, "keep", 0, "of a folder, keep the newest `N` backups and remove the others, with the originals that only they had; 0 keeps all")
	f.BoolVar(&b.list, "list", false, "make none; list those in the folder")
	f.BoolVar(&b.check, "check", false, "make none; read all there is in DEST again, and hash it")
	f.BoolVar(&b.json, "json", false, "one JSON object a line")
	return cmd
}

// isArchive reports whether a place is one archive.
func isArchive(dest string) bool {
	return strings.HasSuffix(dest, ".tar") || strings.HasSuffix(dest, ".tar.zst")
}

// isFolder reports whether a place is a folder of backups, or is to be one.
func isFolder(dest string) bool {
	if strings.HasSuffix(dest, "/") {
		return true
	}
	st, err := os.Stat(dest)
	return err == nil && st.IsDir()
}

func (b *backuper) run(ctx context.Context, dest string) error {
	folder := isFolder(dest)
	switch {
	case !folder && !isArchive(dest) && dest != "-":
		return usageError{fmt.Errorf("%s: an archive's name ends in .tar or .tar.zst, that of a folder of backups in a slash", dest)}
	case b.list && b.check:
		return usageError{errors.New("--list and --check are two things")}
	case !folder && (b.keep != 0 || b.list):
		return usageError{errors.New("--keep and --list are for a folder of backups")}
	case b.keep < 0:
		return usageError{errors.New("--keep must be at least 1, or 0 for all")}
	case b.check:
		return b.checkAll(dest, folder)
	case b.list:
		return b.listAll(dest)
	}
	return b.app.withStore(ctx, func(ctx context.Context, cfg config.Config, s *store.Store) error {
		return b.make(ctx, cfg, s, dest, folder)
	})
}

func (b *backuper) make(ctx context.Context, cfg config.Config, s *store.Store, dest string, folder bool) error {
	h := store.DumpHeader{Version: version, Town: cfg.Town.Name}
	var rep backup.Report
	var err error
	name := dest
	switch {
	case dest == "-" && isTerminal(b.app.stdout):
		return usageError{errors.New("an archive is not written to a terminal")}
	case dest == "-":
		rep, err = backup.StreamTar(ctx, s, h, b.app.stdout)
	case folder:
		name, rep, err = b.intoFolder(ctx, s, h, dest)
	default:
		rep, err = backup.WriteTar(ctx, s, h, dest)
	}
	if err != nil {
		return err
	}
	if dest != "-" {
		if err := b.print(name, rep); err != nil {
			return err
		}
	}
	lost := 0
	for _, m := range rep.End.Missing {
		fmt.Fprintf(b.app.stderr, "saisine: not in the backup: %s %s: %s\n", m.Kind, m.SHA256, oneLine(m.Why, 300))
		if m.Kind == "originals" {
			lost++ // a copy can be made again
		}
	}
	if lost > 0 {
		fmt.Fprintf(b.app.stderr, "saisine: %d originals are missing or damaged in the store itself; the rest is in the backup. \"saisine verify\" says more.\n", lost)
		return errReported
	}
	return s.SetBackup(ctx)
}

func (b *backuper) print(name string, rep backup.Report) error {
	if b.json {
		return newJSONLines(b.app.stdout).print(backupView(name, rep))
	}
	_, err := fmt.Fprintf(b.app.stdout, "%s: %d rows, %d large originals and copies; %d originals and copies new, %s written and read again\n",
		name, rep.Rows, rep.End.Objects, rep.New, mebibytes(rep.Written))
	return err
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func (b *backuper) intoFolder(ctx context.Context, s *store.Store, h store.DumpHeader, dest string) (name string, rep backup.Report, err error) {
	repo, err := backup.OpenRepo(dest, true)
	if err != nil {
		return "", rep, err
	}
	defer func() { err = errors.Join(err, repo.Close()) }()
	if name, rep, err = repo.Backup(ctx, s, h); err != nil {
		return "", rep, err
	}
	var eliminated bytes.Buffer
	if err := s.ExportTombstones(ctx, &eliminated); err != nil {
		return name, rep, err
	}
	if err := repo.AddEliminated(eliminated.Bytes(), rep.Header.MadeAt); err != nil {
		return name, rep, err
	}
	if b.keep > 0 {
		removed, files, err := repo.Prune(b.keep)
		if err != nil {
			return name, rep, err
		}
		for _, r := range removed {
			fmt.Fprintf(b.app.stderr, "saisine: removed the backup %s\n", r)
		}
		if files > 0 {
			fmt.Fprintf(b.app.stderr, "saisine: removed %d originals and copies that no backup names any more\n", files)
		}
	}
	return name, rep, nil
}

// eachSnapshot calls f for each backup of a folder, and returns how many there are.
func eachSnapshot(dest string, f func(repo *backup.Repo, name string) error) (n int, err error) {
	repo, err := backup.OpenRepo(dest, false)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, repo.Close()) }()
	names, err := repo.Snapshots()
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		if err := f(repo, name); err != nil {
			return 0, err
		}
	}
	return len(names), nil
}

func (b *backuper) listAll(dest string) error {
	_, err := eachSnapshot(dest, func(repo *backup.Repo, name string) error {
		h, m, err := repo.Header(name)
		if err != nil {
			fmt.Fprintf(b.app.stderr, "saisine: %s: %v\n", name, err)
			return nil
		}
		v := backupView(name, backup.Report{Header: h, End: m.DumpEnd})
		if b.json {
			return newJSONLines(b.app.stdout).print(v)
		}
		_, err = fmt.Fprintf(b.app.stdout, "%s  %s  %s, schema %d, saisine %s\n", name, h.Town, h.From, h.Schema, h.Version)
		return err
	})
	return err
}

// checkAll reads every backup again. It goes on after one that is not whole.
func (b *backuper) checkAll(dest string, folder bool) (err error) {
	if !folder {
		in, err := b.app.openArchive(dest)
		if err != nil {
			return err
		}
		rep, err := backup.ReadTar(in, backup.NewChecker())
		if err := errors.Join(err, in.Close()); err != nil {
			return err
		}
		return b.whole(dest, rep)
	}
	bad := 0
	n, err := eachSnapshot(dest, func(repo *backup.Repo, name string) error {
		rep, err := repo.Read(name, backup.NewChecker())
		if err != nil {
			bad++
			fmt.Fprintf(b.app.stderr, "saisine: %s: %v\n", name, err)
			return nil
		}
		return b.whole(name, rep)
	})
	switch {
	case err != nil:
		return err
	case n == 0:
		return fmt.Errorf("%s holds no backup", dest)
	case bad > 0:
		return errReported
	}
	return nil
}

func (b *backuper) whole(name string, rep backup.Report) error {
	if b.json {
		return newJSONLines(b.app.stdout).print(backupView(name, rep))
	}
	_, err := fmt.Fprintf(b.app.stdout, "%s: whole: %d rows in %d tables, %d large originals and copies with %s; made %s by saisine %s\n",
		name, rep.Rows, len(rep.Tables), rep.End.Objects, mebibytes(rep.End.Bytes), rep.Header.MadeAt.Format("2006-01-02 15:04:05 MST"), rep.Header.Version)
	return err
}

// openArchive opens an archive, or standard input for "-".
func (a *app) openArchive(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(a.stdin), nil
	}
	return os.Open(name)
}
