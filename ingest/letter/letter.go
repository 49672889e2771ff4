// Package letter finds the facts of a French letter in its text: who sent it, when, on
// what matter, under which references, and what came with it. The text may be typed,
// recognised by OCR, or the body of a mail.
//
// Every fact is left empty when the text does not state it clearly: a clerk sees at
// once that a field is empty, but not that it is wrong.
package letter

import "time"

// Facts is what a letter says of itself. Every text in it is valid UTF-8 on one line;
// its zero value says nothing.
type Facts struct {
	Sender Sender
	// Date is the day the letter bears, at midnight UTC, or zero. It is as written: whether
	// it is plausible at the time of reception is for the caller to judge.
	Date time.Time
	// Subject is what follows "Objet :", or "".
	Subject string
	// YourRef is the town's reference as the sender gives it, OurRef the sender's own. A
	// reference that does not say whose it is counts as the sender's when the sender is an
	// organisation, and as the town's otherwise: a citizen keeps no file numbers.
	YourRef, OurRef string
	// Signature is the name at the end, without civility.
	Signature string
	// Registered tells whether the letter calls itself a registered one.
	Registered bool
	// Enclosures are the documents listed under "P.J. :", at most maxEnclosures.
	Enclosures []string
}

// Sender is who wrote the letter, never who it is for.
type Sender struct {
	// Name is without civility where a first name is known ("Éric Dubœuf", but "Mme
	// Piquemal" and "M. et Mme Bruno Châtelain"). For an organisation it is the person who
	// signs, then the organisation in brackets.
	Name string
	// Address is the postal address, its lines joined by ", ".
	Address string
	// Phone is in French grouping: "06 12 34 56 78", "+33 6 12 34 56 78", "+262 692 12 34 56".
	Phone string
	// Email is in lower case.
	Email string
}

// Read finds the facts of the letter in its pages, or in its whole text given as one
// page. The first page that is not blank carries the head; the signature is on the
// first page with a closing formula, since what follows it is enclosures. Only the first and
// last lines of a page are looked at, so time is bounded for any text; any bytes are
// accepted. Read is safe for concurrent use.
func Read(pages ...string) Facts {
	sheets := split(pages)
	if len(sheets) == 0 {
		return Facts{}
	}
	first := sheets[0]
	head := headOf(first)
	end := findEnd(sheets)

	var f Facts
	var refs references
	f.Subject = findSubject(first, head)
	refs.find(first, head)
	f.Registered = isRegistered(first[:head])
	f.Enclosures = enclosures(first, head, end)
	f.Date = findDate(first[:head], end)
	f.Signature = end.name

	who := findSender(first, head, end)
	f.Sender = who.sender()
	f.YourRef, f.OurRef = refs.yours, refs.ours
	switch {
	case refs.plain == "":
	case who.org != "" && f.OurRef == "":
		f.OurRef = refs.plain
	case who.org == "" && f.YourRef == "":
		f.YourRef = refs.plain
	}
	return f
}
