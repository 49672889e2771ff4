package store

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/crashpoint"
)

// S3 names a bucket of an S3-compatible store and who may use it.
type S3 struct {
	// Bucket must be there; Prefix, without slashes at its ends, is put before all names in it.
	Bucket, Prefix string
	// Endpoint is a host, with a port unless it is the usual one.
	Endpoint string
	// Region goes into the signatures; "" asks the store for it.
	Region string
	// Plain speaks HTTP instead of HTTPS.
	Plain bool
	// PathStyle names the bucket in the path instead of the host.
	PathStyle bool
	// CA is a PEM file with the authority of the store's certificate; "" = the system's.
	CA string
	// AccessKey and SecretKey are the key pair; SessionToken goes with a temporary one.
	AccessKey, SecretKey, SessionToken string

	// patience is s3Time, unless it is set.
	patience time.Duration
}

// String names the bucket, without the keys.
func (o S3) String() string { return "s3://" + path.Join(o.Bucket, o.Prefix) + " at " + o.Endpoint }

const (
	// s3Connect bounds a connection, its TLS included, and s3Answer how long the store may
	// think before it begins to answer.
	s3Connect = 10 * time.Second
	s3Answer  = 30 * time.Second
	// s3Time bounds an operation with its retries, and s3Slowest, bytes a second, what the
	// transfer of its content adds: a form post is waiting.
	s3Time    = 60 * time.Second
	s3Slowest = 512 << 10
	// s3Tries is how often one request is tried.
	s3Tries = 3
)

var errTooSlow = errors.New("too slow: given up")

// s3Client is the connection to a bucket that the stores in it share.
type s3Client struct {
	opts      S3
	api       minio.Core
	transport *http.Transport
	spool     ingest.Spool
}

// openS3 prepares a client. It touches no network: a store that cannot be reached keeps the
// daemon from nothing but large originals.
func openS3(o S3, spool ingest.Spool) (*s3Client, error) {
	if o.patience == 0 {
		o.patience = s3Time
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: s3Connect, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   s3Connect,
		ResponseHeaderTimeout: min(s3Answer, o.patience/2),
		ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       time.Minute,
		DisableCompression:    true, // the bytes are evidence
	}
	if !o.Plain {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		if o.CA != "" {
			pem, err := os.ReadFile(o.CA)
			if err != nil {
				return nil, fmt.Errorf("store: originals: authority of the S3 store: %w", err)
			}
			pool := x509.NewCertPool()
			if !pool.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("store: originals: %s holds no certificate", o.CA)
			}
			transport.TLSClientConfig.RootCAs = pool
		}
	}
	lookup := minio.BucketLookupAuto
	if o.PathStyle {
		lookup = minio.BucketLookupPath
	}
	api, err := minio.NewCore(o.Endpoint, &minio.Options{
		Creds:  credentials.NewStaticV4(o.AccessKey, o.SecretKey, o.SessionToken),
		Secure: !o.Plain, Region: o.Region, BucketLookup: lookup, Transport: transport, MaxRetries: s3Tries,
	})
	if err != nil {
		return nil, fmt.Errorf("store: originals: %s: %w", o, err)
	}
	return &s3Client{opts: o, api: *api, transport: transport, spool: spool}, nil
}

func (c *s3Client) close() { c.transport.CloseIdleConnections() }

// s3Store is objects as objects of a bucket, named folder/ab/abcdef….
type s3Store struct {
	*s3Client
	folder string
}

func (s *s3Store) key(sum string) string { return path.Join(s.opts.Prefix, s.folder, sum[:2], sum) }

// within bounds an operation that moves so many bytes.
func (s *s3Client) within(ctx context.Context, size int64) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.opts.patience+time.Duration(size/s3Slowest)*time.Second)
}

// fault says what went wrong with the bucket. Whatever it is, keys and certificates included, is
// of the house and not of the piece: it may be there again later.
func (s *s3Client) fault(what string, err error) error {
	text := err.Error()
	var res minio.ErrorResponse
	if errors.As(err, &res) {
		text = strings.TrimSuffix(fmt.Sprintf("%s (%s, HTTP %d)", res.Message, res.Code, res.StatusCode), ", HTTP 0)")
	}
	return fmt.Errorf("%w: originals: %s: %s: %s", ingest.ErrUnavailable, s.opts, what, text)
}

// isMissing reports whether err says that there is no such object.
func isMissing(err error) bool {
	var res minio.ErrorResponse
	return errors.As(err, &res) && (res.Code == minio.NoSuchKey || res.Code == "NotFound" || res.StatusCode == http.StatusNotFound && res.Code != minio.NoSuchBucket)
}

// put sends the content in one request whose signature covers its SHA-256 (SigV4,
// X-Amz-Content-Sha256), so that the store takes no other bytes, and then asks for what it has.
// The store has acknowledged it then: that is as durable as the store is.
func (s *s3Store) put(ctx context.Context, b *ingest.Blob) error {
	sum := b.SHA256()
	ctx, cancel := s.within(ctx, b.Size())
	defer cancel()
	switch there, sure, err := s.has(ctx, sum, b.Size()); {
	case err != nil:
		return s.fault("look", err)
	case there && sure:
		return nil
	}
	raw, err := hex.DecodeString(sum)
	if err != nil {
		return fmt.Errorf("store: original: %w", err)
	}
	r, err := b.Open()
	if err != nil {
		return fmt.Errorf("store: original: %w", err)
	}
	_, err = s.api.PutObject(ctx, s.opts.Bucket, s.key(sum), r, b.Size(), "", sum, minio.PutObjectOptions{
		ContentType: "application/octet-stream",
		// Otherwise a plain connection signs piece by piece, and not the hash of the whole.
		DisableContentSha256: true,
		// Kept by the stores that know it, and told again when asked.
		UserMetadata: map[string]string{"x-amz-checksum-sha256": base64.StdEncoding.EncodeToString(raw)},
	})
	if err := errors.Join(err, r.Close()); err != nil {
		return s.fault("write", err)
	}
	switch there, _, err := s.has(ctx, sum, b.Size()); {
	case err != nil:
		return s.fault("look after writing", err)
	case !there:
		return s.fault("look after writing", errors.New("the store does not have what it acknowledged"))
	}
	crashpoint.Hit("store.original_sent")
	return nil
}

// has reports whether the bucket has an object of that hash and size; sure, whether the store
// has itself computed that its content is of that hash.
func (s *s3Store) has(ctx context.Context, sum string, size int64) (there, sure bool, err error) {
	info, err := s.api.StatObject(ctx, s.opts.Bucket, s.key(sum), minio.StatObjectOptions{Checksum: true})
	if isMissing(err) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	raw, err := base64.StdEncoding.DecodeString(info.ChecksumSHA256)
	told := info.ChecksumSHA256 != "" && err == nil
	sure = told && hex.EncodeToString(raw) == sum
	return info.Size == size && (sure || !told), sure, nil
}

func (s *s3Store) there(ctx context.Context, sum string) (bool, error) {
	if !isSum(sum) {
		return false, nil
	}
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	_, err := s.api.StatObject(ctx, s.opts.Bucket, s.key(sum), minio.StatObjectOptions{})
	switch {
	case isMissing(err):
		return false, nil
	case err != nil:
		return false, s.fault("look", err)
	}
	return true, nil
}

// get brings the content into the spool and checks its hash. What was damaged on its way is
// fetched once more.
func (s *s3Store) get(ctx context.Context, sum string) (*ingest.Blob, error) {
	if !isSum(sum) {
		return nil, errMissing(s.folder, sum)
	}
	var damaged error
	for range 2 {
		b, err := s.fetch(ctx, sum)
		if isMissing(err) {
			return nil, errMissing(s.folder, sum)
		}
		if err != nil {
			return nil, s.fault("read", err)
		}
		if b.SHA256() == sum {
			return b, nil
		}
		damaged = errors.Join(fmt.Errorf("%w: %s %s: what %s has under this name hashes to %s", ErrDamaged, s.folder, sum, s.opts, b.SHA256()), b.Close())
	}
	return nil, damaged
}

func (s *s3Store) fetch(ctx context.Context, sum string) (*ingest.Blob, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The size is known with the answer, and the time with it.
	timer := time.AfterFunc(s.opts.patience, func() { cancel(errTooSlow) })
	defer timer.Stop()
	r, info, _, err := s.api.GetObject(ctx, s.opts.Bucket, s.key(sum), minio.GetObjectOptions{})
	if err != nil {
		return nil, cmp.Or(context.Cause(ctx), err)
	}
	timer.Reset(s.opts.patience + time.Duration(info.Size/s3Slowest)*time.Second)
	b, err := s.spool.Read(r, 0)
	_ = r.Close() // only read: what matters is what came
	switch {
	case err != nil:
		return nil, cmp.Or(context.Cause(ctx), err)
	case b.Size() != info.Size:
		return nil, errors.Join(io.ErrUnexpectedEOF, b.Close())
	}
	return b, nil
}

func (s *s3Store) list(ctx context.Context, f func(sum string, written time.Time) error) error {
	for o := range s.api.ListObjectsIter(ctx, s.opts.Bucket, minio.ListObjectsOptions{Prefix: path.Join(s.opts.Prefix, s.folder) + "/", Recursive: true}) {
		if o.Err != nil {
			return s.fault("list", o.Err)
		}
		if sum := path.Base(o.Key); isSum(sum) && o.Key == s.key(sum) {
			if err := f(sum, o.LastModified); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// remove removes every version of the object that the bucket kept: what is eliminated must not
// live on as a version of the past.
func (s *s3Store) remove(ctx context.Context, sum string) error {
	if !isSum(sum) {
		return nil
	}
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	var versions []string
	for o := range s.api.ListObjectsIter(ctx, s.opts.Bucket, minio.ListObjectsOptions{Prefix: s.key(sum), Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			if err := s.unversioned(ctx, o.Err); err != nil {
				return err
			}
			break
		}
		if o.Key == s.key(sum) && o.VersionID != "" {
			versions = append(versions, o.VersionID)
		}
	}
	if len(versions) == 0 {
		versions = []string{""}
	}
	for _, v := range versions {
		if err := s.api.RemoveObject(ctx, s.opts.Bucket, s.key(sum), minio.RemoveObjectOptions{VersionID: v}); err != nil && !isMissing(err) {
			return s.fault("remove", err)
		}
	}
	return nil
}

// unversioned tells what it means that the versions of an object cannot be listed: nil, that there
// are none. A store may not know of versions, and a key may not be allowed to list them in a
// bucket that never had any.
func (s *s3Client) unversioned(ctx context.Context, err error) error {
	var res minio.ErrorResponse
	switch errors.As(err, &res); {
	case res.StatusCode == http.StatusNotImplemented, res.StatusCode == http.StatusMethodNotAllowed, res.Code == minio.NotImplemented:
		return nil
	case res.Code == minio.AccessDenied:
		if v, err := s.api.GetBucketVersioning(ctx, s.opts.Bucket); err == nil && v.Status == "" {
			return nil
		}
		return fmt.Errorf("%w; earlier versions would live on: let the key do s3:ListBucketVersions and s3:DeleteObjectVersion", s.fault("list the versions", err))
	}
	return s.fault("list the versions", err)
}
