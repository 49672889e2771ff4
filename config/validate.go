package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"saisine.fr/saisine/config/strictyaml"
)

// Holidays are the calendars that town.holidays may name (code du travail L3133-1,
// L3134-13 and L3422-2).
var Holidays = []string{
	"metropole", "alsace-moselle", "guadeloupe", "martinique", "guyane", "reunion",
	"mayotte", "saint-martin", "saint-barthelemy",
}

var (
	entryName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	languageName = regexp.MustCompile(`^[a-z_]+$`)
)

// Validate checks everything that can be checked without touching the network or
// other files. It returns an *Errors with every problem, or nil. Load calls it; it is
// for configurations that were made or changed in code.
func (c *Config) Validate() error {
	errs := Errors{List: c.check()}
	return errs.Err()
}

// problem makes a problem at the place of path.
func (c *Config) problem(path, message string) Problem {
	if c.origin == nil {
		return Problem{Path: path, Message: message}
	}
	return c.origin.pos.Problem(path, message)
}

// checker collects the problems of one configuration.
type checker struct {
	cfg  *Config
	list []Problem
}

func (k *checker) add(path, format string, args ...any) {
	k.list = append(k.list, k.cfg.problem(path, fmt.Sprintf(format, args...)))
}

func (c *Config) check() []Problem {
	k := &checker{cfg: c}
	k.town(c.Town)
	if !filepath.IsAbs(c.DataDir) {
		k.add("data_dir", "must be an absolute path, such as /var/lib/saisine")
	}
	k.listen("listen", c.Listen)
	if c.AdminListen != "" {
		k.listen("admin_listen", c.AdminListen)
		if c.AdminListen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
			k.add("admin_listen", "must differ from listen, which citizens reach")
		}
	}
	k.publicURL(c.PublicURL)
	k.stores(c)
	for i, m := range c.Channels.Mailbox {
		k.mailbox(fmt.Sprintf("channels.mailbox[%d]", i), m)
	}
	k.uniqueMailboxes(c.Channels.Mailbox)
	for i, s := range c.Channels.Scans {
		k.scanFolder(fmt.Sprintf("channels.scans[%d]", i), s)
	}
	k.uniqueScans(c)
	k.webform(c.Channels.Webform)
	if o := c.Channels.Desk.OIDC; o != nil {
		k.oidc("channels.desk.oidc", *o)
	}
	k.ocr(c.OCR)
	k.antivirus(c.Antivirus)
	k.smtp(c.SMTP)
	k.letters(c.Letters)
	k.partners(c)
	k.between("matching.days", int64(c.Matching.Days), 1, 3650)
	k.limits(c.Limits)
	return k.list
}

func (k *checker) required(path, value string) bool {
	if strings.TrimSpace(value) == "" {
		k.add(path, "is required")
		return false
	}
	return true
}

func (k *checker) oneOf(path, value string, names ...string) {
	if slices.Contains(names, value) {
		return
	}
	hint := ""
	if best := strictyaml.Nearest(value, names); best != "" {
		hint = "; did you mean " + best + "?"
	}
	k.add(path, "must be one of %s%s", strings.Join(names, ", "), hint)
}

func (k *checker) positive(path string, d time.Duration) {
	if d <= 0 {
		k.add(path, "must be more than 0s")
	}
}

func (k *checker) between(path string, n, low, high int64) {
	if n < low || n > high {
		k.add(path, "must be between %d and %d", low, high)
	}
}

func (k *checker) town(t Town) {
	k.required("town.name", t.Name)
	// LoadLocation takes "" and "Local" too, which mean the machine's own setting: a
	// deadline must not depend on that.
	if _, err := time.LoadLocation(t.Timezone); err != nil || t.Timezone == "" || t.Timezone == "Local" {
		k.add("town.timezone", "%s is no known time zone; a name such as Europe/Paris is expected", strconv.Quote(t.Timezone))
	}
	k.oneOf("town.holidays", t.Holidays, Holidays...)
	if t.Email != "" {
		k.address("town.email", t.Email)
	}
}

func (k *checker) listen(path, value string) {
	if !k.required(path, value) {
		return
	}
	host, port, err := net.SplitHostPort(value)
	if err != nil {
		k.add(path, "must be an address and a port, such as 127.0.0.1:8080")
		return
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		k.add(path, "the port must be a number between 0 and 65535")
	}
	if host != "" && !hostName(host) {
		k.add(path, "%s is neither an IP address nor a host name", strconv.Quote(host))
	}
}

// hostName reports whether s can be the name or address of a machine.
func hostName(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if len(s) > 253 || strings.HasPrefix(s, "-") || strings.HasPrefix(s, ".") {
		return false
	}
	for _, r := range s {
		if r != '.' && r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return s != ""
}

// loopback reports whether host can only be this machine.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func (k *checker) publicURL(value string) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		k.add("public_url", "must be an address such as https://demarches.saint-exemple.fr")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		k.add("public_url", "must be an address only, without user, ? or #")
	case strings.HasSuffix(value, "/"):
		k.add("public_url", "must not end with a slash")
	}
}

func (k *checker) stores(c *Config) {
	scheme := func(s string) string { name, _, _ := strings.Cut(s, ":"); return strings.ToLower(name) }
	if c.Database != "" {
		// As below, no message quotes it.
		u, err := url.Parse(c.Database)
		switch s := scheme(c.Database); {
		case s != "postgres" && s != "postgresql":
			k.add("database", "must be \"\", which means SQLite under data_dir, or begin with postgres://")
		case err != nil:
			k.add("database", "is not a well-formed address, such as postgres://saisine@db.example/saisine (special characters of a password are written as %%40 and the like)")
		case strings.Trim(u.Path, "/") == "" && u.Query().Get("dbname") == "":
			k.add("database", "names no database: postgres://host/NAME")
		}
	}
	k.originals(c)
	if c.Redis == "" {
		return
	}
	// The value may hold a password, so no message quotes it.
	u, err := url.Parse(c.Redis)
	switch s := scheme(c.Redis); {
	case s == "redis-sentinel" || s == "redis-cluster":
		// Several hosts, which url.Parse does not know; whoever connects reads them.
		if hosts := strings.TrimPrefix(c.Redis, s+"://"); hosts == "" || hosts == c.Redis {
			k.add("redis", "must name hosts, such as %s://10.0.0.1,10.0.0.2", s)
		} else if s == "redis-sentinel" && !strings.Contains(hosts, "master=") {
			k.add("redis", "needs the name by which the sentinels know the master: redis-sentinel://host,host?master=NAME")
		}
	case s != "redis" && s != "rediss" && s != "unix":
		k.add("redis", "must be \"\" or begin with redis://, rediss://, redis-sentinel://, redis-cluster:// or unix://")
	case err != nil:
		k.add("redis", "is not a well-formed address, such as redis://127.0.0.1:6379/0 (special characters of a password are written as %%40 and the like)")
	case s == "unix" && (u.Host != "" || !filepath.IsAbs(u.Path)):
		k.add("redis", "must name the socket with its absolute path, such as unix:///run/redis/redis.sock")
	case s != "unix" && u.Hostname() == "":
		k.add("redis", "must name a host, such as redis://127.0.0.1:6379/0")
	}
}

func (k *checker) entryName(path, name string) {
	if k.required(path, name) && !entryName.MatchString(name) {
		k.add(path, "must be 1 to 63 letters, digits, dots, dashes or underscores, and begin with a letter or digit")
	}
}

func (k *checker) server(path, host string, port int, tls string) {
	if k.required(path+".host", host) && !hostName(host) {
		k.add(path+".host", "%s is neither an IP address nor a host name (the port has its own key)", strconv.Quote(host))
	}
	k.between(path+".port", int64(port), 1, 65535)
	k.oneOf(path+".tls", tls, TLSImplicit, TLSStartTLS, TLSNone)
	if tls == TLSNone && !loopback(host) {
		k.add(path+".tls", "none is allowed for this machine itself only (localhost, 127.0.0.1, ::1): the password would travel in clear")
	}
}

func (k *checker) mailbox(path string, m Mailbox) {
	k.entryName(path+".name", m.Name)
	k.server(path, m.Host, m.Port, m.TLS)
	k.required(path+".username", m.Username)
	k.login(path, m)
	k.folder(path+".folder", m.Folder)
	k.folder(path+".done_folder", m.DoneFolder)
	k.folder(path+".failed_folder", m.FailedFolder)
	if sameFolder(m.DoneFolder, m.Folder) {
		k.add(path+".done_folder", "must differ from folder, or each mail would be taken again")
	}
	if sameFolder(m.FailedFolder, m.Folder) {
		k.add(path+".failed_folder", "must differ from folder, or each failed mail would be taken again")
	}
	if sameFolder(m.FailedFolder, m.DoneFolder) {
		k.add(path+".failed_folder", "must differ from done_folder, which holds only mails that are in the ledger")
	}
	k.positive(path+".poll", m.Poll)
}

func (k *checker) login(path string, m Mailbox) {
	if m.OAuth2 == nil {
		if !k.secret(path+".password", m.Password, m.PasswordFile) && m.Password == "" && m.PasswordFile == "" {
			k.add(path, "a way to log in is required: password_file, password or oauth2")
		}
		return
	}
	if m.Password != "" || m.PasswordFile != "" {
		k.add(path+".oauth2", "cannot stand beside password or password_file: choose one way to log in")
	}
	o, at := m.OAuth2, path+".oauth2"
	k.oneOf(at+".mechanism", o.Mechanism, MechanismXOAuth2, MechanismOAuthBearer)
	k.endpoint(at+".token_url", o.TokenURL, "https://login.example.org/token")
	k.required(at+".client_id", o.ClientID)
	k.secret(at+".client_secret", o.ClientSecret, o.ClientSecretFile)
	k.secret(at+".refresh_token", o.RefreshToken, o.RefreshTokenFile)
	if o.ClientSecret+o.ClientSecretFile+o.RefreshToken+o.RefreshTokenFile == "" {
		k.add(at, "client_secret_file or refresh_token_file is required")
	}
}

// endpoint checks the address of a server that is told a secret.
func (k *checker) endpoint(path, value, example string) {
	if !k.required(path, value) {
		return
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		k.add(path, "must be an address such as %s", example)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		k.add(path, "must begin with https://, or the secret would travel in clear")
	}
}

var siretForm = regexp.MustCompile(`^[0-9]{14}$`)

func (k *checker) oidc(path string, o OIDC) {
	k.endpoint(path+".issuer", o.Issuer, "https://login.saint-exemple.fr/realms/mairie")
	k.required(path+".client_id", o.ClientID)
	if !k.secret(path+".client_secret", o.ClientSecret, o.ClientSecretFile) && o.ClientSecret == "" && o.ClientSecretFile == "" {
		k.add(path, "client_secret_file is required")
	}
	k.required(path+".label", o.Label)
	if !slices.Contains(o.Scopes, "openid") {
		k.add(path+".scopes", "openid must be among them (OpenID Connect Core §3.1.2.1)")
	}
	k.oneOf(path+".match", o.Match, MatchEmail, MatchSubject)
	if o.Siret != "" && !siretForm.MatchString(o.Siret) {
		k.add(path+".siret", "must be 14 digits")
	}
	for i, d := range o.Domains {
		if !hostName(d) || !strings.Contains(d, ".") {
			k.add(fmt.Sprintf("%s.domains[%d]", path, i), "must be a domain, such as saint-exemple.fr")
		}
	}
	if o.Create == "" {
		return
	}
	k.oneOf(path+".create", o.Create, "reader")
	if o.Siret == "" && len(o.Domains) == 0 {
		k.add(path+".create", "needs siret or domains beside it, or anybody with an account of the provider would read the town's requests")
	}
}

// secret reports whether it found fault with a secret and its file.
func (k *checker) secret(path, value, file string) bool {
	// After ReadSecrets both are set, and rightly so: the loader's positions tell what
	// was written.
	if value == "" || file == "" {
		return false
	}
	if o := k.cfg.origin; o != nil && !o.pos.Has(path) {
		return false
	}
	name := path[strings.LastIndexByte(path, '.')+1:]
	k.add(path, "cannot stand beside %s_file: choose one of the two", name)
	return true
}

// folder checks the name of a mail folder. % and * are wildcards of LIST (RFC 3501
// §6.3.8) and control characters cannot be sent.
func (k *checker) folder(path, name string) {
	switch {
	case !k.required(path, name):
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		k.add(path, "must be plain text without control characters")
	case strings.ContainsAny(name, "*%"):
		k.add(path, "must not contain * or %%, which stand for any name in IMAP")
	case strings.TrimSpace(name) != name || strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.Contains(name, "//"):
		k.add(path, "must neither begin nor end with a space or slash, nor have two slashes in a row")
	}
}

// sameFolder compares folder names: only INBOX is the same in any case (RFC 3501 §5.1).
func sameFolder(a, b string) bool {
	return a == b || strings.EqualFold(a, "INBOX") && strings.EqualFold(b, "INBOX")
}

func (k *checker) uniqueMailboxes(list []Mailbox) {
	for i, m := range list {
		path := fmt.Sprintf("channels.mailbox[%d]", i)
		for j, other := range list[:i] {
			if m.Name != "" && m.Name == other.Name {
				k.add(path+".name", "%s is the name of channels.mailbox[%d] already", strconv.Quote(m.Name), j)
			}
			if m.Host != "" && strings.EqualFold(m.Host, other.Host) && m.Port == other.Port && m.Username == other.Username && sameFolder(m.Folder, other.Folder) {
				k.add(path+".folder", "channels.mailbox[%d] empties the same folder of the same account", j)
			}
		}
	}
}

func (k *checker) scanFolder(path string, s ScanFolder) {
	k.entryName(path+".name", s.Name)
	if k.required(path+".dir", s.Dir) && !filepath.IsAbs(s.Dir) {
		k.add(path+".dir", "must be an absolute path, such as /srv/scans")
	}
	k.positive(path+".poll", s.Poll)
	k.positive(path+".stable_for", s.StableFor)
}

func (k *checker) uniqueScans(c *Config) {
	for i, s := range c.Channels.Scans {
		path := fmt.Sprintf("channels.scans[%d]", i)
		for j, other := range c.Channels.Scans[:i] {
			if s.Name != "" && s.Name == other.Name {
				k.add(path+".name", "%s is the name of channels.scans[%d] already", strconv.Quote(s.Name), j)
			}
			if within(s.Dir, other.Dir) || within(other.Dir, s.Dir) {
				k.add(path+".dir", "overlaps with the folder of channels.scans[%d]: a scan would be taken twice", j)
			}
		}
		if within(s.Dir, c.DataDir) || within(c.DataDir, s.Dir) {
			k.add(path+".dir", "overlaps with data_dir, which is saisine's own")
		}
	}
}

// within reports whether absolute path a is b or lies in it.
func within(a, b string) bool {
	if !filepath.IsAbs(a) || !filepath.IsAbs(b) {
		return false
	}
	rel, err := filepath.Rel(b, a)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

func (k *checker) webform(w Webform) {
	if w.MinFillTime < 0 {
		k.add("channels.webform.min_fill_time", "must not be negative")
	}
	if w.RateLimit < 0 {
		k.add("channels.webform.rate_limit", "must not be negative")
	}
	for i, text := range w.Trusted {
		if _, err := netip.ParsePrefix(text); err == nil {
			continue
		}
		if _, err := netip.ParseAddr(text); err != nil {
			k.add(fmt.Sprintf("channels.webform.trusted_proxies[%d]", i), "must be an address or a network, such as 192.0.2.1 or 192.0.2.0/24")
		}
	}
}

func (k *checker) ocr(o OCR) {
	if len(o.Languages) == 0 {
		k.add("ocr.languages", "at least one language is required, such as fra")
	}
	for i, l := range o.Languages {
		if !languageName.MatchString(l) {
			k.add(fmt.Sprintf("ocr.languages[%d]", i), "must be a name of tesseract's, in small letters and underscores, such as fra or chi_sim")
		}
	}
	k.between("ocr.workers", int64(o.Workers), 0, 1024)
	k.positive("ocr.page_timeout", o.PageTimeout)
	k.positive("ocr.document_timeout", o.DocumentTimeout)
	if o.PageTimeout > o.DocumentTimeout && o.DocumentTimeout > 0 {
		k.add("ocr.document_timeout", "must not be shorter than page_timeout")
	}
}

func (k *checker) smtp(s SMTP) {
	k.secret("smtp.password", s.Password, s.PasswordFile)
	if s.Host == "" {
		return
	}
	k.server("smtp", s.Host, s.Port, s.TLS)
	if k.required("smtp.from", s.From) {
		k.address("smtp.from", s.From)
	}
	if s.Bounce != "" {
		k.address("smtp.bounce", s.Bounce)
	}
	if s.Username != "" && s.Password+s.PasswordFile == "" {
		k.add("smtp.username", "needs password_file or password beside it")
	}
}

// ClockForm is how times of the day are written.
const ClockForm = "15:04"

func (k *checker) letters(l Letters) {
	k.between("letters.receipts_per_hour", int64(l.PerHour), 1, 100_000)
	k.between("letters.days_before", int64(l.DaysBefore), 0, 60)
	k.between("letters.escalate_after", int64(l.EscalateAfter), 0, 60)
	for path, value := range map[string]string{"letters.manager": l.Manager, "letters.review": l.Review} {
		if value != "" {
			k.address(path, value)
		}
	}
	morning, merr := time.Parse(ClockForm, l.Morning)
	evening, eerr := time.Parse(ClockForm, l.Evening)
	for path, err := range map[string]error{"letters.morning": merr, "letters.evening": eerr} {
		if err != nil {
			k.add(path, "must be a time of the day, such as 08:00")
		}
	}
	if merr == nil && eerr == nil && !morning.Before(evening) {
		k.add("letters.evening", "must be later than letters.morning")
	}
}

func (k *checker) address(path, value string) {
	if _, err := mail.ParseAddress(value); err != nil {
		k.add(path, "must be a mail address, such as Mairie <sve@saint-exemple.fr>")
	}
}

func (k *checker) limits(l Limits) {
	const terabyte = Bytes(1 << 40)
	k.size("limits.message", l.Message, terabyte)
	k.size("limits.file", l.File, terabyte)
	k.between("limits.pages", int64(l.Pages), 1, 100_000)
	k.between("limits.pixels", int64(l.Pixels), 1_000_000, 2_000_000_000)
	k.between("limits.unpacked_ratio", int64(l.UnpackedRatio), 1, 1_000_000)
	k.between("limits.depth", int64(l.Depth), 1, 1_000)
	k.between("limits.parts", int64(l.Parts), 1, 1_000_000)
}

func (k *checker) size(path string, b, high Bytes) {
	if b < 1<<10 || b > high {
		k.add(path, "must be between 1KiB and %s", high)
	}
}
