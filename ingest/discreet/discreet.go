// Package discreet makes what is written to logs and shown to monitoring free of personal data.
//
// Citizens' words reach a log by errors: the name of a file, the address in a mail server's
// answer, the line of a header that could not be read, the value of a panic. Text writes an
// error without what the errors of its chain are known to quote. An error of our own that
// names such a thing has a method LogText, and says in it what a log may hold; Named makes one.
//
// It imports nothing of ours.
package discreet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/textproto"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// logTexter is an error that says itself what a log may hold of it.
type logTexter interface{ LogText() string }

// Text is what a log may hold of an error; "" for nil. Mail addresses are left out of all of it.
func Text(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	if !rewrite(err, &text) {
		// A wrapper shows what it wraps in other words: nothing is known of them.
		text = safest(err)
	}
	return WithoutAddresses(text)
}

// rewrite replaces in text what the errors of the chain quote. It reports false when it cannot
// find one there.
func rewrite(err error, text *string) bool {
	if safe, ok := told(err); ok {
		old := err.Error()
		if old == "" || !strings.Contains(*text, old) {
			return false
		}
		*text = strings.ReplaceAll(*text, old, safe)
		return true
	}
	switch e := err.(type) { //nolint:errorlint // the chain is walked here
	case interface{ Unwrap() error }:
		if in := e.Unwrap(); in != nil {
			return rewrite(in, text)
		}
	case interface{ Unwrap() []error }:
		for _, in := range e.Unwrap() {
			if in != nil && !rewrite(in, text) {
				return false
			}
		}
	}
	return true
}

// safest is the first of the chain that can be told, under the type of the whole.
func safest(err error) string {
	text := fmt.Sprintf("%T", err)
	for e := err; e != nil; e = errors.Unwrap(e) {
		if safe, ok := told(e); ok {
			return text + ": " + safe
		}
	}
	return text
}

// told is the text of an error of a sort that is known to quote what it was given.
func told(err error) (string, bool) {
	switch e := err.(type) { //nolint:errorlint // the chain is walked by the caller
	case logTexter:
		return e.LogText(), true
	case *fs.PathError:
		return e.Op + " " + Path(e.Path) + ": " + Text(e.Err), true
	case *os.LinkError:
		return e.Op + " " + Path(e.Old) + " " + Path(e.New) + ": " + Text(e.Err), true
	case *url.Error:
		// The path may be a follow-up link, the query a key.
		host := "an address"
		if u, err := url.Parse(e.URL); err == nil && u.Host != "" {
			host = u.Scheme + "://" + u.Host
		}
		return e.Op + " " + host + ": " + Text(e.Err), true
	case *net.OpError:
		if e.Op == "dial" {
			return "", false // the server of the configuration
		}
		return e.Op + " " + e.Net + ": " + Text(e.Err), true // may be where a citizen is
	case *net.ParseError:
		return "invalid " + e.Type, true
	case *strconv.NumError:
		return "strconv." + e.Func + ": " + Text(e.Err), true
	case *json.UnmarshalTypeError:
		return "json: a value of another type than " + e.Type.String() + " at " + strconv.FormatInt(e.Offset, 10), true
	case *xml.SyntaxError:
		return "XML syntax error on line " + strconv.Itoa(e.Line), true
	case *time.ParseError:
		return "not a time of the form " + strconv.Quote(e.Layout), true
	case *textproto.Error:
		return "the server's answer " + strconv.Itoa(e.Code), true
	case textproto.ProtocolError:
		return "malformed header or answer", true
	}
	return "", false
}

// Named is err with the name of a file, for people; a log gets the file's mark instead.
func Named(err error, name string) error { return &namedError{err, name} }

type namedError struct {
	err  error
	name string
}

func (e *namedError) Error() string   { return e.err.Error() + ": " + strconv.Quote(e.name) }
func (e *namedError) Unwrap() error   { return e.err }
func (e *namedError) LogText() string { return Text(e.err) + ": " + Mark(e.name) }

// Path is what a log may hold of a path. An absolute one is of the configuration or made by
// saisine; a relative one is a name below a folder that others fill, and gets a mark.
func Path(p string) string {
	if filepath.IsAbs(p) || p == "" || p == "." {
		return p
	}
	return Mark(p)
}

// extensions are those that a mark keeps.
var extensions = []string{".pdf", ".tif", ".tiff", ".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".jp2", ".eml", ".msg", ".txt", ".html", ".docx", ".odt", ".rtf", ".xlsx", ".ods", ".zip", ".tmp"}

// Mark stands for the name of a file: a number sign, the first eight digits of the name's
// SHA-256, and its extension. Folders before it do not count. Who knows the name finds it:
// printf %s NAME | sha256sum.
func Mark(name string) string {
	base := path.Base(name)
	sum := sha256.Sum256([]byte(base))
	ext := strings.ToLower(path.Ext(base))
	if !slices.Contains(extensions, ext) {
		ext = ""
	}
	return "#" + hex.EncodeToString(sum[:4]) + ext
}

var addresses = regexp.MustCompile(`[^\s<>"'(),;:\[\]|]+@[^\s<>"'(),;:\[\]|]+`)

// WithoutAddresses leaves mail addresses out of a text.
func WithoutAddresses(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	return addresses.ReplaceAllString(text, "<address>")
}

// Panic is what a log may hold of the value of a panic: the words of Go's own runtime, which
// quote no data, and of anything else the type alone.
func Panic(value any) string {
	var own runtime.Error
	if err, ok := value.(error); ok && errors.As(err, &own) {
		return own.Error()
	}
	if value == nil {
		return "nil"
	}
	return "a value of type " + reflect.TypeOf(value).String()
}
