package antivirus

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

var (
	// ErrUnreachable means that clamd does not answer at all: nothing is known of the file,
	// and the file is not the cause.
	ErrUnreachable = errors.New("antivirus: clamd does not answer")
	// ErrBroken means that clamd was there and did not come to an answer about this file: the
	// connection was cut, or the time ran out. The file may be the cause.
	ErrBroken = errors.New("antivirus: no answer about this file")
	// errTime is in the chain of an ErrBroken whose time ran out.
	errTime = errors.New("out of time")
)

const (
	// chunk is how many bytes go over at once; clamd asks for no particular size.
	chunk = 64 << 10
	// pingTime bounds PING and VERSION, which clamd answers at once unless it hangs.
	pingTime = 5 * time.Second
	// lastWords is how long an answer is waited for after clamd has stopped reading: on a
	// size limit it answers, then closes.
	lastWords = 2 * time.Second
)

// Client speaks with one clamd. Each call has a connection of its own; any number of
// goroutines may use one Client.
type Client struct {
	// Network is "unix" or "tcp", Address a path, or host and port.
	Network, Address string
	// Timeout bounds the scan of one file; 0 means two minutes.
	Timeout time.Duration
	// MaxSize is the largest file, in bytes, that clamd is asked about; 0 means no bound. clamd
	// answers "OK" for one over its MaxFileSize, which it has not read (clamd.conf(5)), so that
	// the bound must be known here.
	MaxSize int64
}

// defaultTimeout is the Timeout of a Client that has none.
const defaultTimeout = 2 * time.Minute

// Ping asks whether clamd answers. The error wraps ErrUnreachable.
func (c *Client) Ping(ctx context.Context) error {
	got, err := c.ask(ctx, "PING")
	if err == nil && got != "PONG" {
		err = fmt.Errorf("%w: %w: %q to PING", ErrUnreachable, ErrAnswer, got)
	}
	return err
}

// Version asks which program and signatures clamd has. The error wraps ErrUnreachable.
func (c *Client) Version(ctx context.Context) (Version, error) {
	got, err := c.ask(ctx, "VERSION")
	if err != nil {
		return Version{}, err
	}
	v, err := ParseVersion(got)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return v, err
}

// ask sends a command without arguments and returns the answer.
func (c *Client) ask(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	conn, release, err := c.dial(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	if _, err := io.WriteString(conn, "z"+command+"\x00"); err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	raw, err := readAnswer(conn)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return printable(string(raw[:len(raw)-1])), nil
}

// dial connects. The connection ends with ctx, whatever is being done on it.
func (c *Client) dial(ctx context.Context) (net.Conn, func(), error) {
	var d net.Dialer
	connect, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	conn, err := d.DialContext(connect, c.Network, c.Address)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return conn, func() {
		stop()
		_ = conn.Close()
	}, nil
}

// readAnswer reads up to a NUL.
func readAnswer(r io.Reader) ([]byte, error) {
	raw, err := bufio.NewReaderSize(io.LimitReader(r, maxAnswer), 512).ReadBytes(0)
	if err != nil && len(raw) > 0 {
		return raw, fmt.Errorf("%w: %q was cut off: %w", ErrAnswer, clip(string(raw)), err)
	}
	return raw, err
}

// Scan asks clamd about what r gives, which is size bytes. An error wraps ErrUnreachable or
// ErrBroken, or else is r's own.
func (c *Client) Scan(ctx context.Context, r io.Reader, size int64) (Answer, error) {
	if c.MaxSize > 0 && size > c.MaxSize {
		return c.tooLarge(), nil
	}
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, release, err := c.dial(limited)
	if err != nil {
		return Answer{}, err
	}
	defer release()

	// clamd answers before the end of a stream that is over its limit, and then closes: over
	// TCP its answer is lost to who reads it only afterwards. So reading goes on beside.
	type reply struct {
		raw   []byte
		err   error
		early bool
	}
	var all atomic.Bool
	replies := make(chan reply, 1)
	go func() {
		raw, err := readAnswer(conn)
		replies <- reply{raw, err, !all.Load()}
	}()
	source := &counted{r: r, max: c.MaxSize}
	werr := send(conn, source, &all)
	switch {
	case source.over:
		return c.tooLarge(), nil
	case source.err != nil:
		return Answer{}, fmt.Errorf("antivirus: read file: %w", source.err)
	}
	if werr != nil {
		// The answer to what was too long may be there, or on its way.
		_ = conn.SetReadDeadline(time.Now().Add(lastWords))
	}
	got := <-replies
	if got.err != nil {
		return Answer{}, c.broken(ctx, limited, timeout, errors.Join(werr, got.err))
	}
	a, err := ParseAnswer(got.raw)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if a.Verdict == Clean && (werr != nil || got.early) {
		return Answer{}, fmt.Errorf("%w: clamd called it clean before it had all of it", ErrBroken)
	}
	return a, nil
}

// broken says why there is no answer.
func (c *Client) broken(caller, limited context.Context, timeout time.Duration, err error) error {
	switch {
	case caller.Err() != nil:
		return fmt.Errorf("%w: %w", ErrBroken, caller.Err())
	case limited.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: %w: not done within %s", ErrBroken, errTime, timeout)
	}
	return fmt.Errorf("%w: %w", ErrBroken, err)
}

func (c *Client) tooLarge() Answer {
	return Answer{Verdict: Unscannable, Name: fmt.Sprintf("larger than %d bytes", c.MaxSize)}
}

// send streams r as INSTREAM asks: chunks of a length of four bytes, network order, and the
// bytes; a length of zero ends it. all is set just before the end is sent.
func send(conn io.Writer, r *counted, all *atomic.Bool) error {
	if _, err := io.WriteString(conn, "zINSTREAM\x00"); err != nil {
		return err
	}
	buf := make([]byte, 4+chunk)
	for {
		n, err := io.ReadFull(r, buf[4:])
		if n > 0 {
			binary.BigEndian.PutUint32(buf, uint32(n))
			if _, err := conn.Write(buf[:4+n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			if r.err != nil {
				return r.err
			}
			all.Store(true)
			_, err := conn.Write([]byte{0, 0, 0, 0})
			return err
		case err != nil:
			return err
		}
	}
}

// counted keeps the error of a reader apart from that of the connection, and stops beyond max
// bytes (0: none), since who gave the size may have been wrong.
type counted struct {
	r    io.Reader
	n    int64
	max  int64
	over bool
	err  error
}

var errOver = errors.New("antivirus: over the size")

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.n += int64(n); c.max > 0 && c.n > c.max {
		c.over = true
		return 0, errOver
	}
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// Version is what clamd says of itself.
type Version struct {
	// Engine is "ClamAV 1.4.6".
	Engine string
	// Database is the number of the daily signatures, and Built when they were made; "" and
	// zero for a clamd with signatures of somebody's own only.
	Database string
	Built    time.Time
}

// String is the version as it stands beside a verdict.
func (v Version) String() string {
	if v.Database == "" {
		return v.Engine
	}
	return v.Engine + "/" + v.Database + "/" + v.Built.Format("2006-01-02")
}

// ParseVersion reads the answer to VERSION: "ClamAV 1.4.6/27500/Fri Nov 20 09:34:56 2026",
// whose date is in UTC (it comes from the head of the database), or only its first part.
func ParseVersion(s string) (Version, error) {
	engine, rest, more := strings.Cut(s, "/")
	engine = printable(engine)
	if !strings.HasPrefix(engine, "ClamAV ") {
		return Version{}, fmt.Errorf("%w: %q to VERSION", ErrAnswer, clip(s))
	}
	v := Version{Engine: engine}
	if !more {
		return v, nil
	}
	number, date, _ := strings.Cut(rest, "/")
	built, err := time.Parse("Mon Jan _2 15:04:05 2006", strings.TrimSpace(date))
	if err != nil {
		return Version{}, fmt.Errorf("%w: the date of %q", ErrAnswer, clip(s))
	}
	v.Database, v.Built = printable(number), built
	return v, nil
}
