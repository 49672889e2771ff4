package ingest

import (
	"fmt"
	"time"
)

// VirusState is what is known of a submission's bytes.
type VirusState string

// The states. They are stored, so they never change.
const (
	// VirusUnknown: nobody has looked. There was no virus scan when it came.
	VirusUnknown VirusState = ""
	// VirusPending: it waits to be looked at.
	VirusPending VirusState = "pending"
	// VirusClean: the scanner has seen all of it and knows nothing bad.
	VirusClean VirusState = "clean"
	// VirusInfected: a signature fits.
	VirusInfected VirusState = "infected"
	// VirusUnscannable: the scanner could not look at all of it, so that nothing is known.
	VirusUnscannable VirusState = "unscannable"
)

// Verdict is what the virus scan said of a submission: of its original as it came, and of each
// file that was in it.
type Verdict struct {
	State VirusState `json:"-"`
	// Signature names the virus, or says in the scanner's words what it could not look at.
	Signature string `json:"signature,omitempty"`
	// File is the name of the file that it was found in; "" is the original itself.
	File string `json:"file,omitempty"`
	// Scanner is program and signatures, such as "ClamAV 1.4.6/27500/2026-11-20".
	Scanner string    `json:"scanner,omitempty"`
	At      time.Time `json:"at,omitzero"`
	// Attempt is that of the submission (Record.Attempt) for which it holds: what is taken up
	// anew is looked at anew. Until then the older verdict stands.
	Attempt int `json:"attempt,omitempty"`
	// ReleasedBy is who let it go all the same (an actor, as in histories), or "".
	ReleasedBy string    `json:"released_by,omitempty"`
	ReleasedAt time.Time `json:"released_at,omitzero"`
}

// Bad reports whether the scan forbids that it is treated as others are.
func (v Verdict) Bad() bool { return v.State == VirusInfected || v.State == VirusUnscannable }

// Held reports whether it is kept back until a person lets it go.
func (v Verdict) Held() bool { return v.Bad() && v.ReleasedBy == "" }

// Use is what somebody wants the bytes of a submission for.
type Use int

// The uses.
const (
	// UseTreat: the house itself reads it, in order to file it.
	UseTreat Use = iota
	// UseShow: it is shown in the page: pictures of pages, a mail with its looks.
	UseShow
	// UseDownload: an agent or administrator saves it as a file.
	UseDownload
	// UsePass: another program gets it: the interfaces, a hand-over, an export.
	UsePass
)

// MayLeave says whether bytes of a submission, or what was made of them, may be given out. All
// that gives any asks here. The error is a refusal (ErrRefused).
//
// What waits for its scan and what is held is given to nobody. What an administrator has let go
// although a virus was found can be saved by an agent, who is warned, and nothing else: it is
// never shown in a page, and no other program gets it. What was only too large to be looked at
// is like any other from then on. What came when there was no scan is given out: it is shown as
// not looked at, not as clean.
func (v Verdict) MayLeave(use Use) error {
	switch v.State {
	case VirusUnknown, VirusClean:
		return nil
	case VirusPending:
		return Refused("this submission waits for its virus scan")
	case VirusInfected:
		switch {
		case v.ReleasedBy == "":
			return Refused("a virus was found in this submission (%s): it is held until an administrator releases it", v.Signature)
		case use == UseShow || use == UsePass:
			return Refused("a virus was found in this submission (%s): it can only be downloaded, at the desk", v.Signature)
		}
		return nil
	case VirusUnscannable:
		if v.ReleasedBy == "" {
			return Refused("this submission could not be scanned for viruses: it is held until an administrator releases it")
		}
		return nil
	}
	return Refused("what the virus scan said of this submission is not known to this version")
}

// Reason is what a person reads of a submission that is held.
func (v Verdict) Reason() string {
	where := ""
	if v.File != "" {
		where = fmt.Sprintf(" dans la pièce jointe «\u00a0%s\u00a0»", clip(v.File, 80))
	}
	if v.State == VirusInfected {
		return fmt.Sprintf("%s\u00a0: %s%s. L’envoi est retenu\u00a0: ni lu, ni transmis.", ReasonVirus, v.Signature, where)
	}
	return fmt.Sprintf("%s%s (%s). L’envoi est retenu\u00a0: il n’est pas réputé sain.", ReasonUnscannable, where, v.Signature)
}

// The reasons begin so: pages tell by it what to do.
const (
	ReasonVirus       = "Virus trouvé par l’antivirus"
	ReasonUnscannable = "Analyse antivirus impossible"
)
