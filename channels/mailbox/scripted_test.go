package mailbox

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"saisine.fr/saisine/config"
)

// scripted is a small IMAP server over loopback TCP whose answers a test can bend. It
// knows what the adapter sends and nothing more.
type scripted struct {
	tb testing.TB
	ln net.Listener

	mu          sync.Mutex
	caps        string
	uidValidity uint32
	lastUID     uint32
	permanent   string
	folders     map[string][]scriptedMail
	commands    []string // without tags
	conns       []net.Conn
	logins      int
	// bend, when set, sees every command first; true means that it has answered.
	bend func(c *scriptedConn, tag, command string) bool
}

type scriptedMail struct {
	uid   uint32
	raw   string
	flags string
	date  string
}

type scriptedConn struct {
	net.Conn
	srv    *scripted
	r      *bufio.Reader
	folder string
}

const fullCaps = "IMAP4rev1 LITERAL+ IDLE MOVE UIDPLUS"

func newScripted(tb testing.TB, mails ...string) *scripted {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &scripted{
		tb: tb, ln: ln, caps: fullCaps, uidValidity: 7, permanent: `\Deleted \Seen \Flagged \*`,
		folders: map[string][]scriptedMail{"INBOX": nil},
	}
	for _, raw := range mails {
		s.add(raw)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			go (&scriptedConn{Conn: conn, srv: s, r: bufio.NewReader(conn)}).serve()
		}
	}()
	tb.Cleanup(func() {
		_ = ln.Close()
		<-done
		s.dropAll()
	})
	return s
}

func (s *scripted) add(raw string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastUID++
	s.folders["INBOX"] = append(s.folders["INBOX"], scriptedMail{uid: s.lastUID, raw: raw, date: "02-Nov-2026 10:00:00 +0100"})
}

func (s *scripted) dropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
}

// config is called once the server is set up; the lock orders that before what its
// connections do.
func (s *scripted) config() config.Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	cfg := config.DefaultMailbox()
	cfg.Name, cfg.Host, cfg.Port, cfg.TLS = "sve", "127.0.0.1", s.ln.Addr().(*net.TCPAddr).Port, config.TLSNone
	cfg.Username, cfg.Password = "alice", "secret"
	cfg.DoneFolder, cfg.FailedFolder = "Done", "Failed"
	cfg.Poll = 50 * time.Millisecond
	return cfg
}

// sent returns the commands that begin with prefix.
func (s *scripted) sent(prefix string) (commands []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.commands {
		if strings.HasPrefix(c, prefix) {
			commands = append(commands, c)
		}
	}
	return commands
}

func (s *scripted) uids(folder string) (uids []uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.folders[folder] {
		uids = append(uids, m.uid)
	}
	return uids
}

func (s *scripted) flags(folder string, uid uint32) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.folders[folder] {
		if m.uid == uid {
			return m.flags
		}
	}
	return ""
}

func (c *scriptedConn) say(format string, args ...any) { _, _ = fmt.Fprintf(c, format+"\r\n", args...) }

func (c *scriptedConn) serve() {
	defer func() { _ = c.Close() }()
	c.srv.mu.Lock()
	c.say("* OK [CAPABILITY %s] ready", c.srv.caps)
	c.srv.mu.Unlock()
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return
		}
		tag, command, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		c.srv.mu.Lock()
		c.srv.commands = append(c.srv.commands, command)
		bend := c.srv.bend
		c.srv.mu.Unlock()
		if bend != nil && bend(c, tag, command) {
			continue
		}
		c.answer(tag, command)
	}
}

func (c *scriptedConn) answer(tag, command string) {
	s := c.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	words := strings.Fields(command)
	arg := func(i int) string { return strings.Trim(words[i], `"`) }
	switch words[0] {
	case "CAPABILITY":
		c.say("* CAPABILITY %s", s.caps)
	case "LOGIN":
		s.logins++
	case "LIST":
		c.say(`* LIST (\Noselect) "/" ""`)
	case "STATUS":
		if _, ok := s.folders[arg(1)]; !ok {
			c.say("%s NO [NONEXISTENT] no such folder", tag)
			return
		}
		c.say("* STATUS %s (MESSAGES %d)", words[1], len(s.folders[arg(1)]))
	case "CREATE":
		s.folders[arg(1)] = []scriptedMail{}
	case "SELECT", "EXAMINE":
		c.folder = arg(1)
		c.say("* %d EXISTS", len(s.folders[c.folder]))
		c.say("* OK [UIDVALIDITY %d] ok", s.uidValidity)
		c.say("* OK [PERMANENTFLAGS (%s)] ok", s.permanent)
	case "IDLE":
		c.say("+ idling")
		s.mu.Unlock()
		_, _ = c.r.ReadString('\n')
		s.mu.Lock()
	case "UID":
		c.uid(words[1], words[2:], command)
	case "LOGOUT":
		c.say("* BYE")
	}
	c.say("%s OK done", tag)
}

// uid runs with the server's lock held.
func (c *scriptedConn) uid(verb string, args []string, command string) {
	s := c.srv
	switch verb {
	case "SEARCH":
		in := func(uint32) bool { return true }
		if args[0] == "UID" {
			in = inSet(args[1])
		}
		var b strings.Builder
		for _, m := range s.folders[c.folder] {
			if in(m.uid) {
				fmt.Fprintf(&b, " %d", m.uid)
			}
		}
		c.say("* SEARCH%s", b.String())
	case "FETCH":
		in := inSet(args[0])
		for i, m := range s.folders[c.folder] {
			if in(m.uid) {
				c.say("%s", m.response(i+1, command))
			}
		}
	case "MOVE", "COPY":
		in, dest := inSet(args[0]), strings.Trim(args[1], `"`)
		var stay []scriptedMail
		for _, m := range s.folders[c.folder] {
			if in(m.uid) {
				s.folders[dest] = append(s.folders[dest], m)
			}
			if !in(m.uid) || verb == "COPY" {
				stay = append(stay, m)
			}
		}
		s.folders[c.folder] = stay
	case "STORE":
		in := inSet(args[0])
		for i, m := range s.folders[c.folder] {
			if in(m.uid) {
				s.folders[c.folder][i].flags += " " + strings.Trim(strings.Join(args[2:], " "), "()")
			}
		}
	case "EXPUNGE":
		in := inSet(args[0])
		s.folders[c.folder] = slices.DeleteFunc(s.folders[c.folder], func(m scriptedMail) bool {
			return in(m.uid) && strings.Contains(m.flags, `\Deleted`)
		})
	}
}

// response is a mail's FETCH response to a command.
func (m scriptedMail) response(seq int, command string) string {
	if strings.Contains(command, "BODY.PEEK[HEADER]") {
		head, _, _ := strings.Cut(m.raw, "\r\n\r\n")
		head += "\r\n\r\n"
		return fmt.Sprintf("* %d FETCH (UID %d BODY[HEADER]<0> {%d}\r\n%s)", seq, m.uid, len(head), head)
	}
	if strings.Contains(command, "BODY.PEEK[]") {
		return fmt.Sprintf("* %d FETCH (UID %d BODY[] {%d}\r\n%s)", seq, m.uid, len(m.raw), m.raw)
	}
	return fmt.Sprintf("* %d FETCH (UID %d FLAGS (%s) INTERNALDATE \"%s\" RFC822.SIZE %d)",
		seq, m.uid, strings.TrimSpace(m.flags), m.date, len(m.raw))
}

func inSet(set string) func(uint32) bool {
	var uids imap.UIDSet
	for part := range strings.SplitSeq(set, ",") {
		from, to, ranged := strings.Cut(part, ":")
		a, _ := strconv.ParseUint(from, 10, 32)
		b, _ := strconv.ParseUint(to, 10, 32)
		if !ranged {
			b = a
		}
		uids.AddRange(imap.UID(a), imap.UID(b))
	}
	return func(uid uint32) bool { return uids.Contains(imap.UID(uid)) }
}

// asksBodies reports whether a command is a bulk fetch of whole mails with uid in it.
func asksBodies(command string, uid uint32) bool {
	words := strings.Fields(command)
	return len(words) > 3 && words[1] == "FETCH" && strings.Contains(command, "BODY.PEEK[]") && inSet(words[2])(uid)
}
