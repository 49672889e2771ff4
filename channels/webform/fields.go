package webform

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Names of the form's own fields beside those of the public interface.
const (
	fieldToken   = "jeton"
	fieldTrap    = "site_web" // honeypot: hidden from people, tempting to robots
	fieldConfirm = "confirmer"
)

// fields is what the citizen wrote, cleaned: valid UTF-8, LF line ends, no control
// characters, no space around.
type fields struct {
	Name, Email, Phone, Address string
	Category, Place             string
	Subject, Message            string
}

// byName returns the field of that name in the public interface, or nil.
func (f *fields) byName(name string) *string {
	switch name {
	case "name":
		return &f.Name
	case "email":
		return &f.Email
	case "phone":
		return &f.Phone
	case "address":
		return &f.Address
	case "category":
		return &f.Category
	case "place":
		return &f.Place
	case "subject":
		return &f.Subject
	case "message":
		return &f.Message
	default:
		return nil
	}
}

// Longest values in characters. They are far above what a person needs, and above
// what standards allow (an address of RFC 5321 §4.5.3.1 has at most 254).
const (
	maxLine    = 300
	maxEmail   = 254
	maxMessage = 50_000
)

// fieldError is one thing that the citizen is asked to mend.
type fieldError struct {
	Field string // its name and the id of its control
	Text  string
}

// validate returns what is wrong, in the order of the page.
func (f *fields) validate() []fieldError {
	var errs []fieldError
	long := func(field, label, value string, limit int) {
		if n := utf8.RuneCountInString(value); n > limit {
			errs = append(errs, tooLong(field, label, n, limit))
		}
	}
	long("name", "Nom et prénom", f.Name, maxLine)
	switch {
	case utf8.RuneCountInString(f.Email) > maxEmail:
		long("email", "Adresse électronique", f.Email, maxEmail)
	case f.Email != "" && !plausibleEmail(f.Email):
		errs = append(errs, fieldError{"email", "L’adresse électronique semble incomplète. Elle s’écrit par exemple nom@exemple.fr."})
	}
	long("phone", "Téléphone", f.Phone, maxLine)
	long("address", "Adresse postale", f.Address, maxLine)
	long("place", "Lieu concerné", f.Place, maxLine)
	long("subject", "Objet", f.Subject, maxLine)
	if f.Message == "" {
		errs = append(errs, fieldError{"message", "Écrivez votre message\u00a0: c’est la seule information indispensable."})
	} else {
		long("message", "Votre message", f.Message, maxMessage)
	}
	return errs
}

// validateAnswer is validate for the form of a follow-up page, where files alone say
// enough and the town knows already who writes.
func (p *post) validateAnswer() []fieldError {
	n := utf8.RuneCountInString(p.Message)
	switch {
	case n == 0 && len(p.files) == 0:
		return []fieldError{{"message", "Votre envoi est vide\u00a0: écrivez un message ou joignez un fichier."}}
	case n > maxMessage:
		return []fieldError{tooLong("message", "Votre message", n, maxMessage)}
	}
	return nil
}

func tooLong(field, label string, n, limit int) fieldError {
	return fieldError{field, label + "\u00a0: " + frNumber(int64(n)) + " caractères, pour " + frNumber(int64(limit)) + " au plus. Raccourcissez ce texte."}
}

// plausibleEmail accepts what a mail could be sent to; whether it arrives is seen
// when the receipt is sent. It is no stricter than RFC 5322 §3.4.1 with a domain that
// has a dot, for people know their own address better than a pattern does.
func plausibleEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || strings.ContainsAny(s, " \n\t<>") {
		return false
	}
	domain := s[strings.LastIndexByte(s, '@')+1:]
	dot := strings.LastIndexByte(domain, '.')
	return dot > 0 && dot < len(domain)-1
}

// hash identifies the content of a post: its fields and the hashes of its files. Each
// value goes in with its length, so that no two posts share an input.
func (f *fields) hash(files []file) string {
	h := sha256.New()
	var buf []byte
	for _, s := range [...]string{f.Name, f.Email, f.Phone, f.Address, f.Category, f.Place, f.Subject, f.Message} {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	for i := range files {
		buf = append(buf, files[i].sum[:]...)
	}
	h.Write(buf)
	var sum [sha256.Size]byte
	return base64.RawURLEncoding.EncodeToString(h.Sum(sum[:0]))
}

// clean makes foreign bytes a string that can be shown: valid UTF-8 with LF line
// ends, no NUL or other control character, no space around. Bytes that are not UTF-8
// are taken as windows-1252, which covers what old French scripts send; guessed is
// true then.
func clean(b []byte) (s string, guessed bool) {
	if !utf8.Valid(b) {
		guessed = true
		// Every byte has a meaning in this decoder, so it cannot fail.
		b, _ = charmap.Windows1252.NewDecoder().Bytes(b)
	}
	s = string(b)
	if strings.IndexFunc(s, isControl) >= 0 {
		s = strings.ReplaceAll(s, "\r\n", "\n")
		s = strings.Map(func(r rune) rune {
			switch {
			case r == '\r':
				return '\n'
			case isControl(r):
				return -1
			}
			return r
		}, s)
	}
	return strings.TrimSpace(s), guessed
}

// isControl holds for what no text field should contain: C0 and C1 controls except
// tab and line feed, and the bidirectional overrides that make a text read as
// another than it is (Unicode TR 36 §2.5).
func isControl(r rune) bool {
	return r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
