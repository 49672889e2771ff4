package api

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"saisine.fr/saisine/channels/formpost"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/view"
)

// downloadTime bounds the sending of a file: 50 MiB over a line of 2 Mbit/s take 200 seconds.
const downloadTime = 10 * time.Minute

// fileJSON is a file that came with a submission of a request.
type fileJSON struct {
	Submission string `json:"submission"`
	view.Attachment
	URL string `json:"url"`
}

type originalJSON struct {
	Submission string `json:"submission"`
	Type       string `json:"type"`
	Size       int64  `json:"size"`
	SHA256     string `json:"sha256"`
	URL        string `json:"url"`
}

type filesAnswer struct {
	Originals []originalJSON `json:"originals"`
	Files     []fileJSON     `json:"files"`
}

// files lists what can be downloaded of a request.
func (c *call) files() error {
	q, err := c.a.opts.Requests.RequestFor(c.ctx(), c.viewer, c.r.PathValue("reference"))
	if err != nil {
		return err
	}
	out := filesAnswer{[]originalJSON{}, []fileJSON{}}
	for _, s := range q.Submissions {
		rec, err := c.a.opts.Ledger.SubmissionFor(c.ctx(), c.viewer, s.ID)
		if errors.Is(err, ingest.ErrNotFound) {
			continue // made of what is sealed
		}
		if err != nil {
			return err
		}
		at := c.a.address("/submissions/" + rec.ID)
		out.Originals = append(out.Originals, originalJSON{rec.ID, rec.MediaType, rec.Size, rec.SHA256, at + "/original"})
		if rec.Reading == nil {
			continue
		}
		for n, f := range rec.Reading.Attachments {
			out.Files = append(out.Files, fileJSON{rec.ID, view.OfAttachment(f), at + "/files/" + strconv.Itoa(n)})
		}
	}
	c.json(http.StatusOK, out)
	return nil
}

func (c *call) original() error {
	id := c.r.PathValue("id")
	f, err := c.a.opts.Files.Original(c.ctx(), c.viewer, id)
	if err != nil {
		return err
	}
	return c.download(f, "original-"+id)
}

func (c *call) attachment() error {
	id := c.r.PathValue("id")
	n, err := strconv.Atoi(c.r.PathValue("n"))
	if err != nil || n < 0 || strconv.Itoa(n) != c.r.PathValue("n") {
		return fmt.Errorf("%w: no number of a file", ingest.ErrNotFound)
	}
	f, err := c.a.opts.Files.Attachment(c.ctx(), c.viewer, id, n)
	if err != nil {
		return err
	}
	return c.download(f, fmt.Sprintf("fichier-%s-%d", id, n+1))
}

// mediaType is what a Content-Type may be made of; all else is octets.
var mediaType = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}$`)

// download sends a file to be saved, and closes it.
func (c *call) download(f File, name string) error {
	defer func() {
		if err := f.Body.Close(); err != nil {
			c.a.log.LogAttrs(c.ctx(), slog.LevelWarn, "file of a download is not closed", slog.Any("err", err))
		}
	}()
	h := c.w.Header()
	kind := strings.ToLower(f.Type)
	if !mediaType.MatchString(kind) {
		kind = "application/octet-stream"
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition(f.Name, name))
	if f.Size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(f.Size, 10))
	}
	// A deadline of the connection is one of the real clock.
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(downloadTime))
	c.status = http.StatusOK
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method != http.MethodHead {
		// Who has gone needs nothing; a file that breaks off shows by its length.
		_, _ = io.Copy(c.w, f.Body)
	}
	return nil
}

// disposition names the file as its sender did, without what no system can save, or else as we
// do. The name in other letters than ASCII is written by RFC 8187, which mime does.
func disposition(given, ours string) string {
	name, _ := formpost.Clean([]byte(given))
	name = filepath.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune("\n\t\"<>:|?*/%", r) {
			return '_'
		}
		return r
	}, name), ". ")
	if utf8.RuneCountInString(name) > 150 {
		name = string([]rune(name)[:150])
	}
	if name == "" {
		name = ours
	}
	if d := mime.FormatMediaType("attachment", map[string]string{"filename": name}); d != "" {
		return d
	}
	return "attachment"
}
