package webform

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var months = [...]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}

// frDay writes a day as people read it: 25 novembre 2026.
func frDay(t time.Time) string {
	day := strconv.Itoa(t.Day())
	if t.Day() == 1 {
		day = "1er"
	}
	return fmt.Sprintf("%s\u00a0%s %d", day, months[t.Month()-1], t.Year())
}

// frTime writes a time as people read it: 25 novembre 2026 à 9 h 05.
func frTime(t time.Time) string {
	return fmt.Sprintf("%s à %d\u00a0h\u00a0%02d", frDay(t), t.Hour(), t.Minute())
}

// frNumber groups thousands with a narrow no-break space.
func frNumber(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// frSize writes a limit in bytes, rounded down so that what it promises is taken.
func frSize(n int64) string {
	switch {
	case n >= 1<<20:
		return frNumber(n>>20) + "\u00a0Mo"
	case n >= 1<<10:
		return frNumber(n>>10) + "\u00a0ko"
	default:
		return frNumber(n) + "\u00a0octets"
	}
}

// frDuration writes a waiting time, rounded up to the minute.
func frDuration(d time.Duration) string {
	switch minutes := int64((d + time.Minute - 1) / time.Minute); {
	case minutes <= 1:
		return "une minute"
	case minutes < 60:
		return frNumber(minutes) + "\u00a0minutes"
	case minutes == 60:
		return "une heure"
	default:
		return frNumber((minutes+59)/60) + "\u00a0heures"
	}
}

// ofTown puts "de" before the name of a town, with its elision and its contraction
// with the article: d'Arles, du Havre, des Sables-d'Olonne, de La Rochelle. Before h
// it stays "de", for the aspirated ones are the majority among towns.
func ofTown(name string) string {
	switch {
	case strings.HasPrefix(name, "Le "):
		return "du\u00a0" + name[len("Le "):]
	case strings.HasPrefix(name, "Les "):
		return "des\u00a0" + name[len("Les "):]
	}
	first, _ := utf8.DecodeRuneInString(name)
	if strings.ContainsRune("AEIOUYÀÂÄÉÈÊËÎÏÔÖÙÛÜŒÆ", first) {
		return "d’" + name
	}
	return "de\u00a0" + name
}
