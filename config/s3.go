package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"saisine.fr/saisine/config/strictyaml"
)

// S3 is what originals: s3://… says, with the keys to it.
type S3 struct {
	// Bucket and Prefix, without slashes at its ends, are where originals lie.
	Bucket, Prefix string
	// Endpoint is host or host:port.
	Endpoint string
	// Region is "" when the store is to be asked for it.
	Region string
	// Plain is HTTP instead of HTTPS: on this machine only.
	Plain bool
	// CA is a PEM file with the authority of the store's certificate; "" = the system's.
	CA string
	// AccessKey, SecretKey and SessionToken are filled in by OriginalsS3.
	AccessKey, SecretKey, SessionToken string
}

// amazonS3 is meant where no endpoint is named.
const amazonS3 = "s3.amazonaws.com"

// s3Example is a value as it should be.
const s3Example = "s3://saisine-saint-exemple?endpoint=https://s3.example.fr&region=fr-par"

var (
	// bucketName is the rule of Amazon S3 ("Bucket naming rules"), which others share.
	bucketName   = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	s3Parameters = []string{"endpoint", "region", "tls_ca"}
)

// parseS3 reads s3://bucket/prefix?endpoint=…&region=…&tls_ca=…. Its errors do not quote the
// value, which may hold a key.
func parseS3(text string) (S3, error) {
	u, err := url.Parse(text)
	if err != nil {
		return S3{}, errors.New("is not a well-formed address, such as " + s3Example)
	}
	if u.User != nil {
		return S3{}, errors.New("must not hold the keys, which would be seen wherever it is shown: put them into originals_access_key and originals_secret_key_file")
	}
	o := S3{Bucket: u.Host, Prefix: strings.Trim(path.Clean("/"+u.Path), "/")}
	if !bucketName.MatchString(o.Bucket) {
		return S3{}, errors.New("must name a bucket (3 to 63 small letters, digits, dots and dashes), such as " + s3Example)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil || u.Fragment != "" {
		return S3{}, errors.New("is not a well-formed address, such as " + s3Example)
	}
	for name, values := range q {
		if !slices.Contains(s3Parameters, name) {
			hint := ""
			if best := strictyaml.Nearest(name, s3Parameters); best != "" {
				hint = "; did you mean " + best + "?"
			}
			return S3{}, fmt.Errorf("has an unknown parameter %q: it takes %s%s", name, strings.Join(s3Parameters, ", "), hint)
		}
		if len(values) > 1 {
			return S3{}, fmt.Errorf("has the parameter %s more than once", name)
		}
	}
	o.Region, o.CA = q.Get("region"), q.Get("tls_ca")
	if o.CA != "" && !filepath.IsAbs(o.CA) {
		return S3{}, errors.New("the path of tls_ca must be absolute, such as /etc/saisine/s3.pem")
	}
	return o, o.setEndpoint(cmp.Or(q.Get("endpoint"), amazonS3))
}

func (o *S3) setEndpoint(text string) error {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !hostName(u.Hostname()):
		return errors.New("the endpoint must be a host or an address, such as https://s3.example.fr")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return errors.New("the endpoint must be an address only, without user, path, ? or #")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return errors.New("the endpoint must begin with https://: originals would travel in clear (http is for this machine itself only)")
	}
	o.Endpoint, o.Plain = u.Host, u.Scheme == "http"
	if host, port, err := net.SplitHostPort(u.Host); err == nil && (port == "443" && !o.Plain || port == "80" && o.Plain) {
		o.Endpoint = host // as it is signed
	}
	return nil
}

// OriginalsS3 returns where originals lie and the keys to it; nil for files under data_dir.
// It reads originals_secret_key_file. Where the configuration has no keys, those of the
// environment are taken (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), which
// getenv, such as os.Getenv, is asked for.
func (c Config) OriginalsS3(getenv func(string) string) (*S3, error) {
	if c.Originals == "" {
		return nil, nil
	}
	o, err := parseS3(c.Originals)
	if err != nil {
		return nil, fmt.Errorf("originals: %w", err)
	}
	if c.OriginalsAccessKey == "" {
		o.AccessKey, o.SecretKey, o.SessionToken = getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN")
		if o.AccessKey == "" || o.SecretKey == "" {
			return nil, errors.New("originals: there are no keys to the bucket: set originals_access_key and originals_secret_key_file, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
		}
		return &o, nil
	}
	o.AccessKey, o.SecretKey = c.OriginalsAccessKey, c.OriginalsSecretKey
	if c.OriginalsSecretKeyFile != "" {
		if o.SecretKey, err = readSecret(c.OriginalsSecretKeyFile); err != nil {
			return nil, fmt.Errorf("originals_secret_key_file: %w", err)
		}
	}
	return &o, nil
}

func (k *checker) originals(c *Config) {
	k.secret("originals_secret_key", c.OriginalsSecretKey, c.OriginalsSecretKeyFile)
	hasSecret := c.OriginalsSecretKey+c.OriginalsSecretKeyFile != ""
	switch {
	case c.Originals == "" && c.OriginalsAccessKey != "":
		k.add("originals_access_key", "is only for originals: s3://…")
	case c.Originals == "" && hasSecret:
		k.add(secretAt(c), "is only for originals: s3://…")
	case c.OriginalsAccessKey != "" && !hasSecret:
		k.add("originals_access_key", "needs originals_secret_key_file beside it")
	case c.OriginalsAccessKey == "" && hasSecret:
		k.add(secretAt(c), "needs originals_access_key beside it")
	}
	if c.Originals == "" {
		return
	}
	if !strings.HasPrefix(c.Originals, "s3://") {
		k.add("originals", "must be \"\", which means files under data_dir, or such as %s", s3Example)
		return
	}
	if _, err := parseS3(c.Originals); err != nil {
		k.add("originals", "%s", err.Error())
	}
}

// secretAt names the key with which the secret is given.
func secretAt(c *Config) string {
	if c.OriginalsSecretKeyFile != "" {
		return "originals_secret_key_file"
	}
	return "originals_secret_key"
}
