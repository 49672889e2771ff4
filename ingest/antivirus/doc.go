// Package antivirus asks clamd, ClamAV's daemon, about files: the client of its protocol
// (clamd(8), INSTREAM), and Watch, which knows whether clamd is there. It imports nothing of
// ours.
//
// Nothing is clean but what clamd has seen whole and called OK. A file that is too large, an
// answer that is not understood, a connection that was cut: each is something else than clean.
package antivirus
