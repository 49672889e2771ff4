package open311test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"saisine.fr/saisine/channels/npmtest"
)

// modules are node-open311 and what it needs to speak JSON. Its other two are stood in for:
// sparkxml was never in the registry, and both are for XML only, which the other client speaks.
var modules = []npmtest.Module{
	{Name: "open311", Version: "0.0.12", SHA256: "16425f079410811ca0043e49b83fa85300d14e93258f2a00efa142f072e52fdb"},
	{Name: "request", Version: "2.11.4", SHA256: "9da760beead672fc69ce1d0d01e579824b7ef9a961ff1346cf3fce80beb9f8a4"},
	{Name: "lodash", Version: "0.6.1", SHA256: "e93de642638dabc7559721fc58cb7fae0a8bed6d6a204b9288e6055b441dd35b"},
}

var standIns = []string{"sparkxml", "xml2json"}

// unpackModules lays the modules into dir.
func unpackModules(t testing.TB, dir string) {
	t.Helper()
	for _, m := range modules {
		m.Unpack(t, dir)
	}
	for _, name := range standIns {
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, name), 0o750), os.WriteFile(filepath.Join(dir, name, "index.js"), []byte("module.exports = {};\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}
