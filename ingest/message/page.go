package message

import (
	"errors"
	"io"
	"strings"
)

// Page is the HTML of a mail as it was sent, with the images that lie in the mail. It is as
// hostile as its sender likes: nothing here is fit to be shown before it was sanitised.
type Page struct {
	// HTML is valid UTF-8 without NUL, "" for a mail that has none. Of a mail with several
	// HTML texts one after the other (they stand around attachments) it is all of them; of
	// several versions of one text the last, which the sender holds for the best (RFC 2046
	// §5.1.4). That of attached mails is not part of it.
	HTML string
	// Cut is set when the HTML is longer than PageLimits.HTML.
	Cut bool
	// Images are the files that the HTML can refer to as "cid:" addresses (RFC 2392), by
	// their Content-ID without angle brackets. What they really hold was not looked at.
	Images map[string][]byte
	// Err is as Message.Err.
	Err error
}

// PageLimits bound a Page, in bytes where nothing else is said. A zero value means the default in
// brackets.
type PageLimits struct {
	HTML   int64 // [2 MiB]
	Images int   // number of images [50]
	Image  int64 // one image; a larger one is left out [2 MiB]
	All    int64 // all images together; what goes beyond is left out [4 MiB]
}

func (l PageLimits) withDefaults() PageLimits {
	if l.HTML <= 0 {
		l.HTML = 2 << 20
	}
	if l.Images <= 0 {
		l.Images = 50
	}
	if l.Image <= 0 {
		l.Image = 2 << 20
	}
	if l.All <= 0 {
		l.All = 4 << 20
	}
	return l
}

// ReadPage reads the HTML of a mail. It never fails: see Read.
func ReadPage(r io.Reader, o Options, l PageLimits) Page {
	l = l.withDefaults()
	images := &pageImages{limits: l, left: l.All, found: make(map[string][]byte)}
	o.Attachment = images.writer
	p := newParser(o)
	p.htmlLeft = l.HTML
	p.page = &htmlTexts{}
	p.msg = &Message{}
	src := &source{r: r, left: p.lim.Size}
	lines := newLineReader(normalise(src))
	defer lines.release()

	h := readHeader(lines, true, p.problem)
	p.entity(lines, &h, place{})
	lines.drain()
	images.end()
	return Page{
		HTML: strings.Join(p.page.texts, "\n"), Cut: p.page.cut, Images: images.found,
		Err: errors.Join(p.err, src.err),
	}
}

// htmlTexts are the HTML texts of a mail, in their order.
type htmlTexts struct {
	texts []string
	cut   bool
}

// mark returns how many texts there are; it may be asked of nil.
func (t *htmlTexts) mark() int {
	if t == nil {
		return 0
	}
	return len(t.texts)
}

// instead drops the texts from first up to next when some came after: another version of
// the same.
func (t *htmlTexts) instead(first, next int) {
	if t != nil && len(t.texts) > next {
		t.texts = append(t.texts[:first], t.texts[next:]...)
	}
}

// keepPage keeps an HTML text, unless it belongs to an attached mail.
func (p *parser) keepPage(text string, pt part) {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
	if pt.nested || strings.TrimSpace(text) == "" {
		return
	}
	p.hasText = true
	p.page.cut = p.page.cut || p.htmlLeft <= 0
	p.page.texts = append(p.page.texts, text)
}

// pageImages keeps the attachments that have a Content-ID, one after the other.
type pageImages struct {
	limits PageLimits
	left   int64
	found  map[string][]byte
	id     string
	data   []byte
	over   bool
}

// writer is Options.Attachment.
func (i *pageImages) writer(a AttachmentInfo) io.Writer {
	i.end()
	if _, known := i.found[a.ContentID]; known || a.ContentID == "" || len(i.found) >= i.limits.Images {
		return nil
	}
	i.id = a.ContentID
	return i
}

// Write implements io.Writer. It never fails.
func (i *pageImages) Write(b []byte) (int, error) {
	most := min(i.limits.Image, i.left)
	if i.over = i.over || int64(len(i.data)+len(b)) > most; !i.over {
		i.data = append(i.data, b...)
	}
	return len(b), nil
}

// end keeps the image that has come in last.
func (i *pageImages) end() {
	if i.id != "" && !i.over && len(i.data) > 0 {
		i.found[i.id] = i.data
		i.left -= int64(len(i.data))
	}
	i.id, i.data, i.over = "", nil, false
}
