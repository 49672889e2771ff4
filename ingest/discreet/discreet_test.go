package discreet_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/ingest/discreet"
)

const canary = "Canari"

type odd struct{ error }

func (o odd) Error() string { return "odd " + strings.ToLower(o.error.Error()) }
func (o odd) Unwrap() error { return o.error }

func TestText(t *testing.T) {
	path := &fs.PathError{Op: "openat", Path: "Lettre de " + canary + ".pdf", Err: syscall.ENOENT}
	_, number := strconv.Atoi("12" + canary)
	_, moment := time.Parse(time.RFC3339, canary)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"nil":       {nil, ""},
		"plain":     {errors.New("no space left"), "no space left"},
		"path":      {fmt.Errorf("scan: %w", path), "scan: openat #" + mark(path.Path) + ".pdf: no such file or directory"},
		"absolute":  {&fs.PathError{Op: "write", Path: "/var/lib/saisine/saisine.db", Err: syscall.ENOSPC}, "write /var/lib/saisine/saisine.db: no space left on device"},
		"rename":    {&os.LinkError{Op: "renameat", Old: canary, New: "2026/" + canary, Err: syscall.EXDEV}, "renameat #" + mark(canary) + " #" + mark(canary) + ": invalid cross-device link"},
		"joined":    {errors.Join(errors.New("a"), path), "a\nopenat #" + mark(path.Path) + ".pdf: no such file or directory"},
		"two":       {fmt.Errorf("%w after %w", number, path), "strconv.Atoi: invalid syntax after openat #" + mark(path.Path) + ".pdf: no such file or directory"},
		"requoted":  {odd{path}, "discreet_test.odd: openat #" + mark(path.Path) + ".pdf: no such file or directory"},
		"named":     {fmt.Errorf("x: %w", discreet.Named(errors.New("too deep"), "dossier/"+canary+".tif")), "x: too deep: #" + mark(canary+".tif") + ".tif"},
		"address":   {errors.New("550 <" + canary + "@example.fr>: unknown"), "550 <<address>>: unknown"},
		"link":      {&url.Error{Op: "Post", URL: "https://user:pw@example.fr/suivi/" + canary + "?k=" + canary, Err: errors.New("refused")}, "Post https://example.fr: refused"},
		"time":      {moment, `not a time of the form "2006-01-02T15:04:05Z07:00"`},
		"server":    {fmt.Errorf("rcpt: %w", &textproto.Error{Code: 550, Msg: canary}), "rcpt: the server's answer 550"},
		"header":    {textproto.ProtocolError("malformed MIME header line: " + canary), "malformed header or answer"},
		"json type": {json.Unmarshal([]byte(`{"a":123}`), &struct{ A string }{}), "json: a value of another type than string at 8"},
	} {
		t.Run(name, func(t *testing.T) {
			got := discreet.Text(c.err)
			if got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if strings.Contains(strings.ToLower(got), strings.ToLower(canary)) {
				t.Errorf("%q holds the canary", got)
			}
		})
	}
}

func mark(name string) string { return strings.TrimPrefix(discreet.Mark(name), "#")[:8] }

func TestPanic(t *testing.T) {
	if got := discreet.Panic(canary); got != "a value of type string" {
		t.Error(got)
	}
	if got := discreet.Panic(fmt.Errorf("reading %s", canary)); strings.Contains(got, canary) {
		t.Error(got)
	}
	defer func() {
		if got := discreet.Panic(recover()); !strings.Contains(got, "index out of range [3]") {
			t.Error(got)
		}
	}()
	var none []int
	_ = none[len(canary)-3]
}
