package ingest

import (
	"errors"
	"testing"
	"time"
)

func TestSeparator(t *testing.T) {
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for _, s := range []Separator{
		{},
		{Service: "Voirie & réseaux"},
		{Service: "état civil", Channel: ChannelCounter, Postmark: day},
		{Postmark: day},
	} {
		if got, ok := ParseSeparator(" " + s.String() + "\n"); !ok || got != s {
			t.Errorf("%q gives %+v, %v", s.String(), got, ok)
		}
	}
	tests := []struct {
		barcode string
		want    Separator
		ok      bool
	}{
		{"PATCHT", Separator{}, true},
		{"patcht", Separator{}, true},
		{"PATCHT2", Separator{}, false},
		{"", Separator{}, false},
		{"https://exemple.fr/?saisine:separateur", Separator{}, false},
		{"saisine:separateurs", Separator{}, false},
		// What a later version may write, or a damaged code says, still separates.
		{"saisine:separateur?service=voirie&page=3", Separator{Service: "voirie"}, true},
		{"saisine:separateur?service=%zz", Separator{}, true},
		{"saisine:separateur?canal=mailbox&service=voirie&cachet=2026-11-20", Separator{Postmark: day}, true},
		{"saisine:separateur?cachet=2026-02-30&service=voirie", Separator{Service: "voirie"}, true},
	}
	for _, tt := range tests {
		if got, ok := ParseSeparator(tt.barcode); got != tt.want || ok != tt.ok {
			t.Errorf("%q gives %+v, %v; want %+v, %v", tt.barcode, got, ok, tt.want, tt.ok)
		}
	}
	if err := (Separator{Channel: ChannelMailbox}).Check(); !errors.Is(err, ErrInvalid) {
		t.Errorf("a sheet for mails: %v", err)
	}
}

func FuzzParseSeparator(f *testing.F) {
	f.Add("PATCHT")
	f.Add("saisine:separateur?service=%C3%A9tat+civil&canal=counter&cachet=2026-11-20")
	f.Fuzz(func(t *testing.T, barcode string) {
		s, ok := ParseSeparator(barcode)
		if !ok {
			return
		}
		if err := s.Check(); err != nil {
			t.Fatalf("%q was read as a sheet that cannot be printed: %v", barcode, err)
		}
		if again, ok := ParseSeparator(s.String()); !ok || again != s {
			t.Fatalf("%q: %+v is read back as %+v, %v", barcode, s, again, ok)
		}
	})
}
