package facts

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// overseas are the territories with a country code of their own. Their numbers are
// dialled within France as if they were French ones: 0590…, 0692… (plan national de
// numérotation, Arcep). New Caledonia (+687) and Polynesia (+689) have no such form; their
// numbers are told only by the code.
var overseas = []string{"GP", "RE", "YT", "MQ", "GF", "PM"}

// overseasPrefix are the first figures that one of overseas may have: libphonenumber is asked
// for these only, since asking costs more than all the rest.
var overseasPrefix = []string{"0262", "0263", "0269", "0508", "0590", "0594", "0596", "0639", "069", "0708", "09"}

// E164 returns a phone number in the form of ITU-T E.164 ("+33639984107"), or "" when it
// is none. A number without a country is a French one; those of the overseas territories get
// their own codes.
func E164(phone string) string {
	n := parsePhone(phone)
	if n == nil {
		return ""
	}
	return phonenumbers.Format(n, phonenumbers.E164)
}

// Display writes a phone number as France does, in pairs ("06 39 98 41 07"), and a foreign
// one in its international form. A number that is none comes back as it is, without the
// spaces around it.
func Display(phone string) string {
	n := parsePhone(phone)
	if n == nil {
		return strings.TrimSpace(phone)
	}
	digits := phonenumbers.GetNationalSignificantNumber(n)
	switch n.GetCountryCode() {
	case 33, 262, 508, 590, 594, 596:
		if len(digits) == 9 {
			return pairs("0" + digits)
		}
	}
	return phonenumbers.Format(n, phonenumbers.INTERNATIONAL)
}

func pairs(digits string) string {
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && i%2 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}

// maxPhone is longer than any number with its separators.
const maxPhone = 40

func parsePhone(phone string) *phonenumbers.PhoneNumber {
	phone = strings.TrimSpace(phone)
	if phone == "" || len(phone) > maxPhone {
		return nil
	}
	digits := keepDigits(phone)
	if len(digits) < 6 {
		return nil
	}
	// "+33 (0)6 …": the trunk prefix is dropped after a country code.
	phone = strings.ReplaceAll(phone, "(0)", "")
	n, err := phonenumbers.Parse(phone, "FR")
	if err != nil {
		return nil
	}
	if n.GetCountryCode() != 33 {
		if !phonenumbers.IsValidNumber(n) {
			return nil
		}
		return n
	}
	// Numbers kept for films and tests are not valid ones (Arcep, décision n° 2018-0881),
	// so of a French number only its form is asked.
	digits = phonenumbers.GetNationalSignificantNumber(n)
	if len(digits) != 9 || digits[0] == '0' {
		return nil
	}
	if digits = "0" + digits; hasAnyPrefix(digits, overseasPrefix) {
		for _, region := range overseas {
			if o, err := phonenumbers.Parse(digits, region); err == nil && phonenumbers.IsValidNumberForRegion(o, region) {
				return o
			}
		}
	}
	return n
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

func keepDigits(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			b = append(b, s[i])
		}
	}
	return string(b)
}
