package ingest

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// PatchT is what the barcode of a common separator sheet says, whatever its symbology:
// the name of the patch code that scanners of the paper age know.
const PatchT = "PATCHT"

// separatorScheme begins what the QR code of our own separator sheet says.
const separatorScheme = "saisine:separateur"

// Separator is what a separator sheet says of the letter that follows it. Its zero
// value is a sheet that only separates.
type Separator struct {
	// Service is the service that the letter is for, or "".
	Service string
	// Channel is the way it came in: ChannelScan or ChannelCounter, or "" for that of the scan.
	Channel Channel
	// Postmark is the day of its postmark, at midnight UTC, or zero.
	Postmark time.Time
}

// String is what the QR code of the sheet says; ParseSeparator reads it.
func (s Separator) String() string {
	v := url.Values{}
	if s.Service != "" {
		v.Set("service", s.Service)
	}
	if s.Channel != "" {
		v.Set("canal", string(s.Channel))
	}
	if !s.Postmark.IsZero() {
		v.Set("cachet", s.Postmark.Format(time.DateOnly))
	}
	if len(v) == 0 {
		return separatorScheme
	}
	return separatorScheme + "?" + v.Encode()
}

// Check reports what keeps the sheet from being printed.
func (s Separator) Check() error {
	switch s.Channel {
	case "", ChannelScan, ChannelCounter:
	default:
		return fmt.Errorf("%w: a separator sheet is for the channels %s and %s, not %q", ErrInvalid, ChannelScan, ChannelCounter, s.Channel)
	}
	if len(s.Service) > 100 {
		return fmt.Errorf("%w: the name of the service is longer than 100 bytes", ErrInvalid)
	}
	return nil
}

// ParseSeparator reads a barcode; ok is false when it is on no separator sheet. A sheet
// of ours separates even where a later version of saisine wrote words that this one
// does not know: those are passed over.
func ParseSeparator(barcode string) (s Separator, ok bool) {
	barcode = strings.TrimSpace(barcode)
	if strings.EqualFold(barcode, PatchT) {
		return Separator{}, true
	}
	rest, ok := strings.CutPrefix(barcode, separatorScheme)
	if !ok || rest != "" && rest[0] != '?' {
		return Separator{}, false
	}
	v, err := url.ParseQuery(strings.TrimPrefix(rest, "?"))
	if err != nil {
		return Separator{}, true
	}
	s = Separator{Service: strings.ToValidUTF8(v.Get("service"), ""), Channel: Channel(v.Get("canal"))}
	if day, err := time.Parse(time.DateOnly, v.Get("cachet")); err == nil {
		s.Postmark = day
	}
	if s.Check() != nil {
		return Separator{Postmark: s.Postmark}, true
	}
	return s, true
}
