package formpost

import (
	"crypto/sha256"

	"saisine.fr/saisine/ingest"
)

// Limits bound what one post may bring. A zero value means the default.
type Limits struct {
	MaxPost  int64 // bytes of the whole post; default 50 MiB
	MaxFile  int64 // bytes of one file; default 25 MiB
	MaxFiles int   // number of files; default 10
}

// WithDefaults fills in what is zero.
func (l Limits) WithDefaults() Limits {
	if l.MaxPost <= 0 {
		l.MaxPost = 50 << 20
	}
	if l.MaxFile <= 0 {
		l.MaxFile = 25 << 20
	}
	if l.MaxFiles <= 0 {
		l.MaxFiles = 10
	}
	l.MaxFile = min(l.MaxFile, l.MaxPost)
	return l
}

// Limit says which limit a post is over.
type Limit int

// The limits.
const (
	LimitNone Limit = iota
	LimitPost
	LimitFile
	LimitFiles
	LimitText
	LimitParts
)

// File is one attached file, of which only name, size and hash are kept here: its
// bytes lie in the original.
type File struct {
	Field string // name of the control that it came in
	Name  string // cleaned, without folders
	Size  int64
	Sum   [sha256.Size]byte
}

// Form is what the fields of one post go into.
type Form interface {
	// Set takes a field as it came; raw is good during the call only. A field may come
	// several times, and in any order; see Post.Take.
	Set(p *Post, name string, raw []byte)
	// Enough reports whether what was set is worth taking when the post breaks off
	// before its end.
	Enough() bool
}

// Post is a decoded form post: all of it but the fields, which are in its Form.
type Post struct {
	Files    []File
	Problems []ingest.Problem

	Over     Limit  // when not LimitNone the rest is what could be read
	OverFile string // name of the file that is over LimitFile

	Original *ingest.Blob // nil when over a limit, not wanted or not spooled
	SpoolErr error        // why it could not be spooled

	form Form
	text int // bytes of text taken so far
}

// Close removes the original's temporary file, unless the store has adopted it.
func (p *Post) Close() error {
	if p.Original == nil {
		return nil
	}
	return p.Original.Close()
}

// Problem notes what is wrong with the post, once for each code.
func (p *Post) Problem(code, detail string) {
	for i := range p.Problems {
		if p.Problems[i].Code == code {
			return
		}
	}
	p.Problems = append(p.Problems, ingest.Problem{Code: code, Detail: detail})
}

// Take puts the cleaned value of a field into field, and notes what is wrong with it. Of
// a repeated field the first value that is not empty counts; the others stay in the
// original.
func (p *Post) Take(field *string, raw []byte) {
	value, guessed := Clean(raw)
	if guessed {
		p.Problem("charset", "Le texte n’est pas en UTF-8\u00a0; il a été lu comme windows-1252.")
	}
	if *field != "" && value != "" {
		p.Problem("form_repeated", "Un champ du formulaire a été envoyé plusieurs fois\u00a0; le premier compte.")
		return
	}
	if value != "" {
		*field = value
	}
}
