package mailbox

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// naming is how the server spells the names of the account's own folders.
type naming struct {
	prefix string // of the personal namespace (RFC 2342), such as "INBOX."
	delim  rune   // between levels; 0: there are no levels
}

// learnNaming asks the server for it.
func (s *session) learnNaming() error {
	if s.caps.Has(imap.CapNamespace) {
		ns, err := s.client.Namespace().Wait()
		if err != nil && s.dead(err) {
			return &stageError{stageFolder, err}
		}
		if err == nil && len(ns.Personal) > 0 {
			s.names = naming{prefix: ns.Personal[0].Prefix, delim: ns.Personal[0].Delim}
			return nil
		}
	}
	// An empty pattern asks for the delimiter alone (RFC 9051 §6.3.9).
	list, err := s.client.List("", "", nil).Collect()
	if err != nil && s.dead(err) {
		return &stageError{stageFolder, err}
	}
	if err == nil && len(list) > 0 {
		s.names.delim = list[0].Delim
	}
	return nil
}

// resolve turns a folder of the configuration, written with "/" between levels, into
// the server's name for it. A name that carries the server's own prefix or delimiter
// already is left as it is.
func (n naming) resolve(folder string) string {
	if strings.EqualFold(folder, "INBOX") {
		return "INBOX"
	}
	if n.prefix != "" && strings.HasPrefix(folder, n.prefix) {
		return folder
	}
	if n.delim != 0 && n.delim != '/' {
		folder = strings.ReplaceAll(folder, "/", string(n.delim))
	}
	if n.prefix == "" || strings.HasPrefix(folder, n.prefix) {
		return folder
	}
	return n.prefix + folder
}

// ensureFolder creates a folder that is missing and subscribes to it, so that mail
// programs show it. made is true when it was missing.
func (s *session) ensureFolder(folder string) (made bool, err error) {
	name := s.names.resolve(folder)
	err = s.do(commandBudget, func() error {
		_, err := s.client.Status(name, &imap.StatusOptions{NumMessages: true}).Wait()
		if err == nil {
			return nil
		}
		if s.dead(err) {
			return &stageError{stageFolder, fmt.Errorf("look for folder %q: %w", folder, err)}
		}
		err = s.client.Create(name, nil).Wait()
		var status *imap.Error
		if err != nil && (!errors.As(err, &status) || status.Code != imap.ResponseCodeAlreadyExists) {
			return &stageError{stageFolder, fmt.Errorf("create folder %q: %w", folder, err)}
		}
		made = true
		if err := s.client.Subscribe(name).Wait(); err != nil && s.dead(err) {
			return &stageError{stageFolder, fmt.Errorf("subscribe to folder %q: %w", folder, err)}
		}
		return nil
	})
	return made, err
}
