package webform

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"

	"saisine.fr/saisine/channels/formpost"
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
	long("name", "Nom et prénom", f.Name, formpost.MaxLine)
	switch {
	case utf8.RuneCountInString(f.Email) > formpost.MaxEmail:
		long("email", "Adresse électronique", f.Email, formpost.MaxEmail)
	case f.Email != "" && !formpost.PlausibleEmail(f.Email):
		errs = append(errs, fieldError{"email", "L’adresse électronique semble incomplète. Elle s’écrit par exemple nom@exemple.fr."})
	}
	long("phone", "Téléphone", f.Phone, formpost.MaxLine)
	long("address", "Adresse postale", f.Address, formpost.MaxLine)
	long("place", "Lieu concerné", f.Place, formpost.MaxLine)
	long("subject", "Objet", f.Subject, formpost.MaxLine)
	if f.Message == "" {
		errs = append(errs, fieldError{"message", "Écrivez votre message\u00a0: c’est la seule information indispensable."})
	} else {
		long("message", "Votre message", f.Message, formpost.MaxMessage)
	}
	return errs
}

// validateAnswer is validate for the form of a follow-up page, where files alone say
// enough and the town knows already who writes.
func (p *post) validateAnswer() []fieldError {
	n := utf8.RuneCountInString(p.Message)
	switch {
	case n == 0 && len(p.Files) == 0:
		return []fieldError{{"message", "Votre envoi est vide\u00a0: écrivez un message ou joignez un fichier."}}
	case n > formpost.MaxMessage:
		return []fieldError{tooLong("message", "Votre message", n, formpost.MaxMessage)}
	}
	return nil
}

func tooLong(field, label string, n, limit int) fieldError {
	return fieldError{field, label + "\u00a0: " + frNumber(int64(n)) + " caractères, pour " + frNumber(int64(limit)) + " au plus. Raccourcissez ce texte."}
}

// hash identifies the content of a post: its fields and the hashes of its files. Each
// value goes in with its length, so that no two posts share an input.
func (f *fields) hash(files []formpost.File) string {
	h := sha256.New()
	var buf []byte
	for _, s := range [...]string{f.Name, f.Email, f.Phone, f.Address, f.Category, f.Place, f.Subject, f.Message} {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	for i := range files {
		buf = append(buf, files[i].Sum[:]...)
	}
	h.Write(buf)
	var sum [sha256.Size]byte
	return base64.RawURLEncoding.EncodeToString(h.Sum(sum[:0]))
}
