package queue

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// ErrAddress means that the configured address of Redis cannot be used.
var ErrAddress = errors.New("queue: redis address")

// Conn says how Redis is reached. The zero Conn is not usable; Connect, Existing and
// Managed.Conn make one. It is immutable.
type Conn struct {
	opt redis.UniversalOptions
	// private is true when nobody but this process uses the Redis.
	private bool
	label   string
}

// String names the server without credentials, for logs and messages.
func (c Conn) String() string { return c.label }

// Connect reads an address of the configuration file. It touches no network.
//
//	redis://[user:password@]host[:port][/db]     TCP
//	rediss://…                                   TCP with TLS
//	unix:///path[?db=n]                          socket; user and password as above
//	redis-sentinel://host[:port],…[/db]?master=name
//	redis-cluster://host[:port],…
//
// Errors wrap ErrAddress and never repeat the address, which may hold a password.
func Connect(address string) (Conn, error) {
	one, list := splitHosts(address)
	u, err := url.Parse(one)
	if err != nil {
		// A *url.Error quotes the whole address; only its cause is safe to show.
		var ue *url.Error
		if errors.As(err, &ue) && !strings.Contains(address, "@") {
			return Conn{}, fmt.Errorf("%w: %w", ErrAddress, ue.Err)
		}
		return Conn{}, fmt.Errorf("%w: not a well-formed address (special characters of a password must be written as %%XX)", ErrAddress)
	}
	var c Conn
	if u.User != nil {
		c.opt.Username = u.User.Username()
		c.opt.Password, _ = u.User.Password()
	}
	c.label = u.Scheme + "://" + list + u.Path
	db := strings.Trim(u.Path, "/")
	switch u.Scheme {
	case "redis", "rediss":
		if strings.Contains(list, ",") {
			return Conn{}, fmt.Errorf("%w: several hosts need redis-sentinel:// or redis-cluster://", ErrAddress)
		}
		if u.Scheme == "rediss" {
			c.opt.TLSConfig = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
		}
		c.opt.Addrs, err = hosts(list, "6379")
	case "unix":
		if u.Host != "" || u.Path == "" {
			return Conn{}, fmt.Errorf("%w: a socket is written unix:///path/of/redis.sock", ErrAddress)
		}
		c.opt.Addrs, db = []string{u.Path}, u.Query().Get("db")
	case "redis-sentinel":
		if c.opt.MasterName = u.Query().Get("master"); c.opt.MasterName == "" {
			return Conn{}, fmt.Errorf("%w: redis-sentinel:// needs ?master=NAME", ErrAddress)
		}
		c.opt.Addrs, err = hosts(list, "26379")
	case "redis-cluster":
		c.opt.IsClusterMode = true
		c.opt.Addrs, err = hosts(list, "6379")
	default:
		return Conn{}, fmt.Errorf("%w: scheme %q is none of redis, rediss, unix, redis-sentinel, redis-cluster", ErrAddress, u.Scheme)
	}
	if err != nil {
		return Conn{}, err
	}
	if db != "" {
		n, err := strconv.Atoi(db)
		if err != nil || n < 0 || n > 0 && c.opt.IsClusterMode {
			return Conn{}, fmt.Errorf("%w: the database must be a number, and 0 in a cluster", ErrAddress)
		}
		c.opt.DB = n
	}
	return c, nil
}

// splitHosts takes the list of hosts out of an address and leaves the first in it,
// because url.Parse knows one host only.
func splitHosts(address string) (one, list string) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address, ""
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndex(rest[:end], "@") + 1
	list = rest[at:end]
	first, _, _ := strings.Cut(list, ",")
	return scheme + "://" + rest[:at] + first + rest[end:], list
}

func hosts(list, port string) ([]string, error) {
	var out []string
	for h := range strings.SplitSeq(list, ",") {
		host, p, err := net.SplitHostPort(h)
		if err != nil {
			host, p = strings.Trim(h, "[]"), port
		}
		if host == "" {
			return nil, fmt.Errorf("%w: a host is missing", ErrAddress)
		}
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("%w: a port is not a number from 1 to 65535", ErrAddress)
		}
		out = append(out, net.JoinHostPort(host, p))
	}
	return out, nil
}

// The two ways of waiting for Redis.
var (
	// prompt is for everything that somebody waits for.
	prompt = patience{read: 2 * time.Second, retries: 1}
	// patient is for the asynq servers. A Dequeue whose answer comes too late leaves
	// a task that Redis takes for running while nobody runs it; so they wait longer
	// than the supervisor lets a private Redis hang (hangLimit).
	patient = patience{read: hangLimit + 5*time.Second, retries: 3}
)

type patience struct {
	read    time.Duration
	retries int
}

// silenceRedis turns off go-redis's own printing to standard error: it is global to
// the library, and every fault that it prints also comes back as an error.
var silenceRedis = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// client opens a pool of connections. The caller closes it.
func (c Conn) client(p patience) redis.UniversalClient {
	silenceRedis()
	opt := c.opt
	opt.Protocol = 2 // all that asynq needs; spares each connection three questions
	opt.DisableIdentity = true
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	opt.DialTimeout = 2 * time.Second
	opt.DialerRetries = 1
	opt.ReadTimeout, opt.WriteTimeout = p.read, p.read
	opt.MaxRetries = p.retries
	opt.ContextTimeoutEnabled = true // else a context's deadline is ignored while reading
	opt.PoolSize = 16
	return redis.NewUniversalClient(&opt)
}
