package office

// element is an element that is open.
type element struct {
	name string
	from int    // where in the text it began
	note string // what its format keeps about it until it closes
	skip bool   // nothing within it is text
}

// format turns the elements of one kind of document into text.
type format interface {
	// open is told of an element; it may set skip and note.
	open(e *element, s *scanner)
	// close is told that an element ended that was not skipped.
	close(e *element)
	// text is told of text outside skipped elements.
	text(b []byte)
}

// walker goes through an XML document and keeps the elements that are open.
type walker struct {
	w     *writer
	depth int // how many may be open
	stack []element
	skip  int  // depth from which nothing is read, 0 for none
	over  bool // more were open
}

// parent is the name of the element that holds the one that open or close is told of.
func (x *walker) parent() string {
	if n := len(x.stack); n > 1 {
		return x.stack[n-2].name
	}
	return ""
}

// walk reads to the end, or until the text is full or too many elements are open.
// Elements that were left open are closed then.
func (x *walker) walk(s *scanner, f format) {
	x.stack, x.skip = x.stack[:0], 0
	for !x.w.full && !x.over {
		switch s.next() {
		case tokenEnd:
			x.closeDown(f, 0)
			return
		case tokenOpen:
			x.enter(s, f)
		case tokenClose:
			x.leave(s.name, f)
		case tokenText:
			if x.skip == 0 {
				f.text(s.text)
			}
		}
	}
	x.closeDown(f, 0)
}

func (x *walker) enter(s *scanner, f format) {
	n := len(x.stack)
	if n >= x.depth {
		x.over = true
		return
	}
	x.stack = append(x.stack, element{name: s.name, from: len(x.w.buf)})
	if e := &x.stack[n]; x.skip == 0 {
		if f.open(e, s); e.skip {
			x.skip = n + 1
		}
	}
	if s.empty {
		x.closeDown(f, n)
	}
}

// leave closes an element and what was left open in it. An end tag without an element
// closes nothing.
func (x *walker) leave(name string, f format) {
	for i := len(x.stack) - 1; i >= 0; i-- {
		if x.stack[i].name == name {
			x.closeDown(f, i)
			return
		}
	}
}

// closeDown closes elements until so many are left open.
func (x *walker) closeDown(f format, left int) {
	for n := len(x.stack); n > left; n-- {
		switch x.skip {
		case n:
			x.skip = 0
		case 0:
			f.close(&x.stack[n-1])
		}
		x.stack = x.stack[:n-1]
	}
}
