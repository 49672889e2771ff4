// Package mailbox empties one folder of an IMAP account into the ledger.
//
// Each configured account is one Adapter with one connection. A look at the folder
// goes: which UIDs are there (UID SEARCH), how large is each (UID FETCH of UID,
// FLAGS, INTERNALDATE and RFC822.SIZE only), then the bodies in batches, each with
// one bulk UID FETCH that streams every literal into a Blob. A batch is handed to
// the Sink by many goroutines at once, so that its mails share a commit, and only
// then moved to the done folder with one command. While one batch is on its way
// into the ledger the next one is being read.
//
// The same mail may be read again after a crash or a failed move: its source key
// (folder, UIDVALIDITY and UID, RFC 9051 §2.3.1.1) makes that a no-op.
//
// # What the IMAP library does not do
//
// The package is built on github.com/emersion/go-imap/v2, v2.0.0-beta.8, and works
// around what that release lacks; each item has a test of its own:
//
//   - A server that closes the connection cleanly in the middle of a literal ends
//     its reader without an error. A body counts only when it is as long as its
//     literal said and its command was then closed without an error.
//   - Commands have no response timeout, and a literal must arrive within five
//     minutes however large it is. watchedConn replaces both by one rule: the
//     connection dies when a command is outstanding and no byte came for a while.
//   - One malformed response ends the connection with everything on it. Nothing
//     that a server derives from a mail's content is asked for (no ENVELOPE, no
//     BODYSTRUCTURE), and a batch that fails is split until the one mail is found
//     that the server cannot deliver; see suspects.
//   - Two FETCH commands at once deadlock as soon as one consumer waits for the
//     other. There is never more than one.
//   - An unsolicited FETCH (another program changed a flag) is taken for the answer
//     to ours; the answer itself is then dropped. UIDs received are reconciled with
//     UIDs asked for.
//   - Client.Move on a server without MOVE and UIDPLUS ends in a plain EXPUNGE, which
//     removes what other programs have marked as deleted. See moveMode.
//   - The decoder waits for ever for a consumer that stopped reading. session.abort
//     closes the connection first, then consumes.
//   - A literal that ended early is read once more by whoever discards it, at the same
//     time as by the decoder. literal never touches one again.
package mailbox
