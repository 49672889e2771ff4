package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/boombuler/barcode/qr"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
	"saisine.fr/saisine/ingest/notice"
)

// slip is the receipt that is printed at the counter: A5, so that two fit on a sheet, with a
// code that leads to the follow-up page.
type slip struct {
	Town    notice.Contact
	Number  string // of the submission
	Channel ingest.Channel
	At      time.Time // by the town's clock
	// Reference is that of the request, or "" where it is not known or not to be told; Service
	// is "" where it is not sure.
	Reference, Service     string
	Citizen, Subject, Text string
	FollowURL              string
}

// The slip in millimetres.
const (
	slipWidth, slipHeight = 148.0, 210.0
	slipMargin            = 14.0
	slipBody              = slipWidth - 2*slipMargin
	slipCode              = 34.0
	slipCodeY             = slipHeight - slipMargin - slipCode - 8
	slipLine              = 4.6
)

// pdf draws the slip. The same slip gives the same bytes.
func (s slip) pdf() ([]byte, error) {
	pdf := fpdf.New("P", "mm", "A5", "")
	pdf.SetCreationDate(s.At)
	pdf.SetModificationDate(s.At)
	pdf.SetCatalogSort(true)
	pdf.SetProducer("saisine", true)
	pdf.SetTitle("Récépissé", true)
	pdf.SetLang("fr-FR")
	pdf.SetAutoPageBreak(false, 0)
	pdf.AddPage()
	p := sheet{pdf}
	y := s.head(p)
	s.said(p, y)
	if err := s.follow(p); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	var b bytes.Buffer
	if err := errors.Join(pdf.Error(), pdf.Output(&b)); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return b.Bytes(), nil
}

// slipTextMax is more than fits on a slip, in bytes; breaking a text into lines takes its square.
const slipTextMax = 3000

// lines writes a text in lines of that width, as many as fit above end, and returns where the
// next would stand. What does not fit ends with an ellipsis.
func (p sheet) lines(text, style string, size, x, y, width, end float64) float64 {
	p.pdf.SetFont("Helvetica", style, size)
	all, _ := p.wrap(message.Cut(text, slipTextMax), width)
	for i, line := range all {
		if y+p.lineHeight() > end && i+1 < len(all) {
			line = strings.TrimRight(line, " ") + inCoreFont("…")
			p.pdf.Text(x, y, line)
			return y + p.lineHeight()
		}
		p.pdf.Text(x, y, line)
		y += p.lineHeight()
	}
	return y
}

func (s slip) head(p sheet) float64 {
	y := p.lines(notice.TownHall(s.Town.Name), "B", 13, slipMargin, slipMargin+4, slipBody, 40)
	for _, part := range []string{strings.ReplaceAll(s.Town.Address, "\n", ", "), s.Town.Phone} {
		if part != "" {
			y = p.lines(part, "", 9, slipMargin, y, slipBody, 45)
		}
	}
	y = p.lines("Récépissé de votre demande", "B", 15, slipMargin, y+8, slipBody, 70)
	for _, f := range [][2]string{
		{"Enregistrée le", notice.DayIn(s.At, s.At.Location()).Date() + fmt.Sprintf(" à %d\u00a0h\u00a0%02d", s.At.Hour(), s.At.Minute()) + slipWay(s.Channel)},
		{"Demande", s.Reference},
		{"Nom", s.Citizen},
		{"Service", s.Service},
		{"Objet", s.Subject},
	} {
		if f[1] == "" {
			continue
		}
		p.lines(f[0]+"\u00a0:", "B", 10, slipMargin, y+2, 32, 110)
		y = p.lines(f[1], "", 10, slipMargin+32, y+2, slipBody-32, 110)
	}
	return y
}

func slipWay(c ingest.Channel) string {
	switch c {
	case ingest.ChannelCounter:
		return ", à l’accueil"
	case ingest.ChannelPhone:
		return ", par téléphone"
	}
	return ""
}

// said writes what was noted, cut at what fits: the whole is on the follow-up page.
func (s slip) said(p sheet, y float64) {
	y = p.lines("Ce que nous avons noté", "B", 11, slipMargin, y+6, slipBody, slipCodeY)
	p.lines(s.Text, "", 10, slipMargin, y+1, slipBody, slipCodeY-6)
}

func (s slip) follow(p sheet) error {
	// Level M stands the loss of 15 %: paper that is folded once.
	if err := drawCode(p.pdf, s.FollowURL, qr.M, slipWidth-slipMargin-slipCode, slipCodeY, slipCode); err != nil {
		return err
	}
	width := slipBody - slipCode - 4
	y := p.lines("Suivre votre demande", "B", 10, slipMargin, slipCodeY+4, width, slipHeight)
	y = p.lines("Avec le code ci-contre, ou à cette adresse. Elle est personnelle, ne la donnez à personne.", "", 9, slipMargin, y+1, width, slipHeight)
	p.lines(s.FollowURL, "", 8, slipMargin, y+1, width, slipHeight)
	p.lines("Numéro d’enregistrement\u00a0: "+s.Number+". Ce récépissé ne remplace pas l’accusé de réception (article L112-3 du code des relations entre le public et l’administration), qui vous sera adressé s’il est dû.",
		"", 7, slipMargin, slipHeight-slipMargin, slipBody, slipHeight)
	return nil
}
