package prepare

const (
	// minStreak is the share of the page's height, or width, that a streak runs through.
	minStreak = 0.7
	// streakInk is the grey value below which a pixel may belong to one. They are thin, and
	// often paler than ink; the shadow of a fold is paler still, and stays, for to wipe it
	// would hurt the line of text that it runs through.
	streakInk = 160
	// maxStreak is how broad in pixels a streak is at most, with a pixel on each side: 1 mm.
	maxStreak = 10
	// streakRim is by how many pixels its pale rim reaches further on each side.
	streakRim = 1
	// sampled is how many rows apart a page is looked at.
	sampled = 4
)

// wipeStreaks takes off the straight lines that a speck of dirt on the glass of a
// copier's feeder draws down the whole page, or across one that was fed sideways: tesseract
// takes them for the rule between two columns, and tears every line of text in two there.
// It runs before the page is straightened, for the dirt does not move.
func (s *page) wipeStreaks() error {
	w, h := s.gray.Size()
	pixels, err := s.gray.Bytes()
	if err != nil {
		return err
	}
	if wipe(pixels, w, h, 1, w)+wipe(pixels, h, w, w, 1) == 0 {
		return nil
	}
	gray, err := grayPix(pixels, w, h)
	return replace(&s.gray, gray, err)
}

// wipe takes the streaks off an image whose columns, n of them, lie step pixels apart, and
// the pixels of a column, length of them, next pixels. It returns how many there were. A
// streak may lean by a pixel or two. Where it crosses a stroke, ink on both sides of it,
// the stroke is closed.
func wipe(pixels []byte, n, length, step, next int) int {
	counts := make([]int, n)
	for y := 0; y < length; y += sampled {
		row := y * next
		for x := 1; x < n-1; x++ {
			at := row + x*step
			if pixels[at] < streakInk || pixels[at-step] < streakInk || pixels[at+step] < streakInk {
				counts[x]++
			}
		}
	}
	least := int(minStreak * float64(length) / sampled)
	found := 0
	for x := 0; x < n; x++ {
		first := x
		for x < n && counts[x] > least {
			x++
		}
		left, right := first-streakRim-1, x+streakRim
		if x == first || x-first > maxStreak || left < 0 || right >= n {
			continue
		}
		found++
		for y := range length {
			row := y * next
			v := max(pixels[row+left*step], pixels[row+right*step])
			for i := left + 1; i < right; i++ {
				pixels[row+i*step] = max(pixels[row+i*step], v)
			}
		}
	}
	return found
}
