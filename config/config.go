// Package config is the daemon's configuration file: its structure, defaults,
// strict loading with line and column, validation that touches no network, and the
// commented file that `saisine init` writes. The `doc` tags are the only description
// of each key, so that the generated reference cannot drift from the code.
package config

import "time"

// Config is the whole configuration file.
type Config struct {
	Town         Town   `yaml:"town" doc:"The town hall itself."`
	DataDir      string `yaml:"data_dir" doc:"Folder for everything saisine keeps: database, originals, queue. On a local disk, not a network share."`
	Listen       string `yaml:"listen" doc:"Address of the public form and follow-up page. Put a reverse proxy with TLS before it."`
	AdminListen  string `yaml:"admin_listen" doc:"Address of /healthz, /readyz and /metrics, for the machine's own monitoring. \"\" turns it off."`
	PublicURL    string `yaml:"public_url" doc:"Address under which citizens reach listen, without a slash at the end; \"\" = http:// and the address of listen."`
	Database     string `yaml:"database" doc:"\"\" = SQLite under data_dir, or postgres://[user:password@]host/database of PostgreSQL 13 or newer, which several nodes may share."`
	DatabaseFile string `yaml:"database_file" doc:"File that holds this address and nothing else, for one with a password."`
	Originals    string `yaml:"originals" doc:"Where originals over 256 KiB and searchable copies lie. \"\" = files under data_dir, or an S3-compatible store: s3://bucket/prefix?endpoint=https://…&region=…&tls_ca=/path (without endpoint: Amazon's)."`
	// The keys of originals: s3://….
	OriginalsAccessKey     string      `yaml:"originals_access_key" doc:"Name of the key to the bucket; \"\" = AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the environment."`
	OriginalsSecretKey     string      `yaml:"originals_secret_key" doc:"Better: originals_secret_key_file." secret:"true"`
	OriginalsSecretKeyFile string      `yaml:"originals_secret_key_file" doc:"File that holds the secret key to the bucket and nothing else."`
	Redis                  string      `yaml:"redis" doc:"\"\" = a private redis-server that saisine starts itself, or redis://[user:password@]host:port/db | rediss://… | redis-sentinel://host,host?master=NAME | redis-cluster://host,host | unix:///path."`
	RedisFile              string      `yaml:"redis_file" doc:"File that holds this address and nothing else, for one with a password."`
	Channels               Channels    `yaml:"channels" doc:"The ways in."`
	OCR                    OCR         `yaml:"ocr" doc:"Reading of scans."`
	Antivirus              Antivirus   `yaml:"antivirus" doc:"Virus scan of all that comes in, by ClamAV's daemon clamd."`
	Categories             string      `yaml:"categories" doc:"\"\" = the built-in categories, or the path of a file like it."`
	Streets                string      `yaml:"streets" doc:"The town's streets, as the CSV of the Base Adresse Nationale (adresse.data.gouv.fr); \"\" = none: places are kept as they are written."`
	Matching               Matching    `yaml:"matching" doc:"Which submissions are one matter."`
	SMTP                   SMTP        `yaml:"smtp" doc:"Outgoing mail."`
	API                    API         `yaml:"api" doc:"What other programs ask and hand in, with keys (saisine key add)."`
	Webhooks               []Webhook   `yaml:"webhooks" doc:"Addresses that are told of what happens to requests, as Standard Webhooks."`
	Connectors             []Connector `yaml:"connectors" doc:"Other software of the town that takes requests over, by category."`
	Letters                Letters     `yaml:"letters" doc:"What the town writes: receipts, notices, reminders."`
	Limits                 Limits      `yaml:"limits" doc:"Bounds on what is taken in and read. Sizes are written as 25MiB, 500kB or in bytes."`

	// origin remembers where each key was written, nil for a Config made in code.
	origin *origin
}

// Town says which town hall this is.
type Town struct {
	Name     string `yaml:"name" doc:"Shown on the form and in receipts."`
	Timezone string `yaml:"timezone" doc:"IANA name, such as Europe/Paris or Indian/Reunion."`
	Email    string `yaml:"email" doc:"Named in letters for a service that has no address of its own; \"\" = that of smtp.from."`
	Phone    string `yaml:"phone" doc:"Named in letters for a service that has no telephone of its own." example:"01 23 45 67 89"`
	Address  string `yaml:"address" doc:"Postal address, its lines parted by commas: in letters, and for a service that has none of its own." example:"1 place de la Mairie, 99100 Saint-Exemple"`
	Holidays string `yaml:"holidays" doc:"metropole, alsace-moselle, guadeloupe, martinique, guyane, reunion, mayotte, saint-martin or saint-barthelemy."`
}

// Channels lists the ways in.
type Channels struct {
	Mailbox []Mailbox    `yaml:"mailbox" doc:"Mailboxes to empty, the SVE address first."`
	Scans   []ScanFolder `yaml:"scans" doc:"Folders in which the copier or the clerks drop scans."`
	Webform Webform      `yaml:"webform" doc:"The public form."`
	Desk    Desk         `yaml:"desk" doc:"The agents' pages."`
	Open311 Open311      `yaml:"open311" doc:"Mobile apps, GeoReport v2."`
}

// Desk is the agents' pages.
type Desk struct {
	Enabled bool  `yaml:"enabled" doc:"true or false."`
	OIDC    *OIDC `yaml:"oidc" doc:"Login by an OpenID Connect provider, such as ProConnect or the town's own, beside passwords."`
}

// How an OpenID provider's account finds its agent at the first login.
const (
	MatchEmail   = "email"
	MatchSubject = "subject"
)

// OIDC is an OpenID Connect provider.
type OIDC struct {
	Issuer           string   `yaml:"issuer" doc:"The provider's address, as its discovery document names it; /.well-known/openid-configuration is read below it." example:"https://login.saint-exemple.fr/realms/mairie"`
	ClientID         string   `yaml:"client_id" doc:"As registered with the provider, together with the return address: public_url and /agent/connexion/retour." example:"abc123"`
	ClientSecret     string   `yaml:"client_secret" doc:"Better: client_secret_file." secret:"true"`
	ClientSecretFile string   `yaml:"client_secret_file" doc:"File that holds the secret and nothing else." example:"/etc/saisine/oidc.secret"`
	Label            string   `yaml:"label" doc:"Its name on the login page."`
	Scopes           []string `yaml:"scopes" doc:"What is asked for; for ProConnect: openid, given_name, usual_name, email, siret, uid."`
	Match            string   `yaml:"match" doc:"How an account finds its agent at the first login: email (verified by the provider), or subject (saisine user set --subject)."`
	Siret            string   `yaml:"siret" doc:"Only accounts of this organisation (claim siret) are let in; \"\" = of any." example:"12345678200010"`
	Domains          []string `yaml:"domains" doc:"Only mail addresses of these domains are let in; empty = of any."`
	Create           string   `yaml:"create" doc:"reader makes an agent, who may read, of an account that has none; \"\" refuses it. Needs siret or domains."`
}

// TLS modes of a mail server.
const (
	TLSImplicit = "implicit"
	TLSStartTLS = "starttls"
	// TLSNone is accepted for loopback hosts only.
	TLSNone = "none"
)

// Mailbox is one IMAP account.
type Mailbox struct {
	Name         string        `yaml:"name" doc:"Short, unique and never changed (letters, digits, . _ -): it is part of each mail's key in the ledger." example:"sve"`
	Host         string        `yaml:"host" doc:"IMAP server." example:"imap.saint-exemple.fr"`
	Port         int           `yaml:"port" doc:"When left out: 993 for tls implicit, 143 for starttls and none."`
	TLS          string        `yaml:"tls" doc:"implicit, starttls, or none (loopback only)."`
	TLSCA        string        `yaml:"tls_ca" doc:"PEM file with the authority of the server's certificate; \"\" = the system's."`
	Username     string        `yaml:"username" doc:"Login name." example:"sve@saint-exemple.fr"`
	Password     string        `yaml:"password" doc:"Better: password_file." secret:"true"`
	PasswordFile string        `yaml:"password_file" doc:"File that holds the password and nothing else." example:"/etc/saisine/sve.password"`
	OAuth2       *OAuth2       `yaml:"oauth2" doc:"Instead of a password, for Microsoft 365, Google and others."`
	Folder       string        `yaml:"folder" doc:"Folder to empty."`
	DoneFolder   string        `yaml:"done_folder" doc:"Where a mail goes once it is in the ledger; made if missing."`
	FailedFolder string        `yaml:"failed_folder" doc:"Where a mail goes that cannot be taken in (over limits.message, or the server cannot deliver it)."`
	Poll         time.Duration `yaml:"poll" doc:"Looked at least this often; IDLE brings new mail at once."`
}

// SASL mechanisms that carry an OAuth 2 token.
const (
	// MechanismXOAuth2 is Google's and Microsoft's own.
	MechanismXOAuth2 = "xoauth2"
	// MechanismOAuthBearer is the standard one (RFC 7628).
	MechanismOAuthBearer = "oauthbearer"
)

// OAuth2 says where tokens for a mailbox come from.
type OAuth2 struct {
	Mechanism        string    `yaml:"mechanism" doc:"xoauth2 or oauthbearer."`
	TokenURL         string    `yaml:"token_url" doc:"The provider's token endpoint."`
	ClientID         string    `yaml:"client_id" doc:"As registered with the provider."`
	ClientSecret     string    `yaml:"client_secret" doc:"Better: client_secret_file." secret:"true"`
	ClientSecretFile string    `yaml:"client_secret_file" doc:"File that holds the secret and nothing else."`
	SecretExpires    time.Time `yaml:"client_secret_expires" doc:"When the provider ends the secret; an alarm is raised 30 days before."`
	RefreshToken     string    `yaml:"refresh_token" doc:"Better: refresh_token_file. \"\" = client credentials." secret:"true"`
	RefreshTokenFile string    `yaml:"refresh_token_file" doc:"File that holds the refresh token and nothing else."`
	Scopes           []string  `yaml:"scopes" doc:"As the provider asks for IMAP."`
}

// ScanFolder is one watched folder.
type ScanFolder struct {
	Name      string        `yaml:"name" doc:"Short, unique and never changed (letters, digits, . _ -): it is part of each scan's key in the ledger." example:"courrier"`
	Dir       string        `yaml:"dir" doc:"The folder; its first level of sub-folders names services." example:"/srv/scans"`
	Poll      time.Duration `yaml:"poll" doc:"How often the folder is listed; file-system events only make it sooner."`
	StableFor time.Duration `yaml:"stable_for" doc:"A file is taken when its size and date have not changed for this long."`
}

// Webform is the public form.
type Webform struct {
	Enabled     bool          `yaml:"enabled" doc:"true or false."`
	MinFillTime time.Duration `yaml:"min_fill_time" doc:"A form sent back faster than this after it was shown is asked for once more (robots)."`
	RateLimit   int           `yaml:"rate_limit" doc:"Posts for each address and hour; 0 = no limit."`
	Trusted     []string      `yaml:"trusted_proxies" doc:"Addresses or networks whose X-Forwarded-For is believed."`
}

// OCR says how scans are read.
type OCR struct {
	Languages       []string      `yaml:"languages" doc:"Tesseract's names; each needs its package, such as tesseract-ocr-fra."`
	Workers         int           `yaml:"workers" doc:"Child processes; 0 = one for each core."`
	PageTimeout     time.Duration `yaml:"page_timeout" doc:"A page that takes longer is given up."`
	DocumentTimeout time.Duration `yaml:"document_timeout" doc:"A document that takes longer keeps the pages it has."`
}

// Matching says how far back one matter may reach.
type Matching struct {
	Days int `yaml:"days" doc:"Within so many days, what is alike and of the same person is linked without an agent; beyond, it is only proposed, while the request is open."`
}

// SMTP is the server for outgoing mail.
type SMTP struct {
	Host         string `yaml:"host" doc:"\"\" = nothing is sent."`
	Port         int    `yaml:"port" doc:"When left out: 587 for tls starttls, 465 for implicit, 25 for none."`
	TLS          string `yaml:"tls" doc:"implicit, starttls, or none (loopback only)."`
	Username     string `yaml:"username" doc:"Login name."`
	Password     string `yaml:"password" doc:"Better: password_file." secret:"true"`
	PasswordFile string `yaml:"password_file" doc:"File that holds the password and nothing else."`
	TLSCA        string `yaml:"tls_ca" doc:"PEM file with the authority of the server's certificate; \"\" = the system's."`
	From         string `yaml:"from" doc:"Sender, such as \"Mairie <sve@saint-exemple.fr>\"."`
	Bounce       string `yaml:"bounce" doc:"Envelope sender, to which delivery reports come; \"\" = the address of from."`
}

// Letters says how the town writes.
type Letters struct {
	Templates     string `yaml:"templates" doc:"Folder with texts of the town's own; a file there replaces the built-in text of the same name. \"\" = the built-in texts."`
	OneDayLater   bool   `yaml:"one_day_later" doc:"true dates implicit decisions one day later (24 June for a request of 23 April), as some tools do."`
	PerHour       int    `yaml:"receipts_per_hour" doc:"Receipts that one address is sent in an hour; what goes beyond is taken for abuse (CRPA L112-11)."`
	Manager       string `yaml:"manager" doc:"Mail address that is told of what stays late; \"\" = nobody."`
	Review        string `yaml:"review" doc:"Mail address that is told of what no service has taken yet and is due soon; \"\" = town.email."`
	DaysBefore    int    `yaml:"days_before" doc:"A service is reminded from so many working days before a deadline on."`
	EscalateAfter int    `yaml:"escalate_after" doc:"The manager is told of what is late by so many working days."`
	Morning       string `yaml:"morning" doc:"When the services get what is due and late, on working days, by the town's clock."`
	Evening       string `yaml:"evening" doc:"After this nothing is sent that can wait for the next working day."`
}

// Limits bound what is taken in and read.
type Limits struct {
	Message       Bytes `yaml:"message" doc:"Largest mail or form post."`
	File          Bytes `yaml:"file" doc:"Largest single file: scan, attachment, form file."`
	Pages         int   `yaml:"pages" doc:"Pages read of one document."`
	Pixels        int   `yaml:"pixels" doc:"Pixels of one page image."`
	UnpackedRatio int   `yaml:"unpacked_ratio" doc:"How many times larger than itself a compressed file may become."`
	Depth         int   `yaml:"depth" doc:"Nesting of MIME parts and attached mails."`
	Parts         int   `yaml:"parts" doc:"MIME parts of one mail."`
}

// BaseURL is the address of the public pages without a slash at the end: public_url,
// or what listen amounts to on the machine itself.
func (c Config) BaseURL() string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	return "http://" + c.Listen
}

// Default returns the configuration that an empty file means.
func Default() Config {
	return Config{
		Town:        Town{Name: "Saint-Exemple", Timezone: "Europe/Paris", Holidays: "metropole"},
		DataDir:     "/var/lib/saisine",
		Listen:      "127.0.0.1:8080",
		AdminListen: "127.0.0.1:8081",
		Channels: Channels{
			Webform: Webform{Enabled: true, MinFillTime: 3 * time.Second, RateLimit: 30, Trusted: []string{"127.0.0.0/8", "::1/128"}},
			Desk:    Desk{Enabled: true},
		},
		OCR:       OCR{Languages: []string{"fra"}, PageTimeout: time.Minute, DocumentTimeout: 30 * time.Minute},
		Antivirus: Antivirus{Timeout: 2 * time.Minute, MaxSize: 25 << 20},
		Matching:  Matching{Days: 30},
		SMTP:      SMTP{Port: 587, TLS: TLSStartTLS},
		API:       API{Enabled: true, RateLimit: 300},
		Letters:   Letters{PerHour: 50, DaysBefore: 3, EscalateAfter: 2, Morning: "08:00", Evening: "18:00"},
		Limits: Limits{
			Message: 50 << 20, File: 25 << 20, Pages: 200, Pixels: 50_000_000,
			UnpackedRatio: 100, Depth: 20, Parts: 200,
		},
	}
}

// DefaultMailbox returns what a mailbox entry starts from.
func DefaultMailbox() Mailbox {
	return Mailbox{
		Port: 993, TLS: TLSImplicit, Folder: "INBOX",
		DoneFolder: "Saisine/Traités", FailedFolder: "Saisine/Échecs", Poll: time.Minute,
	}
}

// SetDefaults makes m what an entry with no keys means.
func (m *Mailbox) SetDefaults() { *m = DefaultMailbox() }

// DefaultOAuth2 returns what the oauth2 keys of a mailbox start from.
func DefaultOAuth2() OAuth2 { return OAuth2{Mechanism: MechanismXOAuth2} }

// SetDefaults makes o what an empty oauth2 means.
func (o *OAuth2) SetDefaults() { *o = DefaultOAuth2() }

// DefaultOIDC returns what the oidc keys of the desk start from.
func DefaultOIDC() OIDC {
	return OIDC{Label: "ProConnect", Scopes: []string{"openid", "email", "profile"}, Match: MatchEmail}
}

// SetDefaults makes o what an empty oidc means.
func (o *OIDC) SetDefaults() { *o = DefaultOIDC() }

// DefaultScanFolder returns what a scan folder entry starts from.
func DefaultScanFolder() ScanFolder {
	return ScanFolder{Poll: 10 * time.Second, StableFor: 10 * time.Second}
}

// SetDefaults makes s what an entry with no keys means.
func (s *ScanFolder) SetDefaults() { *s = DefaultScanFolder() }
