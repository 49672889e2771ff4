package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// good is a configuration in which every kind of key is set.
const good = `town: {name: "Saint-Exemple", timezone: Indian/Reunion, holidays: reunion}
data_dir: /srv/saisine
listen: 0.0.0.0:8080
admin_listen: ""
public_url: https://demarches.saint-exemple.fr
redis: unix:///run/redis/redis.sock
channels:
  mailbox:
    - name: sve
      host: imap.example.fr
      username: sve@example.fr
      password_file: sve.password
      poll: 90s
    - &office
      name: urbanisme
      host: outlook.example.com
      tls: starttls
      username: urbanisme@example.fr
      folder: Boîte/Reçus
      oauth2:
        token_url: https://login.example.com/token
        client_id: abc
        client_secret: 0123
        client_secret_expires: 2027-06-30
        scopes: [imap, offline]
    - <<: *office
      name: etat-civil
      username: etat-civil@example.fr
  scans:
    - {name: courrier, dir: /srv/scans, stable_for: 1m}
ocr: {languages: [fra, deu], workers: 2}
smtp: {host: smtp.example.fr, tls: implicit, from: "Mairie <sve@example.fr>"}
limits: {message: 60 MiB, file: 25Mo, pixels: 60_000_000}
`

func mustParse(t *testing.T, path, data string, env ...string) Config {
	t.Helper()
	c, err := parse(path, []byte(data), env)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return c
}

func TestLoadReadsEveryKind(t *testing.T) {
	c := mustParse(t, "/etc/saisine/saisine.yaml", good)
	sve, office, third := c.Channels.Mailbox[0], c.Channels.Mailbox[1], c.Channels.Mailbox[2]
	for _, tc := range []struct {
		what      string
		got, want any
	}{
		{"timezone", c.Town.Timezone, "Indian/Reunion"},
		{"empty text overrides a default", c.AdminListen, ""},
		{"base url", c.BaseURL(), "https://demarches.saint-exemple.fr"},
		{"duration", sve.Poll, 90 * time.Second},
		{"list entries have defaults", sve.DoneFolder, "Saisine/Traités"},
		{"port of implicit", sve.Port, 993},
		{"relative file", sve.PasswordFile, "/etc/saisine/sve.password"},
		{"port of starttls", office.Port, 143},
		{"accents", office.Folder, "Boîte/Reçus"},
		{"digits of a text stay as written", office.OAuth2.ClientSecret, "0123"},
		{"optional block has defaults", office.OAuth2.Mechanism, MechanismXOAuth2},
		{"date", office.OAuth2.SecretExpires, time.Date(2027, 6, 30, 0, 0, 0, 0, time.UTC)},
		{"words", strings.Join(office.OAuth2.Scopes, " "), "imap offline"},
		{"merge key brings a value", third.Host, "outlook.example.com"},
		{"merge key yields to a value", third.Name, "etat-civil"},
		{"scan", c.Channels.Scans[0], ScanFolder{Name: "courrier", Dir: "/srv/scans", Poll: 10 * time.Second, StableFor: time.Minute}},
		{"left out block", c.Channels.Webform.RateLimit, 30},
		{"port of smtp implicit", c.SMTP.Port, 465},
		{"size with a space", c.Limits.Message, Bytes(60 << 20)},
		{"French size", c.Limits.File, Bytes(25_000_000)},
		{"underscores", c.Limits.Pixels, 60_000_000},
		{"left out number", c.Limits.Pages, 200},
	} {
		if !reflect.DeepEqual(tc.got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.what, tc.got, tc.want)
		}
	}
}

// plain drops what a Config remembers of its file.
func plain(c Config) Config {
	c.origin = nil
	return c
}

func TestEmptyFilesMeanTheDefaults(t *testing.T) {
	for name, data := range map[string]string{
		"empty": "", "comment": "# nothing\n", "start mark": "---\n", "null keys": "town:\nlisten: ~\nchannels: {mailbox: , scans: null}\n",
		"byte order mark and CRLF": "\ufefftown:\r\n  name: Saint-Exemple\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got := plain(mustParse(t, "f", data)); !reflect.DeepEqual(got, Default()) {
				t.Errorf("got %v, want the defaults", got)
			}
		})
	}
}

// TestProblemPlaces holds line and column of each kind of fault that the decoder finds.
func TestProblemPlaces(t *testing.T) {
	for _, tc := range []struct{ name, data, want string }{
		{"unknown key", "town:\n  nmae: x\n", "f:2:3: town.nmae: unknown key; did you mean name?"},
		{"unknown key, far", "zzzzzz: x\n", "f:1:1: zzzzzz: unknown key"},
		{"unknown key, few", "channels:\n  desk: {on: true}\n", "f:2:10: channels.desk.on: unknown key; known here: enabled"},
		{"dash for underscore", "data-dir: /x\n", "f:1:1: data-dir: unknown key; did you mean data_dir?"},
		{"after accents", "town: {name: Éé, tz: x}\n", "f:1:18: town.tz: unknown key; known here: name, timezone, email, phone, address, holidays"},
		{"after CRLF", "# a\r\ntown:\r\n  nmae: x\r\n", "f:3:3: town.nmae: unknown key; did you mean name?"},
		{"in a list", "channels:\n  scans:\n    - name: a\n      dir: /a\n      stablefor: 1s\n", "f:5:7: channels.scans[0].stablefor: unknown key; did you mean stable_for?"},
		{"twice", "listen: a:1\ndata_dir: /x\nlisten: b:2\n", "f:3:1: listen: written twice, first on line 1"},
		{"not a number", "limits: {pages: many}\n", "f:1:17: limits.pages: expected a whole number"},
		{"fraction", "limits: {pages: 2.5}\n", "f:1:17: limits.pages: expected a whole number"},
		{"not a boolean", "channels: {desk: {enabled: yes}}\n", "f:1:28: channels.desk.enabled: expected true or false"},
		{"duration without unit", "ocr:\n  page_timeout: 60\n", "f:2:17: ocr.page_timeout: expected a duration with its unit, such as 60s"},
		{"not a duration", "ocr:\n  page_timeout: soon\n", "f:2:17: ocr.page_timeout: expected a duration, such as 10s, 5m or 1h30m"},
		{"not a size", "limits: {file: 25 apples}\n", "f:1:16: limits.file: expected a size, such as 25MiB, 500kB or a number of bytes"},
		{"size too large", "limits: {file: 99999999999GiB}\n", "f:1:16: limits.file: this size is too large"},
		{"list for a text", "listen: [a]\n", "f:1:9: listen: expected one value, found a list"},
		{"text for a list", "ocr: {languages: fra}\n", "f:1:18: ocr.languages: expected a list, found a single value"},
		{"text for keys", "town: Paris\n", "f:1:7: town: expected keys and values, found a single value"},
		{"keys for a list", "channels:\n  mailbox:\n    name: sve\n", "f:3:5: channels.mailbox: expected a list, found keys and values"},
		{"list for the file", "- a\n", "f:1:1: expected keys and values, found a list"},
		{"wrong type of a required key", "channels:\n  mailbox:\n    - {name: a, host: [x], username: u, password: p}\n", "f:3:23: channels.mailbox[0].host: expected one value, found a list"},
		{"two documents", "listen: a:1\n---\nlisten: b:2\n", "f:3:1: only one YAML document is allowed in the file"},
		{"unknown anchor", "listen: *x\n", "f:1:9: listen: there is no anchor &x"},
		{"not YAML", "town: {name: x\n", "f:1:7: the file is not valid YAML"},
		{"a tab", "town:\n\tname: x\n", "f:2:1: the file is not valid YAML"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parse("f", []byte(tc.data), nil)
			errs, ok := errors.AsType[*Errors](err)
			if !ok {
				t.Fatalf("got %v, want *Errors", err)
			}
			if len(errs.List) != 1 || !strings.HasPrefix(errs.List[0].String(), tc.want) {
				t.Errorf("got\n%s\nwant\n%s", errs, tc.want)
			}
		})
	}
}

func TestEveryProblemIsReportedAtOnceInOrder(t *testing.T) {
	_, err := parse("f", []byte("limits: {pages: x}\nlistne: y\ntown: {timezone: Mars/Base}\ndata_dir: here\n"), []string{"SAISINE_OCR_WORKERS=no"})
	want := `SAISINE_OCR_WORKERS: ocr.workers: expected a whole number
f:1:17: limits.pages: expected a whole number
f:2:1: listne: unknown key; did you mean listen?
f:3:18: town.timezone: "Mars/Base" is no known time zone; a name such as Europe/Paris is expected
f:4:11: data_dir: must be an absolute path, such as /var/lib/saisine`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestAliasesCannotMultiplyTheFile(t *testing.T) {
	var b strings.Builder
	b.WriteString("channels:\n  mailbox:\n    - &m {name: a, host: h, username: u, password: p, oauth2: &o {scopes: &s [")
	b.WriteString(strings.Repeat("x, ", 2000))
	b.WriteString("x]}}\n")
	for range 2000 {
		b.WriteString("    - *m\n")
	}
	_, err := parse("f", []byte(b.String()), nil)
	if err == nil || !strings.Contains(err.Error(), "too large once its aliases are followed") {
		t.Error("two thousand aliases of two thousand words were followed to the end")
	}
}

func TestEnvironmentOverridesTheFile(t *testing.T) {
	c := mustParse(t, "/etc/saisine.yaml", good,
		"PATH=/bin", "SAISINE_CRASH_AT=x:1", "SAISINE_EVALUATION=/e", "SAISINE_TEST_POSTGRES=y",
		"SAISINE_DATA_DIR=/data", "SAISINE_ADMIN_LISTEN=127.0.0.1:9", "SAISINE_OCR_LANGUAGES=fra, ita",
		"SAISINE_CHANNELS_MAILBOX_0_TLS_CA=ca.pem", "SAISINE_CHANNELS_MAILBOX_0_PORT=1993",
		"SAISINE_CHANNELS_WEBFORM_ENABLED=false", "SAISINE_CHANNELS_MAILBOX_1_OAUTH2_CLIENT_SECRET=a=b",
		// In the wrong order, and entry 10 after 2 when sorted as text.
		"SAISINE_CHANNELS_SCANS_2_NAME=c", "SAISINE_CHANNELS_SCANS_2_DIR=/c", "SAISINE_CHANNELS_SCANS_1_NAME=b", "SAISINE_CHANNELS_SCANS_1_DIR=/b")
	for _, tc := range []struct {
		what      string
		got, want any
	}{
		{"text", c.DataDir, "/data"},
		{"over an empty text", c.AdminListen, "127.0.0.1:9"},
		{"words", strings.Join(c.OCR.Languages, "+"), "fra+ita"},
		{"key within a key's name", c.Channels.Mailbox[0].TLSCA, "/etc/ca.pem"},
		{"port", c.Channels.Mailbox[0].Port, 1993},
		{"boolean", c.Channels.Webform.Enabled, false},
		{"value with =", c.Channels.Mailbox[1].OAuth2.ClientSecret, "a=b"},
		{"new entry has defaults", c.Channels.Scans[1], ScanFolder{Name: "b", Dir: "/b", Poll: 10 * time.Second, StableFor: 10 * time.Second}},
		{"second new entry", c.Channels.Scans[2].Name, "c"},
	} {
		if !reflect.DeepEqual(tc.got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.what, tc.got, tc.want)
		}
	}
}

func TestEnvironmentProblemsNameTheVariable(t *testing.T) {
	for _, tc := range []struct{ env, want string }{
		{"SAISINE_DATADIR=/x", "SAISINE_DATADIR: no key of the configuration has this name; did you mean SAISINE_DATA_DIR?"},
		{"SAISINE_CHANNELS_MAILBOX_0_HOTS=x", "SAISINE_CHANNELS_MAILBOX_0_HOTS: no key of the configuration has this name; did you mean SAISINE_CHANNELS_MAILBOX_0_HOST?"},
		{"SAISINE_CHANNELS=x", "SAISINE_CHANNELS: no key of the configuration has this name"},
		{"SAISINE_CHANNELS_SCANS_1_DIR=/x", "SAISINE_CHANNELS_SCANS_1_DIR: channels.scans: there is no entry 0 before it"},
		{"SAISINE_CHANNELS_SCANS_01_DIR=/x", "SAISINE_CHANNELS_SCANS_01_DIR: no key of the configuration has this name"},
		{"SAISINE_CHANNELS_SCANS_-1_DIR=/x", "SAISINE_CHANNELS_SCANS_-1_DIR: no key of the configuration has this name"},
		{"SAISINE_LIMITS_PAGES=0", "SAISINE_LIMITS_PAGES: limits.pages: must be between 1 and 100000"},
		{"SAISINE_OCR_LANGUAGES=FR", "SAISINE_OCR_LANGUAGES: ocr.languages[0]: must be a name of tesseract's"},
	} {
		_, err := parse("", nil, []string{tc.env})
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s:\ngot  %v\nwant %s", tc.env, err, tc.want)
		}
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "etc.yaml"), filepath.Join(dir, "here.yaml")
	check := func(what, explicit, want string, wantErr bool) {
		t.Helper()
		got, err := find(explicit, []string{first, second})
		if got != want || (err != nil) != wantErr {
			t.Errorf("%s: got %q, %v; want %q", what, got, err, want)
		}
	}
	check("nothing there", "", "", false)
	check("explicit and missing", first, "", true)
	for _, f := range []string{second, first} {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		check("newly written", "", f, false)
	}
	check("explicit", second, second, false)
	// A path that cannot be looked at is no path that does not exist.
	if _, err := find("", []string{filepath.Join(first, "below-a-file")}); err == nil {
		t.Error("a candidate that cannot be looked at was passed over")
	}
}

func TestLoadReadsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(path, []byte("town: {name: Ailleurs}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, nil)
	if err != nil || c.Town.Name != "Ailleurs" {
		t.Errorf("got %q, %v", c.Town.Name, err)
	}
	if _, err := Load(path+".gone", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{
		"0": 0, "1024": 1024, "1_024": 1024, "2KiB": 2048, "1.5 MiB": 3 << 19, "1GiB": 1 << 30, "1kB": 1000, "1MB": 1e6, "2GB": 2e9,
		"3 Mio": 3 << 20, "3ko": 3000, "12B": 12,
	} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q: got %d, %v; want %d", text, b, err, want)
		}
	}
	for _, text := range []string{"", "x", "1.5", "MiB", "1 TiB", "NaNMiB", "InfMiB", "1e3MiB", "0x1MiB", "9e99GiB", "9223372036854775807KiB"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got %d, want an error", text, b)
		}
	}
	for b, want := range map[Bytes]string{0: "0", 1: "1", 1024: "1KiB", 1000: "1000", 50 << 20: "50MiB", 3 << 30: "3GiB"} {
		if got := b.String(); got != want {
			t.Errorf("%d: got %s, want %s", int64(b), got, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		good, Reference(), "", "a: &a [*a]", "<<: {<<: [a, {b: c}]}", "town: !!str {a: b}", "? [a]\n: b", "\t", "listen: |\n  x\n", "- -\n -", "a: *",
		"channels: {mailbox: [&x {oauth2: {scopes: [1, 2.5, null, true]}}, *x]}", "limits: {file: .inf, pages: 0x10}",
	} {
		f.Add(seed, "SAISINE_CHANNELS_MAILBOX_0_PORT=1")
	}
	f.Fuzz(func(t *testing.T, data, env string) {
		if len(data) > 4<<10 {
			return // the parser takes time with the square of the nesting
		}
		c, err := parse("f", []byte(data), []string{env})
		if err == nil {
			// What loads must be fit to be shown and checked again.
			if again := c.Validate(); again != nil {
				t.Fatalf("loads, but does not validate: %v", again)
			}
			_ = c.String()
			return
		}
		errs, ok := errors.AsType[*Errors](err)
		if !ok || len(errs.List) == 0 {
			t.Fatalf("got %v, want problems", err)
		}
		if slices.ContainsFunc(errs.List, func(p Problem) bool { return p.Message == "" || p.File == "" }) {
			t.Fatalf("a problem without words: %+v", errs.List)
		}
	})
}
