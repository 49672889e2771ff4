package rt

import (
	"errors"
	"fmt"
	"net/http"

	"saisine.fr/saisine/ingest/deliver/handover/rest"
)

// waitError is an error that somebody can mend at RT, or that passes, whatever its status says.
type waitError struct{ err error }

func (e waitError) Error() string   { return e.err.Error() }
func (e waitError) Unwrap() error   { return e.err }
func (e waitError) Permanent() bool { return false }

// explain says what a person has to do about an error of a call.
func explain(doing string, err error) error {
	var status *rest.StatusError
	if !errors.As(err, &status) {
		return fmt.Errorf("rt: %s: %w", doing, err)
	}
	switch status.Status {
	case http.StatusUnauthorized:
		return fmt.Errorf("rt: %s: the login was refused; check the user name and password, or the token: %w", doing, err)
	case http.StatusForbidden:
		return fmt.Errorf("rt: %s: the user lacks a right in RT or the queue is missing: %w", doing, err)
	case http.StatusBadRequest:
		// RT answers 400 to nearly all that goes wrong: a right that is missing, a field that the
		// queue demands, a database that is busy. Its words are in the user's language, so they
		// cannot tell which; a person, or time, can mend each.
		return waitError{fmt.Errorf("rt: %s: %w", doing, err)}
	}
	return fmt.Errorf("rt: %s: %w", doing, err)
}
