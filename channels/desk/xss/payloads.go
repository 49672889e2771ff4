// Package xss looks whether foreign texts do anything in a browser that is shown them: a
// list of texts that try, and Debian's Chromium, watched for any script of theirs that runs and
// any request that leaves for another host. It is for tests only.
package xss

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

//go:embed testdata/payloads.txt
var payloadFile string

var rawBytes = regexp.MustCompile(`⟦([0-9a-f]+)⟧`)

// LeakHost is the host that payloads try to reach, or the end of its name.
const LeakHost = "fuite.example"

// Payloads returns the texts of testdata/payloads.txt. The one at place i calls alert(i).
func Payloads() []string {
	var out []string
	for line := range strings.Lines(payloadFile) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		number := strconv.Itoa(len(out))
		line = strings.NewReplacer("alert(1)", "alert("+number+")", "alert`1`", "alert`"+number+"`").Replace(line)
		out = append(out, rawBytes.ReplaceAllStringFunc(line, func(s string) string {
			b, err := hex.DecodeString(strings.Trim(s, "⟦⟧"))
			if err != nil {
				panic(fmt.Sprintf("xss: payload %d: %v", len(out), err))
			}
			return string(b)
		}))
	}
	return out
}
