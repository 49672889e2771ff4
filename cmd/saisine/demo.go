package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/spf13/cobra"

	"saisine.fr/saisine/channels/desk/credentials"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ocr/samplescan"
)

// The sample town's mail, letters and form posts, all written for the project.
//
//go:embed samples
var samples embed.FS

func newDemo(a *app) *cobra.Command {
	d := &demo{app: a}
	cmd := &cobra.Command{
		Use: "demo", Short: "Run a sample town: its mails, scans and form posts become requests",
		Long: `Runs a sample town in a directory of its own. Sample mails lie in a mailbox, letters
are scanned into a folder, and forms are posted, all through the real channels: the
mailbox is an IMAP server within this process, everything else is the real thing.
Prints the web addresses and the requests, and then goes on until Ctrl-C, so that you
can post the form and drop scans yourself.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&d.once, "once", false, "end when all samples are settled")
	cmd.Flags().StringVar(&d.dir, "dir", "", "keep the town in this `DIRECTORY` (default: a temporary one, removed at the end)")
	return cmd
}

// demo is one run of the sample town.
type demo struct {
	app  *app
	once bool
	dir  string
}

// demoTime bounds how long the samples may take to settle; a machine at work needs
// about ten seconds.
const demoTime = 5 * time.Minute

func (d *demo) run(ctx context.Context) (err error) {
	log, err := d.app.logger()
	if err != nil {
		return err
	}
	if d.app.logLevel == "info" { // the default: the demo speaks for itself
		log = slog.New(quietHandler{slog.NewTextHandler(d.app.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})})
	}
	dir, remove, err := d.directory()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	imapAddr, stop, err := sampleMailbox(ctx)
	if err != nil {
		return err
	}
	defer stop()
	cfg, err := d.config(dir, imapAddr)
	if err != nil {
		return err
	}
	if err := dropLetters(cfg.Channels.Scans[0].Dir); err != nil {
		return err
	}
	if err := dropPile(cfg.Channels.Scans[0].Dir); err != nil {
		return err
	}

	// The model is made here, on the first run, and not beside the samples: they are to be
	// understood as in a town where it is there.
	if _, err := openUnderstanding(ctx, cfg, log); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failure error
	serveErr := serve(ctx, cfg, log, defaultRoles, func(r running) {
		go func() {
			failure = d.show(ctx, cfg, r)
			if d.once || failure != nil {
				cancel()
			}
		}()
	})
	if errors.Is(failure, context.Canceled) {
		failure = nil
	}
	return errors.Join(failure, serveErr)
}

// directory returns the town's directory and how to remove it.
func (d *demo) directory() (string, func() error, error) {
	if d.dir == "" {
		dir, err := os.MkdirTemp("", "saisine-demo-")
		return dir, func() error { return os.RemoveAll(dir) }, err
	}
	dir, err := filepath.Abs(d.dir)
	if err != nil {
		return "", nil, err
	}
	return dir, func() error { return nil }, os.MkdirAll(dir, 0o700)
}

func (d *demo) config(dir, imapAddr string) (config.Config, error) {
	host, port, err := net.SplitHostPort(imapAddr)
	if err != nil {
		return config.Config{}, err
	}
	cfg := config.Default()
	cfg.DataDir = filepath.Join(dir, "data")
	cfg.Listen = freeAddress(cfg.Listen)
	cfg.AdminListen = freeAddress(cfg.AdminListen)
	m := config.DefaultMailbox()
	m.Name, m.Host, m.TLS, m.Username, m.Password, m.Poll = "sve", host, config.TLSNone, sampleUser, sampleUser, 5*time.Second
	if _, err := fmt.Sscan(port, &m.Port); err != nil {
		return config.Config{}, err
	}
	s := config.DefaultScanFolder()
	s.Name, s.Dir, s.Poll, s.StableFor = "courrier", filepath.Join(dir, "scans"), time.Second, 2*time.Second
	cfg.Channels.Mailbox, cfg.Channels.Scans = []config.Mailbox{m}, []config.ScanFolder{s}
	cfg.Channels.Webform.MinFillTime = 0
	return cfg, nil
}

// freeAddress returns the address when nobody listens there, and one with a free port
// otherwise.
func freeAddress(address string) string {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		host, _, _ := net.SplitHostPort(address)
		return net.JoinHostPort(host, "0")
	}
	_ = l.Close()
	return address
}

const sampleUser = "sve"

// sampleMailbox starts an IMAP server in memory whose INBOX holds the sample mails.
func sampleMailbox(ctx context.Context) (addr string, stop func(), err error) {
	user := imapmemserver.NewUser(sampleUser, sampleUser)
	if err := user.Create("INBOX", nil); err != nil {
		return "", nil, err
	}
	names, err := fs.Glob(samples, "samples/mails/*.eml")
	if err != nil {
		return "", nil, err
	}
	for _, name := range names {
		raw, err := samples.ReadFile(name)
		if err != nil {
			return "", nil, err
		}
		if _, err := user.Append("INBOX", literal{bytes.NewReader(raw)}, &imap.AppendOptions{Time: time.Now().Add(-time.Hour)}); err != nil {
			return "", nil, err
		}
	}
	memory := imapmemserver.New()
	memory.AddUser(user)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return memory.NewSession(), nil, nil
		},
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapUIDPlus: {}, imap.CapMove: {}},
		InsecureAuth: true,
		Logger:       slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	})
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	return l.Addr().String(), func() { _ = server.Close(); <-done }, nil
}

type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

// dropLetters puts the sample letters into the scan folder, as the copier would.
func dropLetters(dir string) error {
	names, err := fs.Glob(samples, "samples/letters/*.txt")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := samples.ReadFile(name)
		if err != nil {
			return err
		}
		pdf, err := samplescan.PDF([]string{string(text)}, samplescan.Options{})
		if err != nil {
			return err
		}
		sub := dir
		if strings.Contains(name, "concession") {
			sub = filepath.Join(dir, "cimetiere") // a sub-folder names the service
		}
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return err
		}
		base := strings.TrimSuffix(filepath.Base(name), ".txt") + ".pdf"
		if err := os.WriteFile(filepath.Join(sub, base), pdf, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// show posts the sample forms, waits until everything is settled, and prints it.
func (d *demo) show(ctx context.Context, cfg config.Config, r running) error {
	base := "http://" + r.public.String()
	out := d.app.stdout
	if err := demoAgents(ctx, r.house.store); err != nil {
		return err
	}
	fmt.Fprintf(out, "The sample town of %s is open.\n", cfg.Town.Name)
	fmt.Fprintf(out, "  form             %s/\n  desk             %[1]s/agent/ (log in as camille or admin, password %s)\n  state, metrics   http://%s/readyz, /metrics\n  scan folder      %s\n\n",
		base, demoPassword, r.admin, cfg.Channels.Scans[0].Dir)
	links, err := postForms(ctx, base)
	if err != nil {
		return err
	}
	want := len(links) + 1 // the scan of the pile, beside the letters in it
	for _, pattern := range []string{"samples/mails/*.eml", "samples/letters/*.txt", "samples/pile/*.txt"} {
		names, err := fs.Glob(samples, pattern)
		if err != nil {
			return err
		}
		want += len(names)
	}
	if err := d.settle(ctx, r.house, want); err != nil {
		return err
	}
	if err := listRequests(ctx, out, r.house.store, r.house.zone, false); err != nil {
		return err
	}
	counts, err := r.house.store.Counts(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d submissions: %d filed, %d set aside, %d failed.\n", want, counts[ingest.StateFiled], counts[ingest.StateSetAside], counts[ingest.StateFailed])
	if counts[ingest.StateFailed] > 0 {
		return fmt.Errorf("%d samples failed", counts[ingest.StateFailed])
	}
	if d.once {
		return nil
	}
	fmt.Fprintf(out, "\nPost the form at %s/, or drop a PDF into the scan folder. A citizen's view: %s\nCtrl-C ends the demo.\n", base, links[0])
	return nil
}

// demoPassword opens the desk of the sample town, which listens on this machine only.
const demoPassword = "bienvenue en mairie" //nolint:gosec // G101: of a town that is made up

// demoAgents adds the agents of the sample town, unless an earlier run has.
func demoAgents(ctx context.Context, s *store.Store) error {
	hash, err := credentials.Hash(ctx, demoPassword)
	if err != nil {
		return err
	}
	for _, a := range []ingest.Agent{
		{Login: "camille", Name: "Camille Fournier", Title: "Agente d’accueil", Role: ingest.RoleManager, Language: "fr", Services: []string{"Service voirie"}},
		{Login: "admin", Name: "Dominique Rey", Title: "Responsable informatique", Role: ingest.RoleAdministrator, Language: "fr"},
	} {
		switch _, err := s.Agent(ctx, a.Login); {
		case errors.Is(err, ingest.ErrNotFound):
			if err := s.AddAgent(ctx, a, hash, "demo"); err != nil {
				return err
			}
		case err != nil:
			return err
		}
	}
	return nil
}

// settle waits until the ledger holds want submissions and all have ended.
func (d *demo) settle(ctx context.Context, h *house, want int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, demoTime, fmt.Errorf("the samples did not settle within %s", demoTime))
	defer cancel()
	bar := d.app.progress(want, "treat")
	defer func() { _ = bar.Finish() }()
	for {
		counts, err := h.store.Counts(ctx)
		if err != nil {
			return err
		}
		ended := counts[ingest.StateFiled] + counts[ingest.StateSetAside] + counts[ingest.StateFailed]
		_ = bar.Set(min(int(ended), want))
		if int(ended) >= want && counts[ingest.StateReceived] == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// postForms posts the sample forms as a browser would and returns their follow-up links.
func postForms(ctx context.Context, base string) ([]string, error) {
	raw, err := samples.ReadFile("samples/forms.json")
	if err != nil {
		return nil, err
	}
	var forms []map[string]string
	if err := json.Unmarshal(raw, &forms); err != nil {
		return nil, err
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var links []string
	for _, form := range forms {
		link, err := postForm(ctx, client, base, form)
		for try := 0; errors.Is(err, errFormClosed) && try < 50; try++ {
			time.Sleep(100 * time.Millisecond) // the town opens its form in this moment
			link, err = postForm(ctx, client, base, form)
		}
		if err != nil {
			return nil, err
		}
		links = append(links, link)
	}
	return links, nil
}

var errFormClosed = errors.New("the form is not open")

func postForm(ctx context.Context, client *http.Client, base string, fields map[string]string) (string, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			return "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/demandes", &body)
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return "", err
	}
	if res.StatusCode == http.StatusServiceUnavailable {
		return "", errFormClosed
	}
	if res.StatusCode != http.StatusSeeOther {
		return "", fmt.Errorf("the form answered %s", res.Status)
	}
	return base + res.Header.Get("Location"), nil
}
