package config

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Antivirus says which clamd looks through what comes in.
type Antivirus struct {
	Clamd   string        `yaml:"clamd" doc:"\"\" = no virus scan, or clamd's socket: unix:///run/clamav/clamd.ctl, or tcp://127.0.0.1:3310. clamd speaks in clear text: over TCP only on the machine itself, or in a network of the town's own."`
	Timeout time.Duration `yaml:"timeout" doc:"The scan of one file that takes longer is broken off and tried again."`
	MaxSize Bytes         `yaml:"max_size" doc:"The largest file that clamd reads whole: the smallest of its StreamMaxLength, MaxFileSize and MaxScanSize. What is larger is held for a person. Should be no less than limits.message; saisine doctor tries it."`
}

// Dial returns the network ("unix" or "tcp") and address of clamd; "" and "" when there is no
// virus scan.
func (a Antivirus) Dial() (network, address string, err error) {
	if a.Clamd == "" {
		return "", "", nil
	}
	if path, ok := strings.CutPrefix(a.Clamd, "unix://"); ok {
		// The kernel takes 107 bytes (unix(7)).
		if !filepath.IsAbs(path) || len(path) > 107 {
			return "", "", fmt.Errorf("must name an absolute path of at most 107 bytes after unix://, such as unix:///run/clamav/clamd.ctl")
		}
		return "unix", path, nil
	}
	if hostPort, ok := strings.CutPrefix(a.Clamd, "tcp://"); ok {
		host, port, err := net.SplitHostPort(hostPort)
		n, perr := strconv.Atoi(port)
		if err != nil || perr != nil || n < 1 || n > 65535 || host == "" || !hostName(host) {
			return "", "", fmt.Errorf("must name a host and a port after tcp://, such as tcp://127.0.0.1:3310")
		}
		return "tcp", hostPort, nil
	}
	return "", "", fmt.Errorf("must begin with unix:// or tcp://, such as unix:///run/clamav/clamd.ctl")
}

func (k *checker) antivirus(a Antivirus) {
	if _, _, err := a.Dial(); err != nil {
		k.add("antivirus.clamd", "%v", err)
	}
	k.positive("antivirus.timeout", a.Timeout)
	if a.MaxSize < 1<<10 {
		k.add("antivirus.max_size", "must be at least 1KiB")
	}
	// INSTREAM gives lengths in 32 bits, and clamd reads no file of 4 GiB and more.
	if a.MaxSize >= 1<<32 {
		k.add("antivirus.max_size", "must be less than 4GiB, which is the most that clamd reads")
	}
}
