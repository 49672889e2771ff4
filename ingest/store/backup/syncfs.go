package backup

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// syncfs writes all that the file system of an open file has in memory.
func syncfs(fd int) error {
	if err := unix.Syncfs(fd); err != nil {
		return fmt.Errorf("backup: flush: %w", err)
	}
	return nil
}
