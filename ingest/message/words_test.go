package message

import (
	"bufio"
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDecodeWords(t *testing.T) {
	tests := []struct{ in, want string }{
		{"plain", "plain"},
		{"=?utf-8?Q?=C3=A9t=C3=A9?=", "été"},
		{"=?ISO-8859-1?q?=E9t=E9_2025?= ok", "été 2025 ok"},
		{"=?utf-8?B?w6l0w6k=?=", "été"},
		{"=?utf-8?Q?a?= =?utf-8?Q?b?= c =?utf-8?Q?d?=", "ab c d"},
		{"=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"},
		{"=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=", "é"},        // one character over two words
		{"=?utf-8?B?w6l0w?= =?utf-8?B?6k=?=", "été"},    // one quantum over two words
		{"=?utf-8?Q?sans fin", "sans fin"},              // no end
		{"=?utf-8?Q?deux mots?=", "deux mots"},          // blanks within
		{"=?utf-8*fr?Q?=C3=A9?=", "é"},                  // RFC 2231 language
		{"=?x-rien?Q?=E9?=", "é"},                       // unknown character set
		{"=?utf-8?Q?=E9?=", "é"},                        // lying character set
		{"=?utf-8?X?abc?=", "=?utf-8?X?abc?="},          // unknown encoding
		{"2 =? 3", "2 =? 3"},                            // no word
		{"=?iso-2022-jp?B?GyRCMzlFdBsoQg==?=", "街灯"},    // stateful
		{"=?utf-8?Q??=", ""},                            // empty
		{"=?gb2312?B?wrfGtQ==?=", "路频"},                 // alias
		{"=?utf-8?B?4oKs!!!?=", "€"},                    // dirt
		{"\"=?utf-8?Q?=C3=A9?=\" <a@b>", "\"é\" <a@b>"}, // within quotes
	}
	for _, tt := range tests {
		if got := decodeWords(tt.in); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestFieldParams(t *testing.T) {
	tests := []struct {
		in, value string
		params    map[string]string
	}{
		{`text/plain; charset=utf-8`, "text/plain", map[string]string{"charset": "utf-8"}},
		{`TEXT/Plain ; Charset="UTF-8";`, "text/plain", map[string]string{"charset": "UTF-8"}},
		{`attachment; filename=Mon plan.pdf`, "attachment", map[string]string{"filename": "Mon plan.pdf"}},
		{`attachment; filename="a;b.pdf"; size=3`, "attachment", map[string]string{"filename": "a;b.pdf", "size": "3"}},
		{`attachment; filename="C:\temp\a.pdf"`, "attachment", map[string]string{"filename": `C:\temp\a.pdf`}},
		{`attachment; filename="a.pdf; size=3`, "attachment", map[string]string{"filename": "a.pdf", "size": "3"}},
		{`attachment; filename*=UTF-8''%C3%A9.pdf`, "attachment", map[string]string{"filename": "é.pdf"}},
		{`attachment; filename*0="a"; filename*1=".pdf"`, "attachment", map[string]string{"filename": "a.pdf"}},
		{`attachment; filename*1=".pdf"; filename*0*=x-rien'fr'%E9`, "attachment", map[string]string{"filename": "é.pdf"}},
		{`attachment; filename*=%C3%A9.pdf`, "attachment", map[string]string{"filename": "é.pdf"}},
		{`attachment; filename="=?utf-8?Q?=C3=A9.pdf?="`, "attachment", map[string]string{"filename": "é.pdf"}},
		{`multipart/mixed boundary="a b"; x=y`, "multipart/mixed", map[string]string{"boundary": "a b", "x": "y"}}, // no first semicolon
		{`application/pdf name="F 1.pdf"`, "application/pdf", map[string]string{"name": "F 1.pdf"}},
		{`;;;=`, "", map[string]string{}},
		{``, "", map[string]string{}},
	}
	for _, tt := range tests {
		value, params := fieldParams(tt.in)
		if value != tt.value || len(params)+len(tt.params) > 0 && !reflect.DeepEqual(params, tt.params) {
			t.Errorf("%q: got %q %q, want %q %q", tt.in, value, params, tt.value, tt.params)
		}
	}
}

func TestParseAddresses(t *testing.T) {
	tests := []struct {
		in   string
		want []Address
	}{
		{"a@b.fr", []Address{{"", "a@b.fr"}}},
		{"Jean <a@b.fr>, c@d.fr; e@f.fr", []Address{{"Jean", "a@b.fr"}, {"", "c@d.fr"}, {"", "e@f.fr"}}},
		{`"Dupont, Jean" <a@b.fr>`, []Address{{"Dupont, Jean", "a@b.fr"}}},
		{"=?utf-8?Q?Dupont,_L=C3=A9a?= <a@b.fr>", []Address{{"Dupont, Léa", "a@b.fr"}}},
		{"a@b.fr (Jean (le maire))", []Address{{"Jean (le maire", "a@b.fr"}}},
		{"Amis: a@b.fr, c@d.fr;", []Address{{"", "a@b.fr"}, {"", "c@d.fr"}}},
		{"undisclosed-recipients:;", nil},
		{"Jean Dupont a@b.fr", []Address{{"Jean Dupont", "a@b.fr"}}},
		{"<a@b.fr", []Address{{"", "a@b.fr"}}},
		{`"a@b.fr" <a@b.fr>`, []Address{{"", "a@b.fr"}}},
		{"'Jean' <a@b.fr>", []Address{{"Jean", "a@b.fr"}}},
		{"Jean Dupont", []Address{{"Jean Dupont", ""}}},
		{`"Jean <a@b.fr>`, []Address{{"Jean", "a@b.fr"}}},
		{"mailto:a@b.fr", []Address{{"", "a@b.fr"}}},
		{"Léa <léa@exemple.fr>", []Address{{"Léa", "léa@exemple.fr"}}},
		{"<>", nil},
		{" , ,", nil},
	}
	for _, tt := range tests {
		if got := parseAddresses(tt.in); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestParseDate(t *testing.T) {
	want := time.Date(2025, 11, 3, 9, 12, 0, 0, time.UTC)
	for _, s := range []string{
		"Mon, 3 Nov 2025 10:12:00 +0100", "3 Nov 2025 10:12:00 +0100 (CET)", "Mon, 03 Nov 2025 09:12:00 GMT", "Mon Nov  3 09:12:00 2025",
		"lun., 3 nov. 2025 10:12:00 +0100", "lundi 3 novembre 2025 10:12:00 +0100", "2025-11-03T10:12:00+01:00", "Mon, 3 Nov 25 10:12:00 +0100",
		"Mon, 3 Nov 2025 10:12 +0100", "Mon, 3-Nov-2025 10:12:00 +0100", "03/11/2025 09:12:00", "Mon, 3 Nov 2025 09:12:00",
	} {
		if got, ok := parseDate(s); !ok || !got.Equal(want) {
			t.Errorf("%q: got %v, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "hier", "Mon, 3 Nov 0025 10:12:00 +0100", "Thu, 1 Jan 1970 00:00:00 +0000", "99/99/9999"} {
		if got, ok := parseDate(s); ok {
			t.Errorf("%q: got %v", s, got)
		}
	}
}

func TestMessageIDs(t *testing.T) {
	tests := []struct {
		in   string
		want []string
	}{
		{"<a@b> <c@d>", []string{"a@b", "c@d"}},
		{"Your mail of Monday <a@b>", []string{"a@b"}},
		{"a@b c@d", []string{"a@b", "c@d"}},
		{"<a@b\t c>", []string{"a@bc"}},
		{"<<a@b>", []string{"a@b"}},
		{"<a@b", []string{"a@b"}},
		{"none", nil},
		{"", nil},
	}
	for _, tt := range tests {
		if got := messageIDs(tt.in); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestFileName(t *testing.T) {
	tests := []struct{ in, mediaType, want string }{
		{"a.pdf", "", "a.pdf"},
		{"/etc/passwd", "", "passwd"},
		{`C:\x\plan.pdf`, "", "plan.pdf"},
		{"..", "application/pdf", "piece-jointe-3.pdf"},
		{"", "x/y", "piece-jointe-3.bin"},
		{"a\x00\r\nb.txt", "", "a b.txt"},
		{"rapport\u202Efdp.exe", "", "rapportfdp.exe"},
		{strings.Repeat("é", 300) + ".pdf", "", strings.Repeat("é", 98) + ".pdf"},
	}
	for _, tt := range tests {
		if got := fileName(tt.in, tt.mediaType, 2); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestDecodeText(t *testing.T) {
	tests := []struct{ raw, charset, want, problem string }{
		{"\xE9t\xE9", "", "été", ""},
		{"\xE9t\xE9", "utf-8", "été", ProblemWrongCharset},
		{"\xC3\xA9t\xC3", "utf-8", "ét", ""}, // cut within a character
		{"\xC3\xA9", "iso-8859-15", "é", ProblemWrongCharset},
		{"\xA4", "iso-8859-15", "€", ""},
		{"\x80", "iso-8859-1", "€", ""},
		{"\x80", "_iso8859_1", "€", ProblemCharset},
		{"\x80", " \"Latin1\" ", "€", ""},
		{"\x82", "cp850", "é", ""},
		{"\x8E", "x-mac-roman", "é", ""},
		{"\xE9", "windows-1252http-equivcontent-type", "é", ""},
		{"\xE9", "cp1252", "é", ""},
		{"+AOk-t+AOk", "utf-7", "été", ""},
		{"a +- b +", "utf-7", "a + b +", ""},
		{"\xEF\xBB\xBF\xC3\xA9", "windows-1252", "é", ""},
		{"\xFF\xFE\xE9\x00", "", "é", ""},
		{"\x1b$B39Et\x1b(B", "", "街灯", ""},
		{"\xE9", "../../x", "é", ProblemCharset},
		{"\x81", "", "\uFFFD", ""}, // no character of windows-1252
	}
	for _, tt := range tests {
		got, problem := decodeText([]byte(tt.raw), tt.charset)
		if got != tt.want || problem != tt.problem {
			t.Errorf("%q in %q: got %q %q, want %q %q", tt.raw, tt.charset, got, problem, tt.want, tt.problem)
		}
	}
}

func TestUU(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"as it should be", "begin 644 a\n#86)C\n`\nend\n", "abc"},
		{"blanks cut in transit", "begin 644 a\n&86)C   \n#86)C\nend", "abc\x00\x00\x00abc"},
		{"text before", "Voici :\n\nbegin 644 a\n#86)C\nend\n", "abc"},
		{"junk within", "begin 644 a\n#86)C\nno uu line at all, far too long for its count\n#86)C\nend", "abcabc"},
		{"CRLF", "begin 644 a\r\n#86)C\r\nend\r\n", "abc"},
		{"prose in capitals", "begin 644 RUE\n#VOICI LE PLAN DE LA RUE HAUTE\n#86)C\nend", "abc"},
		{"no begin", "hello", ""},
	}
	for _, tt := range tests {
		got, err := io.ReadAll(&uuReader{br: bufio.NewReader(strings.NewReader(tt.in)), seek: true, report: func(string, string) {}})
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

// TestTransfer decodes long content in odd pieces, where buffers end within escapes.
func TestTransfer(t *testing.T) {
	content := []byte(strings.Repeat("été = 100 % à l’école\n", 3000))
	var qp bytes.Buffer
	for _, b := range content {
		qp.WriteString("=" + string("0123456789ABCDEF"[b>>4]) + string("0123456789abcdef"[b&15]))
	}
	for _, pad := range []string{"", "a", "ab"} {
		var problems int
		got, err := io.ReadAll(decode("quoted-printable", strings.NewReader(pad+qp.String()), func(string, string) { problems++ }))
		if err != nil || string(got) != pad+string(content) || problems > 0 {
			t.Errorf("one long quoted-printable line after %q: %d bytes of %d, %v, %d problems", pad, len(got), len(content), err, problems)
		}
	}
	got, err := io.ReadAll(decode("quoted-printable", strings.NewReader("a  \nb =20\nc=\n d\t=\t\ne==\nf=3"), func(string, string) {}))
	if want := "a\nb  \nc d\te=f=3"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
