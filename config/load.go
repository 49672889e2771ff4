package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"saisine.fr/saisine/config/strictyaml"
)

// Problem is one thing that is wrong in the configuration, with its place.
type Problem = strictyaml.Problem

// Errors is everything that is wrong in the configuration. Load, Validate and
// ReadSecrets return it as an error; errors.As finds it.
type Errors = strictyaml.Errors //nolint:errname // as there

// searched is where the file is looked for when none is named.
var searched = []string{"/etc/saisine/saisine.yaml", "saisine.yaml"}

// origin is what a loaded Config remembers of where it came from.
type origin struct {
	pos strictyaml.Positions
	// path is the file's name, "" when there is none.
	path string
}

// Find says which file to load: the explicit one (the --config option) when it is not
// "", else /etc/saisine/saisine.yaml, else ./saisine.yaml, else "", which means the
// defaults. An explicit file that does not exist is an error; so is one of the others
// that exists but cannot be looked at, because running a town hall on the defaults
// instead of its own file would be worse than not starting.
func Find(explicit string) (string, error) { return find(explicit, searched) }

func find(explicit string, candidates []string) (string, error) {
	if explicit != "" {
		if _, err := os.Stat(explicit); err != nil {
			return "", fmt.Errorf("config: %w", err)
		}
		return explicit, nil
	}
	for _, path := range candidates {
		_, err := os.Stat(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("config: %w", err)
		}
	}
	return "", nil
}

// Load reads the configuration from the file at path ("" = defaults only) and from
// the environment (as os.Environ gives it), where SAISINE_* variables override the
// file. It touches no network and reads no file but that one: secrets that lie in
// files of their own are read by ReadSecrets.
//
// When something is wrong the error is an *Errors with every problem, and the Config
// holds what could be understood. Relative paths in the file (…_file, tls_ca,
// categories) count from the file's own folder.
func Load(path string, env []string) (Config, error) {
	var data []byte
	if path != "" {
		var err error
		if data, err = os.ReadFile(path); err != nil {
			return Default(), fmt.Errorf("config: %w", err)
		}
	}
	return parse(path, data, env)
}

// parse is Load without the reading of the file.
func parse(path string, data []byte, env []string) (Config, error) {
	var errs Errors
	cfg := Default()
	o := &origin{path: path}
	o.pos = strictyaml.Decode(path, data, &cfg, &errs)
	applyEnv(&cfg, env, o.pos, &errs)
	cfg.origin = o
	cfg.settlePorts()
	cfg.settlePaths()

	// A value of the wrong type was left at its default: checking that default too
	// would only hide the first problem behind a second.
	wrong := map[string]bool{}
	for _, p := range errs.List {
		wrong[p.Path] = true
	}
	for _, p := range cfg.check() {
		if !wrong[p.Path] {
			errs.Add(p)
		}
	}
	return cfg, errs.Err()
}

// settlePorts gives ports that were left out the usual number for their TLS mode:
// RFC 8314 §7.3 (993, 465), RFC 3501 §2.1 (143), RFC 6409 §3.1 (587).
func (c *Config) settlePorts() {
	for i := range c.Channels.Mailbox {
		if m := &c.Channels.Mailbox[i]; !c.origin.pos.Has(fmt.Sprintf("channels.mailbox[%d].port", i)) {
			m.Port = 143
			if m.TLS == TLSImplicit {
				m.Port = 993
			}
		}
	}
	if !c.origin.pos.Has("smtp.port") {
		switch c.SMTP.TLS {
		case TLSImplicit:
			c.SMTP.Port = 465
		case TLSNone:
			c.SMTP.Port = 25
		default:
			c.SMTP.Port = 587
		}
	}
}

// settlePaths makes paths that were written relative count from the file's folder.
func (c *Config) settlePaths() {
	if c.origin.path == "" {
		return
	}
	dir := filepath.Dir(c.origin.path)
	settle := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) && !isCredential(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	settle(&c.Categories)
	settle(&c.Streets)
	settle(&c.Letters.Templates)
	settle(&c.SMTP.TLSCA)
	for i := range c.Channels.Mailbox {
		settle(&c.Channels.Mailbox[i].TLSCA)
	}
	for _, s := range c.inFiles() {
		settle(s.file)
	}
}
