package sftp

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/deliver/handover"
)

const (
	statusName = "status.json"
	maxStatus  = 64 << 10 // bytes
	maxRaw     = 200      // bytes
)

// parseStatus reads a status.json. One that is half written, as of software that does not
// rename, is an error for now.
func parseStatus(data []byte, meanings map[string]ingest.Status) (handover.State, error) {
	var said struct {
		Status string `json:"status"`
		Note   string `json:"note"`
	}
	// Programs on Windows begin UTF-8 with a byte order mark.
	if err := json.Unmarshal([]byte(strings.TrimPrefix(string(data), "\ufeff")), &said); err != nil {
		return handover.State{}, fmt.Errorf(`sftp: %s is not {"status": "…", "note": "…"}: %w`, statusName, err)
	}
	raw := strings.TrimSpace(said.Status)
	if raw == "" || len(raw) > maxRaw {
		return handover.State{}, errors.New("sftp: " + statusName + " has no status, or one of more than 200 bytes")
	}
	state := handover.State{Raw: raw, Note: strings.TrimSpace(said.Note)}
	for word, status := range meanings {
		if strings.EqualFold(strings.TrimSpace(word), raw) {
			state.Status = status
		}
	}
	return state, nil
}
