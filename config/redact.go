package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"slices"

	"github.com/goccy/go-yaml"
)

// masked stands for a secret that is set.
const masked = "********"

func mask(s *string) {
	if *s != "" {
		*s = masked
	}
}

// maskURL hides the password of a URL. What does not parse is hidden as a whole.
func maskURL(s *string) {
	if *s == "" {
		return
	}
	u, err := url.Parse(*s)
	if err != nil {
		*s = masked
		return
	}
	// Redis and PostgreSQL take passwords as parameters too.
	q, changed := u.Query(), false
	for key := range q {
		switch key {
		case "password", "sslpassword", "secret", "secret_key", "secret_access_key", "sentinel_password":
			q.Set(key, masked)
			changed = true
		}
	}
	if changed {
		u.RawQuery = q.Encode()
	}
	*s = u.Redacted()
}

// Redacted returns a copy that may be shown and logged: each secret that is set is
// replaced by asterisks, as are passwords in URLs.
func (c Config) Redacted() Config {
	c.Channels.Mailbox = slices.Clone(c.Channels.Mailbox)
	for i, m := range c.Channels.Mailbox {
		c.Channels.Mailbox[i] = m.Redacted()
	}
	if o := c.Channels.Desk.OIDC; o != nil {
		shown := o.Redacted()
		c.Channels.Desk.OIDC = &shown
	}
	c.Webhooks = slices.Clone(c.Webhooks)
	for i, w := range c.Webhooks {
		c.Webhooks[i] = w.Redacted()
	}
	c.Connectors = slices.Clone(c.Connectors)
	for i, o := range c.Connectors {
		c.Connectors[i] = o.Redacted()
	}
	c.SMTP = c.SMTP.Redacted()
	maskURL(&c.Redis)
	maskURL(&c.Database)
	maskURL(&c.Database)
	maskURL(&c.Originals)
	mask(&c.OriginalsSecretKey)
	return c
}

// Redacted returns a copy without secrets, as Config.Redacted does.
func (m Mailbox) Redacted() Mailbox {
	mask(&m.Password)
	if m.OAuth2 != nil {
		o := m.OAuth2.Redacted()
		m.OAuth2 = &o
	}
	return m
}

// Redacted returns a copy without secrets, as Config.Redacted does.
func (o OAuth2) Redacted() OAuth2 {
	mask(&o.ClientSecret)
	mask(&o.RefreshToken)
	return o
}

// Redacted returns a copy without secrets, as Config.Redacted does.
func (o OIDC) Redacted() OIDC {
	mask(&o.ClientSecret)
	return o
}

// Redacted returns a copy without secrets, as Config.Redacted does.
func (s SMTP) Redacted() SMTP {
	mask(&s.Password)
	return s
}

// The types below have the fields of their originals and none of their methods, so
// that printing one does not come back here.
type (
	shownConfig  Config
	shownMailbox Mailbox
	shownOAuth2  OAuth2
	shownOIDC    OIDC
	shownSMTP    SMTP

	shownWebhook   Webhook
	shownConnector Connector
)

func text(v any) string {
	b, err := yaml.Marshal(v)
	if err != nil {
		return fmt.Sprintf("config: cannot be shown: %v", err)
	}
	return string(b)
}

// String returns the configuration as YAML without its secrets.
func (c Config) String() string { return text(c) }

// GoString keeps %#v from printing secrets.
func (c Config) GoString() string { return text(c) }

// MarshalYAML implements yaml.InterfaceMarshaler without the secrets: a configuration
// that is written out cannot be loaded again in place of its source.
func (c Config) MarshalYAML() (any, error) { return shownConfig(c.Redacted()), nil }

// MarshalJSON implements json.Marshaler without the secrets.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(shownConfig(c.Redacted())) }

// LogValue implements slog.LogValuer without the secrets.
func (c Config) LogValue() slog.Value { return slog.StringValue(text(c)) }

// String returns the mailbox as YAML without its secrets.
func (m Mailbox) String() string { return text(m) }

// GoString keeps %#v from printing secrets.
func (m Mailbox) GoString() string { return text(m) }

// MarshalYAML implements yaml.InterfaceMarshaler without the secrets.
func (m Mailbox) MarshalYAML() (any, error) { return shownMailbox(m.Redacted()), nil }

// MarshalJSON implements json.Marshaler without the secrets.
func (m Mailbox) MarshalJSON() ([]byte, error) { return json.Marshal(shownMailbox(m.Redacted())) }

// LogValue implements slog.LogValuer without the secrets.
func (m Mailbox) LogValue() slog.Value { return slog.StringValue(text(m)) }

// String returns the OAuth 2 keys as YAML without their secrets.
func (o OAuth2) String() string { return text(o) }

// GoString keeps %#v from printing secrets.
func (o OAuth2) GoString() string { return text(o) }

// MarshalYAML implements yaml.InterfaceMarshaler without the secrets.
func (o OAuth2) MarshalYAML() (any, error) { return shownOAuth2(o.Redacted()), nil }

// MarshalJSON implements json.Marshaler without the secrets.
func (o OAuth2) MarshalJSON() ([]byte, error) { return json.Marshal(shownOAuth2(o.Redacted())) }

// LogValue implements slog.LogValuer without the secrets.
func (o OAuth2) LogValue() slog.Value { return slog.StringValue(text(o)) }

// String returns the OpenID Connect keys as YAML without their secrets.
func (o OIDC) String() string { return text(o) }

// GoString keeps %#v from printing secrets.
func (o OIDC) GoString() string { return text(o) }

// MarshalYAML implements yaml.InterfaceMarshaler without the secrets.
func (o OIDC) MarshalYAML() (any, error) { return shownOIDC(o.Redacted()), nil }

// MarshalJSON implements json.Marshaler without the secrets.
func (o OIDC) MarshalJSON() ([]byte, error) { return json.Marshal(shownOIDC(o.Redacted())) }

// LogValue implements slog.LogValuer without the secrets.
func (o OIDC) LogValue() slog.Value { return slog.StringValue(text(o)) }

// String returns the SMTP keys as YAML without their secrets.
func (s SMTP) String() string { return text(s) }

// GoString keeps %#v from printing secrets.
func (s SMTP) GoString() string { return text(s) }

// MarshalYAML implements yaml.InterfaceMarshaler without the secrets.
func (s SMTP) MarshalYAML() (any, error) { return shownSMTP(s.Redacted()), nil }

// MarshalJSON implements json.Marshaler without the secrets.
func (s SMTP) MarshalJSON() ([]byte, error) { return json.Marshal(shownSMTP(s.Redacted())) }

// LogValue implements slog.LogValuer without the secrets.
func (s SMTP) LogValue() slog.Value { return slog.StringValue(text(s)) }

// String returns the webhook as YAML without its secrets.
func (w Webhook) String() string { return text(w) }

// GoString keeps %#v from printing secrets.
func (w Webhook) GoString() string { return text(w) }

// MarshalYAML implements yaml.InterfaceMarshaler without the secrets.
func (w Webhook) MarshalYAML() (any, error) { return shownWebhook(w.Redacted()), nil }

// MarshalJSON implements json.Marshaler without the secrets.
func (w Webhook) MarshalJSON() ([]byte, error) { return json.Marshal(shownWebhook(w.Redacted())) }

// LogValue implements slog.LogValuer without the secrets.
func (w Webhook) LogValue() slog.Value { return slog.StringValue(text(w)) }

// String returns the connector as YAML without its secrets.
func (o Connector) String() string { return text(o) }

// GoString keeps %#v from printing secrets.
func (o Connector) GoString() string { return text(o) }

// MarshalYAML implements yaml.InterfaceMarshaler without the secrets.
func (o Connector) MarshalYAML() (any, error) { return shownConnector(o.Redacted()), nil }

// MarshalJSON implements json.Marshaler without the secrets.
func (o Connector) MarshalJSON() ([]byte, error) { return json.Marshal(shownConnector(o.Redacted())) }

// LogValue implements slog.LogValuer without the secrets.
func (o Connector) LogValue() slog.Value { return slog.StringValue(text(o)) }
