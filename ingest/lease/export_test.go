package lease

import (
	"log/slog"
	"time"
)

// Fast opens a Table with a part of the times.
func Fast(rows Rows, node Node, part time.Duration) *Table {
	t := newTable(rows, node, slog.New(slog.DiscardHandler))
	t.term, t.early, t.beat, t.look, t.check = t.term/part, t.early/part, t.beat/part, t.look/part, t.check/part
	t.start()
	return t
}

// Hasten has f look more often.
func (f *Files) Hasten(part time.Duration) *Files {
	f.look /= part
	return f
}
