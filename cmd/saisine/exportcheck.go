package main

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

func hasEnding(name, ending string) bool { return strings.HasSuffix(strings.ToLower(name), ending) }

// checkArchive compares an archive with its manifest, and tells of each file that is not as it
// was.
func checkArchive(a *app, name string) error {
	z, err := zip.OpenReader(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer func() { _ = z.Close() }()
	files := make(map[string]*zip.File, len(z.File))
	wrong := 0
	tell := func(format string, args ...any) {
		wrong++
		fmt.Fprintln(a.stdout, printable(fmt.Sprintf(format, args...)))
	}
	for _, f := range z.File {
		if files[f.Name] != nil {
			tell("%s: it is there twice", f.Name)
		}
		files[f.Name] = f
	}
	list := files[manifestName]
	if list == nil {
		return fmt.Errorf("%s: there is no %s in it: it is no archive of saisine, or not a whole one", name, manifestName)
	}
	delete(files, manifestName)
	checked := 0
	err = readManifest(list, func(e manifestEntry) {
		f := files[e.Name]
		delete(files, e.Name)
		checked++
		if f == nil {
			tell("%s: it is missing", e.Name)
		} else if err := checkEntry(f, e); err != nil {
			tell("%s: %v", e.Name, err)
		}
	})
	if err != nil {
		return fmt.Errorf("%s: %s: %w", name, manifestName, err)
	}
	for extra := range files {
		tell("%s: the manifest does not name it", extra)
	}
	fmt.Fprintf(a.stdout, "%d files checked, %d problems\n", checked, wrong)
	if wrong > 0 {
		return errReported
	}
	return nil
}

// checkEntry reads an entry again. No more is read than the manifest says.
func checkEntry(f *zip.File, want manifestEntry) error {
	if f.UncompressedSize64 != uint64(max(want.Size, 0)) {
		return fmt.Errorf("it has %d bytes, and not %d", f.UncompressedSize64, want.Size)
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, want.Size+1))
	_ = r.Close()
	switch {
	case err != nil:
		return err
	case n != want.Size:
		return fmt.Errorf("it has another size than %d bytes", want.Size)
	case hex.EncodeToString(h.Sum(nil)) != want.SHA256:
		return errors.New("its SHA-256 is another one")
	}
	return nil
}

// readManifest calls f for each entry. It holds one entry at a time, and refuses a manifest of
// a version that it does not know.
func readManifest(file *zip.File, f func(manifestEntry)) error {
	r, err := file.Open()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	dec := json.NewDecoder(r)
	if _, err := dec.Token(); err != nil {
		return err
	}
	version, listed := 0, false
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		switch key {
		case "version":
			err = dec.Decode(&version)
		case "entries":
			if version != manifestVersion {
				return fmt.Errorf("it is of version %d, and this program knows %d", version, manifestVersion)
			}
			listed = true
			err = eachEntry(dec, f)
		default:
			var skip json.RawMessage
			err = dec.Decode(&skip)
		}
		if err != nil {
			return err
		}
	}
	if !listed {
		return errors.New("it lists no entries")
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	// To its end, where the checksum of the zip is compared.
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.Join(errors.New("something follows its end"), err)
	}
	return nil
}

func eachEntry(dec *json.Decoder, f func(manifestEntry)) error {
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		var e manifestEntry
		if err := dec.Decode(&e); err != nil {
			return err
		}
		f(e)
	}
	_, err := dec.Token()
	return err
}
