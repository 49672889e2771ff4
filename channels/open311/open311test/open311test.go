// Package open311test points clients of GeoReport v2 that others wrote at a server: node-open311,
// as it is, and the Perl libraries by which FixMyStreet speaks to town halls, in the same calls
// and with the same way to read the answers. Each lists the services, reports something, asks
// until the report has a number, and reads it back.
package open311test

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/channels/npmtest"
)

// Server is the one that is spoken to. It must offer Service with no attribute required, file
// what comes in within a minute, and have its own address in its discovery document.
type Server struct {
	URL          string // such as http://127.0.0.1:8080/open311/v2
	Key          string
	Jurisdiction string // "" is not sent
	Service      string // a service_code
	// Attribute is one of Service's and Value an answer to it; "" for none.
	Attribute, Value string
}

// Report is what a client has made and read back.
type Report struct {
	ID          string `json:"id"`
	Status      string `json:"status"`
	Service     string `json:"service_code"`
	Description string `json:"description"`
	Address     string `json:"address"`
	Lat         string `json:"lat"`
	Long        string `json:"long"`
	Requested   string `json:"requested"`
}

// What the clients report.
const (
	Description = "Panneau tombé sur le trottoir, « sens interdit » & poteau plié"
	Address     = "12 rue de l’Église"
	Lat         = "48.8566"
	Long        = "2.3522"
	// Phone and Email come with the report, and stand in its text as well. They must not be read
	// back.
	Phone = "06 12 34 56 78"
	Email = "jeanne.martin@exemple.fr"
)

// patience bounds one client.
const patience = 2 * time.Minute

//go:embed client.js
var nodeScript string

//go:embed client.pl
var perlScript string

// Node runs node-open311 (npm open311), which speaks JSON and finds the endpoint by the discovery
// document.
func Node(t testing.TB, s Server) []Report {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		npmtest.Missing(t, "node is missing, which node-open311 needs. Install it: sudo apt-get install nodejs npm")
	}
	dir := t.TempDir()
	unpackModules(t, filepath.Join(dir, "node_modules"))
	return run(t, s, dir, nodeScript, "client.js", "node")
}

// Perl runs the calls of FixMyStreet's Open311 sender with the libraries that it uses, LWP and
// XML::Simple, in XML: a report in the URL's encoding, one with a picture as multipart/form-data,
// and one with a wrong key.
func Perl(t testing.TB, s Server) []Report {
	t.Helper()
	if err := exec.CommandContext(t.Context(), "perl", "-MLWP::UserAgent", "-MXML::Simple", "-MJSON::PP", "-e", "1").Run(); err != nil {
		npmtest.Missing(t, "perl's LWP::UserAgent or XML::Simple is missing. Install them: sudo apt-get install libwww-perl libxml-simple-perl")
	}
	return run(t, s, t.TempDir(), perlScript, "client.pl", "perl")
}

// run runs a script and returns what it has read back.
func run(t testing.TB, s Server, dir, script, name, interpreter string) []Report {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, interpreter, path)
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(),
		"O311_URL="+strings.TrimRight(s.URL, "/"), "O311_KEY="+s.Key, "O311_JURISDICTION="+s.Jurisdiction, "O311_SERVICE="+s.Service,
		"O311_ATTRIBUTE="+s.Attribute, "O311_VALUE="+s.Value, "O311_DESCRIPTION="+Description, "O311_ADDRESS="+Address,
		"O311_LAT="+Lat, "O311_LONG="+Long, "O311_PHONE="+Phone, "O311_EMAIL="+Email, "NODE_NO_WARNINGS=1", "NO_PROXY=*", "no_proxy=*")
	out, err := cmd.Output()
	if err != nil {
		var said []byte
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			said = exit.Stderr
		}
		t.Fatalf("%s: %v\n%s%s", interpreter, err, out, said)
	}
	var reports []Report
	if err := json.Unmarshal(out, &reports); err != nil {
		t.Fatalf("%s: %v in %s", interpreter, err, out)
	}
	return reports
}

// Check holds what a client read back against what it has reported.
func Check(t testing.TB, s Server, reports []Report) {
	t.Helper()
	if len(reports) == 0 {
		t.Error("nothing was read back")
	}
	for _, r := range reports {
		if r.ID == "" || r.Status != "open" || r.Service != s.Service || r.Address != Address || r.Lat != Lat || r.Long != Long {
			t.Errorf("read back: %+v", r)
		}
		if !strings.Contains(r.Description, Description) || strings.Contains(r.Description, Phone[3:]) || strings.Contains(r.Description, Email) {
			t.Errorf("description: %q", r.Description)
		}
		if at, err := time.Parse(time.RFC3339, r.Requested); err != nil || time.Since(at).Abs() > time.Hour {
			t.Errorf("requested at %q: %v", r.Requested, err)
		}
	}
}
