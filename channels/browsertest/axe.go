package browsertest

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"

	"saisine.fr/saisine/channels/npmtest"
)

// axe is the pinned release of axe-core.
var axe = npmtest.Module{Name: "axe-core", Version: "4.14.1", SHA256: "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"}

// AxeCore returns the script of axe-core, which npm fetches once.
func AxeCore(t testing.TB) string {
	t.Helper()
	return axe.File(t, "axe.min.js")
}

// Violation is what axe-core reports, and on which elements.
type Violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// RunAxe asks axe-core with all its rules. It is put into the page by the debugger,
// which the page's content security policy does not bind.
func RunAxe(ctx context.Context, t testing.TB) []Violation {
	t.Helper()
	type result struct {
		Rules      int         `json:"rules"`
		Violations []Violation `json:"violations"`
	}
	const ask = `axe.run(document, {resultTypes: ["violations"]}).then(r => ({rules: r.passes.length, violations: r.violations}))`
	out, err := chromedp.Run(ctx, chromedp.Evaluate[result](ask, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("axe-core: %v", err)
	}
	if out.Rules < 10 {
		t.Errorf("axe-core found no fault, but only %d rules had something to look at", out.Rules)
	}
	return out.Violations
}
