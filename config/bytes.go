package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size in bytes; the file writes it as 25MiB, 500kB or a plain number.
type Bytes int64

// byteUnits are tried in this order, so that each comes before its own ending.
var byteUnits = []struct {
	name string
	size int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	// French sizes: octets.
	{"Kio", 1 << 10},
	{"Mio", 1 << 20},
	{"Gio", 1 << 30},
	{"ko", 1e3},
	{"Ko", 1e3},
	{"Mo", 1e6},
	{"Go", 1e9},
	{"B", 1},
}

// UnmarshalText implements encoding.TextUnmarshaler: a number, with or without a unit
// (KiB, MiB, GiB by 1024; kB, MB, GB by 1000; the French Kio, ko and so on), as in
// 25MiB, 25 MiB or 1.5GB.
func (b *Bytes) UnmarshalText(text []byte) error {
	number, size := strings.TrimSpace(string(text)), int64(1)
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, size = strings.TrimSpace(rest), u.size
			break
		}
	}
	number = strings.ReplaceAll(number, "_", "")
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		if n > math.MaxInt64/size || n < math.MinInt64/size {
			return errors.New("this size is too large")
		}
		*b = Bytes(n * size)
		return nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f != f || size == 1 || strings.ContainsAny(number, "xXpPeEnN") {
		return errors.New("expected a size, such as 25MiB, 500kB or a number of bytes")
	}
	if f*float64(size) >= math.MaxInt64 || f*float64(size) <= math.MinInt64 {
		return errors.New("this size is too large")
	}
	*b = Bytes(f * float64(size))
	return nil
}

// String writes the size with the largest unit that loses nothing.
func (b Bytes) String() string {
	for _, u := range []struct {
		name string
		size Bytes
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// MarshalText implements encoding.TextMarshaler.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }
