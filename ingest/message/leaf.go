package message

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// looksLikeHTML recognises HTML that is declared as plain text.
func looksLikeHTML(br *bufio.Reader) bool {
	b, _ := br.Peek(512) // an error only means that there is less
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF")), " \t\r\n")
	b = bytes.ToLower(b[:min(len(b), 14)])
	return bytes.HasPrefix(b, []byte("<!doctype html")) || bytes.HasPrefix(b, []byte("<html"))
}

// collect reads up to *left bytes, which it takes off, and skips the rest.
func (p *parser) collect(r io.Reader, left *int64) []byte {
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(r, *left))
	*left -= n
	if err == nil {
		rest, _ := io.Copy(io.Discard, r) // faults of a decoder end its part only
		if rest > 0 {
			p.problem(ProblemTextTruncated, "Le texte est démesuré ; seul son début a été gardé.")
		}
	}
	return buf.Bytes()
}

// decodeText decodes collected text, and notes what is wrong with its character set.
func (p *parser) decodeText(b []byte, charset string) string {
	s, code := decodeText(b, charset)
	switch code {
	case ProblemCharset:
		p.problem(code, fmt.Sprintf("Jeu de caractères inconnu : « %s ».", Cut(charset, 60)))
	case ProblemWrongCharset:
		p.problem(code, fmt.Sprintf("Le texte n’est pas dans le jeu de caractères annoncé (« %s »).", Cut(charset, 60)))
	}
	return s
}

func (p *parser) html(r io.Reader, pt part) []block {
	raw := p.collect(r, &p.htmlLeft)
	cs := pt.params["charset"]
	if charsetName(cs) == "" {
		cs = metaCharset(raw)
	}
	decoded := p.decodeText(raw, cs)
	if p.page != nil {
		p.keepPage(decoded, pt)
		return nil
	}
	text := htmlText(decoded, int(p.lim.TextMax))
	if text == "" {
		return nil
	}
	p.hasText = p.hasText || !pt.nested
	return []block{{kindHTML, text}}
}

// metaCharset finds the character set that an HTML text declares in its head.
func metaCharset(b []byte) string {
	b = bytes.ToLower(b[:min(len(b), 4096)])
	_, after, ok := bytes.Cut(b, []byte("charset="))
	if !ok {
		return ""
	}
	after = bytes.TrimLeft(after, "\"' ")
	if i := bytes.IndexAny(after, "\"' ;/>"); i >= 0 {
		after = after[:i]
	}
	return string(after[:min(len(after), 60)])
}

// plain reads plain text, and takes uuencoded files out of it.
func (p *parser) plain(br *bufio.Reader, pt part) []block {
	var raw bytes.Buffer
	truncated, start := false, true
	for {
		line, err := br.ReadSlice('\n')
		if start && bytes.HasPrefix(line, []byte("begin ")) {
			if name, ok := uuBegin(line); ok && uuFollows(br) {
				p.attachUU(br, name)
				continue
			}
		}
		start = len(line) > 0 && line[len(line)-1] == '\n'
		n := min(int64(len(line)), p.textLeft)
		truncated = truncated || n < int64(len(line))
		raw.Write(line[:n])
		p.textLeft -= n
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	if truncated {
		p.problem(ProblemTextTruncated, "Le texte est démesuré ; seul son début a été gardé.")
	}
	text := cleanText(p.decodeText(raw.Bytes(), pt.params["charset"]))
	if strings.EqualFold(pt.params["format"], "flowed") {
		text = unflow(text, strings.EqualFold(pt.params["delsp"], "yes"))
	}
	if strings.Contains(text, "-----BEGIN PGP MESSAGE-----") {
		p.problem(ProblemEncrypted, "Le contenu est chiffré (PGP) et n’a pas pu être lu.")
	}
	if text = tidy(text); text == "" {
		return nil
	}
	p.hasText = p.hasText || !pt.nested
	return []block{{kindPlain, text}}
}

// uuFollows reports whether the next line is uuencoded data.
func uuFollows(br *bufio.Reader) bool {
	b, _ := br.Peek(100) // an error only means that there is less
	line, _, ok := bytes.Cut(b, lineFeed)
	if !ok || len(line) == 0 {
		return false
	}
	_, ok = uuLine(nil, line)
	return ok
}
