package mailbox

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"saisine.fr/saisine/ingest"
)

// FuzzServerAnswer feeds arbitrary bytes as a server's answer to a bulk fetch, followed
// by a clean close. Whatever they are, the fetch ends, and a body that it accepts is
// one that stands in the answer whole, before a tagged OK.
func FuzzServerAnswer(f *testing.F) {
	for _, seed := range []string{
		"* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\nT2 OK done\r\n",
		"* 1 FETCH (BODY[] {5}\r\nhello UID 1)\r\nT2 OK done\r\n",
		"* 1 FETCH (UID 1 BODY[] {500}\r\nhello",
		"* 1 FETCH (UID 1 BODY[] \"hello\")\r\n* 2 FETCH (UID 2 BODY[] NIL)\r\nT2 OK done\r\n",
		"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n* 2 FETCH (UID 2 BODY[] {0}\r\n)\r\nT2 NO [UNAVAILABLE] no\r\n",
		"* 1 FETCH (UID 1 BODY[] {99999999999999999999}\r\n",
		"* 1 FETCH (UID 1 BODY[] {2000}\r\n",
		"* 3 EXPUNGE\r\n* 5 EXISTS\r\n* BYE\r\n",
		"+ \r\n",
	} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, answer []byte) {
		server, client := net.Pipe()
		s := &session{log: slog.New(slog.DiscardHandler), silence: time.Second, conn: newWatchedConn(client), news: make(chan struct{}, 1)}
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { _ = server.Close() }()
			// The capabilities stand in the greeting, so that the FETCH is the first command.
			_, _ = io.WriteString(server, "* OK [CAPABILITY IMAP4rev1] ready\r\n")
			buf := make([]byte, 4096)
			if _, err := server.Read(buf); err != nil {
				return
			}
			// net.Pipe has no buffer: what else the client says is read meanwhile.
			go func() { _, _ = io.Copy(io.Discard, server) }()
			_, _ = server.Write(bytes.ReplaceAll(answer, []byte("T2"), []byte("T1")))
		}()
		s.client = imapclient.New(s.conn, nil)
		if err := s.client.WaitGreeting(); err != nil {
			t.Fatal(err)
		}
		mails := []mail{{uid: 1, size: 5}, {uid: 2, size: 5}}
		got, err := s.bodies(mails, ingest.Spool{Dir: dir}, 1000)
		if err != nil && len(got) > 0 {
			t.Error("bodies beside an error")
		}
		for _, b := range got {
			if b.uid != 1 && b.uid != 2 {
				t.Errorf("UID %d was not asked for", b.uid)
			}
			if b.blob.Size() > 1000 {
				t.Errorf("%d bytes are over the limit", b.blob.Size())
			}
			if !bytes.Contains(answer, b.blob.Bytes()) && !bytes.ContainsRune(answer, '\\') {
				t.Errorf("body %q is not in the answer", b.blob.Bytes())
			}
		}
		closeBlobs(got)
		s.close()
		<-done
	})
}

// FuzzXOAUTH2Failure: whatever the server says in its challenge is a refusal.
func FuzzXOAUTH2Failure(f *testing.F) {
	f.Add([]byte(`{"status":"400","schemes":"Bearer","scope":"x"}`))
	f.Add([]byte(`{"status":1}`))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, challenge []byte) {
		if parseXOAUTH2Failure(challenge) == nil {
			t.Error("no error")
		}
	})
}
