package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"saisine.fr/saisine/config"
)

// errDaemonRuns means that a daemon has the data folder in use.
var errDaemonRuns = errors.New("the daemon runs on this data folder; stop it first (systemctl stop saisine)")

// lockData takes the data folder: the daemon while it runs, and a restore or a move alone. The
// kernel gives the lock back when the process ends, however it ends.
func lockData(cfg config.Config, alone bool) (*os.File, error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(cfg.DataDir, "daemon.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		switch {
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		case alone:
			return nil, errDaemonRuns
		}
		return nil, errors.New("a restore or a move works on this data folder")
	}
	return f, nil
}
