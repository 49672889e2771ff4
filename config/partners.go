package config

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// API is what other programs ask and hand in.
type API struct {
	Enabled   bool `yaml:"enabled" doc:"true or false: /api/v1/."`
	RateLimit int  `yaml:"rate_limit" doc:"Calls that one key has in a minute, unless it was given another number; also for /open311/."`
}

// Open311 is the server of GeoReport v2.
type Open311 struct {
	Enabled      bool   `yaml:"enabled" doc:"true or false: /open311/v2/. Only categories that are public are offered and shown."`
	Jurisdiction string `yaml:"jurisdiction_id" doc:"The town's name among others (jurisdiction_id), such as saint-exemple.fr; \"\" = any is taken."`
	Contact      string `yaml:"contact" doc:"Named in the discovery document: whom developers write to, and how they get a key; \"\" = town.email."`
}

// Webhook is an address that is told of what happens.
type Webhook struct {
	Name          string        `yaml:"name" doc:"Short and unique (letters, digits, . _ -)." example:"portail"`
	URL           string        `yaml:"url" doc:"Where it is told; https, but for an address that allow lists." example:"https://portail.saint-exemple.fr/saisine"`
	Secret        string        `yaml:"secret" doc:"Better: secret_file. whsec_…, as saisine webhooks secret makes one; it signs what is told." secret:"true"`
	SecretFile    string        `yaml:"secret_file" doc:"File that holds the secret and nothing else." example:"/etc/saisine/portail.secret"`
	OldSecret     string        `yaml:"old_secret" doc:"The secret before this one, which signs as well until the other side has the new one." secret:"true"`
	OldSecretFile string        `yaml:"old_secret_file" doc:"File that holds the old secret and nothing else."`
	Events        []string      `yaml:"events" doc:"Kinds of events, such as request.opened, or request.*; empty = all."`
	Categories    []string      `yaml:"categories" doc:"Codes of categories; empty = all that are not of a sealed service."`
	Allow         []string      `yaml:"allow" doc:"Private addresses or networks at which it may be, such as 10.1.2.3 or 10.1.0.0/16; others are refused."`
	TLSCA         string        `yaml:"tls_ca" doc:"PEM file with the authority of the server's certificate; \"\" = the system's."`
	Timeout       time.Duration `yaml:"timeout" doc:"How long it may take to answer."`
}

// SetDefaults makes w what an entry with no keys means.
func (w *Webhook) SetDefaults() { *w = Webhook{Timeout: 20 * time.Second} }

// The types of connectors.
const (
	ConnectorRT      = "rt"
	ConnectorRedmine = "redmine"
	ConnectorSFTP    = "sftp"
	ConnectorSMTP    = "smtp"
	ConnectorOpen311 = "open311"
	ConnectorGLPI    = "glpi"
	ConnectorPublik  = "publik"
	ConnectorMaarch  = "maarch"
)

// ConnectorTypes lists the types of connectors.
func ConnectorTypes() []string {
	return []string{ConnectorRT, ConnectorRedmine, ConnectorSFTP, ConnectorSMTP, ConnectorOpen311, ConnectorGLPI, ConnectorPublik, ConnectorMaarch}
}

// ExperimentalConnector reports whether a type was written from documents alone, and never
// tried on the real program.
func ExperimentalConnector(kind string) bool {
	return kind == ConnectorGLPI || kind == ConnectorPublik || kind == ConnectorMaarch
}

// Connector is other software that takes requests over.
type Connector struct {
	Name         string            `yaml:"name" doc:"Short, unique and never changed (letters, digits, . _ -): it is part of what stands with each request." example:"voirie-rt"`
	Type         string            `yaml:"type" doc:"rt (Request Tracker 5), redmine, sftp, smtp, open311, or, experimental, glpi, publik, maarch." example:"rt"`
	Categories   []string          `yaml:"categories" doc:"Codes of the categories whose requests it takes over, once the category is sure." example:"voirie"`
	URL          string            `yaml:"url" doc:"Address of the server; for sftp: sftp://host:port/folder; for smtp: mailto:address." example:"https://rt.saint-exemple.fr"`
	Username     string            `yaml:"username" doc:"Login name: rt (without a token), sftp, maarch; for publik: orig."`
	Password     string            `yaml:"password" doc:"Better: password_file." secret:"true"`
	PasswordFile string            `yaml:"password_file" doc:"File that holds the password and nothing else."`
	Token        string            `yaml:"token" doc:"Better: token_file. rt: authentication token; redmine: API key; open311: api_key; glpi: user_token; publik: signature key." secret:"true"`
	TokenFile    string            `yaml:"token_file" doc:"File that holds the token and nothing else." example:"/etc/saisine/rt.token"`
	AppToken     string            `yaml:"app_token" doc:"Better: app_token_file. glpi: App-Token." secret:"true"`
	AppTokenFile string            `yaml:"app_token_file" doc:"File that holds the App-Token and nothing else."`
	TLSCA        string            `yaml:"tls_ca" doc:"PEM file with the authority of the server's certificate; \"\" = the system's."`
	Queue        string            `yaml:"queue" doc:"rt: queue; redmine: identifier of the project; glpi: id of the entity; maarch: id of the destination entity." example:"Voirie"`
	Kind         string            `yaml:"kind" doc:"redmine: tracker, \"\" = the first; publik: identifier of the trigger that takes what comes later; maarch: id of the indexing model."`
	KeyFile      string            `yaml:"key_file" doc:"sftp: private key in OpenSSH form."`
	HostKey      string            `yaml:"host_key" doc:"sftp: the server's public key, or its fingerprint SHA256:…, as ssh-keygen -l prints it. It is required."`
	Jurisdiction string            `yaml:"jurisdiction_id" doc:"open311: jurisdiction_id of the other town."`
	Codes        map[string]string `yaml:"codes" doc:"What our categories are there, \"\" for all others, such as {voirie: \"17\"}: open311: service_code; glpi: id of the category; publik: slug of the form; maarch: id of the type of mail."`
	Fields       map[string]string `yaml:"fields" doc:"publik: variable names of the form's fields for reference, subject, text, name, email and so on; open311: attributes that every request is given; rt, redmine: {reference: name of a custom field for our reference}."`
	Statuses     map[string]string `yaml:"statuses" doc:"What their statuses mean here, such as {resolved: answered}; \"\" changes nothing. Without it the usual ones."`
	Identity     bool              `yaml:"identity" doc:"open311: true sends the citizen's name and contact too; rt: true makes the citizen the requestor, to whom RT then writes on its own."`
	Media        bool              `yaml:"media" doc:"open311: true sends the first picture, which the standard does not provide for and some servers take."`
	Poll         time.Duration     `yaml:"poll" doc:"How often it is asked where requests stand; 0s = never."`
}

// SetDefaults makes o what an entry with no keys means.
func (o *Connector) SetDefaults() { *o = Connector{Poll: 5 * time.Minute} }

// Redacted returns a copy that may be shown.
func (w Webhook) Redacted() Webhook {
	mask(&w.Secret)
	mask(&w.OldSecret)
	// Its path and parameters may be as good as a key.
	if u, err := url.Parse(w.URL); err == nil && u.Host != "" && (u.RequestURI() != "/" || u.User != nil) {
		w.URL = u.Scheme + "://" + u.Host + "/…"
	} else {
		maskURL(&w.URL)
	}
	return w
}

// Redacted returns a copy that may be shown.
func (o Connector) Redacted() Connector {
	mask(&o.Password)
	mask(&o.Token)
	mask(&o.AppToken)
	maskURL(&o.URL)
	return o
}

func (k *checker) partners(c *Config) {
	k.between("api.rate_limit", int64(c.API.RateLimit), 1, 1_000_000)
	names := map[string]string{}
	name := func(path, name string) {
		k.entryName(path, name)
		if at, ok := names[name]; ok && name != "" {
			k.add(path, "%q is the name of %s already", name, at)
		}
		names[name] = strings.TrimSuffix(path, ".name")
	}
	for i, w := range c.Webhooks {
		path := fmt.Sprintf("webhooks[%d]", i)
		name(path+".name", w.Name)
		k.webhook(path, w)
	}
	clear(names)
	for i, o := range c.Connectors {
		path := fmt.Sprintf("connectors[%d]", i)
		name(path+".name", o.Name)
		k.connector(path, o)
	}
}

func (k *checker) webhook(path string, w Webhook) {
	if k.required(path+".url", w.URL) {
		u, err := url.Parse(w.URL)
		switch {
		case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
			k.add(path+".url", "must be an address such as https://portail.saint-exemple.fr/saisine")
		case u.User != nil || u.Fragment != "":
			k.add(path+".url", "must be an address without user or #")
		case u.Scheme == "http" && len(w.Allow) == 0:
			k.add(path+".url", "must begin with https://, but for a server on the town's own network that allow lists")
		}
	}
	if !k.secret(path+".secret", w.Secret, w.SecretFile) && w.Secret == "" && w.SecretFile == "" {
		k.add(path+".secret_file", "is required: saisine webhooks secret makes a secret")
	}
	k.secret(path+".old_secret", w.OldSecret, w.OldSecretFile)
	for i, text := range w.Allow {
		if _, err := netip.ParsePrefix(text); err == nil {
			continue
		}
		if _, err := netip.ParseAddr(text); err != nil {
			k.add(fmt.Sprintf("%s.allow[%d]", path, i), "must be an address or a network, such as 10.1.2.3 or 10.1.0.0/16")
		}
	}
	k.positive(path+".timeout", w.Timeout)
}

// settable are the statuses that other software may put a request into.
var settableStatuses = []string{"", "assigned", "in_progress", "waiting_citizen", "answered", "closed"}

func (k *checker) connector(path string, o Connector) {
	k.oneOf(path+".type", o.Type, ConnectorTypes()...)
	k.secret(path+".password", o.Password, o.PasswordFile)
	k.secret(path+".token", o.Token, o.TokenFile)
	k.secret(path+".app_token", o.AppToken, o.AppTokenFile)
	for theirs, ours := range o.Statuses {
		if !slices.Contains(settableStatuses, ours) {
			k.add(path+".statuses", "%q means %q, which is none of assigned, in_progress, waiting_citizen, answered, closed", theirs, ours)
		}
	}
	if o.Poll != 0 && o.Poll < time.Minute {
		k.add(path+".poll", "must be 0s or at least 1m")
	}
	if len(o.Categories) == 0 {
		k.add(path+".categories", "is required: the codes of the categories whose requests it takes over")
	}
	k.connectorAddress(path, o)
	needs := map[string]map[string]string{
		ConnectorRT:      {"queue": o.Queue, "token_file or username": o.Token + o.TokenFile + o.Username},
		ConnectorRedmine: {"queue": o.Queue, "token_file": o.Token + o.TokenFile},
		ConnectorSFTP:    {"username": o.Username, "host_key": o.HostKey, "key_file or password_file": o.KeyFile + o.Password + o.PasswordFile},
		ConnectorOpen311: {"codes": strings.Join(slices.Collect(maps.Values(o.Codes)), ""), "token_file": o.Token + o.TokenFile},
		ConnectorGLPI:    {"token_file": o.Token + o.TokenFile},
		ConnectorPublik:  {"codes": strings.Join(slices.Collect(maps.Values(o.Codes)), ""), "fields.reference": o.Fields["reference"], "username": o.Username, "token_file": o.Token + o.TokenFile},
		ConnectorMaarch:  {"codes": strings.Join(slices.Collect(maps.Values(o.Codes)), ""), "kind": o.Kind, "username": o.Username, "password_file": o.Password + o.PasswordFile},
		ConnectorSMTP:    {"smtp.host": k.cfg.SMTP.Host},
	}
	k.numbers(path, o)
	for key, value := range needs[o.Type] {
		if value == "" {
			k.add(path, "%s needs %s", o.Type, key)
		}
	}
}

// numbers checks what is an id of the other side.
func (k *checker) numbers(path string, o Connector) {
	number := func(key, value string) {
		if n, err := strconv.Atoi(value); value != "" && (err != nil || n < 0) {
			k.add(path+"."+key, "must be a number for %s, not %q", o.Type, value)
		}
	}
	if o.Type != ConnectorGLPI && o.Type != ConnectorMaarch {
		return
	}
	number("queue", o.Queue)
	for _, id := range o.Codes {
		number("codes", id)
	}
	if o.Type == ConnectorMaarch {
		number("kind", o.Kind)
	}
}

// connectorAddress checks the url of a connector, whose form is that of its type.
func (k *checker) connectorAddress(path string, o Connector) {
	path += ".url"
	u, err := url.Parse(o.URL)
	switch o.Type {
	case ConnectorSMTP:
		if address, ok := strings.CutPrefix(o.URL, "mailto:"); !ok {
			k.add(path, "must be mailto: and the address that takes the requests")
		} else {
			k.address(path, address)
		}
	case ConnectorSFTP:
		if err != nil || u.Scheme != "sftp" || u.Hostname() == "" || u.User != nil || !filepath.IsAbs(u.Path) {
			k.add(path, "must be the server and its folder, such as sftp://fichiers.saint-exemple.fr:22/depot")
		}
	default:
		k.endpoint(path, o.URL, "https://rt.saint-exemple.fr")
		if err == nil && u.User != nil {
			k.add(path, "must be an address without a user: username, password_file and token_file have their own keys")
		}
	}
}
