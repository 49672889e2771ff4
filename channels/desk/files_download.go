package desk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// filePolicy keeps a browser from doing anything with a file, should it show it after all.
const filePolicy = "sandbox; default-src 'none'"

// downloadTime bounds the sending of a file: 50 MiB over a line of 2 Mbit/s take 200 seconds.
const downloadTime = 10 * time.Minute

// download sends a file to be saved, under a name that begins with base, and closes it. What
// the file is and which ending its name has is told from its bytes. Parts of it can be
// asked for (RFC 9110 §14) where it can be read from any place.
func download(w http.ResponseWriter, r *http.Request, f File, base string) error {
	defer f.Body.Close()
	head := make([]byte, sniffLength)
	n, err := io.ReadFull(f.Body, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("desk: read file: %w", err)
	}
	head = head[:n]
	kind := kindOf(head, f.Type, f.Name)
	seeker, anywhere := f.Body.(io.ReadSeeker)
	if anywhere {
		if _, err := seeker.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("desk: read file: %w", err)
		}
	}
	h := w.Header()
	h.Set("Content-Security-Policy", filePolicy)
	h.Set("Content-Type", kind.mediaType)
	h.Set("Content-Disposition", disposition("attachment", base, f.Name, kind))
	// A deadline of the connection is one of the real clock. A server that knows none keeps its own.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(downloadTime))
	if anywhere {
		http.ServeContent(w, r, "", time.Time{}, seeker)
		return nil
	}
	if f.Size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(f.Size, 10))
	}
	if r.Method != http.MethodHead {
		// A reader that has gone needs nothing; a file that breaks off shows by its length.
		_, _ = io.Copy(w, io.MultiReader(bytes.NewReader(head), f.Body))
	}
	return nil
}
