package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
)

const agentQuery = `SELECT login, name, title, email, role, services, language, password <> '', one_time, totp <> '', subject, disabled,
	generation, created_at, seen_at FROM agents `

func (s *Store) scanAgent(row rowScanner) (ingest.Agent, error) {
	var a ingest.Agent
	var services string
	var oneTime, created, seen int64
	err := row.Scan(&a.Login, &a.Name, &a.Title, &a.Email, &a.Role, &services, &a.Language, &a.HasPassword, &oneTime, &a.HasTOTP, &a.Subject,
		&a.Disabled, &a.Generation, &created, &seen)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal([]byte(services), &a.Services); err != nil {
		return a, fmt.Errorf("store: services of %s: %w", a.Login, err)
	}
	a.OneTime, a.CreatedAt, a.SeenAt = s.time(oneTime), s.time(created), s.time(seen)
	return a, nil
}

// Agent returns the agent with this login. The error wraps ingest.ErrNotFound when there is
// none.
func (s *Store) Agent(ctx context.Context, login string) (ingest.Agent, error) {
	a, err := s.scanAgent(s.read.QueryRowContext(ctx, agentQuery+`WHERE login = $1`, login))
	return a, noAgent(err, login)
}

func noAgent(err error, login string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: agent %q", ingest.ErrNotFound, login)
	}
	return unavailable(err)
}

// Agents returns all agents, by name.
func (s *Store) Agents(ctx context.Context) ([]ingest.Agent, error) {
	return s.agents(ctx, reading{s.read}, `ORDER BY name, login`)
}

// AgentBySubject returns the agent for whom an OpenID provider vouches under this subject
// (issuer, a space, sub).
func (s *Store) AgentBySubject(ctx context.Context, subject string) (ingest.Agent, error) {
	if subject == "" {
		return ingest.Agent{}, noAgent(sql.ErrNoRows, subject)
	}
	a, err := s.scanAgent(s.read.QueryRowContext(ctx, agentQuery+`WHERE subject = $1`, subject))
	return a, noAgent(err, subject)
}

// AgentsByEmail returns the agents who have this address, in any case.
func (s *Store) AgentsByEmail(ctx context.Context, email string) ([]ingest.Agent, error) {
	if email == "" {
		return nil, nil
	}
	all, err := s.Agents(ctx) // some dozens: a town hall, no citizens
	return slices.DeleteFunc(all, func(a ingest.Agent) bool { return !strings.EqualFold(a.Email, email) }), err
}

func (s *Store) agents(ctx context.Context, run sqlRunner, rest string) ([]ingest.Agent, error) {
	var out []ingest.Agent
	err := run.rows(ctx, agentQuery+rest, nil, func(row rowScanner) error {
		a, err := s.scanAgent(row)
		out = append(out, a)
		return err
	})
	return out, err
}

// AddAgent adds an agent, with the hash of a password or "". A one-time password is good
// until a.OneTime. by is the actor. It is refused when the login is taken or has not the form
// of ingest.LoginForm.
func (s *Store) AddAgent(ctx context.Context, a ingest.Agent, password, by string) error {
	if err := checkAgent(&a); err != nil {
		return err
	}
	services, err := json.Marshal(a.Services)
	if err != nil {
		return fmt.Errorf("store: services: %w", err)
	}
	return s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		if err := subjectFree(ctx, tx, a); err != nil {
			return err
		}
		n, err := tx.execN(ctx, `INSERT INTO agents (login, name, title, email, role, services, language, password, one_time, subject, disabled, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (login) DO NOTHING`,
			a.Login, a.Name, a.Title, a.Email, a.Role, string(services), a.Language, password, micros(a.OneTime), a.Subject, a.Disabled, micros(s.opts.Now()))
		switch {
		case err != nil:
			return err
		case n == 0:
			return refused("the login %s is taken", a.Login)
		}
		return s.logAccess(ctx, tx, by, ingest.AccessAgentAdded, agentDetail(a.Login, agentChanges(ingest.Agent{}, a)))
	})
}

// subjectFree refuses a subject that belongs to another agent.
func subjectFree(ctx context.Context, tx *tx, a ingest.Agent) error {
	var other string
	err := tx.row(ctx, `SELECT login FROM agents WHERE subject = $1 AND subject <> '' AND login <> $2`, a.Subject, a.Login).Scan(&other)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return refused("this account of the OpenID provider belongs to %s", other)
}

// checkAgent says what is wrong with an agent, and puts right what has one form only.
func checkAgent(a *ingest.Agent) error {
	if !ingest.LoginForm.MatchString(a.Login) {
		return refused("a login is made of small letters, digits, dots, dashes and underscores, such as j.dupont")
	}
	if a.Name = strings.Join(strings.Fields(a.Name), " "); a.Name == "" {
		a.Name = a.Login
	}
	a.Title, a.Email = strings.Join(strings.Fields(a.Title), " "), strings.TrimSpace(a.Email)
	if !slices.Contains(ingest.Roles(), a.Role) {
		return refused("there is no role %q", string(a.Role))
	}
	if a.Language == "" {
		a.Language = "fr"
	}
	// Never nil, which would be stored as null.
	a.Services = append([]string{}, a.Services...)
	slices.Sort(a.Services)
	a.Services = slices.Compact(a.Services)
	return nil
}

// ChangeAgent has f change what Agent names as changeable, and writes it. f may be called
// more than once. It is refused when no administrator who can log in would be left. What
// changes the rights ends the agent's sessions. by is the actor.
func (s *Store) ChangeAgent(ctx context.Context, login, by string, f func(*ingest.Agent) error) error {
	return s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		old, err := s.scanAgent(tx.row(ctx, agentQuery+`WHERE login = $1`, login))
		if err != nil {
			return noAgent(err, login)
		}
		a := old
		a.Services = slices.Clone(old.Services)
		if err := f(&a); err != nil {
			return err
		}
		a.Login = old.Login
		if err := checkAgent(&a); err != nil {
			return err
		}
		what := agentChanges(old, a)
		if what == "" {
			return nil
		}
		if err := subjectFree(ctx, tx, a); err != nil {
			return err
		}
		unlinked := old.Subject != "" && a.Subject != old.Subject
		if a.Role != old.Role || a.Disabled != old.Disabled || unlinked || !slices.Equal(a.Services, old.Services) {
			a.Generation++
		}
		services, err := json.Marshal(a.Services)
		if err != nil {
			return fmt.Errorf("store: services: %w", err)
		}
		return s.keepingAdministrator(ctx, tx, func() error {
			err := tx.exec(ctx, `UPDATE agents SET name = $1, title = $2, email = $3, role = $4, services = $5, language = $6, subject = $7, disabled = $8,
				generation = $9 WHERE login = $10`,
				a.Name, a.Title, a.Email, a.Role, string(services), a.Language, a.Subject, a.Disabled, a.Generation, login)
			if err != nil {
				return err
			}
			return s.logAccess(ctx, tx, by, ingest.AccessAgentChanged, agentDetail(login, what))
		})
	})
}

// keepingAdministrator does what may take an administrator away, and refuses it where the
// last one who can log in went: nobody could put that right at the desk.
func (s *Store) keepingAdministrator(ctx context.Context, tx *tx, act func() error) error {
	const query = `SELECT count(*) FROM agents WHERE role = 'administrator' AND disabled = 0 AND (password <> '' OR subject <> '')`
	var before, after int
	if err := tx.row(ctx, query).Scan(&before); err != nil {
		return err
	}
	if err := act(); err != nil {
		return err
	}
	if err := tx.row(ctx, query).Scan(&after); err != nil {
		return err
	}
	if before > 0 && after == 0 {
		return refused("no administrator who can log in would be left")
	}
	return nil
}

// agentChanges says what of an agent changed, for the access log; "" when nothing did. Names
// and addresses are left out.
func agentChanges(old, a ingest.Agent) string {
	var out []string
	add := func(what, before, after string) {
		if before == "" && after != "" {
			out = append(out, what+": "+after)
		} else if before != after {
			out = append(out, fmt.Sprintf("%s: %s → %s", what, before, cmp.Or(after, "–")))
		}
	}
	add("role", string(old.Role), string(a.Role))
	add("services", strings.Join(old.Services, ", "), strings.Join(a.Services, ", "))
	if old.Disabled != a.Disabled {
		out = append(out, fmt.Sprintf("disabled: %t", a.Disabled))
	}
	if old.Login == "" {
		return strings.Join(out, "; ")
	}
	for _, f := range []struct{ name, before, after string }{
		{"name", old.Name, a.Name}, {"title", old.Title, a.Title}, {"email", old.Email, a.Email}, {"language", old.Language, a.Language}, {"openid", old.Subject, a.Subject},
	} {
		if f.before != f.after {
			out = append(out, f.name)
		}
	}
	return strings.Join(out, "; ")
}

func agentDetail(login, what string) string { return strings.TrimSuffix(login+": "+what, ": ") }

// Credentials returns what an agent logs in with.
func (s *Store) Credentials(ctx context.Context, login string) (ingest.Credentials, error) {
	var c ingest.Credentials
	err := s.read.QueryRowContext(ctx, `SELECT password, totp, totp_step FROM agents WHERE login = $1`, login).Scan(&c.Password, &c.TOTP, &c.Step)
	return c, noAgent(err, login)
}

// SetPassword sets the hash of a password ("" takes it away) and ends the agent's sessions.
// oneTime, when not zero, is until when it is good for choosing another one. It is refused
// when no administrator who can log in would be left.
func (s *Store) SetPassword(ctx context.Context, login, hash string, oneTime time.Time, by string) error {
	what := ingest.AccessPassword
	switch {
	case hash == "":
		what = ingest.AccessPasswordOff
	case !oneTime.IsZero():
		what = ingest.AccessOneTime
	}
	return s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		return s.keepingAdministrator(ctx, tx, func() error {
			n, err := tx.execN(ctx, `UPDATE agents SET password = $1, one_time = $2, generation = generation + 1 WHERE login = $3`, hash, micros(oneTime), login)
			if err != nil || n == 0 {
				return cmp.Or(err, noAgent(sql.ErrNoRows, login))
			}
			return s.logAccess(ctx, tx, by, what, login)
		})
	})
}

// Rehash replaces the hash of a password by one of the same password with other parameters,
// unless it was changed meanwhile. Nothing ends by it.
func (s *Store) Rehash(ctx context.Context, login, old, hash string) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `UPDATE agents SET password = $1 WHERE login = $2 AND password = $3`, hash, login, old)
	})
}

// SetTOTP sets the encrypted secret of an agent's one-time codes ("" takes them away), and
// the step of the last code taken. What somebody else does ends the agent's sessions.
func (s *Store) SetTOTP(ctx context.Context, login, secret string, step int64, by string) error {
	what := ingest.AccessTOTPOn
	if secret == "" {
		what = ingest.AccessTOTPOff
	}
	raise := 1
	if by == ingest.ActorAgent+login {
		raise = 0
	}
	return s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		n, err := tx.execN(ctx, `UPDATE agents SET totp = $1, totp_step = $2, generation = generation + $3 WHERE login = $4`, secret, step, raise, login)
		if err != nil || n == 0 {
			return cmp.Or(err, noAgent(sql.ErrNoRows, login))
		}
		return s.logAccess(ctx, tx, by, what, login)
	})
}

// TakeStep notes the time step of a code that an agent has given. It reports false when a
// code of this or a later step was taken before: no code is good twice (RFC 6238 §5.2).
func (s *Store) TakeStep(ctx context.Context, login string, step int64) (fresh bool, err error) {
	err = s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		n, err := tx.execN(ctx, `UPDATE agents SET totp_step = $1 WHERE login = $2 AND totp_step < $1`, step, login)
		fresh = n > 0
		return err
	})
	return fresh && err == nil, err
}

// EndSessions ends all sessions of an agent, and returns the generation of those to come.
func (s *Store) EndSessions(ctx context.Context, login string) (generation int64, err error) {
	err = s.doNow(ctx, func(ctx context.Context, tx *tx) error {
		err := tx.row(ctx, `UPDATE agents SET generation = generation + 1 WHERE login = $1 RETURNING generation`, login).Scan(&generation)
		return noAgent(err, login)
	})
	return generation, err
}

// Seen notes that an agent is at the desk.
func (s *Store) Seen(ctx context.Context, login string, at time.Time) error {
	return s.do(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `UPDATE agents SET seen_at = $1 WHERE login = $2`, micros(at), login)
	})
}
