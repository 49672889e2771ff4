package office

import "testing"

func TestOtherKinds(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		kind       Kind
		want       string
	}{
		{"RTF", `{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\pard Le lampadaire est \'e9teint.\par Merci}`, KindRTF, "Le lampadaire est éteint.\nMerci"},
		{"HTML", "<!DOCTYPE html><html><head><meta charset=iso-8859-1><title>x</title></head><body><p>Le caf\xE9<p>est ferm\xE9", KindHTML, "Le café\n\nest fermé"},
		{"UTF-8", "\xEF\xBB\xBFÉté\r\nsuite", KindText, "Été\nsuite"},
		{"windows-1252", "L\x92\xE9t\xE9", KindText, "L’été"},
		{"UTF-16", "\xFF\xFE\xC9\x00t\x00\xE9\x00", KindText, "Été"},
		{"text that begins like XML", "<nom> Barbier", KindText, "<nom> Barbier"},
	} {
		if doc := readBytes(t, []byte(tt.file), Limits{}); doc.Text != tt.want || doc.Kind != tt.kind || len(doc.Problems) > 0 {
			t.Errorf("%s: kind %q, %q, %v", tt.name, doc.Kind, doc.Text, doc.Problems)
		}
	}
}

func TestReadable(t *testing.T) {
	for _, tt := range []struct {
		mediaType, name string
		want            bool
	}{
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "x", true},
		{"application/octet-stream", "Courrier.DOCX", true},
		{"application/vnd.oasis.opendocument.text", "", true},
		{"application/msword", "a.doc", true},
		{"application/zip", "photos.zip", false},
		{"image/png", "a.png", false},
	} {
		if got := Readable(tt.mediaType, tt.name); got != tt.want {
			t.Errorf("%q %q: %v", tt.mediaType, tt.name, got)
		}
	}
	for _, tt := range []struct {
		head string
		want bool
	}{{"PK\x03\x04", true}, {oleMark, true}, {`{\rtf1`, true}, {"%PDF-1.7", false}, {"From: a@b.fr", false}, {"<html>", false}, {"", false}} {
		if got := Known([]byte(tt.head)); got != tt.want {
			t.Errorf("%q: %v", tt.head, got)
		}
	}
}
