package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"saisine.fr/saisine/ingest"
)

// The makers of hostile files. Each writes to a buffered file, whose error is looked at
// when it is closed; so they write what is huge piece by piece and never hold it.

// deflated is size bytes that are all c, packed as deflate does it and without an end:
// one packed mebibyte, again and again, since packing as much as a bomb holds would
// take the test seconds.
func deflated(c byte, size int) []byte {
	const block = 1 << 20
	var one bytes.Buffer
	w, _ := flate.NewWriter(&one, flate.BestCompression) // the level is valid, and memory takes all
	_, _ = w.Write(bytes.Repeat([]byte{c}, block))
	_ = w.Flush()
	return bytes.Repeat(one.Bytes(), max(1, size/block))
}

// zlibbed is size bytes that are all c as a zlib stream (RFC 1950), with a sum that is
// wrong: readers of PDF and PNG hand out the bytes before they come to it.
func zlibbed(c byte, size int) []byte {
	return append(append([]byte{0x78, 0xDA}, deflated(c, size)...), 3, 0, 0, 0, 0, 1)
}

// repeated writes a text n times.
func repeated(w io.Writer, s string, n int) {
	per := max(1, (1<<16)/len(s))
	piece := strings.Repeat(s, per)
	for ; n >= per; n -= per {
		_, _ = io.WriteString(w, piece)
	}
	_, _ = io.WriteString(w, strings.Repeat(s, n))
}

// Mails.

const bombHead = "From: Citoyenne <citoyenne@example.fr>\r\nTo: " + townUser + "\r\nDate: Mon, 2 Mar 2026 08:14:00 +0100\r\nMIME-Version: 1.0\r\n"

func nestedMultiparts(w *bufio.Writer) {
	fmt.Fprint(w, bombHead, "Subject: emboîtée\r\n")
	for i := range 2000 {
		fmt.Fprintf(w, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	fmt.Fprint(w, "\r\nau fond\r\n")
}

func nestedMails(w *bufio.Writer) {
	fmt.Fprint(w, bombHead, "Subject: transférée\r\n")
	repeated(w, "Content-Type: message/rfc822\r\n\r\nSubject: encore\r\n", 2000)
	fmt.Fprint(w, "\r\nau fond\r\n")
}

func manyMailParts(w *bufio.Writer) {
	fmt.Fprint(w, bombHead, "Subject: en morceaux\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")
	repeated(w, "--b\r\n\r\nun\r\n", 100_000)
	fmt.Fprint(w, "--b--\r\n")
}

// base64Line is a mail with one line of base64 of that many bytes.
func base64Line(size int) func(w *bufio.Writer) {
	return func(w *bufio.Writer) {
		fmt.Fprint(w, bombHead, "Subject: une ligne\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nVoici le plan.\r\n--b\r\n"+
			"Content-Type: application/pdf; name=plan.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n")
		repeated(w, "QUJD", size/4)
		fmt.Fprint(w, "\r\n--b--\r\n")
	}
}

// mailWithHeader is a mail with a header of unit n times.
func mailWithHeader(before, unit, after string, n int) func(w *bufio.Writer) {
	return func(w *bufio.Writer) {
		fmt.Fprint(w, bombHead, before)
		repeated(w, unit, n)
		fmt.Fprint(w, after, "\r\nLe corps.\r\n")
	}
}

// mailWithBody is a mail whose body is unit n times.
func mailWithBody(fields, before, unit string, n int) func(w *bufio.Writer) {
	return func(w *bufio.Writer) {
		fmt.Fprint(w, bombHead, "Subject: long\r\n", fields, "\r\n", before)
		repeated(w, unit, n)
	}
}

// tnefBomb is a winmail.dat with a compressed RTF that unpacks to 8 times its size, and
// attributes that claim 4 GiB ([MS-OXTNEF] §2.1.3.1).
func tnefBomb(w *bufio.Writer) {
	fmt.Fprint(w, bombHead, "Subject: winmail\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: binary\r\n\r\n")
	le := binary.LittleEndian
	// Eight references of 16 bytes each, to a place that writing in steps of 16 never
	// meets: that would be the end mark ([MS-OXRTFCP] §2.1.3.1.4).
	packed := bytes.Repeat(append([]byte{0xFF}, bytes.Repeat([]byte{0x0C, 0x0E}, 8)...), 1<<20)
	rtf := le.AppendUint32(nil, uint32(len(packed)+12))
	rtf = append(le.AppendUint32(rtf, 0xFFFFFFF0), "LZFu\x00\x00\x00\x00"...)
	rtf = append(rtf, packed...)
	props := le.AppendUint32(nil, 1)                 // one property,
	props = le.AppendUint32(props, 0x1009_0102)      // PidTagRtfCompressed,
	props = le.AppendUint32(props, 1)                // one value
	props = le.AppendUint32(props, uint32(len(rtf))) // of that size
	props = append(props, rtf...)
	file := append(le.AppendUint32(nil, 0x223E9F78), 1, 0)
	file = append(file, 1) // a message's attribute:
	file = le.AppendUint32(file, 0x0006_9003)
	file = le.AppendUint32(file, uint32(len(props)))
	file = append(append(file, props...), 0, 0)
	for range 1000 {
		file = le.AppendUint32(append(file, 2), 0x0006_800F) // attachment data
		file = le.AppendUint32(file, 0xFFFFFFFF)
	}
	_, _ = w.Write(file)
}

// attachedBombs is a mail with bombs of other kinds as its attachments.
func attachedBombs(w *bufio.Writer) {
	fmt.Fprint(w, bombHead, "Subject: pièces\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nVoici les plans.\r\n")
	for _, f := range []struct {
		name string
		make func(*bufio.Writer)
	}{{"a.docx", docxBomb}, {"b.pdf", formTower(30)}} {
		var file bytes.Buffer
		fw := bufio.NewWriter(&file)
		f.make(fw)
		_ = fw.Flush() // memory takes all
		fmt.Fprintf(w, "--b\r\nContent-Type: application/octet-stream; name=%s\r\nContent-Transfer-Encoding: base64\r\n\r\n", f.name)
		_, _ = io.WriteString(w, base64.StdEncoding.EncodeToString(file.Bytes()))
		fmt.Fprint(w, "\r\n")
	}
	fmt.Fprint(w, "--b--\r\n")
}

// PDFs.

// pdfObjects writes a PDF of objects 1, 2, …; 1 is the catalogue.
func pdfObjects(w io.Writer, objects ...pdfObject) {
	n := 0
	write := func(b []byte) { k, _ := w.Write(b); n += k }
	write([]byte("%PDF-1.5\n%\xE2\xE3\xCF\xD3\n"))
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = n
		write(fmt.Appendf(nil, "%d 0 obj\n", i+1))
		if o.stream == nil {
			write([]byte(o.dict))
		} else {
			write(fmt.Appendf(nil, "<<%s /Length %d>>\nstream\n", o.dict, len(o.stream)))
			write(o.stream)
			write([]byte("\nendstream"))
		}
		write([]byte("\nendobj\n"))
	}
	start := n
	write(fmt.Appendf(nil, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1))
	for _, off := range offsets {
		write(fmt.Appendf(nil, "%010d 00000 n \n", off))
	}
	write(fmt.Appendf(nil, "trailer <</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start))
}

// pdfObject is a dictionary with its brackets, or a stream with the dictionary's
// entries without.
type pdfObject struct {
	dict   string
	stream []byte
}

// onePage is a PDF of one page with those resources and that content. More objects
// begin at 5.
func onePage(resources string, content pdfObject, more ...pdfObject) func(w *bufio.Writer) {
	return func(w *bufio.Writer) {
		pdfObjects(w, append([]pdfObject{
			{dict: "<</Type /Catalog /Pages 2 0 R>>"},
			{dict: "<</Type /Pages /Kids [3 0 R] /Count 1>>"},
			{dict: "<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources <<" + resources + ">> /Contents 4 0 R>>"},
			content,
		}, more...)...)
	}
}

const drawImage = "q 595 0 0 842 0 0 cm /X Do Q"

// imagePDF is a page with one image.
func imagePDF(dict string, data []byte) func(w *bufio.Writer) {
	return onePage("/XObject <</X 5 0 R>>", pdfObject{stream: []byte(drawImage)}, pdfObject{"/Type /XObject /Subtype /Image " + dict, data})
}

// manyPages is a PDF of n pages with a text layer, of which all share one content.
func manyPages(n int) func(w *bufio.Writer) {
	return func(w *bufio.Writer) {
		objects := []pdfObject{
			{dict: "<</Type /Catalog /Pages 2 0 R>>"},
			{},
			{dict: "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding>>"},
			{stream: []byte("BT /F 12 Tf 72 720 Td (Madame la Maire, le lampadaire de la rue Haute ne marche plus depuis lundi.) Tj ET")},
		}
		var kids strings.Builder
		for i := range n {
			fmt.Fprintf(&kids, "%d 0 R ", i+5)
			objects = append(objects, pdfObject{dict: "<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources <</Font <</F 3 0 R>>>> /Contents 4 0 R>>"})
		}
		objects[1].dict = fmt.Sprintf("<</Type /Pages /Kids [%s] /Count %d>>", kids.String(), n)
		pdfObjects(w, objects...)
	}
}

// claimedPages is a separator sheet and a page of text that claim to be n pages. poppler
// believes the page tree up to the number of objects, which a cross-reference stream
// states without naming them (ISO 32000-1, 7.5.8).
func claimedPages(t *testing.T, n int) func(w *bufio.Writer) {
	t.Helper()
	sheet, err := scannedSheet(ingest.Separator{})
	if err != nil {
		t.Fatal(err)
	}
	size := sheet.Bounds().Size()
	return func(w *bufio.Writer) {
		var body bytes.Buffer
		offsets := []int{0}
		object := func(dict string, stream []byte) {
			offsets = append(offsets, body.Len())
			fmt.Fprintf(&body, "%d 0 obj\n", len(offsets)-1)
			if stream == nil {
				fmt.Fprintf(&body, "<<%s>>\nendobj\n", dict)
				return
			}
			fmt.Fprintf(&body, "<<%s /Length %d>>\nstream\n%s\nendstream\nendobj\n", dict, len(stream), stream)
		}
		body.WriteString("%PDF-1.5\n")
		object("/Type /Catalog /Pages 2 0 R", nil)
		object(fmt.Sprintf("/Type /Pages /Kids [3 0 R 4 0 R] /Count %d", n), nil)
		object("/Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources <</XObject <</X 5 0 R>>>> /Contents 6 0 R", nil)
		object("/Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources <</Font <</F 8 0 R>>>> /Contents 7 0 R", nil)
		object(fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode", size.X, size.Y), zlibPacked(sheet.Pix))
		object("", []byte(drawImage))
		object("", []byte("BT /F 12 Tf 72 720 Td (Madame la Maire, le lampadaire de la rue Haute ne marche plus depuis lundi.) Tj ET"))
		object("/Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding", nil)
		start := body.Len()
		var table []byte
		for i, off := range append(offsets, start) {
			table = binary.BigEndian.AppendUint32(append(table, byte(min(i, 1))), uint32(off))
		}
		object(fmt.Sprintf("/Type /XRef /Size %d /Index [0 %d] /W [1 4 0] /Root 1 0 R", n+10, len(offsets)+1), table)
		fmt.Fprintf(&body, "startxref\n%d\n%%%%EOF\n", start)
		_, _ = w.Write(body.Bytes())
	}
}

func circularPages(w *bufio.Writer) {
	pdfObjects(w, pdfObject{dict: "<</Type /Catalog /Pages 2 0 R>>"}, pdfObject{dict: "<</Type /Pages /Kids [3 0 R 2 0 R] /Count 1000000>>"},
		pdfObject{dict: "<</Type /Pages /Parent 2 0 R /Kids [2 0 R 3 0 R] /Count 500000>>"})
}

func deepArray(w *bufio.Writer) {
	pdfObjects(w, pdfObject{dict: "<</Type /Catalog /Pages 2 0 R /X " + strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000) + ">>"},
		pdfObject{dict: "<</Type /Pages /Kids [] /Count 0>>"})
}

// jbig2Page is the start of an embedded JBIG2 stream: the information of a page of that
// many pixels a side, and a generic region as large (ITU-T T.88 §7.4).
func jbig2Page(side uint32) []byte {
	be := binary.BigEndian
	b := []byte{0, 0, 0, 0, 48, 0, 1}
	b = be.AppendUint32(b, 19)
	b = be.AppendUint32(be.AppendUint32(b, side), side)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, 0, 0, 0, 1, 38, 0, 1)
	b = be.AppendUint32(b, 40)
	b = be.AppendUint32(be.AppendUint32(b, side), side)
	return append(b, make([]byte, 32)...)
}

// jpxImage is the start of a JPEG 2000 codestream of that many pixels a side (ISO
// 15444-1 annex A).
func jpxImage(side uint32) []byte {
	be := binary.BigEndian
	b := []byte{0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0}
	for _, v := range []uint32{side, side, 0, 0, side, side, 0, 0} {
		b = be.AppendUint32(b, v)
	}
	b = append(b, 0, 1, 7, 1, 1)
	b = append(b, 0xFF, 0x52, 0, 12, 0, 0, 0, 1, 0, 5, 4, 4, 0, 1)
	b = append(b, 0xFF, 0x5C, 0, 19, 0x40)
	b = append(b, bytes.Repeat([]byte{0x40}, 16)...)
	return append(b, 0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0x93, 0, 0, 0xFF, 0xD9)
}

// Images.

// pngChunk is a chunk with its sum (ISO 15948 §5.3).
func pngChunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// pngBomb is a PNG of that many pixels a side, depth bits each, with further chunks
// before the pixels, which are packed zeros.
func pngBomb(side uint32, depth, pixels int, chunks ...[]byte) func(w *bufio.Writer) {
	return func(w *bufio.Writer) {
		_, _ = w.WriteString("\x89PNG\r\n\x1a\n")
		head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, side), side)
		_, _ = w.Write(pngChunk("IHDR", append(head, byte(depth), 0, 0, 0, 0)))
		for _, c := range chunks {
			_, _ = w.Write(c)
		}
		_, _ = w.Write(pngChunk("IDAT", zlibbed(0, pixels)))
		_, _ = w.Write(pngChunk("IEND", nil))
	}
}

// lyingJPEG is a JPEG whose frame header (ITU-T T.81 §B.2.2) says 65,500 × 65,500.
func lyingJPEG(jpeg []byte) func(w *bufio.Writer) {
	b := bytes.Clone(jpeg)
	for _, sof := range []string{"\xFF\xC0", "\xFF\xC2"} {
		if i := bytes.Index(b, []byte(sof)); i >= 0 {
			binary.BigEndian.PutUint16(b[i+5:], 65500)
			binary.BigEndian.PutUint16(b[i+7:], 65500)
		}
	}
	return func(w *bufio.Writer) { _, _ = w.Write(b) }
}

// tiffField is a field of an image file directory (TIFF 6.0 §2).
type tiffField struct {
	tag, kind uint16
	count     uint32
	value     uint32
}

func tiffDirectory(next uint32, fields ...tiffField) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, uint16(len(fields)))
	for _, f := range fields {
		b = le.AppendUint32(le.AppendUint32(le.AppendUint16(le.AppendUint16(b, f.tag), f.kind), f.count), f.value)
	}
	return le.AppendUint32(b, next)
}

// bilevel are the fields of an image of one strip at offset 8.
func bilevel(width, height, bytes uint32) []tiffField {
	return []tiffField{
		{256, 4, 1, width},
		{257, 4, 1, height},
		{258, 3, 1, 1},
		{259, 3, 1, 1},
		{262, 3, 1, 1},
		{273, 4, 1, 8},
		{277, 3, 1, 1},
		{278, 4, 1, height},
		{279, 4, 1, bytes},
	}
}

const tiffStart = 16 // of the first directory, after the header and a strip of 8 bytes

func tiffHead(w io.Writer) {
	_, _ = io.WriteString(w, "II*\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
}

func hugeTIFF(w *bufio.Writer) {
	tiffHead(w)
	_, _ = w.Write(tiffDirectory(0, bilevel(60_000, 60_000, 8)...))
}

// circularTIFF has a second page that is followed by the first.
func circularTIFF(w *bufio.Writer) {
	tiffHead(w)
	fields := bilevel(8, 8, 8)
	second := uint32(tiffStart + len(tiffDirectory(0, fields...)))
	_, _ = w.Write(tiffDirectory(second, fields...))
	_, _ = w.Write(tiffDirectory(tiffStart, fields...))
}

func manyDirectories(w *bufio.Writer) {
	tiffHead(w)
	fields := bilevel(8, 8, 8)
	size := uint32(len(tiffDirectory(0, fields...)))
	const n = 100_000
	for i := range uint32(n) {
		next := tiffStart + (i+1)*size
		if i == n-1 {
			next = 0
		}
		_, _ = w.Write(tiffDirectory(next, fields...))
	}
}

// claimingTIFF has fields that claim 4 billion values each.
func claimingTIFF(w *bufio.Writer) {
	tiffHead(w)
	fields := bilevel(100, 100, 8)
	for i := range fields {
		if fields[i].tag == 273 || fields[i].tag == 279 {
			fields[i].count, fields[i].value = 0xFFFFFFFF, 8
		}
	}
	_, _ = w.Write(tiffDirectory(0, fields...))
}

// docxBomb is a DOCX whose text is packed a thousandfold.
func docxBomb(w *bufio.Writer) {
	z := zip.NewWriter(w)
	f, _ := z.CreateRaw(&zip.FileHeader{Name: "word/document.xml", Method: zip.Deflate, CompressedSize64: 0, UncompressedSize64: 1 << 30})
	var head bytes.Buffer
	c, _ := flate.NewWriter(&head, flate.BestCompression) // the level is valid
	_, _ = io.WriteString(c, "<w:document><w:body><w:p><w:r><w:t>Avant la bombe.</w:t></w:r></w:p><w:p><w:r><w:t>")
	_ = c.Flush()
	_, _ = f.Write(head.Bytes())
	_, _ = f.Write(deflated('a', 1<<30))
	_, _ = f.Write([]byte{3, 0})
	_ = z.Close()
}

// formTower is a page of forms of which each draws the next ten times: a finite file
// that takes 10^levels steps.
func formTower(levels int) func(w *bufio.Writer) {
	more := make([]pdfObject, levels)
	for i := range more {
		dict, content := "/Type /XObject /Subtype /Form /BBox [0 0 595 842]", "0 0 1 1 re f"
		if i < levels-1 {
			dict += fmt.Sprintf(" /Resources <</XObject <</X %d 0 R>>>>", i+6)
			content = strings.Repeat("/X Do ", 10)
		}
		more[i] = pdfObject{dict, []byte(content)}
	}
	return onePage("/XObject <</X 5 0 R>>", pdfObject{stream: []byte("/X Do")}, more...)
}

// zlibPacked packs bytes that are held.
func zlibPacked(b []byte) []byte {
	var out bytes.Buffer
	w, _ := zlib.NewWriterLevel(&out, zlib.BestSpeed) // the level is valid, and memory takes all
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}
