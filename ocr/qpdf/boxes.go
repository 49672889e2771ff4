package qpdf

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
)

// Rect is a rectangle in the units of a page, with X0 < X1 and Y0 < Y1.
type Rect struct{ X0, Y0, X1, Y1 float64 }

// Width returns the width.
func (r Rect) Width() float64 { return r.X1 - r.X0 }

// Height returns the height.
func (r Rect) Height() float64 { return r.Y1 - r.Y0 }

// and returns what two rectangles have in common; it may be empty.
func (r Rect) and(o Rect) Rect {
	return Rect{math.Max(r.X0, o.X0), math.Max(r.Y0, o.Y0), math.Min(r.X1, o.X1), math.Min(r.Y1, o.Y1)}
}

func (r Rect) empty() bool { return !(r.X1 > r.X0 && r.Y1 > r.Y0) }

// Page is the geometry of a page as the file lays it down (ISO 32000-1, 14.11.2).
type Page struct {
	// Visible is what is shown of the page: the CropBox within the MediaBox.
	Visible Rect
	// Trimmed is true when the file has boxes for printers, or a CropBox that goes beyond
	// the MediaBox: Underlay would cut the page there.
	Trimmed bool
	// Rotate is by how many degrees clockwise the page is shown turned: 0, 90, 180, 270.
	Rotate int
	// UserUnit is the size of a unit in points.
	UserUnit float64
	// Contents are the numbers of the content streams, in order.
	Contents []int

	object string
	dict   map[string]json.RawMessage
}

// Size returns width and height of the page as it is shown, in points.
func (p Page) Size() (w, h float64) {
	w, h = p.Visible.Width()*p.UserUnit, p.Visible.Height()*p.UserUnit
	if p.Rotate%180 != 0 {
		w, h = h, w
	}
	return w, h
}

// Shown maps a rectangle in the units of the page to points of the page as it is shown,
// from its lower left corner.
func (p Page) Shown(r Rect) Rect {
	v := p.Visible
	switch p.Rotate {
	case 90:
		r = Rect{r.Y0 - v.Y0, v.X1 - r.X1, r.Y1 - v.Y0, v.X1 - r.X0}
	case 180:
		r = Rect{v.X1 - r.X1, v.Y1 - r.Y1, v.X1 - r.X0, v.Y1 - r.Y0}
	case 270:
		r = Rect{v.Y1 - r.Y1, r.X0 - v.X0, v.Y1 - r.Y0, r.X1 - v.X0}
	default:
		r = Rect{r.X0 - v.X0, r.Y0 - v.Y0, r.X1 - v.X0, r.Y1 - v.Y0}
	}
	return Rect{r.X0 * p.UserUnit, r.Y0 * p.UserUnit, r.X1 * p.UserUnit, r.Y1 * p.UserUnit}
}

// Pages returns the geometry of all pages of a file. It returns ErrBroken when a page
// has no size.
func (r Runner) Pages(ctx context.Context, path string) ([]Page, error) {
	out, err := r.run(ctx, "--json=2", "--json-key=pages", "--json-key=qpdf", "--json-stream-data=none", path)
	if err != nil {
		return nil, err
	}
	return parsePages(out)
}

// parsePages reads qpdf's JSON of version 2 (its manual, "qpdf JSON").
func parsePages(out []byte) ([]Page, error) {
	var doc struct {
		Pages []struct {
			Object   string   `json:"object"`
			Contents []string `json:"contents"`
		} `json:"pages"`
		// The first element is about the file, the second holds the objects.
		QPDF []map[string]json.RawMessage `json:"qpdf"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		return nil, fmt.Errorf("%w: its JSON: %w", ErrBroken, err)
	}
	if len(doc.QPDF) < 2 {
		return nil, fmt.Errorf("%w: no objects in its JSON", ErrBroken)
	}
	objects := objects(doc.QPDF[1])
	pages := make([]Page, len(doc.Pages))
	for i, from := range doc.Pages {
		p := Page{UserUnit: 1, Rotate: int(objects.number(from.Object, "/Rotate", 0))}
		p.Rotate = ((p.Rotate/90*90)%360 + 360) % 360
		if u := objects.number(from.Object, "/UserUnit", 1); u > 0 {
			p.UserUnit = u
		}
		media, ok := objects.rect(from.Object, "/MediaBox")
		if !ok {
			return nil, fmt.Errorf("%w: page %d has no size", ErrBroken, i+1)
		}
		crop, ok := objects.rect(from.Object, "/CropBox")
		if !ok {
			crop = media
		}
		p.Visible = crop.and(media)
		if p.Visible.empty() {
			// What viewers do with a CropBox beside the page.
			p.Visible = media
		}
		p.object, p.dict = "obj:"+from.Object, objects.dict(from.Object)
		p.Trimmed = p.Visible != crop
		for _, key := range printerBoxes {
			if _, ok := p.dict[key]; ok {
				p.Trimmed = true
			}
		}
		for _, c := range from.Contents {
			var n int
			if _, err := fmt.Sscanf(c, "%d 0 R", &n); err == nil {
				p.Contents = append(p.Contents, n)
			}
		}
		pages[i] = p
	}
	return pages, nil
}

// printerBoxes are the boxes of a page that only printers heed.
var printerBoxes = []string{"/TrimBox", "/BleedBox", "/ArtBox"}

// Untrim writes to dst the file with the boxes of trimmed pages made what is visible.
func (r Runner) Untrim(ctx context.Context, path string, pages []Page, dst string) error {
	changed := make(map[string]any)
	for _, p := range pages {
		if !p.Trimmed {
			continue
		}
		dict := maps.Clone(p.dict)
		for _, key := range printerBoxes {
			delete(dict, key)
		}
		box, err := json.Marshal([]float64{p.Visible.X0, p.Visible.Y0, p.Visible.X1, p.Visible.Y1})
		if err != nil {
			return fmt.Errorf("qpdf: write box: %w", err)
		}
		dict["/CropBox"] = box
		changed[p.object] = map[string]any{"value": dict}
	}
	update, err := json.Marshal(map[string]any{"qpdf": []any{map[string]any{"jsonversion": 2}, changed}})
	if err != nil {
		return fmt.Errorf("qpdf: write update: %w", err)
	}
	file := filepath.Join(r.Limits.Dir, "update.json")
	if err := os.WriteFile(file, update, 0o600); err != nil {
		return fmt.Errorf("qpdf: write update: %w", err)
	}
	defer os.Remove(file)
	_, err = r.run(ctx, asTheyAre, path, "--update-from-json="+file, dst)
	return err
}

// objects holds the objects of a file by "obj:N G R".
type objects map[string]json.RawMessage

// maxDepth bounds the way from a page to the root of the tree, and chains of references.
const maxDepth = 64

// inherited returns the value of an entry of a page, from the page itself or from the
// nodes above it (ISO 32000-1, 7.7.3.4), with a reference followed.
func (o objects) inherited(ref, key string) any {
	for range maxDepth {
		dict, _ := o.value(ref).(map[string]any)
		if v, ok := dict[key]; ok {
			return o.follow(v)
		}
		parent, ok := dict["/Parent"].(string)
		if !ok {
			return nil
		}
		ref = parent
	}
	return nil
}

// value returns the object behind a reference, of a stream nothing.
func (o objects) value(ref string) any {
	var object struct {
		Value any `json:"value"`
	}
	if raw, ok := o["obj:"+ref]; !ok || json.Unmarshal(raw, &object) != nil {
		return nil
	}
	return object.Value
}

// dict returns the entries of the dictionary behind a reference as they stand.
func (o objects) dict(ref string) map[string]json.RawMessage {
	var object struct {
		Value map[string]json.RawMessage `json:"value"`
	}
	if json.Unmarshal(o["obj:"+ref], &object) != nil {
		return nil
	}
	return object.Value
}

func (o objects) follow(v any) any {
	for range maxDepth {
		ref, ok := v.(string)
		if !ok {
			return v
		}
		v = o.value(ref)
	}
	return nil
}

func (o objects) number(ref, key string, otherwise float64) float64 {
	if v, ok := o.inherited(ref, key).(float64); ok && math.Abs(v) < 1e6 {
		return v
	}
	return otherwise
}

func (o objects) rect(ref, key string) (Rect, bool) {
	list, ok := o.inherited(ref, key).([]any)
	if !ok || len(list) != 4 {
		return Rect{}, false
	}
	var v [4]float64
	for i := range v {
		if v[i], ok = o.follow(list[i]).(float64); !ok || math.Abs(v[i]) > 1e6 {
			return Rect{}, false
		}
	}
	r := Rect{math.Min(v[0], v[2]), math.Min(v[1], v[3]), math.Max(v[0], v[2]), math.Max(v[1], v[3])}
	return r, !r.empty()
}
