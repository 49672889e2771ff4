package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/webform"
	"saisine.fr/saisine/config"
)

// The roles of a node.
const (
	roleChannels = "channels"
	roleWorkers  = "workers"
	roleWeb      = "web"
	// roleOCR is the part of roleWorkers that takes most of the machine.
	roleOCR = "ocr"
)

var (
	allRoles     = []string{roleChannels, roleWorkers, roleWeb, roleOCR}
	defaultRoles = []string{roleChannels, roleWorkers, roleWeb}
)

func newServe(a *app) *cobra.Command {
	var roles []string
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the daemon until SIGTERM",
		Long: `Runs the daemon until SIGTERM or SIGINT, then finishes what it has begun and stops. SIGHUP
has it read the categories file and the texts of letters anew, without stopping anything;
the rest of the configuration takes a restart.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, r := range roles {
				if !slices.Contains(allRoles, r) {
					return usageError{fmt.Errorf("--roles: there is no role %q; the roles are %s", r, strings.Join(allRoles, ", "))}
				}
			}
			cfg, log, err := a.begin(true)
			if err != nil {
				return err
			}
			if err := dieByAbort(); err != nil {
				return err
			}
			hangups := make(chan os.Signal, 1) // one that comes during a reload causes another
			signal.Notify(hangups, syscall.SIGHUP)
			defer signal.Stop(hangups)
			return serve(cmd.Context(), cfg, log, roles, func(r running) {
				r.house.reloadOnHangup(hangups, func() (config.Config, error) { return a.load(true) })
			})
		},
	}
	cmd.Flags().StringSliceVar(&roles, "roles", defaultRoles, "what this process does: channels (empties mailboxes and folders), workers (treats and delivers), web, ocr (of the workers only those that read scans and make copies)")
	return cmd
}

// dieByAbort has a crash of the daemon, or the SIGABRT of systemd's watchdog, end it by that signal.
// Go would end it with status 2 (package runtime, GOTRACEBACK), which here says that the
// configuration is wrong, and after which the unit of the package does not start it again. No core
// is written: letters would lie in it.
func dieByAbort() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err != nil {
		return fmt.Errorf("look up the limit of core dumps: %w", err)
	}
	limit.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &limit); err != nil {
		return fmt.Errorf("turn core dumps off: %w", err)
	}
	debug.SetTraceback("crash")
	return nil
}

// running is told to whoever started a server: where it answers, and its house.
type running struct {
	house         *house
	public, admin net.Addr // nil when not served
}

// serve runs the daemon until ctx ends. started, when not nil, is called once
// everything runs.
func serve(ctx context.Context, cfg config.Config, log *slog.Logger, roles []string, started func(running)) (err error) {
	has := func(r string) bool { return slices.Contains(roles, r) }
	var lc net.ListenConfig
	public, err := listen(ctx, &lc, cfg.Listen, has(roleWeb))
	if err != nil {
		return err
	}
	admin, err := listen(ctx, &lc, cfg.AdminListen, cfg.AdminListen != "")
	if err != nil {
		return errors.Join(err, closeListener(public))
	}
	lock, err := lockData(cfg, false)
	if err != nil {
		return errors.Join(err, closeListener(public), closeListener(admin))
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	h, err := openHouse(ctx, cfg, log, houseOptions{
		workers: has(roleWorkers) || has(roleOCR), onlyOCR: !has(roleWorkers), channels: has(roleChannels), patient: true, roles: roles,
	})
	if err != nil {
		return errors.Join(err, closeListener(public), closeListener(admin))
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if err := h.store.ClearSpool(); err != nil {
		log.LogAttrs(ctx, slog.LevelWarn, "spool not cleared", slog.Any("err", err))
	}
	// It looks at each copy that there is: nobody need wait for it.
	cleared := make(chan struct{})
	go func() {
		defer close(cleared)
		if err := h.store.ClearCopies(ctx); err != nil && ctx.Err() == nil {
			log.LogAttrs(ctx, slog.LevelWarn, "copies left behind are not cleared", slog.Any("err", err))
		}
	}()
	defer func() { <-cleared }()
	secret, err := h.store.Secret(ctx, "form")
	if err != nil {
		return errors.Join(err, closeListener(public), closeListener(admin))
	}
	super := channels.NewSupervisor(log, channels.SupervisorOptions{Turns: h.leases})
	doors, err := h.addAdapters(super, onlyRoles(cfg, has).Channels, has(roleWeb), secret)
	if err != nil {
		return errors.Join(err, closeListener(public), closeListener(admin))
	}
	h.metrics.registry.MustRegister(houseCollector{h, super})
	h.keepCounting()

	// The servers outlive ctx, so that a citizen who is just posting gets an answer.
	servers := startServers(log, public, doors.handler(), admin, adminHandler(h, super))
	defer func() { err = errors.Join(err, servers.shutdown()) }()
	log.LogAttrs(ctx, slog.LevelInfo, "saisine runs", slog.String("version", version), slog.String("data_dir", cfg.DataDir),
		slog.String("listen", addrString(public)), slog.String("admin_listen", addrString(admin)))
	if started != nil {
		started(running{house: h, public: addrOf(public), admin: addrOf(admin)})
	}
	if h.ocr != nil {
		go h.warnOfOCR(ctx) // intake does not wait for it
	}
	if has(roleWorkers) {
		// Each node does so once, one after the other: it may be of another version than those
		// before it.
		h.chores.begin(func(ctx context.Context) {
			_ = h.leases.Hold(ctx, leaseUpkeep, func(ctx context.Context) error {
				h.replan(ctx)
				h.indexSearch(ctx) // after what is due, with which the writer is busy enough
				return nil
			})
		})
	}
	notify(ctx, log, daemon.SdNotifyReady+"\nSTATUS=")
	go watchdog(ctx, log, h)
	err = super.Run(ctx, h.intake)
	notify(context.WithoutCancel(ctx), log, daemon.SdNotifyStopping)
	log.LogAttrs(ctx, slog.LevelInfo, "saisine stops")
	return err
}

// onlyRoles turns off the channels that this process does not hold.
func onlyRoles(cfg config.Config, has func(string) bool) config.Config {
	if !has(roleChannels) {
		cfg.Channels.Mailbox, cfg.Channels.Scans = nil, nil
	}
	if !has(roleWeb) {
		cfg.Channels.Webform.Enabled, cfg.Channels.Desk.Enabled, cfg.Channels.Open311.Enabled = false, false, false
	}
	return cfg
}

// addressPatience is how long a taken address is tried again. A daemon that is killed while it
// starts a child leaves its sockets to the child until that executes its program (the descriptors
// are closed on exec, not on fork): the next daemon, started at once, must not end over that.
const addressPatience = 3 * time.Second

func listen(ctx context.Context, lc *net.ListenConfig, address string, wanted bool) (net.Listener, error) {
	if !wanted {
		return nil, nil //nolint:nilnil // no listener is a valid choice here
	}
	deadline := time.Now().Add(addressPatience)
	for {
		l, err := lc.Listen(ctx, "tcp", address)
		if err == nil {
			return l, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(deadline) || ctx.Err() != nil {
			return nil, fmt.Errorf("cannot listen on %s (is another saisine running? change listen or admin_listen): %w", address, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func closeListener(l net.Listener) error {
	if l == nil {
		return nil
	}
	return l.Close()
}

func addrOf(l net.Listener) net.Addr {
	if l == nil {
		return nil
	}
	return l.Addr()
}

func addrString(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// httpServers are the servers of one process.
type httpServers struct {
	log     *slog.Logger
	servers []*http.Server
}

func startServers(log *slog.Logger, public net.Listener, publicPages http.Handler, admin net.Listener, adminPages http.Handler) *httpServers {
	s := &httpServers{log: log}
	errorLog := httpLog(log)
	if public != nil {
		srv := &http.Server{Handler: publicPages, ErrorLog: errorLog, ReadHeaderTimeout: 10 * time.Second}
		webform.ConfigureServer(srv)
		s.start(srv, public)
	}
	if admin != nil {
		s.start(&http.Server{
			Handler: adminPages, ErrorLog: errorLog, ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		}, admin)
	}
	return s
}

func (s *httpServers) start(srv *http.Server, l net.Listener) {
	s.servers = append(s.servers, srv)
	go func() {
		if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.log.LogAttrs(context.Background(), slog.LevelError, "web server ended", slog.Any("err", err))
		}
	}()
}

// answerTime is how long requests under way may take at a shutdown.
const answerTime = 10 * time.Second

func (s *httpServers) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	var errs []error
	for _, srv := range s.servers {
		if err := srv.Shutdown(ctx); err != nil {
			errs = append(errs, srv.Close())
		}
	}
	return errors.Join(errs...)
}
