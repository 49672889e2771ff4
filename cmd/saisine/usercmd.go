package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"saisine.fr/saisine/channels/desk/credentials"
	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/view"
)

// userFlags are those of user add and user set.
type userFlags struct {
	role, name, email, title, language, subject string
	services                                    []string
	noPassword, noCode                          bool
}

func newUser(a *app) *cobra.Command {
	cmd := parent("user", "The agents of the desk")
	cmd.AddCommand(newUserAdd(a), newUserPasswd(a), newUserSet(a), newUserSwitch(a, "disable", true), newUserSwitch(a, "enable", false), newUserList(a))
	return cmd
}

// properties are the flags that say who an agent is.
func (f *userFlags) properties(cmd *cobra.Command) {
	var roles []string
	for _, r := range ingest.Roles() {
		roles = append(roles, string(r))
	}
	cmd.Flags().StringVar(&f.role, "role", "", "what they may do: "+strings.Join(roles, ", "))
	cmd.Flags().StringVar(&f.name, "name", "", "their name, as others and letters give it")
	cmd.Flags().StringVar(&f.email, "email", "", "their mail address; an OpenID provider vouches for it")
	cmd.Flags().StringVar(&f.title, "title", "", "their function, as letters name it (CRPA L111-2)")
	cmd.Flags().StringSliceVar(&f.services, "services", nil, "the services to which they belong, as the categories file names them")
	cmd.Flags().StringVar(&f.language, "language", "", "of their pages: fr or en")
	cmd.Flags().StringVar(&f.subject, "subject", "", "their subject (sub) with the OpenID provider of the configuration; \"\" unlinks it")
}

// apply puts what was given into an agent.
func (f *userFlags) apply(cmd *cobra.Command, cfg config.Config, u *ingest.Agent) {
	for name, to := range map[string]*string{"name": &u.Name, "email": &u.Email, "title": &u.Title, "language": &u.Language} {
		if cmd.Flags().Changed(name) {
			*to, _ = cmd.Flags().GetString(name)
		}
	}
	if cmd.Flags().Changed("role") {
		u.Role = ingest.Role(f.role)
	}
	if cmd.Flags().Changed("services") {
		u.Services = f.services
	}
	if cmd.Flags().Changed("subject") {
		u.Subject = ""
		if f.subject != "" {
			u.Subject = cfg.Channels.Desk.OIDC.Issuer + " " + f.subject
		}
	}
}

// check refuses what the store would, as wrong usage.
func (f *userFlags) check(cmd *cobra.Command, cfg config.Config) error {
	changed := cmd.Flags().Changed
	var roles []string
	known := false
	for _, r := range ingest.Roles() {
		roles, known = append(roles, string(r)), known || f.role == string(r)
	}
	switch {
	case changed("role") && !known:
		return usageError{fmt.Errorf("--role %q: %s", f.role, strings.Join(roles, ", "))}
	case changed("language") && f.language != "fr" && f.language != "en":
		return usageError{fmt.Errorf("--language %q: fr or en", f.language)}
	case f.email != "" && (strings.Count(f.email, "@") != 1 || strings.ContainsAny(f.email, " <>")):
		return usageError{fmt.Errorf("--email %q: a mail address without a name is expected", f.email)}
	case f.subject != "" && cfg.Channels.Desk.OIDC == nil:
		return usageError{errors.New("--subject: the configuration names no OpenID provider (channels.desk.oidc)")}
	}
	return nil
}

// withUsers is withStore for the agents: a login is checked first, the services afterwards.
func (a *app) withUsers(ctx context.Context, login string, f func(context.Context, config.Config, *store.Store) error) error {
	if login != "" && !ingest.LoginForm.MatchString(login) {
		return usageError{fmt.Errorf("%q is no login: small letters, digits, dots, dashes and underscores, such as j.dupont", login)}
	}
	return a.withStore(ctx, func(ctx context.Context, cfg config.Config, s *store.Store) error {
		err := f(ctx, cfg, s)
		if errors.Is(err, ingest.ErrNotFound) {
			return fmt.Errorf("there is no agent %q; \"saisine user list\" shows them", login)
		}
		return err
	})
}

func newUserAdd(a *app) *cobra.Command {
	var f userFlags
	cmd := &cobra.Command{
		Use: "add LOGIN --role ROLE", Short: "Add an agent",
		Long: `Adds an agent of the desk. The password is asked for twice on a terminal, and read from
the first line of standard input otherwise. It has at least 12 characters; which, is free.

An agent without a password (--no-password) logs in by the OpenID provider only.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withUsers(cmd.Context(), args[0], func(ctx context.Context, cfg config.Config, s *store.Store) error {
				if f.role == "" {
					return usageError{errors.New("--role is missing; see saisine user add --help")}
				}
				if err := f.check(cmd, cfg); err != nil {
					return err
				}
				u := ingest.Agent{Login: args[0], Name: args[0]}
				f.apply(cmd, cfg, &u)
				if _, err := s.Agent(ctx, u.Login); err == nil {
					return fmt.Errorf("the login %s is taken; \"saisine user set %s\" changes them", u.Login, u.Login)
				}
				hash := ""
				if !f.noPassword {
					var err error
					if hash, err = a.askPassword(ctx, cfg, u); err != nil {
						return err
					}
				}
				if err := s.AddAgent(ctx, u, hash, actor()); err != nil {
					return err
				}
				a.warnServices(ctx, cfg, u)
				_, err := fmt.Fprintf(a.stdout, "%s is added, as %s\n", u.Login, u.Role)
				return err
			})
		},
	}
	f.properties(cmd)
	cmd.Flags().BoolVar(&f.noPassword, "no-password", false, "they log in by the OpenID provider only")
	return cmd
}

// warnServices says which services the categories file does not name: a slip of the hand, or
// one that is to come.
func (a *app) warnServices(ctx context.Context, cfg config.Config, u ingest.Agent) {
	now, err := readTexts(ctx, cfg)
	if err != nil {
		return // check-config says what is wrong with them
	}
	all, _ := now.rules.File().Services()
	for _, s := range u.Services {
		if !slices.Contains(all, s) {
			fmt.Fprintf(a.stderr, "saisine: no category names a service %q; there are %s\n", s, strings.Join(all, ", "))
		}
	}
}

func newUserPasswd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "passwd LOGIN", Short: "Give an agent another password; their sessions end",
		Long: `The password is asked for twice on a terminal, and read from the first line of standard
input otherwise. The agent's sessions end.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withUsers(cmd.Context(), args[0], func(ctx context.Context, cfg config.Config, s *store.Store) error {
				u, err := s.Agent(ctx, args[0])
				if err != nil {
					return err
				}
				hash, err := a.askPassword(ctx, cfg, u)
				if err != nil {
					return err
				}
				if err := s.SetPassword(ctx, u.Login, hash, time.Time{}, actor()); err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.stdout, "%s has another password\n", u.Login)
				return err
			})
		},
	}
}

func newUserSet(a *app) *cobra.Command {
	var f userFlags
	cmd := &cobra.Command{
		Use: "set LOGIN", Short: "Change what is given of an agent",
		Long: `Changes what is given, and leaves the rest. Where the role or the services change, the
agent's sessions end. The last administrator who can log in cannot be taken away.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withUsers(cmd.Context(), args[0], func(ctx context.Context, cfg config.Config, s *store.Store) error {
				if err := f.check(cmd, cfg); err != nil {
					return err
				}
				if err := s.ChangeAgent(ctx, args[0], actor(), func(u *ingest.Agent) error {
					f.apply(cmd, cfg, u)
					return nil
				}); err != nil {
					return err
				}
				if f.noPassword {
					if err := s.SetPassword(ctx, args[0], "", time.Time{}, actor()); err != nil {
						return err
					}
				}
				if f.noCode {
					if err := s.SetTOTP(ctx, args[0], "", 0, actor()); err != nil {
						return err
					}
				}
				a.warnServices(ctx, cfg, ingest.Agent{Services: f.services})
				_, err := fmt.Fprintf(a.stdout, "%s is changed\n", args[0])
				return err
			})
		},
	}
	f.properties(cmd)
	cmd.Flags().BoolVar(&f.noPassword, "no-password", false, "take the password away: they log in by the OpenID provider only")
	cmd.Flags().BoolVar(&f.noCode, "no-code", false, "take the one-time codes away, as after the loss of a telephone")
	return cmd
}

func newUserSwitch(a *app, verb string, disabled bool) *cobra.Command {
	short := "Let an agent log in again"
	if disabled {
		short = "Keep an agent from logging in; their sessions end, and what they did stays"
	}
	return &cobra.Command{
		Use: verb + " LOGIN", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withUsers(cmd.Context(), args[0], func(ctx context.Context, _ config.Config, s *store.Store) error {
				if err := s.ChangeAgent(ctx, args[0], actor(), func(u *ingest.Agent) error {
					u.Disabled = disabled
					return nil
				}); err != nil {
					return err
				}
				_, err := fmt.Fprintf(a.stdout, "%s is %sd\n", args[0], verb)
				return err
			})
		},
	}
}

type userJSON struct {
	Login     string   `json:"login"`
	Name      string   `json:"name"`
	Title     string   `json:"title"`
	Email     string   `json:"email"`
	Role      string   `json:"role"`
	Services  []string `json:"services"`
	Language  string   `json:"language"`
	Disabled  bool     `json:"disabled"`
	Password  bool     `json:"password"`
	Code      bool     `json:"code"`
	Subject   string   `json:"subject"`
	CreatedAt string   `json:"created_at"`
	SeenAt    string   `json:"seen_at"`
}

func newUserList(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the agents, by name", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withUsers(cmd.Context(), "", func(ctx context.Context, cfg config.Config, s *store.Store) error {
				all, err := s.Agents(ctx)
				if err != nil {
					return err
				}
				return printUsers(a.stdout, all, zoneOf(cfg), asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func printUsers(w io.Writer, all []ingest.Agent, zone *time.Location, asJSON bool) error {
	out := newJSONLines(w)
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	if !asJSON {
		fmt.Fprintln(tw, "LOGIN\tNAME\tROLE\tSERVICES\tLOGS IN BY\tSEEN")
	}
	for _, u := range all {
		if asJSON {
			if err := out.print(userJSON{
				u.Login, u.Name, u.Title, u.Email, string(u.Role), u.Services, u.Language, u.Disabled, u.HasPassword, u.HasTOTP, u.Subject,
				view.Time(u.CreatedAt, zone), view.Time(u.SeenAt, zone),
			}); err != nil {
				return err
			}
			continue
		}
		seen := "-"
		if !u.SeenAt.IsZero() {
			seen = u.SeenAt.In(zone).Format("2006-01-02 15:04")
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", u.Login, oneLine(u.Name, 40), u.Role, orDash(oneLine(strings.Join(u.Services, ", "), 60)), logsInBy(u), seen)
	}
	return tw.Flush()
}

func logsInBy(u ingest.Agent) string {
	if u.Disabled {
		return "disabled"
	}
	return orDash(strings.Join(nonEmpty(
		map[bool]string{true: "password"}[u.HasPassword], map[bool]string{true: "code"}[u.HasTOTP], map[bool]string{true: "provider"}[u.Subject != ""]), ", "))
}

// maxTypedPassword bounds what is read, in bytes.
const maxTypedPassword = 4096

// askPassword gets a new password for an agent and returns its hash.
func (a *app) askPassword(ctx context.Context, cfg config.Config, u ingest.Agent) (string, error) {
	password, err := a.readPassword(u.Login)
	if err != nil {
		return "", err
	}
	if err := credentials.Rule(password, u.Login, u.Name, u.Email, cfg.Town.Name); err != nil {
		return "", err
	}
	return credentials.Hash(ctx, password)
}

// readPassword asks twice on a terminal, without echo; otherwise it takes the first line of
// standard input.
func (a *app) readPassword(login string) (string, error) {
	if f, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		ask := func(what string) (string, error) {
			fmt.Fprintf(a.stderr, "%s for %s: ", what, login)
			b, err := term.ReadPassword(int(f.Fd()))
			fmt.Fprintln(a.stderr)
			return string(b), err
		}
		first, err := ask("Password")
		if err != nil {
			return "", fmt.Errorf("read password: %w", err)
		}
		again, err := ask("The same once more")
		if err != nil {
			return "", fmt.Errorf("read password: %w", err)
		}
		if first != again {
			return "", errors.New("the two passwords are not the same; nothing was changed")
		}
		return first, nil
	}
	if a.stdin == nil {
		return "", errors.New("no password was given on standard input")
	}
	line, err := bufio.NewReader(io.LimitReader(a.stdin, maxTypedPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("no password was given on standard input")
	}
	return line, nil
}
