package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"saisine.fr/saisine/channels/desk"
	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ocr"
	"saisine.fr/saisine/ocr/samplescan"
)

// readFileOf reads a file of the desk and closes it.
func readFileOf(t *testing.T, f desk.File, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f.Body)
	if err := errors.Join(err, f.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if f.Size != int64(len(b)) {
		t.Errorf("%d bytes, said to be %d", len(b), f.Size)
	}
	return b
}

var filesReader = ingest.Viewer{Login: "lecteur", Role: ingest.RoleReader}

// mailWith is a mail with files, each of one megabyte and more or of some bytes.
func mailWith(from string, files map[string][]byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %[1]s <%[1]s@citoyen.test>\r\nTo: sve@ville.test\r\nSubject: Trottoir\r\nMessage-ID: <%[1]s@citoyen.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n"+
		"--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p onclick=x>Un nid de poule <img src=\"cid:logo\"><img src=https://fuite.example/x.gif></p>\r\n"+
		"--x\r\nContent-Type: image/png; name=logo.png\r\nContent-ID: <logo>\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n", from, base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\nlogo")))
	for name, content := range files {
		fmt.Fprintf(&b, "--x\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=%q\r\nContent-Transfer-Encoding: base64\r\n\r\n", name)
		text := base64.StdEncoding.EncodeToString(content)
		for len(text) > 76 {
			b.WriteString(text[:76] + "\r\n")
			text = text[76:]
		}
		b.WriteString(text + "\r\n")
	}
	b.WriteString("--x--\r\n")
	return b.Bytes()
}

// What comes out of the desk is what came in, byte for byte; parts of it too.
func TestFilesAsTheyCameIn(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	d := h.files()
	large := make([]byte, 3<<20)
	_, _ = rand.Read(large)
	raw := mailWith("marie", map[string][]byte{"plan.zip": append([]byte("PK\x03\x04"), large...)})
	rec := h.submit(ingest.ChannelMailbox, raw, ingest.MediaMail, ingest.Hints{})

	f, err := d.Original(t.Context(), filesReader, rec.ID)
	if got := readFileOf(t, f, err); !bytes.Equal(got, raw) || f.Type != ingest.MediaMail || f.Request != rec.Request {
		t.Errorf("original: %d bytes, %+v", len(got), f)
	}
	f, err = d.Attachment(t.Context(), filesReader, rec.ID, 1)
	if got := readFileOf(t, f, err); !bytes.Equal(got[4:], large) || f.Name != "plan.zip" || f.Request != rec.Request {
		t.Errorf("attachment: %d bytes, %+v", len(got), f)
	}
	f, err = d.Attachment(t.Context(), filesReader, rec.ID, 0)
	if got := readFileOf(t, f, err); string(got) != "\x89PNG\r\n\x1a\nlogo" {
		t.Errorf("inline image: %q", got)
	}
	for name, get := range map[string]func() error{
		"third attachment": func() error { _, err := d.Attachment(t.Context(), filesReader, rec.ID, 2); return err },
		"no copy":          func() error { _, err := d.Copy(t.Context(), filesReader, rec.ID); return err },
		"no pages":         func() error { _, err := d.Picture(t.Context(), filesReader, rec.ID, 1); return err },
		"no mail":          func() error { _, err := d.Mail(t.Context(), filesReader, rec.ID); return err },
		"no piece":         func() error { _, err := d.Original(t.Context(), filesReader, "x"); return err },
	} {
		if err := get(); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := os.ReadDir(h.store.Spool().Dir); err != nil || len(left) > 0 {
		t.Errorf("left in the spool: %v %v", left, err)
	}

	page, err := d.HTML(t.Context(), filesReader, rec.ID)
	if err != nil || !strings.Contains(page.HTML, "onclick=x") || string(page.Images["logo"]) != "\x89PNG\r\n\x1a\nlogo" || page.Cut {
		t.Errorf("HTML: %+v, %v", page, err)
	}
	plain := h.submit(ingest.ChannelMailbox, []byte("From: a@b.test\r\nMessage-ID: <p@b.test>\r\nSubject: Texte\r\n\r\nSans HTML.\r\n"), ingest.MediaMail, ingest.Hints{})
	if _, err := d.HTML(t.Context(), filesReader, plain.ID); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("HTML of plain text: %v", err)
	}

	form := []byte("Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nUn nid de poule\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"photo.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xffphoto\r\n--b--\r\n")
	post := h.submit(ingest.ChannelWebform, form, ingest.MediaForm, ingest.Hints{})
	f, err = d.Attachment(t.Context(), filesReader, post.ID, 0)
	if got := readFileOf(t, f, err); string(got) != "\xff\xd8\xffphoto" || f.Name != "photo.jpg" {
		t.Errorf("file of a form: %q %+v", got, f)
	}

	// Over HTTP, as an agent has it.
	h.agent("lea", ingest.RoleReader)
	s := h.as("lea")
	res := s.fetch(http.MethodGet, "/agent/pieces/"+rec.ID+"/fichiers/1", "Range", "bytes=0-3")
	if got, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusPartialContent || string(got) != "PK\x03\x04" || res.Header.Get("Content-Security-Policy") != "sandbox; default-src 'none'" ||
		!strings.HasPrefix(res.Header.Get("Content-Disposition"), `attachment; filename="`+rec.Request+`-piece-2.zip"`) {
		t.Errorf("%d %q %v", res.StatusCode, got, res.Header)
	}
	res = s.fetch(http.MethodHead, "/agent/pieces/"+rec.ID+"/original")
	if got, _ := io.ReadAll(res.Body); len(got) > 0 || res.ContentLength != int64(len(raw)) || res.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("HEAD: %d bytes, %v", res.ContentLength, res.Header)
	}
	if status, body := s.get("/agent/pieces/" + rec.ID + "/html"); status != http.StatusOK || strings.Contains(body, "onclick") || strings.Contains(body, "fuite.example") ||
		!strings.Contains(body, "data:image/png;base64,") || !strings.Contains(body, "[image distante]") {
		t.Errorf("%d %s", status, body)
	}
}

// fetch sends a request with headers and returns the whole response.
func (s *session) fetch(method, path string, header ...string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// What is hidden from a viewer is not found: neither pieces nor mails, nor a stack with a
// page of it.
func TestFilesOfSealedServices(t *testing.T) {
	t.Parallel()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	d := h.files()
	rec := h.submit(ingest.ChannelMailbox, mailWith("zoe", nil), ingest.MediaMail, ingest.Hints{})
	if err := h.store.Categorize(t.Context(), rec.Request, "action-sociale", "CCAS", "test"); err != nil {
		t.Fatal(err)
	}
	var mails []ingest.Mail
	if err := h.store.Mails(t.Context(), "", func(m ingest.Mail) error { mails = append(mails, m); return nil }); err != nil || len(mails) == 0 {
		t.Fatal(mails, err)
	}
	outside, inside := filesReader, filesReader
	outside.Hidden = []string{"CCAS"}
	for name, get := range map[string]func(v ingest.Viewer) error{
		"original":   func(v ingest.Viewer) error { f, err := d.Original(t.Context(), v, rec.ID); return closed(f, err) },
		"attachment": func(v ingest.Viewer) error { f, err := d.Attachment(t.Context(), v, rec.ID, 0); return closed(f, err) },
		"html":       func(v ingest.Viewer) error { _, err := d.HTML(t.Context(), v, rec.ID); return err },
		"mail": func(v ingest.Viewer) error {
			f, err := d.Mail(t.Context(), v, mails[0].ID)
			if errors.Is(err, ingest.ErrRefused) {
				err = nil // it is seen, but not written yet
			}
			return closed(f, err)
		},
	} {
		if err := get(inside); err != nil {
			t.Errorf("%s, inside: %v", name, err)
		}
		if err := get(outside); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("%s, outside: %v", name, err)
		}
	}
	// A list that a service is sent is of no request.
	if err := d.h.store.MailVisible(t.Context(), outside, ingest.Mail{Detail: ingest.MailDetail{Service: "CCAS"}}); !errors.Is(err, ingest.ErrNotFound) {
		t.Errorf("the mail to a sealed service: %v", err)
	}
}

func closed(f desk.File, err error) error {
	if f.Body != nil {
		err = errors.Join(err, f.Body.Close())
	}
	return err
}

// pagesHouse is a deskHouse that recognises scans, in children of this program.
func pagesHouse(t *testing.T) *deskHouse {
	t.Helper()
	h := newDeskHouse(t, "2026-11-23 10:00", sealedTown)
	reader, err := openOCR(h.cfg, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	h.ocr = reader
	h.pipe.Reader = h.newReader(reader)
	return h
}

// A scan and the letters of a stack are shown page by page, upright, with their words.
func TestPagesOfScans(t *testing.T) {
	if testing.Short() {
		t.Skip("recognises pages")
	}
	t.Parallel()
	h := pagesHouse(t)
	d := h.files()
	scan, err := samplescan.PDF([]string{"Monsieur Albert Martin\n\nObjet : trottoir\n\nLe trottoir est dangereux devant la boulangerie.", "Deuxième page, avec la signature."},
		samplescan.Options{DPI: 150, Turn: 180, Skew: 2})
	if err != nil {
		t.Fatal(err)
	}
	rec := h.submit(ingest.ChannelScan, scan, ingest.MediaPDF, ingest.Hints{Filename: "pile.pdf"})
	p, err := d.Page(t.Context(), filesReader, rec.ID, 1)
	if err != nil || !slices.ContainsFunc(p.Words, func(w desk.PageWord) bool { return w.Text == "trottoir" }) {
		t.Fatalf("%+v, %v", p, err)
	}
	first, err := d.Picture(t.Context(), filesReader, rec.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	onInk(t, first, p.Words)
	if again, err := d.Page(t.Context(), filesReader, rec.ID, 1); err != nil || again.Width != ocr.PictureWidth && again.Width > p.Width+2 {
		t.Errorf("once drawn: %d × %d, %v", again.Width, again.Height, err)
	}
	for _, n := range []int{0, 3, -1} {
		if _, err := d.Picture(t.Context(), filesReader, rec.ID, n); !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("page %d: %v", n, err)
		}
	}

	// Its second page as a letter of its own, in a sealed service: the stack is hidden then, and a
	// letter of its first page is not.
	letters := collate(t, h, rec, 2, 1)
	if err := h.store.Categorize(t.Context(), letters[0].Request, "action-sociale", "CCAS", "test"); err != nil {
		t.Fatal(err)
	}
	outside := filesReader
	outside.Hidden = []string{"CCAS"}
	second, err := d.Picture(t.Context(), filesReader, letters[0].ID, 1)
	same, err2 := d.Picture(t.Context(), filesReader, letters[1].ID, 1)
	if err := errors.Join(err, err2); err != nil || bytes.Equal(second.JPEG, first.JPEG) || !bytes.Equal(same.JPEG, first.JPEG) || same.Tag != first.Tag {
		t.Errorf("the letters' pages are others than those of the stack: %v", err)
	}
	if w, err := d.Page(t.Context(), filesReader, letters[1].ID, 1); err != nil || len(w.Words) != len(p.Words) {
		t.Errorf("words of a letter: %+v, %v", w, err)
	}
	for id, want := range map[string]bool{rec.ID: false, letters[0].ID: false, letters[1].ID: true} {
		if _, err := d.Picture(t.Context(), outside, id, 1); (err == nil) != want || err != nil && !errors.Is(err, ingest.ErrNotFound) {
			t.Errorf("%s from outside: %v", id, err)
		}
	}
	stack, err := d.Original(t.Context(), filesReader, rec.ID)
	if err := closed(stack, err); err != nil || !slices.Equal(stack.Holds, []string{letters[0].ID, letters[1].ID}) {
		t.Errorf("the stack holds %v, %v", stack.Holds, err)
	}
	var refusal *ingest.RefusalError
	if _, err := d.Original(t.Context(), filesReader, letters[1].ID); !errors.As(err, &refusal) {
		t.Errorf("a letter without a copy: %v", err)
	}

	broken := h.submit(ingest.ChannelScan, []byte("%PDF-1.4\nnothing"), ingest.MediaPDF, ingest.Hints{})
	for range 2 {
		if _, err := d.Picture(t.Context(), filesReader, broken.ID, 1); !errors.As(err, &refusal) {
			t.Errorf("a broken scan: %v", err)
		}
		if _, err := d.Page(t.Context(), filesReader, broken.ID, 1); !errors.As(err, &refusal) {
			t.Errorf("it is known by now: %v", err)
		}
	}
	h.ocr = nil
	if _, err := d.Picture(t.Context(), filesReader, rec.ID, 1); !errors.As(err, &refusal) {
		t.Errorf("without workers: %v", err)
	}
}

// onInk checks that words lie where the picture is dark, and that there is paper beside them.
func onInk(t *testing.T, p desk.Picture, words []desk.PageWord) {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(p.JPEG))
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	dark := func(x, y, w, h float64) float64 {
		n, all := 0, 0
		for py := int(y * float64(b.Dy())); py < int((y+h)*float64(b.Dy())); py++ {
			for px := int(x * float64(b.Dx())); px < int((x+w)*float64(b.Dx())); px++ {
				all++
				if r, _, _, _ := img.At(px, py).RGBA(); r < 0x7000 {
					n++
				}
			}
		}
		return float64(n) / float64(max(all, 1))
	}
	for _, w := range words {
		if len(w.Text) < 3 {
			continue
		}
		if in, below := dark(w.X, w.Y, w.W, w.H), dark(w.X, w.Y+1.35*w.H, w.W, 0.3*w.H); in < 0.08 || below > in/2 {
			t.Errorf("%q lies on %.0f %% ink, with %.0f %% below it", w.Text, 100*in, 100*below)
		}
	}
}

// collate makes letters of one page each of a scan, and files them.
func collate(t *testing.T, h *deskHouse, scan ingest.Record, pages ...int) []ingest.Record {
	t.Helper()
	var out []ingest.Record
	for _, n := range pages {
		raw := fmt.Appendf(nil, `{"pages":[{"scan":%q,"sha256":%q,"page":%d}]}`, scan.ID, scan.SHA256, n)
		ids, err := h.store.Collate(t.Context(), nil, []ingest.Submission{{
			Channel: ingest.ChannelScan, Account: "test", SourceKey: fmt.Sprint("letter", n), ReceivedAt: h.now, Original: ingest.NewBlob(raw),
			MediaType: ingest.MediaCollation, Hints: ingest.Hints{Parents: []string{scan.ID}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.pipe.Process(t.Context(), ids[0]); err != nil {
			t.Fatal(err)
		}
		rec, err := h.store.Submission(t.Context(), ids[0])
		if err != nil || rec.Request == "" {
			t.Fatal(rec.State, rec.Reason, err)
		}
		out = append(out, rec)
	}
	return out
}

// Many who look at one page have it drawn once; one who goes takes nothing from the others.
func TestOnePictureForAll(t *testing.T) {
	if testing.Short() {
		t.Skip("draws a page")
	}
	t.Parallel()
	h := pagesHouse(t)
	d := h.files()
	data, err := samplescan.TextPDF([]string{"Bonjour, le trottoir est dangereux devant la boulangerie de la place."})
	if err != nil {
		t.Fatal(err)
	}
	rec := h.submit(ingest.ChannelScan, data, ingest.MediaPDF, ingest.Hints{})
	if p, err := d.Page(t.Context(), filesReader, rec.ID, 1); err != nil || p.Width != ocr.PictureWidth || p.Height != 2263 || len(p.Words) > 0 {
		t.Errorf("a page without recognised words: %+v, %v", p, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Picture(gone, filesReader, rec.ID, 1); err == nil {
		t.Error("who has gone got a picture")
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var tags []string
	for range 8 {
		wg.Go(func() {
			p, err := d.Picture(t.Context(), filesReader, rec.ID, 1)
			mu.Lock()
			defer mu.Unlock()
			if tags = append(tags, p.Tag); err != nil || len(p.JPEG) == 0 {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(slices.Compact(tags)) != 1 || d.pictures.order.Len() != 1 {
		t.Errorf("pictures %v, %d kept", tags, d.pictures.order.Len())
	}
}

func TestKeptPictures(t *testing.T) {
	k := newPictures()
	for i := range 100 {
		k.put(fmt.Sprint(i), picture{Picture: ocr.Picture{JPEG: make([]byte, 1<<20)}})
		k.put("0", picture{})
		if _, ok := k.get("0"); !ok {
			t.Fatal("what is looked at is dropped")
		}
	}
	if k.size > keptPictures || k.order.Len() != len(k.byTag) || k.order.Len() < 30 {
		t.Errorf("%d pictures of %d bytes", k.order.Len(), k.size)
	}
	if _, ok := k.get("50"); ok {
		t.Error("an old one is kept")
	}
	k.put("huge", picture{Picture: ocr.Picture{JPEG: make([]byte, keptPictures+1)}})
	if k.size != 0 || k.order.Len() != 0 {
		t.Errorf("%d bytes after one that is too large", k.size)
	}
}
