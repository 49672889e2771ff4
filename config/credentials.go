package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// credentialScheme begins the value of a …_file key that names a credential of systemd
// instead of a file.
const credentialScheme = "credential:" //nolint:gosec // a word, and no secret

// credentialFolder is the folder whose files the unit of the Debian package hands to the
// daemon. A command beside the daemon gets none from systemd and looks there itself, which
// its user may unless the administrator has made a file root's own.
const credentialFolder = "/etc/saisine/credentials" //nolint:gosec // likewise

// folderCredential is what systemd puts before the names of files when a whole folder is
// loaded, as the package's unit does: LoadCredential=saisine:/etc/saisine/credentials.
const folderCredential = "saisine_"

var errNoCredential = errors.New("there is no such credential: put it into " + credentialFolder + " and restart the service")

func isCredential(path string) bool { return strings.HasPrefix(path, credentialScheme) }

// credentialFile returns the file of a secret: path itself, or where systemd has put the
// credential that it names.
func credentialFile(path string) (string, error) {
	name, ok := strings.CutPrefix(path, credentialScheme)
	if !ok {
		return path, nil
	}
	if name == "" || name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return "", fmt.Errorf("%s: the name of a credential is that of a file, without a folder", path)
	}
	files := []string{filepath.Join(credentialFolder, name)}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		files = []string{filepath.Join(dir, name), filepath.Join(dir, folderCredential+name)}
	}
	for _, file := range files {
		switch _, err := os.Stat(file); {
		case err == nil:
			return file, nil
		// Where there is none at all, systemd leaves a folder that only root may enter.
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
			return "", fmt.Errorf("%s: %w", path, err)
		}
	}
	return "", fmt.Errorf("%s: %w", path, errNoCredential)
}
