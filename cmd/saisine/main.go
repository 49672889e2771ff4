// Command saisine is the intake daemon of a French town hall. See the README, and
// `saisine help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ocr"
)

// Exit codes of the interface.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// ocrChild is the hidden first argument that makes this binary an OCR child.
const ocrChild = "ocr-child"

func main() {
	if len(os.Args) > 1 && os.Args[1] == ocrChild {
		os.Exit(ocr.ChildMain(os.Stdin, os.Stdout, os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// usageError is a wrong call: exit code 2.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// errReported means that the failure has been told already.
var errReported = errors.New("failed")

// run runs one command and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot(&app{stdin: stdin, stdout: stdout, stderr: stderr})
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	return report(err, stderr)
}

func report(err error, stderr io.Writer) int {
	var usage usageError
	var conf *config.Errors
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReported):
		return exitFailed
	case errors.As(err, &conf):
		fmt.Fprintln(stderr, conf)
		return exitUsage
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "saisine: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "saisine: %v\n", err)
	return exitFailed
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "saisine",
		Short: "Intake daemon of a French town hall: mail, forms and scans become requests, and none is lost",
		Long: `saisine takes what citizens send to their town hall by every channel, keeps the
original, and makes of each exactly one place in one request.

Start with "saisine demo", or with "saisine init > saisine.yaml" and "saisine serve".`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_ = cmd.Help()
			return usageError{errors.New("a command is missing; they are listed above")}
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVar(&a.configPath, "config", "", "configuration `FILE` (default /etc/saisine/saisine.yaml, then ./saisine.yaml, then the defaults)")
	root.PersistentFlags().StringVar(&a.logLevel, "log-level", "info", "debug, info, warn or error")
	root.PersistentFlags().StringVar(&a.logFormat, "log-format", "text", "text or json")
	root.AddCommand(
		newServe(a), newDemo(a), newInit(a), newCheckConfig(a), newDoctor(a), newRead(a), newSeparators(a), newImport(a), newExport(a),
		newClassify(a), newEvaluate(a), newTrain(a), newDeadlines(a), newRequests(a), newMails(a), newSubmissions(a), newDeliveries(a), newRetry(a), newVerify(a), newBackup(a), newRestore(a), newMigrate(a), newEliminate(a), newUser(a), newKey(a), newWebhooks(a), newConnectors(a), newNodes(a), newVersion(a), newMan(a),
	)
	wrapArgs(root)
	return root
}

// wrapArgs makes wrong arguments a usage error, in sub-commands as well.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

// app is what every command starts from.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	configPath     string
	logLevel       string
	logFormat      string
}

// load reads and validates the configuration; with secrets also the files that hold
// them.
func (a *app) load(secrets bool) (config.Config, error) {
	path, err := config.Find(a.configPath)
	if err != nil {
		return config.Config{}, usageError{err}
	}
	cfg, err := config.Load(path, os.Environ())
	if err != nil {
		return cfg, asUsage(err)
	}
	if err := cfg.Validate(); err != nil {
		return cfg, asUsage(err)
	}
	if secrets {
		if err := cfg.ReadSecrets(); err != nil {
			return cfg, asUsage(err)
		}
	}
	return cfg, nil
}

// begin is load with the logger.
func (a *app) begin(secrets bool) (config.Config, *slog.Logger, error) {
	cfg, err := a.load(secrets)
	if err != nil {
		return cfg, nil, err
	}
	log, err := a.logger()
	return cfg, log, err
}

func asUsage(err error) error {
	var conf *config.Errors
	if errors.As(err, &conf) {
		return err
	}
	return usageError{err}
}

// logger writes to standard error: standard output belongs to results.
func (a *app) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return nil, usageError{fmt.Errorf("--log-level %q: debug, info, warn or error", a.logLevel)}
	}
	opts := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "json":
		return slog.New(quietHandler{slog.NewJSONHandler(a.stderr, opts)}), nil
	case "text":
		return slog.New(quietHandler{slog.NewTextHandler(a.stderr, opts)}), nil
	}
	return nil, usageError{fmt.Errorf("--log-format %q: text or json", a.logFormat)}
}

func zoneOf(cfg config.Config) *time.Location {
	zone, err := time.LoadLocation(cfg.Town.Timezone)
	if err != nil {
		return time.UTC // Validate has refused it before
	}
	return zone
}
