package ocr

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"saisine.fr/saisine/ocr/barcode"
	"saisine.fr/saisine/ocr/leptonica"
	"saisine.fr/saisine/ocr/poppler"
	"saisine.fr/saisine/ocr/sandbox"
	"saisine.fr/saisine/ocr/tesseract"
)

// Check is one finding of Doctor.
type Check struct {
	Name   string
	OK     bool
	Detail string
	// Fix is what to do when OK is false.
	Fix string
}

// Doctor looks for everything that reading needs: the programs, the linked libraries,
// the traineddata of each language, and a child that starts. It decodes nothing.
func Doctor(ctx context.Context, opts Options) []Check {
	opts = opts.withDefaults()
	var checks []Check
	for _, program := range poppler.Programs() {
		checks = append(checks, checkProgram(ctx, program, "-v", "poppler-utils"))
	}
	checks = append(checks,
		checkProgram(ctx, "prlimit", "--version", "util-linux"),
		checkProgram(ctx, "qpdf", "--version", "qpdf"),
		optional(checkProgram(ctx, "gs", "--version", "ghostscript"), "not installed: searchable copies are plain PDF, not PDF/A"))
	checks = append(checks,
		Check{Name: "leptonica", OK: true, Detail: leptonica.Version()},
		Check{Name: "tesseract", OK: true, Detail: tesseract.Version()},
		Check{Name: "zbar", OK: true, Detail: barcode.Version()})
	for _, language := range opts.Languages {
		checks = append(checks, checkLanguage(language))
	}
	return append(checks, checkChild(ctx, opts)...)
}

func checkProgram(ctx context.Context, program, option, pkg string) Check {
	c := Check{Name: program, Fix: "apt-get install " + pkg}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, option).CombinedOutput()
	// Old versions of pdfinfo and its siblings print the version and exit with 99.
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.Detail = err.Error()
		return c
	}
	first, _, _ := strings.Cut(string(out), "\n")
	c.OK, c.Detail, c.Fix = true, strings.TrimSpace(first), ""
	return c
}

// optional makes a check pass that did not, with what is to be done without.
func optional(c Check, without string) Check {
	if !c.OK {
		c.OK, c.Detail, c.Fix = true, without, ""
	}
	return c
}

// dataFolders are where tesseract's packages of Debian and others put traineddata.
func dataFolders() []string {
	folders := []string{"/usr/share/tessdata", "/usr/local/share/tessdata"}
	if found, err := filepath.Glob("/usr/share/tesseract-ocr/*/tessdata"); err == nil {
		folders = append(found, folders...)
	}
	if v := os.Getenv("TESSDATA_PREFIX"); v != "" {
		// Where it is set, tesseract looks nowhere else.
		return []string{v}
	}
	return folders
}

func checkLanguage(language string) Check {
	c := Check{Name: "tesseract " + language}
	for _, folder := range dataFolders() {
		file := filepath.Join(folder, language+".traineddata")
		if st, err := os.Stat(file); err == nil && st.Size() > 0 {
			c.OK, c.Detail = true, file
			return c
		}
	}
	c.Detail = "no traineddata in " + strings.Join(dataFolders(), ", ")
	c.Fix = "apt-get install tesseract-ocr-" + strings.ReplaceAll(language, "_", "-")
	return c
}

func checkChild(ctx context.Context, opts Options) []Check {
	c := Check{Name: "reading child"}
	l := newLauncher(opts)
	defer l.close()
	p, err := l.start(ctx)
	if err != nil {
		c.Detail, c.Fix = err.Error(), "see the message; the temporary folder must be writable"
		return []Check{c}
	}
	p.stop()
	c.OK, c.Detail = true, "starts"
	return []Check{c, Confinement{Files: p.held.Files, Sockets: p.held.Sockets, Namespace: !l.shared.Load()}.check()}
}

// ConfinementCheck is the name of the Check that says what a reading child cannot reach.
// Reading works where it is not OK.
const ConfinementCheck = "reading child is cut off"

// Confinement is what holds of the reading children, as one of them has found by trying.
type Confinement struct {
	// Files is true when a child reaches no file but the system's programs, its own folder
	// and the document that it is to read (Landlock).
	Files bool
	// Sockets is true when it can make no socket (seccomp).
	Sockets bool
	// Namespace is true when it has an empty network of its own.
	Namespace bool
}

// missing says what a child reaches that it should not, or "".
func (c Confinement) missing() string {
	var out []string
	if !c.Files {
		out = append(out, "files: it could open the database and other originals")
	}
	switch {
	case c.Sockets:
	case c.Namespace:
		out = append(out, "sockets: it could reach the private Redis")
	default:
		out = append(out, "sockets: it could reach the network and the private Redis")
	}
	return strings.Join(out, "; ")
}

func (c Confinement) check() Check {
	out := Check{Name: ConfinementCheck}
	if missing := c.missing(); missing != "" {
		out.Detail = "not from everything: " + missing
		out.Fix = "use a kernel of 5.13 or later with Landlock (\"landlock\" in /sys/kernel/security/lsm) and seccomp, as Debian's is; a container must permit both"
		return out
	}
	network := "by seccomp"
	if c.Namespace {
		network += ", and in an empty network namespace"
	}
	out.OK, out.Detail = true, fmt.Sprintf("from all files but its own (Landlock, version %d) and from every socket (%s)", sandbox.LandlockVersion(), network)
	return out
}
