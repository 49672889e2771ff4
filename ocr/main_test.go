package ocr

import (
	"encoding/binary"
	"fmt"
	"image"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"saisine.fr/saisine/ocr/child"
	"saisine.fr/saisine/ocr/samplescan"
)

// TestMain makes the test binary its own reading child. Further arguments make that
// child misbehave: "kill=3" dies on page 3, "hang=3" hangs there, "once=FILE" does so
// only until FILE exists, "slow=300ms" takes its time over each page, and "noise=TEXT"
// prints on standard output before each page. "reach=PATH" dies where it can open or
// connect to PATH.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "ocr-child" {
		hooks := faults(os.Args[2:])
		if code := child.Confine(hooks); code != 0 {
			os.Exit(code)
		}
		os.Exit(child.Main(os.Stdin, os.Stdout, hooks))
	}
	os.Exit(m.Run())
}

func faults(args []string) child.Hooks {
	kill, hang, slow, once, noise := 0, 0, time.Duration(0), "", ""
	var reach []string
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		n, _ := strconv.Atoi(value)
		switch key {
		case "kill":
			kill = n
		case "hang":
			hang = n
		case "reach":
			reach = append(reach, value)
		case "once":
			once = value
		case "slow":
			slow, _ = time.ParseDuration(value)
		case "noise":
			// What a C library might print must not disturb the protocol.
			noise = value
		}
	}
	var writable []string
	if once != "" {
		writable = []string{filepath.Dir(once)}
	}
	return child.Hooks{Writable: writable, BeforePage: func(number int) {
		if noise != "" {
			_, _ = syscall.Write(1, []byte(noise))
		}
		for _, path := range reach {
			if reaches(path) {
				fmt.Fprintln(os.Stderr, "reached", path)
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		}
		time.Sleep(slow)
		if number != kill && number != hang {
			return
		}
		if once != "" {
			f, err := os.OpenFile(once, os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return
			}
			_ = f.Close()
		}
		if number == kill {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		select {}
	}}
}

func reaches(path string) bool {
	if f, err := os.Open(path); err == nil {
		_ = f.Close()
		return true
	}
	network := "tcp"
	if strings.HasPrefix(path, "/") {
		network = "unix"
	}
	c, err := net.Dial(network, path)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func newReader(t *testing.T, opts Options, faults ...string) *Reader {
	t.Helper()
	opts.ChildArgs = append([]string{"ocr-child"}, faults...)
	opts.TempDir = t.TempDir()
	if opts.Workers == 0 {
		opts.Workers = 2
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.NewTextHandler(testLog{t}, nil))
	}
	r, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(filepath.Join(opts.TempDir, "*")); len(left) > 0 {
			t.Errorf("temporary folders left behind: %q", left)
		}
	})
	return r
}

func write(t *testing.T, name string, data []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// errorRate is the character error rate: the Levenshtein distance of the texts with
// white space folded, divided by the length of the truth.
func errorRate(truth, text string) float64 {
	a, b := []rune(strings.Join(strings.Fields(truth), " ")), []rune(strings.Join(strings.Fields(text), " "))
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return float64(row[len(b)]) / float64(len(a))
}

// letter is a sample page; the number makes pages tell apart.
func letter(number int) string {
	return fmt.Sprintf(`Madame Lucie Fournier
12, rue des Tilleuls
44000 Saint-Exemple

Objet : éclairage de la place, courrier %d

Madame la Maire,

Depuis plusieurs semaines, le réverbère situé devant l'école élémentaire ne fonctionne plus. Le soir, les enfants traversent la chaussée dans l'obscurité, et deux vélos ont déjà failli se heurter.

Je vous serais reconnaissante de bien vouloir faire réparer cet éclairage avant la rentrée. Je reste à votre disposition pour montrer l'endroit à vos services.

Veuillez agréer, Madame la Maire, mes salutations distinguées.

Lucie Fournier`, number)
}

func grayPage(t *testing.T, text string, o samplescan.Options) *image.Gray {
	t.Helper()
	img, err := samplescan.Image(text, o)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// writeTIFF makes an uncompressed multi-page TIFF (TIFF 6.0, §2), one strip a page.
func writeTIFF(t *testing.T, path string, pages ...*image.Gray) {
	t.Helper()
	le := binary.LittleEndian
	file := []byte("II*\x00\x00\x00\x00\x00")
	link := 4 // where the offset of the next directory goes
	for _, page := range pages {
		strip := len(file)
		file = append(file, page.Pix...)
		if len(file)%2 == 1 {
			file = append(file, 0)
		}
		le.PutUint32(file[link:], uint32(len(file)))
		tags := [][3]uint32{
			{256, 4, uint32(page.Bounds().Dx())},
			{257, 4, uint32(page.Bounds().Dy())},
			{258, 3, 8},
			{259, 3, 1},
			{262, 3, 1},
			{273, 4, uint32(strip)},
			{277, 3, 1},
			{278, 4, uint32(page.Bounds().Dy())},
			{279, 4, uint32(len(page.Pix))},
		}
		file = le.AppendUint16(file, uint16(len(tags)))
		for _, tag := range tags {
			file = le.AppendUint16(file, uint16(tag[0]))
			file = le.AppendUint16(file, uint16(tag[1]))
			file = le.AppendUint32(file, 1)
			file = le.AppendUint32(file, tag[2])
		}
		link = len(file)
		file = le.AppendUint32(file, 0)
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// setTIFFSize turns a TIFF of one page of 16 × 16 pixels into a larger one by lengthening
// the file with a hole, in which its only strip then lies.
func setTIFFSize(t *testing.T, path string, w, h uint32) {
	t.Helper()
	const directory = 8 + 16*16 + 2
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for index, value := range map[int64]uint32{0: w, 1: h, 5: 4096, 7: h, 8: w * h} {
		if _, err := f.WriteAt(binary.LittleEndian.AppendUint32(nil, value), directory+index*12+8); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(4096 + int64(w)*int64(h)); err != nil {
		t.Fatal(err)
	}
}

// longRun says that nothing is left out (make test-long, make eval-ocr).
func longRun() bool { return os.Getenv("GO_TEST_LONG") != "" || os.Getenv("SAISINE_EVALUATION") != "" }

// someOf are the cases of a series that a run takes: few, which differ the most, or all of
// them in a long one. Recognising a page takes seconds.
func someOf[T any](t *testing.T, all map[string]T, few ...string) map[string]T {
	t.Helper()
	if longRun() {
		return all
	}
	some := make(map[string]T, len(few))
	for _, name := range few {
		tc, ok := all[name]
		if !ok {
			t.Fatalf("there is no case %q", name)
		}
		some[name] = tc
	}
	return some
}
