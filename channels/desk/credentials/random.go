package credentials

import (
	"crypto/rand"
	"math/big"
)

// letters are those of one-time passwords: none is taken for another when it is read out or
// copied from paper. 31 of them give almost 5 bits each.
const letters = "abcdefghjkmnpqrstuvwxyz23456789"

// OneTime makes a password to be read out or copied: four groups of four letters and digits,
// 79 bits.
func OneTime() string {
	var b []byte
	for i := range 16 {
		if i > 0 && i%4 == 0 {
			b = append(b, '-')
		}
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			panic(err) // crypto/rand does not fail since Go 1.24
		}
		b = append(b, letters[n.Int64()])
	}
	return string(b)
}
