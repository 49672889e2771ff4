package wire

// OpPageImage makes the picture of one page, to be looked at.
const OpPageImage = "page-image"

// MaxPicture bounds a picture in bytes. A page of a grey photograph at the largest size takes two
// million.
const MaxPicture = 12 << 20

// PictureTask says which page is to be shown, and how.
type PictureTask struct {
	// Number of the page in its file, from 1.
	Number int
	// Rotation is by how many degrees clockwise the page is to be turned.
	Rotation int
	// Frame, where the page has words with places, is the Layout without its words: the
	// picture is then of that frame. nil = the page as it is.
	Frame *Layout `json:",omitempty"`
	// Width and Height are how large the picture may be in pixels.
	Width, Height int
}

// Picture is a page as a JPEG.
type Picture struct {
	JPEG          []byte
	Width, Height int // pixels
}
