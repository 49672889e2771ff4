package message

import (
	"io"
	"strings"

	gomessage "github.com/emersion/go-message"
)

// ReadForm reads a form post. r is a MIME entity: header lines with the Content-Type
// of the request (multipart/form-data with its boundary, RFC 7578, or
// application/x-www-form-urlencoded), a blank line, and the body exactly as it was
// posted. Values are cleaned as all texts are. It never fails: see Read.
func ReadForm(r io.Reader, o Options) Form {
	p := newParser(o)
	src := &source{r: r, left: p.lim.Size}
	l := newLineReader(src)
	defer l.release()
	f := &formReader{p: p, fields: make(map[string][]string)}

	h := readHeader(l, false, p.problem)
	mediaType, params, _ := contentType(&h, "application/x-www-form-urlencoded")
	switch {
	case strings.HasPrefix(mediaType, "multipart/"):
		f.multipart(l, params["boundary"])
	case mediaType == "application/x-www-form-urlencoded":
		f.urlencoded(l.body(), params["charset"])
	default:
		p.problem(ProblemForm, "L’envoi n’est pas celui d’un formulaire.")
		f.urlencoded(l.body(), params["charset"])
	}
	l.drain()
	p.finishSource(src)
	err := p.err
	if err == nil {
		err = src.err
	}
	return Form{Fields: f.fields, Files: p.attachments, Problems: p.problems, Err: err}
}

type formReader struct {
	p      *parser
	fields map[string][]string
	count  int
}

// add keeps a value; names and values are bounded by the text limit, their number by
// Limits.Parts.
func (f *formReader) add(name, value string) {
	if f.count++; f.count > f.p.lim.Parts {
		f.p.problem(ProblemTooManyParts, "Le formulaire a trop de champs ; les suivants n’ont pas été lus.")
		f.p.stop = true
		return
	}
	name = Cut(cleanLine(name), 200)
	f.fields[name] = append(f.fields[name], cleanText(value))
}

func (f *formReader) urlencoded(body io.Reader, charset string) {
	raw := f.p.collect(body, &f.p.textLeft)
	s := strings.Trim(string(raw), "\r\n")
	for s != "" && !f.p.stop {
		var pair string
		pair, s, _ = strings.Cut(s, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		n := f.p.decodeText(percentDecode(name, true), charset)
		f.add(n, f.p.decodeText(percentDecode(value, true), charset))
	}
}

func (f *formReader) multipart(l *lineReader, boundary string) {
	boundary = strings.TrimRight(boundary, " \t")
	ahead, _ := l.ahead()
	if boundary == "" || !hasDelimiter(ahead, boundary) {
		if found := l.findBoundary(ahead); found != "" {
			f.p.problem(ProblemBoundaryMissing, "Le séparateur des champs n’est pas celui qui est annoncé ; il a été retrouvé.")
			boundary = found
		}
	}
	if boundary == "" {
		f.p.problem(ProblemForm, "Le formulaire est illisible : rien n’en sépare les champs.")
		return
	}
	frame, pop := l.push(boundary)
	defer pop()
	l.drain()
	ended := false
	for l.hit == frame && !f.p.stop {
		ended = l.closed
		l.hit = noHit
		if ended {
			break
		}
		h := readHeader(l, false, f.p.problem)
		f.part(l, &h)
		l.drain()
	}
	if !ended && !f.p.stop {
		f.p.problem(ProblemEndBoundary, "La fin du formulaire manque ; l’envoi a peut-être été coupé.")
	}
}

// part reads one field or file.
func (f *formReader) part(l *lineReader, h *gomessage.Header) {
	_, params := fieldParams(firstValue(h, "Content-Disposition"))
	name, hasName := params["name"]
	if !hasName {
		f.p.problem(ProblemForm, "Un champ du formulaire est sans nom.")
	}
	enc, _ := transferEncoding(firstValue(h, "Content-Transfer-Encoding"))
	body := decode(enc, l.body(), f.p.problem)
	mediaType, typeParams, _ := contentType(h, "text/plain")
	file, isFile := params["filename"]
	if !isFile {
		raw := f.p.collect(body, &f.p.textLeft)
		f.add(name, f.p.decodeText(raw, typeParams["charset"]))
		return
	}
	if f.count++; f.count > f.p.lim.Parts {
		f.p.problem(ProblemTooManyParts, "Le formulaire a trop de champs ; les suivants n’ont pas été lus.")
		f.p.stop = true
		return
	}
	// RFC 7578 §4.2: browsers escape quotes and line ends only.
	file = strings.NewReplacer("%22", `"`, "%0D", "", "%0A", "").Replace(file)
	// An empty file field is posted without a name and content: attach drops it.
	f.p.attach(body, Attachment{Name: file, Type: mediaType, Field: Cut(cleanLine(name), 200)})
}
