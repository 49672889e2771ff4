package config

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"saisine.fr/saisine/config/strictyaml"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

func TestTemplateIsTheDefaults(t *testing.T) {
	var b bytes.Buffer
	if err := WriteTemplate(&b); err != nil {
		t.Fatal(err)
	}
	if got := plain(mustParse(t, "f", b.String())); !reflect.DeepEqual(got, Default()) {
		t.Errorf("got %v, want the defaults", got)
	}
	for i, line := range strings.Split(b.String(), "\n") {
		if len([]rune(line)) > lineWidth+2 {
			t.Errorf("line %d is %d characters long", i+1, len([]rune(line)))
		}
	}
}

// uncomment takes the # away from examples, as a person would.
func uncomment(s string) string {
	return regexp.MustCompile(`(?m)^( *)#(\S|  )`).ReplaceAllString(s, "$1$2")
}

func TestTemplateExamplesWork(t *testing.T) {
	once := uncomment(Reference())
	c := mustParse(t, "/etc/saisine.yaml", once)
	want := DefaultMailbox()
	want.Name, want.Host, want.Username, want.PasswordFile = "sve", "imap.saint-exemple.fr", "sve@saint-exemple.fr", "/etc/saisine/sve.password"
	if len(c.Channels.Mailbox) != 1 || !reflect.DeepEqual(c.Channels.Mailbox[0], want) {
		t.Errorf("mailbox: got %v, want %v", c.Channels.Mailbox, want)
	}
	scan := DefaultScanFolder()
	scan.Name, scan.Dir = "courrier", "/srv/scans"
	if len(c.Channels.Scans) != 1 || c.Channels.Scans[0] != scan {
		t.Errorf("scans: got %v, want %v", c.Channels.Scans, scan)
	}
	// The block within the example comes out with its own #.
	_, err := parse("f", []byte(uncomment(once)), nil)
	if err == nil || !strings.Contains(err.Error(), "channels.mailbox[0].oauth2: cannot stand beside password") {
		t.Errorf("got %v, want only the choice between oauth2 and password_file to be left", err)
	}
}

// TestEveryKeyIsDescribed keeps a new key from coming without its description, its
// place in the template or its variable.
func TestEveryKeyIsDescribed(t *testing.T) {
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		if typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || strictyaml.IsScalar(typ) {
			return
		}
		exported := 0
		for i := range typ.NumField() {
			if typ.Field(i).IsExported() {
				exported++
			}
		}
		fields := strictyaml.Fields(typ)
		if len(fields) != exported {
			t.Errorf("%s: a field has no yaml tag", typ)
		}
		for _, f := range fields {
			if !strings.HasSuffix(f.Tag.Get("doc"), ".") {
				t.Errorf("%s.%s: the doc tag %q is no sentence", typ, f.Name, f.Tag.Get("doc"))
			}
			if !strings.Contains(Reference(), f.Name+":") {
				t.Errorf("%s.%s is not in the template", typ, f.Name)
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[Config]())
}

// TestEverySecretIsMasked holds redact.go and secrets.go to the secret tags.
func TestEverySecretIsMasked(t *testing.T) {
	tagged := 0
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		if typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct {
			return
		}
		for _, f := range strictyaml.Fields(typ) {
			if f.Tag.Get("secret") != "" {
				tagged++
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[Config]())
	c := Default()
	c.Channels.Mailbox = []Mailbox{{OAuth2: &OAuth2{}}}
	c.Channels.Desk.OIDC = &OIDC{}
	c.Webhooks, c.Connectors = []Webhook{{}}, []Connector{{}}
	if got := len(c.secrets()); got != tagged {
		t.Errorf("secrets() lists %d, the tags say %d", got, tagged)
	}
	for _, s := range c.secrets() {
		*s.value = "hunter2"
	}
	r := c.Redacted()
	for _, s := range r.secrets() {
		if *s.value != masked {
			t.Errorf("%s is shown as %q", s.path, *s.value)
		}
	}
}

func TestDocumentationIsCurrent(t *testing.T) {
	const path = "../docs/configuration.md"
	if *update {
		if err := os.WriteFile(path, []byte(ReferenceMarkdown()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != ReferenceMarkdown() {
		t.Error("docs/configuration.md is not what the code says: run go test ./config -update")
	}
}
