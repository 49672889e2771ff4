package deliver

import (
	"fmt"
	"regexp"
	"strings"
)

// The stages of a submission, in their order.
const (
	StageGreeting = "greeting"
	StageHello    = "EHLO"
	StageTLS      = "STARTTLS"
	StageAuth     = "AUTH"
	StageMail     = "MAIL"
	StageRcpt     = "RCPT"
	// StageData is the DATA command and the answer to the mail itself.
	StageData = "DATA"
	StageNoop = "NOOP"
)

// SMTPError is the server's refusal: its reply, as evidence.
type SMTPError struct {
	Code int // RFC 5321 §4.2.1
	// Enhanced is the status code of RFC 3463, such as 5.1.1, or "".
	Enhanced string
	// Text is what the server said, on one line. It often names the recipient.
	Text  string
	Stage string // one of the Stage constants
}

const maxServerText = 500 // bytes

var (
	enhanced  = regexp.MustCompile(`^([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)`)
	addresses = regexp.MustCompile(`\S*@\S*`)
)

func newSMTPError(stage string, code int, reply string) *SMTPError {
	e := &SMTPError{Code: code, Text: oneLine(reply), Stage: stage}
	if m := enhanced.FindStringSubmatch(e.Text); m != nil {
		e.Enhanced, e.Text = m[1], e.Text[len(m[0]):]
	}
	return e
}

// oneLine makes foreign text fit for a log and a page.
func oneLine(reply string) string { return headerText(reply, maxServerText) }

// Error leaves addresses out: errors go to the log.
func (e *SMTPError) Error() string {
	text := addresses.ReplaceAllString(e.Text, "<address>")
	return fmt.Sprintf("deliver: the mail server refused at %s: %s %q%s", e.Stage, strings.TrimSpace(fmt.Sprintf("%d %s", e.Code, e.Enhanced)), text, e.advice())
}

// LogText leaves out what the server said of a mail: it may quote a name as well as an address.
// Before a mail is spoken of its words are about the town's account.
func (e *SMTPError) LogText() string {
	switch e.Stage {
	case StageMail, StageRcpt, StageData:
		return fmt.Sprintf("deliver: the mail server refused at %s: %s (the server's words are left out)%s",
			e.Stage, strings.TrimSpace(fmt.Sprintf("%d %s", e.Code, e.Enhanced)), e.advice())
	}
	return e.Error()
}

func (e *SMTPError) advice() string {
	switch {
	case e.Stage == StageAuth && e.Code/100 == 5:
		return "; check smtp.username and smtp.password"
	case e.wantsLogin():
		return "; it wants a login: set smtp.username and smtp.password"
	case e.Stage == StageGreeting, e.Stage == StageHello, e.Stage == StageTLS:
		return "; check smtp.host and smtp.port, or ask who runs this server"
	}
	return ""
}

// wantsLogin: the answers of RFC 4954 §6 to a client that did not log in, or not well
// enough. They come at MAIL or RCPT, but are not about this mail.
func (e *SMTPError) wantsLogin() bool {
	return e.Code == 530 || e.Code == 534 || e.Code == 535 || e.Code == 538
}

// WantsLogin reports whether the server refused because nobody had logged in well enough.
func (e *SMTPError) WantsLogin() bool { return e.wantsLogin() }

// Permanent reports whether a retry of this mail cannot help: a 5xx (RFC 5321 §4.2.1)
// about the mail or its addresses. A refusal of the connection or of the login is about
// the town's own set-up, and ends when that is mended.
func (e *SMTPError) Permanent() bool {
	switch e.Stage {
	case StageMail, StageRcpt, StageData:
		return e.Code/100 == 5 && !e.wantsLogin()
	}
	return false
}
