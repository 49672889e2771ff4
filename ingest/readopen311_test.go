package ingest

import (
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func readOpen311(t *testing.T, body string) Reading {
	t.Helper()
	d := &DocumentReader{TempDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	raw := "MIME-Version: 1.0\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Transfer-Encoding: binary\r\n\r\n" + body
	r, err := d.Read(t.Context(), NewBlob([]byte(raw)), Record{Channel: ChannelApp, MediaType: MediaOpen311})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReadOpen311(t *testing.T) {
	// The example of the standard, with an answer of several values.
	r := readOpen311(t, "api_key=xyz&jurisdiction_id=city.gov&service_code=001&lat=37.76524078&long=-122.4212043&address_string=1234+5th+street"+
		"&email=Smit333%40sfgov.edu&device_id=tt222111&account_id=123456&first_name=john&last_name=smith&phone=111111111"+
		"&description=A+large+sinkhole+is%0D%0Adestroying+the+street&media_url=http%3A%2F%2Ffarm3.static.flickr.com%2F2002%2F2212426634_5ed477a060.jpg"+
		"&attribute%5BWHISPAWN%5D=123456&attribute[WHISDORN][]=COISL001&attribute[WHISDORN][]=COISL002")
	if r.Subject != "A large sinkhole is" || r.Category != "001" || r.Place != "1234 5th street" || r.Kind != KindForm {
		t.Errorf("subject %q, category %q, place %q, kind %q", r.Subject, r.Category, r.Place, r.Kind)
	}
	want := "A large sinkhole is\ndestroying the street\n\n— Précisions envoyées par l’application —\nWHISDORN : COISL001\nWHISDORN : COISL002\nWHISPAWN : 123456\n" +
		"media_url : http://farm3.static.flickr.com/2002/2212426634_5ed477a060.jpg"
	if r.Text != want {
		t.Errorf("text\n%s\nwant\n%s", r.Text, want)
	}
	if r.From.Name != "john smith" || r.From.Email != "smit333@sfgov.edu" || r.From.Phone == "" {
		t.Errorf("from %+v", r.From)
	}
	if r.Position == nil || *r.Position != (Position{37.76524078, -122.4212043}) {
		t.Errorf("position %v", r.Position)
	}
	if strings.Contains(fmt.Sprintf("%+v", r), "xyz") {
		t.Error("the key is in the reading")
	}
}

// What is not the description can be told from it, whatever either of them says.
func TestOpen311Description(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"both", "description=Trou%0Anom+:+x%0A%0Apanne+:+y&attribute[nom]=Jean+Dupont&media_url=https://a/1", "Trou\nnom : x\n\npanne : y"},
		{"answer of several lines", "description=Trou&attribute[nom]=%0AJean%0A%0ADupont", "Trou"},
		{"no description", "attribute[nom]=Jean+Dupont", ""},
		{"media only", "description=Trou&media_url=https://a/1", "Trou"},
		{"neither", "description=Trou%0Amedia_url+:+x", "Trou\nmedia_url : x"},
		{"parting line in the description", "description=Trou%0A" + url.QueryEscape(open311Joined) + "+%0Anom+:+x&attribute[nom]=y", "Trou"},
		{"parting line in an answer", "description=Trou&attribute[nom]=x%0A" + url.QueryEscape(open311Joined) + "%0Ay", "Trou"},
		{"parting line as a name", "description=Trou&attribute[a%0A" + url.QueryEscape(open311Joined) + "]=y", "Trou"},
	} {
		if got := Open311Description(readOpen311(t, tt.body).Text); got != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
	for _, text := range []string{"", "Trou\n", "\n" + open311Joined} {
		if got := Open311Description(text); got != strings.TrimSpace(strings.TrimSuffix(text, open311Joined)) {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestReadOpen311Sparse(t *testing.T) {
	for _, tt := range []struct{ name, body, subject, place, text string }{
		{"position only", "service_code=voirie&lat=48.85660&long=2.3522", "Signalement voirie", "48.85660, 2.35220", ""},
		{"decimal comma", "service_code=voirie&lat=48,8566&long=2,3522", "Signalement voirie", "48.85660, 2.35220", ""},
		{"address_id", "service_code=voirie&address_id=75104_1234", "Signalement voirie", "adresse n° 75104_1234", ""},
		{"a field twice", "service_code=&service_code=voirie&address_string=rue+Haute&address_string=rue+Basse", "Signalement voirie", "rue Haute", ""},
		{"no numbers", "service_code=voirie&lat=NaN&long=2&description=Trou", "Signalement voirie", "", "Trou"},
		{"far out", "service_code=voirie&lat=91&long=2&description=Trou", "Signalement voirie", "", "Trou"},
		{"nowhere", "service_code=voirie&lat=0&long=0&description=Trou", "Signalement voirie", "", "Trou"},
		{"no attributes", "attribute[]=1&attribute[a=1&attribute[a][b]=1&attributes[a]=1&attribute%5Ba%5D=", "Signalement", "", ""},
		{"nothing", "", "Signalement", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := readOpen311(t, tt.body)
			if r.Subject != tt.subject || r.Place != tt.place || r.Text != tt.text || asideReason(r) != "" {
				t.Errorf("subject %q, place %q, text %q, aside %q", r.Subject, r.Place, r.Text, asideReason(r))
			}
		})
	}
}

func TestReadOpen311Media(t *testing.T) {
	d := &DocumentReader{TempDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	raw := "Content-Type: multipart/form-data; boundary=b\r\n\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"service_code\"\r\n\r\nproprete-dechets\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff\xe0JFIF\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"media[]\"; filename=\"b.txt\"\r\nContent-Type: text/plain\r\n\r\nnote\r\n--b--\r\n"
	r, err := d.Read(t.Context(), NewBlob([]byte(raw)), Record{Channel: ChannelApp, MediaType: MediaOpen311})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range r.Attachments {
		names = append(names, a.Name)
	}
	if !reflect.DeepEqual(names, []string{"a.jpg", "b.txt"}) || r.Category != "proprete-dechets" {
		t.Errorf("files %q, category %q", names, r.Category)
	}
}

func FuzzReadOpen311(f *testing.F) {
	f.Add([]byte("Content-Type: application/x-www-form-urlencoded\r\n\r\nservice_code=voirie&lat=48.8&long=2.3&attribute[a][]=1&media_url=x"))
	f.Add([]byte("Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; name=description\r\n\r\nTrou\r\n--b--"))
	f.Add([]byte("lat=1e400&long=-0x1p-2"))
	d := &DocumentReader{TempDir: f.TempDir(), Log: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := d.Read(t.Context(), NewBlob(raw), Record{Channel: ChannelApp, MediaType: MediaOpen311})
		if err != nil {
			return // a picture that asks for OCR, or an original over a limit
		}
		for _, s := range []string{r.Subject, r.Text, r.Place, r.Category, r.From.Name, r.From.Email, r.From.Phone} {
			if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
				t.Errorf("%q is no text", s)
			}
		}
		if p := r.Position; p != nil && !(p.Lat >= -90 && p.Lat <= 90 && p.Long >= -180 && p.Long <= 180) {
			t.Errorf("position %v", *p)
		}
		if len([]rune(r.Place)) > open311PlaceMax || len([]rune(r.Subject)) > subjectMax {
			t.Errorf("place of %d, subject of %d bytes", len(r.Place), len(r.Subject))
		}
	})
}
