// Package facts finds the facts that a submission states, by whatever channel it came:
// who writes and how to reach them, and the days, amounts and references in its text.
//
// A fact is left empty where the text does not state it clearly: a clerk sees at once
// that a field is empty, but not that it is wrong. Nothing is looked up anywhere, and
// nothing is guessed from an e-mail address.
//
// Everything here is safe for concurrent use, takes any bytes, and needs time linear in
// what it reads: at most maxText bytes of a text.
package facts

// maxText is how many bytes of a text are read. A longer one is read at both ends by
// Sender, since the signature stands at the last, and at its beginning by Find.
const maxText = 64 << 10

// A Kind tells how a submission speaks of its sender.
type Kind int

const (
	// Mail is a message with a signature block. Its header states an address.
	Mail Kind = iota
	// Form is a citizen's own text in a form or an app. Its header holds the fields.
	Form
	// Letter is the text of a letter, with its head.
	Letter
	// Note is a clerk's note of a call or a visit, in the third person.
	Note
)

// A Person is how a sender is called and reached. A field that is not known is "".
type Person struct {
	// Name is as written, without civility where a first name or an initial is known.
	Name string
	// Email is in lower case.
	Email string
	// Phone is as Display writes it.
	Phone string
	// Address is the postal address on one line, its parts joined by ", ".
	Address string
}

// Input is a submission as far as it speaks of its sender.
type Input struct {
	Kind Kind
	// Header is what the channel itself states: the From field, the fields of a form, what
	// a clerk typed beside the note.
	Header Person
	// Subject is the subject line. A clerk puts the caller's name there, too.
	Subject string
	// Text is the sender's own text, signature block included, or the clerk's.
	Text string
	// Quoted is the history below a mail. It is somebody's words, but a line such as
	// "Jean Petit <j.petit@example.fr> a écrit :" tells the name of the header's address.
	Quoted string
}

// Found is the completed sender.
type Found struct {
	Person
	// Signature is the name below the text where it is another than Name, or "": the
	// secretary who signs for the firm, the wife who writes from her husband's account.
	Signature string
}
