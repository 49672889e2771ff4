// Package message reads mails and form posts: any bytes in, the best text there is
// out, with the attachments and the problems beside it.
//
// It stands on github.com/emersion/go-message for header storage, media types,
// transfer decoding and character sets, and puts a tolerant layer before it: header
// blocks, boundaries and encodings are repaired while they stream, because
// go-message alone stops at the first fault, and real mail is full of faults.
//
// Nothing here fails. Read and ReadForm always come back, in time and memory bounded
// by their Limits; what was wrong is in Problems, under the stable codes below.
// Content is never held whole: attachments go to the writers that the caller gives,
// in pieces of a few kilobytes. All functions are safe for concurrent use.
package message

import (
	"io"
	"time"
)

// The codes of Problem.Code. They are stable: people script against them.
const (
	// ProblemHeaderLine: a line in a header block is no header field; it was skipped.
	ProblemHeaderLine = "header_line"
	// ProblemHeader8Bit: a header holds raw bytes that are not UTF-8 (RFC 6532 allows
	// only that); they were read as windows-1252.
	ProblemHeader8Bit = "header_8bit"
	// ProblemHeaderTooLarge: a header block or field goes beyond what is kept.
	ProblemHeaderTooLarge = "header_too_large"
	// ProblemMediaType: a Content-Type cannot be parsed; it was guessed.
	ProblemMediaType = "bad_media_type"
	// ProblemBoundaryMissing: a multipart declares no boundary, or one that is not in
	// its body; the one that is there was used.
	ProblemBoundaryMissing = "boundary_missing"
	// ProblemBoundaryNotFound: a multipart holds no delimiter at all; its body was
	// taken as text.
	ProblemBoundaryNotFound = "boundary_not_found"
	// ProblemEndBoundary: the closing delimiter of a multipart is missing; the mail
	// may be cut short.
	ProblemEndBoundary = "end_boundary_missing"
	// ProblemBase64: base64 content holds foreign bytes or is cut short.
	ProblemBase64 = "bad_base64"
	// ProblemQuotedPrintable: quoted-printable content holds broken escapes.
	ProblemQuotedPrintable = "bad_quoted_printable"
	// ProblemUU: uuencoded content is broken or has no end.
	ProblemUU = "bad_uuencode"
	// ProblemEncoding: the Content-Transfer-Encoding is unknown; the bytes were taken
	// as they are.
	ProblemEncoding = "unknown_encoding"
	// ProblemCharset: the character set is unknown; it was guessed.
	ProblemCharset = "unknown_charset"
	// ProblemWrongCharset: the text is not in the character set it claims.
	ProblemWrongCharset = "wrong_charset"
	// ProblemTooDeep: parts or mails are nested beyond Limits.Depth; the deeper ones
	// are kept as attachments and not opened.
	ProblemTooDeep = "too_deep"
	// ProblemTooManyParts: there are more parts than Limits.Parts; the rest was not read.
	ProblemTooManyParts = "too_many_parts"
	// ProblemTooLarge: there are more bytes than Limits.Size; the rest was not read.
	ProblemTooLarge = "too_large"
	// ProblemAttachmentTooLarge: an attachment is larger than Limits.File; its writer
	// got the first Limits.File bytes only.
	ProblemAttachmentTooLarge = "attachment_too_large"
	// ProblemTextTruncated: the text is longer than Limits.TextMax and was cut.
	ProblemTextTruncated = "text_truncated"
	// ProblemEncrypted: the content is encrypted (S/MIME or PGP) and cannot be read.
	ProblemEncrypted = "encrypted"
	// ProblemSMIME: a signed S/MIME envelope cannot be opened.
	ProblemSMIME = "bad_smime"
	// ProblemTNEF: a winmail.dat is broken or cut short.
	ProblemTNEF = "bad_tnef"
	// ProblemDate: the Date header is missing or cannot be parsed.
	ProblemDate = "bad_date"
	// ProblemNoSender: no header names a sender with an address.
	ProblemNoSender = "no_sender"
	// ProblemForm: a form post is malformed.
	ProblemForm = "bad_form"
	// ProblemInput: the source failed before its end; see Err.
	ProblemInput = "input_error"
)

// Limits bound what is read. A zero value means the default in brackets.
type Limits struct {
	Size    int64 // bytes of the whole message [50 MiB]
	File    int64 // bytes of one decoded attachment [25 MiB]
	Depth   int   // nesting of multiparts and attached mails [20]
	Parts   int   // parts in all, of all levels [200]
	TextMax int64 // bytes of collected text [4 MiB]
}

func (l Limits) withDefaults() Limits {
	if l.Size <= 0 {
		l.Size = 50 << 20
	}
	if l.File <= 0 {
		l.File = 25 << 20
	}
	if l.Depth <= 0 {
		l.Depth = 20
	}
	if l.Parts <= 0 {
		l.Parts = 200
	}
	if l.TextMax <= 0 {
		l.TextMax = 4 << 20
	}
	return l
}

// Options say how to read.
type Options struct {
	Limits Limits
	// Attachment is called once for each attachment, in order, before its content.
	// The content is written to what it returns, up to Limits.File bytes; the next
	// call, or the return of Read, means that it is complete. When Attachment is nil
	// or returns nil, the content is only hashed. When a Write fails, the rest of that
	// attachment is only hashed too, and the error is in Err of the result.
	Attachment func(a AttachmentInfo) io.Writer
}

// AttachmentInfo is what is known of an attachment before its content is read.
type AttachmentInfo struct {
	// Name is never empty, without folders and control characters. For the files of a
	// winmail.dat the final one, in Attachment, may come only after the content.
	Name  string
	Type  string // media type, corrected by the first bytes of the content
	Index int    // position in Attachments (Files), from 0
	// ContentID is that of Attachment.
	ContentID string
}

// Address is a mail address with its display name, decoded. Either may be empty.
type Address struct{ Name, Email string }

// Attachment is one file that came along.
type Attachment struct {
	Name, Type string
	Size       int64  // of the decoded content, all of it
	SHA256     string // of the decoded content, all of it, in lower-case hexadecimal
	Index      int
	Field      string // name of the form field (ReadForm only)
	ContentID  string // without angle brackets; HTML text refers to inline images by it
	Inline     bool   // meant to be shown within the text: a logo rather than a document
	Truncated  bool   // larger than Limits.File: the writer has the beginning only
}

// Problem is something that was wrong, and did not stop the reading.
type Problem struct {
	Code   string // one of the Problem constants
	Detail string // for a person, in French
}

// Message is a mail as far as it could be read. Every string is valid UTF-8 without
// NUL or other control characters than line feed and tab.
type Message struct {
	Subject               string
	From, Sender, ReplyTo Address
	To, Cc                []Address
	// DeliveredTo are the envelope recipients that the receiving servers wrote down
	// (Delivered-To, X-Original-To, Envelope-To), topmost first.
	DeliveredTo []string
	// Date is the Date header; where it is missing or broken, that of the topmost
	// Received header; else zero.
	Date time.Time
	// MessageID, InReplyTo and References are without angle brackets.
	MessageID             string
	InReplyTo, References []string
	// Automatic says why this is no citizen's message: a stable code, a colon, and
	// the evidence ("auto_submitted: auto-replied"). It is "" for everything that
	// might be one.
	Automatic string
	// NoReply says, in French, why the rules of mail forbid an automatic answer (RFC 3834),
	// or "". Such a mail may well be a citizen's.
	NoReply string
	// Text is the whole readable text, quoted history and attached mails included.
	Text string
	// OwnText is the part of Text that its sender wrote: without quoted history,
	// signature blocks and footers. Where nothing or a mere greeting would be left (a
	// mail that was only forwarded), it is all of the text.
	OwnText     string
	Attachments []Attachment
	Problems    []Problem
	// Delivery is what a delivery report or read receipt reports, else nil. That of a
	// bounce in words is what its text says.
	Delivery *DeliveryReport
	// Err is the first error of the source or of an attachment's writer: a fault of
	// this machine rather than of the message, so the caller should read it again
	// later. It is nil for any fault of the bytes themselves.
	Err error
}

// DeliveryReport is what a multipart/report says (RFC 6522).
type DeliveryReport struct {
	Kind string // "dsn" (RFC 3464), "mdn" (RFC 8098) or "feedback" (RFC 5965)
	// Recipients are those that the report is about.
	Recipients []RecipientStatus
	// Disposition is that of a read receipt, such as "manual-action/MDN-sent-manually; displayed".
	Disposition string
	// OriginalMessageID is the Message-ID of the mail that the report is about, if it says.
	OriginalMessageID string
}

// RecipientStatus is the fate of a mail for one recipient.
type RecipientStatus struct {
	Email      string
	Action     string // failed, delayed, delivered, relayed, expanded
	Status     string // RFC 3463, such as 5.1.1
	Diagnostic string
}

// Form is a form post as far as it could be read.
type Form struct {
	Fields   map[string][]string
	Files    []Attachment
	Problems []Problem
	Err      error // as Message.Err
}
