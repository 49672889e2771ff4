package config

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// mailboxYAML is one good mailbox as a flow mapping, with more keys put in.
func mailboxYAML(more string) string {
	return "channels:\n  mailbox:\n    - {name: a, host: h.fr, username: u, password: p" + more + "}\n"
}

// oidcYAML is the desk with a provider; problems without a place of their own stand at its
// first key.
func oidcYAML(keys string) string {
	if !strings.Contains(keys, "§") {
		return "channels: {desk: {oidc: §{" + keys + "}}}\n"
	}
	return "channels: {desk: {oidc: {" + keys + "}}}\n"
}

// webhookYAML and connectorYAML are a webhook and a connector with these keys.
func webhookYAML(keys string) string { return "webhooks: [{" + keys + "}]\n" }

func connectorYAML(keys string) string {
	return "connectors: [{name: c, categories: [voirie], " + keys + "}]\n"
}

// place takes the mark § out of data and returns where it stood, as FILE:LINE:COLUMN.
func place(t *testing.T, data string) (clean, at string) {
	t.Helper()
	before, after, ok := strings.Cut(data, "§")
	if !ok {
		t.Fatalf("no § in %s", data)
	}
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return before + after, fmt.Sprintf("f:%d:%d: ", strings.Count(before, "\n")+1, utf8.RuneCountInString(line)+1)
}

// TestValidate has one case for each rule: the problem that it gives, at the § mark.
func TestValidate(t *testing.T) {
	oauth := func(keys string) string {
		return "channels:\n  mailbox:\n    - name: a\n      host: h.fr\n      username: u\n      oauth2: {" + keys + "}\n"
	}
	oauthBlock := func(keys string) string { return strings.Replace(oauth(keys), "{", "§{", 1) }
	two := func(second string) string {
		return "channels:\n  mailbox:\n    - {name: a, host: h.fr, username: u, password: p}\n    - {" + second + "}\n"
	}
	for _, tc := range []struct{ data, want string }{
		{"town: {name: §\" \"}", "town.name: is required"},
		{"town: {timezone: §Local}", "town.timezone: \"Local\" is no known time zone"},
		{"town: {timezone: §\"\"}", "town.timezone: \"\" is no known time zone"},
		{"town: {holidays: §metropol}", "town.holidays: must be one of metropole, alsace-moselle, guadeloupe, martinique, guyane, reunion, mayotte, saint-martin, saint-barthelemy; did you mean metropole?"},
		{"antivirus: {clamd: §/run/clamav/clamd.ctl}", "antivirus.clamd: must begin with unix:// or tcp://"},
		{"antivirus: {clamd: §\"unix://clamd.ctl\"}", "antivirus.clamd: must name an absolute path"},
		{"antivirus: {clamd: §\"tcp://127.0.0.1\"}", "antivirus.clamd: must name a host and a port"},
		{"antivirus: {clamd: §\"tcp://127.0.0.1:0\"}", "antivirus.clamd: must name a host and a port"},
		{"antivirus: {timeout: §0s}", "antivirus.timeout: must be more than 0s"},
		{"antivirus: {max_size: §10}", "antivirus.max_size: must be at least 1KiB"},
		{"antivirus: {max_size: §4GiB}", "antivirus.max_size: must be less than 4GiB"},
		{"data_dir: §data", "data_dir: must be an absolute path"},
		{"listen: §\"\"", "listen: is required"},
		{"listen: §localhost", "listen: must be an address and a port"},
		{"listen: §localhost:http", "listen: the port must be a number"},
		{"listen: §localhost:65536", "listen: the port must be a number"},
		{"listen: §'a b:80'", "listen: \"a b\" is neither"},
		{"admin_listen: §x", "admin_listen: must be an address and a port"},
		{"listen: a:1\nadmin_listen: §a:1", "admin_listen: must differ from listen"},
		{"public_url: §demarches.fr", "public_url: must be an address such as"},
		{"public_url: §ftp://a.fr", "public_url: must be an address such as"},
		{"public_url: §https://a.fr/", "public_url: must not end with a slash"},
		{"public_url: §https://a.fr/?x=1", "public_url: must be an address only"},
		{"database: §mysql://h/db", "database: must be \"\", which means SQLite under data_dir, or begin with postgres://"},
		{"database: §postgres://h", "database: names no database: postgres://host/NAME"},
		{"database: §'postgres://a:b%zz@h/db'", "database: is not a well-formed address"},
		{"database: §file.db", "database: must be \"\""},
		{"originals: §s3://b", "originals: must name a bucket"},
		{"originals: §s3://key:word@bucket", "originals: must not hold the keys"},
		{"originals: §\"s3://bucket?endpoint=http://s3.fr\"", "originals: the endpoint must begin with https://"},
		{"originals: §\"s3://bucket?endpoint=https://s3.fr/x\"", "originals: the endpoint must be an address only"},
		{"originals: §\"s3://bucket?endpoint=-\"", "originals: the endpoint must be a host"},
		{"originals: §\"s3://bucket?regin=a\"", "originals: has an unknown parameter \"regin\": it takes endpoint, region, tls_ca; did you mean region?"},
		{"originals: §\"s3://bucket?region=a&region=b\"", "originals: has the parameter region more than once"},
		{"originals: §\"s3://bucket?tls_ca=a\"", "originals: the path of tls_ca must be absolute"},
		{"originals: §\"s3://bucket?region=%zz\"", "originals: is not a well-formed address"},
		{"originals_access_key: §a", "originals_access_key: is only for originals"},
		{"originals_secret_key: §a", "originals_secret_key: is only for originals"},
		{"originals: s3://bucket\noriginals_access_key: §a", "originals_access_key: needs originals_secret_key_file beside it"},
		{"originals: s3://bucket\noriginals_secret_key_file: §/a", "originals_secret_key_file: needs originals_access_key beside it"},
		{"originals: s3://bucket\noriginals_access_key: a\noriginals_secret_key: §a\noriginals_secret_key_file: /a", "originals_secret_key: cannot stand beside originals_secret_key_file"},
		{"originals: §/x", "originals: must be \"\""},
		{"redis: §redis-sentinel://h", "redis: needs the name by which the sentinels know the master"},
		{"redis: §redis-cluster://", "redis: must name hosts"},
		{"redis: §http://h", "redis: must be \"\" or begin with"},
		{"redis: §redis://", "redis: must name a host"},
		{"redis: §'redis://:p%@h'", "redis: is not a well-formed address"},
		{"redis: §unix://run/x", "redis: must name the socket with its absolute path"},

		{mailboxYAML("") + "    - {name: §a, host: i.fr, username: u, password: p}", "channels.mailbox[1].name: \"a\" is the name of channels.mailbox[0] already"},
		{two("name: b, host: H.FR, username: u, password: p, folder: §inbox"), "channels.mailbox[1].folder: channels.mailbox[0] empties the same folder"},
		{"channels:\n  mailbox:\n    - §host: h.fr\n      username: u\n      password: p", "channels.mailbox[0].name: is required"},
		{"channels:\n  mailbox:\n    - name: §a/b\n      host: h.fr\n      username: u\n      password: p", "channels.mailbox[0].name: must be 1 to 63 letters"},
		{"channels:\n  mailbox:\n    - §name: a\n      username: u\n      password: p", "channels.mailbox[0].host: is required"},
		{"channels:\n  mailbox:\n    - {name: a, host: §'h.fr:993', username: u, password: p}", "channels.mailbox[0].host: \"h.fr:993\" is neither"},
		{"channels:\n  mailbox:\n    - §name: a\n      host: h.fr\n      password: p", "channels.mailbox[0].username: is required"},
		{"channels:\n  mailbox:\n    - §name: a\n      host: h.fr\n      username: u", "channels.mailbox[0]: a way to log in is required"},
		{mailboxYAML(", port: §0"), "channels.mailbox[0].port: must be between 1 and 65535"},
		{mailboxYAML(", tls: §ssl"), "channels.mailbox[0].tls: must be one of implicit, starttls, none"},
		{mailboxYAML(", tls: §none"), "channels.mailbox[0].tls: none is allowed for this machine itself only"},
		{"channels: {mailbox: [{name: a, host: h.fr, username: u, password: §p, password_file: /x}]}", "channels.mailbox[0].password: cannot stand beside password_file"},
		{mailboxYAML(", folder: §''"), "channels.mailbox[0].folder: is required"},
		{mailboxYAML(", folder: §'a*'"), "channels.mailbox[0].folder: must not contain *"},
		{mailboxYAML(", folder: §\"a\\tb\""), "channels.mailbox[0].folder: must be plain text"},
		{mailboxYAML(", folder: §a/"), "channels.mailbox[0].folder: must neither begin nor end"},
		{mailboxYAML(", done_folder: §Inbox"), "channels.mailbox[0].done_folder: must differ from folder"},
		{mailboxYAML(", failed_folder: §INBOX"), "channels.mailbox[0].failed_folder: must differ from folder"},
		{mailboxYAML(", failed_folder: §Saisine/Traités"), "channels.mailbox[0].failed_folder: must differ from done_folder"},
		{mailboxYAML(", poll: §0s"), "channels.mailbox[0].poll: must be more than 0s"},
		{mailboxYAML(", oauth2: §{token_url: 'https://t.fr', client_id: c, client_secret: s}"), "channels.mailbox[0].oauth2: cannot stand beside password"},
		{oauthBlock("token_url: 'https://t.fr', client_id: c"), "channels.mailbox[0].oauth2: client_secret_file or refresh_token_file is required"},
		{oauthBlock("client_id: c, client_secret: s"), "channels.mailbox[0].oauth2.token_url: is required"},
		{oauth("token_url: §'http://t.fr', client_id: c, client_secret: s"), "channels.mailbox[0].oauth2.token_url: must begin with https://"},
		{oauth("token_url: §t.fr, client_id: c, client_secret: s"), "channels.mailbox[0].oauth2.token_url: must be an address"},
		{oauthBlock("token_url: 'https://t.fr', client_secret: s"), "channels.mailbox[0].oauth2.client_id: is required"},
		{oauth("token_url: 'https://t.fr', client_id: c, client_secret: s, mechanism: §plain"), "channels.mailbox[0].oauth2.mechanism: must be one of"},
		{oauth("token_url: 'https://t.fr', client_id: c, client_secret: §s, client_secret_file: /x"), "channels.mailbox[0].oauth2.client_secret: cannot stand beside client_secret_file"},

		{"channels: {scans: [§{name: a}]}", "channels.scans[0].dir: is required"},
		{"channels: {scans: [{name: a, dir: §x}]}", "channels.scans[0].dir: must be an absolute path"},
		{"channels: {scans: [{name: a, dir: /x}, {name: §a, dir: /y}]}", "channels.scans[1].name: \"a\" is the name of channels.scans[0] already"},
		{"channels: {scans: [{name: a, dir: /x}, {name: b, dir: §/x/y}]}", "channels.scans[1].dir: overlaps with the folder of channels.scans[0]"},
		{"channels: {scans: [{name: a, dir: §/var/lib/saisine/scans}]}", "channels.scans[0].dir: overlaps with data_dir"},
		{"channels: {scans: [{name: a, dir: /x, poll: §-1s}]}", "channels.scans[0].poll: must be more than 0s"},
		{"channels: {scans: [{name: a, dir: /x, stable_for: §0s}]}", "channels.scans[0].stable_for: must be more than 0s"},
		{"channels: {webform: {min_fill_time: §-1s}}", "channels.webform.min_fill_time: must not be negative"},
		{"channels: {webform: {rate_limit: §-1}}", "channels.webform.rate_limit: must not be negative"},
		{"channels: {webform: {trusted_proxies: [10.0.0.1, §proxy]}}", "channels.webform.trusted_proxies[1]: must be an address or a network"},
		{oidcYAML("client_id: c, client_secret: s"), "channels.desk.oidc.issuer: is required"},
		{oidcYAML("issuer: §'http://i.fr', client_id: c, client_secret: s"), "channels.desk.oidc.issuer: must begin with https://"},
		{oidcYAML("issuer: 'https://i.fr', client_secret: s"), "channels.desk.oidc.client_id: is required"},
		{oidcYAML("issuer: 'https://i.fr', client_id: c"), "channels.desk.oidc: client_secret_file is required"},
		{oidcYAML("issuer: 'https://i.fr', client_id: c, client_secret: §s, client_secret_file: /f"), "channels.desk.oidc.client_secret: cannot stand beside client_secret_file"},
		{oidcYAML("issuer: 'https://i.fr', client_id: c, client_secret: s, scopes: §[email]"), "channels.desk.oidc.scopes: openid must be among them"},
		{oidcYAML("issuer: 'https://i.fr', client_id: c, client_secret: s, match: §mail"), "channels.desk.oidc.match: must be one of email, subject; did you mean email?"},
		{oidcYAML("issuer: 'https://i.fr', client_id: c, client_secret: s, siret: §'123'"), "channels.desk.oidc.siret: must be 14 digits"},
		{oidcYAML("issuer: 'https://i.fr', client_id: c, client_secret: s, domains: [§mairie]"), "channels.desk.oidc.domains[0]: must be a domain"},
		{oidcYAML("issuer: 'https://i.fr', client_id: c, client_secret: s, domains: [a.fr], create: §agent"), "channels.desk.oidc.create: must be one of reader"},
		{oidcYAML("issuer: 'https://i.fr', client_id: c, client_secret: s, create: §reader"), "channels.desk.oidc.create: needs siret or domains"},

		{"ocr: {languages: §[]}", "ocr.languages: at least one language"},
		{"ocr: {languages: [fra, §../x]}", "ocr.languages[1]: must be a name of tesseract's"},
		{"ocr: {workers: §-1}", "ocr.workers: must be between 0 and 1024"},
		{"ocr: {page_timeout: §0s}", "ocr.page_timeout: must be more than 0s"},
		{"ocr: §{page_timeout: 1h}", "ocr.document_timeout: must not be shorter than page_timeout"},
		{"smtp: §{host: h.fr}", "smtp.from: is required"},
		{"smtp: {host: h.fr, from: §nobody}", "smtp.from: must be a mail address"},
		{"smtp: {host: h.fr, from: a@b.fr, bounce: §nobody}", "smtp.bounce: must be a mail address"},
		{"smtp: {host: h.fr, from: a@b.fr, tls: §none}", "smtp.tls: none is allowed"},
		{"smtp: {host: h.fr, from: a@b.fr, username: §u}", "smtp.username: needs password_file"},
		{"smtp: {password: §a, password_file: b}", "smtp.password: cannot stand beside password_file"},
		{"api: {rate_limit: §0}", "api.rate_limit: must be between"},
		{webhookYAML("name: §a b, url: 'https://p.fr', secret: s"), "webhooks[0].name: must be 1 to 63 letters"},
		{webhookYAML("name: a, url: §p.fr, secret: s"), "webhooks[0].url: must be an address such as"},
		{webhookYAML("name: a, url: §'https://u:p@p.fr', secret: s"), "webhooks[0].url: must be an address without user"},
		{webhookYAML("name: a, url: §'http://p.fr', secret: s"), "webhooks[0].url: must begin with https://, but for"},
		{webhookYAML("name: a, url: 'https://p.fr', secret: s, allow: [§ici]"), "webhooks[0].allow[0]: must be an address or a network"},
		{webhookYAML("name: a, url: 'https://p.fr', secret: s, timeout: §0s"), "webhooks[0].timeout: must be more than 0s"},
		{webhookYAML("name: a, url: 'https://p.fr', secret: §s, secret_file: f"), "webhooks[0].secret: cannot stand beside secret_file"},
		{"webhooks: [{name: a, url: 'https://p.fr', secret: s}, {name: §a, url: 'https://q.fr', secret: s}]", "webhooks[1].name: \"a\" is the name of webhooks[0] already"},
		{connectorYAML("type: §rtt, url: 'https://rt.fr', token: t, queue: Q"), "connectors[0].type: must be one of rt, redmine"},
		{connectorYAML("type: rt, url: §'http://rt.fr', token: t, queue: Q"), "connectors[0].url: must begin with https://, or the secret would travel in clear"},
		{connectorYAML("type: rt, url: §'https://u:p@rt.fr', token: t, queue: Q"), "connectors[0].url: must be an address without a user"},
		{connectorYAML("type: sftp, url: §'https://rt.fr', username: u, password: p, host_key: k"), "connectors[0].url: must be the server and its folder"},
		{connectorYAML("type: rt, url: 'https://rt.fr', token: t, queue: Q, poll: §5s"), "connectors[0].poll: must be 0s or at least 1m"},
		{connectorYAML("type: rt, url: 'https://rt.fr', token: t, queue: Q, statuses: §{done: finished}"), "connectors[0].statuses: \"done\" means \"finished\", which is none of"},
		{connectorYAML("type: glpi, url: 'https://g.fr', token: t, queue: §Racine"), "connectors[0].queue: must be a number for glpi"},
		{"connectors: [{name: c, type: rt, categories: §[], url: 'https://rt.fr', token: t, queue: Q}]", "connectors[0].categories: is required"},
		{"limits: {message: §0}", "limits.message: must be between 1KiB and 1024GiB"},
		{"limits: {file: §-1MiB}", "limits.file: must be between 1KiB and 1024GiB"},
		{"limits: {pixels: §5}", "limits.pixels: must be between"},
		{"limits: {unpacked_ratio: §0}", "limits.unpacked_ratio: must be between"},
		{"limits: {depth: §0}", "limits.depth: must be between"},
		{"limits: {parts: §0}", "limits.parts: must be between"},
	} {
		t.Run(tc.want, func(t *testing.T) {
			data, at := place(t, tc.data)
			_, err := parse("f", []byte(data), nil)
			if err == nil || !strings.HasPrefix(err.Error(), at+tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s\ngot  %v\nwant %s%s", data, err, at, tc.want)
			}
		})
	}
}

func TestValidateAcceptsWhatTownsHave(t *testing.T) {
	for name, data := range map[string]string{
		"plain IMAP on the machine itself": "channels: {mailbox: [{name: a, host: 127.0.0.1, tls: none, username: u, password: p}]}",
		"IPv6":                             "listen: '[::1]:8080'\nredis: 'redis://[::1]:6379/0'",
		"every address":                    "listen: ':8080'",
		"redis with a password":            "redis: rediss://user:p%40ss@redis.example.fr:6380/1",
		"two folders of one account":       "channels: {mailbox: [{name: a, host: h, username: u, password: p}, {name: b, host: h, username: u, password: p, folder: SVE}]}",
		"refresh token of a public client": "channels: {mailbox: [{name: a, host: h, username: u, oauth2: {token_url: 'http://127.0.0.1:1/t', client_id: c, refresh_token_file: /x}}]}",
		"path behind a proxy":              "public_url: https://www.ville.fr/saisine",
		"webhook on the town's network":    webhookYAML("name: a, url: 'http://10.1.2.3/x', secret_file: /x, allow: [10.1.2.3, 10.2.0.0/16]"),
		"connector without a poll":         connectorYAML("type: rt, url: 'http://127.0.0.1:8080', username: u, password_file: /x, queue: Q, poll: 0s, statuses: {resolved: answered, stalled: ''}"),
		"mail to other software":           "smtp: {host: h.fr, from: a@b.fr}\n" + connectorYAML("type: smtp, url: 'mailto:ged@b.fr'"),
		"no rate limit":                    "channels: {webform: {rate_limit: 0, min_fill_time: 0s}}",
		"sibling folders with one prefix":  "channels: {scans: [{name: a, dir: /srv/scans}, {name: b, dir: /srv/scans2}, {name: c, dir: /var/lib/saisine-scans}]}",
	} {
		t.Run(name, func(t *testing.T) { mustParse(t, "f", data) })
	}
}

// What a type of connector needs beside its address is named.
func TestConnectorNeeds(t *testing.T) {
	for kind, needs := range map[string][]string{
		"rt":      {"rt needs queue", "rt needs token_file or username"},
		"redmine": {"redmine needs queue", "redmine needs token_file"},
		"sftp":    {"sftp needs username", "sftp needs host_key", "sftp needs key_file or password_file"},
		"open311": {"open311 needs codes", "open311 needs token_file"},
		"smtp":    {"smtp needs smtp.host"},
		"glpi":    {"glpi needs token_file"},
		"publik":  {"publik needs codes", "publik needs fields.reference", "publik needs username", "publik needs token_file"},
		"maarch":  {"maarch needs codes", "maarch needs kind", "maarch needs username", "maarch needs password_file"},
	} {
		address := map[string]string{"sftp": "sftp://h.fr/depot", "smtp": "mailto:a@b.fr"}[kind]
		if address == "" {
			address = "https://h.fr"
		}
		_, err := parse("f", []byte(connectorYAML("type: "+kind+", url: '"+address+"'")), nil)
		for _, want := range needs {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", kind, err, want)
			}
		}
	}
}

// Keys and values can be given in a variable.
func TestPairsFromEnvironment(t *testing.T) {
	data := connectorYAML("type: rt, url: 'https://rt.fr', token: t, queue: Q")
	c, err := parse("f", []byte(data), []string{"SAISINE_CONNECTORS_0_STATUSES=resolved=answered, rejected = closed,stalled="})
	if err != nil || len(c.Connectors[0].Statuses) != 3 || c.Connectors[0].Statuses["rejected"] != "closed" || c.Connectors[0].Statuses["stalled"] != "" {
		t.Errorf("%v, %v", c.Connectors, err)
	}
	if _, err := parse("f", []byte(data), []string{"SAISINE_CONNECTORS_0_STATUSES=resolved"}); err == nil || !strings.Contains(err.Error(), "is no pair such as") {
		t.Errorf("got %v", err)
	}
}

func TestValidateWithoutAFile(t *testing.T) {
	c := Default()
	if err := c.Validate(); err != nil {
		t.Fatalf("the defaults: %v", err)
	}
	c.Town.Name = ""
	if err := c.Validate(); err == nil || err.Error() != "town.name: is required" {
		t.Errorf("got %v", err)
	}
}
