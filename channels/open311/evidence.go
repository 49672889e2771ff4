package open311

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"

	"saisine.fr/saisine/ingest"
)

// errKeyNotFound means that the key is not written in the post as it was read from it.
var errKeyNotFound = errors.New("open311: the key is not in the post as it stands")

// withoutKeys returns an original in which asterisks stand for keys that came in the post, so that
// what is kept for years, and shown to agents, lets nobody post. Everything else stays where it
// was, byte for byte. The blob that was handed in is closed.
func withoutKeys(b *ingest.Blob, secrets []string, spool ingest.Spool) (*ingest.Blob, error) {
	var forms [][]byte
	for _, secret := range secrets {
		forms = append(forms, []byte(secret))
		if escaped := url.QueryEscape(secret); escaped != secret {
			forms = append(forms, []byte(escaped))
		}
	}
	r, err := b.Open()
	if err != nil {
		return nil, fmt.Errorf("open311: original: %w", err)
	}
	w := spool.Writer()
	found, err := blotOut(w, r, forms)
	if err = errors.Join(err, r.Close()); err == nil && !found {
		err = errKeyNotFound
	}
	if err != nil {
		w.Abort()
		return nil, err
	}
	out, err := w.Blob()
	if err != nil {
		return nil, fmt.Errorf("open311: original: %w", err)
	}
	return out, b.Close()
}

// blotOut copies r to w with asterisks for each of the words.
func blotOut(w io.Writer, r io.Reader, words [][]byte) (found bool, err error) {
	longest := 0
	for _, word := range words {
		longest = max(longest, len(word))
	}
	buf := make([]byte, 0, 64<<10+longest)
	for ended := false; !ended; {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if ended = errors.Is(err, io.EOF); err != nil && !ended {
			return found, fmt.Errorf("open311: original: %w", err)
		}
		for _, word := range words {
			for at := 0; ; {
				i := bytes.Index(buf[at:], word)
				if i < 0 {
					break
				}
				found = true
				at += i
				copy(buf[at:], bytes.Repeat([]byte("*"), len(word)))
				at += len(word)
			}
		}
		keep := min(len(buf), longest-1) // what may be the beginning of a word
		if ended {
			keep = 0
		}
		if _, err := w.Write(buf[:len(buf)-keep]); err != nil {
			return found, err
		}
		buf = append(buf[:0], buf[len(buf)-keep:]...)
	}
	return found, nil
}
