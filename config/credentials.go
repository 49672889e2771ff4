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
const credentialScheme = "credential:"

// serviceCredentials is where systemd keeps the credentials of the running service of the
// Debian package (systemd.exec(5), LoadCredential=), so that commands beside the daemon, by
// its user, find them too.
const serviceCredentials = "/run/credentials/saisine.service"

// folderCredential is what systemd puts before the names of files when a whole folder is
// loaded, as the package's unit does: LoadCredential=saisine:/etc/saisine/credentials.
const folderCredential = "saisine_"

// errNoCredential says what to do: the two usual causes look alike from here.
var errNoCredential = errors.New("there is no such credential: put it into /etc/saisine/credentials/ and start the service anew; outside of the service, see \"Secrets\" in docs/installation.md")

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
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		dir = serviceCredentials
	}
	for _, file := range []string{name, folderCredential + name} {
		file = filepath.Join(dir, file)
		switch _, err := os.Stat(file); {
		case err == nil:
			return file, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("%s: %w", path, err)
		}
	}
	return "", fmt.Errorf("%s: %w", path, errNoCredential)
}
