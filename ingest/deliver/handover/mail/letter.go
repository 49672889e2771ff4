package mail

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver"
	"saisine.fr/saisine/ingest/deliver/handover"
	"saisine.fr/saisine/ingest/deliver/handover/manifest"
)

const (
	// maxFileName is so short that deliver.Compose cuts nothing, with a number put to it.
	maxFileName = 40
	// partHeader is more than the header of an attachment takes, in bytes.
	partHeader = 512
)

// letter is an addition as it goes out, in one mail or several.
type letter struct {
	reference, thread string
	addition          handover.Addition
	names             []string
}

// partManifest is the manifest.json of an addition's mail.
type partManifest struct {
	Version   int                 `json:"version"`
	Reference string              `json:"reference"`
	Part      int                 `json:"part"`
	Parts     int                 `json:"parts"`
	Additions []manifest.Addition `json:"additions"`
}

// names are those of the files as attachments: unlike each other and manifest.json.
func names(files []handover.File) []string {
	short := []handover.File{{Name: manifest.Name}}
	for _, f := range files {
		name := handover.ASCIIName(f.Name)
		if len(name) > maxFileName {
			ext := path.Ext(name)
			if len(ext) > 12 {
				ext = ""
			}
			name = name[:maxFileName-len(ext)] + ext
		}
		short = append(short, handover.File{Name: name})
	}
	return handover.Names(short)[1:]
}

// encoded is what a file of n bytes takes in a mail: base64 in lines of 76 (RFC 2045 §6.8).
func encoded(n int64) int64 {
	text := (n + 2) / 3 * 4
	return text + (text+75)/76*2 + partHeader
}

// divide parts the files, in their order, so that each mail keeps within its size. A file that
// no mail can take is a permanent error, before anything is sent.
func (m *Mail) divide(l *letter) ([][]int, error) {
	all := make([]int, len(l.addition.Files))
	for i := range all {
		all[i] = i
	}
	// What each mail takes without its files; with the text of all of them, so never less.
	frame, err := m.frame(l, len(all)+1, len(all)+1, all)
	if err != nil {
		return nil, err
	}
	msg, err := m.compose(frame)
	if err != nil {
		return nil, err
	}
	room := m.o.MaxSize - int64(len(msg))
	parts, left := [][]int{nil}, room
	for i, f := range l.addition.Files {
		size := encoded(f.Size)
		if size > room {
			return nil, ingest.Permanent(fmt.Errorf("mail: file %d of %d has %d bytes, %d as a mail, and max_size allows %d: raise it if the mail servers take that, or hand this file over by hand", i+1, len(all), f.Size, size, m.o.MaxSize))
		}
		if size > left {
			parts, left = append(parts, nil), room
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], i)
		left -= size
	}
	return parts, nil
}

// part is the number-th of so many mails, with these files.
func (m *Mail) part(l *letter, number, of int, files []int) ([]byte, error) {
	msg, err := m.frame(l, number, of, files)
	if err != nil {
		return nil, err
	}
	for _, i := range files {
		f := l.addition.Files[i]
		data, err := read(f)
		if err != nil {
			return nil, err
		}
		msg.Attachments = append(msg.Attachments, deliver.File{Name: l.names[i], Type: f.Type, Data: data})
	}
	return m.compose(msg)
}

// frame is the mail without its files. The text stands in the first one; the measure of all,
// which has a number beyond the files, has it too.
func (m *Mail) frame(l *letter, number, of int, files []int) (deliver.Message, error) {
	ids := []string{l.reference, l.addition.Key}
	if number > 1 {
		ids = append(ids, strconv.Itoa(number))
	}
	id, err := m.messageID(ids...)
	if err != nil {
		return deliver.Message{}, err
	}
	a := l.addition
	if number > 1 && number <= len(a.Files) {
		a.Text = ""
	}
	a.Files = nil
	var names []string
	for _, i := range files {
		a.Files, names = append(a.Files, l.addition.Files[i]), append(names, l.names[i])
	}
	data, err := manifest.Encode(partManifest{
		Version: manifest.Version, Reference: l.reference, Part: number, Parts: of,
		Additions: []manifest.Addition{manifest.OfAddition(a, names)},
	})
	if err != nil {
		return deliver.Message{}, err
	}
	title := "Pièces du dossier"
	if strings.TrimSpace(l.addition.Text) != "" {
		title = "Suite du dossier"
	}
	if of > 1 {
		title += fmt.Sprintf(" (%d/%d)", number, of)
	}
	return deliver.Message{
		Subject: subject(l.reference, title), Text: text(l.reference, a, names), MessageID: id,
		InReplyTo: l.thread, References: []string{l.thread},
		Attachments: []deliver.File{{Name: manifest.Name, Type: "application/json", Data: data}},
	}, nil
}

// text is the mail for people.
func text(reference string, a handover.Addition, names []string) string {
	var b strings.Builder
	if t := strings.TrimSpace(a.Text); t != "" {
		b.WriteString(t + "\n\n--\n")
	}
	fmt.Fprintf(&b, "Référence : %s\nReçu le : %s\n", reference, a.ReceivedAt.Format("02/01/2006 à 15:04"))
	for i, f := range a.Files {
		fmt.Fprintf(&b, "Pièce : %s", names[i])
		if f.Name != names[i] {
			fmt.Fprintf(&b, " (« %s »)", strings.Join(strings.Fields(f.Name), " "))
		}
		b.WriteString("\n")
	}
	return b.String()
}
