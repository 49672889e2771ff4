package store

import (
	"context"
	"slices"

	"saisine.fr/saisine/ingest"
)

// eventAssignedTo is stored, so it never changes. request.assigned is about services.
const eventAssignedTo = "request.assigned_to"

// agentsFor returns the agents who may treat the requests of a service and see them, by name:
// those of a sealed service are its members.
func (s *Store) agentsFor(ctx context.Context, run sqlRunner, service string) ([]ingest.Agent, error) {
	var sealed int
	if err := run.row(ctx, `SELECT count(*) FROM sealed_services WHERE name = $1`, service).Scan(&sealed); err != nil {
		return nil, err
	}
	all, err := s.agents(ctx, run, `WHERE disabled = 0 AND role <> 'reader' ORDER BY name, login`)
	return slices.DeleteFunc(all, func(a ingest.Agent) bool { return sealed > 0 && !slices.Contains(a.Services, service) }), err
}

func hasAgent(list []ingest.Agent, login string) bool {
	return slices.ContainsFunc(list, func(a ingest.Agent) bool { return a.Login == login })
}

// Assignable returns the agents to whom a request can be handed, by name.
func (s *Store) Assignable(ctx context.Context, v ingest.Viewer, reference string) ([]ingest.Agent, error) {
	run := reading{s.read}
	q, err := s.visible(ctx, run, v, reference)
	if err != nil {
		return nil, err
	}
	var service string
	if err := run.row(ctx, `SELECT service FROM requests WHERE id = $1`, q.id).Scan(&service); err != nil {
		return nil, unavailable(err)
	}
	return s.agentsFor(ctx, run, service)
}

// Assign hands a request to an agent, or with "" to nobody. A new one is assigned from then
// on; the citizen, who was told of the service, is not told of the person. Handing it to the
// same again changes nothing. The error wraps ErrRefused for somebody who is no agent, or
// does not see the service.
func (a Acting) Assign(ctx context.Context, reference, login string) error {
	return a.on(ctx, func(ctx context.Context, tx *tx) error {
		q, err := a.s.visible(ctx, tx, a.v, reference)
		if err != nil {
			return err
		}
		var service, before string
		if err := tx.row(ctx, `SELECT service, assignee FROM requests WHERE id = $1`, q.id).Scan(&service, &before); err != nil || before == login {
			return err
		}
		d := map[string]any{"agent": login, "from": before}
		if login != "" {
			able, err := a.s.agentsFor(ctx, tx, service)
			if err != nil {
				return err
			}
			if !hasAgent(able, login) {
				return refused("%s cannot be handed to %q, who does not see it or may not treat it", q.reference, login)
			}
			old, err := statusOf(ctx, tx, q.id)
			if err != nil {
				return err
			}
			if old == ingest.StatusNew {
				if err := a.s.setStatus(ctx, tx, q.id, ingest.StatusAssigned); err != nil {
					return err
				}
				d["old_status"], d["new_status"] = old, ingest.StatusAssigned
			}
		}
		if err := tx.exec(ctx, `UPDATE requests SET assignee = $1 WHERE id = $2`, login, q.id); err != nil {
			return err
		}
		return a.s.event(ctx, tx, eventAssignedTo, a.v.Actor(), "", q.id, d)
	})
}

// AgentNames returns the names of all agents by login, those of disabled ones too.
func (s *Store) AgentNames(ctx context.Context) (map[string]string, error) {
	all, err := s.Agents(ctx)
	names := make(map[string]string, len(all))
	for _, a := range all {
		names[a.Login] = a.Name
	}
	return names, err
}
