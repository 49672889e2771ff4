package desk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"saisine.fr/saisine/channels"
	"saisine.fr/saisine/channels/pace"
	"saisine.fr/saisine/ingest"
)

// The bounds of one upload of scans.
const (
	maxScans      = 100       // files
	maxScanFields = 50        // fields that are no files
	maxScanField  = 2 << 10   // bytes of a field
	maxScanName   = 150       // characters of a file's name that are kept
	scanPartGap   = 256 << 10 // bytes of the form around a file
)

// scanStatusStop tells htmx to ask no more (htmx.org/attributes/hx-trigger, polling).
const scanStatusStop = 286

// uploadForm is the form with which scans come in.
type uploadForm struct {
	// Key tells this upload from others: the same file in it twice, or the whole form posted
	// twice, is one submission.
	Key               string
	Service, Postmark string
	TwoSided          bool
	Errors            map[string]string
}

func newUpload() uploadForm { return uploadForm{Key: rand.Text()} }

// uploadPage says what became of each file of an upload.
type uploadPage struct {
	Taken   []takenScan
	Refused []refusedScan
	// Trouble is set when storage failed: the same form again takes what is missing.
	Trouble bool
	Room    mailRoomPage
}

// takenScan is a file that is in the ledger.
type takenScan struct {
	ScanState
	Size int64
	// Again is set when it was in the ledger before, by this same form.
	Again bool
	// Cut is set when the file looks as if its end was missing.
	Cut bool
}

// refusedScan is a file that was not taken, with why.
type refusedScan struct{ Name, Why string }

// upload is one post of scans, while it is read.
type upload struct {
	a     *Adapter
	v     ingest.Viewer
	t     tongue
	form  uploadForm
	now   time.Time
	page  uploadPage
	files int
	// sides are the files of a two-sided upload, which are taken together or not at all.
	sides []spooledScan
}

// spooledScan is a file that was received whole.
type spooledScan struct {
	name, media string
	whole       bool
	blob        *ingest.Blob
}

// takeScans takes scans in that were dropped into the browser. Each file is a submission,
// and is in the ledger before the next is read; one that cannot be taken does not keep the
// others. The answer is not a redirection: it tells of each file, and posting the same form
// again adds nothing.
func (a *Adapter) takeScans(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	body := pace.NewReader(w, r)
	r.Body = http.MaxBytesReader(w, io.NopCloser(body), maxScans*(int64(a.opts.Limits.File)+scanPartGap))
	u := &upload{a: a, v: v, t: a.pages.tongue(v), now: a.now()}
	defer u.close(r.Context())
	err := u.read(r)
	body.Done(r.Context(), channels.SubmitTimeout)
	if err == nil && len(u.form.Errors) == 0 {
		err = u.takeSides(r.Context())
	}
	switch {
	case errors.Is(err, ingest.ErrUnavailable):
		a.log.LogAttrs(r.Context(), slog.LevelError, "scan not recorded", slog.Any("err", err))
		u.page.Trouble = true
	case err != nil:
		return err
	}
	return u.show(w, r)
}

// show answers with what was taken and what was not.
func (u *upload) show(w http.ResponseWriter, r *http.Request) error {
	t := u.t
	if len(u.form.Errors) == 0 && !u.page.Trouble && u.files == 0 {
		u.form.Errors = map[string]string{"fichiers": t.T("Choisissez au moins un fichier.")}
	}
	if len(u.form.Errors) > 0 {
		u.form.Key = rand.Text()
		return u.a.showMailRoom(w, r, u.v, http.StatusUnprocessableEntity, u.form)
	}
	status, again := http.StatusOK, newUpload()
	switch {
	case u.page.Trouble:
		status, again.Key = http.StatusServiceUnavailable, u.form.Key
		w.Header().Set("Retry-After", "10")
	case len(u.page.Taken) == 0:
		status = http.StatusUnprocessableEntity
	}
	again.Service, again.Postmark, again.TwoSided = u.form.Service, u.form.Postmark, u.form.TwoSided
	var err error
	if u.page.Room, err = u.a.mailRoomPage(r, u.v, again); err != nil && !u.page.Trouble {
		return err
	}
	return u.a.show(w, r, u.v, status, "courrier_depot", page{Title: "Dépôt de scans", Section: "courrier", Wide: true, Body: u.page})
}

// read reads the form to its end. The fields stand before the files, as the page has them:
// what they say holds for all files.
func (u *upload) read(r *http.Request) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return ingest.Refused("the form is damaged or too large")
	}
	values := map[string]string{}
	begun := false
	for fields := 0; ; {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			if !begun {
				u.fields(values)
			}
			return nil
		}
		if err != nil {
			return u.broken(r.Context(), err)
		}
		if part.FormName() != "fichiers" {
			if fields++; fields > maxScanFields || begun {
				continue
			}
			text, err := io.ReadAll(io.LimitReader(part, maxScanField))
			if err != nil {
				return u.broken(r.Context(), err)
			}
			values[part.FormName()] = string(text)
			continue
		}
		if !begun {
			begun = true
			u.fields(values)
		}
		if err := u.file(r.Context(), part); err != nil {
			return err
		}
	}
}

// broken is a body that ends before its end: what was taken stands, and is told.
func (u *upload) broken(ctx context.Context, err error) error {
	u.a.log.LogAttrs(ctx, slog.LevelInfo, "upload of scans broke off", slog.Int("files", u.files), slog.Any("err", err))
	u.page.Refused = append(u.page.Refused, refusedScan{u.t.T("Suite de l’envoi"), u.t.T("L’envoi s’est interrompu, ou dépasse la taille permise\u00a0: ce qui suit n’a pas été reçu.")})
	u.files++
	return nil
}

// fields judges what was filled in beside the files.
func (u *upload) fields(values map[string]string) {
	f := uploadForm{Key: values["cle"], Service: values["service"], Postmark: values["cachet"], TwoSided: values["rectoverso"] != "", Errors: map[string]string{}}
	if !replyKey.MatchString(f.Key) {
		f.Errors["fichiers"] = u.t.T("Ce formulaire n’est plus valable. Choisissez de nouveau les fichiers.")
	}
	if f.Service != "" && !slices.Contains(u.a.mailServices(u.v), f.Service) {
		f.Errors["service"] = u.t.T("Choisissez un service de la liste.")
		f.Service = ""
	}
	if f.Postmark != "" {
		day, err := time.ParseInLocation(time.DateOnly, f.Postmark, u.a.zone)
		if err != nil || day.After(u.now) {
			f.Errors["cachet"] = u.t.T("Indiquez un jour passé, ou laissez vide.")
		}
	}
	u.form = f
}

// file takes one file. The error is about all of them; what is wrong with this one is told.
func (u *upload) file(ctx context.Context, part *multipart.Part) error {
	name := scanName(part.FileName())
	if name == "" {
		return nil // a browser sends an empty part when no file was chosen
	}
	if len(u.form.Errors) > 0 {
		return nil // read to the end, and nothing taken
	}
	if u.files++; u.files > maxScans {
		u.refuse(name, u.t.T("Trop de fichiers à la fois\u00a0: %d au plus. Déposez celui-ci dans un autre envoi.", maxScans))
		return nil
	}
	s, err := u.spool(ctx, name, part)
	if err != nil || s.blob == nil {
		return err
	}
	if u.form.TwoSided {
		u.sides = append(u.sides, s)
		return nil
	}
	defer u.drop(ctx, s)
	return u.submit(ctx, s)
}

func (u *upload) refuse(name, why string) {
	u.page.Refused = append(u.page.Refused, refusedScan{name, why})
}

// spool receives a file; its blob is nil when it was refused.
func (u *upload) spool(ctx context.Context, name string, part io.Reader) (spooledScan, error) {
	src := &sourceReader{r: part}
	blob, err := u.a.opts.Spool.Read(src, int64(u.a.opts.Limits.File))
	switch {
	case errors.Is(err, ingest.ErrTooLarge):
		u.refuse(name, u.t.T("Fichier trop volumineux\u00a0: %s au plus.", u.t.Size(int64(u.a.opts.Limits.File))))
		return spooledScan{}, nil
	case src.err != nil:
		u.refuse(name, u.t.T("Le fichier n’est pas arrivé en entier."))
		return spooledScan{}, nil //nolint:nilerr // it is told; the next part says that the body is broken
	case err != nil:
		return spooledScan{}, fmt.Errorf("desk: spool scan: %w: %w", ingest.ErrUnavailable, err)
	}
	s := spooledScan{name: name, blob: blob}
	if blob.Size() > 0 {
		if s.media, s.whole, err = blob.ScanEnds(); err != nil {
			u.drop(ctx, s)
			return spooledScan{}, fmt.Errorf("desk: scan: %w: %w", ingest.ErrUnavailable, err)
		}
	}
	switch {
	case blob.Size() == 0:
		u.refuse(name, u.t.T("Fichier vide."))
	case s.media == "":
		u.refuse(name, u.t.T("Ce n’est ni un PDF, ni un TIFF, ni un JPEG, ni un PNG."))
	default:
		return s, nil
	}
	u.drop(ctx, s)
	return spooledScan{}, nil
}

// sourceReader remembers that reading failed, which is not the disk's fault.
type sourceReader struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// drop removes what the spool still holds of a file.
func (u *upload) drop(ctx context.Context, s spooledScan) {
	if err := s.blob.Close(); err != nil {
		u.a.log.LogAttrs(ctx, slog.LevelWarn, "spool file of a scan stays", slog.Any("err", err))
	}
}

func (u *upload) close(ctx context.Context) {
	for _, s := range u.sides {
		u.drop(ctx, s)
	}
}

// takeSides takes the fronts and the backs of a stack, when both are there.
func (u *upload) takeSides(ctx context.Context) error {
	if !u.form.TwoSided || u.files == 0 {
		return nil
	}
	if len(u.sides) != 2 || u.files != 2 {
		for _, s := range u.sides {
			u.refuse(s.name, u.t.T("En recto verso, déposez deux fichiers\u00a0: d’abord les rectos, puis les versos."))
		}
		return nil
	}
	for _, s := range u.sides {
		if err := u.submit(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// submit hands a file in.
func (u *upload) submit(ctx context.Context, s spooledScan) error {
	// Two agents' keys are never the same, so that nobody's file is taken for another's.
	batch := u.v.Login + "/" + u.form.Key
	sub := ingest.Submission{
		Channel: ingest.ChannelScan, Account: Account, SourceKey: s.blob.SHA256() + "|" + batch, ReceivedAt: u.now,
		Original: s.blob, MediaType: s.media,
		Hints: ingest.Hints{Service: u.form.Service, Filename: s.name, TwoSided: u.form.TwoSided, Batch: batch},
	}
	if u.form.Postmark != "" {
		day, err := time.Parse(time.DateOnly, u.form.Postmark)
		if err != nil {
			return fmt.Errorf("desk: postmark: %w", err)
		}
		sub.Hints.Postmark = day
	}
	if !s.whole {
		sub.Hints.Problems = append(sub.Hints.Problems, ingest.Problem{Code: "scan_cut", Detail: "Le fichier déposé semble incomplet\u00a0: comparez avec le papier."})
	}
	receipt, err := u.a.submit(ctx, sub)
	if err != nil {
		u.refuse(s.name, u.t.T("Le fichier n’a pas pu être enregistré. Rien n’est perdu\u00a0: déposez-le de nouveau dans un instant."))
		return err
	}
	u.page.Taken = append(u.page.Taken, takenScan{
		ScanState: ScanState{ID: receipt.ID, Filename: s.name, State: receipt.State, Reason: receipt.Reason, Request: receipt.Request},
		Size:      s.blob.Size(), Again: receipt.Replayed, Cut: !s.whole,
	})
	return nil
}

// scanName is the name of a file without folders and what cannot be shown.
func scanName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, name)
	if name == "." || name == "/" {
		return ""
	}
	if runes := []rune(name); len(runes) > maxScanName {
		name = string(runes[:maxScanName-1]) + "…"
	}
	return strings.TrimSpace(name)
}

// serveScan shows what has become of a scan: as a line for htmx, which asks until it has come
// to its end, or as a page.
func (a *Adapter) serveScan(w http.ResponseWriter, r *http.Request, v ingest.Viewer) error {
	list, err := a.opts.Paper.Scans(r.Context(), v, []string{r.PathValue("id")})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return ingest.ErrNotFound
	}
	if r.Header.Get("HX-Request") == "true" {
		status := http.StatusOK
		if list[0].Settled() {
			status = scanStatusStop
		}
		return a.render(w, a.pages.tongue(v), status, "scan", "etat-scan", list[0])
	}
	return a.show(w, r, v, http.StatusOK, "scan", page{Title: "Scan déposé", Section: "courrier", Body: list[0]})
}
