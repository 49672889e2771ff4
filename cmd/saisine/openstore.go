package main

import (
	"context"
	"os"

	"saisine.fr/saisine/config"
	"saisine.fr/saisine/ingest/store"
)

// openConfigured opens the store that the configuration names, with o's own options.
func openConfigured(ctx context.Context, cfg config.Config, o store.Options) (*store.Store, error) {
	where, err := storeOptions(cfg)
	if err != nil {
		return nil, err
	}
	o.Dir, o.Database, o.Zone, o.S3 = where.Dir, where.Database, where.Zone, where.S3
	return store.Open(ctx, o)
}

// storeOptions says where the store lies that the configuration names.
func storeOptions(cfg config.Config) (store.Options, error) {
	s3, err := originalsOf(cfg)
	return store.Options{Dir: cfg.DataDir, Database: cfg.Database, Zone: zoneOf(cfg), S3: s3}, err
}

// originalsOf says where originals lie; nil for files.
func originalsOf(cfg config.Config) (*store.S3, error) {
	o, err := cfg.OriginalsS3(os.Getenv)
	if err != nil {
		return nil, usageError{err}
	}
	if o == nil {
		return nil, nil
	}
	return &store.S3{
		Bucket: o.Bucket, Prefix: o.Prefix, Endpoint: o.Endpoint, Region: o.Region, Plain: o.Plain, CA: o.CA,
		AccessKey: o.AccessKey, SecretKey: o.SecretKey, SessionToken: o.SessionToken,
	}, nil
}

// checkOriginals writes, reads and removes something in the bucket.
func checkOriginals(ctx context.Context, cfg config.Config) []checkJSON {
	const name = "originals"
	o, err := originalsOf(cfg)
	if err != nil {
		return []checkJSON{{Check: name, Detail: err.Error(), Fix: "correct originals: and its keys in the configuration"}}
	}
	if o == nil {
		return nil // files, which the data folder's check is for
	}
	p := store.ProbeS3(ctx, *o)
	if p.Err != nil {
		return []checkJSON{{Check: name, Detail: p.Err.Error(), Fix: "is the store reachable, are bucket, region and keys right, and may the key read, write, list and delete there?"}}
	}
	out := []checkJSON{{Check: name, OK: true, Detail: o.String() + ": written, read and removed; " + p.Detail}}
	for _, w := range p.Warnings {
		out = append(out, checkJSON{Check: name, OK: true, Detail: w})
	}
	return out
}
