package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/minio/minio-go/v7"

	"saisine.fr/saisine/ingest"
)

// S3Probe is what a trial of a bucket showed.
type S3Probe struct {
	// Err says why originals could not be kept there.
	Err error
	// Detail says how they would be, Warnings what the administrator should think about.
	Detail   string
	Warnings []string
}

// probeSize is over ingest.InlineMax, as what goes there.
const probeSize = ingest.InlineMax + 1

// ProbeS3 puts, reads, lists and removes an object as an original would be, and looks at the
// bucket's settings.
func ProbeS3(ctx context.Context, o S3) (p S3Probe) {
	dir, err := os.MkdirTemp("", "saisine-s3-*")
	if err != nil {
		return S3Probe{Err: fmt.Errorf("store: probe: %w", err)}
	}
	defer os.RemoveAll(dir)
	spool := ingest.Spool{Dir: dir}
	client, err := openS3(o, spool)
	if err != nil {
		return S3Probe{Err: err}
	}
	defer client.close()
	// Beside the originals, so that a probe that was cut off is never taken for one.
	s := &s3Store{client, "doctor"}
	content := make([]byte, probeSize)
	if _, err := rand.Read(content); err != nil {
		return S3Probe{Err: fmt.Errorf("store: probe: %w", err)}
	}
	if p.Err = s.probe(ctx, spool, content); p.Err != nil {
		return p
	}
	p.Detail = "TLS"
	if o.Plain {
		p.Detail = "plain HTTP"
	}
	versions, err := client.api.GetBucketVersioning(ctx, o.Bucket)
	switch {
	case err != nil:
		p.Detail += ", versioning unknown"
	case versions.Enabled():
		p.Detail += ", versioning on"
	default:
		p.Detail += ", versioning off"
		p.Warnings = append(p.Warnings, "the bucket keeps no versions: who has the key can destroy originals for good; versioning or object lock would guard them, and saisine backup does")
	}
	return p
}

func (s *s3Store) probe(ctx context.Context, spool ingest.Spool, content []byte) (err error) {
	b, err := spool.Read(bytes.NewReader(content), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := s.put(ctx, b); err != nil {
		return err
	}
	back, err := s.get(ctx, b.SHA256())
	if err != nil {
		return errors.Join(err, s.remove(ctx, b.SHA256()))
	}
	if err := errors.Join(back.Close(), s.find(ctx, b.SHA256()), s.remove(ctx, b.SHA256())); err != nil {
		return err
	}
	if there, _, err := s.has(ctx, b.SHA256(), b.Size()); err != nil || there {
		return s.fault("remove", errors.Join(err, errors.New("what was removed is still there")))
	}
	return nil
}

// find reports whether an object is listed. Only its own folder is looked at: a town has
// millions of others.
func (s *s3Store) find(ctx context.Context, sum string) error {
	for o := range s.api.ListObjectsIter(ctx, s.opts.Bucket, minio.ListObjectsOptions{Prefix: s.key(sum), Recursive: true}) {
		switch {
		case o.Err != nil:
			return s.fault("list", o.Err)
		case strings.EqualFold(path.Base(o.Key), sum):
			return nil
		}
	}
	return s.fault("list", errors.New("what was written is not listed"))
}

// PingOriginals reports whether the bucket answers, with nil where originals are files.
func (s *Store) PingOriginals(ctx context.Context) error {
	if s.s3 == nil {
		return nil
	}
	there, err := s.s3.api.BucketExists(ctx, s.s3.opts.Bucket)
	if err == nil && !there {
		err = errors.New("there is no such bucket, or the key may not see it")
	}
	if err != nil {
		return s.s3.fault("look", err)
	}
	return nil
}
