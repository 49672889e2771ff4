package message

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"unicode/utf16"
)

// tnefAttribute writes one attribute as [MS-OXTNEF] §2.1.3.1 has it.
func tnefAttribute(level byte, id uint32, data []byte) []byte {
	b := []byte{level}
	b = binary.LittleEndian.AppendUint32(b, id)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	var sum uint16
	for _, c := range data {
		sum += uint16(c)
	}
	return binary.LittleEndian.AppendUint16(b, sum)
}

type tnefProp struct {
	id, kind uint16
	named    bool
	value    []byte
}

func tnefProps(props ...tnefProp) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(props)))
	pad := func(v []byte) []byte { return append(v, make([]byte, -len(v)&3)...) }
	for _, p := range props {
		b = binary.LittleEndian.AppendUint16(b, p.kind)
		b = binary.LittleEndian.AppendUint16(b, p.id)
		if p.named {
			b = append(b, make([]byte, 16)...)
			b = binary.LittleEndian.AppendUint32(b, 1)
			b = binary.LittleEndian.AppendUint32(b, 6)
			b = append(b, pad([]byte("a\x00b\x00\x00\x00"))...)
		}
		if p.kind == mapiUnicode || p.kind == mapiString8 || p.kind == mapiBinary {
			b = binary.LittleEndian.AppendUint32(b, 1)
			b = binary.LittleEndian.AppendUint32(b, uint32(len(p.value)))
		}
		b = append(b, pad(bytes.Clone(p.value))...)
	}
	return b
}

func utf16LE(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s + "\x00")) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// helloRTF is the example of [MS-OXRTFCP] §4.1: "{\rtf1\ansi\ansicpg1252\pard hello world}".
const helloRTF = "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c0900206277" + "05b06c647d0a800fa0"

func sampleTNEF(t testing.TB) []byte {
	rtf, err := hex.DecodeString(helloRTF)
	if err != nil {
		t.Fatal(err)
	}
	b := binary.LittleEndian.AppendUint32(nil, tnefSignature)
	b = append(b, 1, 0)
	b = append(b, tnefAttribute(1, 0x00069007, []byte{0xE4, 4, 0, 0, 0, 0, 0, 0})...) // 1252
	b = append(b, tnefAttribute(1, 0x00069003, tnefProps(
		tnefProp{id: 0x0017, kind: 3, value: []byte{1, 0, 0, 0}},
		tnefProp{id: 0x8005, kind: mapiUnicode, named: true, value: utf16LE("x")},
		tnefProp{id: 0x3001, kind: 0x0040, value: make([]byte, 8)},
		tnefProp{id: propRTF, kind: mapiBinary, value: rtf},
	))...)
	b = append(b, tnefAttribute(2, 0x00069002, make([]byte, 14))...)
	b = append(b, tnefAttribute(2, 0x0006800F, []byte("%PDF-1.4 un"))...)
	b = append(b, tnefAttribute(2, 0x00018010, []byte("D\xC9LIB~1.PDF\x00"))...)
	b = append(b, tnefAttribute(2, 0x00069005, tnefProps(tnefProp{id: propAttachLong, kind: mapiUnicode, value: utf16LE("délibération du conseil.pdf")}))...)
	b = append(b, tnefAttribute(2, 0x00069002, make([]byte, 14))...)
	b = append(b, tnefAttribute(2, 0x00018010, []byte("note.txt\x00"))...)
	return append(b, tnefAttribute(2, 0x0006800F, []byte("deux"))...)
}

func tnefMail(text string, tnef []byte) string {
	return citizen + "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n" + text +
		"\n--b\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: binary\n\n" + string(tnef) + "\n--b--\n"
}

func TestTNEF(t *testing.T) {
	var content []string
	m := Read(strings.NewReader(tnefMail("", sampleTNEF(t))), Options{Attachment: func(AttachmentInfo) io.Writer {
		content = append(content, "")
		return writerFunc(func(b []byte) (int, error) { content[len(content)-1] += string(b); return len(b), nil })
	}})
	if m.Text != "hello world" || len(m.Problems) > 0 {
		t.Errorf("text %q, problems %v", m.Text, m.Problems)
	}
	if len(m.Attachments) != 2 || m.Attachments[0].Name != "délibération du conseil.pdf" || m.Attachments[0].Type != "application/pdf" ||
		m.Attachments[1].Name != "note.txt" || strings.Join(content, "|") != "%PDF-1.4 un|deux" {
		t.Errorf("attachments %+v, content %q", m.Attachments, content)
	}
	if m = Read(strings.NewReader(tnefMail("Bonjour.", sampleTNEF(t))), Options{}); m.Text != "Bonjour." {
		t.Errorf("the plain text is the same text: %q", m.Text)
	}
	whole := sampleTNEF(t)
	for n := range whole {
		m := Read(strings.NewReader(tnefMail("Bonjour.", whole[:n])), Options{})
		checkMessage(t, m)
		if m.Text != "Bonjour." {
			t.Fatalf("cut at %d: %q", n, m.Text)
		}
	}
	if m = Read(strings.NewReader(tnefMail("Bonjour.", whole[:len(whole)-20])), Options{}); !hasCode(m.Problems, ProblemTNEF) || len(m.Attachments) < 1 {
		t.Errorf("cut short: %v, %v", m.Problems, m.Attachments)
	}
	if m = Read(strings.NewReader(tnefMail("Bonjour.", []byte("garbage"))), Options{}); !hasCode(m.Problems, ProblemTNEF) || len(m.Attachments) != 1 {
		t.Errorf("garbage: %v, %v", m.Problems, m.Attachments)
	}
}

func TestRTF(t *testing.T) {
	tests := []struct{ in, want string }{
		{`{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\pard Caf\'e9 \u8364? \b gras\b0\par suite\tab x}`, "Café € gras\nsuite\tx"},
		{`{\rtf1{\*\htmltag64 <p>}texte{\*\htmltag72 </p>}\par}`, "texte\n"},
		{`{\rtf1 \u-10179?\u-8704?}`, "😀"},
		{`{\rtf1\uc2 \u233ab\{\}\\}`, `é{}\`},
		{`{\rtf1{\pict\bin5 }}}}}abc}d`, "d"},
		{`}}}}\'`, ""},
	}
	for _, tt := range tests {
		if got := rtfText([]byte(tt.in)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzTNEF(f *testing.F) {
	f.Add(sampleTNEF(f))
	f.Add(sampleTNEF(f)[:100])
	f.Add([]byte("\x78\x9f\x3e\x22\x01\x00\x01\x03\x90\x06\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		checkMessage(t, Read(strings.NewReader(tnefMail("", b)), Options{Limits: Limits{TextMax: 1 << 16}}))
		rtf, _ := unpackRTF(b, 1<<16)
		checkText(t, cleanText(rtfText(rtf)))
		checkText(t, cleanText(rtfText(b)))
	})
}
