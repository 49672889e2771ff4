package channels

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
)

// Asset is a file of the program that pages load, under an address that holds its hash, so
// that browsers may keep it for good.
type Asset struct {
	Path      string
	mediaType string
	content   []byte
}

// NewAsset makes one below a folder ("/" or "/agent/fixe/").
func NewAsset(folder, name, extension, mediaType string, content []byte) Asset {
	sum := sha256.Sum256(content)
	return Asset{Path: folder + name + "-" + hex.EncodeToString(sum[:6]) + extension, mediaType: mediaType, content: content}
}

// ServeHTTP implements http.Handler.
func (s Asset) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", s.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Length", strconv.Itoa(len(s.content)))
	_, _ = w.Write(s.content) // a reader that has gone needs nothing
}
