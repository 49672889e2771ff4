package match

import (
	"iter"
	"math/bits"
)

// table is a map from hashes that is only added to, by open addressing. One is filled for
// every candidate inside the writer's transaction, where Go's maps took a quarter of the
// time that a long mail needs there; reset keeps its memory for the next. The zero value is
// empty and ready.
type table[V any] struct {
	slots []slot[V] // their number is a power of two, more than half of them free
	n     int
}

// slot is free when its key is 0. The value stands first, so that an empty one takes no room.
type slot[V any] struct {
	value V
	key   uint64
}

// reset empties the table and makes room for n keys.
func (t *table[V]) reset(n int) {
	if size := 1 << bits.Len(uint(2*n)); size > cap(t.slots) {
		t.slots = make([]slot[V], size)
	} else {
		t.slots = t.slots[:size]
		clear(t.slots)
	}
	t.n = 0
}

// find returns where a key lies, or would. There must be slots.
func (t *table[V]) find(key uint64) *slot[V] {
	mask := uint64(len(t.slots) - 1)
	i := key & mask
	for t.slots[i].key != 0 && t.slots[i].key != key {
		i = (i + 1) & mask
	}
	return &t.slots[i]
}

// add returns the place for the value of key, which is not 0, and whether it is new.
func (t *table[V]) add(key uint64) (*V, bool) {
	if 2*t.n >= len(t.slots) {
		t.grow()
	}
	s := t.find(key)
	if s.key == key {
		return &s.value, false
	}
	s.key = key
	t.n++
	return &s.value, true
}

func (t *table[V]) grow() {
	old := t.slots
	t.slots = make([]slot[V], max(8, 2*len(old)))
	for _, s := range old {
		if s.key != 0 {
			*t.find(s.key) = s
		}
	}
}

// has reports whether key was added.
func (t *table[V]) has(key uint64) bool {
	return t.n > 0 && t.find(key).key == key
}

func (t *table[V]) all() iter.Seq2[uint64, V] {
	return func(yield func(uint64, V) bool) {
		for _, s := range t.slots {
			if s.key != 0 && !yield(s.key, s.value) {
				return
			}
		}
	}
}
