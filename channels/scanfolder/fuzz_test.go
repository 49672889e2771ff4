package scanfolder

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"saisine.fr/saisine/ingest"
)

func FuzzEnds(f *testing.F) {
	for _, s := range []string{pdf("a"), tiffBytes, jpegBytes, pngBytes, "II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00rest", "MM\x00*", "", "%PDF-"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		media, _, err := ends(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		switch media {
		case ingest.MediaPDF, ingest.MediaTIFF, ingest.MediaJPEG, ingest.MediaPNG, mediaUnknown:
		default:
			t.Errorf("media type %q", media)
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"a.pdf", "é\xff\n.pdf", ".pdf", "a.", "..", "x/y", "\u202ea"} {
		f.Add(s, 1)
		f.Add(s, 12)
	}
	f.Fuzz(func(t *testing.T, name string, n int) {
		v := variant(name, n)
		if len(v) > maxName && n < maxVariants || !utf8.ValidString(v) || v != clean(v) {
			t.Errorf("variant %q of %q", v, name)
		}
		if n > 1 && v == variant(name, n-1) && n > 2 {
			t.Errorf("variants %d and %d of %q are the same: %q", n, n-1, name, v)
		}
		_, _, _ = ignored(name), ownDir(name), ourNote(name)
	})
}

func FuzzOwner(f *testing.F) {
	f.Add([]byte(Note{ID: "S1", State: ingest.StateFailed, Reason: "x"}.text("a.pdf")), "S1", "a.pdf", "motif")
	f.Add([]byte("\ufeff"+labelNumber+"S2\r\n"), "S\n2", "Numéro\u00a0: S3\n", "\nNuméro\u00a0: S4")
	f.Fuzz(func(t *testing.T, b []byte, id, name, reason string) {
		parseOwner(b)
		for _, state := range []ingest.State{ingest.StateFailed, ingest.StateSetAside} {
			if got := parseOwner([]byte(Note{ID: id, State: state, Reason: reason}.text(name))); len(id)+len(name)+len(reason) < 60_000 && got != oneLine(id) {
				t.Errorf("%q reads back as %q", id, got)
			}
		}
	})
}
