package main

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/message"
	"saisine.fr/saisine/queue"
)

// pulls ask the town's other software where the requests stand that it has taken over. As a
// queue.Ledger it says of which connector a look is due; as a queue.Processor it takes it. What
// is due follows from the store, so that a look which was missed is made up for by the next.
type pulls struct {
	d   *handovers
	cfg []config.Connector
	now func() time.Time
	// looking are the connectors of which a look is under way: another one beside it would ask
	// for the same cases, and one that hangs would take every worker of the lane.
	mu      sync.Mutex
	looking map[string]bool
}

func newPulls(d *handovers) *pulls { return &pulls{d: d, cfg: d.h.cfg.Connectors, now: clock} }

// pullMax is how many cases one look asks for; the next look goes on.
const pullMax = 500

// Unfinished implements queue.Ledger. The id of a look is the connector and the minute, so that
// one that failed does not keep the next one away.
func (p *pulls) Unfinished(ctx context.Context, after int64, _ int) ([]queue.Job, error) {
	if after > 0 {
		return nil, nil
	}
	var jobs []queue.Job
	for _, c := range p.cfg {
		if c.Poll <= 0 || p.busy(c.Name) {
			continue
		}
		due, err := p.d.h.store.HandoversDue(ctx, c.Name, p.now().Add(-c.Poll), 1)
		if err != nil {
			return nil, err
		}
		if len(due) > 0 {
			minute := strconv.FormatInt(p.now().Unix()/60, 10)
			jobs = append(jobs, queue.Job{Kind: queue.KindPull, ID: c.Name + "/" + minute, Queue: queue.QueuePartners, Seq: int64(len(jobs) + 1)})
		}
	}
	return jobs, nil
}

// Process implements queue.Processor.
func (p *pulls) Process(ctx context.Context, id string) error {
	name, _, _ := strings.Cut(id, "/")
	for _, c := range p.cfg {
		if c.Name == name && c.Poll > 0 {
			return p.look(ctx, c)
		}
	}
	return nil // it is no longer configured
}

func (p *pulls) busy(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.looking[name]
}

// begin reserves a connector for one look; ok is false while another is under way.
func (p *pulls) begin(name string) (end func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.looking[name] {
		return nil, false
	}
	if p.looking == nil {
		p.looking = map[string]bool{}
	}
	p.looking[name] = true
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.looking, name)
	}, true
}

// What another program says of a case is kept within these bounds: its word, and what the citizen
// is told with it.
const maxWord, maxNote = 200, 5000

func (p *pulls) look(ctx context.Context, c config.Connector) error {
	connector, ok := p.d.connectors[c.Name]
	if !ok {
		return nil
	}
	end, ok := p.begin(c.Name)
	if !ok {
		return nil
	}
	defer end()
	if p.d.h.leases == nil {
		return p.lookAt(ctx, connector, c) // a person's command
	}
	// Nor beside one on another node.
	_, err := p.d.h.leases.Try(ctx, "pull/"+c.Name, func(ctx context.Context) error { return p.lookAt(ctx, connector, c) })
	return err
}

func (p *pulls) lookAt(ctx context.Context, connector handover.Connector, c config.Connector) error {
	due, err := p.d.h.store.HandoversDue(ctx, c.Name, p.now().Add(-c.Poll), pullMax)
	if err != nil {
		return err
	}
	down := 0
	for _, h := range due {
		if err := ctx.Err(); err != nil {
			return err
		}
		state, err := connector.Status(ctx, h.RemoteID)
		trouble := ""
		switch {
		case errors.Is(err, handover.ErrNoStatus):
			state, err = handover.State{}, nil
		case errors.Is(err, handover.ErrGone):
			trouble = "le dossier n’y est plus"
		case err != nil:
			down++
			trouble = cutLine(err.Error())
		}
		note := message.Cut(printable(state.Note), maxNote)
		if err := p.d.h.store.RemoteStatus(ctx, h.ID, h.CheckedAt, oneLine(state.Raw, maxWord), state.Status, note, trouble); err != nil && !errors.Is(err, ingest.ErrRefused) {
			return err
		}
		if down >= downAfter {
			// It is the server and not the case: the next look finds them all still due.
			p.d.h.log.LogAttrs(ctx, slog.LevelWarn, "a connector does not say where its cases stand", slog.String("connector", c.Name), slog.Any("err", err))
			return nil
		}
	}
	return nil
}

// downAfter is after how many failures a look is given up.
const downAfter = 3

// Fail implements queue.FailureRecorder: the next look makes up for it.
func (p *pulls) Fail(ctx context.Context, id, reason string) error {
	p.d.h.log.LogAttrs(ctx, slog.LevelError, "a look at the cases of a connector failed", slog.String("pull", id), slog.String("reason", reason))
	return nil
}
