package dovecottest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// AddUser makes an account with an empty inbox. Every other method does it for the
// user it names; only a user who gets no mail must be added by hand.
func (s *Server) AddUser(user string) {
	s.tb.Helper()
	s.must(s.addUser(user))
}

func (s *Server) addUser(user string) error {
	maildir := s.maildir(user)
	if _, err := os.Stat(maildir); err == nil {
		return nil
	}
	for _, dir := range []string{filepath.Dir(maildir), maildir, maildir + "/cur", maildir + "/new", maildir + "/tmp"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := s.user.Own(dir); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) maildir(user string) string {
	local, _, _ := strings.Cut(user, "@")
	return filepath.Join(s.Dir, "mail", local, "Maildir")
}

// Deliver puts mails into the user's inbox as a local delivery agent does: each is
// written to tmp and renamed into new. It is fast, and any bytes will do.
func (s *Server) Deliver(user string, raw ...[]byte) {
	s.tb.Helper()
	s.must(s.addUser(user))
	for _, mail := range raw {
		s.must(s.deliver(user, mail))
	}
}

// DeliverAt puts a mail into the user's inbox as one that came at a time: that is its INTERNALDATE.
func (s *Server) DeliverAt(user string, at time.Time, raw []byte) {
	s.tb.Helper()
	s.must(s.addUser(user))
	s.must(s.deliverTo(user, "", at, raw))
}

// DeliverTo makes a folder and puts mails into it as Deliver does, past any quota.
func (s *Server) DeliverTo(user, folder string, raw ...[]byte) {
	s.tb.Helper()
	s.Client(user, func(c *imapclient.Client) error {
		_ = c.Create(folder, nil).Wait() // it may exist
		return nil
	})
	for _, mail := range raw {
		s.must(s.deliverTo(user, "."+folder, time.Now(), mail))
	}
}

func (s *Server) deliver(user string, mail []byte) error {
	return s.deliverTo(user, "", time.Now(), mail)
}

// deliverTo goes by the name of the folder's own maildir (Maildir++).
func (s *Server) deliverTo(user, folder string, at time.Time, mail []byte) error {
	maildir := filepath.Join(s.maildir(user), folder)
	name := fmt.Sprintf("%d.M%dP%dQ%d.dovecottest", time.Now().Unix(), time.Now().Nanosecond()/1000, os.Getpid(), s.seq.Add(1))
	tmp := filepath.Join(maildir, "tmp", name)
	if err := os.WriteFile(tmp, mail, 0o600); err != nil {
		return err
	}
	if err := errors.Join(s.user.Own(tmp), os.Chtimes(tmp, at, at)); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(maildir, "new", name))
}

// DeliverLMTP hands mails in over LMTP (RFC 2033), as the town's mail server does.
func (s *Server) DeliverLMTP(user string, raw ...[]byte) {
	s.tb.Helper()
	s.must(s.addUser(user))
	s.must(s.lmtp(user, raw))
}

func (s *Server) lmtp(user string, raw [][]byte) error {
	conn, err := textproto.Dial("tcp", s.addr(s.LMTPPort))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	expect := func(code int, format string, args ...any) error {
		if format != "" {
			if err := conn.PrintfLine(format, args...); err != nil {
				return err
			}
		}
		_, _, err := conn.ReadResponse(code)
		return err
	}
	if err := errors.Join(expect(220, ""), expect(250, "LHLO localhost")); err != nil {
		return err
	}
	for _, mail := range raw {
		err := errors.Join(expect(250, "MAIL FROM:<>"), expect(250, "RCPT TO:<%s>", user), expect(354, "DATA"))
		if err != nil {
			return err
		}
		w := conn.DotWriter()
		if _, err := bufio.NewReader(bytes.NewReader(mail)).WriteTo(w); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		if err := expect(250, ""); err != nil {
			return err
		}
	}
	return expect(221, "QUIT")
}

// Client logs a user in over clear text and hands the connection to f.
func (s *Server) Client(user string, f func(*imapclient.Client) error) {
	s.tb.Helper()
	s.must(s.addUser(user))
	s.must(s.client(user, f))
}

func (s *Server) client(user string, f func(*imapclient.Client) error) error {
	c, err := imapclient.DialInsecure(s.addr(s.IMAPPort), nil)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.Login(user, Password).Wait(); err != nil {
		return err
	}
	return f(c)
}

// Append puts a mail into a folder over IMAP, with an INTERNALDATE (zero: now) and
// flags. A folder that is missing is made.
func (s *Server) Append(user, folder string, date time.Time, raw []byte, flags ...imap.Flag) {
	s.tb.Helper()
	s.Client(user, func(c *imapclient.Client) error {
		_ = c.Create(folder, nil).Wait() // it may exist
		cmd := c.Append(folder, int64(len(raw)), &imap.AppendOptions{Time: date, Flags: flags})
		if _, err := cmd.Write(raw); err != nil {
			return err
		}
		if err := cmd.Close(); err != nil {
			return err
		}
		_, err := cmd.Wait()
		return err
	})
}

// Count returns how many mails a folder holds, 0 when there is no such folder.
func (s *Server) Count(user, folder string) int {
	s.tb.Helper()
	n := 0
	s.Client(user, func(c *imapclient.Client) error {
		data, err := c.Status(folder, &imap.StatusOptions{NumMessages: true}).Wait()
		var status *imap.Error
		if errors.As(err, &status) {
			return nil
		}
		if err != nil {
			return err
		}
		n = int(*data.NumMessages)
		return nil
	})
	return n
}

// Messages returns the raw mails of a folder in its order, nil when there is no such
// folder.
func (s *Server) Messages(user, folder string) (raw [][]byte) {
	s.tb.Helper()
	s.Client(user, func(c *imapclient.Client) error {
		data, err := c.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait()
		var status *imap.Error
		if errors.As(err, &status) || (err == nil && data.NumMessages == 0) {
			return nil
		}
		if err != nil {
			return err
		}
		section := &imap.FetchItemBodySection{Peek: true}
		var all imap.SeqSet
		all.AddRange(1, data.NumMessages)
		mails, err := c.Fetch(all, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}).Collect()
		for _, mail := range mails {
			raw = append(raw, mail.FindBodySection(section))
		}
		return err
	})
	return raw
}
