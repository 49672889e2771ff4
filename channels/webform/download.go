package webform

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"saisine.fr/saisine/channels/formpost"
)

// maxFileName bounds the name of a download in characters. Most file systems take 255
// bytes, and a character has up to four.
const maxFileName = 60

func receiptPath(token, id string) string {
	return followPath(token) + "/accuses/" + url.PathEscape(id)
}

// serveReceipt sends a receipt as a file to be saved. It is never shown in the town's
// own origin.
func (a *Adapter) serveReceipt(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	d, err := a.opts.Correspondent.Receipt(r.Context(), token, r.PathValue("id"))
	if err != nil {
		a.refuseFollow(w, r, err, noDocument)
		return
	}
	h := w.Header()
	secure(h)
	h["Cache-Control"] = headerNoStore
	h["X-Robots-Tag"] = headerNoRobots
	h.Set("Content-Type", mediaTypeOr(d.Type, "application/octet-stream"))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fileName(d.Name)}))
	h.Set("Content-Length", strconv.Itoa(len(d.Data)))
	_, _ = w.Write(d.Data) // a reader that has gone needs nothing
}

// mediaTypeOr returns s in its canonical form, or other when it is no media type.
func mediaTypeOr(s, other string) string {
	mediaType, params, err := mime.ParseMediaType(s)
	if err != nil || !strings.Contains(mediaType, "/") {
		return other
	}
	if s = mime.FormatMediaType(mediaType, params); s == "" {
		return other
	}
	return s
}

// fileName makes name one that any system can save: without folders, control
// characters, the characters that Windows forbids, or dots at its ends, which hide
// the file or get lost.
func fileName(name string) string {
	name, _ = formpost.Clean([]byte(name))
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("\n\t\"<>:|?*", r) {
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(name, ". ")
	if runes := []rune(name); len(runes) > maxFileName {
		end := ""
		if i := strings.LastIndexByte(name, '.'); i >= 0 && len(name)-i <= 6 {
			end = name[i:] // the extension says what can open it
		}
		name = strings.TrimRight(string(runes[:maxFileName-len([]rune(end))]), ". ") + end
	}
	if name == "" {
		return "document"
	}
	return name
}
