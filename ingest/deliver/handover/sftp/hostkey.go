package sftp

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// ErrHostKey means that the server is not the one that is known.
var ErrHostKey = errors.New("sftp: the server's key is not the one in host_key, so nothing was sent and nobody logged in; ask who runs the server whether it has a new key, and do not just put the new one in")

// kinds are the kinds of host key, with the ways in which a server signs with them, ours first.
// ssh-rsa itself is left out: it signs with SHA-1 (RFC 8332).
var kinds = []struct {
	key        string
	algorithms []string
}{
	{ssh.KeyAlgoED25519, []string{ssh.KeyAlgoED25519}},
	{ssh.KeyAlgoECDSA256, []string{ssh.KeyAlgoECDSA256}},
	{ssh.KeyAlgoECDSA384, []string{ssh.KeyAlgoECDSA384}},
	{ssh.KeyAlgoECDSA521, []string{ssh.KeyAlgoECDSA521}},
	{ssh.KeyAlgoRSA, []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}},
}

// hostKey is how a server is known.
type hostKey struct {
	// key is the public key, or nil where only the fingerprint is known.
	key         ssh.PublicKey
	fingerprint string
}

var fingerprint = regexp.MustCompile(`SHA256:[A-Za-z0-9+/]{43}\b`)

// parseHostKey reads a public key line, a known_hosts line, or what ssh-keygen -l prints.
func parseHostKey(s string) (hostKey, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return hostKey{}, errors.New("sftp: no host_key: put in the server's public key, or its fingerprint from whoever runs it (ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub)")
	}
	if f := fingerprint.FindString(s); f != "" {
		if sum, err := base64.RawStdEncoding.DecodeString(strings.TrimPrefix(f, "SHA256:")); err != nil || len(sum) != 32 {
			return hostKey{}, fmt.Errorf("sftp: host_key %q is no SHA256 fingerprint", s)
		}
		return hostKey{fingerprint: f}, nil
	}
	fields := strings.Fields(s)
	for i := range min(len(fields), 3) { // known_hosts puts a marker and the host's name before it
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(strings.Join(fields[i:], " ")))
		if err != nil || key.Type() != fields[i] {
			continue
		}
		if algorithms([]string{key.Type()}, true) == nil {
			return hostKey{}, fmt.Errorf("sftp: host_key is of kind %s; use the server's ed25519, ecdsa or rsa key", key.Type())
		}
		return hostKey{key: key, fingerprint: ssh.FingerprintSHA256(key)}, nil
	}
	return hostKey{}, fmt.Errorf("sftp: host_key %q is neither a public key (ssh-ed25519 AAAA…) nor a SHA256 fingerprint (SHA256:…)", s)
}

// algorithms are those of the kinds named, or of all others.
func algorithms(named []string, only bool) (out []string) {
	for _, k := range kinds {
		if slices.Contains(named, k.key) == only {
			out = append(out, k.algorithms...)
		}
	}
	return out
}

// otherKeyError is an answer with another host key than the one known.
type otherKeyError struct{ kind string }

func (e *otherKeyError) Error() string { return "the server showed another key, of kind " + e.kind }

func (h hostKey) check(_ string, _ net.Addr, key ssh.PublicKey) error {
	if h.key != nil && bytes.Equal(h.key.Marshal(), key.Marshal()) || h.key == nil && h.fingerprint == ssh.FingerprintSHA256(key) {
		return nil
	}
	return &otherKeyError{key.Type()}
}

// logins are the ways of logging in that the options allow.
func logins(o Options) (ways []ssh.AuthMethod, err error) {
	if o.KeyFile != "" {
		pem, err := os.ReadFile(o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("sftp: %w", err)
		}
		signer, err := ssh.ParsePrivateKey(pem)
		var locked *ssh.PassphraseMissingError
		if errors.As(err, &locked) {
			return nil, fmt.Errorf("sftp: %s is locked with a passphrase; make a key without one for saisine (ssh-keygen -t ed25519 -N '')", o.KeyFile)
		}
		if err != nil {
			return nil, fmt.Errorf("sftp: %s is no private key in OpenSSH or PEM form: %w", o.KeyFile, err)
		}
		ways = append(ways, ssh.PublicKeys(signer))
	}
	if o.Password != "" {
		ways = append(ways, ssh.Password(o.Password), ssh.KeyboardInteractive(func(_, _ string, questions []string, echos []bool) ([]string, error) {
			// Servers with PAM ask for the password in this way (RFC 4256). Nothing else is
			// answered.
			answers := make([]string, len(questions))
			for i := range questions {
				if echos[i] || len(questions) > 1 {
					return nil, errors.New("the server asks for more than a password")
				}
				answers[i] = o.Password
			}
			return answers, nil
		}))
	}
	if len(ways) == 0 {
		return nil, errors.New("sftp: neither key_file nor password is set")
	}
	return ways, nil
}
