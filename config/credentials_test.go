package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A secret may be a credential of systemd: one by its own name, or a file of a folder
// that was loaded as a whole.
func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"smtp": "one\n", "saisine_sve": "of the folder\n", "saisine_smtp": "not this one", "saisine_key": "PEM"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	c := mustParse(t, filepath.Join(t.TempDir(), "saisine.yaml"), `channels:
  mailbox:
    - {name: a, host: h, username: u, password_file: credential:sve}
smtp: {password_file: credential:smtp}
connectors:
  - {name: d, type: sftp, categories: [voirie], url: "sftp://h/d", username: u, host_key: k, key_file: credential:key}
`)
	if err := c.ReadSecrets(); err != nil {
		t.Fatal(err)
	}
	if got := c.Channels.Mailbox[0].Password; got != "of the folder" {
		t.Errorf("mailbox: %q", got)
	}
	if c.SMTP.Password != "one" {
		t.Errorf("smtp: %q", c.SMTP.Password)
	}
	if want := filepath.Join(dir, "saisine_key"); c.Connectors[0].KeyFile != want {
		t.Errorf("key file %q", c.Connectors[0].KeyFile)
	}
	if err := c.ReadSecrets(); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestCredentialsThatAreNone(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", t.TempDir())
	for path, want := range map[string]string{
		"credential:missing":   "/etc/saisine/credentials",
		"credential:":          "name of a credential",
		"credential:../shadow": "name of a credential",
		"credential:..":        "name of a credential",
	} {
		_, err := readSecret(path)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
		if path == "credential:missing" && !errors.Is(err, errNoCredential) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
