package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/mail"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/message"
)

// mailKeeper takes the bytes of one mail as they come. Of a mail over the limit it keeps the
// header only, as the mailbox channel does, whatever else comes.
type mailKeeper struct {
	w     *ingest.BlobWriter // nil once the mail is over the limit
	limit int64              // 0: none
	head  []byte             // its beginning, up to ingest.InlineMax
	hash  hash.Hash
	size  int64
}

func newMailKeeper(spool ingest.Spool, limit int64) *mailKeeper {
	return &mailKeeper{w: spool.Writer(), limit: limit, hash: sha256.New()}
}

// Write implements io.Writer.
func (k *mailKeeper) Write(p []byte) (int, error) {
	k.size += int64(len(p))
	if room := ingest.InlineMax - len(k.head); room > 0 {
		k.head = append(k.head, p[:min(room, len(p))]...)
	}
	k.hash.Write(p)
	if k.w == nil {
		return len(p), nil
	}
	if k.limit > 0 && k.size > k.limit {
		k.drop()
		return len(p), nil
	}
	return k.w.Write(p)
}

func (k *mailKeeper) drop() {
	if k.w != nil {
		k.w.Abort()
		k.w = nil
	}
}

// submission is what was kept, keyed by its bytes, so that the same mail is the same
// submission whatever file it comes from. where tells a clerk where a mail lies of which only
// the header was kept; at is when it came in as far as the file says, or zero.
func (k *mailKeeper) submission(where string, at time.Time) (ingest.Submission, error) {
	sum := hex.EncodeToString(k.hash.Sum(nil))
	sub := ingest.Submission{Channel: ingest.ChannelMailbox, SourceKey: "sha256:" + sum, MediaType: ingest.MediaMail}
	if k.w != nil {
		blob, err := k.w.Blob()
		if err != nil {
			return sub, err
		}
		sub.Original = blob
	} else {
		sub.Original = ingest.NewBlob(onlyHeader(k.head))
		// A key of its own: should the limit be raised, the whole mail must not pass for a
		// replay of its header.
		sub.SourceKey += "|header"
		sub.Settled, sub.Hints.Partial = ingest.StateFailed, true
		sub.Reason = fmt.Sprintf("Courriel trop volumineux\u00a0: %s octets, pour une limite de %s. Seul son en-tête a été conservé\u00a0; il se trouve dans «\u00a0%s\u00a0», où un agent doit le lire.",
			strconv.FormatInt(k.size, 10), strconv.FormatInt(k.limit, 10), where)
	}
	sub.ReceivedAt = arrived(k.head, sub.Original, at)
	return sub, nil
}

// onlyHeader cuts a mail after its header.
func onlyHeader(head []byte) []byte {
	for _, end := range []string{"\n\n", "\n\r\n"} {
		if i := bytes.Index(head, []byte(end)); i >= 0 {
			head = head[:i+len(end)]
		}
	}
	return head
}

// arrived is when a mail came to the town: what its own server wrote when it took it, which is
// the first Received line (RFC 5321 §4.4); else the sender's date, which is worth less; else
// what the file says.
func arrived(head []byte, whole *ingest.Blob, otherwise time.Time) time.Time {
	// A cut header reads as far as it goes: the error is that it ends.
	h, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(onlyHeader(head)))).ReadMIMEHeader()
	if line := h.Get("Received"); line != "" {
		if at, err := mail.ParseDate(strings.TrimSpace(line[strings.LastIndex(line, ";")+1:])); err == nil && plausible(at) {
			return at
		}
	}
	if at, err := mail.ParseDate(h.Get("Date")); err == nil && plausible(at) {
		return at
	}
	// Written in a way of its own: the whole reader makes something of it yet.
	if r, err := whole.Open(); err == nil {
		at := message.Read(r, message.Options{}).Date
		_ = r.Close()
		if plausible(at) {
			return at
		}
	}
	return otherwise
}

// plausible reports whether a mail may have been sent at this time: clocks without a battery
// begin in 1970, or in 1980.
func plausible(at time.Time) bool { return at.Year() > 1981 && time.Until(at) < 24*time.Hour }

// deletedMozilla is the bit of X-Mozilla-Status for a mail that was deleted, and lies in the
// file until the folder is compacted (Thunderbird, nsMsgMessageFlags.idl: Expunged).
const deletedMozilla = 0x0008

// thunderbirdGone reports whether Thunderbird has marked a mail as deleted.
func thunderbirdGone(head []byte) bool {
	for line := range bytes.Lines(onlyHeader(head)) {
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && strings.EqualFold(string(name), "X-Mozilla-Status") {
			flags, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 16, 32)
			return err == nil && flags&deletedMozilla != 0
		}
	}
	return false
}

func openMail(in importInput, file foundFile) (ingest.Submission, error) {
	f, err := os.Open(file.path)
	if err != nil {
		return ingest.Submission{}, err
	}
	defer func() { _ = f.Close() }()
	k := newMailKeeper(in.spool, int64(in.limits.Message))
	if _, err := io.Copy(k, f); err != nil {
		k.drop()
		return ingest.Submission{}, err
	}
	var at time.Time
	if st, err := f.Stat(); err == nil {
		at = st.ModTime()
	}
	return k.submission(file.path, at)
}
