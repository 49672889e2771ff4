package scanfolder

import (
	"cmp"
	"io"

	"saisine.fr/saisine/ingest"
)

// mediaUnknown is the type of a file whose content is no scan.
const mediaUnknown = "application/octet-stream"

// ends is ingest.ScanEnds, with a type for what is no scan.
func ends(r io.ReaderAt, size int64) (media string, whole bool, err error) {
	media, whole, err = ingest.ScanEnds(r, size)
	return cmp.Or(media, mediaUnknown), whole, err
}
