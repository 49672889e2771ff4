package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"saisine.fr/saisine/ingest"
)

// sourcesMax is how many keys are asked for with one query.
const sourcesMax = 250

// KnownSources returns those of the source keys of a channel's account that the ledger has, be
// it under another number of the same source (see ingest.Submission.Epoch).
func (s *Store) KnownSources(ctx context.Context, channel ingest.Channel, account string, keys []string) (map[string]bool, error) {
	known := make(map[string]bool)
	for len(keys) > 0 {
		n := min(len(keys), sourcesMax)
		args := []any{string(channel), account}
		places := make([]string, 2*n)
		// What was eliminated has its key as a hash.
		hashed := make(map[string]string, n)
		for i, key := range keys[:n] {
			gone := goneKey(key)
			hashed[gone] = key
			args = append(args, key, gone)
			places[2*i], places[2*i+1] = "$"+strconv.Itoa(2*i+3), "$"+strconv.Itoa(2*i+4)
		}
		keys = keys[n:]
		in := ` WHERE channel = $1 AND account = $2 AND source_key IN (` + strings.Join(places, ", ") + `)`
		err := each(func(row rowScanner) error {
			var key string
			err := row.Scan(&key)
			if plain, ok := hashed[key]; ok {
				key = plain
			}
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
