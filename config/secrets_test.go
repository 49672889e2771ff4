package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func TestReadSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("imap", "s3cret \n")
	write("smtp", "crlf\r\n")
	write("client", "plain")
	write("token", "one break only\n")
	c := mustParse(t, filepath.Join(dir, "saisine.yaml"), `channels:
  mailbox:
    - {name: a, host: h, username: u, password_file: imap}
    - {name: b, host: h, username: v, oauth2: {token_url: "https://t.fr", client_id: c, client_secret_file: client, refresh_token_file: token}}
smtp: {password_file: smtp}
`)
	for range 2 { // again, because a running daemon may read them anew
		if err := c.ReadSecrets(); err != nil {
			t.Fatal(err)
		}
	}
	got := []string{c.Channels.Mailbox[0].Password, c.Channels.Mailbox[1].OAuth2.ClientSecret, c.Channels.Mailbox[1].OAuth2.RefreshToken, c.SMTP.Password}
	want := []string{"s3cret ", "plain", "one break only", "crlf"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("a configuration whose secrets were read does not validate: %v", err)
	}
}

func TestReadSecretsReportsEachFile(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"empty": "\n", "lines": "first-line\nsecond\n", "large": strings.Repeat("x", maxSecret+1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := mustParse(t, filepath.Join(dir, "s.yaml"), `channels:
  mailbox:
    - {name: a, host: h, username: u, password_file: missing}
    - {name: b, host: h, username: v, password_file: empty}
    - {name: c, host: h, username: w, password_file: lines}
`, "SAISINE_SMTP_PASSWORD_FILE="+filepath.Join(dir, "large"))
	err := c.ReadSecrets()
	errs, ok := errors.AsType[*Errors](err)
	if !ok || len(errs.List) != 4 {
		t.Fatalf("got %v, want four problems", err)
	}
	for i, want := range []string{
		"s.yaml:3:54: channels.mailbox[0].password_file: open ", "s.yaml:4:54: channels.mailbox[1].password_file: ", "s.yaml:5:54: channels.mailbox[2].password_file: ",
	} {
		if got := errs.List[i].String(); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := errs.List[3].String(); !strings.HasPrefix(got, "SAISINE_SMTP_PASSWORD_FILE: smtp.password_file: ") {
		t.Errorf("got %s", got)
	}
	if strings.Contains(err.Error(), "first-line") {
		t.Error("the message quotes the secret")
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	const hidden = "hunter2"
	c := Default()
	c.Redis, c.Database = "redis://:"+hidden+"@h/0", "postgres://h/db?password="+hidden
	c.Originals = "s3://k:" + hidden + "@b\x7f" // does not parse
	c.SMTP.Password = hidden
	m := DefaultMailbox()
	m.Name, m.Password, m.OAuth2 = "sve", hidden, &OAuth2{ClientSecret: hidden, RefreshToken: hidden}
	c.Channels.Mailbox = []Mailbox{m}

	for _, v := range []any{c, &c, c.Channels, c.Channels.Mailbox, m, &m, m.OAuth2, *m.OAuth2, c.SMTP, struct{ Inner Config }{c}} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		y, err := yaml.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for how, shown := range map[string]string{
			"%v": fmt.Sprintf("%v", v), "%+v": fmt.Sprintf("%+v", v), "%#v": fmt.Sprintf("%#v", v), "%s": fmt.Sprintf("%s", v),
			"YAML": string(y), "JSON": string(j), "slog": log.String(),
		} {
			if strings.Contains(shown, hidden) {
				t.Errorf("%T as %s shows the secret:\n%s", v, how, shown)
			}
		}
	}
	if c.Channels.Mailbox[0].Password != hidden || m.OAuth2.ClientSecret != hidden {
		t.Error("showing a configuration changed it")
	}
	if got := c.String(); !strings.Contains(got, masked) || !strings.Contains(got, "name: sve") {
		t.Errorf("nothing is left to see:\n%s", got)
	}
}
