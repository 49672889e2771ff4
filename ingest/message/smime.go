package message

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// smime opens a signed S/MIME envelope (RFC 8551 §3.5.2) to read what is in it. The
// signature is not checked, and nothing here may be taken as if it were. Encrypted
// ones are kept as an attachment.
func (p *parser) smime(body io.Reader, pt part) []block {
	if pt.name == "" {
		pt.name = "smime.p7m"
	}
	br := bufio.NewReaderSize(body, 4096)
	switch kind := pkcs7Kind(br); {
	case kind == pkcs7Enveloped:
		p.problem(ProblemEncrypted, "Le contenu est chiffré (S/MIME) et n’a pas pu être lu.")
		p.attachPart(br, pt, pt.mediaType)
		return nil
	case kind != pkcs7Signed || pt.depth >= p.lim.Depth:
		p.problem(ProblemSMIME, "L’enveloppe S/MIME n’a pas pu être ouverte.")
		p.attachPart(br, pt, pt.mediaType)
		return nil
	}
	content := &signedContent{br: br}
	if err := content.open(); err != nil {
		p.problem(ProblemSMIME, "L’enveloppe S/MIME n’a pas pu être ouverte.")
		return nil
	}
	l := newLineReader(content)
	defer l.release()
	h := readHeader(l, false, p.problem)
	blocks := p.entity(l, &h, pt.deeper(""))
	l.drain()
	if content.broken {
		p.problem(ProblemSMIME, "L’enveloppe S/MIME est abîmée ou coupée.")
	}
	_, _ = io.Copy(io.Discard, br) // certificates and signatures
	return blocks
}

type pkcs7 int

const (
	pkcs7Unknown pkcs7 = iota
	pkcs7Signed
	pkcs7Enveloped
)

// Object identifiers of RFC 5652 §5.1, §6.1 and RFC 5083, in DER.
var (
	oidSignedData        = []byte{0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2}
	oidEnvelopedData     = []byte{0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 3}
	oidAuthEnvelopedData = []byte{0x06, 11, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 16, 1, 23}
)

// pkcs7Kind looks at the content type of a ContentInfo without consuming it.
func pkcs7Kind(br *bufio.Reader) pkcs7 {
	b, _ := br.Peek(32) // an error only means that there is less
	switch {
	case bytes.Contains(b, oidSignedData):
		return pkcs7Signed
	case bytes.Contains(b, oidEnvelopedData), bytes.Contains(b, oidAuthEnvelopedData):
		return pkcs7Enveloped
	}
	return pkcs7Unknown
}

var errBER = errors.New("message: malformed BER")

// Tags of X.690 that occur on the way to the content.
const (
	berOctetString = 0x04
	berConstructed = 0x20
	berSequence    = 0x30
	berContext0    = 0xA0
)

// signedContent streams the content of a SignedData. BER allows it in one piece or
// in pieces within pieces, with or without lengths (X.690 §8.1.3, §8.7); OpenSSL
// writes the latter.
type signedContent struct {
	br     *bufio.Reader
	left   int64 // of the piece that is being read
	depth  int   // of constructed strings with an end mark
	done   bool
	single bool // one primitive string: nothing follows it
	broken bool
}

// header reads a tag and a length; length -1 means that an end mark follows.
func (s *signedContent) header() (tag byte, length int64, err error) {
	if tag, err = s.br.ReadByte(); err != nil {
		return 0, 0, err
	}
	if tag&0x1F == 0x1F {
		return 0, 0, errBER // long tags do not occur
	}
	b, err := s.br.ReadByte()
	if err != nil {
		return 0, 0, err
	}
	switch {
	case b < 0x80:
		return tag, int64(b), nil
	case b == 0x80:
		return tag, -1, nil
	case b > 0x84:
		return 0, 0, errBER
	}
	for range b & 0x7F {
		c, err := s.br.ReadByte()
		if err != nil {
			return 0, 0, err
		}
		length = length<<8 | int64(c)
	}
	return tag, length, nil
}

// open walks to the content: ContentInfo { OID, [0] SignedData { version, algorithms,
// EncapsulatedContentInfo { OID, [0] OCTET STRING } } }.
func (s *signedContent) open() error {
	for _, step := range []struct {
		tag  byte
		skip int // elements to pass over after entering
	}{{berSequence, 1}, {berContext0, 0}, {berSequence, 2}, {berSequence, 1}, {berContext0, 0}} {
		tag, _, err := s.header()
		if err != nil {
			return err
		}
		if tag != step.tag {
			return errBER
		}
		for range step.skip {
			if err := s.skip(); err != nil {
				return err
			}
		}
	}
	tag, length, err := s.header()
	switch {
	case err != nil:
		return err
	case tag == berOctetString && length >= 0:
		s.left, s.single = length, true
	case tag == berOctetString|berConstructed:
		s.depth = 1
	default:
		return errBER
	}
	return nil
}

// skip passes over one element with a length.
func (s *signedContent) skip() error {
	_, length, err := s.header()
	if err != nil {
		return err
	}
	if length < 0 {
		return errBER
	}
	_, err = io.CopyN(io.Discard, s.br, length)
	return err
}

// Read implements io.Reader. A fault ends the content.
func (s *signedContent) Read(p []byte) (int, error) {
	for s.left == 0 {
		if s.done || s.single {
			return 0, io.EOF
		}
		s.piece()
	}
	if int64(len(p)) > s.left {
		p = p[:s.left]
	}
	n, err := s.br.Read(p)
	s.left -= int64(n)
	if err != nil {
		s.broken, s.done, s.single, s.left = true, true, true, 0
		err = io.EOF
	}
	return n, err
}

// piece goes to the next piece of a constructed string. Its own length is not
// followed: what is no octet string any more is its end.
func (s *signedContent) piece() {
	tag, length, err := s.header()
	switch {
	case err != nil:
		s.broken, s.done = true, true
	case tag == berOctetString && length >= 0:
		s.left = length
	case tag == berOctetString|berConstructed && s.depth < 64:
		s.depth++
	case tag == 0 && length == 0 && s.depth > 1:
		s.depth--
	default:
		s.done = true
	}
}
