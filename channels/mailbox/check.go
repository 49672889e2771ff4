package mailbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"saisine.fr/saisine/config"
)

// Check does what an Adapter does before its first look: connect, log in, make the
// done and failed folders if they are missing and open the folder to empty. Its error
// is a sentence for the administrator that says what to do. It moves no mail.
func Check(ctx context.Context, cfg config.Mailbox) error {
	err := check(ctx, cfg)
	if err == nil {
		return nil
	}
	if todo := advice(cfg, err); todo != "" {
		return fmt.Errorf("mailbox %q: %w; %s", cfg.Name, err, todo)
	}
	return fmt.Errorf("mailbox %q: %w", cfg.Name, err)
}

func check(ctx context.Context, cfg config.Mailbox) error {
	if err := checkFolders(cfg); err != nil {
		return &stageError{stageConfig, err}
	}
	if text := secretAlarm(cfg, time.Now()); text != "" {
		return errors.New(text)
	}
	opts := Options{}.withDefaults()
	s, err := connect(ctx, cfg, opts, newTokens(cfg.OAuth2, opts.Now))
	if err != nil {
		return err
	}
	defer s.logout()
	for _, folder := range []string{cfg.DoneFolder, cfg.FailedFolder} {
		if _, err := s.ensureFolder(folder); err != nil {
			return err
		}
	}
	if err := s.selectFolder(cfg.Folder, true); err != nil {
		return &stageError{stageFolder, err}
	}
	if s.moveMode() == moveByFlag {
		return errors.New("the server lacks UIDPLUS, so mails cannot be moved without a risk to others and will stay in the folder with a flag; ask its operator for UIDPLUS (RFC 4315)")
	}
	return nil
}

// advice says what an administrator can do about a failed stage.
func advice(cfg config.Mailbox, err error) string {
	var staged *stageError
	if !errors.As(err, &staged) {
		return ""
	}
	switch staged.stage {
	case stageConfig:
		return "correct the entry in the configuration file"
	case stageDial:
		return fmt.Sprintf("check host and port (%s, %d) and that the firewall lets this machine out to it", cfg.Host, cfg.Port)
	case stageTLS:
		if strings.Contains(err.Error(), "certificate") {
			return "the certificate is not trusted: set tls_ca to the authority's PEM file, and host to the name in the certificate"
		}
		return "check that tls and port fit the server (implicit with 993, starttls with 143)"
	case stageGreeting:
		return "the port answers, but not as an IMAP server; check port and tls"
	case stageToken:
		return "check token_url, client_id, scopes and the secret or refresh token with the provider"
	case stageLogin:
		if errors.Is(err, errLoginDisabled) {
			return "set tls to implicit or starttls, or use oauth2"
		}
		if cfg.OAuth2 != nil {
			return "the provider gave a token that the mail server refuses: check username, mechanism and scopes, and that the application may use IMAP on this mailbox"
		}
		return "check username and password_file, and that the account may use IMAP"
	case stageFolder:
		return "check folder, done_folder and failed_folder, and the account's rights to create folders and move mails there"
	}
	return ""
}
