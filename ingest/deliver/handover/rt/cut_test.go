package rt_test

import (
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/handovertest"
	"saisine.fr/saisine/ingest/deliver/handover/rttest"
)

// TestCut: RT may be set to cut or drop large files, and says so nowhere in its answer.
func TestCut(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"TruncateLongAttachments", "DropLongAttachments"} {
		t.Run(setting, func(t *testing.T) {
			s := rttest.Start(t, rttest.WithConfig("Set($MaxAttachmentSize, 5000);", "Set($"+setting+", 1);"))
			c := connect(t, options(s))
			remote := create(t, c, "2026-000300")
			small := handover.Addition{Key: "small", Files: []handover.File{handovertest.File("a.txt", "text/plain", []byte(strings.Repeat("x", 5000)))}}
			if err := c.Attach(t.Context(), remote.ID, small); err != nil {
				t.Error(err)
			}
			large := handover.Addition{Key: "large", Files: []handover.File{handovertest.File("b.txt", "text/plain", []byte(strings.Repeat("x", 5001)))}}
			for range 2 {
				if err := c.Attach(t.Context(), remote.ID, large); !ingest.IsPermanent(err) || !strings.Contains(err.Error(), "MaxAttachmentSize") {
					t.Errorf("%v (permanent: %v)", err, ingest.IsPermanent(err))
				}
			}
		})
	}
}
