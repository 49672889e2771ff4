package office

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"path"
	"strings"
)

// Signatures and sizes of the zip format (APPNOTE.TXT §4.3).
const (
	localMark    = "PK\x03\x04"
	centralMark  = "PK\x01\x02"
	endMark      = "PK\x05\x06"
	localLen     = 30
	centralLen   = 46
	endLen       = 22
	maxComment   = 1<<16 - 1
	maxName      = 512
	methodStored = 0
	methodPacked = 8
	flagCrypted  = 1
	freeUnpacked = 1 << 20 // what any file may become, whatever the ratio
)

// entry is a file of an archive.
type entry struct {
	name    string
	header  int64  // offset of the local header
	packed  int64  // bytes, as the directory says
	sum     uint32 // CRC-32 of the content; 0 when it is not known
	method  uint16
	crypted bool
}

// archive is a zip file of which only the entries are kept that keep wants.
type archive struct {
	src     io.ReaderAt
	size    int64
	entries map[string]entry
	left    int64 // bytes that may still be unpacked, of all entries together
	over    bool  // more than that, or more entries than are looked at
	damaged bool
}

// errNoEntry means that an archive lacks an entry.
var errNoEntry = errors.New("office: no such entry")

// openArchive reads the directory of a zip file; where it is missing or broken, as in a
// file that was cut, the local headers instead. keep says which names matter. Of equal
// names the first counts.
func openArchive(src io.ReaderAt, size int64, l Limits, keep func(name string) bool) *archive {
	a := &archive{
		src: src, size: size, entries: make(map[string]entry),
		left: min(l.Unpacked, max(size*int64(l.Ratio), freeUnpacked)),
	}
	if !a.readDirectory(l.Entries, keep) {
		a.damaged = true
		a.scanHeaders(l.Entries, keep)
	}
	return a
}

// entryName brings a name to one form: some programs write backslashes or begin with a
// slash, and the names of OOXML are equal in any case (ECMA-376-2 §6.2.2.3).
func entryName(b []byte) string {
	name := strings.ReplaceAll(strings.ToValidUTF8(string(b[:min(len(b), maxName)]), "_"), "\\", "/")
	return strings.ToLower(strings.TrimPrefix(path.Clean("/"+name), "/"))
}

func (a *archive) add(e entry, keep func(string) bool) {
	if _, known := a.entries[e.name]; !known && keep(e.name) {
		a.entries[e.name] = e
	}
}

// readDirectory reads the central directory, and returns false when it is not there
// or not whole.
func (a *archive) readDirectory(maxEntries int, keep func(string) bool) bool {
	tail := make([]byte, min(a.size, endLen+maxComment))
	n, _ := a.src.ReadAt(tail, a.size-int64(len(tail)))
	tail = tail[:n]
	at := bytes.LastIndex(tail, []byte(endMark))
	if at < 0 || len(tail)-at < endLen {
		return false
	}
	end := tail[at:]
	count := int(binary.LittleEndian.Uint16(end[10:]))
	length, offset := int64(binary.LittleEndian.Uint32(end[12:])), int64(binary.LittleEndian.Uint32(end[16:]))
	// Bytes before the archive shift all its offsets.
	base := a.size - int64(len(tail)) + int64(at) - length - offset
	if base < 0 || count == 0xFFFF {
		return false // it lies, or is zip64, which no letter needs: the headers will tell
	}
	r := bufio.NewReaderSize(io.NewSectionReader(a.src, base+offset, length), 1<<12)
	for i := range count {
		if i >= maxEntries {
			a.over = true
			return true
		}
		e, ok := readCentral(r)
		if !ok {
			clear(a.entries)
			return false
		}
		e.header += base
		a.add(e, keep)
	}
	return true
}

func readCentral(r *bufio.Reader) (entry, bool) {
	var h [centralLen]byte
	if _, err := io.ReadFull(r, h[:]); err != nil || string(h[:4]) != centralMark {
		return entry{}, false
	}
	le := binary.LittleEndian
	name := make([]byte, le.Uint16(h[28:]))
	if _, err := io.ReadFull(r, name); err != nil {
		return entry{}, false
	}
	if _, err := r.Discard(int(le.Uint16(h[30:])) + int(le.Uint16(h[32:]))); err != nil {
		return entry{}, false
	}
	return entry{
		name: entryName(name), header: int64(le.Uint32(h[42:])), packed: int64(le.Uint32(h[20:])), sum: le.Uint32(h[16:]),
		method: le.Uint16(h[10:]), crypted: le.Uint16(h[8:])&flagCrypted != 0,
	}, true
}

// scanHeaders finds entries by the marks of their local headers, wherever they are.
// Their sizes may be unknown (APPNOTE.TXT §4.4.4, bit 3): packed content ends by itself.
func (a *archive) scanHeaders(maxEntries int, keep func(string) bool) {
	found := 0
	buf := make([]byte, 1<<16)
	for at := int64(0); at+localLen <= a.size; {
		n, _ := a.src.ReadAt(buf, at)
		if n < localLen {
			return
		}
		i := bytes.Index(buf[:n], []byte(localMark))
		if i < 0 {
			at += int64(n - len(localMark) + 1)
			continue
		}
		if e, ok := a.local(at + int64(i)); ok {
			if found++; found > maxEntries {
				a.over = true
				return
			}
			a.add(e, keep)
		}
		at += int64(i + len(localMark))
	}
}

// local reads the local header at an offset.
func (a *archive) local(at int64) (entry, bool) {
	var h [localLen]byte
	if n, _ := a.src.ReadAt(h[:], at); n < localLen || string(h[:4]) != localMark {
		return entry{}, false
	}
	le := binary.LittleEndian
	e := entry{header: at, method: le.Uint16(h[8:]), packed: int64(le.Uint32(h[18:])), sum: le.Uint32(h[14:]), crypted: le.Uint16(h[6:])&flagCrypted != 0}
	name := make([]byte, min(le.Uint16(h[26:]), maxName))
	if n, _ := a.src.ReadAt(name, at+localLen); n < len(name) || len(name) == 0 || e.method != methodStored && e.method != methodPacked {
		return entry{}, false
	}
	e.name = entryName(name)
	return e, true
}

// open returns the content of an entry. Reading it takes from what may be unpacked
// of the archive, and ends with errOver when that is used up.
func (a *archive) open(name string) (io.Reader, error) {
	e, ok := a.entries[name]
	if !ok {
		return nil, errNoEntry
	}
	var h [localLen]byte
	if n, _ := a.src.ReadAt(h[:], e.header); n < localLen || string(h[:4]) != localMark {
		return nil, errDamaged
	}
	le := binary.LittleEndian
	start := e.header + localLen + int64(le.Uint16(h[26:])) + int64(le.Uint16(h[28:]))
	room := a.size - start
	if room <= 0 {
		return nil, errDamaged
	}
	switch e.method {
	case methodStored:
		return &budget{r: io.NewSectionReader(a.src, start, min(e.packed, room)), a: a, want: e.sum}, nil
	case methodPacked:
		// The packed size may be unknown or a lie: the content says itself where it ends.
		return &budget{r: flate.NewReader(bufio.NewReaderSize(io.NewSectionReader(a.src, start, room), 1<<14)), a: a, want: e.sum}, nil
	}
	return nil, errDamaged
}

var (
	errOver    = errors.New("office: more than may be unpacked")
	errDamaged = errors.New("office: damaged file")
)

// budget takes what is read from what may be unpacked, and notes damage.
type budget struct {
	r         io.Reader
	a         *archive
	sum, want uint32
	err       error // once it has ended, it stays so
}

// Read implements io.Reader.
func (b *budget) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	limited := p
	if b.a.left <= 0 {
		limited = p[:min(len(p), 1)] // exactly at the limit is not over it
	} else if int64(len(p)) > b.a.left {
		limited = p[:b.a.left]
	}
	n, err := b.r.Read(limited)
	if n > 0 && b.a.left <= 0 {
		b.a.over, b.err = true, errOver
		return 0, errOver
	}
	b.a.left -= int64(n)
	b.sum = crc32.Update(b.sum, crc32.IEEETable, p[:n])
	switch {
	case err == nil:
	case !errors.Is(err, io.EOF), b.want != 0 && b.want != b.sum:
		b.a.damaged = true
	}
	b.err = err
	return n, err
}
