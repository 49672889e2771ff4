package mailbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"
)

// errLoginDisabled means that the server takes no password on this connection.
var errLoginDisabled = errors.New("mailbox: the server takes no password on this connection (LOGINDISABLED)")

// login authenticates with what the configuration gives: a token, else a password.
func (s *session) login(ctx context.Context, tokens *tokens) error {
	if tokens != nil {
		return s.loginToken(ctx, tokens)
	}
	// AUTH=PLAIN before LOGIN: it carries a password of any bytes as it is, where
	// LOGIN leaves the encoding of non-ASCII ones open (RFC 9051 §6.2.3).
	if s.caps.Has(imap.AuthCap(sasl.Plain)) {
		return s.client.Authenticate(sasl.NewPlainClient("", s.cfg.Username, s.cfg.Password))
	}
	if s.caps.Has(imap.CapLoginDisabled) {
		return errLoginDisabled
	}
	return s.client.Login(s.cfg.Username, s.cfg.Password).Wait()
}

func (s *session) loginToken(ctx context.Context, tokens *tokens) error {
	// The token endpoint has its own timeout; the IMAP server owes us nothing
	// meanwhile.
	s.conn.disarm()
	token, err := tokens.get(ctx)
	if err != nil {
		return &stageError{stageToken, err}
	}
	s.arm(commandBudget)
	s.token = token
	if s.cfg.OAuth2.Mechanism == mechOAuthBearer {
		return s.client.Authenticate(sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{
			Username: s.cfg.Username, Token: token, Host: s.cfg.Host, Port: s.cfg.Port,
		}))
	}
	return s.client.Authenticate(&xoauth2{username: s.cfg.Username, token: token})
}

// mechOAuthBearer is config.OAuth2.Mechanism for RFC 7628; anything else is XOAUTH2.
const mechOAuthBearer = "oauthbearer"

// xoauth2 is the client of Google's and Microsoft's XOAUTH2 mechanism, which go-sasl
// lacks (developers.google.com/gmail/imap/xoauth2-protocol).
type xoauth2 struct{ username, token string }

// Start implements sasl.Client.
func (x *xoauth2) Start() (mech string, ir []byte, err error) {
	return "XOAUTH2", []byte("user=" + x.username + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

// Next implements sasl.Client. The only challenge there is reports a failure. The
// protocol would have us answer it with an empty line to be told "NO"; as nothing
// but closing the connection can follow, its content is returned instead.
func (x *xoauth2) Next(challenge []byte) ([]byte, error) {
	return nil, parseXOAUTH2Failure(challenge)
}

// tokenRefusedError is a server's refusal of a token.
type tokenRefusedError struct{ status string }

func (e *tokenRefusedError) Error() string {
	return fmt.Sprintf("mailbox: the server refused the token (status %q)", e.status)
}

// parseXOAUTH2Failure reads the JSON of a failed XOAUTH2 or OAUTHBEARER exchange
// (RFC 7628 §3.2.2). It returns an error in any case.
func parseXOAUTH2Failure(challenge []byte) error {
	var failure struct {
		Status string `json:"status"`
	}
	if err := json.Unmarshal(challenge, &failure); err != nil {
		return &tokenRefusedError{status: "unreadable"}
	}
	return &tokenRefusedError{status: failure.Status}
}

// refused reports whether err is the server's answer to the credentials themselves,
// not a failure on the way.
func refused(err error) bool {
	var (
		status *imap.Error
		token  *tokenRefusedError
		bearer *sasl.OAuthBearerError
	)
	return errors.As(err, &status) || errors.As(err, &token) || errors.As(err, &bearer)
}
