package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecret bounds a secret's file: a wrong path may point at anything.
const maxSecret = 64 << 10

// secret is one secret key with the key of its file.
type secret struct {
	path        string // of the secret's own key; its file's key ends in _file
	value, file *string
}

// secrets lists every secret of the configuration. The pointers lead into c.
func (c *Config) secrets() []secret {
	var out []secret
	for i := range c.Channels.Mailbox {
		m, at := &c.Channels.Mailbox[i], fmt.Sprintf("channels.mailbox[%d].", i)
		out = append(out, secret{at + "password", &m.Password, &m.PasswordFile})
		if o := m.OAuth2; o != nil {
			out = append(out,
				secret{at + "oauth2.client_secret", &o.ClientSecret, &o.ClientSecretFile},
				secret{at + "oauth2.refresh_token", &o.RefreshToken, &o.RefreshTokenFile})
		}
	}
	if o := c.Channels.Desk.OIDC; o != nil {
		out = append(out, secret{"channels.desk.oidc.client_secret", &o.ClientSecret, &o.ClientSecretFile})
	}
	for i := range c.Webhooks {
		w, at := &c.Webhooks[i], fmt.Sprintf("webhooks[%d].", i)
		out = append(out, secret{at + "secret", &w.Secret, &w.SecretFile}, secret{at + "old_secret", &w.OldSecret, &w.OldSecretFile})
	}
	for i := range c.Connectors {
		o, at := &c.Connectors[i], fmt.Sprintf("connectors[%d].", i)
		out = append(out, secret{at + "password", &o.Password, &o.PasswordFile}, secret{at + "token", &o.Token, &o.TokenFile},
			secret{at + "app_token", &o.AppToken, &o.AppTokenFile})
	}
	out = append(out, secret{"originals_secret_key", &c.OriginalsSecretKey, &c.OriginalsSecretKeyFile})
	return append(out, secret{"smtp.password", &c.SMTP.Password, &c.SMTP.PasswordFile})
}

// inFiles lists what may stand in a file of its own: the secrets, and the addresses that may
// hold one.
func (c *Config) inFiles() []secret {
	return append(c.secrets(), c.addresses()...)
}

func (c *Config) addresses() []secret {
	return []secret{{"database", &c.Database, &c.DatabaseFile}, {"redis", &c.Redis, &c.RedisFile}}
}

// ReadSecrets reads the secrets that lie in files of their own (…_file) into their
// plain keys, so that the rest of the program looks in one place only. One line
// break at the end of a file is no part of the secret. A …_file of the form credential:NAME
// is a credential that systemd hands over (systemd.exec(5)). It is a step of its own, after
// Load, so that a configuration can be checked by somebody who may not read the
// secrets. Every file that cannot be used is in the *Errors that it returns; running
// it again reads the files anew.
func (c *Config) ReadSecrets() error {
	return c.readFiles(c.inFiles())
}

func (c *Config) readFiles(list []secret) error {
	var errs Errors
	for _, s := range list {
		if *s.file == "" {
			continue
		}
		text, err := readSecret(*s.file)
		if err != nil {
			errs.Add(c.problem(s.path+"_file", err.Error()))
			continue
		}
		*s.value = text
	}
	// A key is read where it is used.
	for i := range c.Connectors {
		file, err := credentialFile(c.Connectors[i].KeyFile)
		if err != nil {
			errs.Add(c.problem(fmt.Sprintf("connectors[%d].key_file", i), err.Error()))
			continue
		}
		c.Connectors[i].KeyFile = file
	}
	return errs.Err()
}

// ReadAddresses is ReadSecrets for the addresses of the database and of Redis only, which every
// command needs that opens the store.
func (c *Config) ReadAddresses() error { return c.readFiles(c.addresses()) }

// readSecret returns the content of a secret's file. Its errors never quote it.
func readSecret(path string) (string, error) {
	file, err := credentialFile(path)
	if err != nil {
		return "", err
	}
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close() // only read: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	switch {
	case len(data) > maxSecret:
		return "", fmt.Errorf("%s is larger than %s: this is no secret's file", path, Bytes(maxSecret))
	case text == "":
		return "", fmt.Errorf("%s is empty", path)
	case strings.ContainsAny(text, "\r\n\x00"):
		return "", errors.New(path + " holds more than one line: it must hold the secret and nothing else")
	}
	return text, nil
}
