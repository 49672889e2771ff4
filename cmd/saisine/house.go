package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"saisine.fr/saisine/channels/api"
	"saisine.fr/saisine/channels/open311"
	"saisine.fr/saisine/channels/webform"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/antivirus"
	"saisine.fr/saisine/ingest/classify"
	"saisine.fr/saisine/ingest/deliver"
	"saisine.fr/saisine/ingest/notice"
	"saisine.fr/saisine/ingest/place"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ocr"
	"saisine.fr/saisine/queue"
)

// house is the running program without its channels: store, queue, workers. The
// daemon, the demo and a bulk import that waits for its result all live in one.
type house struct {
	cfg   config.Config
	log   *slog.Logger
	zone  *time.Location
	store *store.Store
	// leases says what of the things that one node does at a time this one does.
	leases leases
	// texts are those in force, rules the categories file among them.
	texts *townTexts
	rules ruleBook
	// understand is nil in a house without workers.
	understand *understanding
	streets    *place.Streets
	tokens     ingest.Tokens
	secretary  *notice.Secretary
	mails      *mailroom
	hooks      *hooks
	handovers  *handovers
	intake     *ingest.Intake
	ocr        *ocr.Reader
	antivirus  *antivirus.Watch // nil where none is configured

	managed atomic.Pointer[queue.Managed] // nil with a Redis of the town's own
	closing chan struct{}
	conn    queue.Conn
	node    *queue.Node
	client  atomic.Pointer[queue.Client] // set once the node runs
	metrics *metrics
	counted counted
	// What OCR needs, as last looked for.
	ocrMu     sync.Mutex
	ocrChecks []checkJSON
	ocrLooked time.Time
	notes     sync.Mutex // held while a note beside a scan is written
	chores    *chores
	preparing context.CancelFunc // breaks off the making of a built-in model; may be nil
	form      *webform.Adapter   // nil when it is off, as are api and apps
	api       *api.Adapter
	apps      *open311.Adapter
	reloads   reloading
	pulse     *pulse
}

// daemonQueue says how to reach the queue of a daemon that runs beside this command.
func daemonQueue(cfg config.Config) (queue.Conn, error) {
	if cfg.Redis != "" {
		return queue.Connect(cfg.Redis)
	}
	return queue.Existing(redisDir(cfg))
}

// houseOptions say what a house does beside keeping the store.
type houseOptions struct {
	workers bool // treat submissions and deliver the outbox
	// onlyOCR leaves the workers only the lanes in which pages are read and copies made.
	onlyOCR bool
	// channels has this process deliver what is written into scan folders.
	channels bool
	// roles are what other nodes are told.
	roles []string
	// shareRedis reaches the private Redis of a daemon that runs already instead of
	// starting one.
	shareRedis bool
	// patient opens without the private Redis when it cannot be started, and goes on
	// trying: intake does not need it. Nor does it need the learned model, which is trained
	// meanwhile where there is none.
	patient bool
}

// redisDir is where the private redis-server keeps its data.
func redisDir(cfg config.Config) string { return filepath.Join(cfg.DataDir, "redis") }

// openHouse opens the store, then Redis, then starts the workers. On an error
// everything that was opened is closed again.
func openHouse(ctx context.Context, cfg config.Config, log *slog.Logger, o houseOptions) (_ *house, err error) {
	h := &house{
		cfg: cfg, log: log, zone: zoneOf(cfg), metrics: newMetrics(), closing: make(chan struct{}),
		chores: newChores(), pulse: newPulse(cfg), texts: new(townTexts), reloads: reloading{cfg: cfg},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close())
		}
	}()
	texts, err := readTexts(ctx, cfg)
	if err != nil {
		return nil, err
	}
	texts.warn(ctx, log)
	h.texts.now.Store(texts)
	h.rules = h.texts
	if h.streets, err = loadStreets(cfg); err != nil {
		return nil, usageError{err}
	}
	if h.secretary, err = newSecretary(cfg, h.rules); err != nil {
		return nil, err
	}
	h.store, err = openConfigured(ctx, cfg, store.Options{
		Log: log, Now: clock, OnOutbox: h.notifyOutbox, OnUpgrade: func(have, want int64) { upgrading(ctx, log, have, want) },
		Correspondence: h.secretary, Partners: partnersOf(cfg, h.rules), Antivirus: cfg.Antivirus.Clamd != "",
	})
	if err != nil {
		return nil, err
	}
	h.leases = openLeases(cfg, h.store, o, log)
	if err := h.seal(ctx, h.rules.File()); err != nil {
		return nil, err
	}
	key, err := h.store.Secret(ctx, "follow")
	if err != nil {
		return nil, err
	}
	h.tokens = ingest.Tokens{Key: key}
	if h.mails, err = newMailroom(cfg, h.store, h.secretary, h.texts, h.tokens); err != nil {
		return nil, err
	}
	if h.hooks, err = newHooks(cfg, h.store); err != nil {
		return nil, err
	}
	if h.handovers, err = newHandovers(h); err != nil {
		return nil, err
	}
	for _, problem := range unknownCategories(cfg, h.rules) {
		log.LogAttrs(ctx, slog.LevelWarn, "the configuration names a category that the categories file does not have", slog.String("problem", problem))
	}
	h.intake = &ingest.Intake{Recorder: h.store, Notifier: laneNotifier{h}, Log: log, Now: clock}
	if err := h.openAntivirus(ctx, o.workers); err != nil {
		return nil, err
	}
	if err := h.openRedis(ctx, o); err != nil {
		return nil, err
	}
	if !oneFolder(cfg) && cfg.Redis == "" && !o.shareRedis {
		if err := h.ownQueue(ctx); err != nil {
			return nil, err
		}
	}
	if o.workers {
		if h.ocr, err = openOCR(cfg, log, ocrWatch{h.metrics.ocr, h.pulse}); err != nil {
			return nil, err
		}
		h.understand, err = openUnderstandingIn(ctx, cfg, log, classify.Options{Rules: texts.rules, Dir: modelsDir(cfg), Later: o.patient, Now: clock})
		if err != nil {
			return nil, err
		}
	}
	if err := h.startNode(ctx, o); err != nil {
		return nil, err
	}
	if o.workers {
		h.prepareModel()
		if !oneFolder(cfg) {
			h.shareModels(modelsLook)
		}
	}
	h.watchTexts(textsLook)
	return h, nil
}

func (h *house) openRedis(ctx context.Context, o houseOptions) (err error) {
	switch {
	case h.cfg.Redis != "" || o.shareRedis:
		h.conn, err = daemonQueue(h.cfg)
	default:
		var m *queue.Managed
		m, err = queue.StartManaged(ctx, redisDir(h.cfg), h.log)
		switch {
		case err == nil:
			h.managed.Store(m)
			h.conn = m.Conn()
		case o.patient && !errors.Is(err, queue.ErrInUse):
			h.log.LogAttrs(ctx, slog.LevelError, "the queue cannot be started; intake goes on, treatment waits", slog.Any("err", err))
			if err = os.MkdirAll(redisDir(h.cfg), 0o700); err != nil {
				return err
			}
			if h.conn, err = daemonQueue(h.cfg); err == nil {
				go h.startRedisLater() //nolint:gosec // G118: outlives the context that opened the house
			}
		}
	}
	if err != nil {
		return err
	}
	return nil
}

// redisRetry is how often the private Redis is tried again that did not start.
const redisRetry = 30 * time.Second

// startRedisLater tries until the private Redis runs or the house closes. Clients find
// it on the socket where they look already.
func (h *house) startRedisLater() {
	ctx := context.Background()
	for {
		select {
		case <-h.closing:
			return
		case <-time.After(redisRetry):
		}
		start, cancel := context.WithTimeout(ctx, redisRetry)
		m, err := queue.StartManaged(start, redisDir(h.cfg), h.log)
		cancel()
		if err != nil {
			h.log.LogAttrs(ctx, slog.LevelError, "the queue still cannot be started", slog.Any("err", err))
			continue
		}
		h.managed.Store(m)
		select {
		case <-h.closing: // it came while the house was being closed
			_ = m.Close()
		default:
			h.log.LogAttrs(ctx, slog.LevelInfo, "the queue runs")
		}
		return
	}
}

// prepareModel has the built-in model made in the background where it is not there. Until
// then the rules decide, or the town's own model where it has one, or the one before. When
// it fails they go on, and the training of the night tries again.
func (h *house) prepareModel() {
	if h.preparing != nil {
		h.preparing() // of rules that are no longer in force
		h.preparing = nil
	}
	classifier := h.understand.classifier.Now()
	if classifier.Ready() {
		return
	}
	ctx, cancel := context.WithCancel(h.chores.ctx)
	h.preparing = cancel
	h.log.LogAttrs(ctx, slog.LevelInfo, "the built-in model is being made; treatment does not wait for it",
		slog.String("until_then", cmp.Or(classifier.Version().Name, "rules")))
	h.chores.begin(func(context.Context) {
		defer cancel()
		switch err := classifier.Prepare(ctx); {
		case err == nil:
			h.log.LogAttrs(ctx, slog.LevelInfo, "the learned model is in use", slog.String("version", classifier.Version().Name))
		case ctx.Err() == nil:
			h.log.LogAttrs(ctx, slog.LevelError, "the built-in model cannot be made; the night tries again",
				slog.String("until_then", cmp.Or(classifier.Version().Name, "rules")), slog.Any("err", err))
		}
	})
}

// openOCR returns a reader that tells the observer, if there is one, of each page.
func openOCR(cfg config.Config, log *slog.Logger, observer ocr.Observer) (*ocr.Reader, error) {
	return ocr.New(ocr.Options{
		ChildArgs: []string{ocrChild}, Languages: cfg.OCR.Languages, Workers: cfg.OCR.Workers,
		PageTimeout: cfg.OCR.PageTimeout, DocumentTimeout: cfg.OCR.DocumentTimeout,
		MaxPages: cfg.Limits.Pages, MaxPixels: cfg.Limits.Pixels, Log: log, Observer: observer,
	})
}

// mailWorkers is the number of mails treated at once: reading one is quick, so this
// only has to cover the waits for the store's commits, which they share.
const mailWorkers = 16

// outboundWorkers is the number of deliveries under way at once, partnerWorkers that of those
// to other programs.
const outboundWorkers, partnerWorkers = 4, 8

func (h *house) startNode(ctx context.Context, o houseOptions) error {
	opts := queue.Options{Conn: h.conn, Log: h.log, Observe: h.metrics.observe, SweepEvery: sweepEvery, Turns: h.leases, Concurrency: map[string]int{}}
	deliver := queue.Work{Processor: h.dispatcher(), Failures: deliveryFailures{h.store}}
	opts.Policies = h.policies()
	if o.channels || o.workers && !o.patient {
		opts.Concurrency[queue.QueueNotes] = 1
		opts.Works = map[queue.Kind]queue.Work{queue.KindNote: deliver}
	}
	if o.workers {
		ocrWorkers := h.cfg.OCR.Workers
		if ocrWorkers <= 0 {
			ocrWorkers = runtime.NumCPU()
		}
		// One document more than there are children, so that none idles while a
		// document is between its pages.
		lanes := map[string]int{queue.QueueOCR: ocrWorkers + 1, queue.QueueCopies: 1}
		if !o.onlyOCR {
			lanes[queue.QueueMail], lanes[queue.QueueOutbound], lanes[queue.QueuePartners] = mailWorkers, outboundWorkers, partnerWorkers
		}
		maps.Copy(opts.Concurrency, lanes)
		failures := submissionFailures{h.store}
		opts.Works = map[queue.Kind]queue.Work{
			queue.KindProcess:   {Processor: mailLane{h.pipeline(h.newReader(nil)), h}, Failures: failures},
			queue.KindRecognize: {Processor: h.pipeline(h.newReader(h.ocr)), Failures: failures},
			queue.KindDeliver:   deliver,
			queue.KindNote:      deliver,
			queue.KindCopy:      deliver,
			queue.KindWebhook:   deliver,
			queue.KindHandover:  deliver,
		}
		pulls, night, hourly := newPulls(h.handovers), newNightly(h), newRounds(h)
		opts.Works[queue.KindPull] = queue.Work{Processor: pulls, Failures: pulls}
		opts.Works[queue.KindTrain] = queue.Work{Processor: night, Failures: night}
		opts.Works[queue.KindRemind] = queue.Work{Processor: hourly, Failures: hourly}
		if !o.onlyOCR {
			// Only those nodes sweep that do all the work: what falls due must not depend on
			// which of them has the turn.
			opts.Ledgers = []queue.Ledger{submissionLedger{h.store}, outboxLedger{h.store}, pulls, night, hourly}
		}
	}
	node, err := queue.Start(ctx, opts)
	if err != nil {
		return err
	}
	h.node = node
	h.client.Store(node.Client())
	// What the workers wanted to hand over before there was a client waits in the ledger.
	node.Sweep()
	return nil
}

// policies are those of the queue, with what the configuration says.
func (h *house) policies() map[queue.Kind]queue.Policy {
	policies := queue.DefaultPolicies()
	// The document's own timeout ends it with the pages it has; the queue's limit
	// must be the later one, or a long scan would never end. Two scans are read one
	// after the other when they are fronts and backs of a stack.
	for _, kind := range []queue.Kind{queue.KindRecognize, queue.KindCopy} {
		policy := policies[kind]
		policy.Limit = max(policy.Limit, 3*h.cfg.OCR.DocumentTimeout)
		policies[kind] = policy
	}
	hook := policies[queue.KindWebhook]
	hook.Schedule = hookPauses
	hook.MaxRetry = len(hook.Schedule)
	policies[queue.KindWebhook] = hook
	for kind, policy := range policies {
		policy.Base /= time.Duration(shortPauses)
		policies[kind] = policy
	}
	return policies
}

// newReader returns a reader; recognizer nil makes one that stops at pages.
func (h *house) newReader(recognizer *ocr.Reader) *ingest.DocumentReader {
	r := &ingest.DocumentReader{Limits: h.cfg.Limits, Pages: h.store, Streets: h.streets, Town: h.cfg.Town.Name, TempDir: h.store.Spool().Dir, Log: h.log}
	if recognizer != nil {
		r.OCR = recognizer
	}
	return r
}

func (h *house) pipeline(r ingest.Reader) *ingest.Pipeline {
	p := h.understand.pipeline(h.store, r, h.tokens, h.log)
	p.Notifier = laneNotifier{h}
	p.Antivirus = h.examiner()
	return p
}

// dispatcher lists every way out.
func (h *house) dispatcher() *deliver.Dispatcher {
	return &deliver.Dispatcher{Store: h.store, Handlers: map[string]deliver.Handler{
		ingest.OutboxScanNote: h.deliverScanNote,
		ingest.OutboxScanCopy: h.makeCopy,
		ingest.OutboxMail:     h.mails.deliver,
		ingest.OutboxWebhook:  h.hooks.deliver,
		ingest.OutboxHandover: h.handovers.deliver,
	}}
}

// shutdownTime is how long the queue may take to put its work down.
const shutdownTime = 45 * time.Second

// Close ends everything in the opposite order. It may be called on a house that was
// only partly opened.
func (h *house) Close() error {
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	h.client.Store(nil)
	close(h.closing)
	h.chores.end()
	if h.node != nil {
		errs = append(errs, h.node.Shutdown(ctx))
	}
	if h.ocr != nil {
		errs = append(errs, h.ocr.Close())
	}
	if m := h.managed.Load(); m != nil {
		errs = append(errs, m.Close())
	}
	if h.leases != nil {
		errs = append(errs, h.leases.Close())
	}
	if h.store != nil {
		errs = append(errs, h.store.Close())
	}
	return errors.Join(errs...)
}
