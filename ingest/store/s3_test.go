package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/store/s3test"
)

// s3Options names the bucket of a server, at another address if there is one.
func s3Options(s *s3test.Server, endpoint string) S3 {
	if endpoint == "" {
		endpoint = s.Endpoint
	}
	return S3{Bucket: s3test.Bucket, Prefix: "ville", Endpoint: endpoint, Region: s3test.Region, Plain: true, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey, patience: 4 * time.Second}
}

func openWith(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// bytesOf makes n bytes that no compression shortens, the same for a seed.
func bytesOf(seed uint64, n int) []byte {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

func sumOf(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

// spooled is a submission whose original is a file.
func spooled(t *testing.T, s *Store, key string, content []byte) ingest.Submission {
	t.Helper()
	b, err := s.Spool().Read(bytes.NewReader(content), 0)
	if err != nil {
		t.Fatal(err)
	}
	sub := mail(key, "")
	sub.Original = b
	return sub
}

// closed is a blob's content, after which nothing of it is in the spool.
func closed(t *testing.T, s *Store, b *ingest.Blob, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.Open()
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	emptySpool(t, s)
	return got
}

func emptySpool(t *testing.T, s *Store) {
	t.Helper()
	left, err := os.ReadDir(s.spool)
	if err != nil || len(left) > 0 {
		t.Errorf("the spool holds %d files: %v", len(left), err)
	}
}

// TestS3 keeps originals and copies in a bucket.
func TestS3(t *testing.T) {
	server := s3test.Start(t)
	dir := t.TempDir()
	o := s3Options(server, "")
	s := openWith(t, Options{Dir: dir, S3: &o})
	content := bytesOf(1, ingest.InlineMax+12345)
	sum := sumOf(content)
	var id string
	for i := range 2 { // handed in again, it is there already
		sub := spooled(t, s, "INBOX|1|1", content)
		got, err := s.Record(t.Context(), sub)
		if err != nil {
			t.Fatal(err)
		}
		if got.Replayed != (i == 1) {
			t.Errorf("receipt %d: %+v", i, got)
		}
		if err := sub.Original.Close(); err != nil {
			t.Fatal(err)
		}
		id = got.ID
	}
	record(t, s, mail("INBOX|1|2", "small: in the database"))
	if _, err := os.Stat(filepath.Join(dir, originalsDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a folder of originals: %v", err)
	}
	object := filepath.Join(server.Dir, "ville", originalsDir, sum[:2], sum)
	if there, err := os.ReadFile(object); err != nil || !bytes.Equal(there, content) {
		t.Errorf("the object: %d bytes, %v", len(there), err)
	}
	b, err := s.Original(t.Context(), ingest.Record{SHA256: sum})
	if got := closed(t, s, b, err); !bytes.Equal(got, content) {
		t.Error("other bytes came back")
	}

	// A copy that is made again takes the place of the earlier one, whose object goes.
	copies := [][]byte{bytesOf(2, 300), bytesOf(3, ingest.InlineMax*2)}
	for _, c := range copies {
		blob, err := s.Spool().Read(bytes.NewReader(c), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.SaveCopy(t.Context(), id, ingest.Copy{Pages: 1}, blob), blob.Close()); err != nil {
			t.Fatal(err)
		}
	}
	r, err := s.OpenCopy(t.Context(), sumOf(copies[1]))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, copies[1]) {
		t.Errorf("the copy: %d bytes, %v", len(got), err)
	}
	emptySpool(t, s)
	if _, err := s.OpenCopy(t.Context(), sumOf(copies[0])); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the earlier copy: %v", err)
	}
	verified(t, s, 0)

	// Verify finds what has gone, what has changed, and counts what nobody names.
	orphan := ingest.NewBlob(bytesOf(4, 1000))
	if err := s.files.put(t.Context(), orphan); err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(content)
	changed[len(changed)/2] ^= 1
	if err := os.WriteFile(object, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	if found := verified(t, s, 1); len(found) == 1 && found[0].Code != FindingOriginalChanged {
		t.Errorf("found %+v", found)
	}
	if err := os.Remove(object); err != nil {
		t.Fatal(err)
	}
	if found := verified(t, s, 1); len(found) == 1 && found[0].Code != FindingOriginalMissing {
		t.Errorf("found %+v", found)
	}
	if rep, err := s.Verify(t.Context(), func(Finding) {}, nil); err != nil || rep.Unreferenced != 1 {
		t.Errorf("%d objects belong to no row, want 1: %v", rep.Unreferenced, err)
	}
	// A store that cannot be asked is not one whose originals are missing.
	server.Kill()
	if _, err := s.Verify(t.Context(), func(f Finding) { t.Errorf("found %+v", f) }, nil); !errors.Is(err, ingest.ErrUnavailable) {
		t.Errorf("verify without the store: %v", err)
	}
}

// faulty stands between the store and the server.
type faulty struct {
	URL string
	// mode is what it does to requests that put or get.
	mode atomic.Value
	hits atomic.Int64
}

// between starts a faulty one, which passes everything on at first.
func between(t *testing.T, s *s3test.Server) *faulty {
	t.Helper()
	f := &faulty{}
	f.mode.Store("")
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: s.Endpoint})
			r.Out.Host = r.In.Host // signed
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ErrorLog:     nil,
	}
	ended := make(chan struct{})
	transport := &http.Transport{}
	proxy.Transport = transport
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch mode := f.mode.Load().(string); {
		case strings.HasPrefix(mode, "versions ") && r.URL.Query().Has("versions"):
			status, code, _ := strings.Cut(strings.TrimPrefix(mode, "versions "), " ")
			n, _ := strconv.Atoi(status)
			w.WriteHeader(n)
			_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>"+code+"</Message></Error>")
		case mode == "silent":
			<-r.Context().Done()
		case mode == "500":
			w.WriteHeader(http.StatusInternalServerError)
		case mode == "slow" && r.Method != http.MethodHead:
			select { // a client that gives up is seen only when its body is read
			case <-r.Context().Done():
			case <-ended:
			}
		case mode == "cut" && r.Method == http.MethodPut:
			_, _ = io.CopyN(io.Discard, r.Body, 1000)
			panic(http.ErrAbortHandler)
		case mode == "forgets" && r.Method == http.MethodPut:
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("ETag", `"0"`)
		case mode == "garbles" && r.Method == http.MethodPut:
			f.garblePut(proxy, w, r)
		case strings.HasPrefix(mode, "wrong") && r.Method == http.MethodGet && (mode == "wrong" || f.hits.Add(1) == 1):
			proxy.ServeHTTP(&flipper{ResponseWriter: w}, r)
		case mode == "short" && r.Method == http.MethodGet:
			rec := httptest.NewRecorder()
			proxy.ServeHTTP(rec, r)
			w.Header().Set("Content-Length", rec.Header().Get("Content-Length"))
			_, _ = w.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
			panic(http.ErrAbortHandler)
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() { close(ended); server.Close(); transport.CloseIdleConnections() })
	f.URL = server.Listener.Addr().String()
	return f
}

// garblePut changes a byte on the way to the server.
func (f *faulty) garblePut(proxy http.Handler, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	body[len(body)/2] ^= 1
	r.Body = io.NopCloser(bytes.NewReader(body))
	proxy.ServeHTTP(w, r)
}

// flipper changes the first byte of an answer.
type flipper struct {
	http.ResponseWriter
	done bool
}

func (f *flipper) Write(p []byte) (int, error) {
	if !f.done && len(p) > 0 {
		p = bytes.Clone(p)
		p[0] ^= 1
		f.done = true
	}
	return f.ResponseWriter.Write(p)
}

// TestS3Faults: whatever the store does, a submission is either kept or refused as unavailable,
// without a row; and bytes that are not the original's are never given out.
func TestS3Faults(t *testing.T) {
	server := s3test.Start(t)
	f := between(t, server)
	o := s3Options(server, f.URL)
	s := openWith(t, Options{Dir: t.TempDir(), S3: &o})
	submit := func(seed int) error {
		sub := spooled(t, s, "INBOX|1|"+string(rune('a'+seed)), bytesOf(uint64(seed), ingest.InlineMax*4))
		_, err := s.Record(t.Context(), sub)
		return errors.Join(err, sub.Original.Close())
	}
	rows := func() (n int) {
		if err := s.read.QueryRowContext(t.Context(), `SELECT count(*) FROM submissions`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	set := func(mode string) {
		f.mode.Store(mode)
		f.hits.Store(0)
	}
	for i, mode := range []string{"500", "slow", "cut", "forgets", "garbles", "dead"} {
		set(mode)
		if mode == "dead" {
			server.Kill()
		}
		began := time.Now()
		if err := submit(i); !errors.Is(err, ingest.ErrUnavailable) {
			t.Errorf("%s: %v, want unavailable", mode, err)
		} else {
			t.Logf("%s: %.1f s: %v", mode, time.Since(began).Seconds(), err)
		}
		if n := rows(); n != i {
			t.Fatalf("%s: %d rows, want %d", mode, n, i)
		}
		set("")
		if mode == "dead" {
			server.Run()
		}
		if err := submit(i); err != nil {
			t.Fatalf("after %s: %v", mode, err)
		}
		emptySpool(t, s)
	}
	verified(t, s, 0)

	content := bytesOf(0, ingest.InlineMax*4)
	rec := ingest.Record{SHA256: sumOf(content)}
	for mode, want := range map[string]error{"500": ingest.ErrUnavailable, "slow": ingest.ErrUnavailable, "short": ingest.ErrUnavailable, "wrong": ErrDamaged, "wrong once": nil} {
		set(mode)
		b, err := s.Original(t.Context(), rec)
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("read, %s: %v, want %v", mode, err, want)
		}
		if err == nil && !bytes.Equal(closed(t, s, b, err), content) {
			t.Errorf("read, %s: other bytes", mode)
		}
		emptySpool(t, s)
	}
	set("")
	verified(t, s, 0)
}

// TestS3KilledUnderLoad: what was acknowledged while the server was killed again and again is
// there afterwards.
func TestS3KilledUnderLoad(t *testing.T) {
	server := s3test.Start(t)
	o := s3Options(server, "")
	s := openWith(t, Options{Dir: t.TempDir(), S3: &o})
	ctx, stop := context.WithCancel(t.Context())
	type result struct{ kept, refused int }
	results := make(chan result)
	const writers = 3
	for w := range writers {
		go func() {
			var r result
			for i := 0; ctx.Err() == nil; i++ {
				seed := uint64(w*1000 + i)
				b, err := s.Spool().Read(bytes.NewReader(bytesOf(seed, ingest.InlineMax*2+i)), 0)
				if err != nil {
					t.Error(err)
					break
				}
				sub := mail("", "")
				sub.SourceKey, sub.Original = "INBOX|1|"+b.SHA256(), b
				_, err = s.Record(t.Context(), sub)
				switch {
				case err == nil:
					r.kept++
				case errors.Is(err, ingest.ErrUnavailable):
					r.refused++
				default:
					t.Error(err)
				}
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			}
			results <- r
		}()
	}
	for range 3 {
		time.Sleep(400 * time.Millisecond) // of load
		server.Kill()
		time.Sleep(200 * time.Millisecond)
		server.Run()
	}
	stop()
	var sum result
	for range writers {
		r := <-results
		sum.kept, sum.refused = sum.kept+r.kept, sum.refused+r.refused
	}
	verified(t, s, 0)
	counts, err := s.Counts(t.Context())
	if err != nil || counts[ingest.StateReceived] != int64(sum.kept) || sum.kept == 0 {
		t.Errorf("%d rows, %d acknowledged, %d refused: %v", counts[ingest.StateReceived], sum.kept, sum.refused, err)
	}
	t.Logf("%d kept, %d refused", sum.kept, sum.refused)
}

// TestS3RemovesVersions: in a bucket that keeps versions nothing is left of what was removed, and
// nothing counts as removed whose versions could not be looked at.
func TestS3RemovesVersions(t *testing.T) {
	server := s3test.Start(t)
	f := between(t, server)
	o := s3Options(server, f.URL)
	s := openWith(t, Options{Dir: t.TempDir(), S3: &o})
	if err := s.s3.api.EnableVersioning(t.Context(), s3test.Bucket); err != nil {
		t.Fatal(err)
	}
	if p := ProbeS3(t.Context(), o); p.Err != nil || len(p.Warnings) != 0 || p.Detail != "plain HTTP, versioning on" {
		t.Errorf("%+v", p)
	}
	content := ingest.NewBlob(bytesOf(1, 1000))
	for range 2 { // put, hidden, put again
		if err := s.files.put(t.Context(), content); err != nil {
			t.Fatal(err)
		}
		if err := s.s3.api.RemoveObject(t.Context(), s3test.Bucket, "ville/originals/"+content.SHA256()[:2]+"/"+content.SHA256(), minio.RemoveObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	versions := func() (n int) {
		for v := range s.s3.api.ListObjectsIter(t.Context(), s3test.Bucket, minio.ListObjectsOptions{Prefix: "ville/", Recursive: true, WithVersions: true}) {
			if v.Err != nil {
				t.Fatal(v.Err)
			}
			n++
		}
		return n
	}
	if n := versions(); n < 2 {
		t.Fatalf("%d versions", n)
	}
	for mode, want := range map[string]string{"versions 503 SlowDown": "SlowDown", "versions 403 AccessDenied": "s3:ListBucketVersions"} {
		f.mode.Store(mode)
		if err := s.files.remove(t.Context(), content.SHA256()); !errors.Is(err, ingest.ErrUnavailable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", mode, err)
		}
		f.mode.Store("")
		if n := versions(); n < 2 {
			t.Fatalf("%s: %d versions", mode, n)
		}
	}
	if err := s.files.remove(t.Context(), content.SHA256()); err != nil {
		t.Fatal(err)
	}
	if n := versions(); n != 0 {
		t.Errorf("%d versions are left", n)
	}
}

// TestS3RemovesWithoutVersions: a bucket that never had versions needs no right to list them, and a
// store that does not know them has none.
func TestS3RemovesWithoutVersions(t *testing.T) {
	server := s3test.Start(t)
	f := between(t, server)
	o := s3Options(server, f.URL)
	s := openWith(t, Options{Dir: t.TempDir(), S3: &o})
	for i, mode := range []string{"", "versions 403 AccessDenied", "versions 501 NotImplemented", "versions 405 MethodNotAllowed"} {
		content := ingest.NewBlob(bytesOf(uint64(i), 1000))
		if err := s.files.put(t.Context(), content); err != nil {
			t.Fatal(err)
		}
		f.mode.Store(mode)
		if err := s.files.remove(t.Context(), content.SHA256()); err != nil {
			t.Errorf("%q: %v", mode, err)
		}
		if there, err := s.files.there(t.Context(), content.SHA256()); there || err != nil {
			t.Errorf("%q: it is there: %t, %v", mode, there, err)
		}
		f.mode.Store("")
	}
}

// TestS3SlowRemovalHoldsNobodyUp: the files of what is eliminated are let go inside the writer's
// transaction, where everybody waits; so a bucket that says nothing is not waited for there.
func TestS3SlowRemovalHoldsNobodyUp(t *testing.T) {
	server := s3test.Start(t)
	f := between(t, server)
	o := s3Options(server, f.URL)
	o.patience = time.Minute
	s := openWith(t, Options{Dir: t.TempDir(), S3: &o})
	content := bytesOf(1, ingest.InlineMax*2)
	large := spooled(t, s, "INBOX|1|1", content)
	record(t, s, large)
	if err := s.do(t.Context(), func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `UPDATE originals SET gone = 1`)
	}); err != nil {
		t.Fatal(err)
	}
	gone := tombstone{Submissions: []tombstonePiece{{SHA256: sumOf(content)}}}

	n := 1
	for _, c := range []struct {
		mode        string
		given, held time.Duration // how long it is given, and may hold others up
	}{{"silent", 4 * time.Second, 0}, {"slow", time.Minute, dropTime}} { // slow says whether it is there
		f.mode.Store(c.mode)
		ended := make(chan error, 1)
		ctx, cancel := context.WithTimeout(t.Context(), c.given)
		defer cancel()
		go func() { ended <- s.dropFiles(ctx, gone) }()
		for over := false; !over; {
			select {
			case err := <-ended:
				over = true
				if !errors.Is(err, ingest.ErrUnavailable) {
					t.Errorf("%s: the removal ended with %v", c.mode, err)
				}
			case <-time.After(10 * time.Millisecond):
			}
			n++
			asked := time.Now()
			record(t, s, mail(fmt.Sprint("INBOX|1|", n), "small"))
			if took := time.Since(asked); took > c.held+2*time.Second {
				t.Errorf("%s: a mail waited %s", c.mode, took)
			}
		}
	}
	f.mode.Store("")
	if err := s.dropFiles(t.Context(), gone); err != nil {
		t.Error(err)
	}
	if there, err := s.files.there(t.Context(), sumOf(content)); there || err != nil {
		t.Errorf("it is there: %t, %v", there, err)
	}
}

func TestProbeS3(t *testing.T) {
	server := s3test.Start(t)
	good := s3Options(server, "")
	p := ProbeS3(t.Context(), good)
	if p.Err != nil || len(p.Warnings) != 1 || p.Detail != "plain HTTP, versioning off" {
		t.Errorf("good: %+v", p)
	}
	left := 0
	_ = filepath.WalkDir(filepath.Join(server.Dir, "ville"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left++
		}
		return nil
	})
	if left > 0 {
		t.Errorf("%d objects are left", left)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	for name, change := range map[string]func(*S3){
		"secret":   func(o *S3) { o.SecretKey = "x" },
		"bucket":   func(o *S3) { o.Bucket = "nobodys" },
		"endpoint": func(o *S3) { o.Endpoint = nobody },
		"TLS":      func(o *S3) { o.Plain = false },
	} {
		o := good
		change(&o)
		if p := ProbeS3(t.Context(), o); !errors.Is(p.Err, ingest.ErrUnavailable) || strings.Contains(p.Err.Error(), good.SecretKey) {
			t.Errorf("wrong %s: %v", name, p.Err)
		} else {
			t.Logf("wrong %s: %v", name, p.Err)
		}
	}
}
