package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
)

// sourcesMax is how many keys are asked for with one query.
const sourcesMax = 500

// KnownSources returns those of the source keys of a channel's account that the ledger has, be
// it under another number of the same source (see ingest.Submission.Epoch).
func (s *Store) KnownSources(ctx context.Context, channel ingest.Channel, account string, keys []string) (map[string]bool, error) {
	known := make(map[string]bool)
	for len(keys) > 0 {
		n := min(len(keys), sourcesMax)
		args := []any{string(channel), account}
		places := make([]string, n)
		for i, key := range keys[:n] {
			args = append(args, key)
			places[i] = "$" + strconv.Itoa(i+3)
		}
		keys = keys[n:]
		in := ` WHERE channel = $1 AND account = $2 AND source_key IN (` + strings.Join(places, ", ") + `)`
		err := each(func(row rowScanner) error {
			var key string
			err := row.Scan(&key)
			known[key] = true
			return err
		}, func() (*sql.Rows, error) {
			return s.read.QueryContext(ctx, `SELECT source_key FROM submissions`+in+` UNION ALL SELECT source_key FROM source_aliases`+in, args...)
		})
		if err != nil {
			return nil, err
		}
	}
	return known, nil
}
