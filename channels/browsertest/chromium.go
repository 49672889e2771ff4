// Package browsertest looks at pages with Debian's Chromium, for tests.
package browsertest

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Chromium starts Debian's browser, with more options, and returns the context of its only
// tab. The browser has ended when the test has.
func Chromium(t testing.TB, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is missing. Install it: sudo apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // tests may run as root, where it refuses to start; it sees only our pages
		chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(time.Minute), // a machine with much else to do
	)
	options = append(options, more...)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("chromium did not end well: %v", err)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("chromium does not start: %v", err)
	}
	return ctx
}

// Look is a way in which people look at a page.
type Look struct {
	Width  int64
	Scheme string
}

func (l Look) String() string { return strconv.FormatInt(l.Width, 10) + " " + l.Scheme }

// Set makes the browser look at its page like that.
func (l Look) Set() chromedp.Action[chromedp.Void] {
	scheme := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			// Nothing is on its way from one colour to the other while axe-core looks.
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.Scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	})
	return chromedp.Steps(chromedp.EmulateViewport(l.Width, 900), scheme)
}

// Looks are those in which every page is looked at.
var Looks = []Look{{1280, "light"}, {1280, "dark"}, {390, "light"}, {390, "dark"}}

// CheckReflow Looks whether a page must be scrolled sideways in 320 px (WCAG 1.4.10).
func CheckReflow(ctx context.Context, t testing.TB) {
	t.Helper()
	if err := chromedp.Do(ctx, Look{320, "light"}.Set()); err != nil {
		t.Fatal(err)
	}
	width, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
	if err != nil {
		t.Fatal(err)
	}
	if width > 320 {
		t.Errorf("the page is %d px wide in a window of 320", width)
	}
}

// Picture keeps the page for people to look at: in the folder that GO_TEST_SCREENSHOTS names,
// or among the test's artefacts where go test is to keep them (-artifacts).
func Picture(ctx context.Context, t testing.TB, name string, l Look) {
	t.Helper()
	dir := os.Getenv("GO_TEST_SCREENSHOTS")
	if kept := flag.Lookup("test.artifacts"); dir == "" && kept != nil && kept.Value.String() == "true" {
		dir = t.ArtifactDir()
	}
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100)) // 100: PNG
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name+" "+l.String(), " ", "-")+".png"), png, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}
